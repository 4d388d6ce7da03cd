/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metric - every figure that cgdeleg exports, in one table, and the text that a collector reads.
 *
 * `watch` and `list` each write a file, and the node exporter's textfile collector puts all files together. So each metric
 * belongs to one verb; of the few that both write each sample names its verb.
 *
 * Parts: metric.c the table and the text, metric-grant.c the labels of a grant, metric-decisions.c the hooks' decisions,
 * metric-page.c the table for cgdeleg-metrics(7).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum metric_id {
	/* watch */
	METRIC_WATCH_GRANTS,
	METRIC_WATCH_SWEEPS,
	METRIC_WATCH_SWEPT,
	METRIC_WATCH_PUT_BACK,
	METRIC_WATCH_FAILED,
	METRIC_WATCH_CONTESTS,
	METRIC_WATCH_CONTESTED,
	METRIC_WATCH_LOWERED,
	METRIC_WATCH_VERIFIED_AGE,
	METRIC_WATCH_UNCHECKED,
	METRIC_WATCH_UNREADABLE,
	METRIC_WATCH_UNOPENED,
	METRIC_WATCH_WITHOUT_EVENTS,
	METRIC_WATCH_OVERFLOWS,
	METRIC_WATCH_GUARDS_RESTORED,
	METRIC_WATCH_GUARDS_MISSING,
	METRIC_WATCH_DYING_ALARMS,
	METRIC_WATCH_DYING_HELD,
	METRIC_WATCH_RECLAIMS,
	METRIC_WATCH_HOST_OPTION,
	METRIC_WATCH_HOST_OPTION_LOST,
	METRIC_WATCH_OOM_KILLS,
	METRIC_OOM_KILLS,
	METRIC_GUARD_LOADED,
	METRIC_POLICY_VALID,
	METRIC_POLICY_FAULTS,
	METRIC_DECISIONS,
	METRIC_BUDGET_DESCENDANTS_USED,
	METRIC_BUDGET_DESCENDANTS_ALLOWED,
	METRIC_BUDGET_GRANTS_USED,
	METRIC_BUDGET_GRANTS_ALLOWED,
	METRIC_BUDGET_MEMORY_USED,
	METRIC_BUDGET_MEMORY_ALLOWED,
	METRIC_BUDGET_PIDS_USED,
	METRIC_BUDGET_PIDS_ALLOWED,
	METRIC_BUDGET_CPU_USED,
	METRIC_BUDGET_CPU_ALLOWED,
	/* list */
	METRIC_GRANTS,
	METRIC_GRANTS_UNREADABLE,
	METRIC_GRANT_INFO,
	METRIC_GRANTED,
	METRIC_SHARED_IDS,
	METRIC_MEMORY_USAGE,
	METRIC_MEMORY_LIMIT,
	METRIC_SWAP_USAGE,
	METRIC_SWAP_LIMIT,
	METRIC_PIDS,
	METRIC_PIDS_LIMIT,
	METRIC_CPU_USAGE,
	METRIC_CPU_LIMIT,
	METRIC_DESCENDANTS,
	METRIC_DESCENDANTS_LIMIT,
	METRIC_DYING_DESCENDANTS,
	METRIC_MEMORY_PRESSURE,
	METRIC_CPU_PRESSURE,
	METRIC_IO_PRESSURE,
	METRIC_GUARDED,
	METRIC_GUARDS_MISSING,
	METRIC_DEVICE_REFUSALS,
	METRIC_GUARD_REFUSALS,
	METRIC_DRIFT,
	METRIC_CEILING_BYTES,
	METRIC_CEILING_CORES,
	METRIC_CEILING_PIDS,
	METRIC_CEILING_DESCENDANTS,
	METRIC_CEILING_DEPTH,
	/* both */
	METRIC_GRANTS_LEFT_OUT,
	METRIC_BUILD_INFO,
	METRICS
};

enum metric_type { METRIC_GAUGE, METRIC_COUNTER };

enum metric_verb { METRIC_OF_LIST = 1, METRIC_OF_WATCH = 2 };

#define METRIC_LABELS_MAX 12

struct metric {
	const char *name; /* whole, as Prometheus has it: a counter's ends in "_total" */
	enum metric_type type;
	const char *unit;   /* "bytes", the name's last word but "_total"; "": a number of things, or 0 and 1 */
	const char *labels; /* words, at most METRIC_LABELS_MAX */
	unsigned verbs;	    /* enum metric_verb */
	const char *help;   /* one sentence; no backslash and no line break */
};

extern const struct metric metrics[METRICS];

/* The labels of a grant, which begin the labels of every metric that is about one. */
#define METRIC_GRANT_LABELS   "namespace pod container handler profile id"
#define METRIC_GRANT_LABELS_N 6

enum metric_format { METRIC_PROMETHEUS, METRIC_OPENMETRICS };

/* "prometheus", "openmetrics"; false: neither. */
bool metric_format_find(const char *name, enum metric_format *ret);

/* Where metrics are written, family by family. */
struct metric_writer {
	FILE *to;
	enum metric_format format;
	const struct metric *metric; /* whose samples come */
};

/* Begins a family: all its samples follow, and then it is not begun again. */
void metric_begin(struct metric_writer *writer, enum metric_id id);

/* A sample. `values` are those of the metric's labels in the table's order, printable; NULL where it has none. Two samples
 * of one family must differ in a value: a collector that finds one twice takes nothing of the file. */
void metric_put(struct metric_writer *writer, double number, const char *const values[]);

/* A family with one sample, without labels. */
void metric_write(struct metric_writer *writer, enum metric_id id, double number);

/* cgdeleg_build_info, and the end. False: not all could be written. */
bool metric_end(struct metric_writer *writer, enum metric_verb verb);

#define METRIC_DECISIONS_MAX 256 /* pairs of verdict and reason that are written */

/* cgdeleg_decisions_total, as it is counted in `directory`; no samples where that is not there. */
void metric_put_decisions(struct metric_writer *writer, const char *directory);

/* Of so many grants a verb writes samples; the others are counted in cgdeleg_grants_left_out. */
#define METRIC_GRANTS_MAX 1000

/* One grant as labels. */
struct metric_grant {
	const char *values[METRIC_LABELS_MAX]; /* the first METRIC_GRANT_LABELS_N are set */
	uint64_t cgroup_id;
	char id[160]; /* what values[5] then points to */
};

/* Makes the ids different from one another: where two are the same, none or too long, the kernel's id of the cgroup comes
 * behind an "@". A NULL among the values becomes "". Does not move what it is given. */
void metric_grants_tell_apart(struct metric_grant *grants, size_t n);
