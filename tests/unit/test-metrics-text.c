/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics: the two formats, the table, and labels that no other grant has. With CGDELEG_METRICS set to a directory, what
 * watch and list write of a busy machine goes there, for tests/metrics/run.
 */
#include <sys/stat.h>
#include <time.h>

#include "tests/unit/metrics-stage.h"

/* Every family of a verb once, with the table's words, whatever the machine is like; and no other. */
static void check_families(const char *text, unsigned verb, enum metric_format form)
{
	size_t n = 0, expected = 0;

	for (const char *at = text; (at = strstr(at, "# TYPE ")) != NULL; at++)
		n++;
	for (size_t i = 0; i < METRICS; i++) {
		const struct metric *m = &metrics[i];
		const size_t cut = form == METRIC_OPENMETRICS && m->type == METRIC_COUNTER ? strlen("_total") : 0;
		const int len = (int)(strlen(m->name) - cut);
		const char *type = m->type == METRIC_COUNTER ? "counter" : "gauge", *head;

		head = format("# HELP %.*s %s\n# TYPE %.*s %s\n%s", len, m->name, m->help, len, m->name, type,
			      form == METRIC_OPENMETRICS && m->unit[0] ? format("# UNIT %.*s %s\n", len, m->name, m->unit)
								       : "");
		expected += (m->verbs & verb) != 0;
		if (!strstr(text, head) != !(m->verbs & verb))
			fail_msg("%s: its head is %s", m->name, m->verbs & verb ? "missing" : "there");
	}
	assert_int_equal(n, expected);
}

TEST_AS_ROOT(test_families)
{
	static const struct state states[] = { { "", NULL, NULL }, { GRANT SHARING, NULL, NULL } };

	for (size_t i = 0; i < ELEMENTS(states) * 4; i++) {
		const unsigned verb = i % 2 ? LIST : WATCH;
		const enum metric_format form = i / 2 % 2 ? METRIC_OPENMETRICS : METRIC_PROMETHEUS;
		_cleanup_(scene_close) struct scene s;
		_cleanup_free_ char *text = NULL;
		const char *end;

		stage_begin(&s, &states[i / 4]);
		text = stage_write(&s, verb, form);
		check_families(text, verb, form);
		end = strstr(text, "# EOF");
		assert_true(form == METRIC_OPENMETRICS ? end && strcmp(end, "# EOF\n") == 0 : !end);
	}
}

/* What a collector asks of a name, and what the manual page and the exporters take for granted. */
TEST(test_table)
{
	for (size_t i = 0; i < METRICS; i++) {
		const struct metric *m = &metrics[i];
		const size_t len = strlen(m->name);
		const bool total = len > 6 && strcmp(m->name + len - 6, "_total") == 0;
		const char *base = format("%.*s", (int)(len - (total ? 6 : 0)), m->name);
		const size_t base_len = strlen(base), unit_len = strlen(m->unit);
		size_t n_labels = m->labels[0] != '\0';

		if (strncmp(m->name, "cgdeleg_", 8) != 0 || total != (m->type == METRIC_COUNTER))
			fail_msg("%s: its name", m->name);
		if (unit_len > 0 && strcmp(base + base_len - unit_len, m->unit) != 0)
			fail_msg("%s: its unit is not the name's last word", m->name);
		for (const char *c = m->labels; *c; c++)
			n_labels += *c == ' ';
		if (n_labels > METRIC_LABELS_MAX || strpbrk(m->help, "\\\n") || m->help[strlen(m->help) - 1] != '.')
			fail_msg("%s: its labels or its help", m->name);
		for (size_t k = 0; k < i; k++)
			if (strcmp(m->name, metrics[k].name) == 0 || strcmp(m->help, metrics[k].help) == 0)
				fail_msg("%s: twice", m->name);
		/* Both verbs' files are read together. */
		if (m->verbs == (WATCH | LIST) && !strstr(m->labels, "verb"))
			fail_msg("%s: written twice, and no label tells by whom", m->name);
	}
}

TEST(test_tell_apart)
{
	struct metric_grant grants[] = {
		{ .values = { "n", "p", "c", "h", "s", "one" }, .cgroup_id = 1 },
		{ .values = { "n", "p", "c", "h", "s", "two" }, .cgroup_id = 2 },
		{ .values = { "n", "p", "c", "h", "s", "two" }, .cgroup_id = 3 },
		{ .values = { NULL, NULL, NULL, NULL, NULL, NULL }, .cgroup_id = 4 },
		{ .values = { "n", "p", "c", "h", "s", format("%0200d", 7) }, .cgroup_id = 5 },
		{ .values = { "n", "p", "c", "h", "s", "tw" }, .cgroup_id = 6 },
	};
	const char *const want[] = { "one", "two@2", "two@3", "@4", format("%0128d@5", 0), "tw" };

	metric_grants_tell_apart(grants, ELEMENTS(grants));
	for (size_t i = 0; i < ELEMENTS(grants); i++) {
		check_string("id", grants[i].values[5], want[i]);
		assert_non_null(grants[i].values[0]);
	}
	metric_grants_tell_apart(grants, 0);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		n++;
	return n;
}

/* Of the first thousand grants there are samples; the others count all the same. */
TEST_AS_ROOT(test_left_out)
{
	static const struct state one = { GRANT "policy/policy.ini = \n", NULL, NULL };
	_cleanup_(scene_close) struct scene s;
	_cleanup_free_ char *before = NULL, *after = NULL;

	stage_begin(&s, &one);
	before = stage_write(&s, WATCH | LIST, METRIC_PROMETHEUS);
	for (int i = 0; i < METRIC_GRANTS_MAX + 2; i++)
		tree_edit(&s.tree,
			  format(C "many%d/\n" C "many%d" WHO("many", "false", "3", "\"cgroup.max.descendants\":\"2\""),
				 i, i));
	scene_sweep(&s);
	after = stage_write(&s, WATCH | LIST, METRIC_PROMETHEUS);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "\ncgdeleg_drift{" : "\ncgdeleg_watch_verified_age_seconds{";
		const char *left_out = format("\ncgdeleg_grants_left_out{verb=\"%s\"}", i ? "list" : "watch");

		assert_int_equal(count(before, name), 1);
		assert_non_null(strstr(before, format("%s 0\n", left_out)));
		assert_int_equal(count(after, name), METRIC_GRANTS_MAX);
		assert_non_null(strstr(after, format("%s 3\n", left_out)));
	}
	assert_non_null(strstr(after, format("\ncgdeleg_grants %d\n", METRIC_GRANTS_MAX + 3)));
	assert_non_null(strstr(after, format("\ncgdeleg_watch_grants %d\n", METRIC_GRANTS_MAX + 3)));
	assert_non_null(strstr(after, format("\ncgdeleg_budget_descendants_used{section=\"defaults\",namespace=\"\"} %d\n",
					     64 + 2 * (METRIC_GRANTS_MAX + 2))));
}

/* Prometheus' own judgement, where it is installed. */
static void promtool(const char *text)
{
	FILE *to = popen("promtool check metrics", "w");

	assert_non_null(to);
	fputs(text, to);
	assert_int_equal(pclose(to), 0);
}

static void save(const char *directory, const char *name, const char *text)
{
	FILE *to = fopen(format("%s/%s", directory, name), "w");

	assert_non_null(to);
	fputs(text, to);
	assert_int_equal(fclose(to), 0);
}

#define LINE(file, text) BOX "/" file " = " text "\n"
#define TIGHT                                                                                                  \
	"policy/policy.ini = [handler runc-ci]\\nengine = containerd\\nper = namespace\\nmax_delegated = 2\\n" \
	"budget.memory.max = 2G\\nbudget.pids.max = 201\\nbudget.cpu.max = 4\n"

/* A pod with a grant, beside another that has host ids of it; then too much of everything. */
#define QUIET                                                                                                     \
	TIGHT "sys/fs/bpf/guards = device grant\n" GUARDED SHARING LINE("memory.current", "100000000")            \
		LINE("memory.swap.current", "0") LINE("memory.swap.max", "1000000") LINE("pids.current", "7")     \
			LINE("cpu.stat", "usage_usec 1000000") LINE("memory.pressure", "some avg10=0.00 avg60=0") \
				LINE("cpu.pressure", "some avg10=0.00 avg60=0") LINE("io.pressure",               \
										     "some avg10=0.00 avg60=0")   \
					LINE("memory.events", "low 0\\noom 0\\noom_kill 0")                       \
						LINE("cgroup.max.depth", "4") "run/runs.grant.handler-grants = .\n"
#define BUSY                                                                                    \
	QUIET LINE("memory.current", "1000000000") LINE("cpu.stat", "usage_usec 9000000") LINE( \
		"memory.pressure", "some avg10=25.00 avg60=0")                                  \
		LINE("memory.events",                                                           \
		     "low 0\\noom 9\\noom_kill 9") "run/runs.grant.handler-grants = ....\nrun/runs.refuse.budget = ....\nrun/runs.error.state = ..\n"

/* Drift, which only a sweep puts back; and refusals. */
static void be_busy(struct scene *s)
{
	scene_write(s, BOX "/memory.max", "2147483648");
	fake_guard.rules.refused = 3;
	fake_guard.counts.refused[GUARD_RULE_BPF] = 4;
}

TEST_AS_ROOT(test_promtool)
{
	static const struct state states[] = { { QUIET, NULL, NULL }, { BUSY, be_busy, NULL } };
	static const char *const names[] = { "quiet", "busy" };
	const char *directory = getenv("CGDELEG_METRICS");

	if (!directory && access("/usr/bin/promtool", X_OK) < 0)
		skip();
	for (size_t i = 0; i < ELEMENTS(states); i++) {
		_cleanup_(scene_close) struct scene s;
		_cleanup_free_ char *watch = NULL, *list = NULL;

		stage_begin(&s, &states[i]);
		stage_swept_us = (int64_t)time(NULL) * 1000000;
		watch = stage_write(&s, WATCH, METRIC_PROMETHEUS);
		list = stage_write(&s, LIST, METRIC_PROMETHEUS);
		promtool(watch);
		promtool(list);
		if (!directory)
			continue;
		assert_int_equal(mkdir(format("%s/%s", directory, names[i]), 0755), 0);
		save(directory, format("%s/cgdeleg-watch.prom", names[i]), watch);
		save(directory, format("%s/cgdeleg-list.prom", names[i]), list);
	}
}
