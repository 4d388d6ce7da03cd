/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decide - the policy engine. Pure: opens nothing, reads no clock, allocates nothing.
 */
#pragma once

#include "policy/decision.h"
#include "policy/facts.h"
#include "policy/ruleset.h"

/*
 * The first question, which the state alone can answer: does the policy cover this container? Uses only facts->handler,
 * annotations and n_annotations. False is a pass-through: the hook exits and opens nothing more. With a broken ruleset:
 * true if a readable file names the handler, or the container has an annotation with one of cgdeleg's keys
 * (annotation.h).
 */
bool policy_concerns(const struct ruleset *rules, const struct facts *facts);

/* Could any line make the cgroup of one of that handler's containers writable without being asked? */
bool policy_grants_unasked(const struct ruleset *rules, const struct section *handler);

/* The whole decision. Cannot fail: it denies what it does not know. With a broken ruleset it answers only
 * VERDICT_REFUSE or VERDICT_PASS. */
void policy_decide(const struct ruleset *rules, const struct facts *facts, struct decision *ret);
