/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Id ranges - the host ids that one user namespace has, as ranges: what a uid_map or gid_map covers.
 *
 * Threat. The cgroup of a grant belongs to a host id. Whoever has the same host id, in whatever user namespace, is its
 * owner too as soon as he sees it. So it matters whether two grants' ranges have an id in common, and not whether they
 * are equal. What does not fit is rounded up: there may seem to be more ids in common than there are, never fewer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/facts.h"

#define ID_RANGES_MAX	    16
#define ID_RANGES_TEXT_SIZE (ID_RANGES_MAX * sizeof("4294967295-4294967295"))

/* Ascending, with at least one id between two of them. n 0: not known, or none. */
struct id_ranges {
	size_t n;
	struct id_range ranges[ID_RANGES_MAX];
};

/* Adds `count` ids from `first` on. Beyond ID_RANGES_MAX ranges the two that are nearest to each other become one, with
 * what lies between them. Ids from 2^32 - 1 on do not exist. */
void id_ranges_add(struct id_ranges *ranges, uint64_t first, uint64_t count);

/* From the first to the last id; count 0 where there is none. */
struct id_range id_ranges_hull(const struct id_ranges *ranges);

/* The first ids that both have, in *ret; false where there are none. */
bool id_ranges_common(const struct id_ranges *a, const struct id_ranges *b, struct id_range *ret);
bool id_range_common(struct id_range a, struct id_range b, struct id_range *ret);

/* "100000-165535 200000-200999"; "" for none. Returns buf, of ID_RANGES_TEXT_SIZE bytes. */
char *id_ranges_format(const struct id_ranges *ranges, char *buf);

/* The reverse; -EINVAL, and none, for anything else. */
int id_ranges_parse(const char *text, struct id_ranges *ret);
