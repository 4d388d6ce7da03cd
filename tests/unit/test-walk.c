/* SPDX-License-Identifier: Apache-2.0 */
/* Grants: which cgroups are delegated, what is told of them, and what has drifted. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgdeleg/node/inspect.h"
#include "cgdeleg/kernel/walk.h"
#include "cgdeleg/cli/list-table.h"
#include "tests/unit/check.h"
#include "tests/unit/fake-guard.h"
#include "tests/unit/tree.h"

#define C "sys/fs/cgroup/"
#define RECORD(id, pod, scope, ceilings)                                                         \
	" @ {\"v\":1,\"id\":\"" id "\",\"instance\":\"i\",\"handler\":\"h\",\"profile\":\"ci\"," \
	"\"namespace\":\"n\",\"pod\":\"" pod "\",\"name\":\"c\",\"line\":\"policy.ini:7\","      \
	"\"method\":\"keep\",\"leaf\":\"\",\"since\":1000,\"guarded\":true,\"scope\":" scope     \
	",\"ceilings\":{" ceilings "}}\n"

static const char machine[] =
	"proc/\n" C "system.slice/a.service/cgroup.procs =\n" C "kube/pod1/a/inner/\n" C "kube/x.scope/container/\n" C
	"kube/later/\n"
	/* Within its ceilings. */
	C
	"kube/pod1/a" RECORD("a", "p\\u001b[2J\\\"", "false", "\"memory.max\":\"1G\",\"cgroup.max.descendants\":\"64\"")
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

struct noted {
	size_t n;
	char ids[64];
	char paths[256];
	char faults[256];
};

static void append(char *to, size_t size, const char *text)
{
	size_t used = strlen(to);

	(void)snprintf(to + used, size - used, "%s", text);
}

static int note(struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct noted *noted = userdata;

	(void)err;
	assert_true(fcntl(fd, F_GETFD) >= 0);
	noted->n++;
	append(noted->ids, sizeof(noted->ids), grant->attribute.id);
	append(noted->paths, sizeof(noted->paths), grant->path);
	append(noted->faults, sizeof(noted->faults), grant->fault.text);
	return 0;
}

static int stop(struct grant *grant, int fd, void *userdata, struct err *err)
{
	(void)grant;
	(void)fd;
	(void)userdata;
	return err_set(err, EINTR, "enough");
}

static void skip_unless_root(void)
{
	if (geteuid() != 0)
		skip(); /* attributes in the trusted namespace */
}

static void open_machine(struct tree *tree, struct host *host)
{
	tree_new(tree);
	tree_edit(tree, machine);
	tree_host(tree, host);
}

static void test_walk(void **state)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	struct noted noted = { 0 };
	struct grants_seen seen;
	struct err err = { 0 };

	(void)state;
	skip_unless_root();
	open_machine(&tree, &host);
	check_result("walk", grants_walk(&host, note, &noted, &seen, &err), &err, NULL);
	assert_int_equal(noted.n, 3);
	assert_int_equal(seen.n_grants, 3);
	assert_int_equal(seen.n_passed, 0);
	/* kube, pod1, a, x.scope, container, later, system.slice, a.service: not "inner". */
	assert_int_equal(seen.n_cgroups, 8);
	assert_non_null(strstr(noted.paths, "/kube/pod1/a"));
	assert_non_null(strstr(noted.paths, "/kube/x.scope/container"));
	assert_null(strstr(noted.ids, "fake"));
	assert_non_null(strstr(noted.faults, "missing"));
	check_result("visitor's error", grants_walk(&host, stop, NULL, NULL, &err), &err, "enough");
}

/* A chain that is deeper than anything real is passed over, and counted. */
static void test_deep(void **state)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	struct grants_seen seen;
	struct err err = { 0 };
	char path[1024] = C "deep/";

	(void)state;
	tree_new(&tree);
	tree_edit(&tree, "proc/\n");
	for (int i = 0; i < GRANT_DEPTH_MAX + 3; i++)
		append(path, sizeof(path), "d/");
	tree_edit(&tree, path);
	tree_host(&tree, &host);
	check_result("walk", grants_walk(&host, stop, NULL, &seen, &err), &err, NULL);
	assert_int_equal(seen.n_passed, 1);
	assert_int_equal(seen.n_cgroups, GRANT_DEPTH_MAX);
}

static void test_open(void **state)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	_cleanup_close_ int fd = -EBADF;
	struct stat st, again;

	(void)state;
	tree_new(&tree);
	tree_edit(&tree, "proc/\n" C "a/b/c/\n" C "a/b/d/\n");
	tree_host(&tree, &host);
	assert_int_equal(fstatat(tree.fd, C "a/b/c", &st, 0), 0);
	fd = grant_open(&host, st.st_ino);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &again), 0);
	assert_int_equal(again.st_ino, st.st_ino);
	tree_edit(&tree, "- " C "a/b/c\n");
	assert_int_equal(grant_open(&host, st.st_ino), -ESTALE);
}

static const char *shown(const struct table *table, size_t row, const char *name, char *buf)
{
	for (size_t i = 0; i < table->n_columns; i++)
		if (strcmp(table->columns[i]->name, name) == 0)
			return cell_format(table->columns[i], &table->rows[row].cells[i], buf, 512);
	return "(no such column)";
}

static void test_table(void **state)
{
	static const struct {
		const char *name, *first, *second, *third; /* sorted by id; nothing known first */
	} cells[] = {
		{ "id", "-", "a", "b" },
		{ "pod", "-", "p\\x1b[2J\"", "-" },
		{ "owner", "0:0", "100000:100000", "0:0" },
		{ "memory", "-", "1.2M/512M", "-" },
		{ "cpu", "-", "2.5s/1.5c", "-" },
		{ "descendants", "-", "7/64", "-" },
		{ "dying", "-", "3", "-" },
		{ "memory-pressure", "-", "1.25", "-" },
		{ "since", "-", "1970-01-01T00:16:40Z", "1970-01-01T00:16:40Z" },
		{ "guard", "-", "grant missing", "grant missing" },
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
	struct err err = { 0 };
	char buf[512];

	(void)state;
	skip_unless_root();
	open_machine(&tree, &host);
	assert_int_equal(table_choose(&table, NULL, true, &err), 0);
	assert_int_equal(table_sort_by(&table, "id", &err), 0);
	check_result("fill", table_fill(&host, &table, &err), &err, NULL);
	assert_int_equal(table.n_rows, 3);
	assert_int_equal(table.n_faults, 1);
	for (size_t i = 0; i < ELEMENTS(cells); i++) {
		check_string(cells[i].name, shown(&table, 0, cells[i].name, buf), cells[i].first);
		check_string(cells[i].name, shown(&table, 1, cells[i].name, buf), cells[i].second);
		check_string(cells[i].name, shown(&table, 2, cells[i].name, buf), cells[i].third);
	}
	table_empty(&table);
	assert_int_equal(table_sort_by(&table, "-dying", &err), 0);
	assert_int_equal(table_fill(&host, &table, &err), 0);
	check_string("most dying", shown(&table, 0, "id", buf), "a");
	table_empty(&table);
}

static const struct guard_case {
	const char *pins, *guarded;
	bool device, grant, unanswered;
	const char *guard, *refused, *last, *guard_refused, *rules;
	const char *devices; /* more of the record */
	unsigned missing;    /* of the grant guard's programs */
} guard_cases[] = {
	{ "device grant", "true", false, false, false, "device missing, grant missing", "3", "c 10:237 rw a\\x0ab", "-",
	  "-", ",\"devices\":\"c 1:3 rw\"", 0 },
	{ "device grant", "false", true, false, false, "device", "3", "c 10:237 rw a\\x0ab", "-", "-",
	  ",\"devices\":\"c 1:3 rw\"", 0 },
	{ "device grant", "true", true, true, false, "device, grant", "3", "c 10:237 rw a\\x0ab", "5",
	  "bpf=4 outside=1", NULL, 0 },
	{ "device grant", "true", true, false, false, "device, grant missing", "3", "c 10:237 rw a\\x0ab", "-", "-",
	  NULL, 0 },
	{ "device grant", "false", true, false, false, "device", "3", "c 10:237 rw a\\x0ab", "-", "-", NULL, 0 },
	{ "device grant", "false", false, false, false, "none", "3", "c 10:237 rw a\\x0ab", "-", "-", NULL, 0 },
	{ "device grant", "true", false, false, false, "grant missing", "3", "c 10:237 rw a\\x0ab", "-", "-", NULL, 0 },
	{ "device", "true", false, true, false, "grant", "3", "c 10:237 rw a\\x0ab", "-", "-", NULL, 0 },
	/* The kernel has another build's; what they refused is not ours to read. */
	{ "", "true", true, true, false, "device, grant", "-", "-", "-", "-", NULL, 0 },
	{ "fault", "true", true, true, false, "device, grant", "-", "-", "-", "-", NULL, 0 },
	{ "device grant", "true", true, true, true, "-", "3", "c 10:237 rw a\\x0ab", "5", "bpf=4 outside=1", NULL, 0 },
	/* An older build's, of fewer programs; or one of which some are gone. */
	{ "device grant", "true", true, true, false, "device, grant incomplete", "3", "c 10:237 rw a\\x0ab", "5",
	  "bpf=4 outside=1", NULL, 1U << GUARD_SETATTR },
	{ "", "false", false, true, false, "grant incomplete", "-", "-", "-", "-", NULL, 1U << GUARD_BPF },
};

/* One cgroup, which carries whatever the guards are said to be. */
static void test_guards(void **state)
{
	(void)state;
	skip_unless_root();
	for (size_t i = 0; i < ELEMENTS(guard_cases); i++) {
		const struct guard_case *c = &guard_cases[i];
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(host_done) struct host host;
		struct table table = { 0 };
		struct err err = { 0 };
		char edits[1024], buf[512];

		tree_new(&tree);
		(void)snprintf(edits, sizeof(edits),
			       "proc/\n" C "g/\n" C "g @ {\"v\":1,\"id\":\"g\",\"instance\":\"i\","
			       "\"handler\":\"h\",\"profile\":\"\",\"namespace\":\"\",\"pod\":\"\","
			       "\"name\":\"\",\"line\":\"l\",\"method\":\"keep\",\"leaf\":\"\","
			       "\"since\":1,\"guarded\":%s,\"scope\":false,\"ceilings\":{}%s}\n"
			       "sys/fs/bpf/guards = %s\n",
			       c->guarded, c->devices ? c->devices : "", c->pins);
		tree_edit(&tree, edits);
		tree_host(&tree, &host);
		fake_guard = (struct fake_guard) {
			.device = c->device,
			.grant = c->grant,
			.missing = c->missing,
			.fail_query = c->unanswered,
			.rules = { .ready = DEVICE_GUARD_READY, .refused = 3 },
			.counts.refused = { [GUARD_RULE_BPF] = 4, [GUARD_RULE_OUTSIDE] = 1 },
		};
		fake_guard.rules.refusals[2] =
			(struct device_refusal) { .major = 10, .minor = 237, .type = 2, .access = 6, .comm = "a\nb" };
		assert_int_equal(table_choose(&table, NULL, true, &err), 0);
		check_result("fill", table_fill(&host, &table, &err), &err, NULL);
		assert_int_equal(table.n_rows, 1);
		check_string(c->pins, shown(&table, 0, "guard", buf), c->guard);
		check_string(c->pins, shown(&table, 0, "refused", buf), c->refused);
		check_string(c->pins, shown(&table, 0, "last-refused", buf), c->last);
		check_string(c->pins, shown(&table, 0, "guard-refused", buf), c->guard_refused);
		check_string(c->pins, shown(&table, 0, "guard-rules", buf), c->rules);
		table_empty(&table);
	}
	fake_guard = (struct fake_guard) { 0 };
}

static void test_choose(void **state)
{
	static const struct {
		const char *names, *want;
		size_t n;
	} cases[] = {
		{ "id,memory", NULL, 2 },
		{ "memroy", "there is no column 'memroy', did you mean 'memory'?", 0 },
		{ "id,", NULL, 1 },
		{ ",", "no column is named", 0 },
		{ "", "no column is named", 0 },
	};
	struct table plain = { 0 }, more = { 0 }, all = { 0 };
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct table table = { 0 };

		check_result(cases[i].names, table_choose(&table, cases[i].names, false, &err), &err, cases[i].want);
		if (!cases[i].want)
			assert_int_equal(table.n_columns, cases[i].n);
	}
	assert_int_equal(table_choose(&plain, NULL, false, &err), 0);
	assert_int_equal(table_choose(&more, "+owner,line", false, &err), 0);
	assert_int_equal(table_choose(&all, NULL, true, &err), 0);
	assert_int_equal(more.n_columns, plain.n_columns + 2);
	assert_int_equal(all.n_columns, n_columns);
	check_result("sort", table_sort_by(&all, "-nothing", &err), &err, "no column 'nothing'");
	/* Once more than fits. */
	more.n_columns = TABLE_COLUMNS_MAX;
	check_result("full", table_choose(&more, "id", false, &err), &err, "more than");
}

static void test_drift(void **state)
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

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(inspect_done) struct inspect inspect = INSPECT_CLOSED;
		struct ceiling ceiling = { .type = limit_type_find(cases[i].file) };
		const struct attribute attribute = { .ceilings = &ceiling, .n_ceilings = 1 };
		struct limit_state limit = { 0 };
		struct err err = { 0 };

		(void)snprintf(ceiling.file, sizeof(ceiling.file), "%s", cases[i].file);
		assert_int_equal(inspect_open(-EBADF, 1, &attribute, &inspect, &err), 0);
		assert_int_equal(limit_parse(ceiling.type, cases[i].ceiling, &inspect.arena, &ceiling.value, NULL), 0);
		assert_true(inspect_next(&inspect, &limit));
		check_result(cases[i].ceiling, inspect_compare(&inspect, &limit, cases[i].now, &err), &err,
			     cases[i].want);
		assert_int_equal(limit.above, cases[i].above);
		assert_false(inspect_next(&inspect, &limit));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),  cmocka_unit_test(test_deep),   cmocka_unit_test(test_open),
		cmocka_unit_test(test_table), cmocka_unit_test(test_guards), cmocka_unit_test(test_choose),
		cmocka_unit_test(test_drift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
