/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding parts - for the parts of finding.h alone.
 *
 * Parts:
 *     finding.c         the risks, the order of all, files that are not read
 *     finding-fault.c   complaints of the loader
 *     finding-choice.c  what annotations may choose that their writer should perhaps not
 *     finding-grant.c   handlers, profiles and annotations that cannot do what they are for
 *     finding-budget.c  budgets that refuse everybody
 *     finding-limit.c   ceilings and settings that stop everything, or nothing
 *     finding-mount.c   containers that nobody asks for and nothing bounds
 *     finding-rule.c    rules that no container gets to
 *     finding-host.c    what the host of this policy lacks
 */
#pragma once

#include "policy/finding.h"

/* Where findings go. */
struct listener {
	const struct ruleset *rules;
	finding_fn tell;
	void *userdata;
};

/* With the id and the severity of its page; `remedy` as in struct finding. */
void finding_tell(const struct listener *to, enum finding_id id, const struct origin *place, const char *remedy,
		  const char *fmt, ...) _printf_(5, 6);

/* Is it a rule for that handler that does not forbid? */
bool rule_gives(const struct section *rule, const char *handler);

/* Can a container of the handler get that profile? "": can it be without one? */
bool handler_gives(const struct ruleset *rules, const struct section *handler, const char *profile);

/* Does the handler let an annotation lower that limit file? */
bool handler_lowers(const struct section *handler, const char *file);

/* Could writable_mount bound or refuse one of that handler's containers? */
bool handler_judges_mounts(const struct ruleset *rules, const struct section *handler);

void find_grants(const struct listener *to, const struct section *handler);
void find_image_asks(const struct listener *to, const struct section *handler);
void find_choices(const struct listener *to, const struct section *handler);
void find_profiles(const struct listener *to);
void find_budgets(const struct listener *to, const struct section *section);
void find_limits(const struct listener *to, const struct section *section);
void find_unbounded(const struct listener *to, const struct section *handler);
void find_rule(const struct listener *to, const struct section *rule);
