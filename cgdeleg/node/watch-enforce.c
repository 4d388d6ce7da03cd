/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, enforce - puts one limit back to its ceiling. See watch.h.
 *
 * Threat. A program on the host raises a limit again and again, faster than anybody reads a log. It must not win: each
 * rewrite that is seen is put back at once. What it could use up instead is bounded: lines in the log, helpers for
 * systemd, and child processes that wait for reclaim. Not covered: a program that raises a limit faster than the
 * kernel schedules watch has it above its ceiling in between (docs/costs.md has the share of time).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "cgdeleg/kernel/limits.h"
#include "cgdeleg/node/watch-parts.h"

#define WRITERS_MOST 2 /* children for one limit: one that hangs must not keep the next from its write */

/*
 * One update of a runtime under systemd is several writes: its own, systemd's, and systemd's of what it remembered.
 * Writes that come together count as one rewrite, unless there is no end to them. More than a few rewrites are a
 * contest: each is put back all the same, but reported only once.
 */
static void note_rewrite(struct watch *watch, struct watch_limit *limit)
{
	const int64_t now = clock_monotonic_ms();

	if (now - limit->window_ms >= WATCH_CONTEST_MS) {
		limit->window_ms = now;
		limit->rewrites = limit->writes = 0;
	}
	if (now - limit->last_ms >= WATCH_CALM_MS)
		limit->lines = 0;
	limit->rewrites += limit->rewrites == 0 || now - limit->last_ms > WATCH_TOGETHER_MS;
	limit->writes++;
	limit->lines++;
	limit->last_ms = now;
	if (limit->contested ||
	    (limit->rewrites <= WATCH_REWRITES && limit->writes <= WATCH_WRITES && limit->lines <= WATCH_LINES))
		return;
	limit->contested = true;
	watch->counts.contested++;
	watch->counts.contests++;
	watch_note(watch, limit->owner, "contested", LOG_WARNING,
		   "somebody keeps raising '%s'; it is put back each time, and this is reported only once", limit->file);
}

static void note_failure(struct watch *watch, struct watched *w, struct watch_limit *limit, const char *file,
			 const char *why)
{
	watch->counts.failed++;
	if (w && (!limit || !limit->failing))
		watch_note(watch, w, "not-put-back", LOG_ERR, "cannot put '%s' back: %s", file, why);
	else if (!w)
		watch_say(watch, LOG_ERR, "a cgroup: cannot put '%s' back: %s", file, why);
	if (limit)
		limit->failing = true;
}

/* Returns whether the file was changed. It may have come down by itself, or name only devices that are not there. */
static int lower(const struct inspect *grant, const struct limit_state *state, struct err *err)
{
	const struct ceiling *ceiling = &state->ceiling;
	_cleanup_(limit_before_done) struct limit_before before = { .skip_unknown = true, .no_wait = true };
	int r = limit_lower(grant->place_fd[state->place], ceiling->file, ceiling->type, &ceiling->value, &before, err);

	if (r < 0)
		return r;
	return before.changed && !(before.n_skipped > 0 && limit_n_lines(&before.value) == 0);
}

/* Would the kernel reclaim memory before the write returns? */
static bool may_wait(const struct watch *watch, const char *file)
{
	return !watch->lets_go && !watch->args.once &&
	       (strcmp(file, "memory.max") == 0 || strcmp(file, "memory.high") == 0);
}

/*
 * The kernel sets such a limit before it begins to reclaim, so that the limit holds while the child waits, and also when
 * the child is killed. 1: a child does it; 0: there is none to be had, so the caller must write; or -EBUSY: as many hang
 * as there may be, and all have been told to end.
 */
static int lower_by_child(struct watch *watch, struct watched *w, const struct inspect *grant,
			  const struct limit_state *state)
{
	const char *file = state->ceiling.file;
	const size_t running = watch_running(watch, CHILD_WRITE, w, state->place, file);
	struct err err = { 0 };
	pid_t pid;

	for (const struct watch_child *child = watch->children; running > 0 && child; child = child->next)
		if (child->kind == CHILD_WRITE && child->id == w->id && child->place == state->place &&
		    strcmp(child->file, file) == 0)
			(void)kill(child->pid, SIGKILL);
	if (running >= WRITERS_MOST)
		return -EBUSY;
	pid = watch_fork(watch, CHILD_WRITE, w, state->place, file);
	if (pid != 0)
		return pid > 0;
	_exit(lower(grant, state, &err) < 0 ? err.code : 0);
}

void watch_enforce_ended(struct watch *watch, struct watched *w, enum place place, const char *file, int error)
{
	struct watch_limit *limit = w ? watch_limit_of(w, place, file) : NULL;

	/* It was killed, because another was to be started; perhaps before it wrote, and perhaps the other, too. */
	if (error == EINTR && limit && !limit->again_ms)
		limit->again_ms = clock_monotonic_ms();
	if (error == EINTR)
		return;
	if (error && !watch_is_gone(-error))
		note_failure(watch, w, limit, file, strerror(error));
	else if (!error && limit)
		limit->failing = false;
}

/* As many children hang as there may be. They have been told to end, and one that the kernel holds does not. */
static int note_hanging(struct watch *watch, struct watched *w, struct watch_limit *limit, const char *file)
{
	const int64_t now = clock_monotonic_ms();

	if (limit && !limit->again_ms)
		limit->again_ms = now;
	if (limit && !limit->failing && now - limit->again_ms >= WATCH_CALM_MS)
		note_failure(watch, w, limit, file, "the processes that write it hang in the kernel");
	return -EBUSY;
}

static int put_back(struct watch *watch, struct watched *w, const struct inspect *grant, const struct limit_state *state)
{
	const struct ceiling *ceiling = &state->ceiling;
	struct watch_limit *limit = watch_limit_of(w, state->place, ceiling->file);
	char was[LIMIT_TEXT_SIZE], now[LIMIT_TEXT_SIZE];
	int r = may_wait(watch, ceiling->file) ? lower_by_child(watch, w, grant, state) : 0;
	const bool waits = r > 0;
	struct err err = { 0 };

	/* The next event, tick or sweep tries again. */
	if (r < 0)
		return note_hanging(watch, w, limit, ceiling->file);
	if (!waits)
		r = lower(grant, state, &err);
	if (r < 0 && !watch_is_gone(r))
		note_failure(watch, w, limit, ceiling->file, err.text);
	if (r <= 0)
		return r;
	/* The one before failed: not said to be back, or to hold, before one has ended well. */
	if (waits && limit && limit->failing)
		return -EINPROGRESS;
	watch->counts.put_back++;
	if (limit)
		note_rewrite(watch, limit);
	if (!limit || !limit->contested)
		watch_note(watch, w, w->lowered ? "lowered" : "put-back", LOG_NOTICE,
			   w->lowered ? "'%s' was %s and has been lowered to %s, because the policy's ceiling is lower now"
				      : "'%s' was raised to %s and has been put back to %s",
			   ceiling->file, limit_format(ceiling->type, &state->now, was, sizeof(was)),
			   limit_format(ceiling->type, &ceiling->value, now, sizeof(now)));
	if (limit) {
		limit->tell = true;
		limit->failing = false;
	}
	return 0;
}

/* One ceiling. A file that is gone from a cgroup that is there limits nothing: somebody has disabled its controller. */
static int compare(struct watch *watch, struct watched *w, struct inspect *grant, struct limit_state *state,
		   struct err *err)
{
	struct watch_limit *limit = watch_limit_of(w, state->place, state->ceiling.file);
	int r = inspect_read(grant, state, err);

	if (r >= 0 && state->above)
		return put_back(watch, w, grant, state);
	if (r >= 0 && limit)
		limit->again_ms = 0;
	if (!watch_is_gone(r))
		return r;
	if (faccessat(grant->place_fd[state->place], "cgroup.stat", F_OK, 0) < 0)
		return 0;
	*err = (struct err) { 0 };
	return err_set(err, ENOENT,
		       "'%s' is gone, because its controller is not enabled there any more: so it limits nothing",
		       state->ceiling.file);
}

int watch_enforce(struct watch *watch, struct watched *w, struct inspect *grant, const struct watch_limit *only,
		  struct err *err)
{
	struct limit_state state = { 0 };
	int worst = 0;

	while (inspect_next(grant, &state)) {
		struct err why = { 0 };
		int r;

		if (only && (only->place != state.place || strcmp(only->file, state.ceiling.file) != 0))
			continue;
		r = compare(watch, w, grant, &state, &why);
		if (r >= 0 || worst < 0)
			continue;
		worst = r;
		*err = why;
	}
	if (!only)
		w->lowered = false;
	watch_tell_systemd(watch, w, grant);
	return worst;
}

void watch_enforce_tick(struct watch *watch, struct watched *w)
{
	const int64_t now = clock_monotonic_ms();
	bool tell = false, again = false;

	for (struct watch_limit *limit = w->limits; limit; limit = limit->next) {
		tell = tell || limit->tell;
		again = again || limit->again_ms;
		if (!limit->contested || now - limit->last_ms < WATCH_CALM_MS)
			continue;
		limit->contested = false;
		watch->counts.contested--;
		watch_note(watch, w, "calm", LOG_NOTICE, "nobody raises '%s' any more", limit->file);
	}
	if (tell || again) {
		_cleanup_(attribute_done) struct attribute attribute = { 0 };
		_cleanup_(inspect_done) struct inspect grant = INSPECT_CLOSED;
		struct err err = { 0 };

		if (!watch_open(watch, w, &attribute, &grant))
			return;
		if (again)
			(void)watch_enforce(watch, w, &grant, NULL, &err);
		else
			watch_tell_systemd(watch, w, &grant);
	}
}
