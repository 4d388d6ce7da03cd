/* SPDX-License-Identifier: Apache-2.0 */
/* Limits on files: lowered and never raised, read back, and put back as they were. */
#include <errno.h>
#include <fcntl.h>

#include "cgdeleg/kernel/limits.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-kernel.h"
#include "tests/unit/tree.h"

#define UNSET "9223372036854771712"

static const struct {
	const char *file, *now, *ceiling, *then;
} cases[] = {
	{ "memory.max", "max", "1K", "1024" },
	{ "memory.max", "512", "1K", "512" },
	{ "memory.max", "1024", "1K", "1024" },
	{ "memory.max", "0", "1K", "0" },
	{ "memory.max", "max", "max", "max" },
	/* hugetlb's way to say "max" */
	{ "hugetlb.2MB.max", UNSET, "0", "0" },
	{ "pids.max", "500", "100", "100" },
	{ "cgroup.max.depth", "max", "12", "12" },
	{ "cpu.max", "max 100000", "2", "200000 100000" },
	{ "cpu.max", "50000 100000", "2", "50000 100000" },
	{ "cpuset.cpus", "0-7", "0-3", "0-3" },
	{ "cpuset.cpus", "1-2", "0-3", "1-2" },
	{ "io.max", "", "8:0 rbps=1000", "8:0 rbps=1000 wbps=max riops=max wiops=max" },
	{ "io.max", "8:16 rbps=5 wbps=max riops=max wiops=max", "8:0 wiops=7",
	  "8:16 rbps=5 wbps=max riops=max wiops=max\n8:0 rbps=max wbps=max riops=max wiops=7" },
};

static int lower(const struct tree *tree, const char *file, const char *ceiling, struct limit_before *before,
		 struct err *err)
{
	const struct limit_type *type = limit_type_find(file);
	_cleanup_(arena_done) struct arena arena = { 0 };
	struct limit_value value;

	assert_non_null(type);
	assert_int_equal(limit_parse(type, ceiling, &arena, &value, NULL), 0);
	return limit_lower(tree->fd, file, type, &value, before, err);
}

static void put(const struct tree *tree, const char *file, const char *text)
{
	tree_edit(tree, format("%s =%s%s", file, *text ? " " : "", text));
}

TEST(test_lower_and_restore)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(limit_before_done) struct limit_before before = { 0 };
		bool written;

		kernel = (struct kernel) { 0 };
		tree_new(&tree, "");
		put(&tree, cases[i].file, cases[i].now);
		CHECK(cases[i].ceiling, lower(&tree, cases[i].file, cases[i].ceiling, &before, &why), NULL);
		check_string(cases[i].ceiling, tree_get(&tree, cases[i].file), cases[i].then);
		written = kernel.n_writes > 0;
		assert_int_equal(before.changed, strcmp(cases[i].now, cases[i].then) != 0);
		assert_int_equal(written, before.changed);

		/* A second run finds nothing to do. */
		_cleanup_(limit_before_done) struct limit_before again = { 0 };

		kernel.n_writes = 0;
		CHECK("again", lower(&tree, cases[i].file, cases[i].ceiling, &again, &why), NULL);
		assert_int_equal(kernel.n_writes, 0);
		assert_false(again.changed);

		CHECK("restore", limit_restore(tree.fd, cases[i].file, limit_type_find(cases[i].file), &before, &why),
		      NULL);
		if (strcmp(cases[i].file, "io.max") != 0)
			check_string("restored", tree_get(&tree, cases[i].file),
				     strcmp(cases[i].now, UNSET) == 0 ? "max" : cases[i].now);
	}
}

/* A set that says less than the kernel lets the cgroup use, and one that would be others' processors. */
TEST(test_sets)
{
	static const struct {
		const char *now, *effective, *then, *want;
	} rows[] = {
		{ "0-7", "0-3", "0-3", NULL },
		{ "0-7", "2", "0-3", NULL },
		{ "1-2", "1-2", "1-2", NULL },
		{ "", "0-3", "0-3", NULL },
		{ "0-7", "4-7", "0-3", "'cpuset.cpus.effective' is '4-7', beyond the ceiling" },
		{ "1-2", "4-7", "1-2", "'cpuset.cpus.effective' is '4-7', beyond the ceiling" },
		{ "4-7", "4-7", "4-7", "'cpuset.cpus' is '4-7', which has nothing in common with" },
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(limit_before_done) struct limit_before before = { 0 };

		kernel = (struct kernel) { 0 };
		tree_new(&tree, "");
		put(&tree, "cpuset.cpus", rows[i].now);
		put(&tree, "cpuset.cpus.effective", rows[i].effective);
		CHECK(rows[i].now, lower(&tree, "cpuset.cpus", "0-3", &before, &why), rows[i].want);
		check_string(rows[i].now, tree_get(&tree, "cpuset.cpus"), rows[i].then);
	}
}

/* Lines: the device that had a limit has it back, the one that had none is without. */
TEST(test_restore_lines)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(limit_before_done) struct limit_before before = { 0 };

	kernel = (struct kernel) { 0 };
	tree_new(&tree, "");
	put(&tree, "io.max", "8:0 rbps=900 wbps=max riops=max wiops=max");
	CHECK("lower", lower(&tree, "io.max", "8:0 rbps=5, 8:16 wbps=6", &before, &why), NULL);
	check_string("lowered", tree_get(&tree, "io.max"),
		     "8:0 rbps=5 wbps=max riops=max wiops=max\n8:16 rbps=max wbps=6 riops=max wiops=max");
	CHECK("restore", limit_restore(tree.fd, "io.max", limit_type_find("io.max"), &before, &why), NULL);
	check_string("restored", tree_get(&tree, "io.max"),
		     "8:0 rbps=900 wbps=max riops=max wiops=max\n8:16 rbps=max wbps=max riops=max wiops=max");
}

TEST(test_faults)
{
	static const struct {
		const char *name, *file, *now, *want;
		struct kernel kernel;
		bool changed; /* something may have been: there is a record to undo */
	} faults[] = {
		{ "a lie", "memory.max", "max", "'memory.max' does not read back as written",
		  .kernel.ignore = "memory.max", .changed = true },
		{ "a part", "memory.max", "max", "cannot write '4096' to 'memory.max': Input/output error",
		  .kernel.partial = true, .changed = true },
		{ "refused", "memory.max", "max", "cannot write '4096' to 'memory.max': Device or resource busy",
		  .kernel.refuse = "memory.max", .kernel.error = EBUSY, .changed = true },
		{ "nonsense there", "memory.max", "many", .want = "cannot read 'memory.max': " },
		{ "nothing there", "memory.max", "", .want = "cannot read 'memory.max': " },
		{ "a link", "memory.max", "-> other", .want = "cannot open 'memory.max'" },
		{ "not there", "memory.high", NULL, .want = "cannot open 'memory.max': No such file" },
	};

	for (size_t i = 0; i < ELEMENTS(faults); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(limit_before_done) struct limit_before before = { 0 };

		tree_new(&tree, "other = max");
		if (faults[i].now && strncmp(faults[i].now, "->", 2) == 0)
			tree_edit(&tree, "memory.max -> other");
		else if (faults[i].now)
			put(&tree, faults[i].file, faults[i].now);
		kernel = faults[i].kernel;
		CHECK(faults[i].name, lower(&tree, "memory.max", "4K", &before, &why), faults[i].want);
		assert_int_equal(before.changed, faults[i].changed);
		check_string("the other", tree_get(&tree, "other"), "max");
	}
}

/* An empty set that the kernel does not take back is all that the parent may use. */
TEST(test_restore_empty_set)
{
	static const struct {
		const char *parents, *now, *want;
	} sets[] = {
		{ "cpuset.cpus.effective = 0-3", "0-3", NULL },
		{ "other = 1", "2", "cannot open '../cpuset.cpus.effective': No such file" },
	};
	const struct limit_type *type = limit_type_find("cpuset.cpus");

	for (size_t i = 0; i < ELEMENTS(sets); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_close_ int box = -EBADF;
		_cleanup_(limit_before_done) struct limit_before before = { .changed = true };

		tree_new(&tree, sets[i].parents);
		tree_edit(&tree, "box/cpuset.cpus = 2");
		box = openat(tree.fd, "box", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		kernel = (struct kernel) { .refuse = "cpuset.cpus", .error = ENOSPC };
		CHECK(sets[i].parents, limit_restore(box, "cpuset.cpus", type, &before, &why), sets[i].want);
		check_string("now", tree_get(&tree, "box/cpuset.cpus"), sets[i].now);
	}
}

TEST(test_restore_faults)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(limit_before_done) struct limit_before before = { .changed = true, .value = { .number = LIMIT_MAX } };
	const struct limit_type *type = limit_type_find("memory.max");

	kernel = (struct kernel) { 0 };
	tree_new(&tree, "");
	CHECK("gone", limit_restore(tree.fd, "memory.max", type, &before, &why), "cannot open 'memory.max'");
	put(&tree, "memory.max", "4096");
	kernel = (struct kernel) { .refuse = "memory.max", .error = EIO };
	CHECK("refused", limit_restore(tree.fd, "memory.max", type, &before, &why), "cannot write 'max' to 'memory.max'");
	before.changed = false;
	CHECK("nothing to do", limit_restore(tree.fd, "memory.max", type, &before, &why), NULL);
}
