/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, deaths - whom the kernel killed for want of memory in a grant, and whose limit that was: a line, an audit record
 * and a count. See watch.h.
 *
 * The kernel keeps the counts, so each sweep compares them, and nothing depends on an event. An event only makes the look
 * early enough to find the cgroup that it was in, which its owner may remove at once.
 *
 * Threat. A container can have its own processes killed as often as it likes, in as many cgroups as its ceilings let it
 * make, and cause events without end. So bounded are: the events between two ticks, since the watch on memory.events goes
 * after each; the cgroups visited in a sweep, with a pause for whoever has used many and a turn for whoever got none;
 * lines and records in a minute, the rest in one sum; and what is counted: numbers of a grant, never of the cgroups below.
 */
#include <stdio.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cgdeleg/node/watch-parts.h"

void watch_deaths_done(struct watched *w)
{
	deaths_done(&w->deaths.seen);
}

/* May one more line be said? */
static bool may_say(struct watch *watch, struct watched_deaths *d)
{
	const int64_t now = clock_monotonic_ms();

	if (now - watch->death_window_ms >= WATCH_DEATHS_MS) {
		watch->death_window_ms = now;
		watch->death_lines = 0;
	}
	if (now - d->window_ms >= WATCH_DEATHS_MS) {
		d->window_ms = now;
		d->lines = 0;
	}
	if (d->lines >= WATCH_DEATHS_LINES || watch->death_lines >= WATCH_DEATHS_ALL)
		return false;
	d->lines++;
	watch->death_lines++;
	return true;
}

static const char *limit_of(const struct deaths *deaths, int limit)
{
	if (limit < 0)
		return limit == DEATHS_MACHINE ? "machine" : "unknown";
	if (deaths->cgroups[limit].own)
		return "container";
	return deaths->cgroups[limit].above ? "above" : "child";
}

/* `victim` negative: somewhere below. */
static void tell(struct watch *watch, struct watched *w, const struct deaths *now, uint64_t kills, int victim, int limit)
{
	char text[1536], in[DEATHS_PATH_SIZE], of[DEATHS_PATH_SIZE];
	const struct watch_death death = {
		.kills = kills,
		.victim = victim < 0 ? NULL : deaths_path(now, (size_t)victim, w->path, in, sizeof(in)),
		.limit = limit < 0 ? NULL : deaths_path(now, (size_t)limit, w->path, of, sizeof(of)),
		.limit_of = limit_of(now, limit),
		.most = limit < 0 ? LIMIT_MAX : now->cgroups[limit].most,
	};

	if (!may_say(watch, &w->deaths)) {
		w->deaths.unsaid += kills;
		return;
	}
	(void)deaths_describe(now, w->path, kills, victim, limit, text, sizeof(text));
	watch_say(watch, LOG_WARNING, "%s: %s", w->name, text);
	watch_record(watch, w, "oom-kill", text, &death);
}

/* What was only counted while there were too many lines. */
static void sum_up(struct watch *watch, struct watched *w)
{
	const struct watch_death death = { .kills = w->deaths.unsaid, .limit_of = "unknown", .most = LIMIT_MAX };
	char text[160];

	if (w->deaths.unsaid == 0 || !may_say(watch, &w->deaths))
		return;
	(void)snprintf(
		text, sizeof(text),
		"%llu more processes of it were killed for want of memory; only the first lines in a minute say where",
		(unsigned long long)w->deaths.unsaid);
	watch_say(watch, LOG_WARNING, "%s: %s", w->name, text);
	watch_record(watch, w, "oom-kill", text, &death);
	w->deaths.unsaid = 0;
}

static void compare(struct watch *watch, struct watched *w, const struct deaths *now)
{
	const struct deaths *before = &w->deaths.seen;
	uint64_t kills;
	int limit;

	for (size_t i = 0; i < now->n; i++) {
		const struct death_counts since = deaths_since(before, now, i);

		if (now->cgroups[i].above || since.kills == 0)
			continue;
		watch->counts.oom_kills += since.kills;
		tell(watch, w, now, since.kills, (int)i, deaths_limit(before, now, i));
	}
	kills = deaths_elsewhere(before, now, &limit);
	if (kills == 0)
		return;
	watch->counts.oom_kills += kills;
	tell(watch, w, now, kills, -1, limit);
}

/*
 * The first look at a grant that was there before this watch only takes down what there is: the watch before has told it.
 * One that has come since begins with nothing.
 */
static void look(struct watch *watch, struct watched *w)
{
	_cleanup_(attribute_done) struct attribute attribute = { 0 };
	struct deaths_bounds bounds = {
		.visits = watch->death_visits < DEATHS_VISITS ? watch->death_visits : DEATHS_VISITS,
		.local_only = watch_host_has(watch->host, "memory_localevents"),
	};
	const int64_t now_ms = clock_monotonic_ms();
	struct deaths now = { 0 };
	struct death_counts counts;

	if (!w->settled || !deaths_count(w->fd, &counts))
		return;
	/* Nobody has to go below where nobody was killed. */
	if (w->deaths.known && !bounds.local_only && counts.kills == w->deaths.seen.all.kills)
		return;
	if (bounds.visits == 0 || now_ms < w->deaths.after_ms) {
		w->deaths.waiting = true;
		return;
	}
	w->deaths.waiting = false;
	(void)attribute_read(w->fd, &attribute, NULL);
	bounds.scope = attribute.scope;
	if (deaths_look(watch->args.host, w->fd, &bounds, &now, NULL) < 0) {
		deaths_done(&now);
		return;
	}
	watch->death_visits -= now.n_visited;
	w->deaths.after_ms =
		now_ms + (now.n_visited > WATCH_DEATHS_FREE ? (int64_t)now.n_visited * WATCH_DEATHS_COST_MS : 0);
	if (w->deaths.known || w->deaths.fresh)
		compare(watch, w, &now);
	deaths_done(&w->deaths.seen);
	w->deaths.seen = now;
	w->deaths.known = true;
}

void watch_deaths_sweep(struct watch *watch)
{
	watch->death_visits = WATCH_DEATHS_VISITS;
	for (struct watched *w = watch->all; w; w = w->next)
		if (w->deaths.waiting)
			look(watch, w);
	for (struct watched *w = watch->all; w; w = w->next) {
		if (!w->deaths.waiting)
			look(watch, w);
		sum_up(watch, w);
	}
}

static void arm(struct watch *watch, struct watched *w)
{
	if (w->deaths.arms >= WATCH_DEATHS_ARMS || watch->death_arms >= WATCH_DEATHS_ARMS_ALL)
		return;
	w->deaths.arms++;
	watch->death_arms++;
	watch_limits_arm(watch, w);
}

void watch_deaths_event(struct watch *watch, struct watched *w)
{
	w->deaths.due = true;
	/* Armed before the look: nothing falls between. */
	arm(watch, w);
	look(watch, w);
}

void watch_deaths_tick(struct watch *watch)
{
	watch->death_arms = 0;
	for (struct watched *w = watch->all; w; w = w->next) {
		w->deaths.arms = 0;
		if (!w->deaths.due)
			continue;
		w->deaths.due = false;
		arm(watch, w);
		look(watch, w);
	}
}
