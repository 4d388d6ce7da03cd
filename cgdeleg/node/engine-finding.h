/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine finding - what in the engines' configurations does not fit the policy: hooks that do not run, or run with the wrong
 * words, and what an engine does beside them.
 *
 * In: a valid ruleset, the engines as they are configured.  Out: struct finding, one after the other.
 * What this user may not read is no finding: nothing is said of a runtime whose hooks are not known. An engine that the
 * policy does not name, and that has nothing of cgdeleg's, is somebody else's: nothing is said of it, either.
 *
 * Parts: of it engine-finding-part.h, and what that lists.
 */
#pragma once

#include "cgdeleg/node/engine.h"
#include "policy/finding-page.h"

/* Does the policy, or a hook of cgdeleg's, concern the engine at all? */
bool engine_is_ours(const struct ruleset *rules, const struct engine_conf *engine);

void engine_findings(const struct ruleset *rules, const struct engines *engines, finding_fn tell, void *userdata);
