/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, host, mounts - who has mounted cgroup2 since nothing was missing. See watch-host.h.
 *
 * What counts is a mount that shows the whole tree and is no copy of the host's: a container's own shows only its
 * cgroup, and such a mount does not touch the options. One table of mounts is read for each mount namespace. The work is
 * bounded in time, and in bytes of each table, because a container decides how many mounts it has.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/kernel/mount.h"
#include "cgdeleg/node/watch-host.h"

#define TABLE_MAX (1024 * 1024) /* bytes of one mountinfo */
#define SHOWN	  3		/* mounts that are named */

/* One pass over all processes. */
struct scan {
	const struct watch_host *h;
	struct mount_ids tables; /* the first mount of each table that was read: two processes with it share a namespace */
	struct mount_ids found; /* the mounts that count */
	char *buf;		/* where those that were not there before are named; NULL: nowhere */
	size_t size, named;
};

static void scan_done(struct scan *scan)
{
	free(scan->tables.ids);
	free(scan->found.ids);
}

static bool has_id(const struct mount_ids *ids, uint64_t id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (ids->ids[i] == id)
			return true;
	return false;
}

static bool add_id(struct mount_ids *ids, uint64_t id)
{
	if (ids->n == ids->size) {
		const size_t size = ids->size ? ids->size * 2 : 64;
		uint64_t *more = reallocarray(ids->ids, size, sizeof(*more));

		if (!more)
			return false;
		ids->ids = more;
		ids->size = size;
	}
	ids->ids[ids->n++] = id;
	return true;
}

static void name_mount(struct scan *scan, const char *pid, const struct tree_mount *mount)
{
	char path[64], comm[64] = "?", shown[2][128];
	const size_t len = strlen(scan->buf);

	if (scan->named++ >= SHOWN)
		return;
	(void)snprintf(path, sizeof(path), "%.20s/comm", pid);
	if (file_read_record_at(scan->h->host->proc_fd, path, comm, sizeof(comm)) > 0)
		comm[strcspn(comm, "\n")] = '\0';
	(void)snprintf(scan->buf + len, scan->size - len, "%s%s %.20s (%.40s) at '%.100s'", len > 0 ? ", " : "",
		       strcmp(pid, "1") == 0 ? "somebody in the mount namespace of process" : "process", pid,
		       text_escape(comm, shown[0], sizeof(shown[0])),
		       text_escape(mount->point, shown[1], sizeof(shown[1])));
}

static void scan_table(struct scan *scan, const char *pid, const char *text)
{
	struct tree_mount mount;
	int r;

	while ((r = mount_next_tree(&text, &mount)) > 0) {
		if ((mount.peers > 0 && mount.peers == scan->h->peers) || has_id(&scan->found, mount.id))
			continue;
		if (!add_id(&scan->found, mount.id))
			scan->found.complete = false;
		if (scan->buf && !has_id(&scan->h->mounts, mount.id))
			name_mount(scan, pid, &mount);
	}
	if (r < 0)
		scan->found.complete = false;
}

/* A process may end at any time, and then there is nothing to see. */
static void scan_process(struct scan *scan, const char *pid)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -EBADF;
	char path[64], first[32] = "";
	uint64_t id;
	int r;

	(void)snprintf(path, sizeof(path), "%.20s/mountinfo", pid);
	fd = openat(scan->h->host->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, first, sizeof(first) - 1, 0) <= 0) {
		scan->found.complete = scan->found.complete && (fd >= 0 || errno == ENOENT || errno == ESRCH);
		return;
	}
	first[strcspn(first, " ")] = '\0';
	if (text_to_u64(first, &id) < 0 || has_id(&scan->tables, id))
		return;
	r = add_id(&scan->tables, id) ? file_slurp(fd, TABLE_MAX, &text, NULL) : -ENOMEM;
	if (r == 0)
		scan_table(scan, pid, text);
	else if (r != -ESRCH && r != -EINVAL)
		scan->found.complete = false;
}

/* The kernel lists processes by rising numbers: the first in a namespace is most often who made it. */
static void scan_all(struct scan *scan)
{
	const int64_t until = clock_monotonic_ms() + WATCH_HOST_SCAN_MS;
	_cleanup_close_ int fd = openat(scan->h->host->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[8192] __attribute__((aligned(8)));
	ssize_t n = -1;

	scan->found.complete = true;
	while (fd >= 0 && (n = file_read_directory(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n; at += ((const struct dirent64 *)(const void *)(buf + at))->d_reclen) {
			const struct dirent64 *entry = (const void *)(buf + at);

			if (entry->d_name[strspn(entry->d_name, "0123456789")])
				continue;
			if (clock_monotonic_ms() > until) {
				scan->found.complete = false;
				return;
			}
			scan_process(scan, entry->d_name);
		}
	scan->found.complete = scan->found.complete && n == 0;
}

void watch_host_take_mounts(struct watch_host *h)
{
	_cleanup_(scan_done) struct scan scan = { .h = h };
	const int64_t now = clock_monotonic_ms();

	if (h->mounts.ids && now - h->mounts_ms < WATCH_HOST_MOUNTS_MS)
		return;
	scan_all(&scan);
	if (!scan.found.ids && !add_id(&scan.found, 0)) /* no mount has it: that there are none was seen */
		return;
	free(h->mounts.ids);
	h->mounts = scan.found;
	scan.found = (struct mount_ids) { 0 };
	h->mounts_ms = now;
}

void watch_host_who(struct watch_host *h)
{
	char names[384] = "";
	_cleanup_(scan_done) struct scan scan = { .h = h, .buf = names, .size = sizeof(names) };

	if (h->mounts.complete)
		scan_all(&scan);
	if (scan.named > SHOWN)
		(void)snprintf(h->who, sizeof(h->who),
			       "since it was last seen, cgroup2 has been mounted for %s and %zu more", names,
			       scan.named - SHOWN);
	else if (scan.named > 0)
		(void)snprintf(h->who, sizeof(h->who), "since it was last seen, cgroup2 has been mounted for %s", names);
	else
		(void)snprintf(h->who, sizeof(h->who), "it cannot be told who mounted or remounted cgroup2");
}
