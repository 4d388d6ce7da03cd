/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharers - which grants of the node have host ids in common: the root of each owns the other's cgroup.
 *
 * In: every grant of a walk. Out: for each, with how many others it shares ids, and with which one. `list` and `check`
 * show it; the hook compares one container with the table of grants instead (budget_find_sharer()).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cgdeleg/kernel/id-ranges.h"
#include "cgdeleg/kernel/walk.h"

/* One grant. */
struct sharing {
	char id[100];		     /* of the container, perhaps cut; the cgroup's path where the attribute has none */
	struct id_ranges uids, gids; /* n 0: an older cgdeleg made the grant, or its attribute cannot be read */
	size_t n_others;	     /* grants with which it has ids in common */
	size_t other;		     /* one of them, if there is one: its place in the list */
	struct id_range common;	     /* the first ids that both have */
	bool of_gids;		     /* ... which are gids: no uid is common */
};

/* Zeroed before the first sharers_add(); ended with sharers_done(). */
struct sharers {
	size_t n;
	struct sharing *all; /* owned, in the order in which they were added */
	size_t n_sharing;    /* how many share with another; set by sharers_compare() */
};

int sharers_add(struct sharers *sharers, const struct grant *grant, struct err *err);

/* Compares each with each, once all have been added. */
void sharers_compare(struct sharers *sharers);
void sharers_done(struct sharers *sharers);

/* One line on those that share, for people; false where nobody does. */
bool sharers_describe(const struct sharers *sharers, char *buf, size_t size);
