/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings - what the grant is bounded by. See request.h.
 *
 * The profile's limits, then the two that no grant goes without, then what approved annotations lower. An annotation
 * can only lower: above the profile's ceiling it is clamped, and it adds a ceiling where the profile has none. For CPU
 * time it says how much, and the profile says over which period: a longer period would let the container run longer at
 * a stretch.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/request.h"

/* A writable subtree without these exhausts kernel memory that no limit charges. */
static const struct {
	const char *file;
	uint64_t number;
} built_in[] = {
	{ "cgroup.max.descendants", 256 },
	{ "cgroup.max.depth", 12 },
};

/* POLICY_LIMITS_MAX settings, the built-in ones and the annotated ones must all find room. */
_Static_assert(POLICY_LIMITS_MAX + ELEMENTS(built_in) + WISH_LIMITS_MAX <= DECISION_CEILINGS_MAX,
	       "a ceiling could be lost");

static struct ceiling *find(struct decision *d, const char *file)
{
	for (size_t i = 0; i < d->n_ceilings; i++)
		if (strcmp(d->ceilings[i].file, file) == 0)
			return &d->ceilings[i];
	return NULL;
}

static struct ceiling *add(struct request *request, const struct limit_type *type, const char *file,
			   const struct setting *line, const struct limit_value *value)
{
	struct decision *d = request->decision;

	/* Cannot be, see above; but a ceiling that is lost must never become a grant without it. */
	if (d->n_ceilings == DECISION_CEILINGS_MAX) {
		request_refuse(request, REASON_UNKNOWN, NULL, "the grant would have more than %d ceilings",
			       DECISION_CEILINGS_MAX);
		return NULL;
	}
	d->ceilings[d->n_ceilings] = (struct ceiling) { .type = type, .file = file, .line = line, .value = *value };
	return &d->ceilings[d->n_ceilings++];
}

/* What the policy says, before annotations lower it. */
static void from_policy(struct request *request)
{
	const struct setting *s = request->profile ? request->profile->settings : NULL;

	for (; s; s = s->next)
		if (s->key->id == KEY_LIMIT)
			(void)add(request, limit_type_find(s->name), s->name, s, &s->limit);
	for (size_t i = 0; i < ELEMENTS(built_in); i++)
		if (!find(request->decision, built_in[i].file))
			(void)add(request, limit_type_find(built_in[i].file), built_in[i].file, NULL,
				  &(struct limit_value) { .number = built_in[i].number });
}

/*
 * What is asked for, in the ceiling's own period and rounded down. False, and refused, when that is less than the
 * kernel takes. Both have been read by limit_parse(): the product is below 2^63.
 */
static bool keep_period(struct request *request, const struct wish_limit *limit, const struct limit_value *ceiling,
			struct limit_value *ret)
{
	char asked[64];

	*ret = limit->value;
	if (limit->type->kind != LIMIT_CPU || ceiling->number == LIMIT_MAX)
		return true;
	ret->number = limit->value.number * ceiling->period / limit->value.period;
	ret->period = ceiling->period;
	if (ret->number >= LIMIT_CPU_LEAST)
		return true;
	request_refuse(
		request, REASON_ANNOTATION_INVALID, request->approved,
		"annotation '%s' asks for %s, which in the ceiling's period of %llu microseconds is below the kernel's minimum of %d microseconds",
		FOREIGN(limit->key), limit_format(limit->type, &limit->value, asked, sizeof(asked)),
		(unsigned long long)ceiling->period, LIMIT_CPU_LEAST);
	return false;
}

static void lower(struct request *request, const struct wish_limit *limit)
{
	struct ceiling *ceiling = find(request->decision, limit->file);
	struct limit_value wanted = limit->value;
	char asked[64], most[64]; /* the kinds that an annotation may name are one or two numbers */

	if (ceiling && !limit_within(limit->type, &limit->value, &ceiling->value)) {
		request_note(request, REASON_LIMIT_CLAMPED, request->approved,
			     "annotation '%s' asks for %s, above its ceiling; the ceiling of %s applies",
			     FOREIGN(limit->key), limit_format(limit->type, &limit->value, asked, sizeof(asked)),
			     limit_format(limit->type, &ceiling->value, most, sizeof(most)));
		return;
	}
	if (ceiling && limit_within(limit->type, &ceiling->value, &limit->value))
		return; /* the same */
	if (ceiling && !keep_period(request, limit, &ceiling->value, &wanted))
		return;
	/* "max" where there is no ceiling: nothing is asked for and nothing lowered. */
	if (!ceiling && limit->value.number == LIMIT_MAX)
		return;
	if (!ceiling) {
		/* The name as it lives on: the facts', or the table's. Where neither has it the file is not there, and
		 * its ceiling is spoken of as "hugetlb.*.max". */
		const char *file = facts_file(request->facts, limit->file);

		ceiling = add(request, limit->type, file ? file : limit->type->key, request->approved, &wanted);
	}
	if (!ceiling)
		return;
	ceiling->value = wanted;
	ceiling->by_annotation = true;
}

/* Keeps the ceiling? A file that is not there cannot hold one. */
static bool keep(struct request *request, const struct ceiling *ceiling)
{
	const struct setting *line = ceiling->line;

	if (facts_file(request->facts, ceiling->file))
		return true;
	if (!ceiling->type->mandatory && request->decision->skip_missing) {
		request_note(request, REASON_LIMIT_SKIPPED, line,
			     "'%s' is missing in the container's cgroup, so its ceiling is skipped (on_missing_limit = skip)",
			     ceiling->file);
		return false;
	}
	request_refuse(request, REASON_LIMIT_MISSING, line,
		       "'%s' is missing in the container's cgroup, so its ceiling cannot be set; %s", ceiling->file,
		       ceiling->type->mandatory
			       ? "this ceiling is never skipped"
			       : "enable its controller for the container's parent, or set on_missing_limit = skip");
	return true;
}

static void drop_missing(struct request *request)
{
	struct decision *d = request->decision;
	size_t kept = 0;

	if (!request->facts->files) {
		request_refuse(
			request, REASON_UNKNOWN, NULL,
			"it is not known which limits the container's cgroup has, and what is not known is not granted");
		return;
	}
	for (size_t i = 0; i < d->n_ceilings; i++) {
		if (!keep(request, &d->ceilings[i]))
			continue;
		if (kept < i)
			d->ceilings[kept] = d->ceilings[i];
		kept++;
	}
	d->n_ceilings = kept;
}

/* In other systems 0 is no limit. Here it is one, which the policy or the annotation has asked for. */
static void note_zeros(struct request *request)
{
	const struct decision *d = request->decision;

	for (size_t i = 0; i < d->n_ceilings; i++) {
		const struct ceiling *c = &d->ceilings[i];

		if (c->type->zero && c->value.number == 0)
			request_note(request, REASON_LIMIT_ZERO, c->line,
				     "%s is 0%s: %s; 0 does not mean that there is no limit: write max, or leave it out",
				     c->file, c->by_annotation ? ", as an annotation asks" : "", c->type->zero);
	}
}

void request_ceilings(struct request *request)
{
	request->decision->skip_missing = request_is(request, KEY_ON_MISSING_LIMIT, "skip");
	from_policy(request);
	for (size_t i = 0; i < request->wish.n_limits; i++)
		lower(request, &request->wish.limits[i]);
	drop_missing(request);
	note_zeros(request);
}
