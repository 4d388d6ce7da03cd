/* SPDX-License-Identifier: Apache-2.0 */
/* Watch - what is done about each event, the sweeps, and what is exported. See watch.h. */
#include "cgdeleg/node/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/node/watch-parts.h"

void watch_say(struct watch *watch, int priority, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	watch->args.say(priority, text);
}

/* The table may come and go, and its directory too: each sweep asks anew, and is told the number that there is already. */
static void watch_table(struct watch *watch)
{
	char path[PATH_MAX];

	watch->run_wd = inotify_add_watch(watch->inotify_fd, watch->args.run, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	(void)snprintf(path, sizeof(path), "%s/" BUDGET_FILE, watch->args.run);
	watch->table_wd = inotify_add_watch(watch->inotify_fd, path, IN_MODIFY);
}

/* All of its watches end with it; the next sweep asks for another. */
static void close_inotify(struct watch *watch)
{
	watch->inotify_fd = close_fd(watch->inotify_fd);
	watch->run_wd = watch->table_wd = -1;
	for (struct watched *w = watch->all; w; w = w->next)
		for (struct watch_limit *limit = w->limits; limit; limit = limit->next)
			watch_limit_lost(watch, limit);
}

/* Since Linux 6.16 whoever writes memory.max with O_NONBLOCK does not wait for reclaim. A vendor may have that in an
 * older kernel; there a child that nobody needs does no harm. */
static bool kernel_lets_go(void)
{
	unsigned major = 0, minor = 0;
	struct utsname name;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 16));
}

int watch_new(const struct watch_args *args, struct watch **ret, struct err *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return err_set(err, ENOMEM, "out of memory");
	watch->args = *args;
	watch->host = watch_host_new(args->host, args->run, args->say);
	if (!watch->host) {
		free(watch);
		return err_set(err, ENOMEM, "out of memory");
	}
	watch->guards = (struct guards)GUARDS_NONE;
	watch->lets_go = kernel_lets_go();
	watch->inotify_fd = -EBADF;
	watch->run_wd = watch->table_wd = -1;
	r = watch_sweep(watch, err);
	/* A service goes on: what one sweep could not look at, the next may. */
	if (r < 0 && args->once) {
		watch_free(watch);
		return r;
	}
	if (r < 0)
		watch_say(watch, LOG_ERR, "%s", err->text);
	*ret = watch;
	return 0;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	while (watch->all)
		watch_forget(watch, watch->all);
	watch_collect(watch);
	while (watch->children) {
		struct watch_child *child = watch->children;

		watch->children = child->next;
		free(child);
	}
	guards_done(&watch->guards);
	watch_host_free(watch->host);
	(void)close_fd(watch->inotify_fd);
	free(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch->inotify_fd;
}

/* Checks those that were not, since `sweep`, and forgets what is gone. */
static void check_others(struct watch *watch, uint64_t sweep, bool rest)
{
	struct watched *next;

	for (struct watched *w = watch->all; w; w = next) {
		next = w->next;
		if (w->checked < sweep && !watch_check(watch, w, rest))
			watch_forget(watch, w);
	}
}

/* Events were lost. Whoever can make the queue overflow can do so again at once: once a second is enough, since the
 * sweeps do not depend on it. */
static void catch_up(struct watch *watch)
{
	const int64_t now = clock_monotonic_ms();

	if (!watch->overflowed || (watch->overflow_ms && now - watch->overflow_ms < WATCH_CONTEST_MS))
		return;
	watch->overflowed = false;
	watch->overflow_ms = now;
	watch_read_entries(watch);
	check_others(watch, UINT64_MAX, false);
}

/* One file was written. */
static void enforce(struct watch *watch, struct watched *w, const struct watch_limit *only)
{
	_cleanup_(attribute_done) struct attribute attribute = { 0 };
	_cleanup_(inspect_done) struct inspect grant = INSPECT_CLOSED;
	struct err err = { 0 };

	if (watch_open(watch, w, &attribute, &grant))
		(void)watch_enforce(watch, w, &grant, only, &err);
}

static void handle(struct watch *watch, const struct inotify_event *event)
{
	struct watch_limit *limit = watch_limit_by_wd(watch, event->wd);

	if (event->mask & IN_Q_OVERFLOW) {
		watch->counts.overflows++;
		watch->overflowed = true;
	} else if (event->wd == watch->run_wd || event->wd == watch->table_wd) {
		watch_table(watch);
		watch_read_entries(watch);
		check_others(watch, 1, false);
	} else if (limit && (event->mask & IN_IGNORED)) {
		watch_limit_lost(watch, limit);
	} else if (limit && watch_limit_is_events(limit)) {
		watch_deaths_event(watch, limit->owner);
	} else if (limit && limit->file[0]) {
		enforce(watch, limit->owner, limit);
	} else if (limit) {
		(void)watch_check(watch, limit->owner, false);
	}
}

/* What waits when it begins, and no more: somebody who writes faster than this must not keep watch from its sweeps. */
void watch_events(struct watch *watch)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	int waiting = 0;
	ssize_t n;

	if (watch->inotify_fd >= 0 && ioctl(watch->inotify_fd, FIONREAD, &waiting) < 0)
		waiting = sizeof(buf);
	do {
		n = watch->inotify_fd < 0 ? 0 : read(watch->inotify_fd, buf, sizeof(buf));
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(buf + at);

			handle(watch, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
		waiting -= n > 0 ? (int)n : 0;
	} while ((n > 0 && waiting > 0) || (n < 0 && errno == EINTR));
	if (n < 0 && errno != EAGAIN) {
		watch_say(watch, LOG_ERR, "cannot read inotify's events: %s; the next sweep sets inotify up again",
			  strerror(errno));
		close_inotify(watch);
	}
	catch_up(watch);
}

void watch_mounts_changed(struct watch *watch)
{
	if (watch_host_glance(watch->host))
		watch_host_look(watch->host, watch->args.rules, watch_counts(watch)->grants);
}

const struct watch_host *watch_host(const struct watch *watch)
{
	return watch->host;
}

void watch_tick(struct watch *watch)
{
	watch_collect(watch);
	watch_mounts_changed(watch);
	catch_up(watch);
	watch_deaths_tick(watch);
	for (struct watched *w = watch->all; w; w = w->next)
		watch_enforce_tick(watch, w);
}

/* Where inotify fails nothing goes unwatched, but it takes longer: said when it begins and when it is over. */
static void note_blind(struct watch *watch)
{
	const size_t n = watch_counts(watch)->without_events;
	const bool blind = watch->inotify_fd < 0 || n > 0;
	const char *remedy = watch->inotify_fd < 0 ? "raise fs.inotify.max_user_instances, or find out who uses them up"
			     : watch->blind_errno == ENOSPC
				     ? "raise fs.inotify.max_user_watches, or find out who uses them up"
			     : watch->unkept > 0 ? "raise LimitNOFILE= of the service, or give the machine memory"
						 : "each sweep tries again";

	if (blind && !watch->blind && !watch->args.once)
		watch_say(watch, LOG_WARNING,
			  "inotify does not report writes to the limit files of %zu of %zu delegated cgroups (%s): there a raised limit is put back by the next sweep, and not at once; %s",
			  n, watch->counts.grants, strerror(watch->blind_errno), remedy);
	if (!blind && watch->blind)
		watch_say(watch, LOG_NOTICE, "inotify reports writes to all limit files again");
	watch->blind = blind;
}

/* The walk finds grants that are in no table. It visits the whole tree but what is delegated; where others have made that
 * large, limits must not wait for it in every sweep, unless nothing else checks them. */
static bool walk_is_due(struct watch *watch)
{
	const bool dear = watch->walk_ms * 100 > watch->args.interval_ms && watch->args.interval_ms > 0;

	watch->walked++;
	return watch->counts.sweeps == 0 || !dear || watch->walks_alone || watch->walked >= WATCH_WALK_EVERY;
}

int watch_sweep(struct watch *watch, struct err *err)
{
	int r = 0;

	watch->sweep++;
	watch_collect(watch);
	if (watch->inotify_fd < 0)
		watch->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->inotify_fd < 0) {
		watch->blind_errno = errno;
		watch->inotify_fd = -EBADF;
	}
	watch_guards_begin(watch);
	watch_table(watch);
	watch_read_entries(watch);
	if (walk_is_due(watch)) {
		const int64_t began = clock_monotonic_ms();

		watch->walks_alone = false;
		r = watch_walk(watch, err);
		watch->walks_alone = watch->walks_alone || r < 0;
		watch->walk_ms = clock_monotonic_ms() - began;
		watch->walked = 0;
	}
	check_others(watch, watch->sweep, true);
	watch_host_look(watch->host, watch->args.rules, watch_counts(watch)->grants);
	watch_deaths_sweep(watch);
	watch->counts.sweeps++;
	watch->overflowed = false;
	note_blind(watch);
	return r;
}

void watch_apply_policy(struct watch *watch, const struct ruleset *rules)
{
	watch->args.rules = rules;
	for (struct watched *w = watch->all; w; w = w->next) {
		_cleanup_(attribute_done) struct attribute attribute = { 0 };
		_cleanup_(inspect_done) struct inspect grant = INSPECT_CLOSED;
		struct err err = { 0 };

		if (!w->settled || !watch_open(watch, w, &attribute, &grant))
			continue;
		watch_lower(watch, w, &attribute);
		(void)watch_enforce(watch, w, &grant, NULL, &err);
	}
	watch_host_look(watch->host, rules, watch_counts(watch)->grants);
}

static bool is_grant(const struct watched *w)
{
	return w->settled || w->unreadable;
}

const struct watch_counts *watch_counts(struct watch *watch)
{
	struct watch_counts *c = &watch->counts;

	c->grants = c->without_events = watch->unkept;
	c->dying_alarms = c->dying_held = c->guards_missing = c->unreadable = c->unchecked = 0;
	for (const struct watched *w = watch->all; w; w = w->next) {
		c->grants += w->settled;
		c->without_events += is_grant(w) && (w->eventless || watch->inotify_fd < 0);
		c->unreadable += w->unreadable;
		c->unchecked += w->uncompared;
		c->dying_alarms += w->dying_alarm;
		c->dying_held += w->dying_held;
		for (int kind = 0; kind < GUARD_KINDS; kind++)
			c->guards_missing += w->guard_missing[kind];
	}
	return c;
}

bool watch_next(const struct watch *watch, struct watch_grant *grant)
{
	const struct watched *w = grant->next ? grant->next->next : watch->all;

	while (w && !is_grant(w))
		w = w->next;
	if (!w)
		return false;
	*grant = (struct watch_grant) { .next = w,
					.id = w->id,
					.name = w->name,
					.labels = (const char *const *)w->labels,
					.entry = &w->entry,
					.verified_seconds = (uint64_t)(clock_monotonic_ms() - w->verified_ms) / 1000,
					.oom_kills = w->deaths.seen.all.kills,
					.oom_kills_known = w->deaths.seen.known };
	return true;
}
