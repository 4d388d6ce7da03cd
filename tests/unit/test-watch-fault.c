/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch: what fails around it. Inotify that gives no instance or no watch, at each call in turn; a queue that overflows;
 * no process, no memory and no descriptors; an attribute that cannot be read; a kernel that reclaims for long; a tree
 * that others fill. In each case every ceiling is back after one sweep, and watch goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/kernel/systemd.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-kernel.h"
#include "tests/unit/watch-scene.h"

#define CEILINGS                                                           \
	"\"memory.max\":\"1073741824\",\"cgroup.max.descendants\":\"64\"," \
	"\"cgroup.max.depth\":\"4\",\"cpu.max\":\"150000 100000\""
#define OTHER C "ci/other"

static const char *const limits[][2] = {
	{ "memory.max", "1073741824" },
	{ "cgroup.max.descendants", "64" },
	{ "cgroup.max.depth", "4" },
	{ "cpu.max", "150000 100000" },
};

/* The calls that fail: the n-th (from 0) and all after it, or that one alone. */
struct failing {
	int error; /* 0: none fails */
	int after;
	bool once;
	int n; /* calls so far */
};

static struct failing no_instance, no_watch, no_fork, no_attribute, no_memory;
static const char *release = "6.18.0";

static bool fails(struct failing *f)
{
	const int n = f->n++;

	if (!f->error || n < f->after || (f->once && n > f->after))
		return false;
	errno = f->error;
	return true;
}

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
pid_t __real_fork(void);
pid_t __wrap_fork(void);
ssize_t __real_fgetxattr(int fd, const char *name, void *value, size_t size);
ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __real_uname(struct utsname *ret);
int __wrap_uname(struct utsname *ret);
int __wrap_systemd_set(const char *helpers, const char *unit, const struct unit_words *words, int64_t deadline_ms,
		       struct err *err);

int __wrap_inotify_init1(int flags)
{
	return fails(&no_instance) ? -1 : __real_inotify_init1(flags);
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	return fails(&no_watch) ? -1 : __real_inotify_add_watch(fd, path, mask);
}

pid_t __wrap_fork(void)
{
	return fails(&no_fork) ? -1 : __real_fork();
}

ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size)
{
	return fails(&no_attribute) ? -1 : __real_fgetxattr(fd, name, value, size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails(&no_memory) ? NULL : __real_calloc(n, size);
}

int __wrap_uname(struct utsname *ret)
{
	(void)snprintf(ret->release, sizeof(ret->release), "%s", release);
	return 0;
}

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

static void reset(void)
{
	no_instance = no_watch = no_fork = no_attribute = no_memory = (struct failing) { 0 };
	release = "6.18.0";
	memset(&kernel, 0, sizeof(kernel));
}

static void raise_all(struct scene *s, const char *cgroup)
{
	for (size_t i = 0; i < ELEMENTS(limits); i++)
		scene_write(s, format("%s/%s", cgroup, limits[i][0]), i == 3 ? "max 100000" : "max");
}

static void check_all(struct scene *s, const char *cgroup)
{
	for (size_t i = 0; i < ELEMENTS(limits); i++)
		scene_check(s, format("%s/%s", cgroup, limits[i][0]), limits[i][1]);
}

/* Without an instance of inotify it does its work by sweeps, says so once, and takes one when there is one. */
TEST(test_no_instance)
{
	_cleanup_(scene_close) struct scene s;

	reset();
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

			reset();
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

static void fill_queue(struct scene *s)
{
	_cleanup_close_ int one = openat(s->tree.fd, BOX "/cgroup.max.depth", O_WRONLY | O_CLOEXEC);
	_cleanup_close_ int two = openat(s->tree.fd, BOX "/cgroup.max.descendants", O_WRONLY | O_CLOEXEC);
	char text[32];
	long most;

	assert_true(file_read_at(AT_FDCWD, "/proc/sys/fs/inotify/max_queued_events", text, sizeof(text)) > 0);
	most = strtol(text, NULL, 10);
	for (long i = 0; i < most + 8; i++) /* in turns: two alike become one */
		assert_int_equal(pwrite(i % 2 ? one : two, "2\n", 2, 0), 2);
}

TEST(test_waiting)
{
	enum { NO_WATCH, OVERFLOW, OVERFLOW_AND_SWEEP, WAYS };

	for (int way = NO_WATCH; way < WAYS; way++) {
		_cleanup_(scene_close) struct scene s;

		reset();
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

	reset();
	scene_open(&s, RECORD(CEILINGS), NULL);
	s.forks = true;
	scene_watch(&s);
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

/* The controller is disabled and enabled: another file has the name, and nobody told. */
TEST(test_other_file)
{
	_cleanup_(scene_close) struct scene s;

	reset();
	scene_open(&s, RECORD(CEILINGS), NULL);
	s.forks = true;
	scene_watch(&s);
	tree_edit(&s.tree, "- " BOX "/memory.max");
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->without_events, 0); /* what is not there needs none */
	tree_edit(&s.tree, BOX "/memory.max = max\n");
	scene_sweep(&s);
	check_all(&s, BOX);
	raise_all(&s, BOX);
	scene_events(&s);
	check_all(&s, BOX);
}

/* The directory of the table comes later than watch. */
TEST(test_late_table)
{
	_cleanup_(scene_close) struct scene s;

	reset();
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

		reset();
		scene_open(&s, RECORD(CEILINGS), NULL);
		s.forks = true;
		scene_watch(&s);
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

	reset();
	scene_open(&s, RECORD(CEILINGS), NULL);
	s.forks = true;
	scene_watch(&s);
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

		reset();
		scene_open(&s, RECORD(CEILINGS), NULL);
		s.forks = true;
		scene_watch(&s);
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

	reset();
	scene_open(&s, RECORD(CEILINGS), NULL);
	s.forks = true;
	scene_watch(&s);
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
	scene_check_said("once", "box: its ceilings could not all be checked");
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->without_events, 0);
}

/* Before Linux 6.16 a child writes memory.max, since the kernel may reclaim for long. One that hangs keeps nobody from
 * anything: not the next put-back of the same limit, nor other limits; and they do not pile up. */
TEST(test_hanging_write)
{
	_cleanup_(scene_close) struct scene s;

	reset();
	release = "6.1.0-13-amd64";
	scene_open(&s, RECORD(CEILINGS), NULL);
	s.forks = true;
	scene_watch(&s);
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

	reset();
	release = "5.15.0";
	scene_open(&s, RECORD(CEILINGS), NULL);
	s.forks = true;
	scene_watch(&s);
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

/* No process is to be had: it is written without. */
TEST(test_no_fork)
{
	_cleanup_(scene_close) struct scene s;

	reset();
	release = "6.1.0";
	scene_open(&s, RECORD(CEILINGS), NULL);
	s.forks = true;
	scene_watch(&s);
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

		reset();
		release = rows[i].release;
		scene_open(&s, RECORD(CEILINGS), NULL);
		s.forks = true;
		scene_watch(&s);
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

	reset();
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

	reset();
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

/* What others put into the tree, and names that a terminal would obey. */
TEST(test_hostile_tree)
{
	_cleanup_(scene_close) struct scene s;
	char deep[2048] = C "user", *at = deep + strlen(deep);

	reset();
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

	reset();
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
