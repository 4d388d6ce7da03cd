/* SPDX-License-Identifier: Apache-2.0 */
/* Explain, change - what whoever writes the policy can change; never what gives up a protection. See explain-trial.h. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/cli/explain-trial.h"

/* The rule's lines get what the container has. */
static bool widen_rule(struct attempt *a)
{
	struct trial *t = a->trial;
	struct considered_rule rule = { 0 };
	struct section *best = trial_nearest_rule(t, &rule);
	char place[160], shown[100];
	size_t used = 0;

	if (!best)
		return false;
	for (size_t i = 0; i < rule.n; i++) {
		const struct considered_selector *s = &rule.selectors[i];

		if (s->state == CONSIDERED_MATCHES)
			continue;
		/* An engine that states nothing: no pattern will ever match. */
		if (s->state == CONSIDERED_DIFFERS && !s->value)
			return false;
		if (!trial_take_out(t, best, s->setting))
			return false;
		if (s->state == CONSIDERED_UNTOLD)
			used += (size_t)snprintf(a->text + used, a->size - used, "%shave its %s match '%s'",
						 used ? ", and " : "", s->fact, s->setting->value);
		else
			used += (size_t)snprintf(a->text + used, a->size - used, "%sadd '%s' to %s", used ? ", and " : "",
						 text_escape(s->value, shown, sizeof(shown)), s->setting->key->name);
		if (used >= a->size)
			return false;
	}
	(void)snprintf(a->text + used, a->size - used, " of %s, or write a rule for it", trial_place(best, place));
	return true;
}

static bool concern_policy(struct attempt *a)
{
	struct trial *t = a->trial;
	struct section *section = trial_rule(t) ? trial_rule(t) : trial_handler(t);
	char place[160];

	if (!section)
		return false;
	if (trial_has_rules(t) && !t->decision.rule)
		return widen_rule(a);
	return trial_set(t, section, KEY_CGROUP_WRITABLE, "true") &&
	       attempt_say(a, "set cgroup_writable = true in %s: then all its containers are granted",
			   trial_place(section, place));
}

static bool approve(struct attempt *a)
{
	char value[1024];
	struct trial *t = a->trial;
	struct section *handler = trial_handler(t);
	const struct setting *approved = section_get(handler, KEY_APPROVED_ANNOTATIONS);
	const struct annotation *found;
	size_t i = 0;
	char place[160];

	while ((found = annotation_next_unapproved(approved ? approved->value : "", &t->facts, &i)) != NULL) {
		const char *key = found->key;

		if (!annotation_is_known(key) || !annotation_asks(key))
			continue;
		(void)snprintf(value, sizeof(value), "%s %s", approved ? approved->value : "", key);
		return trial_set(t, handler, KEY_APPROVED_ANNOTATIONS, arena_strdup(&t->asker->arena, value)) &&
		       attempt_say(a, "add %s to approved_annotations of %s", key, trial_place(handler, place));
	}
	return false;
}

static bool allow(struct attempt *a)
{
	struct trial *t = a->trial;
	struct section *section =
		trial_rule(t) && section_get(trial_rule(t), KEY_CGROUP_WRITABLE) ? trial_rule(t) : trial_handler(t);
	const struct setting *line = section_get(section, KEY_CGROUP_WRITABLE);
	char place[160];

	return line && trial_take_out(t, section, line) &&
	       attempt_say(a, "take cgroup_writable = false (line %u) out of %s", line->origin.line,
			   trial_place(section, place));
}

static bool allow_profile(struct attempt *a)
{
	char value[1024];
	struct trial *t = a->trial;
	struct section *from = section_get(trial_rule(t), KEY_PROFILES) ? trial_rule(t) : trial_handler(t);
	const struct setting *allowed = section_get(from, KEY_PROFILES);
	struct wish wish;
	const char *wanted = trial_wish(t, &wish)->profile;
	char place[160];

	if (!wanted || !trial_section(t, SECTION_PROFILE, wanted))
		return false;
	(void)snprintf(value, sizeof(value), "%s %s", allowed ? allowed->value : "", wanted);
	return trial_set(t, from, KEY_PROFILES, arena_strdup(&t->asker->arena, value)) &&
	       attempt_say(a, "add '%s' to profiles of %s", wanted, trial_place(from, place));
}

static bool skip_missing(struct attempt *a)
{
	struct section *section = trial_handler(a->trial);
	char place[160];

	return trial_set(a->trial, section, KEY_ON_MISSING_LIMIT, "skip") &&
	       attempt_say(a, "take the ceiling out of the profile, or set on_missing_limit = skip in %s",
			   trial_place(section, place));
}

static bool raise_budgets(struct attempt *a)
{
	static const enum key_id budgets[] = { KEY_MAX_TOTAL_DESCENDANTS, KEY_MAX_DELEGATED, KEY_BUDGET_MEMORY,
					       KEY_BUDGET_PIDS, KEY_BUDGET_CPU };
	struct trial *t = a->trial;
	struct section *sections[] = { t->asker->rules->sections[SECTION_DEFAULTS], trial_handler(t), trial_rule(t) };
	bool any = false;

	for (size_t s = 0; s < ELEMENTS(sections); s++)
		for (size_t i = 0; i < ELEMENTS(budgets); i++) {
			const struct setting *line = section_get(sections[s], budgets[i]);

			any |= line && trial_take_out(t, sections[s], line);
		}
	return any && attempt_say(a, "raise the budget, or give the profile a lower ceiling: %s", a->reason);
}

const struct change_row policy_changes[] = {
	{ REASON_NOT_CONCERNED, CHANGE_POLICY, .make = concern_policy },
	{ REASON_BOUNDED, CHANGE_POLICY, .make = concern_policy },
	{ REASON_WRITABLE_MOUNT, CHANGE_POLICY, .make = concern_policy },
	{ REASON_ANNOTATION_UNAPPROVED, CHANGE_POLICY, .make = approve },
	{ REASON_HANDLER_FORBIDS, CHANGE_POLICY, .make = allow },
	{ REASON_RULE_FORBIDS, CHANGE_POLICY, .make = allow },
	{ REASON_NO_RULE_MATCHES, CHANGE_POLICY, .make = widen_rule },
	{ REASON_PROFILE_NOT_ALLOWED, CHANGE_POLICY, .make = allow_profile },
	{ REASON_LIMIT_MISSING, CHANGE_POLICY, .make = skip_missing },
	{ REASON_BUDGET, CHANGE_POLICY, .make = raise_budgets },
};

const size_t n_policy_changes = ELEMENTS(policy_changes);
