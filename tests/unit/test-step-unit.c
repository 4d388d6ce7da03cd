/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The step through systemd: what systemd is asked for, that nothing ends up above what it was, and that all is
 * taken back. A systemd stands in for systemd_set() that, as the real one, writes every file of the unit
 * with what it remembers whenever it is asked for anything.
 */
#include <errno.h>
#include <fcntl.h>

#include "cgdeleg/grant/step.h"
#include "cgdeleg/kernel/systemd.h"
#include "tests/unit/check.h"
#include "tests/unit/decision.h"
#include "tests/unit/fake-kernel.h"
#include "tests/unit/tree.h"

enum fault {
	FAULT_NONE,
	FAULT_REFUSES,	    /* says no */
	FAULT_HANGS,	    /* never answers */
	FAULT_ANSWERS_LATE, /* does it, and is heard too late */
	FAULT_LIES,	    /* says yes, does nothing */
};

/* What systemd remembers: a word of each property, and in which file it ends up. */
static struct memory {
	const char *property, *file, *unset;
	char value[128];
} memory[] = {
	{ "MemoryMax", "memory.max", "max", "" }, { "MemoryHigh", "memory.high", "max", "" },
	{ "TasksMax", "pids.max", "max", "" },	  { "CPUQuotaPerSecUSec", "cpu.max", "max 100000", "" },
	{ "AllowedCPUs", "cpuset.cpus", "", "" }, { "IOReadBandwidthMax", "io.max", "", "" },
};

static struct {
	struct tree *tree;
	enum fault fault, undo_fault;
	int n_calls;
	char words[1024]; /* the words of the last call */
} systemd;

int __wrap_systemd_set(const char *helpers, const char *unit, const struct unit_words *words, int64_t deadline_ms,
		       struct err *err);

static void remember(const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < ELEMENTS(memory); i++)
		if (strlen(memory[i].property) == len && strncmp(memory[i].property, word, len) == 0)
			(void)snprintf(memory[i].value, sizeof(memory[i].value), "%s",
				       strcmp(word + len + 1, "infinity") == 0 ? "" : word + len + 1);
}

/* As the kernel would show it; of io.max's four only the first. */
static void show(const struct memory *m, char *buf, size_t size)
{
	char device[32], number[32];
	unsigned long long second;

	if (!m->value[0]) {
		(void)snprintf(buf, size, "%s", m->unset);
	} else if (strcmp(m->file, "cpu.max") == 0) {
		second = strtoull(m->value, NULL, 10);
		(void)snprintf(buf, size, "%llu 100000", second / 10);
	} else if (sscanf(m->value, "%31s %31s", device, number) == 2) {
		if (strcmp(number, "infinity") == 0)
			buf[0] = '\0';
		else
			(void)snprintf(buf, size, "%s rbps=%s wbps=max riops=max wiops=max", device, number);
	} else {
		(void)snprintf(buf, size, "%s", m->value);
	}
}

static void write_files(void)
{
	for (size_t i = 0; i < ELEMENTS(memory); i++) {
		char text[160];

		if (tree_get(systemd.tree, format("unit/%s", memory[i].file))[0] == '(')
			continue; /* a controller that is not there */
		show(&memory[i], text, sizeof(text));
		tree_edit(systemd.tree, format("unit/%s =%s%s", memory[i].file, *text ? " " : "", text));
	}
}

int __wrap_systemd_set(const char *helpers, const char *unit, const struct unit_words *words, int64_t deadline_ms,
		       struct err *err)
{
	const enum fault fault = systemd.n_calls++ == 0 ? systemd.fault : systemd.undo_fault;

	assert_non_null(helpers);
	(void)deadline_ms;
	check_string("unit", unit, "x.scope");
	systemd.words[0] = '\0';
	for (size_t i = 0; i < words->n; i++)
		(void)snprintf(systemd.words + strlen(systemd.words), sizeof(systemd.words) - strlen(systemd.words),
			       "%s%s", i ? ", " : "", words->words[i]);
	if (fault == FAULT_REFUSES)
		return err_set(err, EPERM, "systemd refuses: a reason");
	if (fault == FAULT_HANGS)
		return err_set(err, ETIMEDOUT, "systemd did not answer in time");
	if (fault == FAULT_LIES)
		return 0;
	for (size_t i = 0; i < words->n; i++)
		remember(words->words[i]);
	write_files();
	return fault == FAULT_ANSWERS_LATE ? err_set(err, ETIMEDOUT, "did not answer in time") : 0;
}

/* A decision with pairs of file and value as ceilings, and the run and undo of its unit step. */
struct stage {
	struct tree tree;
	struct host host;
	struct target target;
	struct decision decision;
	struct plan plan;
	struct apply apply;
	struct undo undo;
	struct err err;
};

static void stage_new(struct stage *s, const char *files, const char *const *ceilings)
{
	static const struct facts facts = { .unit = "x.scope", .mount = MOUNT_READONLY };

	*s = (struct stage) { .host = HOST_CLOSED };
	target_init(&s->target);
	kernel = (struct kernel) { 0 };
	systemd.tree = &s->tree;
	systemd.n_calls = 0;
	systemd.fault = systemd.undo_fault = FAULT_NONE;
	for (size_t i = 0; i < ELEMENTS(memory); i++)
		memory[i].value[0] = '\0';
	tree_new(&s->tree, "proc/self/ns/mnt = mnt:[1]\nsys/fs/cgroup/");
	tree_edit(&s->tree, files);
	tree_host(&s->tree, &s->host);
	s->target.cgroup_fd = openat(s->tree.fd, "unit", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->decision.verdict = VERDICT_GRANT;
	for (; *ceilings; ceilings += 2)
		decision_add_ceiling(&s->decision, ceilings[0], ceilings[1]);
	assert_int_equal(plan_build(&s->decision, &facts, &s->target, &s->plan, &s->err), 0);
	assert_int_equal(s->plan.steps[1].kind, STEP_UNIT);
	s->apply = (struct apply) { .host = &s->host, .target = &s->target };
	s->undo.step = &s->plan.steps[1];
}

static void stage_done(struct stage *s)
{
	unit_change_free(s->undo.unit);
	target_done(&s->target);
	host_done(&s->host);
	tree_free(&s->tree);
}

static int stage_run(struct stage *s)
{
	return unit_run(&s->apply, s->undo.step, &s->undo, &s->err);
}

static int stage_undo(struct stage *s)
{
	return s->undo.changed ? unit_undo(&s->apply, &s->undo, &s->err) : 0;
}

/* All files of memory[]. */
static const char *picture(const struct stage *s)
{
	const char *text = "";

	for (size_t i = 0; i < ELEMENTS(memory); i++)
		text = format("%s%s%s", text, i ? "; " : "", tree_get(&s->tree, format("unit/%s", memory[i].file)));
	return text;
}

#define FREE                                                                   \
	"unit/memory.max = max\nunit/memory.high = max\nunit/pids.max = max\n" \
	"unit/cpu.max = max 100000\nunit/cpuset.cpus =\nunit/io.max =\n"

/* Files in the order of memory[]. */
static const struct {
	const char *name, *files;
	const char *ceilings[5]; /* file, value; NULL-ended */
	const char *words, *then;
} cases[] = {
	{ "all free", FREE, WORDS("memory.max", "4K", "pids.max", "9"), "MemoryMax=4096, TasksMax=9",
	  "4096; max; 9; max 100000; ; " },
	{ "not offered here", "unit/pids.max = max", WORDS("pids.max", "9"), "TasksMax=9",
	  "(No such file or directory); (No such file or directory); 9; (No such file or directory); (No such file or directory); (No such file or directory)" },
	{ "one is lower already", FREE "unit/memory.max = 1024", WORDS("memory.max", "4K", "pids.max", "9"),
	  "MemoryMax=1024, TasksMax=9", "1024; max; 9; max 100000; ; " },
	{ "what was written without systemd goes along",
	  FREE "unit/memory.high = 2048\nunit/cpuset.cpus = 1-2\n"
	       "unit/io.max = 8:0 rbps=5 wbps=max riops=max wiops=max",
	  WORDS("pids.max", "9"),
	  "MemoryHigh=2048, TasksMax=9, AllowedCPUs=1-2, IOReadBandwidthMax=8:0 5, IOWriteBandwidthMax=8:0 infinity, IOReadIOPSMax=8:0 infinity, IOWriteIOPSMax=8:0 infinity",
	  "max; 2048; 9; max 100000; 1-2; 8:0 rbps=5 wbps=max riops=max wiops=max" },
	{ "what systemd cannot hold comes back by hand", FREE "unit/memory.max = 0\nunit/cpu.max = 5000 1000000",
	  WORDS("pids.max", "9"), "TasksMax=9", "0; max; 9; 5000 1000000; ; " },
	{ "rounded down", FREE, WORDS("cpu.max", "123456 100000"),
	  "CPUQuotaPerSecUSec=1230000, CPUQuotaPeriodUSec=100000", "max; max; max; 123000 100000; ; " },
	{ "of a set, what both allow", FREE "unit/cpuset.cpus = 1-5", WORDS("cpuset.cpus", "0-3"), "AllowedCPUs=1-3",
	  "max; max; max; max 100000; 1-3; " },
	{ "a device", FREE, WORDS("io.max", "8:0 rbps=7"),
	  "IOReadBandwidthMax=8:0 7, IOWriteBandwidthMax=8:0 infinity, IOReadIOPSMax=8:0 infinity, IOWriteIOPSMax=8:0 infinity",
	  "max; max; max; max 100000; ; 8:0 rbps=7 wbps=max riops=max wiops=max" },
};

TEST(test_run_and_undo)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(stage_done) struct stage s;
		const char *before;

		stage_new(&s, cases[i].files, cases[i].ceilings);
		before = picture(&s);
		check_result(cases[i].name, stage_run(&s), &s.err, NULL);
		check_string(cases[i].name, systemd.words, cases[i].words);
		check_string(cases[i].name, picture(&s), cases[i].then);
		assert_true(s.undo.changed);
		assert_int_equal(systemd.n_calls, 1);

		check_result(cases[i].name, stage_undo(&s), &s.err, NULL);
		check_string(cases[i].name, picture(&s), before);
		assert_int_equal(systemd.n_calls, 2);
	}
}

/* Processors that the container did not have: systemd is not asked for them, not even for a moment. */
TEST(test_nothing_in_common)
{
	static const char *const ceilings[] = { "memory.max", "4K", "cpuset.cpus", "0-3", NULL };
	_cleanup_(stage_done) struct stage s;
	const char *before;

	stage_new(&s, FREE "unit/cpuset.cpus = 4-7", ceilings);
	before = picture(&s);
	check_result("run", stage_run(&s), &s.err,
		     "'cpuset.cpus' is '4-7', which has nothing in common with the ceiling '0-3'");
	check_string("files", picture(&s), before);
	assert_int_equal(systemd.n_calls, 0);
	assert_false(s.undo.changed);
}

/* A set that reads back as within and that the kernel does not hold to, for the cgroup above has nothing of it. */
TEST(test_set_not_in_force)
{
	static const struct {
		const char *now, *effective, *want;
		int n_calls;
	} rows[] = {
		{ "4-7", "0-3", "'cpuset.cpus.effective' is '0-3', beyond the ceiling", 0 },
		{ "0-7", "0-3", "'cpuset.cpus.effective' is '0-3', beyond the ceiling", 1 },
		{ "4-7", "4-5", NULL, 0 },
	};
	static const char *const ceilings[] = { "cpuset.cpus", "4-7", NULL };

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		_cleanup_(stage_done) struct stage s;

		stage_new(&s,
			  format(FREE "unit/cpuset.cpus = %s\nunit/cpuset.cpus.effective = %s", rows[i].now,
				 rows[i].effective),
			  ceilings);
		check_result(rows[i].now, stage_run(&s), &s.err, rows[i].want);
		assert_int_equal(systemd.n_calls, rows[i].n_calls);
	}
}

/* systemd is not asked, and nothing is prepared for it, where nothing is above its ceiling: a reload then
 * writes what it remembers, which is what SECURITY.md says. With one above, it is asked for all. */
TEST(test_nothing_to_do)
{
	static const char *const ceilings[] = { "memory.max", "4K",	     "pids.max", "9", "cpu.max",
						"2",	      "cpuset.cpus", "0-3",	 NULL };
	static const char within[] = FREE "unit/memory.max = 4096\nunit/pids.max = 8\nunit/cpu.max = 200000 100000\n"
					  "unit/cpuset.cpus = 2";
	_cleanup_(stage_done) struct stage s;

	stage_new(&s, within, ceilings);
	systemd.fault = FAULT_REFUSES;
	check_result("run", stage_run(&s), &s.err, NULL);
	assert_int_equal(systemd.n_calls, 0);
	assert_null(s.undo.unit);
	assert_false(s.undo.changed);
	/* a daemon-reload */
	write_files();
	check_string("reload", picture(&s), "max; max; max; max 100000; ; ");
	/* the control: the least of them above its own */
	tree_edit(&s.tree, within);
	tree_edit(&s.tree, "unit/pids.max = 10");
	check_result("run", stage_run(&s), &s.err, "systemd refuses");
	assert_int_equal(systemd.n_calls, 1);
	unit_change_free(s.undo.unit);
	s.undo = (struct undo) { .step = s.undo.step };
	systemd.fault = systemd.undo_fault = FAULT_NONE;
	check_result("run", stage_run(&s), &s.err, NULL);
	write_files();
	check_string("reload", picture(&s), "4096; max; 9; 200000 100000; 2; ");
}

TEST(test_faults)
{
	static const struct {
		enum fault fault, undo_fault;
		const char *want, *undo_want;
		int n_calls;
	} faults[] = {
		{ FAULT_REFUSES, FAULT_NONE, "systemd refuses: a reason", NULL, 1 },
		{ FAULT_HANGS, FAULT_NONE, "systemd did not answer in time", NULL, 1 },
		{ FAULT_ANSWERS_LATE, FAULT_NONE, "did not answer in time", NULL, 2 },
		{ FAULT_LIES, FAULT_NONE, "'memory.max' is still above its ceiling", NULL, 1 },
		/* The kernel's files are as before; that systemd did not answer is an error. */
		{ FAULT_ANSWERS_LATE, FAULT_HANGS, "did not answer in time", "systemd did not answer in time", 2 },
	};
	static const char *const ceilings[] = { "memory.max", "4K", "pids.max", "9", NULL };

	for (size_t i = 0; i < ELEMENTS(faults); i++) {
		_cleanup_(stage_done) struct stage s;
		const char *before;

		stage_new(&s, FREE "unit/memory.high = 2048\nunit/cpu.max = 5000 1000000", ceilings);
		systemd.fault = faults[i].fault;
		systemd.undo_fault = faults[i].undo_fault;
		before = picture(&s);
		check_result("run", stage_run(&s), &s.err, faults[i].want);
		check_result("undo", stage_undo(&s), &s.err, faults[i].undo_want);
		check_string(faults[i].want, picture(&s), before);
		assert_int_equal(systemd.n_calls, faults[i].n_calls);
	}
}

/* A device that systemd does not find: the step leaves it to the direct one after it. */
TEST(test_not_vouched)
{
	static const char *const ceilings[] = { "io.max", "8:0 rbps=7", NULL };
	_cleanup_(stage_done) struct stage s;

	stage_new(&s, FREE, ceilings);
	systemd.fault = FAULT_LIES;
	check_result("run", stage_run(&s), &s.err, NULL);
	assert_int_equal(s.plan.steps[2].kind, STEP_CEILING);
	check_string("next", s.plan.steps[2].ceiling.file, "io.max");
}

TEST(test_unreadable)
{
	static const char *const ceilings[] = { "memory.max", "4K", NULL };
	_cleanup_(stage_done) struct stage s;

	stage_new(&s, FREE "unit/memory.max = many", ceilings);
	check_result("nonsense", stage_run(&s), &s.err, "cannot read 'memory.max'");
	tree_edit(&s.tree, "- unit/memory.max");
	check_result("missing", stage_run(&s), &s.err, "cannot open 'memory.max'");
	tree_edit(&s.tree, "unit/memory.max = max\nunit/memory.high = many");
	check_result("another", stage_run(&s), &s.err, "cannot read 'memory.high'");
	assert_int_equal(systemd.n_calls, 0);
}
