/* SPDX-License-Identifier: Apache-2.0 */
/* Engine finding, hook - its program, its words, whom it runs for. See engine-finding-part.h. */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/node/engine-finding-part.h"
#include "policy/nearest.h"

#define DEADLINE 28 /* seconds; after which the hook ends by itself */

static void find_program(const struct engine_listener *to, const struct engine_hook *hook, const char *path,
			 enum engine_program state, const char *whose)
{
	if (state == ENGINE_PROGRAM_MISSING)
		engine_tell(to, FINDING_HOOK_PROGRAM, &hook->place, "install it, or correct the path",
			    "there is no program '%s', so %s fails to start", path, whose);
	else if (state == ENGINE_PROGRAM_NOT_EXECUTABLE)
		engine_tell(to, FINDING_HOOK_PROGRAM, &hook->place, "install it again",
			    "'%s' is not executable, so %s fails to start", path, whose);
	else if (state == ENGINE_PROGRAM_NOT_ALONE)
		engine_tell(to, FINDING_HOOK_PROGRAM, &hook->place,
			    "run chown root: and chmod go-w on it, and find out who changed it",
			    "somebody other than root owns or may write '%s', which root executes for %s", path, whose);
}

/* What the hook would say, for each container anew. A wrapper has other words, and says so itself. */
static void find_words(const struct engine_listener *to, const struct engine_hook *hook, const char *whose)
{
	static const char right[] = "write \"args\": [\"cgdeleg-hook\", \"createRuntime\", \"--handler\", \"NAME\"]";
	const char *const *words = hook->words;

	if (!engine_hook_acts(hook))
		engine_tell(to, FINDING_HOOK_UNUSABLE, &hook->place, "move it to createRuntime",
			    "the hook is under '%s', where it cannot act", hook->stage);
	else if (hook->way != ENGINE_WRAPPER && (!words[0] || !words[1] || strcmp(words[1], "createRuntime") != 0))
		engine_tell(to, FINDING_HOOK_UNUSABLE, &hook->place, right,
			    "the hook's args do not begin with its name and createRuntime, so %s is refused", whose);
	else if (!hook->handler || !hook->handler[0])
		engine_tell(to, FINDING_HOOK_UNUSABLE, &hook->place, right,
			    "the hook has no --handler, so %s is refused", whose);
	else if (hook->way == ENGINE_WRAPPER && !hook->runtime)
		engine_tell(to, FINDING_HOOK_UNUSABLE, &hook->place,
			    "add --runtime and the path of runc or crun before the \"--\"",
			    "cgdeleg-runtime has no --runtime, so %s is refused", whose);
	if (hook->timeout > 0 && hook->timeout <= DEADLINE)
		engine_tell(to, FINDING_HOOK_TIMEOUT, &hook->place, "write \"timeout\": 30",
			    "the engine ends the hook after %d seconds, and the hook's own deadline is %d: a busy node refuses containers",
			    (int)hook->timeout, DEADLINE);
}

/* May every pattern match this key? True where a pattern is none of POSIX's: Go has more. */
static bool reaches(const struct engine_hook *hook, const char *key)
{
	for (const struct engine_word *word = hook->keys; word; word = word->next) {
		regex_t regex;
		int r;

		if (regcomp(&regex, word->text, REG_EXTENDED | REG_NOSUB) != 0)
			continue;
		r = regexec(&regex, key, 0, NULL, 0);
		regfree(&regex);
		if (r == REG_NOMATCH)
			return false;
	}
	return true;
}

/* What the handler's containers write to ask, and the descriptor does not look for. */
static void find_pattern(const struct engine_listener *to, const struct engine_hook *hook, const struct section *handler)
{
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const char *list = approved ? approved->value : "";
	char key[160];

	if (hook->always)
		return;
	if (handler_is_for_all(to->rules, handler)) {
		engine_tell(to, FINDING_DESCRIPTOR_NARROW, &hook->place,
			    "replace its \"when\" with \"when\": { \"always\": true }",
			    "[handler %s] is for containers that do not ask, too, and the descriptor runs the hook only for those that do",
			    handler->name);
		return;
	}
	while (text_next_word(&list, key, sizeof(key)) != 0)
		if (annotation_asks(key) && !reaches(hook, key))
			engine_tell(
				to, FINDING_DESCRIPTOR_NARROW, &hook->place,
				"write one pattern that matches all approved annotations: all patterns of \"annotations\" must match",
				"a container that asks with '%s', which [handler %s] approves, does not match the descriptor, and runs without the hook",
				key, handler->name);
	if (hook->narrowed)
		engine_tell(
			to, FINDING_DESCRIPTOR_NARROW, &hook->place, "leave \"annotations\" alone in \"when\"",
			"the descriptor has conditions beside annotations, and a container that asks without them runs without the hook");
}

/* docker run has --annotation since version 24. */
static bool has_annotations(const struct engine_conf *engine)
{
	return engine->kind != ENGINE_DOCKER || engine->major == 0 || engine->major >= 24;
}

static void find_annotations(const struct engine_listener *to, const struct engine_conf *engine,
			     const struct engine_runtime *runtime, const struct engine_hook *hook,
			     const struct section *handler)
{
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const char *list = approved ? approved->value : "";
	char key[160];

	if (!has_annotations(engine) && list[0])
		engine_tell(to, FINDING_ANNOTATION_STOPPED, &approved->origin, "set cgroup_writable = true in its place",
			    "Docker %s has no --annotation, so no container of [handler %s] can ask", engine->version,
			    handler->name);
	while (has_annotations(engine) && text_next_word(&list, key, sizeof(key)) != 0)
		if (runtime && !engine_passes(engine, runtime, key))
			engine_tell(to, FINDING_ANNOTATION_STOPPED, runtime->place.file ? &runtime->place : &hook->place,
				    engine->kind == ENGINE_CONTAINERD
					    ? "add pod_annotations = ['cgdeleg.io/*'], or the key itself"
					    : "add the key to allowed_annotations",
				    "the runtime '%s' does not pass on '%s', which [handler %s] approves: the hook never sees it",
				    runtime->name, key, handler->name);
}

static void find_handler(const struct engine_listener *to, const struct engine_conf *engine,
			 const struct engine_runtime *runtime, const struct engine_hook *hook)
{
	const struct section *handlers = to->rules->sections[SECTION_HANDLER];
	const struct section *handler = ruleset_find(to->rules, SECTION_HANDLER, hook->handler);
	struct nearest nearest = nearest_to(hook->handler);
	char hint[96];

	if (!handler) {
		for (const struct section *s = handlers; s; s = s->next)
			nearest_try(&nearest, s->name);
		engine_tell(to, FINDING_HOOK_HANDLER_UNKNOWN, &hook->place, "correct the name, or write the section",
			    "the hook runs with --handler %s, which no [handler] of the policy has, so it leaves every container alone%s",
			    hook->handler, nearest_hint(&nearest, hint, sizeof(hint)));
		return;
	}
	if (handler_engine(handler) != engine->kind)
		engine_tell(to, FINDING_HOOK_ENGINE_OTHER, &hook->place, "give each engine a handler of its own",
			    "%s runs the hook with --handler %s, whose engine the policy says is %s: who a container is, is read from the wrong annotations",
			    engine_names[engine->kind], handler->name, engine_names[handler_engine(handler)]);
	if (hook->way == ENGINE_DESCRIPTOR)
		find_pattern(to, hook, handler);
	find_annotations(to, engine, runtime, hook, handler);
}

void find_hook(const struct engine_listener *to, const struct engine_conf *engine, const struct engine_runtime *runtime,
	       const struct engine_hook *hook)
{
	char whose[200] = "every container that the descriptor matches";

	if (runtime)
		(void)snprintf(whose, sizeof(whose), "every container of the runtime '%s'", runtime->name);
	find_program(to, hook, hook->program, hook->program_state, whose);
	if (hook->runtime)
		find_program(to, hook, hook->runtime, hook->runtime_state, whose);
	find_words(to, hook, whose);
	if (hook->handler && hook->handler[0] && engine_hook_acts(hook))
		find_handler(to, engine, runtime, hook);
}
