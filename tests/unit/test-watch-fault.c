/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch: what fails around it. Inotify that gives no instance or no watch, at each call in turn; a queue that overflows;
 * no memory and no descriptors; an attribute that cannot be read; a tree that others fill. In each case every ceiling is
 * back after one sweep, and watch goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cgdeleg/grant/budget.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-faults.h"
#include "tests/unit/fake-kernel.h"

#define OTHER C "ci/other"

/* Watches one grant, before anything fails. */
static void watch_box(struct scene *s)
{
	faults_reset();
	scene_open(s, RECORD(CEILINGS), NULL);
	s->forks = true;
	scene_watch(s);
}

/* Without an instance of inotify it does its work by sweeps, says so once, and takes one when there is one. */
TEST(test_no_instance)
{
	_cleanup_(scene_close) struct scene s;

	faults_reset();
	no_instance.error = EMFILE;
	scene_open(&s, RECORD(CEILINGS), NULL);
	raise_all(&s, BOX);
	s.forks = true;
	scene_watch(&s);
	assert_true(watch_fd(s.watch) < 0);
	check_all(&s, BOX);
	assert_int_equal(watch_counts(s.watch)->without_events, 1);
	for (int i = 0; i < 3; i++) {
		raise_all(&s, BOX);
		scene_events(&s);
		scene_sweep(&s);
		check_all(&s, BOX);
	}
	assert_int_equal(scene_count_said("raise fs.inotify.max_user_instances"), 1);
	no_instance.error = 0;
	scene_sweep(&s);
	assert_true(watch_fd(s.watch) >= 0);
	assert_int_equal(watch_counts(s.watch)->without_events, 0);
	scene_check_said("again", "<5> inotify reports writes to all limit files again");
	raise_all(&s, BOX);
	scene_events(&s);
	check_all(&s, BOX);
}

/* Each call for a watch in turn, and all that come after it: no ceiling is left to a sweep that does not come. */
TEST(test_no_watches)
{
	for (int at = 0; at < 16; at++)
		for (int once = 0; once < 2; once++) {
			_cleanup_(scene_close) struct scene s;

			faults_reset();
			scene_open(&s, RECORD(CEILINGS), NULL);
			s.forks = true;
			no_watch = (struct failing) { .error = ENOSPC, .after = at, .once = once };
			scene_watch(&s);
			for (int i = 0; i < 2; i++) {
				raise_all(&s, BOX);
				scene_events(&s);
				scene_sweep(&s);
				check_all(&s, BOX);
			}
			assert_int_equal(watch_counts(s.watch)->grants, 1);
			no_watch.error = 0;
			scene_sweep(&s);
			assert_int_equal(watch_counts(s.watch)->without_events, 0);
			raise_all(&s, BOX);
			scene_events(&s);
			check_all(&s, BOX);
		}
}

/* What was announced and got no watch for its attribute, and no event, is settled by the next sweep. */
static void announce(struct scene *s, const char *cgroup)
{
	_cleanup_(budget_done) struct budget budget = BUDGET_CLOSED;
	struct budget_entry entry = { .usage = { .grants = 1 } };
	struct budget_slot slot;
	struct stat st;
	bool changed;

	assert_int_equal(fstatat(s->tree.fd, cgroup, &st, 0), 0);
	entry.id = st.st_ino;
	assert_int_equal(budget_open(s->run, &s->host, 0, &budget, &why), 0);
	assert_int_equal(budget_reserve(&budget, &entry, &slot, &changed, &why), 0);
}

TEST(test_waiting)
{
	enum { NO_WATCH, OVERFLOW, OVERFLOW_AND_SWEEP, WAYS };

	for (int way = NO_WATCH; way < WAYS; way++) {
		_cleanup_(scene_close) struct scene s;

		faults_reset();
		scene_open(&s,
			   RECORD(CEILINGS) OTHER "/memory.max = max\n" OTHER "/cgroup.max.descendants = max\n" OTHER
						  "/cgroup.max.depth = max\n" OTHER "/cpu.max = max 100000\n" OTHER
						  "/cgroup.stat = nr_descendants 3\\nnr_dying_descendants 0\n",
			   NULL);
		s.forks = true;
		scene_watch(&s);
		no_watch.error = way == NO_WATCH ? ENOSPC : 0;
		announce(&s, OTHER);
		scene_events(&s);
		assert_int_equal(watch_counts(s.watch)->grants, 1);
		if (way != NO_WATCH)
			fill_queue(&s);
		tree_edit(&s.tree, OTHER RECORD_OF("other", "false", UNGUARDED, CEILINGS));
		if (way != OVERFLOW_AND_SWEEP)
			scene_events(&s);
		if (way != OVERFLOW)
			scene_sweep(&s);
		assert_int_equal(watch_counts(s.watch)->grants, 2);
		check_all(&s, OTHER);
	}
}

/* Overflow upon overflow: looked at once a second, and nothing is lost. */
TEST(test_overflows)
{
	_cleanup_(scene_close) struct scene s;

	watch_box(&s);
	for (uint64_t i = 1; i <= 3; i++) {
		fill_queue(&s);
		raise_all(&s, BOX);
		scene_events(&s);
		assert_int_equal(watch_counts(s.watch)->overflows, i);
		scene_now_ms += WATCH_CONTEST_MS;
		watch_tick(s.watch);
		check_all(&s, BOX);
	}
}

/* The controller is disabled, and nothing limits; and enabled: another file has the name, and nobody told. */
TEST(test_other_file)
{
	_cleanup_(scene_close) struct scene s;
	struct watch_grant grant = { 0 };

	watch_box(&s);
	tree_edit(&s.tree, "- " BOX "/memory.max");
	scene_now_ms += 9000;
	scene_sweep(&s);
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->without_events, 0); /* what is not there needs none */
	assert_int_equal(watch_counts(s.watch)->unchecked, 1);
	assert_true(watch_next(s.watch, &grant));
	assert_int_equal(grant.verified_seconds, 9);
	assert_int_equal(scene_count_said("<3> box: not all of its ceilings could be checked: 'memory.max' is gone"), 1);
	tree_edit(&s.tree, BOX "/memory.max = max\n");
	scene_sweep(&s);
	check_all(&s, BOX);
	assert_int_equal(watch_counts(s.watch)->unchecked, 0);
	raise_all(&s, BOX);
	scene_events(&s);
	check_all(&s, BOX);
}

/* The directory of the table comes later than watch. */
TEST(test_late_table)
{
	_cleanup_(scene_close) struct scene s;

	faults_reset();
	scene_open(&s, BOX "/\n- run", NULL);
	s.forks = true;
	scene_watch(&s);
	tree_edit(&s.tree, "run/\n");
	scene_sweep(&s);
	announce(&s, BOX);
	scene_events(&s);
	tree_edit(&s.tree, RECORD(CEILINGS));
	scene_write(&s, BOX "/memory.max", "max");
	scene_events(&s);
	check_all(&s, BOX);
}

/* Any error but "there is none" is a grant whose ceilings are not known: counted, said once; and it may be read again. */
TEST(test_no_attribute)
{
	static const int errors[] = { ERANGE, EIO, ENOMEM, EACCES, EPERM, ENOTSUP };

	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		_cleanup_(scene_close) struct scene s;

		watch_box(&s);
		no_attribute.error = errors[i];
		scene_now_ms += 7000;
		raise_all(&s, BOX);
		scene_sweep(&s);
		scene_sweep(&s);
		assert_int_equal(scene_count_said("box: cannot read attribute"), 1);
		assert_int_equal(watch_counts(s.watch)->grants, 1);
		/* Here "ci" has none that can be read either, so that nobody looks below it. */
		assert_int_equal(watch_counts(s.watch)->unreadable, 2);
		no_attribute.error = 0;
		scene_sweep(&s);
		check_all(&s, BOX);
		assert_int_equal(watch_counts(s.watch)->unreadable, 0);
		scene_check_said("again", "<5> box: all its ceilings hold again");
	}
}

/* How long ago each grant was verified; "ended" says nothing any more. */
TEST(test_verified)
{
	_cleanup_(scene_close) struct scene s;
	struct watch_grant grant = { 0 };

	watch_box(&s);
	scene_now_ms += 7000;
	assert_true(watch_next(s.watch, &grant));
	check_string("name", grant.name, "box");
	assert_int_equal(grant.verified_seconds, 7);
	assert_false(watch_next(s.watch, &grant));
	/* What cannot be put back does not hold. */
	scene_write(&s, BOX "/memory.max", "max");
	kernel.refuse = "memory.max";
	kernel.error = EBUSY;
	scene_sweep(&s);
	grant.next = NULL;
	assert_true(watch_next(s.watch, &grant));
	assert_int_equal(grant.verified_seconds, 7);
	scene_sweep(&s);
	grant.next = NULL;
	assert_true(watch_next(s.watch, &grant));
	assert_int_equal(grant.verified_seconds, 0);
}

/* Each allocation in turn: what is not kept is checked in passing. */
TEST(test_no_memory)
{
	for (int at = 0; at < 24; at++) {
		_cleanup_(scene_close) struct scene s;
		struct err err = { 0 };

		watch_box(&s);
		raise_all(&s, BOX);
		no_memory = (struct failing) { .error = ENOMEM, .after = at, .once = true };
		(void)watch_sweep(s.watch, &err);
		no_memory.error = 0;
		scene_sweep(&s);
		check_all(&s, BOX);
		assert_int_equal(watch_counts(s.watch)->grants, 1);
	}
}

/* No descriptor is to be had: known grants are not forgotten, and hold again as soon as there is one. With a few left,
 * a grant that nothing can be kept for is put right in passing. */
TEST(test_no_descriptors)
{
	struct rlimit before, few;
	_cleanup_(scene_close) struct scene s;
	struct err err = { 0 };

	watch_box(&s);
	tree_edit(&s.tree, OTHER "/memory.max = max\n" OTHER "/cgroup.max.descendants = max\n" OTHER
				 "/cgroup.max.depth = max\n" OTHER "/cpu.max = max 100000\n" OTHER
				 "/cgroup.stat = nr_descendants 3\\nnr_dying_descendants 0\n" OTHER RECORD_OF(
					 "other", "false", UNGUARDED, CEILINGS));
	raise_all(&s, BOX);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit) { .rlim_cur = 3, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_true(watch_sweep(s.watch, &err) < 0);
	few.rlim_cur = 90; /* less than watch keeps for itself */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	scene_sweep(&s);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	check_all(&s, BOX);
	check_all(&s, OTHER);
	assert_int_equal(watch_counts(s.watch)->grants, 2);
	assert_int_equal(watch_counts(s.watch)->without_events, 1);
	scene_check_said("once", "box: not all of its ceilings could be checked");
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->without_events, 0);
}

/* Where the walk takes long it is not done in each sweep, unless a grant depends on it: one in no table, for which there
 * was no descriptor to keep. */
TEST(test_dear_walk)
{
	for (int few_fds = 0; few_fds < 2; few_fds++) {
		struct rlimit before, few;
		_cleanup_(scene_close) struct scene s;
		int late = 0;

		faults_reset();
		assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
		scene_open(&s, RECORD(CEILINGS), NULL);
		s.forks = true;
		s.interval_ms = 10000;
		few = (struct rlimit) { .rlim_cur = few_fds ? 90 : before.rlim_cur, .rlim_max = before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		scene_step_ms = 200;
		scene_watch(&s);
		for (int i = 0; i < WATCH_WALK_EVERY; i++) {
			no_attribute.n = 0;
			raise_all(&s, BOX);
			scene_sweep(&s);
			/* Once for each cgroup of the walk, or only for the grant. */
			late += no_attribute.n < 2;
			check_all(&s, BOX);
		}
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(late, few_fds ? 0 : WATCH_WALK_EVERY - 1);
		if (few_fds)
			scene_check_said("why", "(Too many open files)");
		if (few_fds)
			scene_check_said("remedy", "LimitNOFILE=");
	}
}

static struct scene *raised;

static void raise_again(void)
{
	if (no_attribute.n < 100000)
		scene_write(raised, BOX "/cgroup.max.depth", no_attribute.n % 2 ? "max" : "9");
}

/* Somebody writes as fast as watch reads: it does what waited, and comes back for its sweeps and timers. */
TEST(test_endless_events)
{
	_cleanup_(scene_close) struct scene s;

	watch_box(&s);
	raised = &s;
	raise_again();
	no_attribute.n = 0;
	at_attribute = raise_again;
	scene_events(&s);
	at_attribute = NULL;
	assert_in_range(no_attribute.n, 1, 8);
	scene_events(&s);
	check_all(&s, BOX);
}

/* What others put into the tree, and names that a terminal would obey. */
TEST(test_hostile_tree)
{
	_cleanup_(scene_close) struct scene s;
	char deep[2048] = C "user", *at = deep + strlen(deep);

	faults_reset();
	scene_open(&s,
		   RECORD(CEILINGS) C "evil\033[2J/\n" C "evil\033[2J" RECORD_OF("", "false", UNGUARDED, "\"x\":\"y\""),
		   NULL);
	for (int i = 0; i < 80; i++)
		at += snprintf(at, (size_t)(deep + sizeof(deep) - at), "/d");
	tree_edit(&s.tree, format("%s/\n", deep));
	for (int i = 0; i < 300; i++)
		tree_edit(&s.tree, format(C "user/w%d/\n", i));
	s.forks = true;
	scene_watch(&s);
	scene_check_said("deep", "<4> 1 cgroups could not be looked into");
	scene_check_said("escaped", "/evil\\x1b[2J: ");
	assert_null(strchr(scene_said, '\033'));
	raise_all(&s, BOX);
	scene_sweep(&s);
	check_all(&s, BOX);
	assert_int_equal(watch_counts(s.watch)->unreadable, 1);
	assert_int_equal(scene_count_said("could not be looked into"), 1);
}

/* A device that is not there has no limit, and is no drift; once it is there it has. */
TEST(test_skipped_device)
{
	_cleanup_(scene_close) struct scene s;

	faults_reset();
	scene_open(&s, BOX "/io.max =\nsys/dev/block/\n" RECORD(CEILINGS ",\"io.max\":\"8:0 rbps=100, 8:16 wbps=50\""),
		   NULL);
	scene_watch(&s);
	scene_check_said("skipped", NULL);
	assert_int_equal(watch_counts(s.watch)->put_back, 0);
	tree_edit(&s.tree, "sys/dev/block/8:16/\n");
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->put_back, 1);
	scene_check_said("there", "'io.max' was raised to");
}
