/* SPDX-License-Identifier: Apache-2.0 */
/* Watch: guards that were taken off, which sends no event. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "tests/unit/fake-kernel.h"
#include "tests/unit/watch-scene.h"

#define CEILINGS      "\"cgroup.max.descendants\":\"64\""
#define DEVICES	      ",\"guarded\":false,\"pressure\":\"deny\",\"devices\":\"c 1:3 rw,!b *:* m\""
#define GRANT(value)  ",\"guarded\":true,\"pressure\":\"" value "\""
#define GRANTED(more) BOX RECORD_OF("box", "false", more, CEILINGS)

static void skip_unless_root(void)
{
	if (geteuid() != 0)
		skip(); /* attributes in the trusted namespace */
}

struct guard_case {
	const char *name, *lines;
	struct fake_guard before;
	const char *loadable, *said; /* said NULL: nothing */
	bool device, grant;	     /* attached afterwards */
	uint64_t restored;
	size_t missing;
};

static const struct guard_case guard_cases[] = {
	/* What is granted and in force is left alone; what is not granted is not made. */
	{ "none granted",
	  "sys/fs/bpf/guards = device grant\n" GRANTED(UNGUARDED),
	  { 0 },
	  NULL,
	  NULL,
	  false,
	  false,
	  0,
	  0 },
	{ "none granted, no pins", GRANTED(UNGUARDED), { 0 }, "device grant", NULL, false, false, 0, 0 },
	{ "grant guard there",
	  "sys/fs/bpf/guards = grant\n" GRANTED(GRANT("deny")),
	  { .grant = true, .armed = 1 },
	  NULL,
	  NULL,
	  false,
	  true,
	  0,
	  0 },
	{ "grant guard there, allowing",
	  "sys/fs/bpf/guards = grant\n" GRANTED(GRANT("allow")),
	  { .grant = true, .armed = 1, .flags = GUARD_ALLOW_PRESSURE },
	  NULL,
	  NULL,
	  false,
	  true,
	  0,
	  0 },
	{ "another build's",
	  "sys/fs/bpf/guards = device grant\n" GRANTED(DEVICES),
	  { .other_device = true },
	  NULL,
	  NULL,
	  false,
	  false,
	  0,
	  0 },
	{ "another build's grant guard",
	  "sys/fs/bpf/guards = device grant\n" GRANTED(GRANT("deny")),
	  { .other_grant = true },
	  NULL,
	  NULL,
	  false,
	  false,
	  0,
	  0 },
	{ "another build's, no pins", GRANTED(DEVICES), { .other_device = true }, NULL, NULL, false, false, 0, 0 },
	{ "an older record, there",
	  "sys/fs/bpf/guards = grant\n" GRANTED(",\"guarded\":true"),
	  { .grant = true, .armed = 1, .flags = GUARD_ALLOW_PRESSURE },
	  NULL,
	  NULL,
	  false,
	  true,
	  0,
	  0 },
	/* Gone, and back. */
	{ "device guard gone",
	  "sys/fs/bpf/guards = device\n" GRANTED(DEVICES),
	  { 0 },
	  NULL,
	  "<4> box: its device guard was no longer in force and has been attached again",
	  true,
	  false,
	  1,
	  0 },
	{ "device guard without rules",
	  "sys/fs/bpf/guards = device\n" GRANTED(DEVICES),
	  { .device = true },
	  NULL,
	  "<4> box: its device guard was no longer in force",
	  true,
	  false,
	  1,
	  0 },
	{ "device guard with others",
	  "sys/fs/bpf/guards = device\n" GRANTED(DEVICES),
	  { .device = true, .rules = { .ready = DEVICE_GUARD_READY, .n_rules = 1 } },
	  NULL,
	  "<4> box: its device guard was no longer in force",
	  true,
	  false,
	  1,
	  0 },
	{ "grant guard gone",
	  "sys/fs/bpf/guards = grant\n" GRANTED(GRANT("allow")),
	  { 0 },
	  NULL,
	  "<4> box: its grant guard was no longer in force and has been attached again",
	  false,
	  true,
	  1,
	  0 },
	{ "grant guard not told",
	  "sys/fs/bpf/guards = grant\n" GRANTED(GRANT("deny")),
	  { .grant = true },
	  NULL,
	  "<4> box: its grant guard",
	  false,
	  true,
	  1,
	  0 },
	{ "grant guard with others",
	  "sys/fs/bpf/guards = grant\n" GRANTED(GRANT("deny")),
	  { .grant = true, .armed = 1, .flags = GUARD_ALLOW_PRESSURE },
	  NULL,
	  "<4> box: its grant guard",
	  false,
	  true,
	  1,
	  0 },
	{ "a part of the grant guard, an older build's",
	  "sys/fs/bpf/guards = grant\n" GRANTED(GRANT("allow")),
	  { .older_grant = true },
	  NULL,
	  "<4> box: only a part of its grant guard was attached, an older cgdeleg's",
	  false,
	  true,
	  1,
	  0 },
	{ "a part of the grant guard, this build's",
	  "sys/fs/bpf/guards = grant\n" GRANTED(GRANT("deny")),
	  { .grant = true, .missing = 1U << GUARD_BPF, .armed = 1 },
	  NULL,
	  "<4> box: only a part of its grant guard was attached",
	  false,
	  true,
	  1,
	  0 },
	{ "a part of the grant guard, loaded first",
	  GRANTED(GRANT("deny")),
	  { .older_grant = true },
	  "grant",
	  "<4> box: only a part of its grant guard was attached",
	  false,
	  true,
	  1,
	  0 },
	{ "both",
	  "sys/fs/bpf/guards = device grant\n" GRANTED(GRANT("deny") ",\"devices\":\"\""),
	  { 0 },
	  NULL,
	  "its grant guard",
	  true,
	  true,
	  2,
	  0 },
	{ "loaded first", GRANTED(DEVICES), { 0 }, "device", "<4> box: its device guard", true, false, 1, 0 },
	/* Gone, and cannot be put back. */
	{ "attaching fails",
	  "sys/fs/bpf/guards = device\n" GRANTED(DEVICES),
	  { .fail_attach = true },
	  NULL,
	  "<1> box: its device guard is not in force and cannot be put back: cannot attach",
	  false,
	  false,
	  0,
	  1 },
	{ "telling fails",
	  "sys/fs/bpf/guards = device\n" GRANTED(DEVICES),
	  { .fail_write = true },
	  NULL,
	  "<1> box: its device guard is not in force and cannot be put back: cannot write",
	  true,
	  false,
	  0,
	  1 },
	{ "grant guard fails",
	  "sys/fs/bpf/guards = grant\n" GRANTED(GRANT("deny")),
	  { .fail_grant = true },
	  NULL,
	  "<1> box: its grant guard is not in force",
	  false,
	  false,
	  0,
	  1 },
	{ "a part of the grant guard, the rest fails",
	  "sys/fs/bpf/guards = grant\n" GRANTED(GRANT("deny")),
	  { .fail_grant = true, .older_grant = true },
	  NULL,
	  "<1> box: its grant guard is not whole and cannot be put back: cannot attach",
	  false,
	  false,
	  0,
	  1 },
	{ "telling the grant guard fails",
	  "sys/fs/bpf/guards = grant\n" GRANTED(GRANT("deny")),
	  { .fail_tell = true },
	  NULL,
	  "<1> box: its grant guard is not in force and cannot be put back: cannot write",
	  false,
	  true,
	  0,
	  1 },
	{ "a part of the grant guard, an older record",
	  "sys/fs/bpf/guards = grant\n" GRANTED(",\"guarded\":true"),
	  { .older_grant = true },
	  NULL,
	  "<1> box: its grant guard is not whole and cannot be put back: an older cgdeleg",
	  false,
	  false,
	  0,
	  1 },
	{ "an older record, gone",
	  "sys/fs/bpf/guards = grant\n" GRANTED(",\"guarded\":true"),
	  { 0 },
	  NULL,
	  "<1> box: its grant guard is not in force and cannot be put back: an older cgdeleg",
	  false,
	  false,
	  0,
	  1 },
	{ "cannot be loaded", GRANTED(DEVICES), { 0 }, NULL, "this build has no BPF guards", false, false, 0, 1 },
	{ "not enforced here", GRANTED(GRANT("deny")), { 0 }, "device", "it is not loaded", false, false, 0, 1 },
	{ "others' pins",
	  "sys/fs/bpf/guards = fault\n" GRANTED(DEVICES),
	  { 0 },
	  "device",
	  "the pins are not root's alone",
	  false,
	  false,
	  0,
	  1 },
};

static void check_guard_case(const struct guard_case *c)
{
	struct scene s;
	struct stat st;

	scene_open(&s, c->lines, NULL);
	assert_int_equal(fstatat(s.tree.fd, BOX, &st, 0), 0);
	fake_guard = c->before;
	if (fake_guard.armed)
		fake_guard.armed = st.st_ino;
	scene_loadable = c->loadable;
	scene_watch(&s);
	scene_check_said(c->name, c->said);
	if (fake_guard.device != c->device || fake_guard.grant != c->grant || (c->restored && fake_guard.missing))
		fail_msg("%s: attached are %d, %d", c->name, fake_guard.device, fake_guard.grant);
	if (watch_counts(s.watch)->guards_restored != c->restored ||
	    watch_counts(s.watch)->guards_missing != c->missing)
		fail_msg("%s: %llu restored, %zu missing", c->name,
			 (unsigned long long)watch_counts(s.watch)->guards_restored,
			 watch_counts(s.watch)->guards_missing);
	/* Once each, whatever it is. */
	scene_hear();
	if (c->missing == 0)
		scene_sweep(&s);
	scene_check_said(c->name, NULL);
	scene_close(&s);
}

static void test_guards(void **state)
{
	(void)state;
	skip_unless_root();
	for (size_t i = 0; i < ELEMENTS(guard_cases); i++)
		check_guard_case(&guard_cases[i]);
}

/* With exactly the rules and the words of the grant. */
static void test_exactly(void **state)
{
	static const struct device_rule want[] = {
		{ 1, 3, 2, 2 | 4, 1 },
		{ DEVICE_GUARD_ANY, DEVICE_GUARD_ANY, 1, 1, 0 },
	};
	struct scene s;

	(void)state;
	skip_unless_root();
	scene_open(&s,
		   "sys/fs/bpf/guards = device grant\n" GRANTED(GRANT("allow") ",\"devices\":\"c 1:3 rw,!b *:* m\""),
		   NULL);
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
	scene_close(&s);
}

/* Tried in every sweep and said once an hour; over when it succeeds, or with the cgroup. The loader is asked once a
 * minute. */
static void test_alarm(void **state)
{
	struct scene s;

	(void)state;
	skip_unless_root();
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
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_exactly),
		cmocka_unit_test(test_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
