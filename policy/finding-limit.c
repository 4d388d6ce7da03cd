/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, limit - ceilings and settings that stop everything, or nothing. See finding-part.h. */
#include <string.h>

#include "base/cleanup.h"
#include "policy/finding-part.h"

static void find_zeros(const struct listener *to, const struct setting *setting)
{
	const struct limit_type *type = limit_type_find(setting->name);

	if (type->zero && setting->limit.number == 0)
		finding_tell(to, FINDING_LIMIT_ZERO, &setting->origin, "write max, or remove it",
			     "%s = 0: %s; 0 does not mean that there is no limit", setting->name, type->zero);
	for (size_t i = 0; strcmp(setting->name, "io.max") == 0 && i < limit_n_lines(&setting->limit); i++)
		for (size_t n = 0; n < LIMIT_PARAMS; n++)
			if (setting->limit.lines->lines[i].values[n] == 0) {
				finding_tell(to, FINDING_LIMIT_ZERO, &setting->origin, "write max, or remove it",
					     "io.max has a 0 for %s, which the kernel refuses: no container can be granted anything",
					     setting->limit.lines->lines[i].name);
				return;
			}
}

/* Of two ceilings, the first only has an effect below the second. */
static void find_order(const struct listener *to, const struct section *profile)
{
	static const char *const pairs[][2] = { { "memory.high", "memory.max" },
						{ "memory.swap.high", "memory.swap.max" } };

	for (size_t i = 0; i < ELEMENTS(pairs); i++) {
		const struct setting *low = section_limit(profile, pairs[i][0]),
				     *high = section_limit(profile, pairs[i][1]);

		if (low && high && low->limit.number != LIMIT_MAX && low->limit.number > high->limit.number)
			finding_tell(to, FINDING_SETTINGS_CONFLICT, &low->origin, "set it below, or remove it",
				     "%s has no effect: it is above %s = %s (%s:%u)", low->name, high->name,
				     high->value, high->origin.file, high->origin.line);
	}
}

/* Settings of one section of which the second takes the first's effect. `value` NULL: any. */
static const struct {
	enum key_id key;
	const char *value;
	enum key_id by;
	const char *by_value, *text, *remedy;
} conflicts[] = {
	{ KEY_PRESSURE, NULL, KEY_GUARD, "off",
	  "pressure has no effect: only the grant guard could deny it, and guard = off", "remove one of the two" },
	{ KEY_GUARD, "off", KEY_REQUIRE_USERNS, "false",
	  "guard = off has no effect on containers without a user namespace: they need the guard, because require_userns = false",
	  "remove one of the two" },
	{ KEY_GUARD, "prefer", KEY_REQUIRE_USERNS, "false",
	  "guard = prefer has no effect on containers without a user namespace: they need the guard, because require_userns = false",
	  "set guard = require" },
	{ KEY_ON_REFUSAL, "readonly", KEY_REQUIRE_USERNS, "false",
	  "on_refusal = readonly has no effect on containers without a user namespace, which are not created if refused: without one, a cgroup cannot be taken back, and require_userns = false lets them ask",
	  "remove one of the two" },
};

static void find_conflicts(const struct listener *to, const struct section *section)
{
	for (size_t i = 0; i < ELEMENTS(conflicts); i++) {
		const struct setting *one = section_get(section, conflicts[i].key),
				     *by = section_get(section, conflicts[i].by);

		if (one && by && strcmp(by->value, conflicts[i].by_value) == 0 &&
		    (!conflicts[i].value || strcmp(one->value, conflicts[i].value) == 0))
			finding_tell(to, FINDING_SETTINGS_CONFLICT, &one->origin, conflicts[i].remedy, "%s (%s:%u)",
				     conflicts[i].text, by->origin.file, by->origin.line);
	}
}

static void find_per(const struct listener *to, const struct section *section)
{
	static const enum key_id budgets[] = { KEY_MAX_DELEGATED, KEY_MAX_TOTAL_DESCENDANTS, KEY_BUDGET_MEMORY,
					       KEY_BUDGET_PIDS, KEY_BUDGET_CPU };
	const struct setting *per = section_get(section, KEY_PER);

	for (size_t i = 0; i < ELEMENTS(budgets); i++)
		if (section_get(section, budgets[i]))
			return;
	if (per)
		finding_tell(to, FINDING_SETTINGS_CONFLICT, &per->origin, "set a budget beside it, or remove it",
			     "per has no effect: [%s%s%s] (%s:%u) has no budget", section_kind_name(section->kind),
			     *section->name ? " " : "", section->name, section->origin.file, section->origin.line);
}

/* A leaf is a cgroup, and needs room; the controllers are enabled for it alone. */
static void find_leaves(const struct listener *to, const struct section *section)
{
	static const char *const rooms[] = { "cgroup.max.descendants", "cgroup.max.depth" };
	const struct setting *enable = section_get(section, KEY_ENABLE_CONTROLLERS);
	const struct setting *own = section_get(section, KEY_NEST);

	for (size_t i = 0; i < ELEMENTS(rooms); i++) {
		const struct setting *room = section_limit(section, rooms[i]);

		if (nest_is_leaf(own) && room && room->limit.number == 0)
			finding_tell(to, FINDING_SETTINGS_CONFLICT, &own->origin, "raise it, or write nest = none",
				     "nest = %s needs a cgroup, and %s = 0 (%s:%u) allows none: no container can be granted anything",
				     own->value, room->name, room->origin.file, room->origin.line);
	}
	if (enable && own && !nest_is_leaf(own))
		finding_tell(to, FINDING_SETTINGS_CONFLICT, &enable->origin,
			     "set nest to the name of a leaf, or remove one of the two",
			     "enable_controllers has no effect: controllers are enabled only above a leaf, and nest = none (%s:%u)",
			     own->origin.file, own->origin.line);
	else if (enable && !own && !to->index->any_leaf)
		finding_tell(
			to, FINDING_SETTINGS_CONFLICT, &enable->origin, "set nest to the name of a leaf, such as init",
			"enable_controllers has no effect: controllers are enabled only above a leaf, and no section sets nest");
}

void find_limits(const struct listener *to, const struct section *section)
{
	for (const struct setting *s = section->settings; s; s = s->next)
		if (s->key->id == KEY_LIMIT)
			find_zeros(to, s);
	if (section->kind == SECTION_PROFILE)
		find_order(to, section);
	find_conflicts(to, section);
	find_per(to, section);
	find_leaves(to, section);
}
