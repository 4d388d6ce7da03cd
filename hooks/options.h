/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options - the "--name VALUE" words of a hook or wrapper, which the node's administrator writes. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct option_row {
	const char *name;   /* with its dashes */
	const char **value; /* where the word after it goes; holds the default, or NULL */
	bool path;	    /* absolute */
	bool required;
};

/* Reads the words of `argv`, which ends with NULL, to its end or to "--". Returns how many they are, without the "--",
 * or -EINVAL with a sentence that names the word at fault. */
int options_read(char *const *argv, const struct option_row *rows, size_t n_rows, struct err *err);
