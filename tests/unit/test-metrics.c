/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: each one on a machine that provokes it, and on one that does not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include "tests/unit/fake-kernel.h"
#include "tests/unit/metrics-stage.h"
#include "version.h"

#define POLICY(text) "policy/policy.ini = " text "\n"
#define VALID	     POLICY("[profile small]\\nmemory.max = 1G\\n[handler runc-ci]\\nprofile = small\\n%s")
#define BUDGET(line) "policy/policy.ini = [handler runc-ci]\\nengine = containerd\\n" line "\n"

/* What a machine does before its metrics are written; `state` is behind its first sweep. */
static void raise_memory(struct scene *s)
{
	scene_write(s, BOX "/memory.max", "2147483648");
}

static void lift_limits(struct scene *s)
{
	scene_write(s, BOX "/memory.max", "max");
	scene_write(s, BOX "/pids.max", "max");
	scene_write(s, BOX "/cpu.max", "max 100000");
}

static void raise_and_sweep(struct scene *s)
{
	raise_memory(s);
	scene_sweep(s);
}

static void refuse_memory(struct scene *s)
{
	raise_memory(s);
	kernel.refuse = "memory.max";
	kernel.error = EBUSY;
	scene_sweep(s);
}

static void contest(struct scene *s)
{
	for (int i = 0; i < 20; i++) {
		scene_now_ms += WATCH_TOGETHER_MS + 1;
		raise_memory(s);
		scene_events(s);
	}
}

static void contest_and_end(struct scene *s)
{
	contest(s);
	scene_now_ms += WATCH_CALM_MS;
	watch_tick(s->watch);
}

static void pass_seven_seconds(struct scene *s)
{
	(void)s;
	scene_now_ms += 7000;
}

static void lose_option(struct scene *s)
{
	scene_write(s, "proc/self/mountinfo", "22 21 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegatf");
	scene_sweep(s);
}

static void pile_up(struct scene *s)
{
	scene_write(s, BOX "/cgroup.stat", "nr_descendants 3\nnr_dying_descendants 1000");
	scene_sweep(s);
}

static void pile_up_and_stay(struct scene *s)
{
	for (int i = 0; i < 12; i++)
		pile_up(s);
}

static void detach_guard(struct scene *s)
{
	fake_guard = (struct fake_guard) { 0 };
	scene_sweep(s);
}

static void fail_guard(struct scene *s)
{
	fake_guard = (struct fake_guard) { .fail_grant = true };
	scene_sweep(s);
}

static void arm(struct scene *s)
{
	(void)s;
	fake_guard.device = fake_guard.grant = true;
	fake_guard.rules = (struct device_rules) { .ready = DEVICE_GUARD_READY, .refused = 3 };
	fake_guard.counts.refused[GUARD_RULE_BPF] = 4;
	fake_guard.counts.refused[GUARD_RULE_OUTSIDE] = 1;
}

static void take_events(struct scene *s)
{
	no_watch.error = ENOSPC;
	tree_edit(&s->tree, OTHER "/memory.max = 5\n" OTHER WHO("other", "false", "2000", "\"memory.max\":\"5\""));
	scene_sweep(s);
	no_watch.error = 0;
}

static void overflow(struct scene *s)
{
	fill_queue(s);
	scene_events(s);
}

/* The kernel then refuses to open what is nobody's. */
static void set_override(bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	const uint32_t bits = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[0].effective = on ? data[0].effective | bits : data[0].effective & ~bits;
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

static void close_cgroup(struct scene *s)
{
	tree_edit(&s->tree, C "shut/\n");
	assert_int_equal(fchmodat(s->tree.fd, C "shut", 0, 0), 0);
	set_override(false);
	scene_sweep(s);
	set_override(true);
}

static void kill_two(struct scene *s)
{
	static const char events[] = "low 0\noom 2\noom_kill 2";

	scene_write(s, BOX "/memory.events", events);
	scene_write(s, BOX "/memory.events.local", events);
	scene_sweep(s);
}

#define EVENTS(kills)                                                           \
	BOX "/memory.events = low 0\\noom " kills "\\noom_kill " kills "\n" BOX \
	    "/memory.events.local = low 0\\noom " kills "\\noom_kill " kills "\n"

#define BOX_IS	"id=\"box\"}"
#define CI	"section=\"handler runc-ci\",namespace=\"\"}"
#define CI_A	"section=\"handler runc-ci\",namespace=\"ci-a\"}"
#define NODE	"section=\"defaults\",namespace=\"\"}"
#define FILE(f) BOX_LABELS ",file=\"" f "\"}"
#define BOX_LABELS \
	"namespace=\"ci-a\",pod=\"job\\\"7\",container=\"build\",handler=\"runc-ci\",profile=\"small\",id=\"box\""

static const struct provocation {
	enum metric_id metric;
	unsigned verb;
	const char *labels; /* within the braces, to their end; NULL: none */
	struct state without, with;
} provocations[] = {
	{ METRIC_WATCH_GRANTS, WATCH, NULL, { "", NULL, "0" }, { GRANT, NULL, "1" } },
	{ METRIC_WATCH_SWEEPS, WATCH, NULL, { GRANT, NULL, "1" }, { GRANT, scene_sweep, "2" } },
	{ METRIC_WATCH_SWEPT, WATCH, NULL, { "", NULL, "1000" }, { "", pass_seven_seconds, "1007" } },
	{ METRIC_WATCH_PUT_BACK, WATCH, NULL, { GRANT, scene_sweep, "0" }, { GRANT, raise_and_sweep, "1" } },
	{ METRIC_WATCH_FAILED, WATCH, NULL, { GRANT, raise_and_sweep, "0" }, { GRANT, refuse_memory, "1" } },
	{ METRIC_WATCH_CONTESTS, WATCH, NULL, { GRANT, raise_and_sweep, "0" }, { GRANT, contest_and_end, "1" } },
	{ METRIC_WATCH_CONTESTED, WATCH, NULL, { GRANT, contest_and_end, "0" }, { GRANT, contest, "1" } },
	{ METRIC_WATCH_LOWERED,
	  WATCH,
	  NULL,
	  { GRANT, NULL, "0" },
	  { BOX WHO("box", "false", "1", "\"memory.max\":\"2147483648\""), NULL, "1" } },
	{ METRIC_WATCH_VERIFIED_AGE, WATCH, BOX_LABELS "}", { GRANT, NULL, "0" }, { GRANT, pass_seven_seconds, "7" } },
	{ METRIC_WATCH_UNCHECKED, WATCH, NULL, { GRANT, NULL, "0" }, { GRANT, refuse_memory, "1" } },
	{ METRIC_WATCH_UNREADABLE, WATCH, NULL, { GRANT, NULL, "0" }, { BOX " @ {\"v\":2}\n", NULL, "1" } },
	{ METRIC_WATCH_UNOPENED, WATCH, NULL, { GRANT, scene_sweep, "0" }, { GRANT, close_cgroup, "1" } },
	{ METRIC_WATCH_WITHOUT_EVENTS, WATCH, NULL, { GRANT, NULL, "0" }, { GRANT, take_events, "2" } },
	{ METRIC_WATCH_OVERFLOWS,
	  WATCH,
	  NULL,
	  { GRANT, raise_and_sweep, "0" },
	  { BOX WHO("box", "false", "1", "\"cgroup.max.depth\":\"4\",\"cgroup.max.descendants\":\"64\""), overflow, "1" } },
	{ METRIC_WATCH_GUARDS_RESTORED,
	  WATCH,
	  NULL,
	  { "sys/fs/bpf/guards = grant\n" GRANT, detach_guard, "0" },
	  { "sys/fs/bpf/guards = grant\n" GUARDED, detach_guard, "2" } },
	{ METRIC_WATCH_GUARDS_MISSING,
	  WATCH,
	  NULL,
	  { "sys/fs/bpf/guards = device grant\n" GUARDED, detach_guard, "0" },
	  { "sys/fs/bpf/guards = device grant\n" GUARDED, fail_guard, "1" } },
	{ METRIC_WATCH_DYING_ALARMS,
	  WATCH,
	  NULL,
	  { GRANT BOX "/memory.reclaim =\n", scene_sweep, "0" },
	  { GRANT BOX "/memory.reclaim =\n", pile_up, "1" } },
	{ METRIC_WATCH_DYING_HELD,
	  WATCH,
	  NULL,
	  { GRANT BOX "/memory.reclaim =\n", pile_up, "0" },
	  { GRANT BOX "/memory.reclaim =\n", pile_up_and_stay, "1" } },
	{ METRIC_WATCH_RECLAIMS,
	  WATCH,
	  NULL,
	  { GRANT BOX "/memory.reclaim =\n", scene_sweep, "0" },
	  { GRANT BOX "/memory.reclaim =\n", pile_up, "1" } },
	{ METRIC_WATCH_HOST_OPTION, WATCH, "option=\"nsdelegate\"}", { GRANT, lose_option, "0" }, { GRANT, NULL, "1" } },
	{ METRIC_WATCH_HOST_OPTION_LOST, WATCH, "option=\"nsdelegate\"}", { GRANT, NULL, "0" }, { GRANT, lose_option, "1" } },
	{ METRIC_WATCH_OOM_KILLS, WATCH, NULL, { GRANT EVENTS("0"), scene_sweep, "0" }, { GRANT EVENTS("0"), kill_two, "2" } },
	{ METRIC_OOM_KILLS,
	  WATCH,
	  BOX_LABELS "}",
	  { GRANT BOX "/memory.events = low 0\\noom 0\\noom_kill 0\n", NULL, "0" },
	  { GRANT BOX "/memory.events = low 0\\noom 9\\noom_kill 3\\noom_group_kill 1\n", NULL, "3" } },
	{ METRIC_OOM_KILLS,
	  WATCH,
	  BOX_LABELS "}",
	  { GRANT, NULL, NULL },
	  { GRANT BOX "/memory.events = low 0\\noom_kill 1\n", NULL, "1" } },
	{ METRIC_GUARD_LOADED, WATCH, "guard=\"device\"}", { "", NULL, "0" }, { "sys/fs/bpf/guards = device\n", NULL, "1" } },
	{ METRIC_GUARD_LOADED,
	  WATCH,
	  "guard=\"grant\"}",
	  { "sys/fs/bpf/guards = device\n", NULL, "0" },
	  { "sys/fs/bpf/guards = grant\n", NULL, "1" } },
	{ METRIC_POLICY_VALID,
	  WATCH,
	  NULL,
	  { POLICY("[handler runc-ci]\\nbogus = 1"), NULL, "0" },
	  { POLICY("[handler runc-ci]\\nengine = containerd"), NULL, "1" } },
	{ METRIC_POLICY_VALID, WATCH, NULL, { "policy/\n", NULL, "0" }, { POLICY(""), NULL, "1" } },
	{ METRIC_POLICY_FAULTS,
	  WATCH,
	  NULL,
	  { POLICY("[handler runc-ci]\\nengine = containerd"), NULL, "0" },
	  { POLICY("[handler runc-ci]\\nengine = containerd\\nbogus = 1\\nother = 2"), NULL, "2" } },
	{ METRIC_DECISIONS,
	  WATCH,
	  "verdict=\"refuse\",",
	  { "run/runs.grant.budget = .\nrun/runs.refuse.\"} 1 = .\nrun/runs.refuse. = .\nrun/runs.refuse.budget.x = .\nrun/x.refuse.budget = .\nrun/runs.refuse.budget/\n",
	    NULL, NULL },
	  { "run/runs.refuse.budget = ..\n", NULL, "3" } },
	{ METRIC_DECISIONS,
	  WATCH,
	  "verdict=\"grant\",reason=\"handler\"}",
	  { "run/runs.grant.handler -> ../run/runs.pass.handler\n", NULL, NULL },
	  { "run/runs.grant.handler = .\n", NULL, "2" } },
	{ METRIC_BUDGET_DESCENDANTS_USED, WATCH, NODE, { POLICY(""), NULL, "0" }, { POLICY("") GRANT, NULL, "64" } },
	{ METRIC_BUDGET_DESCENDANTS_ALLOWED,
	  WATCH,
	  NODE,
	  { POLICY("[defaults]\\nmax_total_descendants = max"), NULL, NULL },
	  { POLICY(""), NULL, "16384" } },
	{ METRIC_BUDGET_GRANTS_USED,
	  WATCH,
	  CI,
	  { BUDGET("max_delegated = max") GRANT, NULL, NULL },
	  { BUDGET("max_delegated = 9") GRANT, NULL, "1" } },
	{ METRIC_BUDGET_GRANTS_ALLOWED,
	  WATCH,
	  CI,
	  { BUDGET("max_delegated = max"), NULL, NULL },
	  { BUDGET("max_delegated = 9"), NULL, "9" } },
	{ METRIC_BUDGET_MEMORY_USED,
	  WATCH,
	  CI,
	  { BUDGET("budget.memory.max = 4G"), NULL, "0" },
	  { BUDGET("budget.memory.max = 4G") GRANT, NULL, "1073741824" } },
	{ METRIC_BUDGET_MEMORY_USED,
	  WATCH,
	  CI,
	  { BUDGET("budget.memory.max = 4G") GRANT, NULL, "1073741824" },
	  { BUDGET("budget.memory.max = 4G") BOX WHO("box", "false", "1", ""), NULL, "+Inf" } },
	{ METRIC_BUDGET_MEMORY_ALLOWED,
	  WATCH,
	  CI,
	  { BUDGET("max_delegated = 9"), NULL, NULL },
	  { BUDGET("budget.memory.max = 4G"), NULL, "4294967296" } },
	{ METRIC_BUDGET_PIDS_USED,
	  WATCH,
	  CI_A,
	  { BUDGET("per = namespace\\nbudget.pids.max = 400"), NULL, NULL },
	  { BUDGET("per = namespace\\nbudget.pids.max = 400") GRANT, NULL, "100" } },
	{ METRIC_BUDGET_PIDS_ALLOWED,
	  WATCH,
	  CI_A,
	  { BUDGET("budget.pids.max = 400") GRANT, NULL, NULL },
	  { BUDGET("per = namespace\\nbudget.pids.max = 400") GRANT, NULL, "400" } },
	{ METRIC_BUDGET_CPU_USED,
	  WATCH,
	  CI,
	  { BUDGET("budget.cpu.max = 4"), NULL, "0" },
	  { BUDGET("budget.cpu.max = 4") GRANT, NULL, "1.5" } },
	{ METRIC_BUDGET_CPU_ALLOWED,
	  WATCH,
	  CI,
	  { BUDGET("max_delegated = 9"), NULL, NULL },
	  { BUDGET("budget.cpu.max = 4.5"), NULL, "4.5" } },
	{ METRIC_GRANTS, LIST, NULL, { "", NULL, "0" }, { GRANT, NULL, "1" } },
	{ METRIC_GRANTS_UNREADABLE, LIST, NULL, { GRANT, NULL, "0" }, { BOX " @ {\"v\":2}\n", NULL, "1" } },
	{ METRIC_GRANTED, LIST, BOX_LABELS "}", { BOX " @ {\"v\":2}\n", NULL, NULL }, { GRANT, NULL, "1000" } },
	{ METRIC_SHARED_IDS, LIST, BOX_LABELS "}", { GRANT, NULL, "0" }, { GRANT SHARING, NULL, "1" } },
	{ METRIC_MEMORY_USAGE,
	  LIST,
	  BOX_LABELS "}",
	  { GRANT, NULL, NULL },
	  { GRANT BOX "/memory.current = 12345\n", NULL, "12345" } },
	{ METRIC_MEMORY_LIMIT, LIST, BOX_LABELS "}", { GRANT, lift_limits, "+Inf" }, { GRANT, NULL, "1073741824" } },
	{ METRIC_SWAP_USAGE, LIST, BOX_LABELS "}", { GRANT, NULL, NULL }, { GRANT BOX "/memory.swap.current = 5\n", NULL, "5" } },
	{ METRIC_SWAP_LIMIT,
	  LIST,
	  BOX_LABELS "}",
	  { GRANT, NULL, NULL },
	  { GRANT BOX "/memory.swap.current = 5\n" BOX "/memory.swap.max = 6\n", NULL, "6" } },
	{ METRIC_PIDS, LIST, BOX_LABELS "}", { GRANT, NULL, NULL }, { GRANT BOX "/pids.current = 7\n", NULL, "7" } },
	{ METRIC_PIDS_LIMIT, LIST, BOX_LABELS "}", { GRANT, lift_limits, "+Inf" }, { GRANT, NULL, "100" } },
	{ METRIC_CPU_USAGE,
	  LIST,
	  BOX_LABELS "}",
	  { GRANT, NULL, NULL },
	  { GRANT BOX "/cpu.stat = usage_usec 2500000\n", NULL, "2.5" } },
	{ METRIC_CPU_LIMIT, LIST, BOX_LABELS "}", { GRANT, lift_limits, "+Inf" }, { GRANT, NULL, "1.5" } },
	{ METRIC_DESCENDANTS, LIST, BOX_LABELS "}", { GRANT "- " BOX "/cgroup.stat\n", NULL, NULL }, { GRANT, NULL, "3" } },
	{ METRIC_DESCENDANTS_LIMIT,
	  LIST,
	  BOX_LABELS "}",
	  { GRANT "- " BOX "/cgroup.max.descendants\n", NULL, NULL },
	  { GRANT, NULL, "64" } },
	{ METRIC_DYING_DESCENDANTS, LIST, BOX_LABELS "}", { GRANT, NULL, "0" }, { GRANT, pile_up, "1000" } },
	{ METRIC_MEMORY_PRESSURE,
	  LIST,
	  BOX_LABELS "}",
	  { GRANT, NULL, NULL },
	  { GRANT BOX "/memory.pressure = some avg10=25.00 avg60=0\n", NULL, "0.25" } },
	{ METRIC_CPU_PRESSURE,
	  LIST,
	  BOX_LABELS "}",
	  { GRANT, NULL, NULL },
	  { GRANT BOX "/cpu.pressure = some avg10=50.00 avg60=0\n", NULL, "0.5" } },
	{ METRIC_IO_PRESSURE,
	  LIST,
	  BOX_LABELS "}",
	  { GRANT, NULL, NULL },
	  { GRANT BOX "/io.pressure = some avg10=75.00 avg60=0\n", NULL, "0.75" } },
	{ METRIC_GUARDED, LIST, BOX_LABELS "}", { GRANT, NULL, "0" }, { GUARDED, NULL, "1" } },
	{ METRIC_GUARDS_MISSING,
	  LIST,
	  BOX_LABELS "}",
	  { "sys/fs/bpf/guards = device grant\n" GUARDED, arm, "0" },
	  { GUARDED, NULL, "2" } },
	{ METRIC_DEVICE_REFUSALS,
	  LIST,
	  BOX_LABELS "}",
	  { GRANT, NULL, NULL },
	  { "sys/fs/bpf/guards = device grant\n" GUARDED, arm, "3" } },
	{ METRIC_GUARD_REFUSALS,
	  LIST,
	  BOX_LABELS "}",
	  { GRANT, NULL, NULL },
	  { "sys/fs/bpf/guards = device grant\n" GUARDED, arm, "5" } },
	{ METRIC_DRIFT, LIST, BOX_LABELS "}", { GRANT, NULL, "0" }, { GRANT, raise_memory, "1" } },
	{ METRIC_CEILING_BYTES,
	  LIST,
	  BOX_LABELS ",file=\"",
	  { BOX WHO("box", "false", "1", "\"pids.max\":\"3\""), NULL, NULL },
	  { GRANT, NULL, "1073741824" } },
	{ METRIC_CEILING_BYTES,
	  LIST,
	  FILE("hugetlb.2MB.max"),
	  { GRANT, NULL, NULL },
	  { BOX WHO("box", "false", "1", "\"hugetlb.2MB.max\":\"4194304\""), NULL, "4194304" } },
	{ METRIC_CEILING_CORES, LIST, FILE("cpu.max"), { BOX WHO("box", "false", "1", ""), NULL, NULL }, { GRANT, NULL, "1.5" } },
	{ METRIC_CEILING_PIDS, LIST, FILE("pids.max"), { BOX WHO("box", "false", "1", ""), NULL, NULL }, { GRANT, NULL, "100" } },
	{ METRIC_CEILING_DESCENDANTS,
	  LIST,
	  FILE("cgroup.max.descendants"),
	  { BOX WHO("box", "false", "1", ""), NULL, NULL },
	  { GRANT, NULL, "64" } },
	{ METRIC_CEILING_DEPTH,
	  LIST,
	  FILE("cgroup.max.depth"),
	  { BOX WHO("box", "false", "1", ""), NULL, NULL },
	  { BOX WHO("box", "false", "1", "\"cgroup.max.depth\":\"4\""), NULL, "4" } },
	{ METRIC_GRANT_INFO, LIST, BOX_LABELS ",cgroup_id=\"", { "", NULL, NULL }, { GRANT, NULL, "1" } },
	{ METRIC_GRANT_INFO,
	  LIST,
	  ",cgroup=\"/ci/box\",owner=\"0:0\",policy=\"policy.ini:7\"}",
	  { BOX " : 5 6\n" GRANT, NULL, NULL },
	  { GRANT, NULL, "1" } },
	{ METRIC_BUILD_INFO, LIST, "version=\"" CGDELEG_VERSION "\",verb=\"list\"}", { "", NULL, "1" }, { GRANT, NULL, "1" } },
	{ METRIC_BUILD_INFO, WATCH, "version=\"" CGDELEG_VERSION "\",verb=\"watch\"}", { "", NULL, "1" }, { GRANT, NULL, "1" } },
};

/* The value of the one sample that has these labels; NULL: there is none. */
static const char *value_of(const char *text, const char *name, const char *labels)
{
	const char *found = NULL;

	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const size_t len = strlen(name), end = strcspn(line, "\n");
		const char *blank = memrchr(line, ' ', end), *at;

		if (strncmp(line, name, len) != 0 || line[len] != (labels ? '{' : ' '))
			continue;
		at = labels ? strstr(line, labels) : line;
		if (!at || at > blank)
			continue;
		if (found)
			fail_msg("%s{%s: two samples", name, labels ? labels : "");
		found = format("%.*s", (int)(line + end - blank - 1), blank + 1);
	}
	return found;
}

static void check_state(const struct provocation *p, const struct state *state)
{
	_cleanup_(scene_close) struct scene s;
	_cleanup_free_ char *text = NULL;

	stage_begin(&s, state);
	text = stage_write(&s, p->verb, METRIC_PROMETHEUS);
	check_string(metrics[p->metric].name, value_of(text, metrics[p->metric].name, p->labels), state->value);
	kernel = (struct kernel) { 0 };
}

TEST_AS_ROOT(test_each)
{
	/* A thousand grants take their time: test-metrics-text.c. */
	bool seen[METRICS] = { [METRIC_GRANTS_LEFT_OUT] = true };

	for (size_t i = 0; i < ELEMENTS(provocations); i++) {
		const struct provocation *p = &provocations[i];

		assert_true(metrics[p->metric].verbs & p->verb);
		seen[p->metric] = true;
		check_state(p, &p->without);
		check_state(p, &p->with);
	}
	for (size_t i = 0; i < METRICS; i++)
		if (!seen[i])
			fail_msg("nothing provokes %s", metrics[i].name);
}
