/* SPDX-License-Identifier: Apache-2.0 */
/* Decision - made by hand, for tests of what follows from one. */
#pragma once

#include <stdio.h>

#include "policy/decision.h"
#include "tests/unit/check.h"

/* `value` as a policy has it. */
static struct arena lists; /* of the ceilings of one program */

static inline void decision_add_ceiling(struct decision *decision, const char *file, const char *value)
{
	struct ceiling *c = &decision->ceilings[decision->n_ceilings++];

	c->type = limit_type_find(file);
	c->file = file;
	assert_int_equal(limit_parse(c->type, value, &lists, &c->value, NULL), 0);
}
