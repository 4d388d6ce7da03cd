/* SPDX-License-Identifier: Apache-2.0 */
/* Explain, trial - changes that are tried until the policy grants. See explain-trial.h. */
#include "cgdeleg/cli/explain-trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

bool attempt_say(const struct attempt *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(a->text, a->size, fmt, ap) < 0)
		a->text[0] = '\0';
	va_end(ap);
	return true;
}

struct section *trial_section(const struct trial *t, enum section_kind kind, const char *name)
{
	struct section *s = name ? t->asker->rules->sections[kind] : NULL;

	while (s && strcmp(s->name, name) != 0)
		s = s->next;
	return s;
}

struct section *trial_handler(const struct trial *t)
{
	return trial_section(t, SECTION_HANDLER, t->facts.handler);
}

struct section *trial_rule(const struct trial *t)
{
	return trial_section(t, SECTION_RULE, t->decision.rule);
}

/* Sets *place, to be restored. */
static bool edit(struct trial *t, struct setting **place, struct setting *to)
{
	if (t->n_edits == TRIAL_EDITS_MAX)
		return false;
	t->edits[t->n_edits++] = (struct edit) { place, *place };
	*place = to;
	return true;
}

/* A line in front of the others: it is the one that is found. */
bool trial_set(struct trial *t, struct section *section, enum key_id key, const char *value)
{
	struct setting *made = &t->made[t->n_edits];

	if (!section || !value || t->n_edits == TRIAL_EDITS_MAX)
		return false;
	*made = (struct setting) {
		.key = &keys[key], .name = keys[key].name, .value = value, .origin = section->origin, .next = section->settings
	};
	return edit(t, &section->settings, made);
}

bool trial_take_out(struct trial *t, struct section *section, const struct setting *setting)
{
	struct setting **place = section ? &section->settings : NULL;

	while (place && *place && *place != setting)
		place = &(*place)->next;
	return place && *place && edit(t, place, (*place)->next);
}

/* "[rule ci] (policy.ini:3)" */
const char *trial_place(const struct section *section, char buf[160])
{
	const char *file = section->origin.file ? strrchr(section->origin.file, '/') : NULL;

	(void)snprintf(buf, 160, "[%s %s] (%s:%u)", section_kind_name(section->kind), section->name,
		       file		      ? file + 1
		       : section->origin.file ? section->origin.file
					      : "?",
		       section->origin.line);
	return buf;
}

bool trial_has_rules(const struct trial *t)
{
	for (const struct section *s = t->asker->rules->sections[SECTION_RULE]; s; s = s->next)
		if (section_has_word(s, KEY_HANDLER, t->facts.handler))
			return true;
	return false;
}

/* Puts the annotation with that value, in place of one of the same key. */
bool trial_annotate(struct trial *t, const char *key, const char *value)
{
	size_t i = 0;

	while (i < t->facts.n_annotations && strcmp(t->annotations[i].key, key) != 0)
		i++;
	if (i == TRIAL_ANNOTATIONS_MAX || !value)
		return false;
	t->annotations[i] = (struct annotation) { key, value };
	t->facts.n_annotations += i == t->facts.n_annotations;
	return true;
}

void trial_forget(struct trial *trial, size_t i)
{
	memmove(&trial->annotations[i], &trial->annotations[i + 1],
		(--trial->facts.n_annotations - i) * sizeof(trial->annotations[0]));
}

const struct wish *trial_wish(const struct trial *t, struct wish *wish)
{
	const struct setting *approved = section_get(trial_handler(t), KEY_APPROVED_ANNOTATIONS);

	wish_read(approved ? approved->value : NULL, &t->facts, &t->decision.who, wish);
	return wish;
}

/* The rule that fits best: the fewest of its lines do not match. It must not forbid. */
struct section *trial_nearest_rule(const struct trial *t, struct considered_rule *ret)
{
	const struct section *at = NULL, *best = NULL;
	struct considered_rule rule;
	size_t fewest = CONSIDER_SELECTORS + 1;

	while (consider_next(t->asker->rules, t->facts.handler, &t->decision.who, t->answer->question->untold, true,
			     &at, &rule)) {
		const struct setting *writable = section_get(at, KEY_CGROUP_WRITABLE);
		size_t n = 0;

		for (size_t i = 0; i < rule.n; i++)
			n += rule.selectors[i].state != CONSIDERED_MATCHES;
		if (n == 0 || n >= fewest || (writable && strcmp(writable->value, "false") == 0))
			continue;
		fewest = n;
		best = at;
		*ret = rule;
	}
	return best ? trial_section(t, SECTION_RULE, best->name) : NULL;
}

static const char *const changers[CHANGER_MAX] = {
	[CHANGE_CONTAINER] = "container",
	[CHANGE_POLICY] = "policy",
	[CHANGE_NODE] = "node",
};

const char *changer_name(enum changer by)
{
	return changers[by];
}

/* Has the way this change already? Then making it again changes nothing. */
static bool is_known(const struct way *way, const char *text)
{
	for (size_t i = 0; i < way->n; i++)
		if (strcmp(way->changes[i].text, text) == 0)
			return true;
	return false;
}

static bool make(const struct change_row *row, struct attempt *attempt)
{
	char *at = (char *)&attempt->trial->facts + row->member;

	if (row->make)
		return row->make(attempt);
	memcpy(at, row->is_text ? (const void *)&row->text : &row->value,
	       row->is_text ? sizeof(row->text) : sizeof(row->value));
	return attempt_say(attempt, "%s", attempt->reason);
}

static bool try_rows(struct trial *t, const struct reason *reason, const struct change_row *rows, size_t n, struct way *way)
{
	struct change *change = &way->changes[way->n];
	struct attempt attempt = { t, reason->text, change->text, sizeof(change->text) };

	for (size_t i = 0; i < n; i++) {
		if (rows[i].code != reason->code || !make(&rows[i], &attempt) || is_known(way, change->text))
			continue;
		change->by = rows[i].by;
		way->n++;
		return true;
	}
	return false;
}

/* One change for the weightiest reason that one is known for. */
static bool change_something(struct trial *t, bool policy, struct way *way)
{
	const struct decision *d = &t->decision;

	for (size_t i = 0; i < d->n_reasons; i++) {
		const struct reason *reason = &d->reasons[i];

		if ((policy && try_rows(t, reason, policy_changes, n_policy_changes, way)) ||
		    try_rows(t, reason, container_changes, n_container_changes, way))
			return true;
		/* A refusal that nothing is known for stays, whatever else is changed. */
		if (d->reasons[i].kind == REASON_REFUSES)
			return false;
	}
	return false;
}

static void find_way(struct trial *t, bool policy, struct way *way)
{
	const struct trail *trail = t->answer->trail;

	t->facts = trail->facts;
	t->facts.annotations = t->annotations;
	t->facts.n_annotations = 0;
	for (size_t i = 0; i < trail->facts.n_annotations && i < TRIAL_ANNOTATIONS_MAX; i++)
		t->annotations[t->facts.n_annotations++] = trail->facts.annotations[i];
	if (t->facts.grants_known != TRI_YES)
		t->facts.grants_known = TRI_YES;
	*way = (struct way) { 0 };
	for (;;) {
		policy_decide(t->asker->rules, &t->facts, &t->decision);
		way->granted = t->decision.verdict == VERDICT_GRANT;
		if (way->granted || way->n == CHANGES_MAX || !change_something(t, policy, way))
			break;
	}
	while (t->n_edits > 0) {
		const struct edit *e = &t->edits[--t->n_edits];

		*e->place = e->was;
	}
}

void explain_changes(struct asker *asker, struct answer *answer)
{
	const enum verdict verdict = answer->trail->decision.verdict;
	struct trial *t = NULL;

	answer->n_ways = 0;
	if (verdict == VERDICT_GRANT || verdict == VERDICT_UNKNOWN || ruleset_is_broken(asker->rules))
		return;
	t = calloc(1, sizeof(*t));
	if (!t)
		return;
	t->asker = asker;
	t->answer = answer;
	find_way(t, false, &answer->ways[0]);
	answer->n_ways = answer->ways[0].granted;
	find_way(t, true, &answer->ways[answer->n_ways]);
	if (answer->n_ways == 0) {
		answer->n_ways = 1;
	} else if (answer->ways[1].granted) {
		/* The same changes again say nothing. */
		for (size_t i = 0; answer->n_ways == 1 && i < answer->ways[1].n; i++)
			answer->n_ways += !is_known(&answer->ways[0], answer->ways[1].changes[i].text);
	}
	free(t);
}
