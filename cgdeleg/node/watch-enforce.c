/* SPDX-License-Identifier: Apache-2.0 */
/* Watch, enforce - puts one limit back to its ceiling, and applies a lowered policy. See watch.h. */
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
#include "cgdeleg/kernel/systemd.h"
#include "policy/ruleset.h"

#define SYSTEMD_MS	   2000	 /* while limits wait for it */
#define SYSTEMD_PATIENT_MS 25000 /* while nobody does: as long as sd-bus waits by default */

/*
 * If the limit is not set in systemd too, systemd undoes it the next time it writes. The file has been written already,
 * so a slow or missing systemd leaves nothing above its ceiling. It must not keep watch from its work either: the
 * runtime's own request may still be in systemd's queue, and watch must see at once what that writes. So a child
 * process waits for the answer; nobody waits for the child (main ignores SIGCHLD).
 */
static void tell_systemd(struct watch *watch, const struct watched *w, const struct limit_state *limit)
{
	const struct ceiling *ceiling = &limit->ceiling;
	struct unit_words words = { 0 };
	char path[4096], unit[UNIT_NAME_SIZE], *slash;
	struct err err = { 0 };
	const char *below;
	sigset_t none;
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s", w->path);
	slash = strrchr(path, '/');
	if (limit->place == PLACE_SCOPE && slash)
		*slash = '\0';
	below = systemd_unit_of(path, unit);
	if (!below || *below || !systemd_holds(ceiling->type, &ceiling->value))
		return;
	pid = watch->args.once ? -1 : fork();
	if (pid > 0)
		return;
	if (pid == 0) {
		(void)signal(SIGCHLD, SIG_DFL);
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
	}
	if (systemd_add_words(&words, ceiling->type, &ceiling->value, &err) < 0 ||
	    systemd_set(watch->args.host->helpers, unit, &words,
			clock_monotonic_ms() + (pid == 0 ? SYSTEMD_PATIENT_MS : SYSTEMD_MS), &err) < 0)
		watch_say(watch, LOG_WARNING,
			  "%s: '%s' has been put back in its file, but setting it in systemd failed: %s", w->name,
			  ceiling->file, err.text);
	if (pid == 0)
		_exit(0);
}

/*
 * One update of a runtime under systemd is several writes: its own, systemd's, and systemd's of what it remembered.
 * Writes that come together count as one rewrite, unless there is no end to them. More than a few rewrites are a
 * contest: then one rewrite a second is put back, and watch reports that once.
 */
static bool may_put_back(struct watch *watch, struct watch_file *file)
{
	const int64_t now = clock_monotonic_ms();
	bool contest;

	if (now - file->window_ms >= WATCH_CONTEST_MS) {
		file->window_ms = now;
		file->rewrites = file->writes = 0;
	}
	file->rewrites += file->rewrites == 0 || now - file->last_ms > WATCH_TOGETHER_MS;
	file->writes++;
	contest = file->rewrites > WATCH_REWRITES || file->writes > WATCH_WRITES;
	if (!contest && !file->contested)
		return true;
	if (!file->contested) {
		file->contested = true;
		watch->counts.contested++;
		watch_say(watch, LOG_WARNING,
			  "%s: somebody raises '%s' again and again; from now on it is put back once a second",
			  file->owner->name, file->file);
	}
	if (now - file->last_ms >= WATCH_CONTEST_MS)
		return true;
	file->due_ms = file->last_ms + WATCH_CONTEST_MS;
	return false;
}

static void put_back(struct watch *watch, struct watch_file *file, const struct inspect *grant,
		     const struct limit_state *limit)
{
	const struct ceiling *ceiling = &limit->ceiling;
	_cleanup_(limit_before_done) struct limit_before before = { .skip_unknown = true };
	struct err err = { 0 };
	char was[LIMIT_TEXT_SIZE], now[LIMIT_TEXT_SIZE];

	file->last_ms = clock_monotonic_ms();
	if (limit_lower(grant->place_fd[limit->place], file->file, ceiling->type, &ceiling->value, &before, &err) < 0) {
		watch->counts.failed++;
		watch_say(watch, LOG_ERR, "%s: cannot put '%s' back: %s", file->owner->name, file->file, err.text);
		return;
	}
	watch->counts.put_back++;
	if (!file->contested)
		watch_say(watch, LOG_NOTICE, "%s: '%s' was raised to %s and has been put back to %s", file->owner->name,
			  file->file, limit_format(ceiling->type, &limit->now, was, sizeof(was)),
			  limit_format(ceiling->type, &ceiling->value, now, sizeof(now)));
	tell_systemd(watch, file->owner, limit);
}

void watch_enforce(struct watch *watch, struct watched *w, struct inspect *grant, const struct watch_file *only)
{
	struct limit_state limit = { 0 };

	while (inspect_next(grant, &limit)) {
		struct watch_file *file = watch_file_of(w, &limit);

		if (!file || (only && file != only))
			continue;
		file->due_ms = 0;
		if (inspect_read(grant, &limit, NULL) >= 0 && limit.above && may_put_back(watch, file))
			put_back(watch, file, grant, &limit);
	}
}

/* Lowers one ceiling to what the policy says: 1, 0 where it says nothing lower, or an error; says what is not done. A
 * device that the policy does not name any more keeps the ceiling that it has: taking it off would be a raise. */
static int lower_one(struct watch *watch, const struct watched *w, const struct limit_value *wanted,
		     struct arena *arena, struct ceiling *ceiling, struct err *err)
{
	struct limit_value lower;
	char a[LIMIT_TEXT_SIZE], b[LIMIT_TEXT_SIZE];
	int r = limit_smaller(ceiling->type, &ceiling->value, wanted, arena, &lower, err);

	if (r > 0 && limit_check_common(ceiling->file, ceiling->type, &ceiling->value, &lower, NULL) < 0)
		r = 0;
	if (r > 0) {
		r = limit_add_lines(ceiling->type, &lower, &ceiling->value, arena, err);
		r = r == -E2BIG ? 0 : r < 0 ? r : 1;
	}
	if (r > 0)
		ceiling->value = lower;
	if (r == 0 && !limit_within(ceiling->type, wanted, &ceiling->value))
		watch_say(watch, LOG_INFO,
			  "%s: '%s' keeps its ceiling %s; the policy's new one, %s, applies only to containers that start from now on",
			  w->name, ceiling->file, limit_format(ceiling->type, &ceiling->value, a, sizeof(a)),
			  limit_format(ceiling->type, wanted, b, sizeof(b)));
	return r;
}

/* The ceilings, each as the policy has lowered it. Returns how many are lower, or an error. */
static int lower_all(struct watch *watch, const struct watched *w, const struct section *profile,
		     struct attribute *attribute, struct ceiling **ret, struct err *err)
{
	struct ceiling *ceilings = arena_alloc(&attribute->arena, attribute->n_ceilings * sizeof(*ceilings));
	int n = 0;

	if (!ceilings)
		return err_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < attribute->n_ceilings; i++) {
		const struct setting *setting;
		int r;

		ceilings[i] = attribute->ceilings[i];
		setting = section_limit(profile, ceilings[i].file);
		r = setting ? lower_one(watch, w, &setting->limit, &attribute->arena, &ceilings[i], err) : 0;
		if (r < 0)
			return r;
		n += r;
	}
	*ret = ceilings;
	return n;
}

void watch_lower(struct watch *watch, const struct watched *w, struct attribute *attribute)
{
	const struct section *profile;
	struct attribute lowered;
	struct ceiling *ceilings = NULL;
	struct err err = { 0 };
	char text[ATTRIBUTE_SIZE];
	int n;

	if (!watch->args.rules)
		return;
	profile = ruleset_find(watch->args.rules, SECTION_PROFILE, attribute->profile);
	if (!profile) {
		if (attribute->profile[0])
			watch_say(watch, LOG_INFO, "%s: the policy has no profile '%s' any more; its ceilings stay",
				  w->name, attribute->profile);
		return;
	}
	n = lower_all(watch, w, profile, attribute, &ceilings, &err);
	if (n == 0)
		return;
	lowered = *attribute;
	lowered.ceilings = ceilings;
	if (n < 0 || attribute_format(&lowered, text, sizeof(text), &err) < 0 ||
	    attribute_write(w->fd, text, false, &err) < 0) {
		watch_say(watch, LOG_ERR, "%s: cannot lower its ceilings: %s", w->name, err.text);
		return;
	}
	attribute->ceilings = ceilings;
	watch->counts.lowered += (uint64_t)n;
	watch_say(watch, LOG_NOTICE, "%s: the policy has lowered %d of its ceilings; the new ones are in force",
		  w->name, n);
}
