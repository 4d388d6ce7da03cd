/* SPDX-License-Identifier: Apache-2.0 */
/* Stricter: what an annotation's choice among profiles cannot weaken, and what it decides. */
#include "tests/unit/test-policy-case.h"

/* The keys of which the stricter setting wins where an annotation chose the profile, from the strictest. */
static const struct ladder {
	const char *key, *words[3];
	size_t n, built_in;
} ladders[] = {
	{ "guard", { "require", "prefer", "off" }, 3, 1 },
	{ "device_bpf", { "withhold", "runtime" }, 2, 0 },
	{ "pressure", { "deny", "allow" }, 2, 0 },
	{ "on_missing_limit", { "refuse", "skip" }, 2, 0 },
};

static size_t rung_of(const struct decision *d, size_t ladder)
{
	const size_t now[] = { d->guard, d->device_bpf, d->pressure, d->skip_missing };

	return now[ladder];
}

/* Where the container's own setting stands. */
enum place { IN_RULES_PROFILE, IN_HANDLERS_PROFILE, IN_HANDLER, IN_DEFAULTS, PLACE_MAX };

/* `own` and `chosen` are words, or ladder->n where the line is not there. */
static const struct decision *decide_chosen(const struct ladder *l, enum place place, size_t own, size_t chosen,
					    bool by_annotation)
{
	static const struct annotation asks[] = { { "cgdeleg.io/writable", "true" }, { "cgdeleg.io/profile", "chosen" } };
	struct facts facts = good_facts;
	char line[64] = "", weaker[64] = "", text[1024];

	if (own < l->n)
		(void)snprintf(line, sizeof(line), "%s = %s\n", l->key, l->words[own]);
	if (chosen < l->n)
		(void)snprintf(weaker, sizeof(weaker), "%s = %s\n", l->key, l->words[chosen]);
	(void)snprintf(text, sizeof(text),
		       "[defaults]\naudit = prefer\n%s[profile chosen]\npids.max = 10\n%s[profile own]\npids.max = 5\n%s"
		       "[handler h]\nengine = containerd\nprofiles = chosen\n"
		       "approved_annotations = cgdeleg.io/writable cgdeleg.io/profile\n%s%s%s",
		       place == IN_DEFAULTS ? line : "", weaker, place <= IN_HANDLERS_PROFILE ? line : "",
		       place == IN_HANDLER ? line : "", place == IN_HANDLERS_PROFILE ? "profile = own\n" : "",
		       !by_annotation		   ? "[rule r]\nhandler = h\nprofile = chosen\n"
		       : place == IN_RULES_PROFILE ? "[rule r]\nhandler = h\nprofile = own\n"
						   : "");
	annotate(&facts, asks, by_annotation ? 2 : 1);
	return decide_text(text, &facts);
}

/* Every pair of settings, wherever the container's own stands: an annotation's choice never weakens. */
TEST(test_stricter)
{
	for (size_t k = 0; k < ELEMENTS(ladders); k++)
		for (int p = 0; p < PLACE_MAX; p++)
			for (size_t own = 0; own <= ladders[k].n; own++)
				for (size_t chosen = 0; chosen <= ladders[k].n; chosen++) {
					const struct ladder *l = &ladders[k];
					const bool profile = p <= IN_HANDLERS_PROFILE;
					const struct decision *d = decide_chosen(l, (enum place)p, own, chosen, true);
					const size_t is = own == l->n ? l->built_in : own;
					/* Handler and defaults hold for both; a profile's own line for one. */
					const size_t else_ = profile ? l->built_in : is;
					const size_t asked = chosen < l->n ? chosen : else_;
					const size_t want = asked < is ? asked : is;

					if (rung_of(d, k) != want ||
					    !!find_reason(d, REASON_STRICTER_KEPT) != (asked > is))
						fail_msg("%s, place %d, own %zu, chosen %zu: %zu", l->key, p, own,
							 chosen, rung_of(d, k));
				}
}

/* Control: where the policy itself gives the profile, its setting applies, weaker or not. */
TEST(test_stricter_is_for_annotations)
{
	for (size_t k = 0; k < ELEMENTS(ladders); k++)
		for (size_t own = 0; own < ladders[k].n; own++)
			for (size_t chosen = 0; chosen < ladders[k].n; chosen++) {
				const struct decision *d = decide_chosen(&ladders[k], IN_HANDLER, own, chosen, false);

				assert_int_equal(rung_of(d, k), chosen);
				assert_null(find_reason(d, REASON_STRICTER_KEPT));
			}
}

/* Control: what has no stricter side is the chosen profile's. */
TEST(test_chosen_decides_the_rest)
{
	static const struct annotation asks[] = { { "cgdeleg.io/profile", "chosen" } };
	struct facts facts = good_facts;
	const struct decision *d;

	annotate(&facts, asks, 1);
	d = decide_text("[handler h]\nengine = crio\nprofiles = chosen\napproved_annotations = cgdeleg.io/profile\n"
			"nest = init\nowner = root\nenable_controllers = cpu\nprofile = own\n"
			"[profile own]\npids.max = 10\n"
			"[profile chosen]\nnest = none\nowner = process\nenable_controllers = pids\npids.max = 20\n",
			&facts);
	assert_int_equal(d->verdict, VERDICT_GRANT);
	assert_null(d->nest);
	assert_int_equal(d->owner_uid, 101000);
	assert_string_equal(d->controllers, "pids");
	assert_int_equal(find_ceiling(d, "pids.max")->value.number, 20);
}

/* Last: the code has a case above. */
TEST(test_all_reasons_seen)
{
	assert_all_seen(IN_STRICTER);
}
