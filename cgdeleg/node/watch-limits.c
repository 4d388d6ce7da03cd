/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, limits - the ceilings of a grant, each with its inotify watch if it has one. See watch.h.
 *
 * Each check asks for every watch again: the kernel answers with the number that there is already; and where there was
 * no room, or where somebody has disabled and enabled a controller, so that the file is another, with a new one. Before
 * Linux 7 kernfs tells nobody that a file is gone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/clock.h"
#include "cgdeleg/node/watch-parts.h"

#define EVENTS_FILE "memory.events"

struct watch_limit *watch_limit_by_wd(const struct watch *watch, int wd)
{
	struct watch_limit *limit = watch->wds[(unsigned)wd % WATCH_BUCKETS];

	while (limit && limit->wd != wd)
		limit = limit->chain;
	return limit;
}

struct watch_limit *watch_limit_of(const struct watched *w, enum place place, const char *file)
{
	struct watch_limit *limit = w->limits;

	while (limit && (limit->place != place || strcmp(limit->file, file) != 0))
		limit = limit->next;
	return limit;
}

void watch_limit_lost(struct watch *watch, struct watch_limit *limit)
{
	struct watch_limit **at = &watch->wds[(unsigned)limit->wd % WATCH_BUCKETS];

	if (limit->wd < 0)
		return;
	while (*at != limit)
		at = &(*at)->chain;
	*at = limit->chain;
	limit->wd = -1;
}

static void unwatch(struct watch *watch, struct watch_limit *limit)
{
	const int wd = limit->wd;

	watch_limit_lost(watch, limit);
	if (wd >= 0)
		(void)inotify_rm_watch(watch->inotify_fd, wd);
}

/* In the directory `fd`. -ENOENT: there is no such file. */
static int add_watch(struct watch *watch, struct watch_limit *limit, int fd)
{
	char path[64 + LIMIT_FILE_SIZE];
	int wd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", fd, limit->file);
	wd = inotify_add_watch(watch->inotify_fd, path,
			       watch_limit_is_events(limit) ? IN_MODIFY | IN_ONESHOT
			       : limit->file[0]		    ? IN_MODIFY
							    : IN_ATTRIB);
	if (wd < 0) {
		const int error = errno;

		if (error == ENOENT)
			unwatch(watch, limit);
		return -error;
	}
	if (wd == limit->wd)
		return 0;
	unwatch(watch, limit);
	limit->wd = wd;
	limit->chain = watch->wds[(unsigned)wd % WATCH_BUCKETS];
	watch->wds[(unsigned)wd % WATCH_BUCKETS] = limit;
	return 0;
}

static int add(struct watch *watch, struct watched *w, enum place place, int fd, const char *file)
{
	struct watch_limit *limit = watch_limit_of(w, place, file);
	int r;

	if (!limit) {
		limit = calloc(1, sizeof(*limit));
		if (!limit)
			return -ENOMEM;
		*limit = (struct watch_limit) { .owner = w, .place = place, .wd = -1, .next = w->limits };
		(void)snprintf(limit->file, sizeof(limit->file), "%s", file);
		w->limits = limit;
	}
	limit->listed = true;
	r = add_watch(watch, limit, fd);
	if (r < 0 && r != -ENOENT)
		watch->blind_errno = -r;
	return r == -ENOENT ? 0 : r;
}

/* The limits that the attribute does not list. */
static void drop_unlisted(struct watch *watch, struct watched *w)
{
	struct watch_limit **at = &w->limits;

	while (*at) {
		struct watch_limit *limit = *at;

		if (limit->listed) {
			at = &limit->next;
			continue;
		}
		*at = limit->next;
		unwatch(watch, limit);
		watch->counts.contested -= limit->contested;
		free(limit);
	}
}

void watch_limits_sync(struct watch *watch, struct watched *w, const struct inspect *grant)
{
	struct limit_state state = { 0 };

	w->eventless = false;
	for (struct watch_limit *limit = w->limits; limit; limit = limit->next)
		limit->listed = false;
	if (!grant && clock_monotonic_ms() - w->since_ms < WATCH_WAIT_MS)
		w->eventless = add(watch, w, PLACE_ROOT, w->fd, "") < 0;
	while (grant && inspect_next(grant, &state))
		if (add(watch, w, state.place, grant->place_fd[state.place], state.ceiling.file) < 0)
			w->eventless = true;
	if (grant)
		watch_limits_arm(watch, w);
	drop_unlisted(watch, w);
}

/* Not a limit: no grant is without events for want of it. */
void watch_limits_arm(struct watch *watch, struct watched *w)
{
	const int blind_errno = watch->blind_errno;

	(void)add(watch, w, PLACE_ROOT, w->fd, EVENTS_FILE);
	watch->blind_errno = blind_errno;
}

bool watch_limit_is_events(const struct watch_limit *limit)
{
	return strcmp(limit->file, EVENTS_FILE) == 0;
}

void watch_limits_drop(struct watch *watch, struct watched *w)
{
	for (struct watch_limit *limit = w->limits; limit; limit = limit->next)
		limit->listed = false;
	drop_unlisted(watch, w);
}
