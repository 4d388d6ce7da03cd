/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key check - is a value of its key's kind? Only for the parts of it; everyone else includes keys.h.
 *
 * Parts:
 *     key-check.c    the kinds, numbers, names and annotation keys
 *     key-word.c     one of a few words, and booleans where something else is meant
 *     key-pattern.c  patterns of namespaces, pods, containers and images
 *
 * Each check returns 0 or -EINVAL with a sentence: what is wrong, what is allowed, and what to write.
 */
#pragma once

#include "policy/keys.h"

struct check {
	const struct key *key;
	const char *name; /* as written */
	const char *value;
	struct arena *arena;
	struct limit_value *ret; /* of what is a limit */
	struct err *err;
};

int check_bool(const struct check *c);
int check_word(const struct check *c);
int check_controller(const struct check *c);
int check_leaf(const struct check *c);
int check_pattern(const struct check *c);
bool patterns_are_plain(const char *list);

/* Is it a word for yes or no in any spelling (true, No, ON, 0)? *ret says which. */
bool word_is_boolean(const char *word, bool *ret);

/* What is wrong with a value of quotes, commas or patterns where they mean nothing, in words that go on: "; ..." or "". */
const char *value_advice(const struct check *c);
