/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paper - where text for people goes: on a terminal in colours and wrapped at its width, else neither.
 *
 * Colours only where the output is a terminal that is not "dumb", and the environment does not set NO_COLOR (no-color.org:
 * to anything but nothing).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_NOTE, PAINT_RISK, PAINT_FAULT, PAINT_STRONG, PAINT_FAINT };

struct paper {
	FILE *to;
	bool colours;
	size_t width; /* characters of a line; 0: it is never wrapped */
	/* Kept by the functions below. */
	size_t column; /* where the line is */
	size_t indent; /* where a wrapped line begins */
	bool gap;      /* a blank is due before the next word */
};

/* What `to` is. */
struct paper paper_of(FILE *to);

/* Writes text word by word, each in that colour, and wraps between words. A byte that is not printable ASCII is shown as
 * \xHH: names come from files, from engines and from whoever creates containers. A word goes on with the last one, unless
 * one of the two texts has a blank between them. */
void paper_write(struct paper *paper, enum paint paint, const char *text);

/* Ends the line; the next one begins a paragraph whose wrapped lines are indented by so many blanks. */
void paper_end(struct paper *paper, size_t indent);

/* `text` with what is not printable ASCII as \xHH; not '\' itself, which earlier escapes have. Returns buf. */
const char *paper_plain(const char *text, char *buf, size_t size);
