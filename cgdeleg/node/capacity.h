/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capacity - what this node has, and the policy's ceilings beside it.
 *
 * In: a valid ruleset, the root of a machine.  Out: struct finding for ceilings above what the node has, alone or as many
 * times as max_delegated allows, and for what a profile's cgroups may cost it.
 * What cannot be read (a number that is 0 then) is compared with nothing.
 */
#pragma once

#include <stdint.h>

#include "policy/finding-page.h"

struct capacity {
	uint64_t memory; /* bytes */
	uint64_t pids;	 /* tasks that the kernel makes at most */
	uint64_t cpus;	 /* processors that are online */
};

void capacity_read(const char *root, struct capacity *ret);

void capacity_findings(const struct ruleset *rules, const struct capacity *node, finding_fn tell, void *userdata);
