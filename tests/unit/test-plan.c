/* SPDX-License-Identifier: Apache-2.0 */
/* Plan: which steps, and that in every plan all that restricts stands before all that gives. */
#include <errno.h>

#include "bpf/grant_guard_abi.h"
#include "cgdeleg/grant/plan.h"
#include "tests/unit/check.h"
#include "tests/unit/decision.h"

static const char *const delegated[] = { "cgroup.procs", "cgroup.threads", NULL };
static const char *const given_more[] = { "cgroup.procs", "new.file", NULL };

static struct facts facts_plain(void)
{
	return (struct facts) {
		.delegated = delegated, .given = delegated, .controllers = "cpu memory pids", .mount = MOUNT_READONLY
	};
}

static struct decision decision_plain(enum verdict verdict)
{
	struct decision decision = { .verdict = verdict, .owner_uid = 100000, .owner_gid = 100001 };

	decision_add_ceiling(&decision, "memory.max", "4096");
	decision_add_ceiling(&decision, "cgroup.max.descendants", "256");
	return decision;
}

static struct target target; /* what a container without guards and of no earlier run has: zeros */
static struct plan plan;
static char text[256]; /* of a step's description */

static const char *name_of(const struct step *step)
{
	switch (step->kind) {
	case STEP_UNIT:
		return step->unit.name;
	case STEP_CEILING:
		return step->ceiling.file;
	case STEP_LEAF:
	case STEP_MOVE:
		return step->leaf.name;
	case STEP_CONTROLLERS:
		return step->controllers.list;
	case STEP_OWN:
		return step->own.name;
	default:
		return NULL;
	}
}

static const char *const kind_names[STEP_KIND_MAX] = {
	[STEP_BUDGET] = "budget",
	[STEP_UNIT] = "unit",
	[STEP_CEILING] = "ceiling",
	[STEP_DEVICE_BPF] = "device-bpf",
	[STEP_DEVICE_GUARD] = "device-guard",
	[STEP_GRANT_GUARD] = "grant-guard",
	[STEP_LEAF] = "leaf",
	[STEP_MOVE] = "move",
	[STEP_CONTROLLERS] = "controllers",
	[STEP_ATTRIBUTE] = "attribute",
	[STEP_FORGET] = "forget",
	[STEP_INTENT] = "intent",
	[STEP_OWN] = "own",
	[STEP_MOUNT] = "mount",
};

/* The plan as one line of kinds and names: "ceiling memory.max, own ., mount ". */
static void check_plan(const char *name, const struct decision *decision, const struct facts *facts, const char *want)
{
	char got[2048] = "";

	assert_int_equal(plan_build(decision, facts, &target, &plan, NULL), 0);
	for (size_t i = 0; i < plan.n_steps; i++) {
		const struct step *step = &plan.steps[i];
		const char *of = name_of(step);

		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s%s%s%s", i ? ", " : "",
			       kind_names[step->kind], step->place == PLACE_SCOPE ? "^" : "", of ? " " : "",
			       of ? of : "");
	}
	check_string(name, got, want);
}

static void check_step(size_t i, const char *want)
{
	check_string(want, step_describe(&plan.steps[i], text, sizeof(text)), want);
}

#define CEILINGS "ceiling memory.max, ceiling cgroup.max.descendants"
#define OWN	 "own cgroup.procs, own cgroup.threads, own ."
#define END	 "device-bpf, attribute, " OWN ", mount"
#define NESTED	 "budget, " CEILINGS ", device-bpf, attribute, leaf init, move init, "

/* Which steps, in which order: of a verdict, of a leaf, of a scope above, and through systemd. What systemd can hold it is
 * asked for at once, before all but the count; what it cannot, or may not know how to do, has a step of its own, and so has
 * all of the cgroup below a scope. */
static const struct {
	const char *name, *want, *nest, *controllers, *offered;
	enum verdict verdict;
	bool nested, has_scope, unit, zero, io;
} plans[] = {
	{ "pass", "", .verdict = VERDICT_PASS },
	{ "refuse", "", .verdict = VERDICT_REFUSE },
	{ "read-only", OWN, .verdict = VERDICT_READONLY },
	{ "grant", "budget, " CEILINGS ", " END, .verdict = VERDICT_GRANT },
	{ "bound", "budget, " CEILINGS ", device-bpf, attribute", .verdict = VERDICT_BOUND },
	{ "bound, nested by its runtime", "budget, " CEILINGS ", device-bpf, attribute", NULL, "cpu", "cpu",
	  .verdict = VERDICT_BOUND, .nested = true },
	{ "bound, below a scope",
	  "budget, unit^ x.scope, ceiling^ cgroup.max.descendants, " CEILINGS ", device-bpf, attribute",
	  .verdict = VERDICT_BOUND, .unit = true, .has_scope = true },
	{ "nest", NESTED "controllers cpu memory, " OWN ", mount", "init", "cpu memory", "cpu memory",
	  .verdict = VERDICT_GRANT },
	{ "order", NESTED "controllers memory cpu, " OWN ", mount", "init", "memory cpu", "cpu memory",
	  .verdict = VERDICT_GRANT },
	{ "some", NESTED "controllers memory, " OWN ", mount", "init", "cpu memory io", "pids memory",
	  .verdict = VERDICT_GRANT },
	{ "none of them", NESTED OWN ", mount", "init", "cpu", "cpuset", .verdict = VERDICT_GRANT },
	{ "nested already", "budget, " CEILINGS ", device-bpf, attribute, controllers cpu, " OWN ", mount", "init",
	  "cpu", "cpu", .verdict = VERDICT_GRANT, .nested = true },
	{ "no list", "budget, " CEILINGS ", " END, "init", NULL, "cpu", .verdict = VERDICT_GRANT, .nested = true },
	{ "no leaf", "budget, " CEILINGS ", " END, NULL, "cpu memory", "cpu memory", .verdict = VERDICT_GRANT },
	{ "no leaf, nested", "budget, " CEILINGS ", " END, NULL, "cpu", "cpu", .verdict = VERDICT_GRANT, .nested = true },
	{ "scope", "budget, ceiling^ memory.max, ceiling^ cgroup.max.descendants, " CEILINGS ", " END,
	  .verdict = VERDICT_GRANT, .has_scope = true },
	{ "unit", "budget, unit x.scope, ceiling cgroup.max.descendants, " END, .verdict = VERDICT_GRANT, .unit = true },
	{ "unit above", "budget, unit^ x.scope, ceiling^ cgroup.max.descendants, " CEILINGS ", " END,
	  .verdict = VERDICT_GRANT, .unit = true, .has_scope = true },
	{ "not for systemd", "budget, " CEILINGS ", " END, .verdict = VERDICT_GRANT, .unit = true, .zero = true },
	{ "a device", "budget, unit x.scope, ceiling cgroup.max.descendants, ceiling io.max, " END,
	  .verdict = VERDICT_GRANT, .unit = true, .io = true },
};

TEST(test_plans)
{
	for (size_t i = 0; i < ELEMENTS(plans); i++) {
		const bool back = plans[i].verdict == VERDICT_READONLY;
		struct decision decision = decision_plain(plans[i].verdict);
		struct facts facts = facts_plain();

		decision.nest = plans[i].nest;
		decision.controllers = plans[i].controllers;
		facts.controllers = plans[i].offered ? plans[i].offered : facts.controllers;
		facts.nested = plans[i].nested;
		facts.has_scope = plans[i].has_scope;
		facts.unit = plans[i].unit ? "x.scope" : NULL;
		if (plans[i].zero)
			decision.ceilings[0].value.number = 0;
		if (plans[i].io)
			decision_add_ceiling(&decision, "io.max", "8:0 rbps=5");
		check_plan(plans[i].name, &decision, &facts, plans[i].want);
		for (size_t s = 0; s < plan.n_steps; s++)
			if (plan.steps[s].kind == STEP_OWN) {
				assert_int_equal(plan.steps[s].own.owner.uid, back ? 0 : 100000);
				assert_int_equal(plan.steps[s].own.owner.gid, back ? 0 : 100001);
			}
	}
}

/* The scope's ceilings are the same but for the container's own cgroup, which counts there. */
TEST(test_scope)
{
	static const char *const want[] = { "scope: memory.max at most 4096", "scope: cgroup.max.descendants at most 257",
					    "scope: cgroup.max.depth at most max", "memory.max at most 4096",
					    "cgroup.max.descendants at most 256" };
	struct decision decision = decision_plain(VERDICT_GRANT);
	struct facts facts = facts_plain();

	facts.has_scope = true;
	decision_add_ceiling(&decision, "cgroup.max.depth", "max");
	assert_int_equal(plan_build(&decision, &facts, &target, &plan, NULL), 0);
	for (size_t i = 0; i < ELEMENTS(want); i++)
		check_step(i + 1, want[i]);
	/* The largest that the kernel takes has no successor. */
	decision.ceilings[1].value.number = INT32_MAX;
	assert_int_equal(plan_build(&decision, &facts, &target, &plan, NULL), 0);
	check_step(2, "scope: cgroup.max.descendants at most 2147483647");
}

TEST(test_unit_description)
{
	struct decision decision = decision_plain(VERDICT_GRANT);
	struct facts facts = facts_plain();

	facts.unit = "x.scope";
	decision_add_ceiling(&decision, "pids.max", "5");
	assert_int_equal(plan_build(&decision, &facts, &target, &plan, NULL), 0);
	check_step(1, "limits of x.scope at most, through systemd: MemoryMax=4096, TasksMax=5");
	/* A buffer that is too small cuts, and nothing is written after it. */
	memset(text, '#', sizeof(text));
	(void)step_describe(&plan.steps[1], text, 40);
	assert_int_equal(strlen(text), 39);
	assert_int_equal(text[40], '#');
}

TEST(test_mount_methods)
{
	static const enum mount_method want[MOUNT_STATE_MAX] = {
		[MOUNT_UNKNOWN] = MOUNT_KEEP,
		[MOUNT_READONLY] = MOUNT_CLEAR_FLAG,
		[MOUNT_WILL_BE_RO] = MOUNT_CLONE_ON_TOP,
		[MOUNT_WRITABLE] = MOUNT_KEEP,
	};
	struct decision decision = decision_plain(VERDICT_GRANT);
	struct facts facts = facts_plain();

	for (facts.mount = 0; facts.mount < MOUNT_STATE_MAX; facts.mount++) {
		assert_int_equal(plan_build(&decision, &facts, &target, &plan, NULL), 0);
		assert_int_equal(plan.steps[plan.n_steps - 1].kind, STEP_MOUNT);
		assert_int_equal(plan.steps[plan.n_steps - 1].method, want[facts.mount]);
	}
}

/* The leaf is the container's from when it is made. */
static bool gives(enum step_kind kind)
{
	return kind == STEP_LEAF || kind == STEP_MOVE || kind == STEP_CONTROLLERS || kind == STEP_OWN ||
	       kind == STEP_MOUNT;
}

/* Of one plan: restrictions and the record, then the leaf, then ownership with the directory last of it, then the mount, once. */
static void check_order(void)
{
	size_t n = plan.n_steps;
	bool given = false;

	assert_true(n >= 2);
	for (size_t i = 0; i < n; i++) {
		const struct step *step = &plan.steps[i];

		assert_false(given && !gives(step->kind));
		given |= gives(step->kind);
		assert_int_equal(step->kind == STEP_MOUNT, i == n - 1);
		if (step->kind == STEP_OWN)
			assert_int_equal(strcmp(step->own.name, ".") == 0, i == n - 2);
	}
}

TEST(test_order)
{
	for (unsigned bits = 0; bits < 128; bits++) {
		struct decision decision = decision_plain(VERDICT_GRANT);
		struct facts facts = facts_plain();

		decision.nest = bits & 1 ? "init" : NULL;
		decision.controllers = bits & 2 ? "cpu memory" : "";
		decision.audit_sync = bits & 4;
		decision.n_ceilings = bits & 8 ? 2 : 0;
		facts.has_scope = bits & 16;
		facts.nested = bits & 32;
		facts.unit = bits & 64 ? "x.scope" : NULL;
		assert_int_equal(plan_build(&decision, &facts, &target, &plan, NULL), 0);
		check_order();
	}
}

TEST(test_unknown_list)
{
	struct decision decision = decision_plain(VERDICT_READONLY);
	struct facts facts = facts_plain();

	facts.delegated = facts.given = NULL;
	check_plan("the directory alone", &decision, &facts, "own .");
	facts.given = given_more;
	facts.marked = true;
	check_plan("all that was given, and the mark", &decision, &facts, "own cgroup.procs, own new.file, own ., forget");
}

/* As many steps as there can be fit; one that would not is an error and never left out. */
TEST(test_size)
{
	static const char *many[PLAN_STEPS_MAX + 1];
	struct decision decision = decision_plain(VERDICT_READONLY);
	struct facts facts = facts_plain();

	for (size_t i = 0; i < PLAN_STEPS_MAX; i++)
		many[i] = "x";
	facts.delegated = facts.given = many;
	CHECK("129 steps", plan_build(&decision, &facts, &target, &plan, &why), "the plan has 129 steps, more than 128");
	many[PLAN_STEPS_MAX - 1] = NULL;
	CHECK("128 steps", plan_build(&decision, &facts, &target, &plan, &why), NULL);

	decision = decision_plain(VERDICT_GRANT);
	decision.n_ceilings = 0;
	while (decision.n_ceilings < DECISION_CEILINGS_MAX)
		decision_add_ceiling(&decision, "memory.max", "1");
	facts = facts_plain();
	facts.has_scope = true;
	decision.nest = "init";
	decision.controllers = "cpu";
	decision.audit_sync = true;
	CHECK("the largest real one", plan_build(&decision, &facts, &target, &plan, &why), NULL);
}

TEST(test_descriptions)
{
	static const struct budget_entry bounded = { .usage.descendants = 64 },
					 boundless = { .usage.descendants = LIMIT_MAX };
	static const struct device_rules rules = { .n_rules = 10 };
	static const struct {
		struct step step;
		const char *want;
	} cases[] = {
		{ { .kind = STEP_BUDGET, .entry = &bounded }, "count one grant with up to 64 descendants" },
		{ { .kind = STEP_BUDGET, .entry = &boundless }, "count one grant with any number of descendants" },
		{ { .kind = STEP_DEVICE_BPF }, "verify the device controller's BPF programs" },
		{ { .kind = STEP_DEVICE_GUARD, .rules = &rules }, "attach the device guard with 10 rules" },
		{ { .kind = STEP_GRANT_GUARD, .allowed = GUARD_ALLOW_PRESSURE },
		  "attach the grant guard, writing to *.pressure allowed" },
		{ { .kind = STEP_LEAF, .leaf = { "init", { 5, 6 } } }, "make leaf 'init' for 5:6" },
		{ { .kind = STEP_MOVE, .leaf = { "init", { 0, 0 } } }, "move the container's processes into 'init'" },
		{ { .kind = STEP_CONTROLLERS, .controllers.list = "cpu io" }, "enable controllers cpu io" },
		{ { .kind = STEP_ATTRIBUTE }, "write the attribute on the cgroup" },
		{ { .kind = STEP_FORGET }, "remove the attribute of an earlier grant" },
		{ { .kind = STEP_INTENT }, "write and sync the audit record of the intent" },
		{ { .kind = STEP_OWN, .own = { ".", { 1, 2 } } }, "own . 1:2" },
		{ { .kind = STEP_MOUNT, .method = MOUNT_CLONE_ON_TOP }, "make the mount writable: clone-on-top" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		check_string("step", step_describe(&cases[i].step, text, sizeof(text)), cases[i].want);
}

/* The attribute of one that did not ask says what made its cgroup writable, and that nothing was done to the mount. */
TEST(test_bound)
{
	static const enum writable_by ways[] = { WRITABLE_BY_MOUNT, WRITABLE_BY_OWNER };

	for (size_t i = 0; i < ELEMENTS(ways); i++) {
		_cleanup_(attribute_done) struct attribute attribute = { 0 };
		struct decision decision = decision_plain(VERDICT_BOUND);
		struct facts facts = facts_plain();

		decision.unasked = true;
		facts.mount = MOUNT_WILL_BE_RO;
		facts.writable_by = ways[i];
		check_plan("bound", &decision, &facts, "budget, " CEILINGS ", device-bpf, attribute");
		assert_int_equal(attribute_parse(plan.attribute, strlen(plan.attribute), &attribute, NULL), 0);
		assert_int_equal(attribute.writable_by, ways[i]);
		check_string("method", attribute.method, "keep");
		/* One that is granted did ask, whatever its mount is. */
		decision = decision_plain(VERDICT_GRANT);
		check_plan("grant", &decision, &facts, "budget, " CEILINGS ", " END);
		assert_null(strstr(plan.attribute, "writable_by"));
	}
}

/* What the plan writes is all in it: the entry of the table, the attribute, what each step needs of the policy. */
TEST(test_written)
{
	struct decision decision = decision_plain(VERDICT_GRANT);
	struct facts facts = facts_plain();
	_cleanup_(attribute_done) struct attribute first = { 0 }, again = { 0 };

	decision.handler = "h";
	decision.usage.descendants = 256;
	decision.nest = "init";
	decision.controllers = "cpu";
	decision.skip_missing = decision.device_guard = true;
	decision.who.namespace = "a\xc3\xa4";
	facts.id = "c1";
	facts.asked = 1234;
	target = (struct target) { .ino = 77,
				   .instance = "mnt:[1]+2",
				   .rules = { .n_rules = 1, .rules = { { 1, 3, 2, 6, 1 } } } };
	check_plan("all", &decision, &facts,
		   "budget, " CEILINGS
		   ", device-bpf, device-guard, attribute, leaf init, move init, controllers cpu, " OWN ", mount");
	assert_int_equal(plan.entry.id, 77);
	assert_int_equal(plan.entry.usage.descendants, 256);
	check_string("handler", plan.entry.handler, "h");
	assert_true(plan.steps[1].ceiling.skip_unknown);
	check_string("leaf", plan.steps[8].controllers.leaf, "init");
	assert_int_equal(attribute_parse(plan.attribute, strlen(plan.attribute), &first, NULL), 0);
	check_string("id", first.id, "c1");
	check_string("instance", first.instance, "mnt:[1]+2");
	check_string("method", first.method, "clear-flag");
	check_string("namespace", first.namespace, "a\xc3\xa4");
	assert_int_equal(first.since, 1234);
	assert_int_equal(first.n_rules, 1);
	assert_false(first.guarded);
	/* A second run keeps what the first wrote, but for the guards. */
	target.attribute = first;
	facts.granted = decision.grant_guard = true;
	facts.id = "c2";
	facts.asked = 5678;
	target.rules.n_rules = 0;
	assert_int_equal(plan_build(&decision, &facts, &target, &plan, NULL), 0);
	assert_int_equal(attribute_parse(plan.attribute, strlen(plan.attribute), &again, NULL), 0);
	check_string("id", again.id, "c1");
	assert_int_equal(again.since, 1234);
	assert_int_equal(again.n_rules, 0);
	assert_true(again.guarded);
	target = (struct target) { 0 };
}

/* More ceilings than the attribute holds stop a grant, and nothing else: a cgroup is taken back, a refusal is one. */
TEST(test_too_much_for_the_attribute)
{
	static const struct {
		enum verdict verdict;
		const char *want;
	} cases[] = {
		{ VERDICT_GRANT, "would be longer than 16384 bytes" },
		{ VERDICT_READONLY, NULL },
		{ VERDICT_REFUSE, NULL },
	};
	struct facts facts = facts_plain();
	char lines[1024] = "";

	for (int minor = 0; minor < LIMIT_LINES_MAX; minor++)
		(void)snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s8:%d rbps=9223372036854775806",
			       minor ? "," : "", minor);
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct decision decision = decision_plain(cases[i].verdict);

		while (decision.n_ceilings < DECISION_CEILINGS_MAX)
			decision_add_ceiling(&decision, "io.max", lines);
		CHECK("build", plan_build(&decision, &facts, &target, &plan, &why), cases[i].want);
		check_string("attribute", plan.attribute, "");
		assert_int_equal(plan.n_steps, cases[i].verdict == VERDICT_READONLY ? 3 : 0);
	}
}
