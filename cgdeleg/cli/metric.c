/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metric - the table, and the text of a family.
 *
 * Two formats, which differ in three things: in the text format of Prometheus a counter's metadata have its whole name, and
 * there is neither UNIT nor an end; an OpenMetrics parser insists on a counter's name without "_total" there. The node
 * exporter reads the first, and takes a counter of the second for a metric without a type.
 *
 * metric-page.c is compiled for the machine that builds, so that nothing but the C library is used here. See metric.h.
 */
#include "cgdeleg/cli/metric.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "version.h"

#define GAUGE	METRIC_GAUGE
#define COUNTER METRIC_COUNTER
#define WATCH	METRIC_OF_WATCH
#define LIST	METRIC_OF_LIST
#define NONE	""
#define GRANT	METRIC_GRANT_LABELS
#define BUDGET	"section namespace"

const struct metric metrics[METRICS] = {
	[METRIC_WATCH_GRANTS] = { "cgdeleg_watch_grants", GAUGE, NONE, NONE, WATCH, "Delegated cgroups under watch." },
	[METRIC_WATCH_SWEEPS] = { "cgdeleg_watch_sweeps_total", COUNTER, NONE, NONE, WATCH,
				  "Completed sweeps, the one at the start included." },
	[METRIC_WATCH_SWEPT] = { "cgdeleg_watch_sweep_timestamp_seconds", GAUGE, "seconds", NONE, WATCH,
				 "When the last sweep ended, in seconds since 1970." },
	[METRIC_WATCH_PUT_BACK] = { "cgdeleg_watch_put_back_total", COUNTER, NONE, NONE, WATCH,
				    "Limits put back to their ceilings." },
	[METRIC_WATCH_FAILED] = { "cgdeleg_watch_failed_total", COUNTER, NONE, NONE, WATCH,
				  "Attempts to put a limit back that failed." },
	[METRIC_WATCH_CONTESTS] = { "cgdeleg_watch_contests_total", COUNTER, NONE, NONE, WATCH,
				    "How often somebody has begun to raise one limit again and again." },
	[METRIC_WATCH_CONTESTED] = { "cgdeleg_watch_contested", GAUGE, NONE, NONE, WATCH,
				     "Limits that somebody keeps raising." },
	[METRIC_WATCH_LOWERED] = { "cgdeleg_watch_lowered_total", COUNTER, NONE, NONE, WATCH,
				   "Ceilings lowered because the policy's are lower now." },
	[METRIC_WATCH_VERIFIED_AGE] = { "cgdeleg_watch_verified_age_seconds", GAUGE, "seconds", GRANT, WATCH,
					"Time since all ceilings of the grant were last found to hold." },
	[METRIC_WATCH_UNCHECKED] = { "cgdeleg_watch_unchecked", GAUGE, NONE, NONE, WATCH,
				     "Grants with a ceiling that could not be compared, or does not hold." },
	[METRIC_WATCH_UNREADABLE] = { "cgdeleg_watch_unreadable", GAUGE, NONE, NONE, WATCH,
				      "Cgroups under watch whose attribute cannot be read: nobody knows their ceilings." },
	[METRIC_WATCH_UNOPENED] = { "cgdeleg_watch_unopened", GAUGE, NONE, NONE, WATCH,
				    "Cgroups that the last walk of the tree could not open; a grant below is not seen." },
	[METRIC_WATCH_WITHOUT_EVENTS] = { "cgdeleg_watch_without_events", GAUGE, NONE, NONE, WATCH,
					  "Grants with a limit file that inotify does not watch: sweeps compare it." },
	[METRIC_WATCH_OVERFLOWS] = { "cgdeleg_watch_overflows_total", COUNTER, NONE, NONE, WATCH,
				     "Overflows of inotify's event queue." },
	[METRIC_WATCH_GUARDS_RESTORED] = { "cgdeleg_watch_guards_restored_total", COUNTER, NONE, NONE, WATCH,
					   "Guards that were detached and have been attached again." },
	[METRIC_WATCH_GUARDS_MISSING] = { "cgdeleg_watch_guards_missing", GAUGE, NONE, NONE, WATCH,
					  "Guards of grants that are not in force and could not be attached again." },
	[METRIC_WATCH_DYING_ALARMS] = { "cgdeleg_watch_dying_alarms", GAUGE, NONE, NONE, WATCH,
					"Grants below which too many removed cgroups still hold memory." },
	[METRIC_WATCH_DYING_HELD] = { "cgdeleg_watch_dying_held", GAUGE, NONE, NONE, WATCH,
				      "Grants below which the memory of removed cgroups cannot be reclaimed." },
	[METRIC_WATCH_RECLAIMS] = { "cgdeleg_watch_reclaims_total", COUNTER, NONE, NONE, WATCH,
				    "Writes to memory.reclaim because of removed cgroups that still hold memory." },
	[METRIC_WATCH_HOST_OPTION] = { "cgdeleg_watch_host_option", GAUGE, NONE, "option", WATCH,
				       "1 if the host's cgroup2 is mounted with the option." },
	[METRIC_WATCH_HOST_OPTION_LOST] = { "cgdeleg_watch_host_option_lost", GAUGE, NONE, "option", WATCH,
					    "1 if the host's cgroup2 must have the option and lacks it." },
	[METRIC_WATCH_OOM_KILLS] = { "cgdeleg_watch_oom_kills_total", COUNTER, NONE, NONE, WATCH,
				     "Processes of all grants that were killed for want of memory while watch ran." },
	[METRIC_OOM_KILLS] = { "cgdeleg_oom_kills_total", COUNTER, NONE, GRANT, WATCH,
			       "Processes of the container, and of cgroups below it, that were killed for want of memory." },
	[METRIC_GUARD_LOADED] = { "cgdeleg_guard_loaded", GAUGE, NONE, "guard", WATCH,
				  "1 if the guard, device or grant, is loaded and pinned on this node." },
	[METRIC_POLICY_VALID] = { "cgdeleg_policy_valid", GAUGE, NONE, NONE, WATCH,
				  "1 if the policy's files are valid; while they are not, hooks grant nothing." },
	[METRIC_POLICY_FAULTS] = { "cgdeleg_policy_faults", GAUGE, NONE, NONE, WATCH,
				   "Faults in the policy's files, as cgdeleg check lists them." },
	[METRIC_DECISIONS] = { "cgdeleg_decisions_total", COUNTER, NONE, "verdict reason", WATCH,
			       "Runs of the hook since boot, except for containers that did not ask and passed." },
	[METRIC_BUDGET_DESCENDANTS_USED] = { "cgdeleg_budget_descendants_used", GAUGE, NONE, BUDGET, WATCH,
					     "Sum of cgroup.max.descendants of the section's grants." },
	[METRIC_BUDGET_DESCENDANTS_ALLOWED] = { "cgdeleg_budget_descendants_allowed", GAUGE, NONE, BUDGET, WATCH,
						"The section's max_total_descendants." },
	[METRIC_BUDGET_GRANTS_USED] = { "cgdeleg_budget_grants_used", GAUGE, NONE, BUDGET, WATCH,
					"Grants of the section." },
	[METRIC_BUDGET_GRANTS_ALLOWED] = { "cgdeleg_budget_grants_allowed", GAUGE, NONE, BUDGET, WATCH,
					   "The section's max_delegated." },
	[METRIC_BUDGET_MEMORY_USED] = { "cgdeleg_budget_memory_used_bytes", GAUGE, "bytes", BUDGET, WATCH,
					"Sum of memory.max of the section's grants." },
	[METRIC_BUDGET_MEMORY_ALLOWED] = { "cgdeleg_budget_memory_allowed_bytes", GAUGE, "bytes", BUDGET, WATCH,
					   "The section's budget.memory.max." },
	[METRIC_BUDGET_PIDS_USED] = { "cgdeleg_budget_pids_used", GAUGE, NONE, BUDGET, WATCH,
				      "Sum of pids.max of the section's grants." },
	[METRIC_BUDGET_PIDS_ALLOWED] = { "cgdeleg_budget_pids_allowed", GAUGE, NONE, BUDGET, WATCH,
					 "The section's budget.pids.max." },
	[METRIC_BUDGET_CPU_USED] = { "cgdeleg_budget_cpu_used_cores", GAUGE, "cores", BUDGET, WATCH,
				     "Sum of cpu.max of the section's grants." },
	[METRIC_BUDGET_CPU_ALLOWED] = { "cgdeleg_budget_cpu_allowed_cores", GAUGE, "cores", BUDGET, WATCH,
					"The section's budget.cpu.max." },

	[METRIC_GRANTS] = { "cgdeleg_grants", GAUGE, NONE, NONE, LIST, "Delegated cgroups on this node." },
	[METRIC_GRANTS_UNREADABLE] = { "cgdeleg_grants_unreadable", GAUGE, NONE, NONE, LIST,
				       "Delegated cgroups whose attribute cannot be read." },
	[METRIC_GRANT_INFO] = { "cgdeleg_grant_info", GAUGE, NONE, GRANT " cgroup_id cgroup owner policy", LIST,
				"1 for each grant: the cgroup, its owner's uid and gid, the policy line that granted it." },
	[METRIC_GRANTED] = { "cgdeleg_granted_timestamp_seconds", GAUGE, "seconds", GRANT, LIST,
			     "When it was granted, in seconds since 1970." },
	[METRIC_SHARED_IDS] = { "cgdeleg_shared_ids_grants", GAUGE, NONE, GRANT, LIST,
				"Other grants with host ids of this one's: the root of each owns the other's cgroup." },
	[METRIC_MEMORY_USAGE] = { "cgdeleg_memory_usage_bytes", GAUGE, "bytes", GRANT, LIST, "Memory in use." },
	[METRIC_MEMORY_LIMIT] = { "cgdeleg_memory_limit_bytes", GAUGE, "bytes", GRANT, LIST, "What memory.max is now." },
	[METRIC_SWAP_USAGE] = { "cgdeleg_swap_usage_bytes", GAUGE, "bytes", GRANT, LIST, "Swap space in use." },
	[METRIC_SWAP_LIMIT] = { "cgdeleg_swap_limit_bytes", GAUGE, "bytes", GRANT, LIST, "What memory.swap.max is now." },
	[METRIC_PIDS] = { "cgdeleg_pids", GAUGE, NONE, GRANT, LIST, "Processes and threads." },
	[METRIC_PIDS_LIMIT] = { "cgdeleg_pids_limit", GAUGE, NONE, GRANT, LIST, "What pids.max is now." },
	[METRIC_CPU_USAGE] = { "cgdeleg_cpu_usage_seconds_total", COUNTER, "seconds", GRANT, LIST, "CPU time used." },
	[METRIC_CPU_LIMIT] = { "cgdeleg_cpu_limit_cores", GAUGE, "cores", GRANT, LIST,
			       "What cpu.max is now, as a number of cores." },
	[METRIC_DESCENDANTS] = { "cgdeleg_descendants", GAUGE, NONE, GRANT, LIST, "Cgroups below the delegated one." },
	[METRIC_DESCENDANTS_LIMIT] = { "cgdeleg_descendants_limit", GAUGE, NONE, GRANT, LIST,
				       "What cgroup.max.descendants is now." },
	[METRIC_DYING_DESCENDANTS] = { "cgdeleg_dying_descendants", GAUGE, NONE, GRANT, LIST,
				       "Removed cgroups below it that still hold memory." },
	[METRIC_MEMORY_PRESSURE] = { "cgdeleg_memory_pressure_ratio", GAUGE, "ratio", GRANT, LIST,
				     "Share of the last 10 s in which a task waited for memory." },
	[METRIC_CPU_PRESSURE] = { "cgdeleg_cpu_pressure_ratio", GAUGE, "ratio", GRANT, LIST,
				  "Share of the last 10 s in which a task waited for a CPU." },
	[METRIC_IO_PRESSURE] = { "cgdeleg_io_pressure_ratio", GAUGE, "ratio", GRANT, LIST,
				 "Share of the last 10 s in which a task waited for a disk." },
	[METRIC_GUARDED] = { "cgdeleg_guarded", GAUGE, NONE, GRANT, LIST,
			     "1 if the grant guard was in force at the grant." },
	[METRIC_GUARDS_MISSING] = { "cgdeleg_guards_missing", GAUGE, NONE, GRANT, LIST,
				    "Guards that were in force at the grant and are not now." },
	[METRIC_DEVICE_REFUSALS] = { "cgdeleg_device_refusals_total", COUNTER, NONE, GRANT, LIST,
				     "Uses of devices that the device guard has refused since it was attached." },
	[METRIC_GUARD_REFUSALS] = { "cgdeleg_guard_refusals_total", COUNTER, NONE, GRANT, LIST,
				    "Calls that the grant guard has refused since it was attached." },
	[METRIC_DRIFT] = { "cgdeleg_drift", GAUGE, NONE, GRANT, LIST, "Limits that are above their ceilings." },
	[METRIC_CEILING_BYTES] = { "cgdeleg_ceiling_bytes", GAUGE, "bytes", GRANT " file", LIST,
				   "The granted ceiling of a limit file that holds bytes." },
	[METRIC_CEILING_CORES] = { "cgdeleg_ceiling_cores", GAUGE, "cores", GRANT " file", LIST,
				   "The granted ceiling of cpu.max, as a number of cores." },
	[METRIC_CEILING_PIDS] = { "cgdeleg_ceiling_pids", GAUGE, NONE, GRANT " file", LIST,
				  "The granted ceiling of pids.max: processes and threads." },
	[METRIC_CEILING_DESCENDANTS] = { "cgdeleg_ceiling_descendants", GAUGE, NONE, GRANT " file", LIST,
					 "The granted ceiling of cgroup.max.descendants: cgroups." },
	[METRIC_CEILING_DEPTH] = { "cgdeleg_ceiling_depth", GAUGE, NONE, GRANT " file", LIST,
				   "The granted ceiling of cgroup.max.depth: levels of cgroups." },

	[METRIC_GRANTS_LEFT_OUT] = { "cgdeleg_grants_left_out", GAUGE, NONE, "verb", LIST | WATCH,
				     "Grants without samples of their own, because there are more than 1000." },
	[METRIC_BUILD_INFO] = { "cgdeleg_build_info", GAUGE, NONE, "version verb", LIST | WATCH,
				"1; the label is the version of the program that wrote the metrics." },
};

bool metric_format_find(const char *name, enum metric_format *ret)
{
	*ret = strcmp(name, "openmetrics") == 0 ? METRIC_OPENMETRICS : METRIC_PROMETHEUS;
	return *ret == METRIC_OPENMETRICS || strcmp(name, "prometheus") == 0;
}

void metric_begin(struct metric_writer *writer, enum metric_id id)
{
	const struct metric *m = &metrics[id];
	const bool open = writer->format == METRIC_OPENMETRICS;
	const size_t cut = open && m->type == COUNTER ? strlen("_total") : 0;
	const int len = (int)(strlen(m->name) - cut);

	writer->metric = m;
	fprintf(writer->to, "# HELP %.*s %s\n# TYPE %.*s %s\n", len, m->name, m->help, len, m->name,
		m->type == COUNTER ? "counter" : "gauge");
	if (open && m->unit[0])
		fprintf(writer->to, "# UNIT %.*s %s\n", len, m->name, m->unit);
}

static void put_label(FILE *to, const char *name, int len, const char *value)
{
	fprintf(to, "%.*s=\"", len, name);
	for (; *value; value++)
		fprintf(to, *value == '\\' || *value == '"' ? "\\%c" : "%c", *value);
	fputc('"', to);
}

void metric_put(struct metric_writer *writer, double number, const char *const values[])
{
	const char *label = writer->metric->labels;
	FILE *to = writer->to;

	fputs(writer->metric->name, to);
	for (size_t i = 0; *label; i++) {
		const size_t len = strcspn(label, " ");

		fputc(i == 0 ? '{' : ',', to);
		put_label(to, label, (int)len, values ? values[i] : "");
		label += len + strspn(label + len, " ");
	}
	if (writer->metric->labels[0])
		fputc('}', to);
	if (isinf(number))
		fputs(" +Inf\n", to);
	else
		fprintf(to, number == floor(number) && fabs(number) < 1e15 ? " %.0f\n" : " %.17g\n", number);
}

void metric_write(struct metric_writer *writer, enum metric_id id, double number)
{
	metric_begin(writer, id);
	metric_put(writer, number, NULL);
}

bool metric_end(struct metric_writer *writer, enum metric_verb verb)
{
	const char *const values[] = { CGDELEG_VERSION, verb == METRIC_OF_LIST ? "list" : "watch" };

	metric_begin(writer, METRIC_BUILD_INFO);
	metric_put(writer, 1, values);
	if (writer->format == METRIC_OPENMETRICS)
		fputs("# EOF\n", writer->to);
	return fflush(writer->to) == 0 && !ferror(writer->to);
}
