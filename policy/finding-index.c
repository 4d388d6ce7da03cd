/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding, index - which rules, handlers and profiles go together. See finding-part.h.
 *
 * A policy may have thousands of rules and hundreds of handlers. To compare each with each would take minutes, so what
 * belongs together is looked up once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/annotation.h"
#include "policy/finding-part.h"

static int compare_places(const void *a, const void *b)
{
	const struct index_place *x = a, *y = b;

	return x->section < y->section ? -1 : x->section > y->section;
}

static void *find_place(const struct index_places *places, const struct section *section)
{
	const struct index_place key = { .section = section }, *found;

	found = section && places->n > 0 ? bsearch(&key, places->all, places->n, sizeof(key), compare_places) : NULL;
	return found ? found->row : NULL;
}

struct index_handler *index_handler(const struct index *index, const char *name)
{
	return find_place(&index->places[SECTION_HANDLER], ruleset_find(index->rules, SECTION_HANDLER, name));
}

struct index_profile *index_profile(const struct index *index, const char *name)
{
	return find_place(&index->places[SECTION_PROFILE], ruleset_find(index->rules, SECTION_PROFILE, name));
}

/* One row of `size` bytes, which begins with a pointer to its section, for each section of the kind, in order. */
static int add_rows(struct index *index, enum section_kind kind, size_t size, void *ret_rows, size_t *ret_n)
{
	struct index_places *places = &index->places[kind];
	char *rows;
	size_t n = 0;

	for (const struct section *s = index->rules->sections[kind]; s; s = s->next)
		places->n++;
	rows = arena_alloc(&index->arena, (places->n + 1) * size);
	places->all = arena_alloc(&index->arena, (places->n + 1) * sizeof(*places->all));
	if (!rows || !places->all)
		return -ENOMEM;
	for (const struct section *s = index->rules->sections[kind]; s; s = s->next, n++) {
		*(const struct section **)(void *)(rows + n * size) = s;
		places->all[n] = (struct index_place) { s, rows + n * size };
	}
	qsort(places->all, n, sizeof(*places->all), compare_places);
	*(void **)ret_rows = rows;
	*ret_n = n;
	return 0;
}

/* One more rule for each handler that it names. */
static int add_rule(struct index *index, const struct section *rule)
{
	const struct setting *setting = section_get(rule, KEY_HANDLER);
	const char *list = setting ? setting->value : "";
	char word[64]; /* a section's name */

	while (text_next_word(&list, word, sizeof(word)) > 0) {
		struct index_handler *handler = index_handler(index, word);
		struct index_rule *node;

		/* A list may name one twice. */
		if (!handler || (handler->last_rule && handler->last_rule->rule == rule))
			continue;
		node = arena_alloc(&index->arena, sizeof(*node));
		if (!node)
			return -ENOMEM;
		node->rule = rule;
		node->forbids = section_has_word(rule, KEY_CGROUP_WRITABLE, "false");
		if (handler->last_rule)
			handler->last_rule->next = node;
		else
			handler->rules = node;
		handler->last_rule = node;
	}
	return 0;
}

/* Does a container get what the handler itself says of that key? Not if every rule has its own. */
static bool decides_itself(const struct index_handler *handler, enum key_id id)
{
	bool any = false;

	for (const struct index_rule *r = handler->rules; r; r = r->next)
		if (!r->forbids) {
			if (!section_get(r->rule, id))
				return true;
			any = true;
		}
	return !any;
}

/* Containers of the handler can get each profile of the list. `given` false: it is only named. */
static int add_profiles(struct index *index, struct index_handler *handler, const struct setting *setting, bool given)
{
	const char *list = setting ? setting->value : "";
	char word[64];

	while (text_next_word(&list, word, sizeof(word)) > 0) {
		struct index_profile *profile = index_profile(index, word);
		struct index_pair *pair;

		if (!profile)
			continue;
		profile->named = true;
		if (!given || (profile->last_handler && profile->last_handler->handler == handler))
			continue;
		pair = arena_alloc(&index->arena, sizeof(*pair));
		if (!pair)
			return -ENOMEM;
		*pair = (struct index_pair) { handler, profile, NULL, NULL };
		if (profile->last_handler)
			profile->last_handler->next_handler = pair;
		else
			profile->handlers = pair;
		if (handler->last_profile)
			handler->last_profile->next_profile = pair;
		else
			handler->profiles = pair;
		profile->last_handler = handler->last_profile = pair;
	}
	return 0;
}

/* What a container of the handler can get, and whether it can be none. */
static int add_handler(struct index *index, struct index_handler *handler)
{
	const struct section *own = handler->section;
	const bool decides = decides_itself(handler, KEY_PROFILE);
	int r;

	handler->chooses = section_has_word(own, KEY_APPROVED_ANNOTATIONS, ANNOTATION_PROFILE);
	handler->without = !section_get(own, KEY_PROFILE) && decides;
	r = add_profiles(index, handler, section_get(own, KEY_PROFILE), decides);
	if (r >= 0)
		r = add_profiles(index, handler, section_get(own, KEY_PROFILES),
				 handler->chooses && decides_itself(handler, KEY_PROFILES));
	for (const struct index_rule *rule = handler->rules; r >= 0 && rule; rule = rule->next) {
		r = add_profiles(index, handler, section_get(rule->rule, KEY_PROFILE), !rule->forbids);
		if (r >= 0)
			r = add_profiles(index, handler, section_get(rule->rule, KEY_PROFILES),
					 handler->chooses && !rule->forbids);
	}
	return r;
}

bool nest_is_leaf(const struct setting *nest)
{
	return nest && strcmp(nest->value, "none") != 0;
}

int index_make(struct index *index, const struct ruleset *rules)
{
	static const enum section_kind nesting[] = { SECTION_DEFAULTS, SECTION_HANDLER, SECTION_PROFILE };
	int r;

	*index = (struct index) { .rules = rules };
	r = add_rows(index, SECTION_HANDLER, sizeof(*index->handlers), &index->handlers, &index->n_handlers);
	if (r >= 0)
		r = add_rows(index, SECTION_PROFILE, sizeof(*index->profiles), &index->profiles, &index->n_profiles);
	for (const struct section *s = rules->sections[SECTION_RULE]; r >= 0 && s; s = s->next)
		r = add_rule(index, s);
	for (size_t i = 0; r >= 0 && i < index->n_handlers; i++)
		r = add_handler(index, &index->handlers[i]);
	for (size_t i = 0; i < ELEMENTS(nesting); i++)
		for (const struct section *s = rules->sections[nesting[i]]; s; s = s->next)
			index->any_leaf = index->any_leaf || nest_is_leaf(section_get(s, KEY_NEST));
	return r;
}
