/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine finding parts - for the parts of engine-finding.h alone.
 *
 * Parts:
 *     engine-finding.c       handlers and the hooks that name them; the order of all
 *     engine-finding-hook.c  one hook: its program, its words, whom it runs for
 *     engine-finding-conf.c  files that an engine would refuse or ignores, and what it does by itself
 */
#pragma once

#include "cgdeleg/node/engine-finding.h"

/* Where findings go. */
struct engine_listener {
	const struct ruleset *rules;
	const struct engines *engines;
	finding_fn tell;
	void *userdata;
};

/* With the id and the severity of its page; `remedy` as in struct finding. */
void engine_tell(const struct engine_listener *to, enum finding_id kind, const struct origin *place, const char *remedy,
		 const char *fmt, ...) _printf_(5, 6);

/* Does it stand where it acts: createRuntime, or prestart, which the specification calls by an older name? */
bool engine_hook_acts(const struct engine_hook *hook);

/* The handler's engine; ENGINE_INVALID in a policy that has faults. */
enum engine handler_engine(const struct section *handler);

/* Must the hook run for every container of the handler, whether it asks or not? */
bool handler_is_for_all(const struct ruleset *rules, const struct section *handler);

/* Is writable_mount of the handler, or of a rule for it, another than "pass"? */
bool handler_bounds_mounts(const struct ruleset *rules, const struct section *handler);

/* `runtime` NULL: a descriptor, which is for all. */
void find_hook(const struct engine_listener *to, const struct engine_conf *engine, const struct engine_runtime *runtime,
	       const struct engine_hook *hook);

void find_configuration(const struct engine_listener *to, const struct engine_conf *engine);
void find_writable(const struct engine_listener *to, const struct engine_conf *engine);
