/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, systemd - tells systemd which limits were put back. See watch.h.
 *
 * If a limit is not set in systemd too, systemd undoes it the next time it writes. The file has been written already, so
 * a slow or missing systemd leaves nothing above its ceiling. It must not keep watch from its work either: the runtime's
 * own request may still be in systemd's queue, and watch must see at once what that writes. So a child process waits for
 * the answer. There is one for each unit at a time; what is put back meanwhile it is told by the next one, and in a
 * contest that is once a second.
 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "cgdeleg/kernel/systemd.h"
#include "cgdeleg/node/watch-parts.h"

#define SYSTEMD_MS	   2000	 /* while limits wait for it */
#define SYSTEMD_PATIENT_MS 25000 /* while nobody does: as long as sd-bus waits by default */
#define HELPERS_MOST	   8	 /* at a time, for all units; systemd has one thread */

/* False: no unit of systemd's has this cgroup. */
static bool find_unit(const struct watched *w, enum place place, char unit[UNIT_NAME_SIZE])
{
	char path[4096], *slash;
	const char *below;

	(void)snprintf(path, sizeof(path), "%s", w->path);
	slash = strrchr(path, '/');
	if (place == PLACE_SCOPE && slash)
		*slash = '\0';
	below = systemd_unit_of(path, unit);
	return below && !*below;
}

/* The ceilings of the marked limits as words for the helper; `shown` gets their files. */
static int collect_words(const struct watched *w, const struct inspect *grant, enum place place,
			 struct unit_words *words, char *shown, size_t size, struct err *err)
{
	struct limit_state state = { 0 };
	int r = 0;

	shown[0] = '\0';
	while (r >= 0 && inspect_next(grant, &state)) {
		const struct watch_limit *limit = watch_limit_of(w, state.place, state.ceiling.file);
		const size_t used = strlen(shown);

		if (state.place != place || !limit || !limit->tell ||
		    !systemd_holds(state.ceiling.type, &state.ceiling.value))
			continue;
		r = systemd_add_words(words, state.ceiling.type, &state.ceiling.value, err);
		(void)snprintf(shown + used, size - used, "%s'%s'", used ? ", " : "", state.ceiling.file);
	}
	return r;
}

static void unmark(struct watched *w, enum place place)
{
	for (struct watch_limit *limit = w->limits; limit; limit = limit->next)
		if (limit->place == place)
			limit->tell = false;
}

/* Fork, or without a child where nobody waits for anything else. */
static void tell_unit(struct watch *watch, struct watched *w, const struct inspect *grant, enum place place,
		      const char *unit)
{
	struct unit_words words = { 0 };
	char shown[LIMIT_FILE_SIZE * 16];
	struct err err = { 0 };
	int r = collect_words(w, grant, place, &words, shown, sizeof(shown), &err);
	pid_t pid = 1;

	if (r >= 0 && words.n > 0)
		pid = watch->args.once ? -1 : watch_fork(watch, CHILD_SYSTEMD, w, place, "");
	/* Without a process to spare, the next tick tells it. */
	if (pid < 0 && !watch->args.once)
		return;
	w->told_ms[place] = clock_monotonic_ms();
	if (pid > 0 && r >= 0) {
		unmark(w, place);
		return;
	}
	if (r >= 0)
		r = systemd_set(watch->args.host->helpers, unit, &words,
				w->told_ms[place] + (pid == 0 ? SYSTEMD_PATIENT_MS : SYSTEMD_MS), &err);
	if (r < 0 && !w->tell_failing[place])
		watch_say(watch, LOG_WARNING, "%s: %s has been put back in its file, but setting it in systemd failed: %s",
			  w->name, shown, err.text);
	if (pid == 0)
		_exit(-r);
	w->tell_failing[place] = r < 0;
	unmark(w, place);
}

void watch_tell_systemd(struct watch *watch, struct watched *w, const struct inspect *grant)
{
	bool marked[PLACE_SCOPE + 1] = { false };
	char unit[UNIT_NAME_SIZE];

	for (const struct watch_limit *limit = w->limits; limit; limit = limit->next)
		marked[limit->place] = marked[limit->place] || limit->tell;
	for (int place = PLACE_ROOT; place <= PLACE_SCOPE; place++) {
		if (!marked[place])
			continue;
		if (!find_unit(w, (enum place)place, unit))
			unmark(w, (enum place)place);
		else if (clock_monotonic_ms() - w->told_ms[place] >= WATCH_CONTEST_MS &&
			 watch_running(watch, CHILD_SYSTEMD, w, (enum place)place, "") == 0 &&
			 watch_running(watch, CHILD_SYSTEMD, NULL, PLACE_ROOT, "") < HELPERS_MOST)
			tell_unit(watch, w, grant, (enum place)place, unit);
	}
}
