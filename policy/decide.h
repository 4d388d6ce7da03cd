/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decide - the policy engine. Pure: opens nothing, reads no clock, allocates nothing.
 */
#pragma once

#include "policy/decision.h"
#include "policy/facts.h"
#include "policy/ruleset.h"

/* Could any line make the cgroup of one of that handler's containers writable without being asked? */
bool policy_grants_unasked(const struct ruleset *rules, const struct section *handler);

/*
 * The whole decision. Cannot fail: it denies what it does not know. Asked with only the state known (facts->handler,
 * annotations and n_annotations) VERDICT_PASS is final, and the hook exits and opens nothing more. Where nobody asks and
 * writable_mount is not "pass", the answer is then a refusal with decision->unasked, and facts->writable_by and
 * cgroupns_private tell: asked again with these, everything is final but what was examined. With a
 * broken ruleset it answers only VERDICT_REFUSE, if a readable file names the handler or the container has an annotation
 * with one of cgdeleg's keys (annotation.h), or VERDICT_PASS.
 */
void policy_decide(const struct ruleset *rules, const struct facts *facts, struct decision *ret);
