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
int ruleset_complain_va(struct ruleset *rules, const struct origin *origin, unsigned column, const char *fmt,
			va_list ap) _printf_(4, 0);

/* Finds or makes the section. */
int ruleset_open(struct ruleset *rules, enum section_kind kind, const char *name, const struct origin *origin,
		 struct section **ret);

/* The setting whose key was written as `name`, or NULL. */
struct setting *section_find(const struct section *section, const char *name);

/* Adds it behind the others, or puts it in the place of `old`. Copies the strings. */
int ruleset_set(struct ruleset *rules, struct section *section, struct setting *old, const struct setting *setting);

/* Reads one file's text; `file` must live as long as the ruleset. */
int ruleset_read(struct ruleset *rules, const char *file, const char *text, size_t len);

int ruleset_cross_check(struct ruleset *rules);
