/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage - how much grants use of the budgets together, and whether one more fits.
 *
 * What counts is what a grant promises, its ceilings, and not what is in the kernel's file at the moment: an
 * engine may raise a limit up to the ceiling at any time.
 *
 * Parts: usage.c; usage-budgets.c, for those who show the budgets; what both share is in usage-part.h.
 */
#pragma once

#include <stddef.h>

#include "policy/facts.h"
#include "policy/limit.h"
#include "policy/ruleset.h"

/* One grant without any ceiling. */
void usage_init(struct usage *ret);

/* Adds the ceiling of a file to the usage of one grant; skips files without a budget. */
void usage_note(struct usage *usage, const char *file, const struct limit_value *value);

/*
 * What the grants of `entries` use together, without that of the cgroup `but` (0: with all): of `section`, a handler's
 * or a rule's, or of the node where it is NULL or [defaults]; and of those only the ones in `namespace`, or NULL for
 * all. An entry that does not say whose it is counts for everybody.
 */
struct usage usage_sum(const struct budget_entry *entries, size_t n, uint64_t but, const struct section *section,
		       const char *namespace);

/* Adds to a sum; one value without bound makes the sum unbounded. */
void usage_add(struct usage *sum, const struct usage *more);

enum budget_kind { BUDGET_DESCENDANTS, BUDGET_GRANTS, BUDGET_MEMORY, BUDGET_PIDS, BUDGET_CPU, BUDGET_KINDS };

/* One budget that is set, and how much of it is used. Amounts as in struct usage: LIMIT_MAX is without bound. */
struct budget_use {
	enum budget_kind kind;
	const struct section *section; /* [defaults], a handler's or a rule's; NULL: the policy has no [defaults] */
	const char *namespace;	       /* with per = namespace whose it is; NULL: it is for all */
	uint64_t used, allowed;
};

typedef void (*budget_fn)(const struct budget_use *use, void *userdata);

/* Every budget with a bound: the node's, then those of handlers and rules; with per = namespace one for each namespace
 * that has a grant there. Sorts the entries. */
void usage_each(const struct ruleset *rules, struct budget_entry *entries, size_t n, budget_fn tell, void *userdata);
