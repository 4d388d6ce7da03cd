/* SPDX-License-Identifier: Apache-2.0 */
/* Advice - lines that are valid and do nothing, or refuse everything. See advice.h. */
#include "policy/advice.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define NAME_SIZE 64 /* a section's name, with its NUL */

struct adviser {
	const struct ruleset *rules;
	advice_fn tell;
	void *userdata;
};

static void tell(const struct adviser *adviser, const struct origin *at, const char *fmt, ...)
	_printf_(3, 4);
static void tell(const struct adviser *adviser, const struct origin *at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) >= 0)
		adviser->tell(adviser->userdata, at, text);
	va_end(ap);
}

static bool is_true(const struct section *section)
{
	const struct setting *setting = section_get(section, KEY_CGROUP_WRITABLE);

	return setting && strcmp(setting->value, "true") == 0;
}

static bool is_for(const struct section *rule, const char *handler)
{
	const struct setting *setting = section_get(rule, KEY_HANDLER);

	return setting && text_has_word(setting->value, handler);
}

static void advise_idle(const struct adviser *adviser, const struct section *handler)
{
	bool grants = is_true(handler) || section_get(handler, KEY_APPROVED_ANNOTATIONS);

	for (const struct section *s = adviser->rules->sections[SECTION_RULE]; s; s = s->next)
		grants = grants || (is_true(s) && is_for(s, handler->name));
	if (!grants)
		tell(adviser, &handler->origin,
		     "[handler %s] grants nothing: it has no approved_annotations, and neither it nor a "
		     "rule for it has cgroup_writable = true",
		     handler->name);
}

static bool has_limit(const struct section *profile, const char *file)
{
	const struct setting *found = NULL;

	for (const struct setting *s = profile->settings; s; s = s->next)
		if (s->key->id == KEY_LIMIT && strcmp(s->name, file) == 0)
			found = s;
	return found && strcmp(found->value, "max") != 0;
}

/* A budget counts ceilings: what has none is refused. */
static void advise_budget(const struct adviser *adviser, const struct section *handler,
			  const struct setting *budget, const char *profile)
{
	const char *file = budget->name + strlen("budget.");
	const struct section *section = ruleset_find(adviser->rules, SECTION_PROFILE, profile);

	if (section && !has_limit(section, file))
		tell(adviser, &budget->origin,
		     "%s refuses every container of profile '%s' (%s:%u), which has no %s to be "
		     "counted",
		     budget->name, profile, section->origin.file, section->origin.line, file);
	else if (!profile[0])
		tell(adviser, &budget->origin,
		     "%s refuses every container to which [handler %s] gives no profile, and so no %s "
		     "to be counted",
		     budget->name, handler->name, file);
}

/* Where rules name a profile each, the handler's own is nobody's. */
static bool is_replaced(const struct adviser *adviser, const struct section *handler)
{
	bool any = false;

	for (const struct section *s = adviser->rules->sections[SECTION_RULE]; s; s = s->next)
		if (is_for(s, handler->name)) {
			if (!section_get(s, KEY_PROFILE))
				return false;
			any = true;
		}
	return any;
}

/* The profiles that a handler or a rule names; "" for a handler that has none. */
static void each_profile(const struct adviser *adviser, const struct section *handler,
			 const struct section *from, const struct setting *budget)
{
	const struct setting *profile = section_get(from, KEY_PROFILE);
	const struct setting *more = section_get(from, KEY_PROFILES);
	const char *list = more ? more->value : "";
	char word[NAME_SIZE];

	if (from == handler ? !is_replaced(adviser, handler) : profile != NULL)
		advise_budget(adviser, handler, budget, profile ? profile->value : "");
	while (text_next_word(&list, word, sizeof(word)) > 0)
		if (!profile || strcmp(word, profile->value) != 0)
			advise_budget(adviser, handler, budget, word);
}

static void advise_budgets(const struct adviser *adviser, const struct section *handler)
{
	static const enum key_id budgets[] = { KEY_BUDGET_MEMORY, KEY_BUDGET_PIDS, KEY_BUDGET_CPU };

	for (size_t i = 0; i < ELEMENTS(budgets); i++) {
		const struct setting *budget = section_get(handler, budgets[i]);

		if (!budget || strcmp(budget->value, "max") == 0)
			continue;
		each_profile(adviser, handler, handler, budget);
		for (const struct section *s = adviser->rules->sections[SECTION_RULE]; s;
		     s = s->next)
			if (is_for(s, handler->name))
				each_profile(adviser, handler, s, budget);
	}
}

static bool selects_all(const struct section *rule)
{
	return !section_get(rule, KEY_NAMESPACES) && !section_get(rule, KEY_PODS) &&
	       !section_get(rule, KEY_CONTAINERS) && !section_get(rule, KEY_IMAGES);
}

/* Is there a rule above that takes every container of that handler? */
static const struct section *taken_by(const struct ruleset *rules, const struct section *rule,
				      const char *handler)
{
	for (const struct section *s = rules->sections[SECTION_RULE]; s != rule; s = s->next)
		if (selects_all(s) && is_for(s, handler))
			return s;
	return NULL;
}

static void advise_shadowed(const struct adviser *adviser, const struct section *rule)
{
	const struct setting *handlers = section_get(rule, KEY_HANDLER);
	const struct section *above = NULL;
	const char *list = handlers ? handlers->value : "";
	char word[NAME_SIZE];

	while (text_next_word(&list, word, sizeof(word)) > 0) {
		above = taken_by(adviser->rules, rule, word);
		if (!above)
			return;
	}
	if (above)
		tell(adviser, &rule->origin,
		     "[rule %s] is never reached: [rule %s] (%s:%u) comes first and matches every "
		     "container",
		     rule->name, above->name, above->origin.file, above->origin.line);
}

void advice_each(const struct ruleset *rules, advice_fn tell_fn, void *userdata)
{
	const struct adviser adviser = { rules, tell_fn, userdata };

	for (const struct section *s = rules->sections[SECTION_HANDLER]; s; s = s->next) {
		advise_idle(&adviser, s);
		advise_budgets(&adviser, s);
	}
	for (const struct section *s = rules->sections[SECTION_RULE]; s; s = s->next)
		advise_shadowed(&adviser, s);
}
