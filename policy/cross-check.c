/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-check - what shows only when all files are read: names of sections that do not exist. See load.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/annotation.h"
#include "policy/key-check.h"
#include "policy/load.h"
#include "policy/nearest.h"

static int complain_unknown(struct ruleset *rules, const struct setting *setting, const char *place,
			    enum section_kind kind, const char *name)
{
	unsigned column;
	const struct setting *line = setting_line(setting, place, &column);
	struct nearest nearest = nearest_to(name);
	char escaped[256], advice[96];
	bool unused;

	for (const struct section *s = rules->sections[kind]; s; s = s->next)
		nearest_try(&nearest, s->name);
	/* Words that mean none or all, where no section has that name. */
	if (!word_is_boolean(name, &unused) && !text_has_word("none None NONE null all ALL any", name))
		(void)nearest_hint(&nearest, advice, sizeof(advice));
	else if (setting->key->id == KEY_HANDLER)
		(void)snprintf(advice, sizeof(advice), "; name each handler that the rule is for");
	else
		(void)snprintf(advice, sizeof(advice), "; leave '%s' out if there is to be none", setting->name);
	return ruleset_complain(rules, &line->origin, column, "there is no [%s %s]%s", section_kind_name(kind),
				text_escape(name, escaped, sizeof(escaped)), advice);
}

/* Every word of the setting must be the name of a section of that kind. */
static int check_names(struct ruleset *rules, const struct setting *setting, enum section_kind kind)
{
	const char *list = setting->value;
	char word[64];
	int len;

	if (setting->key->kind == KEY_NAME && !text_is_name(list))
		return 0;
	/* A word that is no name: key_check() has reported it. */
	while ((len = text_next_word(&list, word, sizeof(word))) != 0) {
		if (len > 0 && text_is_name(word) && !ruleset_find(rules, kind, word) &&
		    complain_unknown(rules, setting, list - len, kind, word) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool states_facts(const struct section *handler)
{
	const struct setting *engine = section_get(handler, KEY_ENGINE);

	return !engine || identity_is_stated(engine_find(engine->value));
}

/* Does any handler of the rule have an engine that states such facts? True if that is not known. */
static bool has_facts(const struct ruleset *rules, const struct setting *handlers)
{
	const char *list = handlers->value;
	char word[64];
	int len;

	while ((len = text_next_word(&list, word, sizeof(word))) != 0)
		if (states_facts(len > 0 ? ruleset_find(rules, SECTION_HANDLER, word) : NULL))
			return true;
	return false;
}

/* Budgets for each namespace, of which everybody would be in the same. */
static int check_per(struct ruleset *rules, const struct section *section)
{
	const struct setting *per = section_get(section, KEY_PER), *handlers = section_get(section, KEY_HANDLER);
	const bool is_rule = section->kind == SECTION_RULE;

	if (!section_has_word(section, KEY_PER, "namespace") || (is_rule && !handlers) ||
	    (is_rule ? has_facts(rules, handlers) : states_facts(section)))
		return 0;
	return ruleset_complain(
		rules, &per->origin, per->column,
		"podman and docker state no namespace that can be trusted: leave 'per' out, and the budgets are for all containers of the section");
}

/* A selector that can never match is a rule that silently never applies. */
static int check_selectors(struct ruleset *rules, const struct section *rule)
{
	static const enum key_id selectors[] = { KEY_NAMESPACES, KEY_PODS, KEY_CONTAINERS, KEY_IMAGES };
	const struct setting *handlers = section_get(rule, KEY_HANDLER);

	if (!handlers || has_facts(rules, handlers))
		return 0;
	for (size_t i = 0; i < ELEMENTS(selectors); i++) {
		const struct setting *setting = section_get(rule, selectors[i]);

		if (setting &&
		    ruleset_complain(rules, &setting->origin, setting->column,
				     "the rule can never match: podman and docker state no %s that can be trusted",
				     keys[selectors[i]].name) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* What is remembered from one rule to the next: thousands of rules name the same few handlers. */
struct seen {
	const char *handlers; /* the last list of which all exist and one states facts; NULL: none yet */
};

static int check_handlers(struct ruleset *rules, const struct section *rule, const struct setting *handlers,
			  struct seen *seen)
{
	const struct complaint *last = rules->last_complaint;

	if (seen->handlers && strcmp(seen->handlers, handlers->value) == 0)
		return 0;
	if (check_names(rules, handlers, SECTION_HANDLER) < 0 || check_selectors(rules, rule) < 0)
		return -ENOMEM;
	if (rules->last_complaint == last && has_facts(rules, handlers))
		seen->handlers = handlers->value;
	return 0;
}

static int check_section(struct ruleset *rules, const struct section *section, struct seen *seen)
{
	const struct key *mandatory = &keys[section->kind == SECTION_RULE ? KEY_HANDLER : KEY_ENGINE];
	bool found = false;
	int r = 0;

	for (const struct setting *s = section->settings; s && r >= 0; s = s->next) {
		found |= s->key == mandatory;
		if (s->key->id == KEY_HANDLER)
			r = check_handlers(rules, section, s, seen);
		else if (s->key->id == KEY_PROFILE || s->key->id == KEY_PROFILES)
			r = check_names(rules, s, SECTION_PROFILE);
		else if (s->key->id == KEY_PER)
			r = check_per(rules, section);
	}
	/* Where nothing in it can be read, a complaint says why. */
	if (r < 0 || found || !section->settings)
		return r;
	return ruleset_complain(rules, &section->newest, 1, "[%s %s] has no '%s': %s", section_kind_name(section->kind),
				section->name, mandatory->name, mandatory->help);
}

int ruleset_cross_check(struct ruleset *rules)
{
	static const enum section_kind checked[] = { SECTION_HANDLER, SECTION_RULE };
	struct seen seen = { NULL };

	for (size_t i = 0; i < ELEMENTS(checked); i++)
		for (const struct section *s = rules->sections[checked[i]]; s; s = s->next)
			if (check_section(rules, s, &seen) < 0)
				return -ENOMEM;
	return 0;
}
