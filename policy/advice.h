/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advice - lines that are valid and do nothing, or refuse everything. For `cgdeleg check`.
 *
 * Not complaints: the policy means what it says, and a file that is only half written yet must not stop a
 * node's containers.
 */
#pragma once

#include "policy/ruleset.h"

/* Gets one finding: its place, and one sentence that is the callee's only until it returns. */
typedef void (*advice_fn)(void *userdata, const struct origin *at, const char *text);

/* Every finding, handlers' before rules', in the files' order. */
void advice_each(const struct ruleset *rules, advice_fn tell, void *userdata);
