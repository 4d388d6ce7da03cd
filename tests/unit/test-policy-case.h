/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Case - what the tests of the policy engine share: a container to which nothing stands in the way, decisions by a
 * policy's text, and what holds for every decision.
 */
#pragma once

#include "policy/decide.h"
#include "tests/unit/check.h"

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

static const char *const no_memory_files[] = { "cgroup.max.descendants", "cgroup.max.depth", "pids.max", NULL };

static const char *const hugetlb_files_list[] = {
	"cgroup.max.descendants", "cgroup.max.depth", "memory.max",	      "pids.max", "hugetlb.2MB.max",
	"hugetlb.2MB.rsvd.max",	  "hugetlb.1GB.max",  "hugetlb.1GB.rsvd.max", NULL,
};

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
	.ambient = 1 << 1, /* CAP_DAC_OVERRIDE */
	.cgroupns_private = TRI_YES,
	.grants_known = TRI_YES,
	.host = { .options = "rw nsdelegate memory_recursiveprot", .flags = "rw nosuid", .point = "/sys/fs/cgroup" },
	.shares_ids = TRI_NO,
	.cgroup = "/kubepods.slice/x",
	.files = all_files,
	.device_bpf = DEVICE_BPF_MULTI,
	.grant_guard = GUARD_FACT_THERE,
	.device_guard = GUARD_FACT_THERE,
};

/* Which codes any test has seen, and that assert_all_seen() wants complete. */
static bool seen[REASON_CODE_MAX];

static struct decision decision;

/* Does the state alone say that there is something to decide? */
static inline bool state_is_covered(const struct ruleset *rules, const struct facts *facts)
{
	const struct facts state = { .handler = facts->handler,
				     .annotations = facts->annotations,
				     .n_annotations = facts->n_annotations };
	static struct decision early;

	policy_decide(rules, &state, &early);
	return early.verdict != VERDICT_PASS;
}

/* What holds for every decision. */
static inline void check_invariants(const struct ruleset *rules, const struct facts *facts)
{
	const struct decision *d = &decision;
	bool refuses = false, grants = false, bounds = false, depth = false, descendants = false;

	assert_true(d->n_reasons >= 1 && d->n_reasons <= DECISION_REASONS_MAX);
	for (size_t i = 0; i < d->n_reasons; i++) {
		const struct reason *r = &d->reasons[i];

		seen[r->code] = true;
		refuses |= r->kind == REASON_REFUSES;
		grants |= r->kind == REASON_GRANTS;
		bounds |= r->kind == REASON_BOUNDS;
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
	if (d->verdict == VERDICT_BOUND) {
		assert_true(bounds && !grants && !refuses && depth && descendants);
		assert_true(d->unasked && facts->writable_by > WRITABLE_BY_NONE);
		assert_non_null(d->origin.file);
		assert_null(d->nest);
	}
	if (d->verdict == VERDICT_REFUSE)
		assert_true(refuses);
	if (d->verdict == VERDICT_PASS)
		assert_false(refuses || grants || bounds);
	else
		assert_true(state_is_covered(rules, facts));
}

static inline const struct decision *decide_text(const char *text, const struct facts *facts)
{
	static struct ruleset rules; /* until the next call: the decision points into it */
	static char *copy;

	ruleset_done(&rules);
	free(copy);
	copy = strdup(text);
	assert_non_null(copy);
	assert_int_equal(ruleset_load_text("p.ini", copy, strlen(copy), &rules, NULL), 0);
	memset(&decision, 0xa5, sizeof(decision));
	policy_decide(&rules, facts, &decision);
	check_invariants(&rules, facts);
	return &decision;
}

static inline const struct reason *find_reason(const struct decision *d, enum reason_code code)
{
	for (size_t i = 0; i < d->n_reasons; i++)
		if (d->reasons[i].code == code)
			return &d->reasons[i];
	return NULL;
}

static inline const struct ceiling *find_ceiling(const struct decision *d, const char *file)
{
	for (size_t i = 0; i < d->n_ceilings; i++)
		if (strcmp(d->ceilings[i].file, file) == 0)
			return &d->ceilings[i];
	return NULL;
}

static inline void print_decision(const struct decision *d)
{
	print_message("    %s\n", verdict_name(d->verdict));
	for (size_t i = 0; i < d->n_reasons; i++)
		print_message("    %s %s %s:%u %s\n", reason_kind_name(d->reasons[i].kind),
			      reason_code_name(d->reasons[i].code),
			      d->reasons[i].origin.file ? d->reasons[i].origin.file : "-", d->reasons[i].origin.line,
			      d->reasons[i].text);
}

static inline void annotate(struct facts *f, const struct annotation *annotations, size_t n)
{
	f->annotations = annotations;
	f->n_annotations = n;
}

static inline void userns_none(struct facts *f)
{
	f->userns = USERNS_NONE;
	f->root_uid = f->root_gid = 0;
}

static inline const struct decision *decide_handler(const char *lines, const struct facts *facts)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "[profile small]\nmemory.max = 1G\npids.max = 10\n[handler h]\n"
		       "engine = containerd\ncgroup_writable = true\n%s",
		       lines);
	return decide_text(text, facts);
}

#define ASKING                                                                             \
	"[profile small]\nmemory.max = 1G\npids.max = 10\ncpu.max = 2\n"                   \
	"[profile ci]\nmemory.max = 16G\ncgroup.max.descendants = max\nnest = init\n"      \
	"[profile secret]\npids.max = max\n"                                               \
	"[handler h]\nengine = containerd\nprofile = small\nprofiles = small ci\n"         \
	"approved_annotations = cgdeleg.io/writable cgdeleg.io/profile cgdeleg.io/memory." \
	"max cgdeleg.io/cpu.max cgdeleg.io/hugetlb.2MB.max cgdeleg.io/pids.max\n"

static inline const struct decision *decide_asking(const struct annotation *a, size_t n)
{
	struct facts facts = good_facts;

	annotate(&facts, a, n);
	/* One profile of it lifts cgroup.max.descendants. */
	return decide_text(ASKING "[defaults]\nmax_total_descendants = max\n", &facts);
}

/* Which of the programs has the cases for a code. A new code without an entry fails them all. */
enum program { PROGRAM_NONE, IN_STRICTER, IN_DECIDE, IN_REQUIRE, IN_CEILINGS, IN_WRITABLE };

static const enum program cases_of[REASON_CODE_MAX] = {
	[REASON_NOT_CONCERNED] = IN_DECIDE,
	[REASON_HANDLER_UNKNOWN] = IN_DECIDE,
	[REASON_SANDBOX] = IN_DECIDE,
	[REASON_POLICY_BROKEN] = IN_DECIDE,
	[REASON_HANDLER_GRANTS] = IN_DECIDE,
	[REASON_RULE_GRANTS] = IN_DECIDE,
	[REASON_ANNOTATION_GRANTS] = IN_DECIDE,
	[REASON_BOUNDED] = IN_WRITABLE,
	[REASON_WRITABLE_MOUNT] = IN_WRITABLE,
	[REASON_UNBOUNDED] = IN_WRITABLE,
	[REASON_ANNOTATION_DECLINES] = IN_DECIDE,
	[REASON_ANNOTATION_INVALID] = IN_DECIDE,
	[REASON_ANNOTATION_UNAPPROVED] = IN_DECIDE,
	[REASON_HANDLER_FORBIDS] = IN_DECIDE,
	[REASON_RULE_FORBIDS] = IN_DECIDE,
	[REASON_NO_RULE_MATCHES] = IN_DECIDE,
	[REASON_PROFILE_UNKNOWN] = IN_CEILINGS,
	[REASON_PROFILE_NOT_ALLOWED] = IN_CEILINGS,
	[REASON_LIMIT_CLAMPED] = IN_CEILINGS,
	[REASON_LIMIT_MISSING] = IN_CEILINGS,
	[REASON_LIMIT_SKIPPED] = IN_REQUIRE,
	[REASON_LIMIT_ZERO] = IN_CEILINGS,
	[REASON_USERNS_MISSING] = IN_REQUIRE,
	[REASON_USERNS_HOST_IDS] = IN_REQUIRE,
	[REASON_OWNER_UNMAPPED] = IN_REQUIRE,
	[REASON_CGROUPNS_SHARED] = IN_REQUIRE,
	[REASON_CGROUP_MOUNT] = IN_REQUIRE,
	[REASON_OWNER_UNUSED] = IN_REQUIRE,
	[REASON_NSDELEGATE_MISSING] = IN_REQUIRE,
	[REASON_HOST_OPTION_MISSING] = IN_REQUIRE,
	[REASON_CAPABILITY] = IN_REQUIRE,
	[REASON_GUARD_MISSING] = IN_REQUIRE,
	[REASON_GUARD_ABSENT] = IN_REQUIRE,
	[REASON_GUARD_BROKEN] = IN_REQUIRE,
	[REASON_GUARD_NOT_LOADED] = IN_REQUIRE,
	[REASON_STRICTER_KEPT] = IN_STRICTER,
	[REASON_COVERED] = IN_REQUIRE,
	[REASON_DEVICE_BPF_REPLACEABLE] = IN_REQUIRE,
	[REASON_DEVICE_BPF_ABSENT] = IN_REQUIRE,
	[REASON_BUDGET] = IN_CEILINGS,
	[REASON_DEVICE_GUARD_ABSENT] = IN_REQUIRE,
	[REASON_BPFFS] = IN_REQUIRE,
	[REASON_OTHER_CGROUP_MOUNT] = IN_REQUIRE,
	[REASON_SHARED_IDS] = IN_REQUIRE,
	[REASON_DESCRIPTOR] = IN_REQUIRE,
	[REASON_SECCOMP_BPF] = IN_REQUIRE,
	[REASON_NOT_TAKEN_BACK] = IN_DECIDE,
	[REASON_UNKNOWN] = IN_REQUIRE,
};

/* The last test of each program. */
static inline void assert_all_seen(enum program program)
{
	for (int i = 0; i < REASON_CODE_MAX; i++) {
		const char *name = reason_code_name((enum reason_code)i);

		if (cases_of[i] == PROGRAM_NONE)
			fail_msg("%s has no program", name);
		if (cases_of[i] == program && !seen[i])
			fail_msg("no test has seen %s", name);
	}
}
