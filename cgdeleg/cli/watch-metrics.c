/* SPDX-License-Identifier: Apache-2.0 */
/* Watch, metrics - see watch-metrics.h. */
#include "cgdeleg/cli/watch-metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "bpf/guard.h"
#include "cgdeleg/node/watch-host.h"
#include "policy/ruleset.h"
#include "policy/usage.h"

#define COUNT(member) offsetof(struct watch_counts, member), sizeof(((struct watch_counts *)0)->member)

static const struct {
	enum metric_id metric;
	size_t offset, size;
} counts[] = {
	{ METRIC_WATCH_GRANTS, COUNT(grants) },
	{ METRIC_WATCH_SWEEPS, COUNT(sweeps) },
	{ METRIC_WATCH_PUT_BACK, COUNT(put_back) },
	{ METRIC_WATCH_FAILED, COUNT(failed) },
	{ METRIC_WATCH_CONTESTS, COUNT(contests) },
	{ METRIC_WATCH_CONTESTED, COUNT(contested) },
	{ METRIC_WATCH_LOWERED, COUNT(lowered) },
	{ METRIC_WATCH_UNCHECKED, COUNT(unchecked) },
	{ METRIC_WATCH_UNREADABLE, COUNT(unreadable) },
	{ METRIC_WATCH_UNOPENED, COUNT(unopened) },
	{ METRIC_WATCH_WITHOUT_EVENTS, COUNT(without_events) },
	{ METRIC_WATCH_OVERFLOWS, COUNT(overflows) },
	{ METRIC_WATCH_GUARDS_RESTORED, COUNT(guards_restored) },
	{ METRIC_WATCH_GUARDS_MISSING, COUNT(guards_missing) },
	{ METRIC_WATCH_DYING_ALARMS, COUNT(dying_alarms) },
	{ METRIC_WATCH_DYING_HELD, COUNT(dying_held) },
	{ METRIC_WATCH_RECLAIMS, COUNT(reclaims) },
	{ METRIC_WATCH_OOM_KILLS, COUNT(oom_kills) },
};

static const struct {
	enum metric_id used, allowed;
} budgets[BUDGET_KINDS] = {
	[BUDGET_DESCENDANTS] = { METRIC_BUDGET_DESCENDANTS_USED, METRIC_BUDGET_DESCENDANTS_ALLOWED },
	[BUDGET_GRANTS] = { METRIC_BUDGET_GRANTS_USED, METRIC_BUDGET_GRANTS_ALLOWED },
	[BUDGET_MEMORY] = { METRIC_BUDGET_MEMORY_USED, METRIC_BUDGET_MEMORY_ALLOWED },
	[BUDGET_PIDS] = { METRIC_BUDGET_PIDS_USED, METRIC_BUDGET_PIDS_ALLOWED },
	[BUDGET_CPU] = { METRIC_BUDGET_CPU_USED, METRIC_BUDGET_CPU_ALLOWED },
};

static void put_options(struct metric_writer *writer, enum metric_id metric, const struct watch_host *host,
			bool (*is)(const struct watch_host *host, const char *option))
{
	metric_begin(writer, metric);
	for (size_t i = 0; i < HOST_OPTIONS; i++)
		metric_put(writer, is(host, host_options[i].name), &host_options[i].name);
}

/* One grant as it is exported. */
struct exported {
	uint64_t verified_seconds, oom_kills;
	bool oom_kills_known;
};

struct grants {
	size_t n, n_left_out, size;
	struct metric_grant *labels;
	struct exported *exported;
	struct budget_entry *entries; /* of all, those left out included */
	size_t n_entries;
};

static void grants_done(struct grants *grants)
{
	free(grants->labels);
	free(grants->exported);
	free(grants->entries);
}

/* False: out of memory. */
static bool grants_collect(const struct watch *watch, struct grants *ret)
{
	struct watch_grant grant = { 0 };
	size_t n = 0;

	while (watch_next(watch, &grant))
		n++;
	ret->labels = calloc(n + 1, sizeof(*ret->labels));
	ret->exported = calloc(n + 1, sizeof(*ret->exported));
	ret->entries = calloc(n + 1, sizeof(*ret->entries));
	if (!ret->labels || !ret->exported || !ret->entries)
		return false;
	grant = (struct watch_grant) { 0 };
	while (ret->n_entries < n && watch_next(watch, &grant)) {
		ret->entries[ret->n_entries++] = *grant.entry;
		if (ret->n == METRIC_GRANTS_MAX) {
			ret->n_left_out++;
			continue;
		}
		for (size_t i = 0; i < WATCH_LABELS; i++)
			ret->labels[ret->n].values[i] = grant.labels[i];
		ret->labels[ret->n].cgroup_id = grant.id;
		ret->exported[ret->n++] = (struct exported) { .verified_seconds = grant.verified_seconds,
							      .oom_kills = grant.oom_kills,
							      .oom_kills_known = grant.oom_kills_known };
	}
	metric_grants_tell_apart(ret->labels, ret->n);
	return true;
}

static void put_grants(struct metric_writer *writer, const struct grants *grants)
{
	static const char *const verb[] = { "watch" };

	metric_begin(writer, METRIC_GRANTS_LEFT_OUT);
	metric_put(writer, (double)grants->n_left_out, verb);
	metric_begin(writer, METRIC_WATCH_VERIFIED_AGE);
	for (size_t i = 0; i < grants->n; i++)
		metric_put(writer, (double)grants->exported[i].verified_seconds, grants->labels[i].values);
	metric_begin(writer, METRIC_OOM_KILLS);
	for (size_t i = 0; i < grants->n; i++)
		if (grants->exported[i].oom_kills_known)
			metric_put(writer, (double)grants->exported[i].oom_kills, grants->labels[i].values);
}

static void put_guards(struct metric_writer *writer, const struct host *host)
{
	static const char *const names[] = { "device", "grant" };
	_cleanup_(guards_done) struct guards guards = GUARDS_NONE;

	(void)guards_open(host->sys_fd, WANT_BOTH_GUARDS, &guards, NULL);
	metric_begin(writer, METRIC_GUARD_LOADED);
	metric_put(writer, guards.device.program_fd >= 0, &names[0]);
	metric_put(writer, guards.grant.grants_fd >= 0, &names[1]);
}

static void rules_free(struct ruleset **rules)
{
	if (*rules)
		ruleset_done(*rules);
	free(*rules);
	*rules = NULL;
}

/* A policy of ten thousand lines takes a tenth of a second: no more than one part in a hundred of the time is spent so. */
static void look_at_policy(struct watch_metrics *from)
{
	struct policy_look *look = &from->look;
	const int64_t began = clock_monotonic_ms();
	_cleanup_(rules_free) struct ruleset *rules = NULL;

	if (look->after_ms && began < look->after_ms)
		return;
	rules = calloc(1, sizeof(*rules));
	look->valid = rules && ruleset_load(from->policy, from->owner, rules, NULL) >= 0 && !ruleset_is_broken(rules);
	look->n_faults = 0;
	for (const struct complaint *c = rules ? rules->complaints : NULL; c; c = c->next)
		look->n_faults++;
	if (look->valid) {
		rules_free(&look->rules);
		look->rules = TAKE_PTR(rules);
	}
	look->after_ms = began + 100 * (clock_monotonic_ms() - began);
}

/* What usage_each() tells, kept, because a family is written whole. */
struct sums {
	size_t n, size;
	struct budget_use *all;
};

static void keep_sum(const struct budget_use *use, void *userdata)
{
	struct sums *sums = userdata;

	if (sums->n == sums->size) {
		const size_t size = sums->size ? 2 * sums->size : 16;
		struct budget_use *more = reallocarray(sums->all, size, sizeof(*more));

		if (!more)
			return;
		sums->all = more;
		sums->size = size;
	}
	sums->all[sums->n++] = *use;
}

static void put_budget(struct metric_writer *writer, const struct sums *sums, enum budget_kind kind, bool used)
{
	size_t n = 0;

	metric_begin(writer, used ? budgets[kind].used : budgets[kind].allowed);
	for (size_t i = 0; i < sums->n && n < BUDGETS_MAX; i++) {
		const struct budget_use *use = &sums->all[i];
		const uint64_t amount = used ? use->used : use->allowed;
		/* Thousandths of a core. */
		const double number = kind == BUDGET_CPU ? (double)amount / 1000 : (double)amount;
		char section[100] = "defaults", namespace[300];
		const char *const values[] = { section, namespace };

		if (use->kind != kind)
			continue;
		if (use->section && use->section->kind != SECTION_DEFAULTS)
			(void)snprintf(section, sizeof(section), "%s %s", section_kind_name(use->section->kind),
				       use->section->name);
		(void)text_escape(use->namespace ? use->namespace : "", namespace, sizeof(namespace));
		metric_put(writer, amount == LIMIT_MAX ? INFINITY : number, values);
		n++;
	}
}

static void put_policy(struct metric_writer *writer, struct watch_metrics *from, struct grants *grants)
{
	struct sums sums = { 0 };

	look_at_policy(from);
	metric_write(writer, METRIC_POLICY_VALID, from->look.valid);
	metric_write(writer, METRIC_POLICY_FAULTS, (double)from->look.n_faults);
	if (from->look.rules)
		usage_each(from->look.rules, grants->entries, grants->n_entries, keep_sum, &sums);
	for (int kind = 0; kind < BUDGET_KINDS; kind++) {
		put_budget(writer, &sums, (enum budget_kind)kind, true);
		put_budget(writer, &sums, (enum budget_kind)kind, false);
	}
	free(sums.all);
}

void watch_metrics_done(struct watch_metrics *from)
{
	rules_free(&from->look.rules);
	from->look = (struct policy_look) { 0 };
}

bool watch_metrics(struct watch_metrics *from, FILE *to)
{
	_cleanup_(grants_done) struct grants grants = { 0 };
	struct metric_writer writer = { .to = to, .format = from->format };
	const struct watch_counts *c = watch_counts(from->watch);
	const int64_t swept_ms = from->swept_us / 1000;

	if (!grants_collect(from->watch, &grants))
		return false;
	for (size_t i = 0; i < ELEMENTS(counts); i++) {
		const void *at = (const char *)c + counts[i].offset;
		const bool wide = counts[i].size == sizeof(uint64_t);

		metric_write(&writer, counts[i].metric,
			     wide ? (double)*(const uint64_t *)at : (double)*(const uint32_t *)at);
	}
	metric_write(&writer, METRIC_WATCH_SWEPT, (double)swept_ms / 1000);
	put_grants(&writer, &grants);
	put_options(&writer, METRIC_WATCH_HOST_OPTION, watch_host(from->watch), watch_host_has);
	put_options(&writer, METRIC_WATCH_HOST_OPTION_LOST, watch_host(from->watch), watch_host_misses);
	put_guards(&writer, from->host);
	metric_put_decisions(&writer, from->run);
	put_policy(&writer, from, &grants);
	return metric_end(&writer, METRIC_OF_WATCH);
}
