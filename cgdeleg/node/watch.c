/* SPDX-License-Identifier: Apache-2.0 */
/* Watch - which cgroups are watched, what is done about each event, and the sweeps. See watch.h. */
#include "cgdeleg/node/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/kernel/walk.h"
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

static void free_watched(struct watch *watch, struct watched *w)
{
	watch_files_drop(watch, w);
	w->fd = close_fd(w->fd);
	w->reclaimer_fd = close_fd(w->reclaimer_fd);
	free(w->name);
	free(w->path);
	free(w);
}

/* The path below the cgroup2 mount of a cgroup that was opened by its id. */
static char *path_of(const struct host *host, int fd)
{
	char link[32], path[PATH_MAX], root[PATH_MAX];
	ssize_t len;

	(void)snprintf(link, sizeof(link), "self/fd/%d", host->cgroup_fd);
	len = file_readlink_at(host->proc_fd, link, root, sizeof(root));
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	if (len < 0 || file_readlink_at(host->proc_fd, link, path, sizeof(path)) < len)
		return strdup("");
	return strdup(path + len);
}

/* By one reading of its attribute: what holds is what that says now. False: it has none that can be read. */
static bool look_at(const struct watched *w, struct attribute *attribute, struct inspect *ret)
{
	return attribute_read(w->fd, attribute, NULL) >= 0 && attribute->present &&
	       inspect_open(w->fd, w->id, attribute, ret, NULL) >= 0;
}

/* The attribute is there, or not yet. Files are watched before they are read: nothing falls between. */
static void settle(struct watch *watch, struct watched *w)
{
	_cleanup_(attribute_done) struct attribute attribute = { 0 };
	_cleanup_(inspect_done) struct inspect grant = INSPECT_CLOSED;
	struct err err = { 0 };
	char shown[256];
	int r;

	if (attribute_read(w->fd, &attribute, &err) < 0) {
		w->waits = false;
		watch_say(watch, LOG_ERR, "%s: %s; its ceilings are not watched", w->path, err.text);
		return;
	}
	if (!attribute.marked)
		return;
	w->waits = false;
	free(w->name);
	w->name = strdup(text_escape(attribute.id, shown, sizeof(shown)));
	r = inspect_open(w->fd, w->id, &attribute, &grant, NULL);
	if (r >= 0)
		r = watch_files_add(watch, w, &grant);
	if (r < 0)
		watch_say(watch, LOG_ERR,
			  "%s: cannot watch its limit files: %s; raise fs.inotify.max_user_watches; until then a raised limit may stay",
			  w->name, strerror(-r));
	watch_lower(watch, w, &attribute);
	watch_enforce(watch, w, &grant, NULL);
}

/* `only` NULL: all limits of the grant. */
static void enforce(struct watch *watch, struct watched *w, struct watch_file *only)
{
	_cleanup_(attribute_done) struct attribute attribute = { 0 };
	_cleanup_(inspect_done) struct inspect grant = INSPECT_CLOSED;

	if (only)
		only->due_ms = 0;
	if (!w->waits && look_at(w, &attribute, &grant))
		watch_enforce(watch, w, &grant, only);
}

static bool is_known(const struct watch *watch, uint64_t id)
{
	for (const struct watched *w = watch->all; w; w = w->next)
		if (w->id == id)
			return true;
	return false;
}

/* Takes fd. */
static int adopt(struct watch *watch, uint64_t id, int fd)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w) {
		(void)close_fd(fd);
		return -ENOMEM;
	}
	*w = (struct watched) { .id = id, .fd = fd, .reclaimer_fd = -EBADF, .waits = true, .next = watch->all };
	watch->all = w;
	w->path = path_of(watch->args.host, fd);
	w->name = strdup("");
	if (!w->path || !w->name)
		return -ENOMEM;
	(void)watch_files_add(watch, w, NULL);
	settle(watch, w);
	return 0;
}

/* An entry is only a hint at what to look at; it is read without its lock. */
static void read_entries(struct watch *watch)
{
	_cleanup_close_ int fd = -EBADF;
	struct budget_entry entry;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" BUDGET_FILE, watch->args.run);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	for (off_t at = sizeof(entry); fd >= 0 && pread(fd, &entry, sizeof(entry), at) == (ssize_t)sizeof(entry);
	     at += (off_t)sizeof(entry)) {
		int cgroup_fd;

		if (entry.id == 0 || is_known(watch, entry.id))
			continue;
		cgroup_fd = grant_open(watch->args.host, entry.id);
		if (cgroup_fd >= 0)
			(void)adopt(watch, entry.id, cgroup_fd);
	}
}

/* The table may come and go: its directory is watched too. */
static void watch_table(struct watch *watch)
{
	char path[PATH_MAX];

	watch->run_wd = inotify_add_watch(watch->inotify_fd, watch->args.run, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	(void)snprintf(path, sizeof(path), "%s/" BUDGET_FILE, watch->args.run);
	watch->table_wd = inotify_add_watch(watch->inotify_fd, path, IN_MODIFY);
}

static int visit(struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct watch *watch = userdata;
	int copy;

	if (is_known(watch, grant->id))
		return 0;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0 || adopt(watch, grant->id, copy) < 0)
		return err_set_errno(err, errno,
				     "cannot watch another cgroup with inotify (is fs.inotify.max_user_watches too low?)");
	return 0;
}

int watch_new(const struct watch_args *args, struct watch **ret, struct err *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return err_set(err, ENOMEM, "out of memory");
	watch->args = *args;
	watch->counts.nsdelegate = true;
	watch->guards = (struct guards)GUARDS_NONE;
	watch->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	r = watch->inotify_fd < 0 ? err_set_errno(err, errno, "cannot use inotify") : 0;
	if (r >= 0) {
		watch_table(watch);
		r = watch_sweep(watch, true, err);
	}
	if (r < 0)
		watch_free(watch);
	else
		*ret = watch;
	return r;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	while (watch->all) {
		struct watched *w = watch->all;

		watch->all = w->next;
		free_watched(watch, w);
	}
	guards_done(&watch->guards);
	(void)close_fd(watch->inotify_fd);
	free(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch->inotify_fd;
}

static void handle(struct watch *watch, const struct inotify_event *event)
{
	struct watch_file *file;

	if (event->mask & IN_Q_OVERFLOW) {
		watch->counts.overflows++;
		for (struct watched *w = watch->all; w; w = w->next)
			enforce(watch, w, NULL);
		read_entries(watch);
	} else if (event->wd == watch->run_wd) {
		watch_table(watch);
		read_entries(watch);
	} else if (event->wd == watch->table_wd) {
		read_entries(watch);
	} else if ((file = watch_file_find(watch, event->wd)) != NULL) {
		if (file->owner->waits)
			settle(watch, file->owner);
		else if (file->file[0])
			enforce(watch, file->owner, file);
	}
}

int watch_events(struct watch *watch, struct err *err)
{
	char buf[16384] __attribute__((aligned(8)));

	for (;;) {
		ssize_t n = read(watch->inotify_fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return err_set_errno(err, errno, "cannot read inotify's events");
		if (n <= 0)
			return 0;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(buf + at);

			handle(watch, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
}

void watch_tick(struct watch *watch)
{
	const int64_t now = clock_monotonic_ms();

	for (struct watched *w = watch->all; w && watch->counts.contested > 0; w = w->next)
		for (struct watch_file *file = w->files; file; file = file->next) {
			if (file->due_ms && file->due_ms <= now)
				enforce(watch, w, file);
			if (!file->contested || now - file->last_ms < WATCH_CALM_MS)
				continue;
			file->contested = false;
			watch->counts.contested--;
			watch_say(watch, LOG_NOTICE, "%s: nobody raises '%s' any more", w->name, file->file);
		}
}

/* Everything about one grant, by one reading of its attribute; its limits only if `limits`. False: it is gone. */
static bool check(struct watch *watch, struct watched *w, bool limits)
{
	_cleanup_(attribute_done) struct attribute attribute = { 0 };
	_cleanup_(inspect_done) struct inspect grant = INSPECT_CLOSED;
	char stat[1024];
	bool readable;

	if (file_read_record_at(w->fd, "cgroup.stat", stat, sizeof(stat)) < 0)
		return false;
	if (w->waits)
		return true;
	readable = look_at(w, &attribute, &grant);
	if (readable && limits)
		watch_enforce(watch, w, &grant, NULL);
	watch_dying(watch, w, stat, readable ? &attribute : NULL);
	if (readable)
		watch_guards(watch, w, &grant);
	return true;
}

/* Forgets what is gone. */
static void check_all(struct watch *watch, bool limits)
{
	struct watched **at = &watch->all;

	while (*at) {
		struct watched *w = *at;

		if (check(watch, w, limits)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free_watched(watch, w);
	}
}

int watch_sweep(struct watch *watch, bool walk, struct err *err)
{
	struct watched *known;
	int r = 0;

	watch_guards_begin(watch);
	watch_host(watch);
	check_all(watch, walk);
	known = watch->all;
	read_entries(watch);
	if (walk)
		r = grants_walk(watch->args.host, visit, watch, NULL, err);
	/* The limits of those that have just been found are settled. */
	for (struct watched *w = watch->all; w != known; w = w->next)
		(void)check(watch, w, false);
	watch->counts.sweeps++;
	return r;
}

void watch_apply_policy(struct watch *watch, const struct ruleset *rules)
{
	watch->args.rules = rules;
	for (struct watched *w = watch->all; w; w = w->next) {
		_cleanup_(attribute_done) struct attribute attribute = { 0 };
		_cleanup_(inspect_done) struct inspect grant = INSPECT_CLOSED;

		if (w->waits || !look_at(w, &attribute, &grant))
			continue;
		watch_lower(watch, w, &attribute);
		watch_enforce(watch, w, &grant, NULL);
	}
}

const struct watch_counts *watch_counts(struct watch *watch)
{
	struct watch_counts *c = &watch->counts;

	c->grants = c->dying_alarms = c->dying_held = c->guards_missing = 0;
	for (const struct watched *w = watch->all; w; w = w->next) {
		c->grants += !w->waits;
		c->dying_alarms += w->dying_alarm;
		c->dying_held += w->dying_held;
		for (int kind = 0; kind < GUARD_KINDS; kind++)
			c->guards_missing += w->guard_missing[kind];
	}
	return c;
}
