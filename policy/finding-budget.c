/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, budget - budgets that refuse everybody. See finding-part.h. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/finding-part.h"

#define DESCENDANTS_BUILT_IN 256 /* what a profile has that does not say */

/* What is added up, and its ceiling; NULL: grants. */
static const struct counted {
	enum key_id key;
	const char *file;
} counted[] = {
	{ KEY_MAX_DELEGATED, NULL },	     { KEY_MAX_TOTAL_DESCENDANTS, "cgroup.max.descendants" },
	{ KEY_BUDGET_MEMORY, "memory.max" }, { KEY_BUDGET_PIDS, "pids.max" },
	{ KEY_BUDGET_CPU, "cpu.max" },
};

/* One budget of one section. */
struct budget {
	const struct listener *to;
	const struct section *section; /* whose it is: [defaults], a handler or a rule */
	const struct counted *what;
	const struct setting *line; /* NULL: built in */
	struct limit_value most;
};

static bool is_max(const struct setting *setting)
{
	return setting && strcmp(setting->value, "max") == 0;
}

static void tell_too_small(const struct budget *b, const struct section *profile, const struct setting *limit)
{
	const char *most = b->line ? b->line->value : keys[b->what->key].initial;
	char place[300] = "built in", whose[80] = "";

	if (b->line)
		(void)snprintf(place, sizeof(place), "%s:%u", b->line->origin.file, b->line->origin.line);
	if (profile)
		(void)snprintf(whose, sizeof(whose), " of profile '%s'", profile->name);
	finding_tell(b->to, FINDING_BUDGET_TOO_SMALL, limit ? &limit->origin : &b->line->origin,
		     "lower the ceiling or raise the budget",
		     "no container%s can be granted anything: its %s, %s, is above %s = %s (%s)", whose, b->what->file,
		     limit ? limit->value : "256 unless a profile says less", keys[b->what->key].name, most, place);
}

/* A budget counts ceilings, so a container without one is refused. An annotation may supply it. */
static void tell_uncounted(const struct budget *b, const struct section *profile, const struct section *handler)
{
	if (profile)
		finding_tell(b->to, FINDING_BUDGET_UNCOUNTED, &b->line->origin, "set it in the profile",
			     "%s refuses every container of profile '%s' (%s:%u), which has no %s to be counted",
			     b->line->name, profile->name, profile->origin.file, profile->origin.line, b->what->file);
	else
		finding_tell(b->to, FINDING_BUDGET_UNCOUNTED, &b->line->origin, "give it a profile that sets one",
			     "%s refuses every container to which [handler %s] gives no profile, because without one it has no %s to be counted",
			     b->line->name, handler->name, b->what->file);
}

/* `handler` gives the profile to containers that the budget counts, and their annotations cannot make them fit.
 * `profile` is NULL for containers without one. */
static void judge(const struct budget *b, const struct section *profile, const struct section *handler)
{
	const bool built_in = b->what->key == KEY_MAX_TOTAL_DESCENDANTS;
	const struct limit_type *type = limit_type_find(b->what->file);
	const struct setting *limit = section_limit(profile, b->what->file);
	const struct limit_value none = { .number = built_in ? DESCENDANTS_BUILT_IN : LIMIT_MAX,
					  .period = LIMIT_CPU_PERIOD };

	if (!built_in && (!limit || is_max(limit)))
		tell_uncounted(b, profile, handler);
	else if ((limit || b->line) && !limit_within(type, limit ? &limit->limit : &none, &b->most))
		tell_too_small(b, profile, limit);
}

/* Of [defaults]: the first handler that can give a profile speaks for all that can. */
static void judge_node(const struct budget *b)
{
	const struct index *index = b->to->index;

	for (size_t i = 0; i < index->n_handlers; i++)
		if (index->handlers[i].without && !handler_lowers(index->handlers[i].section, b->what->file)) {
			judge(b, NULL, index->handlers[i].section);
			break;
		}
	for (size_t i = 0; i < index->n_profiles; i++)
		for (const struct index_pair *p = index->profiles[i].handlers; p; p = p->next_handler)
			if (!handler_lowers(p->handler->section, b->what->file)) {
				judge(b, p->profile->section, p->handler->section);
				break;
			}
}

static void judge_handler(const struct budget *b)
{
	const struct index_handler *handler = index_handler(b->to->index, b->section->name);

	if (handler_lowers(handler->section, b->what->file))
		return;
	if (handler->without)
		judge(b, NULL, handler->section);
	for (const struct index_pair *p = handler->profiles; p; p = p->next_profile)
		judge(b, p->profile->section, handler->section);
}

/* The rule's profile, or that of each of its handlers, each once. */
static void judge_rule(const struct budget *b)
{
	const struct setting *own = section_get(b->section, KEY_PROFILE),
			     *handlers = section_get(b->section, KEY_HANDLER);
	const char *list = handlers ? handlers->value : "";
	struct index *index = b->to->index;
	bool none_judged = false;
	char word[64]; /* a section's name */

	index->serial++;
	if (section_has_word(b->section, KEY_CGROUP_WRITABLE, "false"))
		return;
	while (text_next_word(&list, word, sizeof(word)) > 0) {
		const struct section *handler = ruleset_find(b->to->rules, SECTION_HANDLER, word);
		const struct setting *given = own ? own : section_get(handler, KEY_PROFILE);
		struct index_profile *profile = given ? index_profile(index, given->value) : NULL;

		if (!handler || handler_lowers(handler, b->what->file) ||
		    (profile ? profile->judged == index->serial : none_judged))
			continue;
		judge(b, profile ? profile->section : NULL, handler);
		if (profile)
			profile->judged = index->serial;
		else
			none_judged = true;
	}
}

static void find_budget(const struct listener *to, const struct section *section, const struct counted *what)
{
	struct budget b = { to, section, what, section_get(section, what->key), { 0 } };
	const bool node = section->kind == SECTION_DEFAULTS;
	uint64_t initial = LIMIT_MAX;

	if (is_max(b.line) || (!b.line && !node))
		return;
	if (b.line && b.line->limit.number == 0) {
		finding_tell(to, FINDING_BUDGET_TOO_SMALL, &b.line->origin, "raise it, or write max for no bound",
			     "%s = 0: no container that [%s%s%s] (%s:%u) counts can be granted anything", b.line->name,
			     section_kind_name(section->kind), *section->name ? " " : "", section->name,
			     section->origin.file, section->origin.line);
		return;
	}
	if (!b.line && text_to_u64(keys[what->key].initial, &initial) < 0)
		return;
	b.most = b.line ? b.line->limit : (struct limit_value) { .number = initial };
	if (!what->file)
		return;
	if (node)
		judge_node(&b);
	else if (section->kind == SECTION_HANDLER)
		judge_handler(&b);
	else
		judge_rule(&b);
}

void find_budgets(const struct listener *to, const struct section *section)
{
	for (size_t i = 0; i < ELEMENTS(counted); i++)
		find_budget(to, section, &counted[i]);
}
