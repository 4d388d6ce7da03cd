/* SPDX-License-Identifier: Apache-2.0 */
/* Watch: removed cgroups that pile up, which sends no event either. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-kernel.h"
#include "tests/unit/watch-scene.h"

#define CEILINGS      "\"cgroup.max.descendants\":\"64\""
#define GRANTED(more) BOX RECORD_OF("box", "false", more, CEILINGS)

static void put_dying(struct scene *s, unsigned dying)
{
	scene_write(s, BOX "/cgroup.stat", format("nr_descendants 3\nnr_dying_descendants %u", dying));
}

static void check_reclaim(struct scene *s, unsigned mib)
{
	char want[32] = "";

	if (mib)
		(void)snprintf(want, sizeof(want), "%llu", (unsigned long long)mib << 20);
	scene_check(s, BOX "/memory.reclaim", want);
	tree_edit(&s->tree, BOX "/memory.reclaim =\n");
}

TEST(test_no_pile)
{
	static const struct {
		const char *ceiling;
		unsigned dying;
		bool alarm;
	} cases[] = {
		{ "64", 0, false },    { "64", WATCH_DYING, false }, { "64", WATCH_DYING + 1, true },
		{ "200", 400, false }, { "200", 401, true },	     { "max", 100000, false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(scene_close) struct scene s;

		scene_open(&s,
			   format(BOX "/memory.reclaim =\n" BOX RECORD_OF("box", "false", UNGUARDED,
									  "\"cgroup.max.descendants\":\"%s\""),
				  cases[i].ceiling),
			   NULL);
		put_dying(&s, cases[i].dying);
		scene_watch(&s);
		assert_int_equal(watch_counts(s.watch)->dying_alarms, cases[i].alarm);
		assert_int_equal(watch_counts(s.watch)->reclaims, cases[i].alarm);
		check_reclaim(&s, cases[i].alarm ? WATCH_RECLAIM_LEAST : 0);
	}
}

/* Little is asked for; more while it does not help. */
TEST(test_pile)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, BOX "/memory.reclaim =\n" GRANTED(UNGUARDED), NULL);
	scene_watch(&s);
	put_dying(&s, 1000);
	scene_sweep(&s);
	scene_check_said("pile", "<4> box: 1000 removed cgroups still hold memory");
	check_reclaim(&s, 4);
	put_dying(&s, 990);
	scene_sweep(&s);
	check_reclaim(&s, 8);
	put_dying(&s, 500);
	scene_sweep(&s);
	check_reclaim(&s, 8);
	put_dying(&s, 9);
	scene_hear();
	scene_sweep(&s);
	check_reclaim(&s, 0);
	scene_check_said("over", "<5> box: only 9 of its removed cgroups still hold memory");
	assert_int_equal(watch_counts(s.watch)->dying_alarms, 0);
	assert_int_equal(watch_counts(s.watch)->reclaims, 3);
}

/* It does not help at all: said once, and little is tried now and then. */
TEST(test_held)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, BOX "/memory.reclaim =\n" GRANTED(UNGUARDED), NULL);
	put_dying(&s, 1000);
	scene_watch(&s);
	for (unsigned mib = WATCH_RECLAIM_LEAST; mib <= WATCH_RECLAIM_MOST; mib *= 2) {
		check_reclaim(&s, mib);
		assert_int_equal(watch_counts(s.watch)->dying_held, 0);
		scene_sweep(&s);
	}
	assert_int_equal(watch_counts(s.watch)->dying_held, 1);
	assert_int_equal(scene_count_said("<4> box: 1000 removed cgroups stay"), 1);
	check_reclaim(&s, WATCH_RECLAIM_LEAST);
	for (int i = 0; i < 3; i++) {
		scene_sweep(&s);
		check_reclaim(&s, 0);
		scene_now_ms += WATCH_HELD_MS;
		scene_sweep(&s);
		check_reclaim(&s, WATCH_RECLAIM_LEAST);
	}
	assert_int_equal(scene_count_said("removed cgroups stay"), 1);
	/* It helps again. */
	put_dying(&s, 600);
	scene_now_ms += WATCH_HELD_MS;
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->dying_held, 0);
	assert_int_equal(watch_counts(s.watch)->dying_alarms, 1);
	scene_sweep(&s);
	check_reclaim(&s, 2 * WATCH_RECLAIM_LEAST);
}

TEST(test_no_reclaim)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, GRANTED(UNGUARDED), NULL);
	put_dying(&s, 1000);
	scene_watch(&s);
	scene_sweep(&s);
	assert_int_equal(scene_count_said("its memory cannot be reclaimed: No such file"), 1);
	assert_int_equal(watch_counts(s.watch)->dying_held, 1);
	assert_int_equal(watch_counts(s.watch)->reclaims, 0);
}

static void await_child(void)
{
	assert_true(waitpid(-1, NULL, 0) > 0);
}

/* What one brings that takes its time is not known before its end: nothing is judged by it, and no other begins. */
TEST(test_slow)
{
	_cleanup_close_ int reader = -EBADF;
	struct watch_counts seen;
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, GRANTED(UNGUARDED), NULL);
	assert_int_equal(mkfifoat(s.tree.fd, BOX "/memory.reclaim", 0600), 0);
	kernel.ignore = "memory.reclaim"; /* its words are for a file, not for a fifo */
	s.forks = true;
	put_dying(&s, 1000);
	scene_watch(&s);
	for (unsigned mib = WATCH_RECLAIM_LEAST; mib <= 2 * WATCH_RECLAIM_MOST; mib *= 2)
		scene_sweep(&s);
	seen = *watch_counts(s.watch);
	reader = openat(s.tree.fd, BOX "/memory.reclaim", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	await_child(); /* before anything can fail: nobody else would let it go on */
	kernel.ignore = NULL;
	assert_int_equal(seen.reclaims, 1);
	assert_int_equal(seen.dying_held, 0);
	tree_edit(&s.tree, BOX "/memory.reclaim =\n");
	scene_sweep(&s);
	await_child();
	assert_int_equal(watch_counts(s.watch)->reclaims, 2);
	check_reclaim(&s, 2 * WATCH_RECLAIM_LEAST);
}
