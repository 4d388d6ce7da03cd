/* SPDX-License-Identifier: Apache-2.0 */
/* Watch: guards that were taken off, which sends no event. */
#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/check.h"
#include "tests/unit/fake-kernel.h"
#include "tests/unit/watch-scene.h"

#define GRANTED(more) BOX RECORD_OF("box", "false", more, "\"cgroup.max.descendants\":\"64\"")

/* What the attribute says of the guards. */
#define DEVICES	 ",\"guarded\":false,\"pressure\":\"deny\",\"devices\":\"c 1:3 rw,!b *:* m\""
#define BOTH	 ",\"guarded\":true,\"pressure\":\"deny\",\"devices\":\"\""
#define DENYING	 ",\"guarded\":true,\"pressure\":\"deny\""
#define ALLOWING ",\"guarded\":true,\"pressure\":\"allow\""
#define OLDER	 ",\"guarded\":true"

/* What is attached before. */
#define ARMED	       .grant = true, .armed = 1
#define ARMED_ALLOWING ARMED, .flags = GUARD_ALLOW_PRESSURE
#define HALF_FAILS     .fail_grant = true, .older_grant = true
#define ONE_RULE       .device = true, .rules = { .ready = DEVICE_GUARD_READY, .n_rules = 1 }

/* What is said of one that is back, that was there in part, and that stays away. */
#define BACK(guard) "<4> box: its " guard " guard was no longer in force and has been attached again"
#define PART	    "<4> box: only a part of its grant guard was attached (an older cgdeleg"
#define AWAY(guard) "<1> box: its " guard " guard is not in force and cannot be put back: "
#define HALF	    "<1> box: its grant guard is not whole and cannot be put back: "

static const struct guard_case {
	const char *name, *pins, *more; /* more: of the attribute */
	struct fake_guard before;
	const char *loadable, *said; /* said NULL: nothing */
	const char *after;	     /* what is attached then: d, g */
	uint64_t restored;
	size_t missing;
} guard_cases[] = {
	/* What is granted and in force is left alone; what is not granted is not made. */
	{ "none granted", "device grant", UNGUARDED, { 0 }, NULL, NULL, "", 0, 0 },
	{ "none granted, no pins", NULL, UNGUARDED, { 0 }, "device grant", NULL, "", 0, 0 },
	{ "grant guard there", "grant", DENYING, { ARMED }, NULL, NULL, "g", 0, 0 },
	{ "grant guard, allowing", "grant", ALLOWING, { ARMED_ALLOWING }, NULL, NULL, "g", 0, 0 },
	{ "another build's", "device grant", DEVICES, { .other_device = true }, NULL, NULL, "", 0, 0 },
	{ "another build's grant guard", "device grant", DENYING, { .other_grant = true }, NULL, NULL, "", 0, 0 },
	{ "another build's, no pins", NULL, DEVICES, { .other_device = true }, NULL, NULL, "", 0, 0 },
	{ "an older record, there", "grant", OLDER, { ARMED_ALLOWING }, NULL, NULL, "g", 0, 0 },
	/* Gone, and back. */
	{ "device guard gone", "device", DEVICES, { 0 }, NULL, BACK("device"), "d", 1, 0 },
	{ "device guard without rules", "device", DEVICES, { .device = true }, NULL, BACK("device"), "d", 1, 0 },
	{ "device guard with others", "device", DEVICES, { ONE_RULE }, NULL, BACK("device"), "d", 1, 0 },
	{ "grant guard gone", "grant", ALLOWING, { 0 }, NULL, BACK("grant"), "g", 1, 0 },
	{ "grant guard not told", "grant", DENYING, { .grant = true }, NULL, BACK("grant"), "g", 1, 0 },
	{ "grant guard, others", "grant", DENYING, { ARMED_ALLOWING }, NULL, BACK("grant"), "g", 1, 0 },
	{ "in part, an older build's", "grant", ALLOWING, { .older_grant = true }, NULL, PART, "g", 1, 0 },
	{ "in part, this build's", "grant", DENYING, { ARMED, .missing = 1U << GUARD_BPF }, NULL, PART, "g", 1, 0 },
	{ "in part, loaded first", NULL, DENYING, { .older_grant = true }, "grant", PART, "g", 1, 0 },
	{ "both", "device grant", BOTH, { 0 }, NULL, "its grant guard", "dg", 2, 0 },
	{ "loaded first", NULL, DEVICES, { 0 }, "device", BACK("device"), "d", 1, 0 },
	/* Gone, and cannot be put back. */
	{ "attaching fails", "device", DEVICES, { .fail_attach = true }, NULL, AWAY("device") "cannot", "", 0, 1 },
	{ "telling fails", "device", DEVICES, { .fail_write = true }, NULL, AWAY("device") "cannot write", "d", 0, 1 },
	{ "grant guard fails", "grant", DENYING, { .fail_grant = true }, NULL, AWAY("grant"), "", 0, 1 },
	{ "in part, the rest fails", "grant", DENYING, { HALF_FAILS }, NULL, HALF "cannot", "", 0, 1 },
	{ "telling it fails", "grant", DENYING, { .fail_tell = true }, NULL, AWAY("grant") "cannot write", "g", 0, 1 },
	{ "in part, an older record", "grant", OLDER, { .older_grant = true }, NULL, HALF "an older", "", 0, 1 },
	{ "an older record, gone", "grant", OLDER, { 0 }, NULL, AWAY("grant") "an older cgdeleg", "", 0, 1 },
	{ "cannot be loaded", NULL, DEVICES, { 0 }, NULL, "this build has no BPF guards", "", 0, 1 },
	{ "not enforced here", NULL, DENYING, { 0 }, "device", "this kernel does not run BPF LSM programs", "", 0, 1 },
	{ "not loaded", NULL, DENYING, { 0 }, "device untried", "it is not loaded", "", 0, 1 },
	{ "others' pins", "fault", DEVICES, { 0 }, "device", "not root's alone", "", 0, 1 },
};

static void check_guard_case(const struct guard_case *c)
{
	_cleanup_(scene_close) struct scene s;
	struct stat st;

	scene_open(&s,
		   format("%s%s\n" GRANTED("%s"), c->pins ? "sys/fs/bpf/guards = " : "", c->pins ? c->pins : "", c->more),
		   NULL);
	assert_int_equal(fstatat(s.tree.fd, BOX, &st, 0), 0);
	fake_guard = c->before;
	if (fake_guard.armed)
		fake_guard.armed = st.st_ino;
	scene_loadable = c->loadable;
	scene_watch(&s);
	scene_check_said(c->name, c->said);
	if (fake_guard.device != !!strchr(c->after, 'd') || fake_guard.grant != !!strchr(c->after, 'g') ||
	    (c->restored && fake_guard.missing))
		fail_msg("%s: attached are %d, %d", c->name, fake_guard.device, fake_guard.grant);
	if (watch_counts(s.watch)->guards_restored != c->restored || watch_counts(s.watch)->guards_missing != c->missing)
		fail_msg("%s: %llu restored, %zu missing", c->name,
			 (unsigned long long)watch_counts(s.watch)->guards_restored,
			 watch_counts(s.watch)->guards_missing);
	/* Once each, whatever it is. */
	scene_hear();
	if (c->missing == 0)
		scene_sweep(&s);
	scene_check_said(c->name, NULL);
}

TEST(test_guards)
{
	for (size_t i = 0; i < ELEMENTS(guard_cases); i++)
		check_guard_case(&guard_cases[i]);
}

/* With exactly the rules and the words of the grant. */
TEST(test_exactly)
{
	static const struct device_rule want[] = {
		{ 1, 3, 2, 2 | 4, 1 },
		{ DEVICE_GUARD_ANY, DEVICE_GUARD_ANY, 1, 1, 0 },
	};
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, "sys/fs/bpf/guards = device grant\n" GRANTED(ALLOWING ",\"devices\":\"c 1:3 rw,!b *:* m\""), NULL);
	scene_watch(&s);
	assert_int_equal(fake_guard.rules.ready, DEVICE_GUARD_READY);
	assert_int_equal(fake_guard.rules.n_rules, ELEMENTS(want));
	assert_memory_equal(fake_guard.rules.rules, want, sizeof(want));
	assert_int_equal(fake_guard.flags, GUARD_ALLOW_PRESSURE);
	/* Taken off while it runs: back at the next sweep, and counted again. */
	fake_guard.device = false;
	scene_sweep(&s);
	assert_true(fake_guard.device);
	assert_int_equal(fake_guard.rules.n_rules, ELEMENTS(want));
	assert_int_equal(watch_counts(s.watch)->guards_restored, 3);
}

/* Tried in every sweep and said once an hour; over when it succeeds, or with the cgroup. The loader is asked once a
 * minute. */
TEST(test_alarm)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, GRANTED(DEVICES), NULL);
	scene_watch(&s);
	for (int i = 0; i < 12; i++) {
		scene_now_ms += 10000;
		scene_sweep(&s);
	}
	assert_int_equal(scene_count_said("<1>"), 1);
	assert_int_equal(s.loads, 3); /* at the start, and in two minutes */
	assert_int_equal(watch_counts(s.watch)->guards_missing, 1);
	scene_now_ms += WATCH_REMIND_MS;
	scene_sweep(&s);
	assert_int_equal(scene_count_said("<1>"), 2);
	tree_edit(&s.tree, "sys/fs/bpf/guards = device\n");
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->guards_missing, 0);
	assert_int_equal(watch_counts(s.watch)->guards_restored, 1);
	fake_guard.device = false;
	fake_guard.fail_attach = true;
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->guards_missing, 1);
	assert_int_equal(scene_count_said("<1>"), 3);
	tree_edit(&s.tree, "- " BOX);
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->guards_missing, 0);
}
