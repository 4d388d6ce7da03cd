/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load - filling a ruleset. The parts of the loader among themselves; everyone else includes ruleset.h.
 *
 * Parts:
 *     load.c         which files, and whether they may be believed
 *     read.c         one file's text, line by line, through inih
 *     cross-check.c  what can only be seen when all files are read
 *
 * All return 0 or -ENOMEM: a fault of the policy is a complaint and not an error.
 */
#pragma once

#include "policy/ruleset.h"

int ruleset_init(struct ruleset *rules);

int ruleset_complain(struct ruleset *rules, const struct origin *origin, unsigned column, const char *fmt, ...)
	_printf_(4, 5);
int ruleset_complain_va(struct ruleset *rules, const struct origin *origin, unsigned column, const char *fmt, va_list ap)
	_printf_(4, 0);

/* Finds the section, or makes it: `name` must then live as long as the ruleset. */
int ruleset_open(struct ruleset *rules, enum section_kind kind, const char *name, const struct origin *origin,
		 struct section **ret);

/* Reads one file's text. Names and values of the ruleset are its bytes, with NULs put after them: it and `file` must
 * live as long as the ruleset. */
int ruleset_read(struct ruleset *rules, const char *file, char *text, size_t len);

int ruleset_cross_check(struct ruleset *rules);
