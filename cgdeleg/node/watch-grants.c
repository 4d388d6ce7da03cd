/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, grants - which cgroups are under watch, and all that is done about one. See watch.h.
 *
 * Threat. Inotify watches and instances, memory and descriptors are counted for the whole machine, and a container can
 * use some of them up. So nothing that fails for want of them ends the look at the other grants, and none is forgotten
 * for it: only a cgroup that the kernel says is gone is forgotten. A few descriptors are kept for the looking itself; a
 * grant for which there is none to keep is checked in passing by the walk.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/kernel/walk.h"
#include "cgdeleg/node/watch-parts.h"

#define DESCRIPTORS_KEPT (GRANT_DEPTH_MAX + 32) /* the walk holds one for each level */

bool watch_is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV;
}

struct watched *watch_find(const struct watch *watch, uint64_t id)
{
	struct watched *w = watch->ids[id % WATCH_BUCKETS];

	while (w && w->id != id)
		w = w->chain;
	return w;
}

/* The path below the cgroup2 mount of a cgroup that was opened by its id. */
static char *path_of(const struct host *host, int fd, const char *otherwise)
{
	char link[32], path[PATH_MAX], root[PATH_MAX];
	ssize_t len;

	(void)snprintf(link, sizeof(link), "self/fd/%d", host->cgroup_fd);
	len = file_readlink_at(host->proc_fd, link, root, sizeof(root));
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	if (len < 0 || file_readlink_at(host->proc_fd, link, path, sizeof(path)) < len)
		return strdup(otherwise);
	return strdup(path + len);
}

/* NULL: out of memory. Takes fd. */
static struct watched *watched_new(const struct host *host, uint64_t id, int fd, const char *path)
{
	struct watched *w = calloc(1, sizeof(*w));
	char shown[512];

	if (!w) {
		(void)close_fd(fd);
		return NULL;
	}
	*w = (struct watched) { .id = id, .fd = fd, .since_ms = clock_monotonic_ms() };
	w->verified_ms = w->since_ms;
	w->path = path_of(host, fd, path ? path : "");
	w->name = strdup(text_escape(w->path && w->path[0] ? w->path : "a cgroup", shown, sizeof(shown)));
	return w;
}

static struct watched *watched_free(struct watch *watch, struct watched *w)
{
	watch_limits_drop(watch, w);
	watch_deaths_done(w);
	watch_disown(watch, w);
	w->fd = close_fd(w->fd);
	free(w->name);
	free(w->path);
	for (size_t i = 0; i < WATCH_LABELS; i++)
		free(w->labels[i]);
	free(w);
	return NULL;
}

int watch_adopt(struct watch *watch, uint64_t id, int fd, const char *path)
{
	struct rlimit most = { .rlim_cur = RLIM_INFINITY };
	struct watched *w, **bucket = &watch->ids[id % WATCH_BUCKETS];

	(void)getrlimit(RLIMIT_NOFILE, &most);
	if (most.rlim_cur != RLIM_INFINITY && (rlim_t)fd + DESCRIPTORS_KEPT >= most.rlim_cur) {
		(void)close_fd(fd);
		return -EMFILE;
	}
	w = watched_new(watch->args.host, id, fd, path);
	if (w && (!w->path || !w->name))
		w = watched_free(watch, w);
	if (!w)
		return -ENOMEM;
	w->deaths.fresh = watch->counts.sweeps > 0;
	w->next = watch->all;
	watch->all = w;
	w->chain = *bucket;
	*bucket = w;
	/* Before anybody looks for the attribute: nothing falls between. */
	watch_limits_sync(watch, w, NULL);
	return 0;
}

void watch_forget(struct watch *watch, struct watched *w)
{
	struct watched **at = &watch->all;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	at = &watch->ids[w->id % WATCH_BUCKETS];
	while (*at != w)
		at = &(*at)->chain;
	*at = w->chain;
	(void)watched_free(watch, w);
}

bool watch_open(const struct watch *watch, const struct watched *w, struct attribute *attribute, struct inspect *ret)
{
	return attribute_read(w->fd, attribute, NULL) >= 0 && attribute->present &&
	       inspect_open(watch->args.host->sys_fd, w->fd, w->id, attribute, ret, NULL) >= 0;
}

/* Its attribute has been there once now. */
static void settle(struct watch *watch, struct watched *w, struct attribute *attribute)
{
	const char *const labels[WATCH_LABELS] = {
		[WATCH_NAMESPACE] = attribute->namespace, [WATCH_POD] = attribute->pod,
		[WATCH_CONTAINER] = attribute->name,	  [WATCH_HANDLER] = attribute->handler,
		[WATCH_PROFILE] = attribute->profile,	  [WATCH_ID] = attribute->id,
	};
	char shown[256], *name = strdup(text_escape(attribute->id, shown, sizeof(shown)));

	if (name) {
		free(w->name);
		w->name = name;
	}
	for (size_t i = 0; i < WATCH_LABELS; i++) {
		char label[1024];

		free(w->labels[i]);
		w->labels[i] = strdup(text_escape(labels[i], label, sizeof(label)));
	}
	w->settled = true;
	watch_lower(watch, w, attribute);
}

/* Says once that the ceilings do not hold for sure, and why; and when they do again. */
static void note_verified(struct watch *watch, struct watched *w, int r, const struct err *err)
{
	if (r >= 0) {
		w->verified_ms = clock_monotonic_ms();
		if (w->uncompared || w->unreadable)
			watch_say(watch, LOG_NOTICE, "%s: all its ceilings hold again", w->name);
		w->uncompared = w->unreadable = false;
		return;
	}
	/* What could not be put back has been said already, and has no text. */
	if (!w->uncompared && !w->unreadable && err->text[0])
		watch_say(watch, LOG_ERR, "%s: not all of its ceilings could be checked: %s", w->name, err->text);
	w->uncompared = true;
}

/* `fault` says why where the attribute cannot be read. */
static void check_grant(struct watch *watch, struct watched *w, struct attribute *attribute, const struct err *fault,
			const char *stat, bool rest)
{
	_cleanup_(inspect_done) struct inspect grant = INSPECT_CLOSED;
	struct err err = { 0 };
	int r;

	w->entry = (struct budget_entry) { .id = w->id };
	budget_describe(attribute, w->fd, &w->entry);
	if (!attribute->present) {
		if (!w->unreadable)
			watch_say(watch, LOG_ERR, "%s: %s; its ceilings are not watched", w->name, fault->text);
		w->unreadable = true;
		return;
	}
	if (!w->settled)
		settle(watch, w, attribute);
	r = inspect_open(watch->args.host->sys_fd, w->fd, w->id, attribute, &grant, &err);
	/* Files are watched before they are read: nothing falls between. */
	if (r >= 0 && !w->unkept)
		watch_limits_sync(watch, w, &grant);
	if (r >= 0)
		r = watch_enforce(watch, w, &grant, NULL, &err);
	note_verified(watch, w, r, &err);
	if (rest && stat)
		watch_dying(watch, w, stat, attribute);
	if (rest)
		watch_guards(watch, w, &grant);
}

bool watch_check(struct watch *watch, struct watched *w, bool rest)
{
	_cleanup_(attribute_done) struct attribute attribute = { 0 };
	struct err fault = { 0 };
	char stat[1024];
	const ssize_t n = file_read_record_at(w->fd, "cgroup.stat", stat, sizeof(stat));

	if (n < 0 && watch_is_gone((int)n))
		return false;
	w->checked = watch->sweep;
	(void)attribute_read(w->fd, &attribute, &fault);
	if (attribute.marked) {
		check_grant(watch, w, &attribute, &fault, n < 0 ? NULL : stat, rest);
		return true;
	}
	/* It waits, or somebody has taken the attribute off: a hook that took the grant back. */
	w->settled = w->unreadable = w->uncompared = false;
	w->verified_ms = clock_monotonic_ms();
	watch_limits_sync(watch, w, NULL);
	return true;
}

/* An entry is only a hint at what to look at; it is read without its lock. */
void watch_read_entries(struct watch *watch)
{
	_cleanup_close_ int fd = -EBADF;
	struct budget_entry entry;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" BUDGET_FILE, watch->args.run);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	for (off_t at = sizeof(entry); fd >= 0 && pread(fd, &entry, sizeof(entry), at) == (ssize_t)sizeof(entry);
	     at += (off_t)sizeof(entry)) {
		int cgroup_fd;

		if (entry.id == 0 || watch_find(watch, entry.id))
			continue;
		cgroup_fd = grant_open(watch->args.host, entry.id);
		/* -ESTALE: it has been removed. */
		if (cgroup_fd >= 0 ? watch_adopt(watch, entry.id, cgroup_fd, NULL) < 0 : cgroup_fd != -ESTALE)
			watch->walks_alone = true;
	}
}

/* Without a descriptor of its own, and without events. */
static void check_in_passing(struct watch *watch, struct grant *grant, int fd)
{
	const char *name = grant->attribute.present ? grant->attribute.id : grant->path;
	char shown[512], path[PATH_MAX];
	/* Its policy is applied when it is settled. */
	struct watched w = { .id = grant->id, .fd = fd, .name = shown, .path = path, .settled = true, .unkept = true };

	(void)text_escape(name, shown, sizeof(shown));
	(void)snprintf(path, sizeof(path), "%s", grant->path);
	watch->unkept++;
	watch->walks_alone = true;
	check_grant(watch, &w, &grant->attribute, &grant->fault, NULL, true);
}

static int visit(struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct watch *watch = userdata;
	struct watched *w = watch_find(watch, grant->id);
	char stat[1024];
	ssize_t n;

	(void)err;
	if (!w) {
		const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		const int r = copy < 0 ? -errno : watch_adopt(watch, grant->id, copy, grant->path);

		if (r < 0)
			watch->blind_errno = -r;
		w = watch_find(watch, grant->id);
	}
	if (!w) {
		check_in_passing(watch, grant, fd);
		return 0;
	}
	n = file_read_record_at(w->fd, "cgroup.stat", stat, sizeof(stat));
	w->checked = watch->sweep;
	check_grant(watch, w, &grant->attribute, &grant->fault, n < 0 ? NULL : stat, true);
	return 0;
}

int watch_walk(struct watch *watch, struct err *err)
{
	struct grants_seen seen = { 0 };
	int r;

	watch->unkept = 0;
	r = grants_walk(watch->args.host, visit, watch, &seen, err);
	seen.n_passed += seen.n_unopened;
	watch->counts.unopened = seen.n_unopened;
	if (seen.n_passed > watch->passed)
		watch_say(watch, LOG_WARNING,
			  "%zu cgroups could not be looked into: they are deeper than %d levels, or cannot be opened; a grant there is not watched unless the table of grants has it",
			  seen.n_passed, GRANT_DEPTH_MAX);
	watch->passed = seen.n_passed;
	return r;
}
