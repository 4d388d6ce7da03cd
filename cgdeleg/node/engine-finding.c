/* SPDX-License-Identifier: Apache-2.0 */
/* Engine finding - handlers and the hooks that name them. See engine-finding.h, engine-finding-part.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cgdeleg/node/engine-finding-part.h"

void engine_tell(const struct engine_listener *to, enum finding_id kind, const struct origin *place, const char *remedy,
		 const char *fmt, ...)
{
	const struct finding_page *page = finding_page(kind);
	struct finding finding = { .id = page->id, .severity = page->severity, .remedy = remedy };
	char text[700], shown[700];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (place)
		finding.place = *place;
	finding.text = text_escape(text, shown, sizeof(shown));
	to->tell(&finding, to->userdata);
}

bool engine_hook_acts(const struct engine_hook *hook)
{
	return !hook->stage || strcmp(hook->stage, "createRuntime") == 0 || strcmp(hook->stage, "prestart") == 0;
}

enum engine handler_engine(const struct section *handler)
{
	const struct setting *setting = section_get(handler, KEY_ENGINE);

	return setting ? engine_find(setting->value) : ENGINE_INVALID;
}

static bool is_set(const struct section *section, enum key_id key, const char *value, bool same)
{
	const struct setting *setting = section_get(section, key);

	return setting && (strcmp(setting->value, value) == 0) == same;
}

bool handler_bounds_mounts(const struct ruleset *rules, const struct section *handler)
{
	bool any = is_set(handler, KEY_WRITABLE_MOUNT, "pass", false);

	for (const struct section *rule = rules->sections[SECTION_RULE]; rule; rule = rule->next)
		any |= section_has_word(rule, KEY_HANDLER, handler->name) &&
		       is_set(rule, KEY_WRITABLE_MOUNT, "pass", false);
	return any;
}

bool handler_is_for_all(const struct ruleset *rules, const struct section *handler)
{
	bool any = is_set(handler, KEY_CGROUP_WRITABLE, "true", true);

	for (const struct section *rule = rules->sections[SECTION_RULE]; rule; rule = rule->next)
		any |= section_has_word(rule, KEY_HANDLER, handler->name) &&
		       is_set(rule, KEY_CGROUP_WRITABLE, "true", true);
	return any || handler_bounds_mounts(rules, handler);
}

static bool names(const struct engine_hook *hooks, const char *handler)
{
	for (const struct engine_hook *hook = hooks; hook; hook = hook->next)
		if (hook->handler && strcmp(hook->handler, handler) == 0 && engine_hook_acts(hook))
			return true;
	return false;
}

static bool is_wired(const struct engine_conf *engine, const char *handler)
{
	bool any = names(engine->hooks, handler);

	for (const struct engine_runtime *runtime = engine->runtimes; runtime; runtime = runtime->next)
		any |= names(runtime->hooks, handler);
	return any;
}

/* Could a hook stand where this user may not look? */
static bool is_unclear(const struct engine_conf *engine)
{
	bool any = false;

	for (const struct engine_fault *fault = engine->faults; fault; fault = fault->next)
		any |= fault->code == EACCES || fault->code == EPERM;
	for (const struct engine_runtime *runtime = engine->runtimes; runtime; runtime = runtime->next)
		any |= runtime->unread;
	return any;
}

/* On a machine without the handler's engine nobody expects it: policies are checked, and shared, elsewhere, too. */
static void find_unwired(const struct engine_listener *to, const struct section *handler)
{
	const enum engine wanted = handler_engine(handler);
	const struct engine_conf *here = NULL;

	for (const struct engine_conf *engine = to->engines->first; engine; engine = engine->next) {
		const bool is_its = engine->kind == wanted;

		if (is_wired(engine, handler->name) || (is_its && is_unclear(engine)))
			return;
		if (is_its && !engine->without_cri)
			here = engine;
	}
	if (here && !to->engines->processes_unread)
		engine_tell(to, FINDING_HANDLER_UNWIRED, &handler->origin,
			    "set the engine up for it as docs/engines.md says, or remove the section",
			    "%s of this node runs no hook with --handler %s, so no container gets what [handler %s] grants",
			    engine_names[wanted], handler->name, handler->name);
}

bool engine_is_ours(const struct ruleset *rules, const struct engine_conf *engine)
{
	for (const struct section *handler = rules->sections[SECTION_HANDLER]; handler; handler = handler->next)
		if (handler_engine(handler) == engine->kind)
			return true;
	if (engine->hooks)
		return true;
	for (const struct engine_runtime *runtime = engine->runtimes; runtime; runtime = runtime->next)
		if (runtime->hooks)
			return true;
	return false;
}

static void find_runtime(const struct engine_listener *to, const struct engine_conf *engine,
			 const struct engine_runtime *runtime)
{
	const struct engine_hook *first = NULL;
	unsigned n = 0;

	for (const struct engine_hook *hook = runtime->hooks; hook; hook = hook->next)
		find_hook(to, engine, runtime, hook);
	for (const struct engine_hook *hook = NULL; (hook = engine_hook_next(engine, runtime, hook));) {
		if (!engine_hook_acts(hook))
			continue;
		first = first ?: hook;
		n++;
	}
	/* Descriptors alone count for all runtimes, and are said once. */
	if (n > 1 && runtime->hooks)
		engine_tell(to, FINDING_HOOK_TWICE, &first->place, "leave one of them",
			    "the hook runs %u times for each container of the runtime '%s'", n, runtime->name);
}

static void find_engine(const struct engine_listener *to, const struct engine_conf *engine)
{
	unsigned n_always = 0;

	for (const struct engine_runtime *runtime = engine->runtimes; runtime; runtime = runtime->next)
		find_runtime(to, engine, runtime);
	for (const struct engine_hook *hook = engine->hooks; hook; hook = hook->next) {
		find_hook(to, engine, NULL, hook);
		n_always += hook->always && engine_hook_acts(hook);
		if (n_always == 2 && hook->always)
			engine_tell(to, FINDING_HOOK_TWICE, &hook->place, "leave one of them",
				    "more than one descriptor runs the hook for every container of %s",
				    engine_names[engine->kind]);
	}
	find_writable(to, engine);
	find_configuration(to, engine);
}

void engine_findings(const struct ruleset *rules, const struct engines *engines, finding_fn tell, void *userdata)
{
	const struct engine_listener to = { rules, engines, tell, userdata };

	for (const struct section *handler = rules->sections[SECTION_HANDLER]; handler; handler = handler->next)
		find_unwired(&to, handler);
	for (const struct engine_conf *engine = engines->first; engine; engine = engine->next)
		if (engine_is_ours(rules, engine))
			find_engine(&to, engine);
}
