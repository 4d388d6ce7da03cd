/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consider - every rule for a handler, and why it matches a container or not.
 *
 * policy_decide() stops at the first rule that matches and keeps no account. Whoever asks why wants to see the others
 * too. Pure. The hook does not use it.
 */
#pragma once

#include <stddef.h>

#include "policy/ruleset.h"

/* Which of the facts that rules select by nobody has told; in the order of struct identity. */
#define UNTOLD_NAMESPACE   1U
#define UNTOLD_POD	   2U
#define UNTOLD_CONTAINER   4U
#define UNTOLD_IMAGE	   8U
#define CONSIDER_SELECTORS 4

enum considered {
	CONSIDERED_MATCHES,
	CONSIDERED_DIFFERS,	/* a selector does not match */
	CONSIDERED_UNTOLD,	/* none differs, but one depends on what nobody has told */
	CONSIDERED_NOT_REACHED, /* an earlier rule matches */
	CONSIDERED_MAX
};

/* One selector of a rule: "namespaces = ci-* build", and what it was compared with. */
struct considered_selector {
	enum considered state; /* never CONSIDERED_NOT_REACHED */
	const struct setting *setting;
	const char *fact;  /* "namespace" */
	const char *value; /* the fact's; NULL: it has none, and matches nothing */
	char pattern[256]; /* CONSIDERED_MATCHES: the first pattern that matches */
};

struct considered_rule {
	enum considered state;
	const struct section *rule;
	size_t n; /* 0: it selects everything */
	struct considered_selector selectors[CONSIDER_SELECTORS];
};

const char *considered_name(enum considered state); /* "matches", "differs", "untold", "not-reached" */

/*
 * Fills *ret for the next rule of `handler` after `*at`, and moves *at to it; NULL begins. False: there is none.
 * `untold`: UNTOLD_*. `reached`: no earlier rule matches.
 */
bool consider_next(const struct ruleset *rules, const char *handler, const struct identity *who, unsigned untold,
		   bool reached, const struct section **at, struct considered_rule *ret);
