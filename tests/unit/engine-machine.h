/* SPDX-License-Identifier: Apache-2.0 */
/* Engine machine - machines with engines, from tests/unit/engines: one directory each. All end the test when they fail. */
#pragma once

#include "tests/unit/tree.h"

/* A copy of that machine; tree_free() ends it. */
void machine_new(struct tree *tree, const char *name);

/* tree_edit(), and its programs can be executed again. */
void machine_edit(const struct tree *tree, const char *lines);
