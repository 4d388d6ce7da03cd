/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: every combination of wish, handler and rule, every reason, and every requirement both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <linux/capability.h>

#include "base/cleanup.h"
#include "policy/decide.h"

#define CAP(number) (UINT64_C(1) << (number))

static const char *const all_files[] = {
	"cgroup.procs",
	"cgroup.max.descendants",
	"cgroup.max.depth",
	"memory.max",
	"memory.swap.max",
	"pids.max",
	"cpu.max",
	"io.max",
	NULL,
};

static const char *const no_memory_files[] = { "cgroup.max.descendants", "cgroup.max.depth",
					       "pids.max", NULL };

static const char *const only_cgroup_files[] = { "cgroup.procs", NULL };

/* A container to which nothing stands in the way. */
static const struct facts good_facts = {
	.handler = "h",
	.id = "0123",
	.userns = USERNS_PRIVATE,
	.root_uid = 100000,
	.root_gid = 200000,
	.process_uid = 101000,
	.process_gid = 201000,
	.capabilities_known = TRI_YES,
	.cgroupns_private = TRI_YES,
	.nsdelegate = TRI_YES,
	.cgroup = "/kubepods.slice/x",
	.files = all_files,
	.device_bpf = DEVICE_BPF_MULTI,
	.guard_available = true,
};

/* Which codes any test has seen, and that test_all_reasons_seen() wants complete. */
static bool seen[REASON_CODE_MAX];

static struct decision decision; /* 80 KiB */

/* What holds for every decision. */
static void check_invariants(const struct ruleset *rules, const struct facts *facts)
{
	const struct decision *d = &decision;
	bool refuses = false, grants = false, depth = false, descendants = false;

	assert_true(d->n_reasons >= 1 && d->n_reasons <= DECISION_REASONS_MAX);
	for (size_t i = 0; i < d->n_reasons; i++) {
		const struct reason *r = &d->reasons[i];

		seen[r->code] = true;
		refuses |= r->kind == REASON_REFUSES;
		grants |= r->kind == REASON_GRANTS;
		assert_true(r->text[0] && r->text[strlen(r->text) - 1] != '.');
		assert_null(strpbrk(r->text, "\n\r\x1b"));
		if (i > 0 && r->kind == REASON_REFUSES)
			assert_int_equal(d->reasons[i - 1].kind, REASON_REFUSES);
	}
	for (size_t i = 0; i < d->n_ceilings; i++) {
		depth |= strcmp(d->ceilings[i].file, "cgroup.max.depth") == 0;
		descendants |= strcmp(d->ceilings[i].file, "cgroup.max.descendants") == 0;
	}
	if (d->verdict == VERDICT_GRANT) {
		assert_true(grants && !refuses && depth && descendants);
		assert_non_null(d->origin.file);
		assert_true(d->owner_uid != FACT_ID_UNKNOWN && d->owner_gid != FACT_ID_UNKNOWN);
	}
	if (d->verdict == VERDICT_REFUSE)
		assert_true(refuses);
	if (d->verdict == VERDICT_PASS)
		assert_false(refuses || grants);
	else
		assert_true(policy_concerns(rules, facts));
}

static const struct decision *decide_text(const char *text, const struct facts *facts)
{
	static struct ruleset rules; /* until the next call: the decision points into it */
	static char *copy;

	ruleset_done(&rules);
	free(copy);
	copy = strdup(text ? text : "");
	if (!text)
		return NULL;
	assert_non_null(copy);
	assert_int_equal(ruleset_load_text("p.ini", copy, strlen(copy), &rules, NULL), 0);
	memset(&decision, 0xa5, sizeof(decision));
	policy_decide(&rules, facts, &decision);
	check_invariants(&rules, facts);
	return &decision;
}

static int teardown_text(void **state)
{
	(void)state;
	(void)decide_text(NULL, NULL);
	return 0;
}

static const struct reason *find_reason(const struct decision *d, enum reason_code code)
{
	for (size_t i = 0; i < d->n_reasons; i++)
		if (d->reasons[i].code == code)
			return &d->reasons[i];
	return NULL;
}

static const struct ceiling *find_ceiling(const struct decision *d, const char *file)
{
	for (size_t i = 0; i < d->n_ceilings; i++)
		if (strcmp(d->ceilings[i].file, file) == 0)
			return &d->ceilings[i];
	return NULL;
}

static void print_decision(const struct decision *d)
{
	print_message("    %s\n", verdict_name(d->verdict));
	for (size_t i = 0; i < d->n_reasons; i++)
		print_message("    %s %s %s:%u %s\n", reason_kind_name(d->reasons[i].kind),
			      reason_code_name(d->reasons[i].code),
			      d->reasons[i].origin.file ? d->reasons[i].origin.file : "-",
			      d->reasons[i].origin.line, d->reasons[i].text);
}

/* The matrix. Columns: what the annotations say. */
static const struct annotation wishes[] = {
	{ "unrelated", "x" },			/* nothing */
	{ "cgdeleg.io/writable", "true" },	/* true */
	{ "cgdeleg.io/writable", "false" },	/* false */
	{ "cgdeleg.io/writable", "yes" },	/* invalid */
	{ "cgdeleg.io/profile", "ci" },		/* a profile, and so asks */
	{ "cgdeleg.io/pids.max", "5" },		/* a limit, and so does not */
	{ "cgdeleg.io/memory.max", "garbage" }, /* not approved */
};

static const char *const writables[] = { "", "cgroup_writable = true\n",
					 "cgroup_writable = false\n" };

/* P pass, G grant, R refused, D declined (read-only whatever on_refusal says). */
static const struct {
	const char *what;
	const char *rules;     /* NULL: none */
	const char *expect[3]; /* handler: absent, true, false */
} matrix[] = {
	{ "no rules", "", { "PGDRGPP", "GGDRGGG", "PRDRRPP" } },
	{ "another handler's rule",
	  "[rule o]\nhandler = other\ncgroup_writable = true\n",
	  { "PGDRGPP", "GGDRGGG", "PRDRRPP" } },
	{ "a rule that does not match",
	  "[rule a]\nhandler = h\npods = z*\ncgroup_writable = true\n",
	  { "PRDRRPP", "PRDRRPP", "PRDRRPP" } },
	{ "a rule that says nothing",
	  "[rule a]\nhandler = h\npods = p*\n",
	  { "PGDRGPP", "GGDRGGG", "PRDRRPP" } },
	{ "a rule that grants",
	  "[rule a]\nhandler = h\npods = p*\ncgroup_writable = true\n",
	  { "GGDRGGG", "GGDRGGG", "GGDRGGG" } },
	{ "a rule that forbids",
	  "[rule a]\nhandler = h\npods = p*\ncgroup_writable = false\n",
	  { "PRDRRPP", "PRDRRPP", "PRDRRPP" } },
	{ "the first that matches",
	  "[rule a]\nhandler = h\npods = z\ncgroup_writable = true\n"
	  "[rule b]\nhandler = other h\npods = x p*\ncgroup_writable = false\n"
	  "[rule c]\nhandler = h\ncgroup_writable = true\n",
	  { "PRDRRPP", "PRDRRPP", "PRDRRPP" } },
};

static void check_cell(size_t row, size_t column, size_t wish, bool readonly)
{
	static const enum verdict verdicts[] = { ['P'] = VERDICT_PASS,
						 ['G'] = VERDICT_GRANT,
						 ['R'] = VERDICT_REFUSE,
						 ['D'] = VERDICT_READONLY };
	const struct annotation annotations[] = { wishes[wish],
						  { "io.kubernetes.cri.sandbox-name", "pod-1" } };
	struct facts facts = good_facts;
	enum verdict expected = verdicts[(unsigned char)matrix[row].expect[column][wish]];
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "[defaults]\non_refusal = %s\n[profile ci]\npids.max = 10\n[handler h]\n"
		       "engine = containerd\n%sprofiles = ci\n"
		       "approved_annotations = cgdeleg.io/writable cgdeleg.io/profile "
		       "cgdeleg.io/pids.max\n"
		       "[handler other]\nengine = crio\n%s",
		       readonly ? "readonly" : "fail", writables[column], matrix[row].rules);
	facts.annotations = annotations;
	facts.n_annotations = ELEMENTS(annotations);
	if (expected == VERDICT_REFUSE && readonly)
		expected = VERDICT_READONLY;
	if (decide_text(text, &facts)->verdict != expected) {
		print_decision(&decision);
		fail_msg("%s, handler '%s', %s=%s: expected %s", matrix[row].what,
			 writables[column], wishes[wish].key, wishes[wish].value,
			 verdict_name(expected));
	}
}

static void test_matrix(void **state)
{
	(void)state;
	for (size_t row = 0; row < ELEMENTS(matrix); row++)
		for (size_t column = 0; column < ELEMENTS(writables); column++)
			for (size_t wish = 0; wish < ELEMENTS(wishes); wish++) {
				check_cell(row, column, wish, false);
				check_cell(row, column, wish, true);
			}
}

/* One change to a grant, and what becomes of it. */
struct requirement {
	const char *lines; /* of [handler h], which is writable */
	void (*change)(struct facts *facts);
	enum verdict verdict;
	int code; /* of the first reason that is not a grant; -1: any */
};

static void nothing(struct facts *f)
{
	(void)f;
}

static void userns_none(struct facts *f)
{
	f->userns = USERNS_NONE;
	f->root_uid = f->root_gid = 0;
}

static void userns_host_ids(struct facts *f)
{
	f->userns = USERNS_HOST_IDS;
	f->root_uid = f->root_gid = 0;
}

static void userns_unknown(struct facts *f)
{
	f->userns = USERNS_UNKNOWN;
}

static void userns_none_no_nsdelegate(struct facts *f)
{
	userns_none(f);
	f->nsdelegate = TRI_NO;
}

static void userns_none_nsdelegate_unknown(struct facts *f)
{
	userns_none(f);
	f->nsdelegate = TRI_UNKNOWN;
}

static void userns_none_no_guard(struct facts *f)
{
	userns_none(f);
	f->guard_available = false;
}

static void nsdelegate_no(struct facts *f)
{
	f->nsdelegate = TRI_NO;
}

static void owner_unmapped_uid(struct facts *f)
{
	f->root_uid = FACT_ID_UNKNOWN;
}

static void owner_unmapped_gid(struct facts *f)
{
	f->root_gid = FACT_ID_UNKNOWN;
}

static void owner_host_zero(struct facts *f)
{
	f->root_uid = 0;
}

static void process_unmapped(struct facts *f)
{
	f->process_uid = FACT_ID_UNKNOWN;
}

static void cgroupns_shared(struct facts *f)
{
	f->cgroupns_private = TRI_NO;
}

static void cgroupns_unknown(struct facts *f)
{
	f->cgroupns_private = TRI_UNKNOWN;
}

static void covered(struct facts *f)
{
	f->covered_by = "/sys/fs/cgroup";
}

static void config_unread(struct facts *f)
{
	f->capabilities_known = TRI_UNKNOWN;
}

static void device_absent(struct facts *f)
{
	f->device_bpf = DEVICE_BPF_ABSENT;
}

static void device_replaceable(struct facts *f)
{
	f->device_bpf = DEVICE_BPF_REPLACEABLE;
	f->device_cgroup = "/x\n";
	f->device_program = 7;
}

static void device_unknown(struct facts *f)
{
	f->device_bpf = DEVICE_BPF_UNKNOWN;
}

static void guard_missing(struct facts *f)
{
	f->guard_available = false;
}

static void files_unknown(struct facts *f)
{
	f->files = NULL;
}

static void files_no_memory(struct facts *f)
{
	f->files = no_memory_files;
}

static void files_none(struct facts *f)
{
	f->files = only_cgroup_files;
}

static void unfilled(struct facts *f)
{
	const char *handler = f->handler;

	*f = (struct facts) { .handler = handler };
}

#define BARE	"require_userns = false\n"
#define GRANT	VERDICT_GRANT
#define REFUSE	VERDICT_REFUSE
#define NO_CODE (-1)

static const struct requirement requirements[] = {
	{ "", nothing, GRANT, NO_CODE },
	{ "", unfilled, REFUSE, REASON_UNKNOWN },
	{ "", userns_none, REFUSE, REASON_USERNS_MISSING },
	{ "", userns_host_ids, REFUSE, REASON_USERNS_HOST_IDS },
	{ "", userns_unknown, REFUSE, REASON_UNKNOWN },
	{ BARE, userns_none, GRANT, NO_CODE },
	{ BARE, userns_host_ids, GRANT, NO_CODE },
	{ BARE, userns_unknown, REFUSE, REASON_UNKNOWN },
	{ BARE, userns_none_no_nsdelegate, REFUSE, REASON_NSDELEGATE_MISSING },
	{ BARE, userns_none_nsdelegate_unknown, REFUSE, REASON_UNKNOWN },
	{ BARE, userns_none_no_guard, REFUSE, REASON_GUARD_MISSING },
	{ BARE "guard = off\n", userns_none_no_guard, REFUSE, REASON_GUARD_MISSING },
	{ BARE, guard_missing, GRANT, REASON_GUARD_ABSENT }, /* it has a user namespace */
	{ "", nsdelegate_no, GRANT, NO_CODE },
	{ "", owner_unmapped_uid, REFUSE, REASON_OWNER_UNMAPPED },
	{ "", owner_unmapped_gid, REFUSE, REASON_OWNER_UNMAPPED },
	{ "", owner_host_zero, REFUSE, REASON_OWNER_UNMAPPED },
	{ "owner = process\n", owner_unmapped_uid, GRANT, NO_CODE },
	{ "owner = process\n", process_unmapped, REFUSE, REASON_OWNER_UNMAPPED },
	{ "", process_unmapped, GRANT, NO_CODE },
	{ "", cgroupns_shared, REFUSE, REASON_CGROUPNS_SHARED },
	{ "", cgroupns_unknown, REFUSE, REASON_UNKNOWN },
	{ "", covered, REFUSE, REASON_COVERED },
	{ "", config_unread, REFUSE, REASON_UNKNOWN },
	{ "", device_absent, REFUSE, REASON_DEVICE_BPF_ABSENT },
	{ "device_bpf = runtime\n", device_absent, GRANT, REASON_DEVICE_BPF_ABSENT },
	{ "", device_replaceable, REFUSE, REASON_DEVICE_BPF_REPLACEABLE },
	{ "device_bpf = runtime\n", device_replaceable, REFUSE, REASON_DEVICE_BPF_REPLACEABLE },
	{ "", device_unknown, REFUSE, REASON_UNKNOWN },
	{ "device_bpf = runtime\n", device_unknown, REFUSE, REASON_UNKNOWN },
	{ "", guard_missing, GRANT, REASON_GUARD_ABSENT },
	{ "guard = require\n", guard_missing, REFUSE, REASON_GUARD_MISSING },
	{ "guard = require\n", nothing, GRANT, NO_CODE },
	{ "guard = off\n", guard_missing, GRANT, NO_CODE },
	{ "", files_unknown, REFUSE, REASON_UNKNOWN },
	{ "", files_no_memory, GRANT, NO_CODE },
	{ "profile = small\n", files_no_memory, REFUSE, REASON_LIMIT_MISSING },
	{ "profile = small\non_missing_limit = skip\n", files_no_memory, GRANT,
	  REASON_LIMIT_SKIPPED },
	{ "on_missing_limit = skip\n", files_none, REFUSE, REASON_LIMIT_MISSING },
};

static const struct decision *decide_handler(const char *lines, const struct facts *facts)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "[profile small]\nmemory.max = 1G\npids.max = 10\n[handler h]\n"
		       "engine = containerd\ncgroup_writable = true\n%s",
		       lines);
	return decide_text(text, facts);
}

static void test_requirements(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(requirements); i++) {
		const struct requirement *c = &requirements[i];
		struct facts facts = good_facts;
		const struct decision *d;
		size_t at = 0;

		c->change(&facts);
		d = decide_handler(c->lines, &facts);
		while (at < d->n_reasons && d->reasons[at].kind == REASON_GRANTS)
			at++;
		if (d->verdict != c->verdict ||
		    (c->code == NO_CODE
			     ? at < d->n_reasons
			     : at == d->n_reasons || (int)d->reasons[at].code != c->code)) {
			print_decision(d);
			fail_msg("case %zu: expected %s, %s", i, verdict_name(c->verdict),
				 c->code < 0 ? "nothing more"
					     : reason_code_name((enum reason_code)c->code));
		}
	}
}

/* Without a user namespace each of these capabilities refuses, with one none does; others never do. */
static void test_capabilities(void **state)
{
	static const struct {
		int number;
		bool refuses;
	} cases[] = {
		{ CAP_SYS_ADMIN, true },
		{ CAP_DAC_READ_SEARCH, true },
		{ CAP_CHOWN, true },
		{ CAP_FOWNER, true },
		{ 39 /* BPF */, true },
		{ CAP_NET_ADMIN, true },
		{ 38 /* PERFMON */, true },
		{ CAP_KILL, false },
		{ CAP_NET_BIND_SERVICE, false },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct facts facts = good_facts;

		facts.capabilities = CAP(cases[i].number);
		assert_int_equal(decide_handler(BARE, &facts)->verdict, VERDICT_GRANT);
		userns_none(&facts);
		assert_int_equal(decide_handler(BARE, &facts)->verdict,
				 cases[i].refuses ? VERDICT_REFUSE : VERDICT_GRANT);
		if (cases[i].refuses)
			assert_int_equal(decision.reasons[0].code, REASON_CAPABILITY);
	}
}

/* One refusal does not hide the next. */
static void test_all_refusals_are_collected(void **state)
{
	static const enum reason_code codes[] = {
		REASON_NSDELEGATE_MISSING,
		REASON_CAPABILITY,
		REASON_OWNER_UNMAPPED,
		REASON_CGROUPNS_SHARED,
		REASON_DEVICE_BPF_REPLACEABLE,
		REASON_GUARD_MISSING,
		REASON_COVERED,
		REASON_LIMIT_MISSING,
	};
	struct facts facts = good_facts;

	(void)state;
	userns_none(&facts);
	facts.nsdelegate = TRI_NO;
	facts.capabilities = UINT64_MAX;
	facts.root_uid = FACT_ID_UNKNOWN;
	cgroupns_shared(&facts);
	device_replaceable(&facts);
	guard_missing(&facts);
	covered(&facts);
	files_no_memory(&facts);
	decide_handler(BARE "profile = small\n", &facts);
	assert_int_equal(decision.verdict, VERDICT_REFUSE);
	for (size_t i = 0; i < ELEMENTS(codes); i++) {
		if (!find_reason(&decision, codes[i]))
			fail_msg("%s is missing", reason_code_name(codes[i]));
		assert_int_equal(find_reason(&decision, codes[i])->kind, REASON_REFUSES);
	}
	assert_string_equal(verdict_name(decision.verdict), "refuse");
	assert_non_null(strstr(find_reason(&decision, REASON_DEVICE_BPF_REPLACEABLE)->text,
			       "device program 7 on cgroup '/x\\x0a'"));
}

/* More reasons than there is room for: refusals stay, notes go. */
static void test_too_many_reasons(void **state)
{
	struct facts facts = good_facts;
	char text[2048] =
		"[handler h]\nengine = crio\ncgroup_writable = true\nprofile = p\n[profile p]\n";
	size_t len = strlen(text);

	(void)state;
	for (int i = 0; i < 28; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "hugetlb.%dMB.max = 1\n",
					i);
	guard_missing(&facts);
	decide_text(text, &facts);
	assert_int_equal(decision.verdict, VERDICT_REFUSE);
	assert_int_equal(decision.n_reasons, DECISION_REASONS_MAX);
	for (size_t i = 0; i < decision.n_reasons; i++)
		assert_int_equal(decision.reasons[i].code, REASON_LIMIT_MISSING);
	(void)snprintf(text + len, sizeof(text) - len, "on_missing_limit = skip\n");
	decide_text(text, &facts);
	assert_int_equal(decision.verdict, VERDICT_GRANT);
	assert_int_equal(decision.n_reasons, DECISION_REASONS_MAX);
	assert_int_equal(decision.reasons[0].code, REASON_HANDLER_GRANTS);
	assert_int_equal(decision.n_ceilings, 2);
}

#define ASKING                                                                             \
	"[profile small]\nmemory.max = 1G\npids.max = 10\ncpu.max = 2\n"                   \
	"[profile ci]\nmemory.max = 16G\ncgroup.max.descendants = max\nnest = init\n"      \
	"[profile secret]\npids.max = max\n"                                               \
	"[handler h]\nengine = containerd\nprofile = small\nprofiles = small ci\n"         \
	"approved_annotations = cgdeleg.io/writable cgdeleg.io/profile cgdeleg.io/memory." \
	"max cgdeleg.io/cpu.max cgdeleg.io/hugetlb.2MB.max cgdeleg.io/pids.max\n"

static const struct decision *decide_asking(const struct annotation *a, size_t n)
{
	struct facts facts = good_facts;

	facts.annotations = a;
	facts.n_annotations = n;
	return decide_text(ASKING, &facts);
}

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

static void test_settings(void **state)
{
	const struct decision *d = decide_handler("", &good_facts);

	(void)state;
	assert_null(d->nest);
	assert_string_equal(d->controllers, "cpu memory pids io");
	assert_int_equal(d->owner_uid, 100000);
	assert_int_equal(d->owner_gid, 200000);
	assert_int_equal(d->device_bpf, DEVICE_BPF_WITHHOLD);
	assert_int_equal(d->guard, GUARD_PREFER);
	assert_true(d->audit_required);
	assert_false(d->audit_sync);
	assert_false(d->skip_missing);
	assert_string_equal(d->handler, "h");
	assert_null(d->profile);
	assert_null(d->rule);

	d = decide_text("[defaults]\naudit = prefer\naudit_sync = yes\nnest = init\nguard = off\n"
			"owner = process\nenable_controllers = pids\n"
			"[profile p]\nguard = prefer\nnest = none\n"
			"[handler h]\nengine = crio\ncgroup_writable = true\nprofile = p\n"
			"guard = require\nowner = process\nnest = leaf\ndevice_bpf = runtime\n"
			"on_missing_limit = skip\n"
			"[rule r]\nhandler = h\nowner = root\n",
			&good_facts);
	assert_int_equal(d->verdict, VERDICT_GRANT);
	assert_false(d->audit_required);
	assert_true(d->audit_sync);
	assert_null(d->nest); /* profile before handler before defaults */
	assert_int_equal(d->guard, GUARD_PREFER);
	assert_int_equal(d->owner_uid, 100000); /* rule before handler */
	assert_string_equal(d->controllers, "pids");
	assert_int_equal(d->device_bpf, DEVICE_BPF_RUNTIME);
	assert_true(d->skip_missing);

	d = decide_handler("owner = process\nnest = init.scope\nguard = require\n", &good_facts);
	assert_int_equal(d->owner_uid, 101000);
	assert_int_equal(d->owner_gid, 201000);
	assert_string_equal(d->nest, "init.scope");
	assert_int_equal(d->guard, GUARD_REQUIRE);

	struct facts bare = good_facts;

	userns_none(&bare);
	d = decide_handler(BARE "guard = off\n", &bare);
	assert_int_equal(d->verdict, VERDICT_GRANT);
	assert_int_equal(d->guard, GUARD_REQUIRE);
	assert_int_equal(d->owner_uid, 0);
}

/* The handler's on_refusal stands above the default. */
static void test_on_refusal(void **state)
{
	struct facts facts = good_facts;

	(void)state;
	userns_none(&facts);
	facts.mount = MOUNT_READONLY;
	assert_int_equal(decide_handler("on_refusal = readonly\n", &facts)->verdict,
			 VERDICT_READONLY);
	assert_int_equal(decide_handler("on_refusal = readonly\n[defaults]\non_refusal = fail\n",
					&facts)
				 ->verdict,
			 VERDICT_READONLY);
	assert_int_equal(decide_handler("on_refusal = fail\n[defaults]\non_refusal = readonly\n",
					&facts)
				 ->verdict,
			 VERDICT_REFUSE);
}

/* Without a user namespace of its own, taking back takes nothing: what else holds must be enough. */
static void test_readonly_needs_something_to_take(void **state)
{
	static const struct {
		enum userns_kind userns;
		enum mount_state mount;
		uint64_t capabilities;
		enum verdict expect;
	} table[] = {
		{ USERNS_NONE, MOUNT_READONLY, 0, VERDICT_READONLY },
		{ USERNS_NONE, MOUNT_WILL_BE_RO, 1 << CAP_CHOWN, VERDICT_READONLY },
		{ USERNS_NONE, MOUNT_WRITABLE, 0, VERDICT_REFUSE },
		{ USERNS_NONE, MOUNT_UNKNOWN, 0, VERDICT_REFUSE },
		{ USERNS_NONE, MOUNT_READONLY, 1 << CAP_SYS_ADMIN, VERDICT_REFUSE },
		{ USERNS_HOST_IDS, MOUNT_WILL_BE_RO, 1 << CAP_SYS_ADMIN, VERDICT_REFUSE },
		{ USERNS_HOST_IDS, MOUNT_WILL_BE_RO, 0, VERDICT_READONLY },
		{ USERNS_UNKNOWN, MOUNT_WRITABLE, 0, VERDICT_REFUSE },
		{ USERNS_PRIVATE, MOUNT_WRITABLE, 1 << CAP_SYS_ADMIN, VERDICT_READONLY },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(table); i++) {
		struct facts facts = good_facts;

		facts.userns = table[i].userns;
		facts.mount = table[i].mount;
		facts.capabilities = table[i].capabilities;
		facts.covered_by = "/sys"; /* what is refused for, whatever the user namespace */
		assert_int_equal(decide_handler("on_refusal = readonly\n", &facts)->verdict,
				 table[i].expect);
	}
}

static void test_origins(void **state)
{
	struct facts facts = good_facts;
	const struct annotation ask = { "cgdeleg.io/writable", "true" };

	(void)state;
	assert_int_equal(decide_handler("", &facts)->origin.line, 6);
	assert_string_equal(decision.origin.file, "p.ini");
	facts.annotations = &ask;
	facts.n_annotations = 1;
	assert_int_equal(decide_text(ASKING, &facts)->origin.line, 15);
	assert_int_equal(decide_text(ASKING "cgroup_writable = false\n", &facts)->origin.line, 16);
	assert_int_equal(decide_text(ASKING "[rule r]\nhandler = h\ncgroup_writable = false\n",
				     &facts)
				 ->origin.line,
			 18);
	assert_int_equal(decision.reasons[0].code, REASON_RULE_FORBIDS);
}

static void test_selectors(void **state)
{
	static const struct annotation containerd[] = {
		{ "io.kubernetes.cri.sandbox-namespace", "ci-7" },
		{ "io.kubernetes.cri.sandbox-name", "build-x" },
		{ "io.kubernetes.cri.container-name", "main" },
		{ "io.kubernetes.cri.image-name", "reg.example/a/b/c:1" },
	};
	static const struct {
		const char *selectors;
		bool matches;
	} cases[] = {
		{ "", true },
		{ "namespaces = ci-*\n", true },
		{ "namespaces = other ci-7\n", true },
		{ "namespaces = ci\n", false },
		{ "namespaces = CI-7\n", false },
		{ "namespaces = *\n", true },
		{ "pods = build-?\n", true },
		{ "pods = build-[!x]\n", false },
		{ "containers = main\n", true },
		{ "containers = init main2\n", false },
		{ "images = reg.example/*\n", true },
		{ "images = */c:*\n", true },
		{ "images = reg.example/a\n", false },
		{ "namespaces = ci-*\nimages = no\n", false },
		{ "namespaces = ci-*\npods = b*\ncontainers = m*\nimages = r*\n", true },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct facts facts = good_facts;
		char text[256];

		(void)snprintf(text, sizeof(text), "[rule r]\nhandler = h\n%s", cases[i].selectors);
		facts.annotations = containerd;
		facts.n_annotations = ELEMENTS(containerd);
		if ((decide_handler(text, &facts)->verdict == VERDICT_GRANT) != cases[i].matches)
			fail_msg("%s", cases[i].selectors);
		/* The same selectors when nothing is known of the container. */
		facts.n_annotations = 0;
		if ((decide_handler(text, &facts)->verdict == VERDICT_GRANT) !=
		    (*cases[i].selectors == '\0'))
			fail_msg("unknown: %s", cases[i].selectors);
	}
}

static void test_sandbox(void **state)
{
	static const struct {
		const char *engine, *key, *value;
		bool sandbox;
	} cases[] = {
		{ "containerd", "io.kubernetes.cri.container-type", "sandbox", true },
		{ "containerd", "io.kubernetes.cri.container-type", "container", false },
		{ "containerd", "io.kubernetes.cri-o.ContainerType", "sandbox", false },
		{ "crio", "io.kubernetes.cri-o.ContainerType", "sandbox", true },
		{ "podman", "io.kubernetes.cri-o.ContainerType", "sandbox", true },
		{ "docker", "io.kubernetes.docker.type", "podsandbox", true },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct annotation a[] = { { cases[i].key, cases[i].value },
					  { "cgdeleg.io/writable", "true" } };
		struct facts facts = good_facts;
		char text[128];

		(void)snprintf(text, sizeof(text),
			       "[handler h]\nengine = %s\ncgroup_writable = true\n",
			       cases[i].engine);
		facts.annotations = a;
		facts.n_annotations = ELEMENTS(a);
		decide_text(text, &facts);
		assert_int_equal(decision.verdict, cases[i].sandbox ? VERDICT_PASS : VERDICT_GRANT);
		assert_int_equal(find_reason(&decision, REASON_SANDBOX) != NULL, cases[i].sandbox);
	}
}

static void test_not_concerned(void **state)
{
	const struct annotation ask = { "cgdeleg.io/writable", "true" };
	struct facts facts = good_facts;

	(void)state;
	facts.annotations = &ask;
	facts.n_annotations = 1;
	facts.handler = "another";
	assert_int_equal(decide_handler("", &facts)->verdict, VERDICT_PASS);
	facts.handler = NULL;
	assert_int_equal(decide_handler("", &facts)->verdict, VERDICT_PASS);
	facts.handler = "h";
	assert_int_equal(decide_text("", &facts)->verdict, VERDICT_PASS);
	assert_int_equal(decide_text("[handler h]\nengine = podman\n", &facts)->verdict,
			 VERDICT_PASS);
	assert_non_null(find_reason(&decision, REASON_ANNOTATION_UNAPPROVED));
}

/* The fast path agrees with the engine; that nothing but a pass may be unconcerned is in check_invariants(). */
static void test_concerns(void **state)
{
	static const struct {
		const char *text, *key, *value;
		bool concerns;
	} cases[] = {
		{ "[handler h]\nengine = crio\n", "x", "", false },
		{ "[handler h]\nengine = crio\ncgroup_writable = true\n", "x", "", true },
		{ "[handler h]\nengine = crio\ncgroup_writable = false\n", "x", "", false },
		{ "[handler h]\nengine = crio\n[rule r]\nhandler = h\ncgroup_writable = true\n",
		  "x", "", true },
		{ "[handler i]\nengine = crio\ncgroup_writable = true\n", "cgdeleg.io/writable",
		  "true", false },
		{ ASKING, "cgdeleg.io/writable", "true", true },
		{ ASKING, "cgdeleg.io/writable", "false", true },
		{ ASKING, "cgdeleg.io/writable", "?", true },
		{ ASKING, "cgdeleg.io/writable.other", "true", false },
		{ ASKING, "cgdeleg.io/profile", "ci", true },
		{ ASKING, "cgdeleg.io/memory.max", "1G", false },
		{ ASKING, "cgdeleg.io/memory.max", "?", true },
		{ ASKING, "cgdeleg.io/memory.high", "1G", false },
		{ "[handler h\nengine = crio\n", "x", "", false },
		{ "[handler h]\nengin = crio\n", "x", "", true },
		{ "[rule r]\nhandler = h\n", "x", "", true },
		{ "[rule r]\nhandler = i\n", "x", "", false },
		{ "[rule r]\nhandler = i\n", "cgdeleg.io/anything", "", true },
		{ "[rule r]\nhandler = i\n", "cgroup2-mount-hierarchy-rw.crio.io", "", true },
		{ "[rule r]\nhandler = i\n", "writable-cgroups.noderesource.dev/container.x", "",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct annotation a = { cases[i].key, cases[i].value };
		struct facts facts = { .handler = "h", .annotations = &a, .n_annotations = 1 };
		struct ruleset rules;

		assert_int_equal(ruleset_load_text("p.ini", cases[i].text, strlen(cases[i].text),
						   &rules, NULL),
				 0);
		if (policy_concerns(&rules, &facts) != cases[i].concerns)
			fail_msg("%s=%s under\n%s", cases[i].key, cases[i].value, cases[i].text);
		ruleset_done(&rules);
	}
}

/* A broken policy grants nothing, whatever its readable part says, and says where it is broken. */
static void test_broken(void **state)
{
	struct facts facts = good_facts;
	const struct annotation ask = { "cgdeleg.io/writable", "true" };

	(void)state;
	decide_handler("on_refusal = readonly\nnonsense = 1\nmore = 2\n", &facts);
	assert_int_equal(decision.verdict, VERDICT_REFUSE);
	assert_int_equal(decision.reasons[0].code, REASON_POLICY_BROKEN);
	assert_non_null(strstr(decision.reasons[0].text, "has 2 faults"));
	assert_non_null(strstr(decision.reasons[0].text, "p.ini:8:1: unknown key 'nonsense'"));
	assert_int_equal(decision.origin.line, 8);
	facts.handler = "elsewhere";
	assert_int_equal(decide_handler("nonsense = 1\n", &facts)->verdict, VERDICT_PASS);
	facts.annotations = &ask;
	facts.n_annotations = 1;
	assert_int_equal(decide_handler("nonsense = 1\n", &facts)->verdict, VERDICT_REFUSE);
	assert_non_null(strstr(decision.reasons[0].text, "has 1 fault "));
	facts.handler = NULL;
	assert_int_equal(decide_handler("nonsense = 1\n", &facts)->verdict, VERDICT_REFUSE);
}

/* Attacker's bytes in keys and values reach the sentence escaped and cut. */
static void test_escaping(void **state)
{
	char value[4096];
	struct annotation a = { "cgdeleg.io/writable", "\x1b[2J\nALL: granted" };

	(void)state;
	decide_asking(&a, 1);
	assert_non_null(strstr(decision.reasons[0].text, "'\\x1b[2J\\x0aALL: granted'"));
	memset(value, 'A', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	a.value = value;
	assert_int_equal(decide_asking(&a, 1)->reasons[0].code, REASON_ANNOTATION_INVALID);
	a = (struct annotation) { "cgdeleg.io/x\ny", "true" };
	assert_int_equal(decide_asking(&a, 1)->verdict, VERDICT_PASS);
	assert_non_null(
		strstr(find_reason(&decision, REASON_ANNOTATION_UNAPPROVED)->text, "x\\x0ay"));
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < REASON_CODE_MAX; i++) {
		const char *name = reason_code_name((enum reason_code)i);

		assert_non_null(name);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, reason_code_name((enum reason_code)j));
	}
	assert_string_equal(reason_code_name(REASON_CODE_MAX), "invalid");
	assert_string_equal(verdict_name(VERDICT_MAX), "invalid");
	assert_string_equal(verdict_name(VERDICT_READONLY), "readonly");
	assert_string_equal(reason_kind_name(REASON_NOTES), "notes");
	assert_string_equal(reason_kind_name((enum reason_kind)9), "invalid");
}

/* Ten thousand rules that do not match are a matter of a millisecond. */
static void test_large(void **state)
{
	const size_t size = 1 << 20;
	char *text = malloc(size);
	size_t len = 0;
	clock_t begin;

	(void)state;
	assert_non_null(text);
	len += (size_t)snprintf(text, size, "[handler h]\nengine = containerd\n");
	for (int i = 0; i < 3333; i++)
		len += (size_t)snprintf(text + len, size - len,
					"[rule r%d]\nhandler = h\nnamespaces = ns-%d-*\n", i, i);
	len += (size_t)snprintf(text + len, size - len,
				"[rule last]\nhandler = h\ncgroup_writable = true\n");
	begin = clock();
	decide_text(text, &good_facts);
	assert_true(clock() - begin < CLOCKS_PER_SEC / 2);
	assert_int_equal(decision.verdict, VERDICT_GRANT);
	assert_string_equal(decision.rule, "last");
	free(text);
}

/* Last: no code is without a case above. */
static void test_all_reasons_seen(void **state)
{
	(void)state;
	for (int i = 0; i < REASON_CODE_MAX; i++)
		if (!seen[i])
			fail_msg("no test has seen %s", reason_code_name((enum reason_code)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_requirements),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_all_refusals_are_collected),
		cmocka_unit_test(test_too_many_reasons),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_rule_profiles),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_annotated_ceiling),
		cmocka_unit_test(test_built_in_ceilings),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_on_refusal),
		cmocka_unit_test(test_readonly_needs_something_to_take),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_sandbox),
		cmocka_unit_test(test_not_concerned),
		cmocka_unit_test(test_concerns),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_all_reasons_seen),
	};

	return cmocka_run_group_tests(tests, NULL, teardown_text);
}
