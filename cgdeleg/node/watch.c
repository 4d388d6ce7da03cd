/* SPDX-License-Identifier: Apache-2.0 */
/* Watch - which cgroups are watched, and what inotify tells of them. See watch.h. */
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
#include "cgdeleg/kernel/mount.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/kernel/walk.h"
#include "cgdeleg/node/watched.h"

#define MOUNTINFO_MAX (4 * 1024 * 1024)

void watch_say(struct watch *watch, int priority, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	watch->args.say(priority, text);
}

static struct watch_file **bucket(struct watch *watch, int wd)
{
	return &watch->buckets[(unsigned)wd % WATCH_BUCKETS];
}

static struct watch_file *find_file(struct watch *watch, int wd)
{
	struct watch_file *file = *bucket(watch, wd);

	while (file && file->wd != wd)
		file = file->chain;
	return file;
}

/* A name in the cgroup that `fd` is, or the cgroup itself. */
static int add_wd(struct watch *watch, int fd, const char *name, uint32_t mask)
{
	char path[64 + LIMIT_FILE_SIZE];
	int wd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", fd, name);
	wd = inotify_add_watch(watch->inotify_fd, path, mask);
	return wd < 0 ? -errno : wd;
}

static int add_file(struct watch *watch, struct watched *w, enum place place, int fd, const char *name, uint32_t mask)
{
	struct watch_file *file;
	int wd = add_wd(watch, fd, name, mask);

	if (wd < 0)
		return wd;
	file = find_file(watch, wd);
	if (file)
		return 0;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->wd = wd;
	file->owner = w;
	file->place = place;
	(void)snprintf(file->file, sizeof(file->file), "%s", name);
	file->next = w->files;
	w->files = file;
	file->chain = *bucket(watch, wd);
	*bucket(watch, wd) = file;
	return 0;
}

static void drop_files(struct watch *watch, struct watched *w)
{
	while (w->files) {
		struct watch_file *file = w->files, **at = bucket(watch, file->wd);

		while (*at != file)
			at = &(*at)->chain;
		*at = file->chain;
		w->files = file->next;
		watch->counts.contested -= file->contested;
		(void)inotify_rm_watch(watch->inotify_fd, file->wd);
		free(file);
	}
}

static void free_watched(struct watch *watch, struct watched *w)
{
	drop_files(watch, w);
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

/* Watches every limit file that has a ceiling. */
static int watch_files(struct watch *watch, struct watched *w, const struct attribute *attribute)
{
	_cleanup_(drift_places_done) struct drift_places places = DRIFT_PLACES_CLOSED;
	int r;

	drop_files(watch, w);
	r = drift_open(w->fd, attribute, &places, NULL);
	for (int place = PLACE_ROOT; r >= 0 && place <= PLACE_SCOPE; place++) {
		const char *at = NULL;
		struct drift drift;

		while (r >= 0 && places.fd[place] >= 0 && drift_next(attribute, (enum place)place, &at, &drift)) {
			r = add_file(watch, w, (enum place)place, places.fd[place], drift.ceiling.file, IN_MODIFY);
			if (r == -ENOENT)
				r = 0; /* skipped at the grant */
		}
	}
	return r;
}

/* The attribute is there, or not yet. Files are watched before they are looked at: nothing falls between. */
static void settle(struct watch *watch, struct watched *w)
{
	struct attribute attribute;
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
	r = watch_files(watch, w, &attribute);
	if (r < 0)
		watch_say(
			watch, LOG_ERR,
			"%s: cannot watch its limit files: %s; raise fs.inotify.max_user_watches; until then they are looked at now and then only",
			w->name, strerror(-r));
	watch_policy_one(watch, w);
	watch_enforce_all(watch, w);
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
	w->id = id;
	w->fd = fd;
	w->reclaimer_fd = -EBADF;
	w->path = path_of(watch->args.host, fd);
	w->name = strdup("");
	w->waits = true;
	w->next = watch->all;
	watch->all = w;
	if (!w->path || !w->name)
		return -ENOMEM;
	(void)add_file(watch, w, PLACE_ROOT, fd, "", IN_ATTRIB);
	settle(watch, w);
	return 0;
}

/* The table is only a hint at what to look at; it is read without its lock. */
static void read_hints(struct watch *watch)
{
	_cleanup_close_ int fd = -EBADF;
	struct budget_hint hint;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" BUDGET_FILE, watch->args.run);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	for (off_t at = sizeof(hint); fd >= 0 && pread(fd, &hint, sizeof(hint), at) == (ssize_t)sizeof(hint);
	     at += (off_t)sizeof(hint)) {
		int cgroup_fd;

		if (hint.id == 0 || is_known(watch, hint.id))
			continue;
		cgroup_fd = grant_open(watch->args.host, hint.id);
		if (cgroup_fd >= 0)
			(void)adopt(watch, hint.id, cgroup_fd);
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

static int visit(const struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct watch *watch = userdata;
	int copy;

	if (is_known(watch, grant->id))
		return 0;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0 || adopt(watch, grant->id, copy) < 0)
		return err_set_errno(err, errno, "cannot watch another cgroup");
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
	if (watch->inotify_fd < 0)
		r = err_set_errno(err, errno, "cannot use inotify");
	else
		r = 0;
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
			watch_enforce_all(watch, w);
		read_hints(watch);
	} else if (event->wd == watch->run_wd) {
		watch_table(watch);
		read_hints(watch);
	} else if (event->wd == watch->table_wd) {
		read_hints(watch);
	} else if ((file = find_file(watch, event->wd)) != NULL) {
		if (file->owner->waits)
			settle(watch, file->owner);
		else if (file->file[0])
			(void)watch_enforce(watch, file);
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
				(void)watch_enforce(watch, file);
			if (!file->contested || now - file->last_ms < WATCH_CALM_MS)
				continue;
			file->contested = false;
			watch->counts.contested--;
			watch_say(watch, LOG_NOTICE, "%s: nobody raises '%s' any more", w->name, file->file);
		}
}

static void look_at_mount(struct watch *watch)
{
	_cleanup_free_ struct cgroup_mount *mount = malloc(sizeof(*mount));
	_cleanup_close_ int fd = openat(watch->args.host->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	char link[32], root[PATH_MAX];

	(void)snprintf(link, sizeof(link), "self/fd/%d", watch->args.host->cgroup_fd);
	if (!mount || fd < 0 || file_slurp(fd, MOUNTINFO_MAX, &text, NULL) < 0 ||
	    file_readlink_at(watch->args.host->proc_fd, link, root, sizeof(root)) < 0 ||
	    mount_parse(text, root, mount, NULL) < 0)
		return;
	if (mount->nsdelegate != watch->counts.nsdelegate)
		watch_say(
			watch, mount->nsdelegate ? LOG_NOTICE : LOG_ALERT,
			mount->nsdelegate
				? "the host's cgroup2 has nsdelegate again"
				: "the host's cgroup2 has lost the option nsdelegate: remount it with `mount -o remount,nsdelegate %s`, and look for who has mounted cgroup2",
			root);
	watch->counts.nsdelegate = mount->nsdelegate;
}

/* False: it is gone. */
static bool look_at(struct watch *watch, struct watched *w)
{
	char stat[1024];

	if (file_read_record_at(w->fd, "cgroup.stat", stat, sizeof(stat)) < 0)
		return false;
	if (w->waits)
		return true;
	watch_dying(watch, w, stat);
	watch_guards(watch, w);
	return true;
}

/* Forgets what is gone. */
static void look_at_all(struct watch *watch)
{
	struct watched **at = &watch->all;

	watch_guards_begin(watch);
	while (*at) {
		struct watched *w = *at;

		if (look_at(watch, w)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free_watched(watch, w);
	}
}

int watch_sweep(struct watch *watch, bool walk, struct err *err)
{
	int r = 0;

	for (struct watched *w = watch->all; w && walk; w = w->next)
		if (!w->waits)
			watch_enforce_all(watch, w);
	look_at_mount(watch);
	read_hints(watch);
	if (walk)
		r = grants_walk(watch->args.host, visit, watch, NULL, err);
	look_at_all(watch);
	watch->counts.sweeps++;
	return r;
}

void watch_apply_policy(struct watch *watch, const struct ruleset *rules)
{
	watch->args.rules = rules;
	for (struct watched *w = watch->all; w; w = w->next) {
		if (w->waits)
			continue;
		watch_policy_one(watch, w);
		watch_enforce_all(watch, w);
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
		for (int kind = 0; kind < WATCH_GUARDS; kind++)
			c->guards_missing += w->guard_missing[kind];
	}
	return c;
}
