/* SPDX-License-Identifier: Apache-2.0 */
/* What a grant is bounded by: profiles, built-in ceilings, and annotations that can only lower them. */
#include "tests/unit/test-policy-case.h"

TEST(test_profiles)
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
TEST(test_rule_profiles)
{
	static const struct annotation ask = { "cgdeleg.io/profile", "ci" };
	struct facts facts = good_facts;

	decide_text(ASKING "cgroup_writable = true\n[rule r]\nhandler = h\nprofile = secret\n", &facts);
	assert_string_equal(decision.profile, "secret");
	assert_string_equal(decision.rule, "r");
	annotate(&facts, &ask, 1);
	decide_text(ASKING "[rule r]\nhandler = h\nprofiles = secret\n", &facts);
	assert_int_equal(decision.reasons[0].code, REASON_PROFILE_NOT_ALLOWED);
	assert_int_equal(decision.reasons[0].origin.line, 18);
	decide_text(ASKING "[rule r]\nhandler = h\n", &facts);
	assert_string_equal(decision.profile, "ci");
}

TEST(test_limits)
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

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct annotation a[] = { { "cgdeleg.io/writable", "true" }, { cases[i].key, cases[i].value } };
		const struct decision *d = decide_asking(a, 2);
		const struct ceiling *c = find_ceiling(d, cases[i].file);
		char buf[LIMIT_TEXT_SIZE];

		assert_int_equal(find_reason(d, REASON_LIMIT_CLAMPED) != NULL, cases[i].clamped);
		if (!cases[i].result)
			continue;
		assert_int_equal(d->verdict, VERDICT_GRANT);
		assert_non_null(c);
		assert_string_equal(limit_format(c->type, &c->value, buf, sizeof(buf)), cases[i].result);
		assert_int_equal(c->by_annotation, cases[i].by_annotation);
	}
}

/* Where the profile has no ceiling, the annotation makes one; "max" makes none. */
TEST(test_annotated_ceiling)
{
	struct annotation a[] = { { "cgdeleg.io/profile", "ci" }, { "cgdeleg.io/pids.max", "7" } };
	const struct ceiling *c;

	c = find_ceiling(decide_asking(a, 2), "pids.max");
	assert_int_equal(decision.verdict, VERDICT_GRANT);
	assert_int_equal(c->value.number, 7);
	assert_true(c->by_annotation);
	assert_int_equal(c->line->origin.line, 15);
	a[1].value = "max";
	assert_null(find_ceiling(decide_asking(a, 2), "pids.max"));
	assert_int_equal(decision.verdict, VERDICT_GRANT);
	/* The controller is not there: as for a profile's ceiling. */
	a[1] = (struct annotation) { "cgdeleg.io/hugetlb.2MB.max", "1G" };
	assert_int_equal(decide_asking(a, 2)->verdict, VERDICT_REFUSE);
	assert_int_equal(decision.reasons[0].code, REASON_LIMIT_MISSING);
	assert_int_equal(decision.reasons[0].origin.line, 15);
}

/*
 * A container that may run for 40 ms in 100 may not be told to run for 400 in 1000: the profile's period stays, the
 * quota is rounded down. Shorter or longer, and refused where nothing would be left that the kernel takes.
 */
TEST(test_cpu_period)
{
	static const struct {
		const char *profile, *asked, *result; /* NULL: refused */
		bool by_annotation, clamped;
	} cases[] = {
		{ "400000 100000", "3999999 1000000", "399999 100000", true, false },
		{ "400000 100000", "4000000 1000000", "400000 100000", false, false },
		{ "400000 100000", "4000001 1000000", "400000 100000", false, true },
		{ "400000 100000", "10000 1000000", "1000 100000", true, false },
		{ "400000 100000", "9999 1000000", NULL, false, false },
		{ "400000 100000", "10000 5000", "200000 100000", true, false },
		{ "400000 100000", "3999 1000", "399900 100000", true, false },
		{ "4000 1000", "3.99999", "3999 1000", true, false },
		{ "4000 1000", "0.99999", NULL, false, false },
		{ "40000000 1000000", "1.5", "1500000 1000000", true, false },
		{ "8192", "8191999999 1000000", "819199999 100000", true, false },
		{ "max", "3999999 1000000", "3999999 1000000", true, false },
		{ "max", "max", "max 100000", false, false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct annotation a = { "cgdeleg.io/cpu.max", cases[i].asked };
		struct facts facts = good_facts;
		const struct ceiling *c;
		char text[512], buf[LIMIT_TEXT_SIZE];

		(void)snprintf(text, sizeof(text),
			       "[profile p]\ncpu.max = %s\n[handler h]\nengine = containerd\n"
			       "cgroup_writable = true\nprofile = p\n"
			       "approved_annotations = cgdeleg.io/cpu.max\n",
			       cases[i].profile);
		annotate(&facts, &a, 1);
		c = find_ceiling(decide_text(text, &facts), "cpu.max");
		assert_int_equal(find_reason(&decision, REASON_LIMIT_CLAMPED) != NULL, cases[i].clamped);
		if (!cases[i].result) {
			assert_int_equal(decision.verdict, VERDICT_REFUSE);
			assert_int_equal(decision.reasons[0].code, REASON_ANNOTATION_INVALID);
			assert_int_equal(decision.reasons[0].origin.line, 7);
			assert_non_null(strstr(decision.reasons[0].text, "below the kernel's minimum of 1000"));
			continue;
		}
		assert_int_equal(decision.verdict, VERDICT_GRANT);
		assert_string_equal(limit_format(c->type, &c->value, buf, sizeof(buf)), cases[i].result);
		assert_int_equal(c->by_annotation, cases[i].by_annotation);
	}
}

/* A 0 that stops everything is granted, and noted; so is one that an annotation asks for. No swap is no stop. */
TEST(test_zeros)
{
	static const struct {
		const char *profile, *key, *asked, *words; /* words NULL: no note */
		unsigned line;
	} cases[] = {
		{ "pids.max = 0", NULL, NULL, "pids.max is 0: nothing can be started under it", 2 },
		{ "memory.max = 0", NULL, NULL, "memory.max is 0: nothing can run under it", 2 },
		{ "cgroup.max.depth = 0", NULL, NULL, "the container can make no cgroup", 2 },
		{ "pids.max = 5", "cgdeleg.io/pids.max", "0",
		  "pids.max is 0, as an annotation asks: nothing can be started", 2 },
		{ "pids.max = 5", "cgdeleg.io/memory.max", "0",
		  "memory.max is 0, as an annotation asks: nothing can run", 7 },
		{ "pids.max = 5", "cgdeleg.io/memory.max", "0K", "memory.max is 0, as an annotation asks", 7 },
		{ "pids.max = 5", "cgdeleg.io/memory.max", "1", NULL, 0 },
		{ "memory.swap.max = 0", NULL, NULL, NULL, 0 },
		{ "pids.max = 1", NULL, NULL, NULL, 0 },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct annotation a = { cases[i].key, cases[i].asked };
		struct facts facts = good_facts;
		const struct reason *reason;
		char text[512];

		(void)snprintf(text, sizeof(text),
			       "[profile p]\n%s\n[handler h]\nengine = containerd\n"
			       "cgroup_writable = true\nprofile = p\n"
			       "approved_annotations = cgdeleg.io/pids.max cgdeleg.io/memory.max\n",
			       cases[i].profile);
		if (cases[i].key)
			annotate(&facts, &a, 1);
		assert_int_equal(decide_text(text, &facts)->verdict, VERDICT_GRANT);
		reason = find_reason(&decision, REASON_LIMIT_ZERO);
		if (!cases[i].words != !reason)
			fail_msg("case %zu: %s", i, reason ? reason->text : "no note");
		if (reason && (!strstr(reason->text, cases[i].words) || reason->origin.line != cases[i].line))
			fail_msg("case %zu: line %u, %s", i, reason->origin.line, reason->text);
	}
}

/* An annotation in another system's units is refused, and told what to write. */
TEST(test_units_in_annotations)
{
	static const struct {
		const char *key, *asked, *words; /* words NULL: it is a value */
	} cases[] = {
		{ "cgdeleg.io/memory.max", "1G", NULL },
		{ "cgdeleg.io/memory.max", "1Gi", "bytes (16G) or 'max' was expected; write '1G'" },
		{ "cgdeleg.io/memory.max", "512m", "; write '512M'" },
		{ "cgdeleg.io/memory.max", "unlimited", "; write 'max'" },
		{ "cgdeleg.io/memory.max", "50%", "a share of what the machine has" },
		{ "cgdeleg.io/memory.max", "much", "bytes (16G) or 'max' was expected" },
		{ "cgdeleg.io/pids.max", "-1", "a number or 'max' was expected; write 'max'" },
		{ "cgdeleg.io/pids.max", "1_000", "; write '1000'" },
		{ "cgdeleg.io/cpu.max", "500m", "cores or 'quota period' was expected; write '0.5'" },
		{ "cgdeleg.io/cpu.max", "50%", "; write '0.5'" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct annotation a = { cases[i].key, cases[i].asked };
		struct facts facts = good_facts;

		annotate(&facts, &a, 1);
		(void)decide_text("[handler h]\nengine = containerd\ncgroup_writable = true\n"
				  "approved_annotations = cgdeleg.io/pids.max cgdeleg.io/memory.max cgdeleg.io/cpu.max\n",
				  &facts);
		assert_int_equal(decision.verdict, cases[i].words ? VERDICT_REFUSE : VERDICT_GRANT);
		if (cases[i].words && (decision.reasons[0].code != REASON_ANNOTATION_INVALID ||
				       !strstr(decision.reasons[0].text, cases[i].words)))
			fail_msg("case %zu: %s", i, decision.reasons[0].text);
	}
}

TEST(test_built_in_ceilings)
{
	const struct decision *d = decide_handler("", &good_facts);
	const struct annotation ask = { "cgdeleg.io/profile", "ci" };

	assert_int_equal(d->n_ceilings, 2);
	assert_int_equal(find_ceiling(d, "cgroup.max.descendants")->value.number, 256);
	assert_int_equal(find_ceiling(d, "cgroup.max.depth")->value.number, 12);
	assert_null(find_ceiling(d, "cgroup.max.depth")->line);
	d = decide_asking(&ask, 1);
	assert_true(find_ceiling(d, "cgroup.max.descendants")->value.number == LIMIT_MAX);
	assert_int_equal(find_ceiling(d, "cgroup.max.descendants")->line->origin.line, 7);
	assert_int_equal(find_ceiling(d, "cgroup.max.depth")->value.number, 12);
}

/* Another handler's, this handler's, and the container's own, which never counts. */
static struct budget_entry entries[3];

/* good_facts, with so much delegated already. */
static struct facts used(uint64_t grants, uint64_t descendants, uint64_t memory, uint64_t cpu)
{
	struct facts facts = good_facts;

	memset(entries, 0, sizeof(entries));
	entries[0] = (struct budget_entry) { .id = 1, .usage.descendants = descendants, .handler = "other" };
	entries[1] = (struct budget_entry) { .id = 2,
					     .usage = { .grants = grants, .memory = memory, .cpu = cpu },
					     .handler = "h" };
	entries[2] = (struct budget_entry) { .id = 3, .usage = { 9999, 99999, 9999, 9999, 9999 }, .handler = "h" };
	facts.grants = entries;
	facts.n_grants = ELEMENTS(entries);
	facts.cgroup_id = 3;
	return facts;
}

#define G (UINT64_C(1) << 30)

TEST(test_budgets)
{
	static const struct {
		const char *lines;
		uint64_t grants, descendants, memory, cpu;
		const char *want; /* part of the sentence; NULL: granted */
	} cases[] = {
		{ "", 0, 16384 - 256, 0, 0, NULL },
		{ "", 0, 16384 - 255, 0, 0,
		  "max_total_descendants is 16384 for this node, of which 16129 are delegated, and this container would add 256" },
		{ "", 0, UINT64_MAX, 0, 0, "no bound are delegated" },
		{ "[defaults]\nmax_total_descendants = 255\n", 0, 0, 0, 0,
		  "is 255 for this node, and this container alone would add 256, its ceiling of cgroup.max.descendants" },
		{ "[defaults]\nmax_total_descendants = max\n", 0, UINT64_MAX, 0, 0, NULL },
		{ "max_delegated = 3\n", 2, 0, 0, 0, NULL },
		{ "max_delegated = 3\n", 3, 0, 0, 0, "max_delegated is 3 for [handler h], of which 3 are" },
		{ "max_delegated = 0\n", 0, 0, 0, 0,
		  "max_delegated is 0 for [handler h], so no container can be granted anything; raise it" },
		{ "max_delegated = max\n", 1000, 0, 0, 0, NULL },
		{ "budget.memory.max = 4G\n", 9, 0, 2 * G, 0, "has no ceiling of memory.max" },
		{ "profile = small\nbudget.memory.max = 4G\n", 9, 0, 3 * G, 0, NULL },
		{ "profile = small\nbudget.memory.max = 4G\n", 9, 0, 3 * G + 1, 0,
		  "budget.memory.max is 4294967296 for [handler h], of which 3221225473 are delegated" },
		{ "profile = small\nbudget.cpu.max = 2.5\n", 9, 0, 0, 500, "has no ceiling of cpu.max" },
		{ "profile = small\nbudget.pids.max = 10\n", 9, 0, 0, 0, NULL },
		{ "profile = small\nbudget.pids.max = 9\n", 9, 0, 0, 0,
		  "budget.pids.max is 9 for [handler h], and this container alone would add 10" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct facts facts = used(cases[i].grants, cases[i].descendants, cases[i].memory, cases[i].cpu);
		const struct decision *d = decide_handler(cases[i].lines, &facts);

		assert_int_equal(d->verdict, cases[i].want ? VERDICT_REFUSE : VERDICT_GRANT);
		if (!cases[i].want)
			continue;
		assert_int_equal(d->reasons[0].code, REASON_BUDGET);
		if (!strstr(d->reasons[0].text, cases[i].want))
			fail_msg("\"%s\", expected \"%s\"", d->reasons[0].text, cases[i].want);
		/* Granted already: it is counted, and a rerun changes nothing. */
		facts.granted = true;
		assert_int_equal(decide_handler(cases[i].lines, &facts)->verdict, VERDICT_GRANT);
	}
}

/* cpu.max in thousandths of a core, and rounded up. */
TEST(test_cpu_budget)
{
	static const char text[] = "[profile p]\ncpu.max = 33333 100000\n[handler h]\n"
				   "engine = containerd\ncgroup_writable = true\nprofile = p\n"
				   "budget.cpu.max = 1\n";
	struct facts facts = used(2, 0, 0, 666);

	assert_int_equal(decide_text(text, &facts)->verdict, VERDICT_GRANT);
	assert_int_equal(decision.usage.cpu, 334);
	entries[1].usage.cpu = 667;
	assert_int_equal(decide_text(text, &facts)->verdict, VERDICT_REFUSE);
	assert_non_null(strstr(
		decision.reasons[0].text,
		"is 1.000 cores for [handler h], of which 0.667 cores are delegated, and this container would add 0.334 cores"));
}

/* Whose grants a section's budget counts. The table's entries: handler, rule, namespace; NULL ends a row. */
TEST(test_whose_budget)
{
	static const char *const table[][3] = {
		{ "h", "r", "a" }, { "h", "r", "b" }, { "h", "s", "a" }, { "h", "", "a" },
		{ "g", "r", "a" }, { "g", "", "" },   { "", "", "" },
	};
	static const struct {
		const char *name, *defaults, *handler, *rule, *namespace;
		unsigned counted; /* how many of the table's */
		const char *whose;
	} cases[] = {
		{ "node", "", NULL, NULL, "a", 7, "this node" },
		{ "node, each namespace", "per = namespace\n", NULL, NULL, "a", 5, "this node, namespace 'a'" },
		{ "node, no namespace", "per = namespace\n", NULL, NULL, NULL, 2, "this node, namespace ''" },
		{ "handler", NULL, "", NULL, "a", 5, "[handler h]" },
		{ "handler, each namespace", NULL, "per = namespace\n", NULL, "b", 2, "[handler h], namespace 'b'" },
		{ "handler, all", NULL, "per = all\n", NULL, "b", 5, "[handler h]" },
		{ "rule", NULL, NULL, "handler = h\n", "a", 5, "[rule r]" },
		{ "rule for two handlers", NULL, NULL, "handler = g h\n", "a", 6, "[rule r]" },
		{ "rule, each namespace", NULL, NULL, "handler = h\nper = namespace\n", "a", 4, "[rule r], namespace 'a'" },
		{ "rule, another namespace", NULL, NULL, "handler = h\nper = namespace\n", "c", 1,
		  "[rule r], namespace 'c'" },
	};
	struct budget_entry grants[ELEMENTS(table)] = { 0 };
	struct facts facts = good_facts;

	for (size_t i = 0; i < ELEMENTS(table); i++) {
		grants[i].id = 10 + i;
		grants[i].usage.grants = 1;
		(void)snprintf(grants[i].handler, sizeof(grants[i].handler), "%s", table[i][0]);
		(void)snprintf(grants[i].rule, sizeof(grants[i].rule), "%s", table[i][1]);
		(void)snprintf(grants[i].namespace, sizeof(grants[i].namespace), "%s", table[i][2]);
	}
	facts.grants = grants;
	facts.n_grants = ELEMENTS(grants);
	for (size_t i = 0; i < ELEMENTS(cases) * 2; i++) {
		const bool fits = i % 2;
		const struct annotation namespace = { "io.kubernetes.cri.sandbox-namespace", cases[i / 2].namespace };
		char text[1024], most[64], want[128];

		(void)snprintf(most, sizeof(most), "max_delegated = %u\n", cases[i / 2].counted + fits);
		(void)snprintf(text, sizeof(text),
			       "[defaults]\n%s%s[handler g]\nengine = containerd\n[handler h]\nengine = containerd\n"
			       "cgroup_writable = true\n%s%s[rule r]\n%s%s",
			       cases[i / 2].defaults ? cases[i / 2].defaults : "", cases[i / 2].defaults ? most : "",
			       cases[i / 2].handler ? cases[i / 2].handler : "", cases[i / 2].handler ? most : "",
			       cases[i / 2].rule ? cases[i / 2].rule : "handler = g h\n", cases[i / 2].rule ? most : "");
		annotate(&facts, &namespace, cases[i / 2].namespace ? 1 : 0);
		(void)snprintf(want, sizeof(want), "max_delegated is %u for %s, of which %u", cases[i / 2].counted,
			       cases[i / 2].whose, cases[i / 2].counted);
		(void)decide_text(text, &facts);
		if (decision.verdict != (fits ? VERDICT_GRANT : VERDICT_REFUSE) ||
		    (!fits && !strstr(decision.reasons[0].text, want)))
			fail_msg("%s: \"%s\", expected \"%s\"", cases[i / 2].name, decision.reasons[0].text, want);
	}
}

/* The kernel's ids are the node's, whatever `per` says; and a smaller budget elsewhere replaces none. */
TEST(test_every_budget_holds)
{
	struct facts facts = used(5, 16384, 0, 0);

	(void)decide_handler("[defaults]\nper = namespace\n", &facts);
	assert_non_null(strstr(decision.reasons[0].text, "max_total_descendants is 16384 for this node, of which"));
	facts = used(5, 0, 0, 0);
	(void)decide_handler(
		"max_delegated = 5\n[rule r]\nhandler = h\nmax_delegated = 9\n[defaults]\nmax_delegated = 9\n", &facts);
	assert_int_equal(decision.verdict, VERDICT_REFUSE);
	assert_non_null(strstr(decision.reasons[0].text, "max_delegated is 5 for [handler h], of which 5"));
}

/* A ceiling that could not be set is not counted, and the sentence does not ask for one that is there. */
TEST(test_skipped_ceiling_is_not_counted)
{
	struct facts facts = used(0, 0, 0, 0);

	facts.files = (const char *const[]) { "cgroup.procs", "cgroup.max.descendants", "cgroup.max.depth", NULL };
	(void)decide_handler("profile = small\non_missing_limit = skip\nbudget.memory.max = 4G\n", &facts);
	assert_int_equal(decision.verdict, VERDICT_REFUSE);
	assert_non_null(strstr(decision.reasons[0].text,
			       "this container's memory.max cannot be counted, because its cgroup has no such file"));
}

TEST(test_unknown_usage)
{
	struct facts facts = good_facts;

	facts.grants_known = TRI_UNKNOWN;
	assert_int_equal(decide_handler("", &facts)->verdict, VERDICT_REFUSE);
	assert_int_equal(decision.reasons[0].code, REASON_UNKNOWN);
	/* Nothing bounds it: nothing needs to be known. */
	assert_int_equal(decide_handler("[defaults]\nmax_total_descendants = max\n", &facts)->verdict, VERDICT_GRANT);
}

/* Last: no code is without a case above. */
TEST(test_all_reasons_seen)
{
	assert_all_seen(IN_CEILINGS);
}
