/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Risk - settings that are valid but have a price, which an administrator should know. For `cgdeleg check`.
 */
#pragma once

#include "policy/ruleset.h"

struct risk {
	enum key_id key;
	const char *name;  /* KEY_LIMIT: the file */
	const char *value; /* the value that is a risk */
	const char *text;  /* one sentence */
};

/* The next finding after *at (start with 0; advanced), and its place. NULL at the end. */
const struct risk *risk_next(const struct ruleset *rules, size_t *at, struct origin *ret);
