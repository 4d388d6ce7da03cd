/* SPDX-License-Identifier: Apache-2.0 */
/* Advice - lines that are valid and do nothing, or refuse everything. See advice.h. */
#include "policy/advice.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/annotation.h"
#include "policy/decide.h"

#define NAME_SIZE 64 /* a section's name, with its NUL */

struct adviser {
	const struct ruleset *rules;
	advice_fn tell;
	void *userdata;
};

static void tell(const struct adviser *adviser, const struct origin *at, const char *fmt, ...) _printf_(3, 4);
static void tell(const struct adviser *adviser, const struct origin *at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) >= 0)
		adviser->tell(adviser->userdata, at, text);
	va_end(ap);
}

static void advise_idle(const struct adviser *adviser, const struct section *handler)
{
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const char *list = approved ? approved->value : "";
	bool asked = false;
	char word[256];

	while (!asked && text_next_word(&list, word, sizeof(word)) > 0)
		asked = annotation_asks(word);
	if (!asked && !policy_grants_unasked(adviser->rules, handler))
		tell(adviser, &handler->origin,
		     "[handler %s] grants nothing: its approved_annotations have none that asks, and neither it nor a rule for it has cgroup_writable = true",
		     handler->name);
}

/* A budget counts ceilings, so a container without one is refused. An annotation may supply it. */
static void advise_budget(const struct adviser *adviser, const struct section *handler, const struct setting *budget,
			  const char *profile)
{
	const char *file = budget->name + strlen("budget.");
	const struct section *section = ruleset_find(adviser->rules, SECTION_PROFILE, profile);
	const struct setting *limit = section ? section_limit(section, file) : NULL;
	char key[96];

	(void)snprintf(key, sizeof(key), ANNOTATION_PREFIX "%s", file);
	if (section_has_word(handler, KEY_APPROVED_ANNOTATIONS, key))
		return;
	if (section && (!limit || strcmp(limit->value, "max") == 0))
		tell(adviser, &budget->origin,
		     "%s refuses every container of profile '%s' (%s:%u), which has no %s to be counted", budget->name,
		     profile, section->origin.file, section->origin.line, file);
	else if (!profile[0])
		tell(adviser, &budget->origin,
		     "%s refuses every container to which [handler %s] gives no profile, and so no %s to be counted",
		     budget->name, handler->name, file);
}

/* Does the rule give a container of that handler the profile? */
static bool gives(const struct section *rule, const char *handler)
{
	return section_has_word(rule, KEY_HANDLER, handler) && !section_has_word(rule, KEY_CGROUP_WRITABLE, "false");
}

/* If every rule names a profile, nobody gets the handler's own. */
static bool is_replaced(const struct adviser *adviser, const struct section *handler)
{
	bool any = false;

	for (const struct section *s = adviser->rules->sections[SECTION_RULE]; s; s = s->next)
		if (gives(s, handler->name)) {
			if (!section_get(s, KEY_PROFILE))
				return false;
			any = true;
		}
	return any;
}

/* Can a container of the handler get that profile? */
static bool is_given(const struct adviser *adviser, const struct section *handler, const char *profile)
{
	const bool chosen = section_has_word(handler, KEY_APPROVED_ANNOTATIONS, ANNOTATION_PROFILE);

	if ((section_has_word(handler, KEY_PROFILE, profile) && !is_replaced(adviser, handler)) ||
	    (chosen && section_has_word(handler, KEY_PROFILES, profile)))
		return true;
	for (const struct section *s = adviser->rules->sections[SECTION_RULE]; s; s = s->next)
		if (gives(s, handler->name) && (section_has_word(s, KEY_PROFILE, profile) ||
						(chosen && section_has_word(s, KEY_PROFILES, profile))))
			return true;
	return false;
}

static void advise_budgets(const struct adviser *adviser, const struct section *handler)
{
	static const enum key_id budgets[] = { KEY_BUDGET_MEMORY, KEY_BUDGET_PIDS, KEY_BUDGET_CPU };

	for (size_t i = 0; i < ELEMENTS(budgets); i++) {
		const struct setting *budget = section_get(handler, budgets[i]);

		if (!budget || strcmp(budget->value, "max") == 0)
			continue;
		if (!section_get(handler, KEY_PROFILE) && !is_replaced(adviser, handler))
			advise_budget(adviser, handler, budget, "");
		for (const struct section *s = adviser->rules->sections[SECTION_PROFILE]; s; s = s->next)
			if (is_given(adviser, handler, s->name))
				advise_budget(adviser, handler, budget, s->name);
	}
}

/* Is there an earlier rule that matches every container of that handler? */
static const struct section *taken_by(const struct ruleset *rules, const struct section *rule, const char *handler)
{
	for (const struct section *s = rules->sections[SECTION_RULE]; s != rule; s = s->next)
		if (section_has_word(s, KEY_HANDLER, handler) && !section_get(s, KEY_NAMESPACES) &&
		    !section_get(s, KEY_PODS) && !section_get(s, KEY_CONTAINERS) && !section_get(s, KEY_IMAGES))
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
		     "[rule %s] is never reached: [rule %s] (%s:%u) comes first and matches every container",
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
