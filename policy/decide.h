/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decide - the policy engine. Pure: opens nothing, reads no clock, allocates nothing.
 */
#pragma once

#include "policy/decision.h"
#include "policy/facts.h"
#include "policy/ruleset.h"

/*
 * The first question, answerable from the state alone: must this container be looked at? Uses only
 * facts->handler, annotations and n_annotations. False is a pass-through, and the hook exits having
 * opened nothing more. With a broken ruleset: true when a readable file names the handler, or an
 * annotation with one of our keys (annotation.h) is there.
 */
bool policy_concerns(const struct ruleset *rules, const struct facts *facts);

/* Could any line make the cgroup of one of that handler's containers writable without being asked? */
bool policy_grants_unasked(const struct ruleset *rules, const struct section *handler);

/* The whole decision. Cannot fail: what it does not know it denies. Never call with a broken ruleset
 * for another purpose than a refusal: it answers VERDICT_REFUSE or VERDICT_PASS then. */
void policy_decide(const struct ruleset *rules, const struct facts *facts, struct decision *ret);
