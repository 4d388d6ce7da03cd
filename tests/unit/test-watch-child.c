/* SPDX-License-Identifier: Apache-2.0 */
/* Watch: what its child processes do. A kernel that reclaims for long, a helper that hangs, no process to be had. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cgdeleg/kernel/systemd.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-faults.h"
#include "tests/unit/fake-kernel.h"

int __wrap_systemd_set(const char *helpers, const char *unit, const struct unit_words *words, int64_t deadline_ms,
		       struct err *err);

/* Where the helper for systemd hangs until the test lets it go on, and how often it was called: a pipe for each. */
static struct {
	int called[2], go[2];
} helper;

int __wrap_systemd_set(const char *helpers, const char *unit, const struct unit_words *words, int64_t deadline_ms,
		       struct err *err)
{
	char text[64] = "", c;

	(void)helpers;
	(void)deadline_ms;
	(void)err;
	(void)snprintf(text, sizeof(text), "%s %zu\n", unit, words->n);
	if (write(helper.called[1], text, strlen(text)) < 0 || read(helper.go[0], &c, 1) < 0)
		return -EIO;
	return 0;
}

/* Watches one grant on a kernel of that release; what the kernel does comes from the fakes. */
static void watch_on(struct scene *s, const char *release)
{
	faults_reset();
	fake_release = release;
	scene_open(s, RECORD(CEILINGS), NULL);
	s->forks = true;
	scene_watch(s);
}

/* Before Linux 6.16 a child writes memory.max, since the kernel may reclaim for long. One that hangs keeps nobody from
 * anything: not the next put-back of the same limit, nor other limits; and they do not pile up. */
TEST(test_hanging_write)
{
	_cleanup_(scene_close) struct scene s;

	watch_on(&s, "6.1.0-13-amd64");
	for (int i = 0; i < 6; i++) {
		kernel.hang = NULL;
		raise_all(&s, BOX);
		kernel.hang = "memory.max";
		scene_events(&s);
		for (int wait = 0; wait < 10000 && strcmp(tree_get(&s.tree, BOX "/memory.max"), "1073741824") != 0;
		     wait++) {
			(void)poll(NULL, 0, 1);
			watch_tick(s.watch);
			scene_sweep(&s);
		}
		check_all(&s, BOX);
	}
	/* A child is killed when the next begins. */
	assert_in_range(no_fork.n, 6, 64);
	kernel.hang = NULL;
}

/* A child whose write fails: counted and said when its result comes. */
TEST(test_failing_write)
{
	_cleanup_(scene_close) struct scene s;

	watch_on(&s, "5.15.0");
	raise_all(&s, BOX);
	kernel.refuse = "memory.max";
	kernel.error = EBUSY;
	scene_events(&s);
	for (int wait = 0; wait < 10000 && watch_counts(s.watch)->failed == 0; wait++) {
		(void)poll(NULL, 0, 1);
		watch_tick(s.watch);
	}
	scene_check_said("failed", "<3> box: cannot put 'memory.max' back: Device or resource busy");
	assert_int_equal(watch_counts(s.watch)->failed, 1);
}

/* One whose children always fail: it is not said to be back, nor counted as put back or verified, by the next try. */
TEST(test_failing_always)
{
	_cleanup_(scene_close) struct scene s;
	struct watch_grant grant = { 0 };
	uint64_t put_back;

	watch_on(&s, "5.15.0");
	scene_write(&s, BOX "/memory.max", "max");
	kernel.refuse = "memory.max"; /* in each child anew */
	kernel.error = EIO;
	scene_sweep(&s);
	for (int wait = 0; wait < 10000 && watch_counts(s.watch)->failed == 0; wait++) {
		(void)poll(NULL, 0, 1);
		watch_tick(s.watch);
	}
	put_back = watch_counts(s.watch)->put_back;
	scene_now_ms += 30000;
	for (int i = 0; i < 3; i++)
		scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->put_back, put_back);
	assert_int_equal(watch_counts(s.watch)->unchecked, 1);
	assert_true(watch_next(s.watch, &grant));
	assert_int_equal(grant.verified_seconds, 30);
	assert_int_equal(scene_count_said("was raised"), 1);
	kernel.refuse = NULL;
	for (int wait = 0; wait < 10000 && grant.verified_seconds > 0; wait++) {
		(void)poll(NULL, 0, 1);
		scene_sweep(&s);
		grant.next = NULL;
		assert_true(watch_next(s.watch, &grant));
	}
	assert_int_equal(grant.verified_seconds, 0);
	scene_check(&s, BOX "/memory.max", "1073741824");
}

/* A child that is killed before it writes, because others were to be started: no event comes, and no sweep is needed. */
TEST(test_killed_before_write)
{
	_cleanup_(scene_close) struct scene s;

	watch_on(&s, "6.1.0");
	for (int i = 0; i < 3; i++) {
		kernel.stall = NULL;
		scene_write(&s, BOX "/memory.max", i % 2 ? "max" : "2147483648");
		kernel.stall = "memory.max";
		scene_events(&s);
	}
	kernel.stall = NULL;
	scene_check(&s, BOX "/memory.max", "2147483648");
	for (int wait = 0; wait < 10000 && strcmp(tree_get(&s.tree, BOX "/memory.max"), "1073741824") != 0; wait++) {
		(void)poll(NULL, 0, 1);
		watch_tick(s.watch);
	}
	scene_check(&s, BOX "/memory.max", "1073741824");
}

/* Children that not even SIGKILL ends are said so, once. */
TEST(test_held_by_kernel)
{
	_cleanup_(scene_close) struct scene s;

	watch_on(&s, "6.1.0");
	unkillable = true;
	scene_write(&s, BOX "/memory.max", "max");
	kernel.stall = "memory.max";
	for (int i = 0; i < 30; i++) {
		scene_now_ms += 1000;
		scene_sweep(&s);
		watch_tick(s.watch);
	}
	unkillable = false;
	kernel.stall = NULL;
	assert_int_equal(no_fork.n, 2);
	assert_int_equal(scene_count_said("<3> box: cannot put 'memory.max' back: the processes that write it hang"), 1);
	for (int wait = 0; wait < 10000 && strcmp(tree_get(&s.tree, BOX "/memory.max"), "1073741824") != 0; wait++) {
		(void)poll(NULL, 0, 1);
		watch_tick(s.watch);
	}
	scene_check(&s, BOX "/memory.max", "1073741824");
}

/* A grant for which nothing can be kept has children, too: they outlive what is known of it. */
TEST(test_child_of_unkept)
{
	struct rlimit before, few;
	_cleanup_(scene_close) struct scene s;

	faults_reset();
	fake_release = "6.1.0";
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	scene_open(&s, RECORD(CEILINGS), NULL);
	s.forks = true;
	few = (struct rlimit) { .rlim_cur = 90, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	scene_watch(&s);
	for (int i = 0; i < 6; i++) {
		kernel.hang = NULL;
		raise_all(&s, BOX);
		kernel.hang = "memory.max";
		scene_sweep(&s);
		assert_int_equal(watch_counts(s.watch)->without_events, 1);
		for (int wait = 0; wait < 10000 && strcmp(tree_get(&s.tree, BOX "/memory.max"), "1073741824") != 0;
		     wait++) {
			(void)poll(NULL, 0, 1);
			watch_tick(s.watch);
			scene_sweep(&s);
		}
		check_all(&s, BOX);
	}
	kernel.hang = NULL;
	raise_all(&s, BOX);
	kernel.refuse = "memory.max";
	kernel.error = EBUSY;
	scene_sweep(&s);
	for (int wait = 0; wait < 10000 && watch_counts(s.watch)->failed == 0; wait++) {
		(void)poll(NULL, 0, 1);
		watch_tick(s.watch);
		scene_sweep(&s); /* as many children as there may be still end */
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	scene_check_said("failed", "<3> a cgroup: cannot put 'memory.max' back: Device or resource busy");
}

/* No process is to be had: it is written without. */
TEST(test_no_fork)
{
	_cleanup_(scene_close) struct scene s;

	watch_on(&s, "6.1.0");
	no_fork.error = EAGAIN;
	raise_all(&s, BOX);
	scene_events(&s);
	check_all(&s, BOX);
	assert_int_equal(no_fork.n, 1);
}

/* Linux 6.16 and later need no child. */
TEST(test_no_child)
{
	static const struct {
		const char *release;
		int forks;
	} rows[] = { { "6.15.9", 1 }, { "6.16.0-rc1", 0 }, { "7.0.0", 0 }, { "5.99.1", 1 }, { "what", 1 } };

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		_cleanup_(scene_close) struct scene s;

		watch_on(&s, rows[i].release);
		raise_all(&s, BOX);
		scene_events(&s);
		assert_int_equal(no_fork.n, rows[i].forks);
	}
}

/* Reads one line of what the helper was called with. */
static void check_called(const char *want)
{
	struct pollfd end = { .fd = helper.called[0], .events = POLLIN };
	char text[64] = "";

	assert_int_equal(poll(&end, 1, 20000), 1);
	assert_true(read(helper.called[0], text, strlen(want)) > 0);
	check_string("called", text, want);
}

/* The helper ends; watch finds that out, and starts the next, so that there were `forks` of them. */
static void let_go(struct scene *s, int forks)
{
	assert_int_equal(write(helper.go[1], "x", 1), 1);
	scene_now_ms += WATCH_CONTEST_MS;
	for (int wait = 0; wait < 20000 && no_fork.n < forks; wait++) {
		(void)poll(NULL, 0, 1);
		watch_tick(s->watch);
	}
	assert_int_equal(no_fork.n, forks);
}

/* One helper for a unit at a time, however often somebody raises; what came meanwhile goes with the next, at once. */
TEST(test_one_helper)
{
	_cleanup_(scene_close) struct scene s;

	faults_reset();
	assert_int_equal(pipe(helper.called), 0);
	assert_int_equal(pipe(helper.go), 0);
	scene_open(&s, RECORD(CEILINGS), NULL);
	for (int fd = 3; fd < 64; fd++)
		if (fd != s.host.cgroup_fd)
			tree_edit(&s.tree, format("proc/self/fd/%d -> /sys/fs/cgroup/system.slice/x.scope\n", fd));
	s.forks = true;
	scene_watch(&s);
	scene_write(&s, BOX "/memory.max", "max");
	scene_events(&s);
	check_called("x.scope 1\n");
	for (int i = 0; i < 20; i++) {
		scene_now_ms += WATCH_CONTEST_MS;
		raise_all(&s, BOX);
		scene_events(&s);
		watch_tick(s.watch);
		check_all(&s, BOX);
	}
	assert_int_equal(no_fork.n, 1);
	let_go(&s, 2);
	check_called("x.scope 3\n"); /* MemoryMax and the two of cpu.max; the others have no property */
	scene_write(&s, BOX "/memory.max", "max");
	scene_events(&s);
	let_go(&s, 3);
	check_called("x.scope 1\n");
	for (int i = 0; i < 2; i++) {
		(void)close(helper.called[i]);
		(void)close(helper.go[i]);
	}
}

/* A fork that fails: told later. */
TEST(test_helper_later)
{
	_cleanup_(scene_close) struct scene s;

	faults_reset();
	assert_int_equal(pipe(helper.called), 0);
	assert_int_equal(pipe(helper.go), 0);
	scene_open(&s, RECORD(CEILINGS), NULL);
	for (int fd = 3; fd < 64; fd++)
		if (fd != s.host.cgroup_fd)
			tree_edit(&s.tree, format("proc/self/fd/%d -> /sys/fs/cgroup/system.slice/x.scope\n", fd));
	s.forks = true;
	scene_watch(&s);
	no_fork.error = EAGAIN;
	raise_all(&s, BOX);
	scene_events(&s);
	check_all(&s, BOX);
	watch_tick(s.watch);
	no_fork.error = 0;
	watch_tick(s.watch);
	check_called("x.scope 3\n");
	for (int i = 0; i < 2; i++) {
		(void)close(helper.called[i]);
		(void)close(helper.go[i]);
	}
}
