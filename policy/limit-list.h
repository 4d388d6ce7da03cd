/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limit lists - the two kinds of limit that hold more than one number. limit.c uses this, and what reads a list again
 * that it wrote.
 */
#pragma once

#include "policy/limit.h"

/* "max" or a number within type->most, with a K/M/G/T suffix when in_bytes. */
int limit_number(const struct limit_type *type, bool in_bytes, const char *text, uint64_t *ret, struct err *err);

/* "0-3,7" into bits; "" is the empty set. Ranges may overlap but not run backwards. */
int limit_set_parse(const char *text, uint64_t set[LIMIT_SET_BITS / 64], struct err *err);

/* Lines of "name key=number ..." or "name number", with `separator` between them. From the policy
 * (',') an empty list is an error; from the kernel ('\n') it is the value "no limits". */
int limit_lines_parse(const struct limit_type *type, const char *text, char separator, struct arena *arena,
		      struct limit_value *ret, struct err *err);

/* Makes the list of a value. Nothing but -ENOMEM can go wrong; no arena is no memory. */
int limit_set_make(const struct limit_set *set, struct arena *arena, struct limit_value *ret, struct err *err);
int limit_lines_make(const struct limit_line *lines, size_t n, struct arena *arena, struct limit_value *ret,
		     struct err *err);

/* The line of that device or resource, or NULL. */
const struct limit_line *limit_find_line(const struct limit_value *value, const char *name);
