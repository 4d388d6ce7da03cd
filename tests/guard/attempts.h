/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts - what a task of a delegated cgroup may try, and which rule refuses it. */
#pragma once

#include <stddef.h>

#include "bpf/grant_guard_abi.h"

#define NO_RULE GUARD_RULE_MAX /* the guard has nothing against it */

struct attempt {
	const char *name;
	int rule;				   /* enum guard_rule or NO_RULE */
	int (*try)(const struct attempt *attempt); /* returns an errno */
	int cmd, type;				   /* of a bpf() */
	const char *path;			   /* of an open(), or of what is to be changed */
	int flags;
	const char *attribute;
	int no_control; /* only the refusal is looked at */
};

extern const struct attempt attempts[];
extern const size_t n_attempts;

/* For in_cgroup(), given an attempt. */
int attempt_try(const void *argument);

/* Before the first attempt: takes the handle that the attempt by handle opens, and makes a file that is elsewhere. */
void attempts_prepare(void);
