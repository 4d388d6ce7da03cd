/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML - a document as a tree, with the place of each value, over toml++.
 *
 * For what engines are configured with. The hook has nothing of it: a library of its own, and C++ inside.
 *
 * Parts: toml.c; toml-parse.cc.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum toml_type {
	TOML_TABLE,
	TOML_ARRAY,
	TOML_STRING,
	TOML_BOOL,
	TOML_INTEGER,
	TOML_OTHER, /* a float, a date, a time */
};

struct toml_node {
	const char *key; /* NULL: the document, or an element of an array */
	enum toml_type type;
	const char *text;		 /* TOML_STRING */
	bool truth;			 /* TOML_BOOL */
	int64_t number;			 /* TOML_INTEGER */
	const char *file;		 /* the caller's string */
	unsigned line;			 /* 1.. */
	struct toml_node *first, **last; /* members, a table's by name; where the next one goes */
	struct toml_node *next;
};

/* Reads a whole document. `file` is its name in *ret and in the sentence, and must outlive both. Everything is `arena`'s.
 * -EINVAL with its line where it is not TOML, has a NUL in a string, or a key of more than 32 parts. */
int toml_parse(struct arena *arena, const char *file, const char *text, size_t len, struct toml_node **ret,
	       struct err *err);

/* The member of a table, or NULL; NULL has none. */
struct toml_node *toml_get(const struct toml_node *table, const char *key);

/* The same where it is a string, otherwise NULL; where it is true. */
const char *toml_string(const struct toml_node *table, const char *key);
bool toml_is_true(const struct toml_node *table, const char *key);

/* Adds the members of `from` to `to`, and takes them over. Of a key that both have, tables are merged, and everything else
 * is replaced. `whole` has the blank-separated names of tables whose members are replaced even where they are tables. */
void toml_merge(struct toml_node *to, struct toml_node *from, const char *whole);
