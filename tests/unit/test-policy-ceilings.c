/* SPDX-License-Identifier: Apache-2.0 */
/* What a grant is bounded by: profiles, built-in ceilings, and annotations that can only lower them. */
#include "tests/unit/test-policy-case.h"

static void test_profiles(void **state)
{
	static const struct {
		const char *value, *profile;
		enum verdict verdict;
		int code;
	} cases[] = {
		{ "small", "small", VERDICT_GRANT, REASON_ANNOTATION_GRANTS },
		{ "ci", "ci", VERDICT_GRANT, REASON_ANNOTATION_GRANTS },
		{ "secret", "small", VERDICT_REFUSE, REASON_PROFILE_NOT_ALLOWED },
		{ "none", "small", VERDICT_REFUSE, REASON_PROFILE_UNKNOWN },
		{ "../ci", NULL, VERDICT_REFUSE, REASON_ANNOTATION_INVALID },
		{ "ci small", NULL, VERDICT_REFUSE, REASON_ANNOTATION_INVALID },
		{ "", NULL, VERDICT_REFUSE, REASON_ANNOTATION_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct annotation a = { "cgdeleg.io/profile", cases[i].value };
		const struct decision *d = decide_asking(&a, 1);

		assert_int_equal(d->verdict, cases[i].verdict);
		assert_int_equal(d->reasons[0].code, cases[i].code);
		if (cases[i].profile)
			assert_string_equal(d->profile, cases[i].profile);
		else
			assert_null(d->profile);
	}
	assert_null(decision.nest);
}

/* A rule's profile stands above the handler's; its list replaces the handler's. */
static void test_rule_profiles(void **state)
{
	static const struct annotation ask = { "cgdeleg.io/profile", "ci" };
	struct facts facts = good_facts;

	(void)state;
	decide_text(ASKING "cgroup_writable = true\n[rule r]\nhandler = h\nprofile = secret\n",
		    &facts);
	assert_string_equal(decision.profile, "secret");
	assert_string_equal(decision.rule, "r");
	facts.annotations = &ask;
	facts.n_annotations = 1;
	decide_text(ASKING "[rule r]\nhandler = h\nprofiles = secret\n", &facts);
	assert_int_equal(decision.reasons[0].code, REASON_PROFILE_NOT_ALLOWED);
	assert_int_equal(decision.reasons[0].origin.line, 18);
	decide_text(ASKING "[rule r]\nhandler = h\n", &facts);
	assert_string_equal(decision.profile, "ci");
}

static void test_limits(void **state)
{
	static const struct {
		const char *key, *value, *file, *result; /* NULL: no ceiling on it */
		bool by_annotation, clamped;
	} cases[] = {
		{ "cgdeleg.io/memory.max", "512M", "memory.max", "536870912", true, false },
		{ "cgdeleg.io/memory.max", "1G", "memory.max", "1073741824", false, false },
		{ "cgdeleg.io/memory.max", "2G", "memory.max", "1073741824", false, true },
		{ "cgdeleg.io/memory.max", "max", "memory.max", "1073741824", false, true },
		{ "cgdeleg.io/cpu.max", "1.5", "cpu.max", "150000 100000", true, false },
		{ "cgdeleg.io/cpu.max", "400000 200000", "cpu.max", "200000 100000", false, false },
		{ "cgdeleg.io/cpu.max", "3", "cpu.max", "200000 100000", false, true },
		{ "cgdeleg.io/hugetlb.2MB.max", "1G", "hugetlb.2MB.max", NULL, false, false },
		{ "cgdeleg.io/memory.swap.max", "0", "memory.swap.max", NULL, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct annotation a[] = { { "cgdeleg.io/writable", "true" },
					  { cases[i].key, cases[i].value } };
		const struct decision *d = decide_asking(a, 2);
		const struct ceiling *c = find_ceiling(d, cases[i].file);
		char buf[LIMIT_TEXT_SIZE];

		assert_int_equal(find_reason(d, REASON_LIMIT_CLAMPED) != NULL, cases[i].clamped);
		if (!cases[i].result)
			continue;
		assert_int_equal(d->verdict, VERDICT_GRANT);
		assert_non_null(c);
		assert_string_equal(limit_format(c->type, &c->value, buf, sizeof(buf)),
				    cases[i].result);
		assert_int_equal(c->by_annotation, cases[i].by_annotation);
	}
}

/* Where the profile has no ceiling, the annotation makes one; "max" makes none. */
static void test_annotated_ceiling(void **state)
{
	struct annotation a[] = { { "cgdeleg.io/profile", "ci" }, { "cgdeleg.io/pids.max", "7" } };
	const struct ceiling *c;

	(void)state;
	c = find_ceiling(decide_asking(a, 2), "pids.max");
	assert_int_equal(decision.verdict, VERDICT_GRANT);
	assert_int_equal(c->value.number, 7);
	assert_true(c->by_annotation);
	assert_int_equal(c->origin.line, 15);
	a[1].value = "max";
	assert_null(find_ceiling(decide_asking(a, 2), "pids.max"));
	assert_int_equal(decision.verdict, VERDICT_GRANT);
	/* The controller is not there: as for a profile's ceiling. */
	a[1] = (struct annotation) { "cgdeleg.io/hugetlb.2MB.max", "1G" };
	assert_int_equal(decide_asking(a, 2)->verdict, VERDICT_REFUSE);
	assert_int_equal(decision.reasons[0].code, REASON_LIMIT_MISSING);
	assert_int_equal(decision.reasons[0].origin.line, 15);
}

static void test_built_in_ceilings(void **state)
{
	const struct decision *d = decide_handler("", &good_facts);
	const struct annotation ask = { "cgdeleg.io/profile", "ci" };

	(void)state;
	assert_int_equal(d->n_ceilings, 2);
	assert_int_equal(find_ceiling(d, "cgroup.max.descendants")->value.number, 256);
	assert_int_equal(find_ceiling(d, "cgroup.max.depth")->value.number, 12);
	assert_null(find_ceiling(d, "cgroup.max.depth")->origin.file);
	d = decide_asking(&ask, 1);
	assert_true(find_ceiling(d, "cgroup.max.descendants")->value.number == LIMIT_MAX);
	assert_int_equal(find_ceiling(d, "cgroup.max.descendants")->origin.line, 7);
	assert_int_equal(find_ceiling(d, "cgroup.max.depth")->value.number, 12);
}

/* Last: no code is without a case above. */
static void test_all_reasons_seen(void **state)
{
	(void)state;
	assert_all_seen(IN_CEILINGS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_rule_profiles),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_annotated_ceiling),
		cmocka_unit_test(test_built_in_ceilings),
		cmocka_unit_test(test_all_reasons_seen),
	};

	return cmocka_run_group_tests(tests, NULL, teardown_text);
}
