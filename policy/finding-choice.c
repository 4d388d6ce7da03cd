/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, choice - what annotations may choose that their writer should perhaps not. See finding-part.h. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "policy/annotation.h"
#include "policy/finding-part.h"

/* podman gives the annotations of an image (`podman build --annotation`) to its containers; no other engine does. Where the
 * handler grants unasked, an image can still choose the profile. */
void find_image_asks(const struct listener *to, const struct section *handler)
{
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const bool unasked = section_has_word(handler, KEY_CGROUP_WRITABLE, "true");
	const char *list = approved ? approved->value : "";
	char word[256];

	if (!section_has_word(handler, KEY_ENGINE, "podman") || section_has_word(handler, KEY_CGROUP_WRITABLE, "false"))
		return;
	while (text_next_word(&list, word, sizeof(word)) > 0) {
		if (!annotation_asks(word) || (unasked && strcmp(word, ANNOTATION_PROFILE) != 0))
			continue;
		finding_tell(to, FINDING_IMAGE_ASKS, &approved->origin,
			     unasked ? "remove it from approved_annotations, or accept that images choose"
				     : "set cgroup_writable = true instead, or accept that images ask",
			     "[handler %s] approves %s, and podman gives the annotations of an image to its containers: whoever builds an image can %s",
			     handler->name, word, unasked ? "choose the profile" : "ask for a writable cgroup");
		return;
	}
}

/* Does a budget of the section refuse who has no such ceiling? */
static bool is_budgeted(const struct section *section, const char *file)
{
	for (const struct setting *s = section ? section->settings : NULL; s; s = s->next)
		if (s->key->kind == KEY_BUDGET && strcmp(s->name + strlen("budget."), file) == 0)
			return true;
	return false;
}

/* The first ceiling of `own` that `chosen` lacks. The built-in ones are there in any case. */
static const struct setting *find_lost(const struct ruleset *rules, const struct section *handler,
				       const struct section *own, const struct section *chosen)
{
	for (const struct setting *s = own->settings; s; s = s->next) {
		const struct setting *other = section_limit(chosen, s->name);

		if (s->key->id == KEY_LIMIT && strcmp(s->value, "max") != 0 &&
		    (!other || strcmp(other->value, "max") == 0) && !limit_type_find(s->name)->mandatory &&
		    !is_budgeted(handler, s->name) && !is_budgeted(rules->sections[SECTION_DEFAULTS], s->name))
			return s;
	}
	return NULL;
}

/* `where` is the handler or one of its rules; a rule's own lines replace the handler's. */
static void find_choices_of(const struct listener *to, const struct section *handler, const struct section *where)
{
	const struct setting *list = section_get(where, KEY_PROFILES), *own = section_get(where, KEY_PROFILE);
	const char *at;
	char word[64]; /* a section's name */

	if (!list && !own)
		return;
	list = list ? list : section_get(handler, KEY_PROFILES);
	own = own ? own : section_get(handler, KEY_PROFILE);
	if (!list || !own)
		return;
	at = list->value;
	while (text_next_word(&at, word, sizeof(word)) > 0) {
		const struct section *mine = ruleset_find(to->rules, SECTION_PROFILE, own->value);
		const struct section *other = ruleset_find(to->rules, SECTION_PROFILE, word);
		const struct setting *lost =
			mine && other && mine != other ? find_lost(to->rules, handler, mine, other) : NULL;

		if (lost)
			finding_tell(to, FINDING_CHOICE_UNBOUNDED, &list->origin,
				     "set it there, or remove the profile from the list",
				     "an annotation may choose profile '%s' (%s:%u), which has no %s, and so escape that of profile '%s' (%s:%u)",
				     word, other->origin.file, other->origin.line, lost->name, own->value,
				     lost->origin.file, lost->origin.line);
	}
}

void find_choices(const struct listener *to, const struct index_handler *handler)
{
	if (!handler->chooses)
		return;
	find_choices_of(to, handler->section, handler->section);
	for (const struct index_rule *r = handler->rules; r; r = r->next)
		if (!r->forbids)
			find_choices_of(to, handler->section, r->rule);
}
