/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, grant - handlers, profiles and annotations that cannot do what they are for. See finding-part.h. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/annotation.h"
#include "policy/finding-part.h"

bool handler_lowers(const struct section *handler, const char *file)
{
	char key[LIMIT_FILE_SIZE + sizeof(ANNOTATION_PREFIX)];

	(void)snprintf(key, sizeof(key), ANNOTATION_PREFIX "%s", file);
	return section_has_word(handler, KEY_APPROVED_ANNOTATIONS, key);
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
static const struct setting *forbids_all(const struct index_handler *handler)
{
	const struct setting *own = section_get(handler->section, KEY_CGROUP_WRITABLE), *last = NULL;
	const bool forbidden = section_has_word(handler->section, KEY_CGROUP_WRITABLE, "false");

	for (const struct index_rule *r = handler->rules; r; r = r->next) {
		last = section_get(r->rule, KEY_CGROUP_WRITABLE);
		if (last ? !r->forbids : !forbidden)
			return NULL;
	}
	return last ? last : forbidden ? own : NULL;
}

/* As policy_grants_unasked(), without a look at the rules of other handlers. */
static bool grants_unasked(const struct index_handler *handler)
{
	if (section_has_word(handler->section, KEY_CGROUP_WRITABLE, "true"))
		return true;
	for (const struct index_rule *r = handler->rules; r; r = r->next)
		if (section_has_word(r->rule, KEY_CGROUP_WRITABLE, "true"))
			return true;
	return false;
}

/* True: the handler grants nothing, and more need not be said of it. */
static bool find_idle(const struct listener *to, const struct index_handler *row)
{
	const struct section *handler = row->section;
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const struct setting *forbids = forbids_all(row);

	if (is_asked(approved) && forbids)
		finding_tell(to, FINDING_HANDLER_IDLE, &approved->origin,
			     "remove one of the two, or add a rule with cgroup_writable = true",
			     "[handler %s] grants nothing: its approved_annotations ask, and cgroup_writable = false (%s:%u) forbids it",
			     handler->name, forbids->origin.file, forbids->origin.line);
	else if (!is_asked(approved) && !grants_unasked(row) && !handler_judges_mounts(row))
		finding_tell(to, FINDING_HANDLER_IDLE, &handler->origin,
			     "add cgdeleg.io/writable to approved_annotations, or set cgroup_writable = true",
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
			     "add " ANNOTATION_PROFILE " to approved_annotations, or remove profiles",
			     "profiles has no effect: [handler %s] (%s:%u) does not approve " ANNOTATION_PROFILE
			     ", so nobody can choose",
			     handler->name, other->file, other->line);
}

/* `profiles`, and the annotation that chooses one of them. */
static void find_choice(const struct listener *to, const struct index_handler *row)
{
	const struct section *handler = row->section;
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const struct setting *any = section_get(handler, KEY_PROFILES);

	if (!row->chooses)
		tell_unasked(to, handler, handler);
	for (const struct index_rule *r = row->rules; r; r = r->next) {
		any = any ? any : section_get(r->rule, KEY_PROFILES);
		if (!row->chooses)
			tell_unasked(to, r->rule, handler);
	}
	if (row->chooses && !any)
		finding_tell(to, FINDING_PROFILES_UNASKED, &approved->origin,
			     "set profiles, or remove it from approved_annotations",
			     "[handler %s] (%s:%u) approves " ANNOTATION_PROFILE
			     ", but neither it nor a rule for it has profiles to choose from: every container that chooses is refused",
			     handler->name, handler->origin.file, handler->origin.line);
}

static bool is_bounded(const struct listener *to, const struct index_handler *handler, const char *file)
{
	static const enum key_id budgets[] = { KEY_BUDGET_MEMORY, KEY_BUDGET_PIDS, KEY_BUDGET_CPU };

	for (size_t i = 0; i < ELEMENTS(budgets); i++)
		if (strcmp(keys[budgets[i]].name + strlen("budget."), file) == 0 &&
		    (section_get(handler->section, budgets[i]) ||
		     section_get(ruleset_find(to->rules, SECTION_DEFAULTS, ""), budgets[i])))
			return true;
	for (const struct index_pair *pair = handler->profiles; pair; pair = pair->next_profile)
		if (section_limit(pair->profile->section, file))
			return true;
	return strncmp(file, "cgroup.", strlen("cgroup.")) == 0; /* these two are built in */
}

/* An annotation can lower a ceiling. Without one, or a budget that counts it, it is whatever the container says. */
static void find_alone(const struct listener *to, const struct index_handler *row)
{
	const struct section *handler = row->section;
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const char *list = approved ? approved->value : "";
	const size_t prefix = strlen(ANNOTATION_PREFIX);
	unsigned column;
	char word[256];
	int len;

	while ((len = text_next_word(&list, word, sizeof(word))) > 0)
		if (strncmp(word, ANNOTATION_PREFIX, prefix) == 0 && limit_type_find(word + prefix) &&
		    !is_bounded(to, row, word + prefix))
			finding_tell(to, FINDING_ANNOTATION_ALONE, &setting_line(approved, list - len, &column)->origin,
				     "set a ceiling in the profile that it may lower",
				     "[handler %s] (%s:%u) approves %s, but none of its profiles has %s: without the annotation the container has no such ceiling",
				     handler->name, handler->origin.file, handler->origin.line, word, word + prefix);
}

void find_grants(const struct listener *to, const struct index_handler *handler)
{
	if (find_idle(to, handler))
		return;
	find_choice(to, handler);
	find_alone(to, handler);
}

void find_profiles(const struct listener *to)
{
	for (size_t i = 0; i < to->index->n_profiles; i++) {
		const struct index_profile *profile = &to->index->profiles[i];
		const struct section *s = profile->section;

		if (!profile->named)
			finding_tell(to, FINDING_PROFILE_UNUSED, &s->origin,
				     "name it in 'profile' or 'profiles', or remove it",
				     "[profile %s] is not used: no handler and no rule names it", s->name);
	}
}
