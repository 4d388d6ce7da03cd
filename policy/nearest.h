/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nearest - the valid word that a wrong one was probably meant to be.
 */
#pragma once

#include <stddef.h>

struct nearest {
	const char *word;
	const char *best; /* NULL: nothing is near enough to be named */
	unsigned distance;
};

struct nearest nearest_to(const char *word);
void nearest_try(struct nearest *nearest, const char *candidate);

/* ", did you mean 'best'?", or "" when there is none. Returns buf. */
const char *nearest_hint(const struct nearest *nearest, char *buf, size_t size);
