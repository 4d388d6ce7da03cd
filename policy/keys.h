/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys - the policy's vocabulary: one table for the parser, its messages, the manual page and `check`.
 *
 * Parts: keys.c; of the check of a value key-check.h, and what that lists.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "policy/limit.h"

enum section_kind {
	SECTION_DEFAULTS,
	SECTION_PROFILE,
	SECTION_HANDLER,
	SECTION_RULE,
	SECTION_KIND_MAX,
	SECTION_KIND_INVALID = -22 /* -EINVAL */
};

enum key_id {
	KEY_REQUIRE_USERNS,
	KEY_ON_REFUSAL,
	KEY_SHARED_IDS,
	KEY_ON_MISSING_LIMIT,
	KEY_NEST,
	KEY_ENABLE_CONTROLLERS,
	KEY_OWNER,
	KEY_DEVICE_BPF,
	KEY_GUARD,
	KEY_PRESSURE,
	KEY_AUDIT,
	KEY_AUDIT_SYNC,
	KEY_HOST_OPTIONS,
	KEY_MAX_TOTAL_DESCENDANTS,
	KEY_ENGINE,
	KEY_CGROUP_WRITABLE,
	KEY_WRITABLE_MOUNT,
	KEY_APPROVED_ANNOTATIONS,
	KEY_PROFILE,
	KEY_PROFILES,
	KEY_MAX_DELEGATED,
	KEY_BUDGET_MEMORY,
	KEY_BUDGET_PIDS,
	KEY_BUDGET_CPU,
	KEY_PER,
	KEY_HANDLER,
	KEY_NAMESPACES,
	KEY_PODS,
	KEY_CONTAINERS,
	KEY_IMAGES,
	KEY_LIMIT, /* every name that limit_type_find() knows, in profiles only */
	KEY_ID_MAX
};

enum key_kind {
	KEY_BOOL,	   /* true | false */
	KEY_WORD,	   /* one of key->words */
	KEY_LADDER,	   /* the same; the words go from the strictest to the weakest: see request_setting() */
	KEY_NAME,	   /* [A-Za-z0-9_.-]{1,63}, not starting with '.' or '-' */
	KEY_NAMES,	   /* blank-separated names */
	KEY_LEAF,	   /* "none" or a cgroup's name: as KEY_NAME, and no kernel file could have it */
	KEY_CONTROLLERS,   /* blank-separated controllers of cgroup v2 */
	KEY_MOUNT_OPTIONS, /* blank-separated words of key->words, or "none" or "found" alone */
	KEY_PATTERNS,	   /* blank-separated shell wildcards */
	KEY_ANNOTATIONS,   /* blank-separated annotation keys, each in the table of annotation.h */
	KEY_LIMIT_VALUE,   /* as limit_parse() */
	KEY_COUNT,	   /* a number or "max" */
	KEY_BUDGET,	   /* as limit_parse() for the file after "budget." */
};

struct key {
	enum key_id id;
	const char *name;
	enum key_kind kind;
	unsigned sections;	  /* bit 1 << section_kind: where it may stand */
	const char *const *words; /* KEY_WORD, KEY_LADDER: NULL-ended */
	const char *initial;	  /* the built-in default as it would be written, or NULL: none */
	const char *help;	  /* one line */
};

extern const struct key keys[]; /* KEY_ID_MAX rows, in the order of enum key_id */

/* The row for a key as written in a file, or NULL. */
const struct key *key_find(const char *name);

/* "defaults", "profile", "handler", "rule". */
const char *section_kind_name(enum section_kind kind);
enum section_kind section_kind_find(const char *name); /* or SECTION_KIND_INVALID */

/* Can the key have more lines in a section, which go on with its list? So is a limit file with a line for each device. */
bool key_is_list(const struct key *key, const char *name);

/* Is `value` of the key's kind? `name` is the key as written. The sentence names the valid values. *ret is the value of
 * KEY_LIMIT_VALUE, KEY_COUNT and KEY_BUDGET, its list `arena`'s, and else untouched. */
int key_check(const struct key *key, const char *name, const char *value, struct arena *arena, struct limit_value *ret,
	      struct err *err);
