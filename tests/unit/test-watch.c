/* SPDX-License-Identifier: Apache-2.0 */
/* Watch: limits come back to their ceilings, by event and by sweep, each time; the policy; the host's options. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cgdeleg/kernel/attribute.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/kernel/systemd.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-kernel.h"
#include "cgdeleg/node/watch-host.h"
#include "tests/unit/watch-scene.h"

#define CEILINGS                                                           \
	"\"memory.max\":\"1073741824\",\"cgroup.max.descendants\":\"64\"," \
	"\"cgroup.max.depth\":\"4\",\"cpu.max\":\"150000 100000\",\"pids.max\":\"100\""

static const struct {
	const char *file, *written, *want, *said; /* said NULL: nothing, it is left alone */
} rewrites[] = {
	{ "memory.max", "2147483648", "1073741824", "'memory.max' was raised to 2147483648" },
	{ "memory.max", "max", "1073741824", "raised to max and has been put back to 1073741824" },
	{ "memory.max", "1073741825", "1073741824", "was raised to 1073741825" },
	{ "memory.max", "1073741824", "1073741824", NULL },
	{ "memory.max", "1048576", "1048576", NULL },
	{ "memory.max", "0", "0", NULL },
	{ "cpu.max", "400000 100000", "150000 100000", "'cpu.max' was raised" },
	{ "cpu.max", "75000 50000", "75000 50000", NULL },
	{ "cpu.max", "max 100000", "150000 100000", "'cpu.max' was raised to max" },
	{ "cgroup.max.descendants", "65", "64", "'cgroup.max.descendants' was raised to 65" },
	{ "cgroup.max.depth", "max", "4", "'cgroup.max.depth' was raised to max" },
	{ "cgroup.max.depth", "3", "3", NULL },
};

/* As it happens; at a start; and in the walk, when the event was lost. */
TEST(test_put_back)
{
	enum { EVENT, START, WALK, WAYS };

	for (size_t i = 0; i < ELEMENTS(rewrites) * WAYS; i++) {
		const size_t row = i / WAYS, way = i % WAYS;
		_cleanup_(scene_close) struct scene s;
		char path[128];

		scene_open(&s, RECORD(CEILINGS), NULL);
		(void)snprintf(path, sizeof(path), BOX "/%s", rewrites[row].file);
		if (way == START)
			scene_write(&s, path, rewrites[row].written);
		scene_watch(&s);
		if (way != START) {
			scene_check_said("quiet at the start", NULL);
			scene_write(&s, path, rewrites[row].written);
		}
		if (way == EVENT)
			scene_events(&s);
		if (way == WALK)
			assert_int_equal(watch_sweep(s.watch, &why), 0);
		scene_check(&s, path, rewrites[row].want);
		scene_check_said(rewrites[row].written, rewrites[row].said);
		assert_int_equal(watch_counts(s.watch)->put_back, rewrites[row].said != NULL);
	}
}

static unsigned attribute_reads;

ssize_t __real_fgetxattr(int fd, const char *name, void *value, size_t size);
ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size);

ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size)
{
	const ssize_t n = __real_fgetxattr(fd, name, value, size);

	attribute_reads += n >= 0;
	return n;
}

/* Once a look at a grant, however many limits and guards it has. */
TEST(test_reads)
{
	static const char *const files[][3] = {
		{ BOX "/memory.max", "max", "1073741824" },
		{ BOX "/cgroup.max.descendants", "max", "64" },
		{ BOX "/cgroup.max.depth", "max", "4" },
		{ BOX "/cpu.max", "max 100000", "150000 100000" },
	};
	enum { START, WALK, POLICY, WAYS };
	static const unsigned reads[WAYS] = { [START] = 1, [WALK] = 1, [POLICY] = 1 };

	for (int way = START; way < WAYS; way++) {
		_cleanup_(scene_close) struct scene s;

		scene_open(&s, BOX RECORD_OF("box", "false", ",\"guarded\":true,\"devices\":\"\"", CEILINGS),
			   "[profile small]\ncgroup.max.depth = 4\n");
		fake_guard.other_device = fake_guard.other_grant = true;
		if (way != START)
			scene_watch(&s);
		for (size_t i = 0; i < ELEMENTS(files); i++)
			scene_write(&s, files[i][0], files[i][1]);
		attribute_reads = 0;
		if (way == START)
			scene_watch(&s);
		else if (way == WALK)
			assert_int_equal(watch_sweep(s.watch, NULL), 0);
		else
			watch_apply_policy(s.watch, &s.rules);
		for (size_t i = 0; i < ELEMENTS(files); i++)
			scene_check(&s, files[i][0], files[i][2]);
		assert_int_equal(attribute_reads, reads[way]);
	}
}

/* The scope's counts of cgroups are one more; both are kept. */
TEST(test_scope)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s,
		   C "ci/memory.max = 1073741824\n" C "ci/cgroup.max.descendants = 65\n" C "ci/cgroup.max.depth = 5\n" C
		     "ci/cpu.max = 150000 100000\n" C
		     "ci/pids.max = 100\n" BOX RECORD_OF("box", "true", UNGUARDED, CEILINGS),
		   NULL);
	scene_watch(&s);
	scene_check_said("quiet at the start", NULL);
	scene_write(&s, C "ci/cgroup.max.descendants", "66");
	scene_write(&s, BOX "/cgroup.max.descendants", "65");
	scene_write(&s, C "ci/memory.max", "max");
	scene_events(&s);
	scene_check(&s, C "ci/cgroup.max.descendants", "65");
	scene_check(&s, BOX "/cgroup.max.descendants", "64");
	scene_check(&s, C "ci/memory.max", "1073741824");
	assert_int_equal(watch_counts(s.watch)->put_back, 3);
}

TEST(test_refused)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, RECORD(CEILINGS), NULL);
	scene_watch(&s);
	scene_write(&s, BOX "/memory.max", "max");
	kernel.refuse = "memory.max";
	kernel.error = EBUSY;
	scene_events(&s);
	scene_check_said("EBUSY", "<3> box: cannot put 'memory.max' back");
	assert_int_equal(watch_counts(s.watch)->failed, 1);
	kernel.refuse = NULL;
}

/* Raises it, and lets the watch act. */
static void raise_at(struct scene *s, int64_t ms)
{
	scene_now_ms = ms;
	scene_write(s, BOX "/memory.max", "max");
	scene_events(s);
}

/* What belongs together counts once; more than two a second are a contest: said once, and put back each time. */
TEST(test_contest)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, RECORD(CEILINGS), NULL);
	scene_watch(&s);
	for (int i = 0; i < 2 * WATCH_REWRITES; i++) /* two and two, closely */
		raise_at(&s, 1000000 + i / 2 * 300 + i % 2 * (WATCH_TOGETHER_MS - 1));
	scene_check(&s, BOX "/memory.max", "1073741824");
	assert_int_equal(watch_counts(s.watch)->contested, 0);
	raise_at(&s, 1000000 + WATCH_CONTEST_MS - 1);
	scene_check(&s, BOX "/memory.max", "1073741824");
	scene_check_said("contest", "<4> box: somebody keeps raising 'memory.max'");
	assert_int_equal(watch_counts(s.watch)->contested, 1);
	scene_hear();
	for (int i = 0; i < 30; i++) {
		raise_at(&s, 1001000 + i * 100);
		scene_check(&s, BOX "/memory.max", "1073741824");
		watch_tick(s.watch);
	}
	assert_int_equal(scene_count_said("\n"), 0);
	assert_int_equal(watch_counts(s.watch)->put_back, 2 * WATCH_REWRITES + 1 + 30);
	scene_now_ms += WATCH_CALM_MS;
	watch_tick(s.watch);
	scene_check_said("calm", "<5> box: nobody raises 'memory.max' any more");
	assert_int_equal(watch_counts(s.watch)->contested, 0);
}

/* Slowly, but without an end: not a line for each. */
TEST(test_slow_contest)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, RECORD(CEILINGS), NULL);
	scene_watch(&s);
	for (int i = 0; i < 10 * WATCH_LINES; i++) {
		raise_at(&s, 1000000 + i * 600);
		scene_check(&s, BOX "/memory.max", "1073741824");
		watch_tick(s.watch);
	}
	assert_in_range(scene_count_said("\n"), WATCH_LINES, WATCH_LINES + 1);
	assert_int_equal(watch_counts(s.watch)->contested, 1);
	scene_now_ms += WATCH_CALM_MS;
	watch_tick(s.watch);
	assert_int_equal(watch_counts(s.watch)->contested, 0);
	/* Calm between them: each is said. */
	scene_hear();
	for (int i = 0; i < 2 * WATCH_LINES; i++)
		raise_at(&s, scene_now_ms + WATCH_CALM_MS);
	assert_int_equal(scene_count_said("was raised"), 2 * WATCH_LINES);
}

/* Closely, but without an end. */
TEST(test_many_writes)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, RECORD(CEILINGS), NULL);
	scene_watch(&s);
	for (int i = 0; i < WATCH_WRITES; i++)
		raise_at(&s, 1000000 + i);
	assert_int_equal(watch_counts(s.watch)->contested, 0);
	raise_at(&s, 1000000 + WATCH_WRITES);
	assert_int_equal(watch_counts(s.watch)->contested, 1);
	/* Gone with the cgroup. */
	tree_edit(&s.tree, "- " BOX);
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->contested, 0);
	assert_int_equal(watch_counts(s.watch)->grants, 0);
}

/* The queue is full before the write comes: that one's event is lost. */
TEST(test_overflow)
{
	char text[32];
	_cleanup_(scene_close) struct scene s;
	long most;

	assert_true(file_read_at(AT_FDCWD, "/proc/sys/fs/inotify/max_queued_events", text, sizeof(text)) > 0);
	most = strtol(text, NULL, 10);
	scene_open(&s, RECORD(CEILINGS), NULL);
	scene_watch(&s);
	_cleanup_close_ int one = openat(s.tree.fd, BOX "/cgroup.max.depth", O_WRONLY | O_CLOEXEC);
	_cleanup_close_ int two = openat(s.tree.fd, BOX "/cgroup.max.descendants", O_WRONLY | O_CLOEXEC);

	for (long i = 0; i < most + 8; i++) /* in turns: two alike become one */
		assert_int_equal(pwrite(i % 2 ? one : two, "2\n", 2, 0), 2);
	scene_write(&s, BOX "/memory.max", "max");
	scene_events(&s);
	assert_int_equal(watch_counts(s.watch)->overflows, 1);
	scene_check(&s, BOX "/memory.max", "1073741824");
}

static struct {
	char said[128];
	int r, n;
} systemd;

int __wrap_systemd_set(const char *helpers, const char *unit, const struct unit_words *words, int64_t deadline_ms,
		       struct err *err);

int __wrap_systemd_set(const char *helpers, const char *unit, const struct unit_words *words, int64_t deadline_ms,
		       struct err *err)
{
	assert_non_null(helpers);
	assert_in_range(deadline_ms, scene_now_ms + 1, scene_now_ms + 5000);
	assert_int_equal(words->n, 1);
	(void)snprintf(systemd.said, sizeof(systemd.said), "%s %s", unit, words->words[0]);
	systemd.n++;
	return systemd.r < 0 ? err_set(err, -systemd.r, "no bus") : 0;
}

/* Every cgroup that the watch may open lies at `path` then, whichever descriptor it gets. */
static void place(struct scene *s, const char *path)
{
	for (int fd = 3; fd < 64; fd++)
		if (fd != s->host.cgroup_fd) {
			tree_edit(&s->tree, format("proc/self/fd/%d -> /sys/fs/cgroup%s\n", fd, path));
		}
}

static const struct {
	const char *path, *file, *told, *said;
	int r;
} units[] = {
	{ "/system.slice/x.scope", "memory.max", "x.scope MemoryMax=1073741824", "has been put back to", 0 },
	{ "/system.slice/x.scope", "memory.max", "x.scope MemoryMax=1073741824",
	  "<4> box: 'memory.max' has been put back in its file, but setting it in systemd failed: no bus", -EIO },
	{ "/system.slice/x.scope", "cgroup.max.depth", "", "has been put back to", 0 }, /* no property */
	{ "/system.slice/x.scope/below", "memory.max", "", "has been put back to", 0 }, /* not the unit's */
	{ "/ci/box", "memory.max", "", "has been put back to", 0 },
};

/* The file first; then systemd, which would undo it. */
TEST(test_systemd)
{
	for (size_t i = 0; i < ELEMENTS(units); i++) {
		_cleanup_(scene_close) struct scene s;
		char path[64];

		memset(&systemd, 0, sizeof(systemd));
		systemd.r = units[i].r;
		scene_open(&s, RECORD(CEILINGS), NULL);
		place(&s, units[i].path);
		scene_watch(&s);
		(void)snprintf(path, sizeof(path), BOX "/%s", units[i].file);
		scene_write(&s, path, "max");
		scene_events(&s);
		check_string(units[i].path, systemd.said, units[i].told);
		scene_check_said(units[i].path, units[i].said);
		assert_int_equal(watch_counts(s.watch)->put_back, 1);
	}
}

static const struct {
	const char *profile, *depth, *said; /* depth: the ceiling afterwards */
	uint64_t lowered;
} policies[] = {
	{ "[profile small]\ncgroup.max.depth = 2\n", "2", "has lowered 1 of its ceilings", 1 },
	{ "[profile small]\ncgroup.max.depth = 4\n", "4", NULL, 0 },
	{ "[profile small]\ncgroup.max.depth = 9\n", "4",
	  "keeps its ceiling 4 although the policy's is 9: an annotation asked for it, or the policy was changed", 0 },
	{ "[profile small]\ncgroup.max.depth = max\n", "4",
	  "keeps its ceiling 4 although the policy's is max: an annotation", 0 },
	{ "[profile small]\npids.max = 5\n", "4", "has lowered 1 of its ceilings", 1 },
	{ "[profile small]\nio.max = 8:0 rbps=1M\n", "4", NULL, 0 }, /* none was granted */
	{ "[profile other]\ncgroup.max.depth = 2\n", "4", "has no profile 'small' any more", 0 },
};

TEST(test_policy)
{
	for (size_t i = 0; i < ELEMENTS(policies); i++) {
		_cleanup_close_ int fd = -EBADF;
		_cleanup_(attribute_done) struct attribute attribute = { 0 };
		const struct ceiling *depth;
		_cleanup_(scene_close) struct scene s;

		scene_open(&s,
			   BOX RECORD_OF("box", "false",
					 ",\"guarded\":true,\"pressure\":\"allow\""
					 ",\"devices\":\"c 1:3 rw\"",
					 CEILINGS),
			   policies[i].profile);
		fake_guard.other_device = fake_guard.other_grant = true;
		scene_watch(&s);
		scene_check_said(policies[i].profile, policies[i].said);
		assert_int_equal(watch_counts(s.watch)->lowered, policies[i].lowered);
		scene_check(&s, BOX "/cgroup.max.depth", policies[i].depth);
		/* Nobody has raised anything. */
		assert_int_equal(scene_count_said("was raised"), 0);
		if (strcmp(policies[i].depth, "2") == 0)
			assert_int_equal(scene_count_said("'cgroup.max.depth' was 4 and has been lowered to 2"), 1);
		scene_hear();
		fd = openat(s.tree.fd, BOX, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(attribute_read(fd, &attribute, NULL), 0);
		depth = attribute_find(&attribute, "cgroup.max.depth");
		assert_non_null(depth);
		assert_int_equal(depth->value.number, strtoull(policies[i].depth, NULL, 10));
		/* What else it remembers stays. */
		assert_true(attribute.device_guard && attribute.n_rules == 1 && attribute.pressure == TRI_YES &&
			    attribute.guarded);
		/* It holds from then on. */
		scene_write(&s, BOX "/cgroup.max.depth", "5");
		scene_events(&s);
		scene_check(&s, BOX "/cgroup.max.depth", policies[i].depth);
		assert_int_equal(scene_count_said("was raised to 5"), 1);
	}
}

/* A device that the policy names no more keeps its ceiling: a later raise is still seen. */
TEST(test_policy_lines)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s,
		   BOX "/io.max = 8:0 rbps=100 wbps=max riops=max wiops=max\\n"
		       "8:16 rbps=max wbps=50 riops=max wiops=max\n" RECORD(
			       CEILINGS ",\"io.max\":\"8:0 rbps=100, 8:16 wbps=50\""),
		   "[profile small]\nio.max = 8:16 wbps=10\n");
	scene_watch(&s);
	scene_check_said("lowered", "has lowered 1 of its ceilings");
	scene_hear();
	scene_write(&s, BOX "/io.max", "8:0 rbps=200 wbps=max riops=max wiops=max");
	scene_events(&s);
	scene_check_said("raised", "'io.max' was raised to");
	scene_check_said("put back", "wiops=max, 8:0 rbps=100 wbps=max");
}

/* A set is lowered to what both have, and one with nothing in common is for containers that start anew. */
TEST(test_policy_sets)
{
	static const struct {
		const char *profile, *said, *then;
		uint64_t lowered;
	} rows[] = {
		{ "[profile small]\ncpuset.cpus = 2-5\n", "has lowered 1 of its ceilings", "2-3", 1 },
		{ "[profile small]\ncpuset.cpus = 4-7\n",
		  "keeps its ceiling 0-3 although the policy's is 4-7: an annotation", "0-3", 0 },
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		_cleanup_(scene_close) struct scene s;

		scene_open(&s, BOX "/cpuset.cpus = 0-3\n" RECORD(CEILINGS ",\"cpuset.cpus\":\"0-3\""), rows[i].profile);
		scene_watch(&s);
		scene_check_said(rows[i].profile, rows[i].said);
		assert_int_equal(watch_counts(s.watch)->lowered, rows[i].lowered);
		assert_int_equal(watch_counts(s.watch)->failed, 0);
		scene_check(&s, BOX "/cpuset.cpus", rows[i].then);
	}
}

/* In each sweep, in a tick, and when another policy comes. */
TEST(test_host_options)
{
	/* As long as what stood there: it is written in its place. */
	static const char line[] = "22 21 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup rw,%s";
	enum { SWEEP, TICK, POLICY, WAYS };

	for (int way = SWEEP; way < WAYS; way++) {
		_cleanup_(scene_close) struct scene s;

		scene_open(&s, RECORD(CEILINGS), way == POLICY ? "[defaults]\nhost_options = nsdelegate\n" : NULL);
		scene_watch(&s);
		assert_true(watch_host_has(watch_host(s.watch), "nsdelegate"));
		scene_write(&s, "proc/self/mountinfo", format(line, "nsdelegatf"));
		for (int i = 0; i < 3; i++) { /* said once */
			if (way == SWEEP)
				scene_sweep(&s);
			else if (way == TICK)
				watch_tick(s.watch);
			else
				watch_apply_policy(s.watch, &s.rules);
		}
		assert_int_equal(
			scene_count_said("<1> the host's cgroup2 has lost the option nsdelegate: a container without"), 1);
		scene_check_said("grants",
				 "; grants: 1; it cannot be told who mounted or remounted cgroup2; to put it back, "
				 "run `mount -o remount,rw,nsdelegate /sys/fs/cgroup`");
		assert_true(watch_host_misses(watch_host(s.watch), "nsdelegate"));
		scene_write(&s, "proc/self/mountinfo", format(line, "nsdelegate"));
		scene_sweep(&s);
		assert_int_equal(scene_count_said("<5> the host's cgroup2 has nsdelegate again"), 1);
		assert_false(watch_host_misses(watch_host(s.watch), "nsdelegate"));
	}
}

/* The hook's record in the table tells of a cgroup before it is granted; the attribute, when it is. */
TEST(test_new_grant)
{
	_cleanup_(budget_done) struct budget budget = BUDGET_CLOSED;
	struct budget_entry entry = { .usage = { .grants = 1 } };
	struct budget_slot slot;
	bool changed;
	_cleanup_(scene_close) struct scene s;
	struct stat st;

	scene_open(&s, BOX "/\n", NULL);
	scene_watch(&s);
	scene_write(&s, BOX "/memory.max", "max");
	scene_events(&s);
	scene_check(&s, BOX "/memory.max", "max"); /* nobody's business */
	assert_int_equal(fstatat(s.tree.fd, BOX, &st, 0), 0);
	entry.id = st.st_ino;
	assert_int_equal(budget_open(s.run, &s.host, 0, &budget, &why), 0);
	assert_int_equal(budget_reserve(&budget, &entry, &slot, &changed, &why), 0);
	scene_events(&s);
	assert_int_equal(watch_counts(s.watch)->grants, 0);
	scene_check(&s, BOX "/memory.max", "max");
	tree_edit(&s.tree, RECORD(CEILINGS));
	scene_events(&s);
	assert_int_equal(watch_counts(s.watch)->grants, 1);
	scene_check(&s, BOX "/memory.max", "1073741824");
	tree_edit(&s.tree, "- " BOX);
	scene_sweep(&s);
	assert_int_equal(watch_counts(s.watch)->grants, 0);
}

TEST(test_unreadable)
{
	_cleanup_(scene_close) struct scene s;

	scene_open(&s, BOX " @ {\"v\":2}\n", NULL);
	scene_watch(&s);
	scene_check_said("another version", "; its ceilings are not watched");
}
