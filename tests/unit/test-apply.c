/* SPDX-License-Identifier: Apache-2.0 */
/* Apply: a plan done whole, or the tree exactly as it was before; whichever step fails. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tests/unit/apply-stage.h"
#include "tests/unit/check.h"
#include "tests/unit/decision.h"
#include "tests/unit/fake-guard.h"
#include "tests/unit/fake-kernel.h"

/* A run after another, which the mount stops with that error. */
static void apply_again(struct stage *s, const char *name, int mount_error, const char *want)
{
	apply_done(&s->outcome);
	s->n_grant = 0;
	kernel = (struct kernel) { .mount_error = mount_error };
	CHECK(name, plan_apply(&s->apply, &s->plan, &s->outcome, &why), want);
}

TEST_AS_ROOT(test_grant)
{
	_cleanup_(stage_done) struct stage s;

	stage_new(&s, VERDICT_GRANT, "init");
	CHECK("apply", plan_apply(&s.apply, &s.plan, &s.outcome, &why), NULL);
	assert_int_equal(s.outcome.kind, OUTCOME_DONE);
	assert_int_equal(s.outcome.n_done, s.plan.n_steps);
	assert_null(s.outcome.failed);
	stage_check_file(&s, "memory.max", "4096", 0);
	stage_check_file(&s, "pids.max", "500", 0);
	stage_check_file(&s, "cgroup.max.depth", "12", 0);
	stage_check_file(&s, "cgroup.procs", "", 100000);
	stage_check_file(&s, "cgroup.threads", "4711", 100000);
	stage_check_file(&s, "cgroup.subtree_control", "cpu memory", 100000);
	stage_check_file(&s, "init/cgroup.procs", "4711", 100000);
	stage_check_file(&s, "cgroup.controllers", "cpu memory pids", 0);
	assert_int_equal(s.n_intent, 1);
	assert_int_equal(s.n_grant, 1);
	assert_int_equal(kernel.n_mounted, 1);
	assert_int_equal(kernel.n_unmounted, 0);
	assert_true(fake_guard.device && fake_guard.grant);
	assert_int_equal(fake_guard.rules.ready, DEVICE_GUARD_READY);
	assert_int_equal(fake_guard.flags, GUARD_ALLOW_PRESSURE);
	assert_int_equal(umask(022), umask(022)); /* the step's own is gone again */
}

/* The same plan again writes nothing and changes no owner. */
TEST_AS_ROOT(test_again)
{
	_cleanup_(stage_done) struct stage s;
	const char *before;

	stage_new(&s, VERDICT_GRANT, NULL);
	CHECK("once", plan_apply(&s.apply, &s.plan, &s.outcome, &why), NULL);
	apply_done(&s.outcome);
	s.target.attribute.marked = true; /* gather() sees it by then */
	before = stage_picture(&s);
	kernel.n_writes = s.n_grant = 0;
	CHECK("twice", plan_apply(&s.apply, &s.plan, &s.outcome, &why), NULL);
	check_string("picture", stage_picture(&s), before);
	assert_int_equal(kernel.n_writes, 0);
}

/* A whole applied plan, taken back because what came after it failed. */
TEST_AS_ROOT(test_undo_whole)
{
	static const char *const nests[] = { NULL, "init" };

	for (size_t i = 0; i < ELEMENTS(nests); i++) {
		_cleanup_(stage_done) struct stage s;
		const char *before;

		stage_new(&s, VERDICT_GRANT, nests[i]);
		before = stage_picture(&s);
		CHECK("apply", plan_apply(&s.apply, &s.plan, &s.outcome, &why), NULL);
		assert_string_not_equal(stage_picture(&s), before);
		assert_int_equal(plan_undo(&s.apply, &s.outcome), 0);
		check_string("picture", stage_picture(&s), before);
		assert_int_equal(s.outcome.kind, OUTCOME_UNDONE);
		assert_int_equal(kernel.n_unmounted, 1);
	}
}

static const struct {
	const char *name, *want;
	enum step_kind failed;
	struct kernel kernel;
} faults[] = {
	{ "a ceiling that lies", "'memory.max' does not read back as written", STEP_CEILING,
	  .kernel.ignore = "memory.max" },
	{ "a later ceiling", "cannot write '12' to 'cgroup.max.depth': No space left", STEP_CEILING,
	  .kernel.refuse = "cgroup.max.depth", .kernel.error = ENOSPC },
	{ "move", "cannot move process 4711: Device or resource busy", STEP_MOVE, .kernel.refuse = "cgroup.procs",
	  .kernel.error = EBUSY },
	{ "controllers", "cannot enable '+cpu +memory' in cgroup.subtree_control: Operation not permitted",
	  STEP_CONTROLLERS, .kernel.refuse = "cgroup.subtree_control", .kernel.error = EPERM },
	{ "controllers that lie", "'cpu' is not enabled after enabling it", STEP_CONTROLLERS,
	  .kernel.ignore = "cgroup.subtree_control" },
	{ "an owner that lies",
	  "'cgroup.threads' of the container's cgroup belongs to 0:0 after giving it to 100000:100000", STEP_OWN,
	  .kernel.keep_owner = "cgroup.threads" },
	{ "an owner that cannot be changed",
	  "cannot give 'cgroup.threads' of the container's cgroup to 100000:100000: Operation not permitted", STEP_OWN,
	  .kernel.keep_owner = "cgroup.threads", .kernel.owner_error = EPERM },
	{ "mount", "cannot enter the container's mount namespace", STEP_MOUNT, .kernel.mount_error = EPERM },
	{ "mount, read back", "cannot read the cgroup mount's flags back", STEP_MOUNT, .kernel.mount_error = EIO,
	  .kernel.mount_half = true },
};

TEST_AS_ROOT(test_faults)
{
	for (size_t i = 0; i < ELEMENTS(faults); i++) {
		_cleanup_(stage_done) struct stage s;
		const char *before;

		stage_new(&s, VERDICT_GRANT, "init");
		before = stage_picture(&s);
		kernel = faults[i].kernel;
		CHECK(faults[i].name, plan_apply(&s.apply, &s.plan, &s.outcome, &why), faults[i].want);
		check_string(faults[i].name, stage_picture(&s), before);
		assert_int_equal(s.outcome.failed->kind, faults[i].failed);
		assert_int_equal(s.outcome.kind, OUTCOME_UNDONE);
		assert_int_equal(kernel.n_mounted, kernel.n_unmounted);
	}
}

/* A guard that cannot be attached, or whose rules cannot be written; the picture's rules are those of the last that was. */
TEST_AS_ROOT(test_guard_faults)
{
	static const struct {
		const char *want;
		struct fake_guard guard;
		enum step_kind failed;
	} cases[] = {
		{ "cannot attach the device guard", { .fail_attach = true }, STEP_DEVICE_GUARD },
		{ "cannot attach the device guard", { .fail_attach = true, .half_attach = true }, STEP_DEVICE_GUARD },
		{ "cannot write the device rules", { .fail_write = true }, STEP_DEVICE_GUARD },
		{ "cannot attach the guard program", { .fail_grant = true }, STEP_GRANT_GUARD },
		{ "cannot write the cgroup's entry", { .fail_tell = true }, STEP_GRANT_GUARD },
		{ "cannot read the cgroup's entry", { .fail_read = true }, STEP_GRANT_GUARD },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(stage_done) struct stage s;

		stage_new(&s, VERDICT_GRANT, "init");
		fake_guard = cases[i].guard;
		CHECK("guard", plan_apply(&s.apply, &s.plan, &s.outcome, &why), cases[i].want);
		assert_int_equal(s.outcome.failed->kind, cases[i].failed);
		assert_int_equal(s.outcome.kind, OUTCOME_UNDONE);
		assert_false(fake_guard.device || fake_guard.grant);
		assert_int_equal(s.n_grant, 0);
	}
}

/* An attribute that came after the look is another hook's: this run fails, and leaves it. */
TEST_AS_ROOT(test_another)
{
	_cleanup_(stage_done) struct stage s;
	char text[8] = "";

	stage_new(&s, VERDICT_GRANT, NULL);
	assert_return_code(fsetxattr(s.target.cgroup_fd, ATTRIBUTE_NAME, "x", 1, 0), errno);
	check_result("another", plan_apply(&s.apply, &s.plan, &s.outcome, &s.err), &s.err,
		     "cannot set attribute trusted.cgdeleg: File exists");
	assert_int_equal(s.outcome.kind, OUTCOME_UNDONE);
	assert_int_equal(fgetxattr(s.target.cgroup_fd, ATTRIBUTE_NAME, text, sizeof(text)), 1);
}

/* A second run with another device list writes it; when that run fails, the first one's is there again. */
TEST_AS_ROOT(test_guard_again)
{
	_cleanup_(stage_done) struct stage s;

	stage_new(&s, VERDICT_GRANT, NULL);
	CHECK("once", plan_apply(&s.apply, &s.plan, &s.outcome, &why), NULL);
	s.target.attribute.marked = true; /* gather() sees it by then */
	s.target.rules.n_rules--;
	apply_again(&s, "twice", EPERM, "cannot enter the container's mount namespace");
	assert_int_equal(fake_guard.rules.n_rules, s.target.rules.n_rules + 1);
	assert_true(fake_guard.device && fake_guard.grant);
	fake_guard.rules.refused = 3;
	s.target.rules.n_rules++;
	apply_again(&s, "as the first", 0, NULL);
	assert_int_equal(fake_guard.rules.refused, 3); /* nothing was written */
}

/* A second run allows what the first did not; when it fails, that is refused again, and the guard is still there. */
TEST_AS_ROOT(test_pressure_again)
{
	_cleanup_(stage_done) struct stage s;

	stage_new(&s, VERDICT_GRANT, NULL);
	CHECK("once", plan_apply(&s.apply, &s.plan, &s.outcome, &why), NULL);
	s.target.attribute.marked = true; /* gather() sees it by then */
	fake_guard.flags = 0;		  /* the policy of that time denied it */
	apply_again(&s, "twice", EPERM, "cannot enter the container's mount namespace");
	assert_true(fake_guard.grant);
	assert_int_equal(fake_guard.flags, 0);
	apply_again(&s, "at last", 0, NULL);
	assert_int_equal(fake_guard.flags, GUARD_ALLOW_PRESSURE);
}

/* An older cgdeleg's grant has a part of the programs. A second run attaches the others; when it fails these go, and
 * the part stays, and allows what it allowed. */
TEST_AS_ROOT(test_part_again)
{
	static const unsigned older = 1U << GUARD_BPF | 1U << GUARD_FILE_OPEN;
	static const struct {
		const char *want;
		struct fake_guard guard;
		int mount_error;
	} cases[] = {
		{ "cannot enter the container's mount namespace", { 0 }, EPERM },
		{ "cannot attach the guard program", { .fail_grant = true }, 0 },
		{ "cannot write the cgroup's entry", { .fail_tell = true }, 0 },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(stage_done) struct stage s;

		stage_new(&s, VERDICT_GRANT, NULL);
		fake_guard = cases[i].guard;
		fake_guard.grant = true;
		fake_guard.missing = GUARD_ALL_PROGRAMS & ~older;
		kernel = (struct kernel) { .mount_error = cases[i].mount_error };
		CHECK("again", plan_apply(&s.apply, &s.plan, &s.outcome, &why), cases[i].want);
		assert_int_equal(s.outcome.kind, OUTCOME_UNDONE);
		assert_true(fake_guard.grant);
		assert_int_equal(fake_guard.missing, GUARD_ALL_PROGRAMS & ~older);
		assert_int_equal(fake_guard.flags, 0);
		apply_again(&s, "at last", 0, NULL);
		assert_int_equal(fake_guard.missing, 0);
		assert_int_equal(fake_guard.flags, GUARD_ALLOW_PRESSURE);
	}
}

/* What the machine itself says no to, with edits made between the plan and its run. */
TEST_AS_ROOT(test_changed_machine)
{
	static const struct {
		const char *edits, *want;
	} cases[] = {
		{ "- " BOX "memory.max", "cannot open 'memory.max': No such file" },
		{ BOX "device.programs = replaceable 3", "BPF programs have changed since the grant" },
		{ BOX "init/", "the leaf 'init' exists already" },
		{ "- " BOX "cgroup.threads", "cannot stat 'cgroup.threads' of the container's cgroup" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(stage_done) struct stage s;
		const char *before;

		stage_new(&s, VERDICT_GRANT, "init");
		tree_edit(&s.tree, cases[i].edits);
		before = stage_picture(&s);
		CHECK(cases[i].edits, plan_apply(&s.apply, &s.plan, &s.outcome, &why), cases[i].want);
		check_string(cases[i].edits, stage_picture(&s), before);
		assert_int_equal(s.outcome.kind, s.outcome.n_done ? OUTCOME_UNDONE : OUTCOME_NOTHING);
	}
}

/* Undo that fails is an outcome of its own. The rest of what was given is taken back nevertheless; the
 * ceilings and the mark stay, since something may still be given. */
TEST_AS_ROOT(test_undo_failed)
{
	_cleanup_(stage_done) struct stage s;

	stage_new(&s, VERDICT_GRANT, NULL);
	CHECK("apply", plan_apply(&s.apply, &s.plan, &s.outcome, &why), NULL);
	kernel.refuse = "cgroup.max.depth";
	kernel.error = EIO;
	assert_int_equal(plan_undo(&s.apply, &s.outcome), -EIO);
	assert_int_equal(s.outcome.kind, OUTCOME_UNDO_FAILED);
	check_string("reason", s.outcome.undo_err.text, "cannot write 'max' to 'cgroup.max.depth': Input/output error");
	stage_check_file(&s, "cgroup.max.depth", "12", 0);
	stage_check_file(&s, "memory.max", "4096", 0);
	stage_check_file(&s, "cgroup.procs", "4711", 0);
}

TEST_AS_ROOT(test_readonly)
{
	_cleanup_(stage_done) struct stage s;

	stage_new(&s, VERDICT_READONLY, NULL);
	for (const char *const *d = s.facts.delegated; *d; d++) {
		assert_int_equal(fchownat(s.tree.fd, format(BOX "%s", *d), 100000, 100000, 0), 0);
	}
	assert_int_equal(fchownat(s.tree.fd, BOX, 100000, 100000, 0), 0);
	CHECK("apply", plan_apply(&s.apply, &s.plan, &s.outcome, &why), NULL);
	stage_check_file(&s, "cgroup.procs", "4711", 0);
	stage_check_file(&s, "cgroup.threads", "4711", 0);
	stage_check_file(&s, "memory.max", "max", 0);
	assert_int_equal(s.outcome.n_changed, s.plan.n_steps);
	assert_int_equal(kernel.n_mounted, 0);
	assert_int_equal(s.n_intent, 0);
	assert_int_equal(s.n_restrict, 0); /* the capabilities of that phase are not asked for */
}

/* A refusal does nothing, and asks for no capability. */
TEST_AS_ROOT(test_refusal)
{
	_cleanup_(stage_done) struct stage s;

	stage_new(&s, VERDICT_REFUSE, "init");
	CHECK("apply", plan_apply(&s.apply, &s.plan, &s.outcome, &why), NULL);
	assert_int_equal(s.n_restrict + s.n_grant + kernel.n_writes, 0);
	assert_int_equal(s.outcome.kind, OUTCOME_NOTHING);
}

TEST_AS_ROOT(test_unknown_device)
{
	static const struct {
		bool skip;
		int error;
		const char *want;
	} cases[] = {
		{ true, ENODEV, NULL },
		{ true, EINVAL, NULL },
		{ true, EIO, "to 'io.max': Input/output error" },
		{ false, ENODEV, "to 'io.max': No such device" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(stage_done) struct stage s;

		stage_new(&s, VERDICT_GRANT, NULL);
		decision_add_ceiling(&s.decision, "io.max", "8:0 rbps=5");
		s.decision.skip_missing = cases[i].skip;
		assert_int_equal(plan_build(&s.decision, &s.facts, &s.target, &s.plan, &s.err), 0);
		kernel.refuse = "io.max";
		kernel.error = cases[i].error;
		CHECK("io.max", plan_apply(&s.apply, &s.plan, &s.outcome, &why), cases[i].want);
		assert_int_equal(s.outcome.n_skipped, !cases[i].want);
	}
}

/* A deadline that lies in the past needs no clock in the test. */
TEST(test_deadline)
{
	_cleanup_(stage_done) struct stage s;

	stage_new(&s, VERDICT_GRANT, NULL);
	s.apply.deadline_ms = 1;
	CHECK("late", plan_apply(&s.apply, &s.plan, &s.outcome, &why),
	      "the hook's deadline has passed: raise --deadline, or see what keeps this machine busy");
	assert_int_equal(s.outcome.n_done, 0);
}

TEST(test_outcome_names)
{
	check_string("nothing", outcome_name(OUTCOME_NOTHING), "nothing");
	check_string("done", outcome_name(OUTCOME_DONE), "done");
	check_string("undone", outcome_name(OUTCOME_UNDONE), "undone");
	check_string("undo failed", outcome_name(OUTCOME_UNDO_FAILED), "undo-failed");
}
