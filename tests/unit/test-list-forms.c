/* SPDX-License-Identifier: Apache-2.0 */
/* List, forms: titles as names, what fits into a terminal, the tree of one container, and what is said beside a table. */
#include <errno.h>
#include <fcntl.h>

#include "tests/unit/list-case.h"

/* Whoever reads a title can write it, and neither form names two columns. */
TEST(test_names)
{
	static const struct {
		const char *word, *name;
	} words[] = {
		{ "OOM KILLS", "oom-kills" }, { "oom_kills", "oom-kills" },
		{ "Cgroups", "cgroups" },     { "CGROUP ID", "cgroup-id" },
		{ "cgroup", "cgroup" },	      { "oom-kill", NULL },
		{ "cgroupss", NULL },	      { "", NULL },
		{ "oom--kills", NULL },
	};

	for (size_t i = 0; i < n_columns; i++) {
		assert_ptr_equal(column_find(columns[i].title), &columns[i]);
		assert_ptr_equal(column_find(columns[i].name), &columns[i]);
		for (const char *c = columns[i].title; *c; c++)
			assert_true((*c >= 'A' && *c <= 'Z') || *c == ' ');
	}
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		const struct column *found = column_find(words[i].word);

		check_string(words[i].word, found ? found->name : NULL, words[i].name);
	}
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* What stands on a terminal of a width (0: in a pipe), and that it fits where it can. */
TEST(test_text)
{
	static const struct {
		size_t width;
		const char *columns, *want;
	} cases[] = {
		{ 80, NULL,
		  "NAMESPACE        POD               CONTAINER     PROFILE  MEMORY  CGROUPS  DRIFT\n"
		  "ci-team~g-lived  a-very-l~5-x9z7k  0123456789ab  ci            -        -  -\n" },
		{ 0, "id,container",
		  "ID                                                                CONTAINER\n" ID "  " ID "\n" },
		{ 80, "id", "ID\n0123456789ab\n" },
		{ 20, "pod,drift", "POD            DRIFT\na-very~-x9z7k  -\n" },
		{ 1, "pod,id", "POD       ID\na-ve~z7k  0123456~\n" },
	};
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;

	open_machine(
		&tree, &host,
		"proc/\n" C "g/\n" C "g @ {\"v\":1,\"id\":\"" ID
		"\",\"instance\":\"i\",\"handler\":\"h\",\"profile\":\"ci\",\"namespace\":\"ci-team-alpha-long-lived\","
		"\"pod\":\"a-very-long-name-of-a-deployment-7d9f8c6b5-x9z7k\",\"name\":\"\",\"line\":\"policy.ini:7\","
		"\"method\":\"keep\",\"leaf\":\"\",\"since\":1000,\"guarded\":false,\"scope\":false,\"ceilings\":{}}\n");
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct screen screen = { .width = cases[i].width };
		_cleanup_(table_empty) struct table table = { 0 };
		_cleanup_free_ char *text = NULL;
		size_t size;
		FILE *to = open_memstream(&text, &size);

		assert_non_null(to);
		assert_int_equal(table_choose(&table, cases[i].columns, false, &why), 0);
		CHECK("fill", table_fill(&host, &table, &why), NULL);
		assert_true(list_text(&table, &screen, to));
		assert_int_equal(fclose(to), 0);
		check_string(format("row %zu", i), text, cases[i].want);
	}
}

/* The container's own cgroups: in the order of their tree, whatever their names are; nothing above and nothing beside. */
static const char inner_machine[] =
	"proc/\n" C "cgroup.controllers = memory pids\n" C "top/other/\n" C "top/box/b/\n" C "top/box/a/deep/\n" C
	"top/box/a-b/\n" C "top/box/\033x/\n" C "top/box" RECORD("box", "pod", "false", "") C
	"top/box/memory.current = 4096\n" C "top/box/a/memory.current = 1024\n" C "top/box/a/memory.max = 2048\n" C
	"top/box/a/memory.events = low 0\\noom_kill 3\n" C "top/box/a/memory.events.local = oom 1\\noom_kill 2\n" C
	"top/box/a/deep/pids.current = 7\n";

TEST(test_tree)
{
	static const struct {
		const char *columns, *sort, *want;
	} cases[] = {
		{ NULL, NULL,
		  "CGROUP       MEMORY  PIDS  CPU  OOM KILLS  LIMIT HITS\n"
		  "/              4.0K     -    -          -           -\n"
		  "  \\x1bx           -     -    -          -           -\n"
		  "  a       1.0K/2.0K     -    -          3           1\n"
		  "    deep          -     7    -          -           -\n"
		  "  a-b             -     -    -          -           -\n"
		  "  b               -     -    -          -           -\n" },
		{ "pids,cgroup", "-PIDS", "PIDS  CGROUP\n   7  /a/deep\n   -  /" },
	};
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	_cleanup_(found_done) struct found found = FOUND_NONE;

	open_machine(&tree, &host, inner_machine);
	CHECK("find", grant_find(&host, "bo", &found, &why), NULL);
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(table_empty) struct table table = { .inside = &found };
		_cleanup_free_ char *text = NULL;
		size_t size;
		FILE *to = open_memstream(&text, &size);

		assert_non_null(to);
		CHECK("choose", tree_choose(&table, cases[i].columns, false, &why), NULL);
		if (cases[i].sort)
			CHECK("sort", table_sort_by(&table, cases[i].sort, &why), NULL);
		CHECK("fill", table_fill(&host, &table, &why), NULL);
		assert_int_equal(table.n_rows, 6);
		tree_arrange(&table, true);
		assert_true(list_text(&table, &(struct screen) { 0 }, to));
		assert_int_equal(fclose(to), 0);
		if (strncmp(text, cases[i].want, strlen(cases[i].want)) != 0)
			check_string(format("row %zu", i), text, cases[i].want);
	}
}

TEST(test_tree_columns)
{
	static const struct {
		const char *names, *want;
		size_t n;
	} cases[] = {
		{ NULL, NULL, 6 },
		{ "cgroup,SWAP", NULL, 2 },
		{ "+dying", NULL, 7 },
		{ "pod", "the column 'pod' is of a container", 0 },
		{ "+drift", "the column 'drift' is of a container", 0 },
		{ "poot", "there is no column 'poot'", 0 },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct table table = { 0 };

		CHECK(format("row %zu", i), tree_choose(&table, cases[i].names, false, &why), cases[i].want);
		if (!cases[i].want)
			assert_int_equal(table.n_columns, cases[i].n);
	}
}

/* What is said beside a table without rows, and beside one whose numbers nobody has. */
TEST(test_explain)
{
#define UNIFIED "proc/\nsys/fs/cgroup/a/\nsys/fs/cgroup/cgroup.controllers = "
#define HYBRID	"proc/\nsys/fs/cgroup/unified/a/\nsys/fs/cgroup/unified/cgroup.controllers = "
#define NOBODY	"none of the 1 cgroups of this node is delegated; since boot "
	static const struct {
		const char *machine, *runs, *columns, *empty, *missing;
		bool hybrid;
	} cases[] = {
		{ UNIFIED "memory pids\n", "", "memory,pids", NOBODY "no container has asked", "", false },
		{ UNIFIED "memory pids\n", "runs.refuse.budget = ..\nruns.refuse.userns = .\nruns.grant.granted = ....\n",
		  "memory", NOBODY "5 runs of the hook ended without a grant (5 refused), ", "", false },
		{ UNIFIED "memory pids\n", "runs.error.state = .\nruns.pass.x -> /etc/passwd\nrunsx.pass.x = .\n",
		  "memory", NOBODY "2 runs of the hook ended without a grant (2 failed), ", "", false },
		{ UNIFIED "pids\n", "", "id,memory,pids,swap", NOBODY,
		  "MEMORY, SWAP cannot be known: of the controllers, cgroup2 has pids here; look for cgroup_disable=",
		  false },
		{ UNIFIED "\n", "", "pids", NOBODY,
		  "PIDS cannot be known: of the controllers, cgroup2 has none here; look for", false },
		{ UNIFIED "\n", "", "id,cgroups,cpu,memory-pressure", NOBODY, "", false },
		{ HYBRID "hugetlb\n", "", "memory", NOBODY,
		  "MEMORY cannot be known: of the controllers, cgroup2 has hugetlb here; this host is hybrid", true },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree, runs;
		_cleanup_(host_done) struct host host;
		_cleanup_(table_empty) struct table table = { 0 };
		char text[600];

		open_machine(&tree, &host, cases[i].machine);
		if (cases[i].hybrid) { /* both places are in one file system here, of which the first would be taken */
			host.cgroup_fd = close_fd(host.cgroup_fd);
			host.cgroup_fd = openat(host.sys_fd, "fs/cgroup/unified", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		}
		tree_new(&runs, cases[i].runs);
		assert_int_equal(table_choose(&table, cases[i].columns, false, &why), 0);
		CHECK("fill", table_fill(&host, &table, &why), NULL);
		assert_int_equal(table.n_rows, 0);
		(void)table_explain_empty(&table, runs.root, text, sizeof(text));
		if (strncmp(text, cases[i].empty, strlen(cases[i].empty)) != 0)
			check_string(format("row %zu", i), text, cases[i].empty);
		(void)table_explain_missing(&host, &table, text, sizeof(text));
		if (strncmp(text, cases[i].missing, strlen(cases[i].missing)) != 0 || !cases[i].missing[0] != !text[0])
			check_string(format("row %zu", i), text, cases[i].missing);
	}
}
