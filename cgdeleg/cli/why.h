/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why - what is known of one container or pod: what the hook decided and what watch did (the audit record), and what is
 * granted to it now (the kernel).
 *
 * Parts: why.c the verb, why-grant.c what is granted now, why-text.c and why-json.c the two forms.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cgdeleg/kernel/walk.h"
#include "cgdeleg/node/deaths.h"
#include "cgdeleg/node/history.h"
#include "policy/ruleset.h"

/* Where a ceiling came from. */
enum why_from {
	FROM_UNKNOWN,	 /* the policy cannot be read, or has no such profile any more */
	FROM_POLICY,	 /* the profile's line says the same */
	FROM_ANNOTATION, /* lower than the line, and the policy has not changed since */
	FROM_LOWER,	 /* lower than the line: an annotation, or the policy has been changed since */
	FROM_HIGHER,	 /* higher than the line: the policy has been changed since, and watch has not lowered it yet */
	FROM_NO_LINE,	 /* the profile has no such line: an annotation, or an earlier policy */
	FROM_BUILT_IN,	 /* the same for cgroup.max.*, which have a value without a line, too */
	WHY_FROM_MAX
};

struct why_ceiling {
	const char *file; /* "scope:memory.max": that of the systemd scope */
	const char *ceiling, *now, *line;
	enum why_from from;
	const char *at; /* "file:line" of the policy; NULL: none */
	bool above;	/* the limit is above its ceiling */
	bool lower;	/* ... below it: the runtime has set it so, or somebody since */
};

/* One cgroup that is delegated now. Texts are the arena's, and escaped. */
struct why_grant {
	const char *id, *namespace, *pod, *container, *handler, *profile, *rule, *cgroup, *line;
	const char *fault; /* why its attribute cannot be read; NULL: it can */
	int64_t since;	   /* seconds since the epoch */
	size_t n_ceilings;
	struct why_ceiling *ceilings;
	struct deaths deaths; /* since it began */
	const char *path;     /* as it is, for deaths_path() */
	unsigned match;
};

#define WHY_GRANTS_MAX 64

struct why {
	const char *word;
	int64_t now_us;
	const char *policy; /* directory */
	struct ruleset rules;
	bool rules_known;
	struct history history;
	struct err unread; /* why there is no history; text is "" when there is one */
	struct err unseen; /* why it is not known what is granted now */
	size_t n_grants, n_more_grants;
	struct why_grant grants[WHY_GRANTS_MAX];
	struct arena arena;
};

/* Looks for what is granted now, and fills why->grants, or why->unseen. */
void why_look(struct why *why, const struct host *host);

/* Drops what the word names less well than something else. Returns whether anything is left. */
bool why_choose(struct why *why);
void why_done(struct why *why);

/* "policy", "annotation", ... and a sentence for people. */
const char *why_from_name(enum why_from from);
const char *why_from_text(const struct why_ceiling *ceiling, char *buf, size_t size);

/* The two forms. `all`: also what is older than the newest of each kind. */
void why_text(const struct why *why, bool all, size_t width, FILE *to);
bool why_json(const struct why *why, FILE *to);
