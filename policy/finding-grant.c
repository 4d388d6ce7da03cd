/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, grant - handlers, profiles and annotations that cannot do what they are for. See finding-part.h. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/annotation.h"
#include "policy/decide.h"
#include "policy/finding-part.h"

bool rule_gives(const struct section *rule, const char *handler)
{
	return section_has_word(rule, KEY_HANDLER, handler) && !section_has_word(rule, KEY_CGROUP_WRITABLE, "false");
}

bool handler_lowers(const struct section *handler, const char *file)
{
	char key[LIMIT_FILE_SIZE + sizeof(ANNOTATION_PREFIX)];

	(void)snprintf(key, sizeof(key), ANNOTATION_PREFIX "%s", file);
	return section_has_word(handler, KEY_APPROVED_ANNOTATIONS, key);
}

/* Does a container get what the handler itself says of that key? Not if every rule has its own. */
static bool handler_decides(const struct ruleset *rules, const struct section *handler, enum key_id id)
{
	bool any = false;

	for (const struct section *s = rules->sections[SECTION_RULE]; s; s = s->next)
		if (rule_gives(s, handler->name)) {
			if (!section_get(s, id))
				return true;
			any = true;
		}
	return !any;
}

bool handler_gives(const struct ruleset *rules, const struct section *handler, const char *profile)
{
	const bool chosen = section_has_word(handler, KEY_APPROVED_ANNOTATIONS, ANNOTATION_PROFILE);

	if (!*profile)
		return !section_get(handler, KEY_PROFILE) && handler_decides(rules, handler, KEY_PROFILE);
	if ((section_has_word(handler, KEY_PROFILE, profile) && handler_decides(rules, handler, KEY_PROFILE)) ||
	    (chosen && section_has_word(handler, KEY_PROFILES, profile) && handler_decides(rules, handler, KEY_PROFILES)))
		return true;
	for (const struct section *s = rules->sections[SECTION_RULE]; s; s = s->next)
		if (rule_gives(s, handler->name) && (section_has_word(s, KEY_PROFILE, profile) ||
						     (chosen && section_has_word(s, KEY_PROFILES, profile))))
			return true;
	return false;
}

static bool is_asked(const struct setting *approved)
{
	const char *list = approved ? approved->value : "";
	bool asked = false;
	char word[256];

	while (!asked && text_next_word(&list, word, sizeof(word)) > 0)
		asked = annotation_asks(word);
	return asked;
}

/* The line that forbids all that the handler's containers may ask for, or NULL: a rule can grant what the handler
 * forbids, and each rule can forbid what the handler allows. */
static const struct setting *forbids_all(const struct ruleset *rules, const struct section *handler)
{
	const struct setting *own = section_get(handler, KEY_CGROUP_WRITABLE), *last = NULL;
	const bool forbidden = section_has_word(handler, KEY_CGROUP_WRITABLE, "false");
	bool any = false;

	for (const struct section *s = rules->sections[SECTION_RULE]; s; s = s->next) {
		if (!section_has_word(s, KEY_HANDLER, handler->name))
			continue;
		any = true;
		last = section_get(s, KEY_CGROUP_WRITABLE);
		if (last ? strcmp(last->value, "false") != 0 : !forbidden)
			return NULL;
	}
	return any && last ? last : forbidden ? own : NULL;
}

/* True: the handler grants nothing, and more need not be said of it. */
static bool find_idle(const struct listener *to, const struct section *handler)
{
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const struct setting *forbids = forbids_all(to->rules, handler);

	if (is_asked(approved) && forbids)
		finding_tell(to, FINDING_HANDLER_IDLE, &approved->origin,
			     "take one of the two out, or add a rule with cgroup_writable = true",
			     "[handler %s] grants nothing: its approved_annotations ask, and cgroup_writable = false (%s:%u) forbids it",
			     handler->name, forbids->origin.file, forbids->origin.line);
	else if (!is_asked(approved) && !policy_grants_unasked(to->rules, handler) &&
		 !handler_judges_mounts(to->rules, handler))
		finding_tell(to, FINDING_HANDLER_IDLE, &handler->origin,
			     "approve cgdeleg.io/writable, or set cgroup_writable = true",
			     "[handler %s] grants nothing: none of its approved_annotations asks for a writable cgroup, and neither the handler nor a rule for it has cgroup_writable = true",
			     handler->name);
	else
		return false;
	return true;
}

static void tell_unasked(const struct listener *to, const struct section *section, const struct section *handler)
{
	const struct setting *profiles = section_get(section, KEY_PROFILES);
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const struct origin *other = approved ? &approved->origin : &handler->origin;

	if (profiles)
		finding_tell(to, FINDING_PROFILES_UNASKED, &profiles->origin,
			     "approve " ANNOTATION_PROFILE ", or take profiles out",
			     "profiles has no effect: [handler %s] (%s:%u) does not approve " ANNOTATION_PROFILE
			     ", so nobody can choose",
			     handler->name, other->file, other->line);
}

/* `profiles`, and the annotation that chooses one of them. */
static void find_choice(const struct listener *to, const struct section *handler)
{
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const struct setting *any = section_get(handler, KEY_PROFILES);
	const bool chosen = section_has_word(handler, KEY_APPROVED_ANNOTATIONS, ANNOTATION_PROFILE);

	if (!chosen)
		tell_unasked(to, handler, handler);
	for (const struct section *s = to->rules->sections[SECTION_RULE]; s; s = s->next)
		if (section_has_word(s, KEY_HANDLER, handler->name)) {
			any = any ? any : section_get(s, KEY_PROFILES);
			if (!chosen)
				tell_unasked(to, s, handler);
		}
	if (chosen && !any)
		finding_tell(to, FINDING_PROFILES_UNASKED, &approved->origin, "set profiles, or do not approve it",
			     "[handler %s] (%s:%u) approves " ANNOTATION_PROFILE
			     ", but neither it nor a rule for it has profiles to choose from: every container that chooses is refused",
			     handler->name, handler->origin.file, handler->origin.line);
}

static bool is_bounded(const struct listener *to, const struct section *handler, const char *file)
{
	static const enum key_id budgets[] = { KEY_BUDGET_MEMORY, KEY_BUDGET_PIDS, KEY_BUDGET_CPU };

	for (size_t i = 0; i < ELEMENTS(budgets); i++)
		if (strcmp(keys[budgets[i]].name + strlen("budget."), file) == 0 &&
		    (section_get(handler, budgets[i]) ||
		     section_get(ruleset_find(to->rules, SECTION_DEFAULTS, ""), budgets[i])))
			return true;
	for (const struct section *s = to->rules->sections[SECTION_PROFILE]; s; s = s->next)
		if (section_limit(s, file) && handler_gives(to->rules, handler, s->name))
			return true;
	return strncmp(file, "cgroup.", strlen("cgroup.")) == 0; /* these two are built in */
}

/* An annotation can lower a ceiling. Without one, or a budget that counts it, it is whatever the container says. */
static void find_alone(const struct listener *to, const struct section *handler)
{
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const char *list = approved ? approved->value : "";
	const size_t prefix = strlen(ANNOTATION_PREFIX);
	unsigned column;
	char word[256];
	int len;

	while ((len = text_next_word(&list, word, sizeof(word))) > 0)
		if (strncmp(word, ANNOTATION_PREFIX, prefix) == 0 && limit_type_find(word + prefix) &&
		    !is_bounded(to, handler, word + prefix))
			finding_tell(to, FINDING_ANNOTATION_ALONE, &setting_line(approved, list - len, &column)->origin,
				     "set a ceiling in the profile that it may lower",
				     "[handler %s] (%s:%u) approves %s, but none of its profiles has %s: without the annotation the container has no such ceiling",
				     handler->name, handler->origin.file, handler->origin.line, word, word + prefix);
}

void find_grants(const struct listener *to, const struct section *handler)
{
	if (find_idle(to, handler))
		return;
	find_choice(to, handler);
	find_alone(to, handler);
}

static bool is_named(const struct ruleset *rules, const char *profile)
{
	static const enum section_kind kinds[] = { SECTION_HANDLER, SECTION_RULE };

	for (size_t i = 0; i < ELEMENTS(kinds); i++)
		for (const struct section *s = rules->sections[kinds[i]]; s; s = s->next)
			if (section_has_word(s, KEY_PROFILE, profile) || section_has_word(s, KEY_PROFILES, profile))
				return true;
	return false;
}

void find_profiles(const struct listener *to)
{
	for (const struct section *s = to->rules->sections[SECTION_PROFILE]; s; s = s->next)
		if (!is_named(to->rules, s->name))
			finding_tell(to, FINDING_PROFILE_UNUSED, &s->origin,
				     "name it in 'profile' or 'profiles', or take it out",
				     "[profile %s] is not used: no handler and no rule names it", s->name);
}
