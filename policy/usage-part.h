/* SPDX-License-Identifier: Apache-2.0 */
/* Usage, part - what usage.c and usage-budgets.c share, and nobody else includes. */
#pragma once

#include "policy/usage.h"

/* What can be bounded. Every ceiling that is summed up has one row. In the order of enum budget_kind. */
static const struct {
	enum key_id key;
	const char *file; /* whose ceilings; NULL: the number of grants */
	size_t offset;	  /* in struct usage */
} budgets[] = {
	{ KEY_MAX_TOTAL_DESCENDANTS, "cgroup.max.descendants", offsetof(struct usage, descendants) },
	{ KEY_MAX_DELEGATED, NULL, offsetof(struct usage, grants) },
	{ KEY_BUDGET_MEMORY, "memory.max", offsetof(struct usage, memory) },
	{ KEY_BUDGET_PIDS, "pids.max", offsetof(struct usage, pids) },
	{ KEY_BUDGET_CPU, "cpu.max", offsetof(struct usage, cpu) },
};
