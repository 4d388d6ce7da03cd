/* SPDX-License-Identifier: Apache-2.0 */
/* Node - a value of a manifest, with its place. See manifest.h for who makes them. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_STRING, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	unsigned line, column;	  /* 1..; 0: not known */
	const char *key;	  /* of a mapping's entry */
	const char *text;	  /* of a scalar, as written, without its quotes; a NUL inside is refused */
	const struct node *first; /* of a list or mapping */
	struct node *next;	  /* beside it */
};

/* What a plain scalar means: the words of YAML 1.1, as Kubernetes' parser takes them. */
bool node_is_null_word(const char *text);
bool node_is_bool_word(const char *text, bool value);

/* The entry of a mapping, or NULL: there is none, it is null, or `map` is no mapping or NULL. Follows merge keys ("<<"). */
const struct node *node_get(const struct node *map, const char *key);

/* Along keys with dots between them: "spec.template". */
const struct node *node_find(const struct node *map, const char *path);

/* The text of a string; NULL where it is something else, or NULL. */
const char *node_string(const struct node *node);

/* Is it a boolean of that value? */
bool node_is(const struct node *node, bool value);

/* Puts "name:line:column: " before a sentence about the node. Returns -EINVAL. */
int node_blame(const char *name, const struct node *node, struct err *err, const char *fmt, ...) _printf_(4, 5);
