/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, dying - cgroups that a container has removed and that stay in the kernel, since memory is still charged to
 * them. See watch.h.
 *
 * No ceiling counts them, and each has one of the node's 65,535 memcg ids. The kernel's reclaim takes the memory of
 * removed cgroups first, so watch asks for little, and doubles that as long as it does not help: anything more would be
 * taken from the living. What reclaim cannot take (a tmpfs without swap, pages that are locked, or mapped by others) no
 * lowered limit takes either; watch reports that, and tries again now and then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/node/watch-parts.h"

#define MIB UINT64_C(1048576)

/* 0, or why not. -EAGAIN only says that less was found than was asked for. */
static int write_reclaim(const struct watched *w, uint64_t bytes)
{
	char text[32];
	int r;

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	r = file_write_at(w->fd, "memory.reclaim", text);
	return r == -EAGAIN ? 0 : r;
}

static bool is_reclaiming(struct watch *watch, const struct watched *w)
{
	return watch_running(watch, CHILD_RECLAIM, w, PLACE_ROOT, "") > 0;
}

/* Reclaim can take long, so that a child process does it, one at a time. */
static int reclaim(struct watch *watch, struct watched *w)
{
	pid_t pid;

	if (is_reclaiming(watch, w))
		return 0;
	if (faccessat(w->fd, "memory.reclaim", F_OK, 0) < 0)
		return -errno;
	watch->counts.reclaims++;
	pid = watch->args.once ? -1 : watch_fork(watch, CHILD_RECLAIM, w, PLACE_ROOT, "");
	if (pid == 0)
		_exit(-write_reclaim(w, w->reclaim_bytes));
	/* Where no process is to be had there is no hurry either: the next sweep tries again. */
	return pid > 0 || !watch->args.once ? 0 : write_reclaim(w, w->reclaim_bytes);
}

/* Did the last reclaim help? A tenth fewer is worth going on. Sets the size of the next one. */
static void judge(struct watch *watch, struct watched *w, uint64_t dying)
{
	const bool fewer = dying < w->dying_before - w->dying_before / 10;
	const bool was_held = w->dying_held;

	w->dying_before = dying;
	w->dying_held = !fewer && (was_held || w->reclaim_bytes >= WATCH_RECLAIM_MOST * MIB);
	if (w->dying_held) {
		w->reclaim_bytes = WATCH_RECLAIM_LEAST * MIB;
		w->reclaim_after_ms = clock_monotonic_ms() + WATCH_HELD_MS;
	} else if (!fewer) {
		w->reclaim_bytes *= 2;
	}
	if (w->dying_held && !was_held)
		watch_say(watch, LOG_WARNING,
			  "%s: %llu removed cgroups stay because their memory cannot be reclaimed: files on a tmpfs without swap, or pages that are locked or used by others",
			  w->name, (unsigned long long)dying);
}

void watch_dying(struct watch *watch, struct watched *w, const char *stat, const struct attribute *attribute)
{
	const char *at = strstr(stat, "nr_dying_descendants ");
	uint64_t dying = at ? strtoull(at + strlen("nr_dying_descendants "), NULL, 10) : 0;
	const struct ceiling *most = attribute ? attribute_find(attribute, "cgroup.max.descendants") : NULL;
	int r;

	if (dying <= WATCH_DYING || !most || dying <= 2 * most->value.number) {
		if (w->dying_alarm)
			watch_say(watch, LOG_NOTICE, "%s: only %llu of its removed cgroups still hold memory", w->name,
				  (unsigned long long)dying);
		w->dying_alarm = w->dying_held = false;
		return;
	}
	/* A reclaim that still runs is not judged yet, and does not make the next one larger. */
	if (w->dying_alarm && (clock_monotonic_ms() < w->reclaim_after_ms || is_reclaiming(watch, w)))
		return;
	if (w->dying_alarm) {
		judge(watch, w, dying);
	} else {
		w->dying_alarm = true;
		w->dying_before = dying;
		w->reclaim_bytes = WATCH_RECLAIM_LEAST * MIB;
		w->reclaim_after_ms = 0;
		watch_say(watch, LOG_WARNING,
			  "%s: %llu removed cgroups still hold memory, more than twice the ceiling of cgroup.max.descendants; the memory is being reclaimed",
			  w->name, (unsigned long long)dying);
	}
	r = reclaim(watch, w);
	if (r < 0 && !w->dying_held)
		watch_say(watch, LOG_WARNING, "%s: its memory cannot be reclaimed: %s", w->name, strerror(-r));
	w->dying_held = w->dying_held || r < 0;
}
