/* SPDX-License-Identifier: Apache-2.0 */
/* Sampler: every row is read once, and its own cgroup, however many threads there are. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/list-sampler.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define ROWS 500

struct rows {
	struct grant grant;
	struct cell cells[ROWS][2];
	struct sampler_work work;
	const struct column *columns[2];
};

static void make_cgroups(struct tree *tree)
{
	char edit[96];

	tree_new(tree);
	tree_edit(tree, "proc/\n");
	for (int i = 0; i < ROWS; i++) {
		(void)snprintf(edit, sizeof(edit), "%d/\n%d/pids.current = %d\n", i, i, i + 7);
		tree_edit(tree, edit);
	}
}

/* The path and the descriptor are gone when the row is read: as in a walk. */
static void read_all(const struct tree *tree, struct rows *rows)
{
	static const struct guards none = GUARDS_NONE;
	struct sampler *sampler;

	rows->columns[0] = column_find("pids");
	rows->columns[1] = column_find("cgroup");
	rows->work = (struct sampler_work) { .columns = rows->columns, .n_columns = 2 };
	rows->work.look.pinned = &none;
	sampler = sampler_new(&rows->work);
	assert_non_null(sampler);
	for (int i = 0; i < ROWS; i++) {
		char path[16];
		int fd;

		(void)snprintf(path, sizeof(path), "%d", i);
		fd = openat(tree->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(fd >= 0);
		rows->grant.path = path;
		sampler_add(sampler, &rows->grant, fd, rows->cells[i]);
		memset(path, 'x', sizeof(path) - 1);
		assert_int_equal(close(fd), 0);
	}
	assert_null(sampler_free(sampler));
}

static void check_all(struct rows *rows)
{
	for (int i = 0; i < ROWS; i++) {
		char path[16];

		(void)snprintf(path, sizeof(path), "%d", i);
		assert_true(rows->cells[i][0].known);
		assert_int_equal(rows->cells[i][0].number, i + 7);
		check_string("path", rows->cells[i][1].text, path);
		cell_done(&rows->cells[i][0]);
		cell_done(&rows->cells[i][1]);
	}
}

static int n_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void read_and_check(void)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_free_ struct rows *rows = calloc(1, sizeof(*rows));
	int before;

	assert_non_null(rows);
	make_cgroups(&tree);
	before = n_descriptors();
	read_all(&tree, rows);
	assert_int_equal(n_descriptors(), before);
	check_all(rows);
}

static void test_threads(void **state)
{
	(void)state;
	read_and_check();
}

static void test_one_processor(void **state)
{
	cpu_set_t all, one;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	read_and_check();
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

/* Without a descriptor to spare no row is lost: the caller reads it. */
static void test_few_descriptors(void **state)
{
	struct rlimit limit, few;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = (struct rlimit) { .rlim_cur = 128, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	read_and_check();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A file whose controller the hierarchy does not have is not looked for. */
static void test_controllers(void **state)
{
	static const struct {
		const char *controllers;
		bool known;
	} cases[] = { { NULL, true }, { "cpu pids io", true }, { "cpu io", false }, { "", false } };
	static const struct guards none = GUARDS_NONE;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		struct look look = { .pinned = &none, .controllers = cases[i].controllers };
		struct grant grant = { .path = "/" };
		struct sample sample;
		struct cell cell;

		tree_new(&tree);
		tree_edit(&tree, "pids.current = 1\ncgroup.stat = nr_dying_descendants 2\n"
				 "memory.pressure = some avg10=1.25\n");
		sample_begin(&sample, &grant, tree.fd, &look);
		column_read(column_find("pids"), &sample, &cell);
		assert_int_equal(cell.known, cases[i].known);
		column_read(column_find("dying"), &sample, &cell);
		assert_int_equal(cell.number, 2);
		column_read(column_find("memory-pressure"), &sample, &cell);
		assert_true(cell.known);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_one_processor),
		cmocka_unit_test(test_few_descriptors),
		cmocka_unit_test(test_controllers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
