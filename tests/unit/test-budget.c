/* SPDX-License-Identifier: Apache-2.0 */
/* Budget: the table of grants, its locks, and what becomes of entries whose cgroups or hooks are gone. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cgdeleg/grant/budget.h"
#include "cgdeleg/kernel/walk.h"
#include "policy/usage.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define C "sys/fs/cgroup/"
#define RECORD(handler, most)                                                              \
	" @ {\"v\":1,\"id\":\"x\",\"instance\":\"i\",\"handler\":\"" handler               \
	"\",\"profile\":\"\",\"namespace\":\"\",\"pod\":\"\",\"name\":\"\",\"line\":\"\"," \
	"\"method\":\"\",\"leaf\":\"\",\"since\":1,\"guarded\":true,\"scope\":false,"      \
	"\"ceilings\":{\"cgroup.max.descendants\":\"" most "\"}}\n"

struct scene {
	struct tree tree;
	struct host host;
	char directory[PATH_MAX];
	struct err err;
};

static void set_up(struct scene *s, const char *lines)
{
	*s = (struct scene) { .host = HOST_CLOSED };
	tree_new(&s->tree, "proc/\n" C "\n");
	tree_edit(&s->tree, lines);
	tree_host(&s->tree, &s->host);
	(void)snprintf(s->directory, sizeof(s->directory), "%s/run", s->tree.root);
}

static void tear_down(struct scene *s)
{
	host_done(&s->host);
	tree_free(&s->tree);
}

static uint64_t id_of(struct scene *s, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(s->tree.fd, path, &st, 0), 0);
	return st.st_ino;
}

static void open_or_fail(struct scene *s, struct budget *ret)
{
	check_result("open", budget_open(s->directory, &s->host, 0, ret, &s->err), &s->err, NULL);
}

static uint64_t descendants(const struct budget *budget, uint64_t but, const char *handler)
{
	const struct section section = { .kind = SECTION_HANDLER, .name = handler };

	return usage_sum(budget->entries, budget->n, but, handler ? &section : NULL, NULL).descendants;
}

static struct budget_entry entry_of(uint64_t id, uint64_t most)
{
	struct budget_entry entry = { .id = id, .usage = { .grants = 1, .descendants = most } };

	(void)snprintf(entry.handler, sizeof(entry.handler), "h");
	return entry;
}

static void reserve(struct scene *s, struct budget *budget, uint64_t id, struct budget_slot *slot)
{
	struct budget_entry entry = entry_of(id, 10);
	bool changed;

	check_result("reserve", budget_reserve(budget, &entry, slot, &changed, &s->err), &s->err, NULL);
	assert_true(changed);
}

/* The attribute of a grant with these members too. */
#define WITH_IDS(id, ids)                                                                   \
	" @ {\"v\":1,\"id\":\"" id "\",\"instance\":\"i\",\"handler\":\"h\",\"profile\":"   \
	"\"\",\"namespace\":\"\",\"pod\":\"\",\"name\":\"\",\"line\":\"\",\"method\":\"\"," \
	"\"leaf\":\"\",\"since\":1,\"guarded\":true,\"scope\":false," ids "\"ceilings\":{}}\n"
#define IDS(uids, gids) "\"uids\":\"" uids "\",\"gids\":\"" gids "\","

static struct sharer find_sharer(struct scene *s, struct budget *budget, uint64_t but, const char *uids,
				 const char *gids, bool every)
{
	struct id_ranges u, g;
	struct sharer sharer;

	assert_int_equal(id_ranges_parse(uids, &u), 0);
	assert_int_equal(id_ranges_parse(gids, &g), 0);
	CHECK("find", budget_find_sharer(budget, but, &u, &g, every, &sharer, &s->err), NULL);
	return sharer;
}

/* A new container, with these ids, beside one grant. */
static const struct {
	const char *name, *theirs, *uids, *gids;
	enum tristate want;
	bool of_gids;
	struct id_range common;
} sharers[] = {
	{ "the same", IDS("100000-165535", "100000-165535"), "100000-165535", "100000-165535", TRI_YES, false, { 100000, 65536 } },
	{ "beside", IDS("100000-165535", "100000-165535"), "165536-200000", "165536-200000", TRI_NO, false, { 0 } },
	{ "one uid", IDS("100000-165535", "100000-165535"), "165535-200000", "300000-300009", TRI_YES, false, { 165535, 1 } },
	{ "gids alone", IDS("100000-165535", "100000-165535"), "300000-300009", "90000-100000", TRI_YES, true, { 100000, 1 } },
	{ "within", IDS("100000-165535", "7-7"), "120000-120000", "8-8", TRI_YES, false, { 120000, 1 } },
	{ "a second range", IDS("1-1 500-509", "9-9"), "505-600", "10-10", TRI_YES, false, { 505, 5 } },
	{ "between two ranges", IDS("1-1 500-509", "9-9"), "2-499", "10-10", TRI_NO, false, { 0 } },
	{ "ranges in turns", IDS("1-1 3-3 5-5", "9-9"), "2-2 4-4", "8-8 10-10", TRI_NO, false, { 0 } },
	{ "all", IDS("0-4294967294", "0-4294967294"), "7-7", "7-7", TRI_YES, false, { 7, 1 } },
	{ "an older cgdeleg", "", "7-7", "7-7", TRI_UNKNOWN, false, { 0 } },
	{ "half of it", IDS("7-7", ""), "8-8", "8-8", TRI_UNKNOWN, false, { 0 } },
	{ "garbage", IDS("7", "8-9"), "8-8", "8-8", TRI_UNKNOWN, false, { 0 } },
	{ "of this one nothing is known", IDS("7-7", "7-7"), "", "", TRI_UNKNOWN, false, { 0 } },
};

TEST_AS_ROOT(test_sharers) /* attributes in the trusted namespace */
{
	for (size_t i = 0; i < ELEMENTS(sharers); i++)
		for (int looks = 0; looks < 2; looks++) {
			_cleanup_(tear_down) struct scene s;
			struct budget budget;
			struct sharer sharer;

			set_up(&s, C "a/\n" C "b/\n");
			tree_edit(&s.tree, format(C "a" WITH_IDS("other", "%s"), sharers[i].theirs));
			CHECK("open", budget_open(looks ? NULL : s.directory, &s.host, 0, &budget, &s.err), NULL);
			sharer = find_sharer(&s, &budget, id_of(&s, C "b"), sharers[i].uids, sharers[i].gids, true);
			if (sharer.shares != sharers[i].want || sharer.of_gids != sharers[i].of_gids ||
			    sharer.common.first != sharers[i].common.first ||
			    sharer.common.count != sharers[i].common.count)
				fail_msg("%s: %d, %u %u", sharers[i].name, sharer.shares, sharer.common.first,
					 sharer.common.count);
			if (sharers[i].want == TRI_YES)
				check_string(sharers[i].name, sharer.id, "other");
			/* Its own entry is no other's. */
			sharer = find_sharer(&s, &budget, id_of(&s, C "a"), sharers[i].uids, sharers[i].gids, true);
			assert_int_equal(sharer.shares, TRI_NO);
			budget_done(&budget);
		}
}

/* Entries of containers that have ended refuse nobody; those of hooks that are at work count. */
TEST_AS_ROOT(test_stale_sharers)
{
	const struct id_range ids = { 100, 10 };
	_cleanup_(tear_down) struct scene s;
	struct budget budget, second;
	struct budget_entry entry;
	struct budget_slot slot;
	bool changed;

	set_up(&s, C "a/\n" C "b/\n" C "a" WITH_IDS("one", IDS("100-109", "100-109")) C "b" WITH_IDS("old", ""));
	open_or_fail(&s, &budget);
	assert_int_equal(find_sharer(&s, &budget, 0, "105-105", "5-5", false).shares, TRI_YES);
	/* Where the hulls do not meet, the kernel is not asked. */
	assert_int_equal(find_sharer(&s, &budget, 0, "5-5", "5-5", false).shares, TRI_UNKNOWN);
	tree_edit(&s.tree, "- " C "a\n- " C "b\n");
	assert_int_equal(find_sharer(&s, &budget, 0, "5-5", "5-5", false).shares, TRI_UNKNOWN); /* a hint */
	assert_int_equal(find_sharer(&s, &budget, 0, "105-105", "5-5", true).shares, TRI_NO);
	budget_done(&budget);
	/* They are gone from the table too. */
	open_or_fail(&s, &budget);
	assert_int_equal(find_sharer(&s, &budget, 0, "105-105", "5-5", false).shares, TRI_NO);
	/* A hook has the entry, and has not written the attribute yet. */
	tree_edit(&s.tree, C "c/\n");
	entry = entry_of(id_of(&s, C "c"), 10);
	entry.uids = entry.gids = ids;
	check_result("reserve", budget_reserve(&budget, &entry, &slot, &changed, &s.err), &s.err, NULL);
	open_or_fail(&s, &second);
	assert_int_equal(find_sharer(&s, &second, 0, "105-105", "5-5", false).shares, TRI_YES);
	assert_int_equal(find_sharer(&s, &second, 0, "5-5", "5-5", false).shares, TRI_NO);
	budget_done(&budget);
	/* It has ended without one. */
	assert_int_equal(find_sharer(&s, &second, 0, "105-105", "5-5", false).shares, TRI_NO);
	budget_done(&second);
}

/* A table that is not there is made from what the kernel has. */
TEST_AS_ROOT(test_made_from_the_tree) /* attributes in the trusted namespace */
{
	_cleanup_(tear_down) struct scene s;
	struct budget budget;

	set_up(&s, C "a/\n" C "b/\n" C "c/\n" C "d/\n" C "a" RECORD("h", "7") C "b" RECORD("other", "50"));
	tree_edit(&s.tree, C "d @ {}\n" C "d/cgroup.max.descendants = 100\n");
	open_or_fail(&s, &budget);
	assert_int_equal(descendants(&budget, 0, NULL), 157);
	assert_int_equal(descendants(&budget, 0, "h"), 107); /* d may be anybody's */
	assert_int_equal(descendants(&budget, id_of(&s, C "b"), NULL), 107);
	budget_done(&budget);
	/* From then on the table is what is read. */
	tree_edit(&s.tree, "- " C "b\n");
	open_or_fail(&s, &budget);
	assert_int_equal(descendants(&budget, 0, NULL), 157);
	assert_int_equal(budget_verify(&budget, &s.err), 1);
	assert_int_equal(descendants(&budget, 0, NULL), 107);
	budget_done(&budget);
	/* One that somebody has spoilt, or another version wrote, is made anew. */
	tree_edit(&s.tree, "run/grants = cgdeleg grants 0\n");
	open_or_fail(&s, &budget);
	assert_int_equal(descendants(&budget, 0, NULL), 107);
	budget_done(&budget);
}

/* Of a grant whose attribute cannot be read nothing is known but its number of descendants, as the kernel has
 * it: it may be any handler's, without any other ceiling. */
TEST_AS_ROOT(test_unreadable_attribute)
{
	_cleanup_(tear_down) struct scene s;
	struct budget budget, seen;
	const struct section h = { .kind = SECTION_HANDLER, .name = "h" };
	struct usage node, own;

	set_up(&s, C "d/\n" C "d @ {}\n" C "d/cgroup.max.descendants = 100\n");
	open_or_fail(&s, &budget);
	CHECK("look", budget_open(NULL, &s.host, 0, &seen, &why), NULL);
	for (int looks = 0; looks < 2; looks++) {
		const struct budget *b = looks ? &seen : &budget;

		node = usage_sum(b->entries, b->n, 0, NULL, NULL);
		own = usage_sum(b->entries, b->n, 0, &h, "n");
		assert_int_equal(node.descendants, 100);
		assert_int_equal(node.memory, LIMIT_MAX);
		assert_int_equal(node.pids, LIMIT_MAX);
		assert_int_equal(node.cpu, LIMIT_MAX);
		assert_memory_equal(&own, &node, sizeof(own));
	}
	assert_true(seen.fd < 0);
	budget_done(&seen);
	/* As soon as it can be read it is what it says. */
	tree_edit(&s.tree, C "d" RECORD("other", "50"));
	assert_int_equal(budget_verify(&budget, &s.err), 0);
	assert_int_equal(descendants(&budget, 0, NULL), 50);
	assert_int_equal(descendants(&budget, 0, "h"), 0);
	budget_done(&budget);
}

/* A chain that somebody else has made, deeper than any grant can be, is in nobody's way. */
TEST(test_too_deep)
{
	char path[1024];
	int len = snprintf(path, sizeof(path), C "deep");
	_cleanup_(tear_down) struct scene s;
	struct budget budget = BUDGET_CLOSED;

	for (int i = 0; i <= GRANT_DEPTH_MAX; i++)
		len += snprintf(path + len, sizeof(path) - (size_t)len, "/d");
	(void)snprintf(path + len, sizeof(path) - (size_t)len, "/\n");
	set_up(&s, path);
	CHECK("table", budget_open(s.directory, &s.host, 0, &budget, &why), NULL);
	budget_done(&budget);
	CHECK("look", budget_open(NULL, &s.host, 0, &budget, &why), NULL);
	budget_done(&budget);
}

TEST(test_reserve_and_release)
{
	_cleanup_(tear_down) struct scene s;
	struct budget budget, again;
	struct budget_slot first, second;
	bool changed;

	set_up(&s, C "a/\n" C "b/\n");
	open_or_fail(&s, &budget);
	reserve(&s, &budget, id_of(&s, C "a"), &first);
	open_or_fail(&s, &again);
	assert_int_equal(descendants(&again, 0, NULL), 10);
	reserve(&s, &again, id_of(&s, C "b"), &second);
	assert_int_not_equal(first.index, second.index);
	assert_int_equal(budget_release(&budget, &first, &s.err), 0);
	budget_done(&budget);
	/* A second run finds its own entry and adds nothing. */
	budget_done(&again);
	open_or_fail(&s, &budget);
	assert_int_equal(descendants(&budget, 0, NULL), 10);
	assert_int_equal(descendants(&budget, id_of(&s, C "b"), NULL), 0);
	struct budget_entry same = entry_of(id_of(&s, C "b"), 10);

	assert_int_equal(budget_reserve(&budget, &same, &second, &changed, &s.err), 0);
	assert_false(changed);
	budget_done(&budget);
	/* The freed entry is used again. */
	open_or_fail(&s, &budget);
	reserve(&s, &budget, id_of(&s, C "a"), &second);
	assert_int_equal(second.index, first.index);
	budget_done(&budget);
}

/* What a killed hook leaves: an entry, a cgroup perhaps, no attribute. While it lives it counts. */
TEST(test_hook_dies)
{
	_cleanup_(tear_down) struct scene s;
	struct budget budget;
	struct budget_slot slot;
	int pipes[2];
	pid_t pid;
	char byte;

	set_up(&s, C "a/\n");
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		open_or_fail(&s, &budget);
		reserve(&s, &budget, id_of(&s, C "a"), &slot);
		(void)!write(pipes[1], "x", 1);
		(void)pause();
	}
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	open_or_fail(&s, &budget);
	assert_int_equal(budget_verify(&budget, &s.err), 0);
	assert_int_equal(descendants(&budget, 0, NULL), 10);
	budget_done(&budget);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	open_or_fail(&s, &budget);
	assert_int_equal(descendants(&budget, 0, NULL), 10); /* a hint, until it is looked at */
	assert_int_equal(budget_verify(&budget, &s.err), 1);
	assert_int_equal(descendants(&budget, 0, NULL), 0);
	budget_done(&budget);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

/* Eight at a time against a budget: never one too many, and none is lost. */
TEST(test_parallel)
{
	enum { WORKERS = 8, EACH = 25, MOST = 50 };
	_cleanup_(tear_down) struct scene s;
	struct budget budget;
	int granted = 0;

	set_up(&s, "");
	for (int i = 0; i < WORKERS * EACH; i++) {
		tree_edit(&s.tree, format(C "c%d/\n", i));
	}
	for (int worker = 0; worker < WORKERS; worker++) {
		if (fork() != 0)
			continue;
		int count = 0;

		for (int i = 0; i < EACH; i++) {
			struct budget own;
			struct budget_slot slot;
			char path[64];

			(void)snprintf(path, sizeof(path), C "c%d", worker * EACH + i);
			open_or_fail(&s, &own);
			if (descendants(&own, 0, NULL) + 10 <= MOST * 10) {
				reserve(&s, &own, id_of(&s, path), &slot);
				count++;
			}
			/* The entry stays; without an attribute nothing but its lock would hold it. */
			budget_done(&own);
		}
		_exit(count);
	}
	for (int worker = 0; worker < WORKERS; worker++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		granted += WEXITSTATUS(status);
	}
	assert_int_equal(granted, MOST);
	open_or_fail(&s, &budget);
	assert_int_equal(descendants(&budget, 0, NULL), MOST * 10);
	assert_int_equal(budget_verify(&budget, &s.err), MOST);
	assert_int_equal(descendants(&budget, 0, NULL), 0);
	budget_done(&budget);
}

/* Where no budget refuses, the stale entries must go all the same. */
TEST(test_stays_small)
{
	_cleanup_(tear_down) struct scene s;
	struct budget budget;
	struct stat st;

	set_up(&s, "");
	for (int i = 0; i < 300; i++) {
		struct budget_slot slot;

		tree_edit(&s.tree, C "c/\n");
		open_or_fail(&s, &budget);
		/* No such cgroup: as when it is gone. */
		reserve(&s, &budget, 1000000000 + (uint64_t)i, &slot);
		budget_done(&budget);
	}
	assert_int_equal(fstatat(s.tree.fd, "run/grants", &st, 0), 0);
	assert_true(st.st_size <= (off_t)(70 * sizeof(struct budget_entry)));
}

TEST(test_faults)
{
	static const struct {
		const char *edit, *want;
	} cases[] = {
		{ "run/grants -> elsewhere\n", "cannot open the table of grants" },
		{ "run/grants/x\n", "cannot open the table of grants" },
		{ "run -> elsewhere\n", "cannot open the directory" },
		{ "run = a file\n", "cannot open the directory" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tear_down) struct scene s;
		struct budget budget = BUDGET_CLOSED;

		set_up(&s, cases[i].edit);
		CHECK(cases[i].edit, budget_open(s.directory, &s.host, 0, &budget, &why), cases[i].want);
		assert_true(budget.fd < 0);
	}
}

TEST(test_permissions)
{
	_cleanup_(tear_down) struct scene s;
	struct budget budget = BUDGET_CLOSED;

	set_up(&s, "run/\n");
	assert_int_equal(fchmodat(s.tree.fd, "run", 0777, 0), 0);
	CHECK("directory", budget_open(s.directory, &s.host, 0, &budget, &why), "writable by nobody else");
	assert_int_equal(fchmodat(s.tree.fd, "run", 0755, 0), 0);
	tree_edit(&s.tree, "run/grants =\n");
	assert_int_equal(fchmodat(s.tree.fd, "run/grants", 0666, 0), 0);
	CHECK("file", budget_open(s.directory, &s.host, 0, &budget, &why), "writable by nobody else");
	assert_int_equal(fchmodat(s.tree.fd, "run/grants", 0600, 0), 0);
	open_or_fail(&s, &budget);
	/* Whoever waits for the lock gives up at the deadline, and says how to find the holder. */
	struct budget second = BUDGET_CLOSED;

	CHECK("locked", budget_open(s.directory, &s.host, 1, &second, &why), "`lslocks` shows which");
	budget_done(&budget);
}
