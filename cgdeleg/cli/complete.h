/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Complete - the shells' completions, made from the tables of the verbs.
 *
 * `cgdeleg complete SHELL` prints a shell's script; the build keeps what it printed. Names that only this node knows, such
 * as the policy's handlers, are asked for while somebody types: `cgdeleg complete handlers WORDS...`, with the words so far.
 * A hidden verb: nobody but the build and these scripts needs it.
 *
 * Parts: complete.c, complete-bash.c, complete-fish.c, complete-zsh.c.
 */
#pragma once

#include "cgdeleg/cli/cli.h"

enum complete_kind {
	COMPLETE_NOTHING,
	COMPLETE_FILES,
	COMPLETE_DIRECTORIES,
	COMPLETE_CHOICES, /* the row's own "a|b" */
	COMPLETE_COLUMNS, /* of list, separated by commas */
	COMPLETE_COLUMN,
	COMPLETE_ASK, /* `cgdeleg complete WORD` */
};

struct complete_value {
	enum complete_kind kind;
	const char *word; /* COMPLETE_ASK: "handlers" */
};

/* All verbs but the hidden one. */
struct verbs {
	const struct verb *const *all;
	size_t n;
};

/* How the value of an option, or an operand, is completed. False: nothing in complete.c says it. */
bool complete_find(const struct verb *verb, const struct option_row *row, struct complete_value *ret);

/* "a|b" as "a b". */
void complete_choices(const char *choices, FILE *to);

/* Each prints a whole script. */
void complete_bash(const struct verbs *verbs, FILE *to);
void complete_fish(const struct verbs *verbs, FILE *to);
void complete_zsh(const struct verbs *verbs, FILE *to);

int complete_main(const struct verbs *verbs, int argc, char **argv);
