/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage - how much grants use of the budgets together, and whether one more fits.
 *
 * What counts is what a grant promises, its ceilings, and not what is in the kernel's file at the moment: an
 * engine may raise a limit up to the ceiling at any time.
 */
#pragma once

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
