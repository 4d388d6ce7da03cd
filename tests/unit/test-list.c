/* SPDX-License-Identifier: Apache-2.0 */
/* List: what is shown of each delegated cgroup; every row is read once, and its own cgroup, by however many threads. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/unit/check.h"
#include "tests/unit/fake-guard.h"
#include "tests/unit/list-case.h"

static const char machine[] = "proc/\n" C "system.slice/a.service/cgroup.procs =\n" C "kube/pod1/a/inner/\n" C
			      "kube/x.scope/container/\n" C "kube/later/\n"
	/* Within its ceilings. */
	C "kube/pod1/a" RECORD("a", "p\\u001b[2J\\\"", "false", "\"memory.max\":\"1G\",\"cgroup.max.descendants\":\"64\"")
		C "kube/pod1/a/memory.max = 536870912\n" C "kube/pod1/a/memory.current = 1234567\n" C
		  "kube/pod1/a/cgroup.max.descendants = 64\n" C
		  "kube/pod1/a/cgroup.stat = nr_descendants 7\\nnr_dying_descendants 3\n" C
		  "kube/pod1/a/memory.pressure = some avg10=1.25 avg60=0 avg300=0 total=5\n" C
		  "kube/pod1/a/cpu.max = 150000 100000\n" C
		  "kube/pod1/a/cpu.stat = usage_usec 2500000\\nuser_usec 1\n" C "kube/pod1/a : 100000 100000\n"
	/* Below a delegated cgroup nothing is ours to believe. */
	C "kube/pod1/a/inner" RECORD("fake", "", "false", "")
	/* Above, in both places. */
	C "kube/x.scope/cgroup.max.descendants = 66\n" C
	  "kube/x.scope/container" RECORD("b", "", "true", "\"cgroup.max.descendants\":\"64\",\"pids.max\":\"9\"") C
	"kube/x.scope/container/cgroup.max.descendants = 64\n" C "kube/x.scope/container/pids.max = max\n"
	/* A record that cannot be read, and an attribute that is none of ours. */
	C "kube/later @ {\"v\":7}\n";

static const char *shown(const struct table *table, size_t row, const char *name, char *buf)
{
	for (size_t i = 0; i < table->n_columns; i++)
		if (strcmp(table->columns[i]->name, name) == 0)
			return cell_format(table->columns[i], &table->rows[row].cells[i], buf, 512);
	return "(no such column)";
}

TEST(test_table)
{
	static const struct {
		const char *name, *first, *second, *third; /* sorted by id; nothing known first */
	} cells[] = {
		{ "id", "-", "a", "b" },
		{ "pod", "-", "p\\x1b[2J\"", "-" },
		{ "owner", "0:0", "100000:100000", "0:0" },
		{ "memory", "-", "1.2M/512M", "-" },
		{ "cpu", "-", "2.5s/1.5c", "-" },
		{ "cgroups", "-", "7/64", "-" },
		{ "dying", "-", "3", "-" },
		{ "memory-pressure", "-", "1.25", "-" },
		{ "since", "-", "1970-01-01T00:16:40Z", "1970-01-01T00:16:40Z" },
		{ "guards", "-", "grant missing", "grant missing" },
		{ "guarded", "-", "yes", "yes" },
		{ "refused", "-", "-", "-" },
		{ "drift", "-", "-", "pids.max scope:cgroup.max.descendants" },
		{ "ceilings", "-", "memory.max=1073741824; cgroup.max.descendants=64",
		  "cgroup.max.descendants=64; pids.max=9; scope:cgroup.max.descendants=65; scope:pids.max=9" },
		{ "fault", "attribute trusted.cgdeleg: 'id' is missing, a string was expected", "-", "-" },
	};
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	struct table table = { 0 };
	char buf[512];

	open_machine(&tree, &host, machine);
	assert_int_equal(table_choose(&table, NULL, true, &why), 0);
	assert_int_equal(table_sort_by(&table, "id", &why), 0);
	CHECK("fill", table_fill(&host, &table, &why), NULL);
	assert_int_equal(table.n_rows, 3);
	assert_int_equal(table.n_faults, 1);
	for (size_t i = 0; i < ELEMENTS(cells); i++) {
		check_string(cells[i].name, shown(&table, 0, cells[i].name, buf), cells[i].first);
		check_string(cells[i].name, shown(&table, 1, cells[i].name, buf), cells[i].second);
		check_string(cells[i].name, shown(&table, 2, cells[i].name, buf), cells[i].third);
	}
	table_empty(&table);
	assert_int_equal(table_sort_by(&table, "-dying", &why), 0);
	assert_int_equal(table_fill(&host, &table, &why), 0);
	check_string("most dying", shown(&table, 0, "id", buf), "a");
	table_empty(&table);
}

#define LAST		 "c 10:237 rw a\\x0ab"
#define RULES		 "bpf=4 outside=1"
#define ALL		 .device = true, .grant = true
#define WITHOUT(program) .missing = 1U << GUARD_##program
#define DEVICES		 ",\"devices\":\"c 1:3 rw\""

static const struct guard_case {
	const char *pins, *guarded, *more; /* guarded, more: of the attribute */
	struct fake_guard now;
	const char *guard, *refused, *last, *guard_refused, *rules;
} guard_cases[] = {
	{ "device grant", "true", DEVICES, { 0 }, "device missing, grant missing", "3", LAST, "-", "-" },
	{ "device grant", "false", DEVICES, { .device = true }, "device", "3", LAST, "-", "-" },
	{ "device grant", "true", "", { ALL }, "device, grant", "3", LAST, "5", RULES },
	{ "device grant", "true", "", { .device = true }, "device, grant missing", "3", LAST, "-", "-" },
	{ "device grant", "false", "", { .device = true }, "device", "3", LAST, "-", "-" },
	{ "device grant", "false", "", { 0 }, "none", "3", LAST, "-", "-" },
	{ "device grant", "true", "", { 0 }, "grant missing", "3", LAST, "-", "-" },
	{ "device", "true", "", { .grant = true }, "grant", "3", LAST, "-", "-" },
	/* The kernel has another build's; what they refused is not ours to read. */
	{ "", "true", "", { ALL }, "device, grant", "-", "-", "-", "-" },
	{ "fault", "true", "", { ALL }, "device, grant", "-", "-", "-", "-" },
	{ "device grant", "true", "", { ALL, .fail_query = true }, "-", "3", LAST, "5", RULES },
	/* An older build's, of fewer programs; or one of which some are gone. */
	{ "device grant", "true", "", { ALL, WITHOUT(SETATTR) }, "device, grant incomplete", "3", LAST, "5", RULES },
	{ "", "false", "", { .grant = true, WITHOUT(BPF) }, "grant incomplete", "-", "-", "-", "-" },
};

/* One cgroup, which carries whatever the guards are said to be. */
TEST(test_guards)
{
	for (size_t i = 0; i < ELEMENTS(guard_cases); i++) {
		const struct guard_case *c = &guard_cases[i];
		const char *const want[][2] = { { "guards", c->guard },
						{ "refused", c->refused },
						{ "last-refused", c->last },
						{ "guard-refused", c->guard_refused },
						{ "guard-rules", c->rules } };
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(host_done) struct host host;
		_cleanup_(table_empty) struct table table = { 0 };
		char buf[512];

		open_machine(&tree, &host,
			     format("proc/\n" C "g/\n" C
				    "g" RECORD_OF("g", "", "%s", "false", "", "%s") "sys/fs/bpf/guards = %s\n",
				    c->guarded, c->more, c->pins));
		fake_guard = c->now;
		fake_guard.rules = (struct device_rules) { .ready = DEVICE_GUARD_READY, .refused = 3 };
		fake_guard.rules.refusals[2] =
			(struct device_refusal) { .major = 10, .minor = 237, .type = 2, .access = 6, .comm = "a\nb" };
		fake_guard.counts.refused[GUARD_RULE_BPF] = 4;
		fake_guard.counts.refused[GUARD_RULE_OUTSIDE] = 1;
		assert_int_equal(table_choose(&table, NULL, true, &why), 0);
		CHECK("fill", table_fill(&host, &table, &why), NULL);
		assert_int_equal(table.n_rows, 1);
		for (size_t j = 0; j < ELEMENTS(want); j++)
			check_string(c->pins, shown(&table, 0, want[j][0], buf), want[j][1]);
	}
	fake_guard = (struct fake_guard) { 0 };
}

TEST(test_choose)
{
	static const struct {
		const char *names, *want;
		size_t n;
	} cases[] = {
		{ "id,memory", NULL, 2 },
		{ "memroy", "there is no column 'memroy', did you mean 'memory'?", 0 },
		{ "MEMORY,OOM KILLS,Cgroup_Id", NULL, 3 },
		{ "OOM-KILSL", "there is no column 'OOM-KILSL', did you mean 'oom-kills'?", 0 },
		{ "id,", NULL, 1 },
		{ ",", "no column is given", 0 },
		{ "", "no column is given", 0 },
	};
	struct table plain = { 0 }, more = { 0 }, all = { 0 };

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct table table = { 0 };

		CHECK(cases[i].names, table_choose(&table, cases[i].names, false, &why), cases[i].want);
		if (!cases[i].want)
			assert_int_equal(table.n_columns, cases[i].n);
	}
	assert_int_equal(table_choose(&plain, NULL, false, &why), 0);
	assert_int_equal(table_choose(&more, "+owner,policy", false, &why), 0);
	assert_int_equal(table_choose(&all, NULL, true, &why), 0);
	assert_int_equal(more.n_columns, plain.n_columns + 2);
	assert_int_equal(all.n_columns, n_columns);
	CHECK("sort", table_sort_by(&all, "-nothing", &why), "no column 'nothing'");
	/* Once more than fits. */
	more.n_columns = TABLE_COLUMNS_MAX;
	CHECK("full", table_choose(&more, "id", false, &why), "more than");
}

TEST(test_drift)
{
	static const struct {
		const char *file, *ceiling, *now, *want;
		bool above;
	} cases[] = {
		{ "memory.max", "1024", "1024", NULL, false },
		{ "memory.max", "1024", "1025", NULL, true },
		{ "memory.max", "1024", "max", NULL, true },
		{ "cpu.max", "150000 100000", "75000 50000", NULL, false },
		{ "cpu.max", "150000 100000", "75001 50000", NULL, true },
		{ "cpuset.cpus", "0-3", "0-3", NULL, false },
		{ "cpuset.cpus", "0-3", "", NULL, true },
		{ "io.max", "8:0 rbps=5 wbps=max riops=max wiops=max", "8:0 rbps=4 wbps=1", NULL, false },
		{ "io.max", "8:0 rbps=5 wbps=max riops=max wiops=max", "8:16 rbps=4", NULL, true },
		{ "pids.max", "9", "many", "cannot read 'pids.max'", false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(inspect_done) struct inspect inspect = INSPECT_CLOSED;
		struct ceiling ceiling = { .type = limit_type_find(cases[i].file), .file = cases[i].file };
		const struct attribute attribute = { .ceilings = &ceiling, .n_ceilings = 1 };
		struct limit_state limit = { 0 };

		assert_int_equal(inspect_open(-EBADF, -EBADF, 1, &attribute, &inspect, &why), 0);
		assert_int_equal(limit_parse(ceiling.type, cases[i].ceiling, &inspect.arena, &ceiling.value, NULL), 0);
		assert_true(inspect_next(&inspect, &limit));
		CHECK(cases[i].ceiling, inspect_compare(&inspect, &limit, cases[i].now, &why), cases[i].want);
		assert_int_equal(limit.above, cases[i].above);
		assert_false(inspect_next(&inspect, &limit));
	}
}

#define ROWS 500

static int n_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Each row has the number and the path of its own cgroup, and no descriptor stays open. */
static void fill_and_check(void)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	_cleanup_(table_empty) struct table table = { 0 };
	int before;

	open_machine(&tree, &host, "proc/\n" C "0/\n");
	for (int i = 0; i < ROWS; i++) {
		tree_edit(&tree, format(C "%d/" RECORD("%d", "", "false", "") C "%d/pids.current = %d\n", i, i, i, i + 7));
	}
	before = n_descriptors();
	assert_int_equal(table_choose(&table, "pids,cgroup,id", false, &why), 0);
	assert_int_equal(table_sort_by(&table, "pids", &why), 0);
	CHECK("fill", table_fill(&host, &table, &why), NULL);
	assert_int_equal(n_descriptors(), before);
	assert_int_equal(table.n_rows, ROWS);
	for (int i = 0; i < ROWS; i++) {
		const struct cell *cells = table.rows[i].cells;
		char path[16];

		(void)snprintf(path, sizeof(path), "/%d", i);
		assert_int_equal(cells[0].number, i + 7);
		check_string("path", cells[1].text, path);
		check_string("id", cells[2].text, path + 1);
	}
}

TEST(test_threads)
{
	fill_and_check();
}

TEST(test_one_processor)
{
	cpu_set_t all, one;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	fill_and_check();
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

/* Without a descriptor to spare no row is lost: the walking thread reads it. */
TEST(test_few_descriptors)
{
	struct rlimit limit, few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = (struct rlimit) { .rlim_cur = 128, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	fill_and_check();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Which grants have host ids in common: told of both, whatever the rows are sorted by. */
TEST(test_shared)
{
#define GRANT_OF(name, ids) C name "/\n" C name RECORD_OF(name, "", "false", "false", "", ids)
#define HAS(uids, gids)	    ",\"uids\":\"" uids "\",\"gids\":\"" gids "\""
	static const struct {
		const char *id, *uids, *shared;
		uint64_t n;
	} rows[] = {
		{ "a", "100-199", "b and 1 more", 2 },
		{ "b", "150-159", "a", 1 },
		{ "c", "1-5 200-299", "-", 0 },
		{ "d", "900-909", "a", 1 },
		{ "e", "-", "-", 0 },
	};
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	_cleanup_(table_empty) struct table table = { 0 };
	char buf[512];

	open_machine(&tree, &host,
		     "proc/\n" GRANT_OF("e", "") GRANT_OF("d", HAS("900-909", "105-105"))
			     GRANT_OF("c", HAS("1-5 200-299", "7-7")) GRANT_OF("b", HAS("150-159", "300-309"))
				     GRANT_OF("a", HAS("100-199", "100-199")));
	assert_int_equal(table_choose(&table, "id,uids,shared", false, &why), 0);
	assert_int_equal(table_sort_by(&table, "id", &why), 0);
	CHECK("fill", table_fill(&host, &table, &why), NULL);
	assert_int_equal(table.n_rows, ELEMENTS(rows));
	assert_int_equal(table.sharers.n_sharing, 3);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		check_string("id", shown(&table, i, "id", buf), rows[i].id);
		check_string("uids", shown(&table, i, "uids", buf), rows[i].uids);
		if (strcmp(rows[i].id, "a") == 0) /* whichever the walk met first */
			assert_non_null(strstr(shown(&table, i, "shared", buf), " and 1 more"));
		else
			check_string(rows[i].id, shown(&table, i, "shared", buf), rows[i].shared);
		assert_int_equal(table.rows[i].cells[2].number, rows[i].n);
	}
	assert_true(sharers_describe(&table.sharers, buf, sizeof(buf)));
	assert_non_null(strstr(buf, "3 containers with a grant share host ids, among them "));
}

/* A file whose controller the hierarchy does not have is not looked for. */
TEST(test_controllers)
{
	static const struct {
		const char *controllers, *pids;
	} cases[] = {
		{ "", "1" },
		{ C "cgroup.controllers = cpu pids io\n", "1" },
		{ C "cgroup.controllers = cpu io\n", "-" },
		{ C "cgroup.controllers =\n", "-" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(host_done) struct host host;
		_cleanup_(table_empty) struct table table = { 0 };
		char buf[512];

		open_machine(&tree, &host,
			     "proc/\n" C "g/\n" C "g" RECORD("g", "", "false", "") C
			     "g/pids.current = 1\n" C "g/cgroup.stat = nr_dying_descendants 2\n" C
			     "g/memory.pressure = some avg10=1.25\n");
		tree_edit(&tree, cases[i].controllers);
		assert_int_equal(table_choose(&table, "pids,dying,memory-pressure", false, &why), 0);
		CHECK("fill", table_fill(&host, &table, &why), NULL);
		check_string(cases[i].controllers, shown(&table, 0, "pids", buf), cases[i].pids);
		check_string(cases[i].controllers, shown(&table, 0, "dying", buf), "2");
		check_string(cases[i].controllers, shown(&table, 0, "memory-pressure", buf), "1.25");
	}
}
