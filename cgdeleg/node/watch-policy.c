/* SPDX-License-Identifier: Apache-2.0 */
/* Watch, policy - ceilings of running containers are lowered because the policy was. See watch.h. */
#include <errno.h>
#include <syslog.h>

#include "cgdeleg/kernel/limits.h"
#include "cgdeleg/node/watch-parts.h"
#include "policy/ruleset.h"

/* Lowers one ceiling to what the policy says: 1, 0 where it says nothing lower, or an error; says what is not done. A
 * device that the policy does not name any more keeps the ceiling that it has: taking it off would be a raise. */
static int lower_one(struct watch *watch, const struct watched *w, const struct limit_value *wanted,
		     struct arena *arena, struct ceiling *ceiling, struct err *err)
{
	struct limit_value lower;
	char a[LIMIT_TEXT_SIZE], b[LIMIT_TEXT_SIZE];
	int r = limit_smaller(ceiling->type, &ceiling->value, wanted, arena, &lower, err);

	if (r > 0 && limit_check_common(ceiling->file, ceiling->type, &ceiling->value, &lower, NULL) < 0)
		r = 0;
	if (r > 0) {
		r = limit_add_lines(ceiling->type, &lower, &ceiling->value, arena, err);
		r = r == -E2BIG ? 0 : r < 0 ? r : 1;
	}
	if (r > 0)
		ceiling->value = lower;
	if (r == 0 && !limit_within(ceiling->type, wanted, &ceiling->value))
		watch_say(watch, LOG_INFO,
			  "%s: '%s' keeps its ceiling %s although the policy's is %s: an annotation asked for it, or the policy was changed, and a ceiling that it raises applies only to containers that start from now on",
			  w->name, ceiling->file, limit_format(ceiling->type, &ceiling->value, a, sizeof(a)),
			  limit_format(ceiling->type, wanted, b, sizeof(b)));
	return r;
}

/* The ceilings, each as the policy has lowered it. Returns how many are lower, or an error. */
static int lower_all(struct watch *watch, const struct watched *w, const struct section *profile,
		     struct attribute *attribute, struct ceiling **ret, struct err *err)
{
	struct ceiling *ceilings = arena_alloc(&attribute->arena, attribute->n_ceilings * sizeof(*ceilings));
	int n = 0;

	if (!ceilings)
		return err_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < attribute->n_ceilings; i++) {
		const struct setting *setting;
		int r;

		ceilings[i] = attribute->ceilings[i];
		setting = section_limit(profile, ceilings[i].file);
		r = setting ? lower_one(watch, w, &setting->limit, &attribute->arena, &ceilings[i], err) : 0;
		if (r < 0)
			return r;
		n += r;
	}
	*ret = ceilings;
	return n;
}

void watch_lower(struct watch *watch, struct watched *w, struct attribute *attribute)
{
	const struct section *profile;
	struct attribute lowered;
	struct ceiling *ceilings = NULL;
	struct err err = { 0 };
	char text[ATTRIBUTE_SIZE];
	int n;

	if (!watch->args.rules)
		return;
	profile = ruleset_find(watch->args.rules, SECTION_PROFILE, attribute->profile);
	if (!profile) {
		if (attribute->profile[0])
			watch_say(watch, LOG_INFO, "%s: the policy has no profile '%s' any more; its ceilings stay",
				  w->name, attribute->profile);
		return;
	}
	n = lower_all(watch, w, profile, attribute, &ceilings, &err);
	if (n == 0)
		return;
	lowered = *attribute;
	lowered.ceilings = ceilings;
	if (n < 0 || attribute_format(&lowered, text, sizeof(text), &err) < 0 ||
	    attribute_write(w->fd, text, false, &err) < 0) {
		watch_say(watch, LOG_ERR, "%s: cannot lower its ceilings: %s", w->name, err.text);
		return;
	}
	attribute->ceilings = ceilings;
	w->lowered = true;
	watch->counts.lowered += (uint64_t)n;
	watch_note(watch, w, "policy-lowered", LOG_NOTICE,
		   "the policy has lowered %d of its ceilings; the new ones are in force", n);
}
