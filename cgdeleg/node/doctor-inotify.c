/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor, inotify - how much of it root has left. See doctor.h, doctor-part.h.
 *
 * The kernel counts instances and watches for each user, and shows only the limits. So the descriptors of root's processes
 * are looked through, for a limited time: then it is "at least".
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/node/doctor-part.h"

#define LOOK_MS	    250	   /* the longest that it may take */
#define FDINFO_SIZE 262144 /* bytes of one instance's watches; some 100 each */
#define SCARCE	    90	   /* percent */

struct inotify_usage {
	uint64_t instances, watches;
	bool whole; /* every process was looked at */
	char *text; /* FDINFO_SIZE */
};

static void count_watches(struct inotify_usage *usage, int process_fd, const char *fd)
{
	char path[280];
	ssize_t n;

	usage->instances++;
	(void)snprintf(path, sizeof(path), "fdinfo/%s", fd);
	n = file_read_at(process_fd, path, usage->text, FDINFO_SIZE);
	if (n < 0) {
		usage->whole = usage->whole && n == -ENOENT;
		return;
	}
	for (const char *at = usage->text; (at = strstr(at, "inotify wd:")); at++)
		usage->watches++;
}

static void count_process(struct inotify_usage *usage, int process_fd)
{
	_cleanup_dir_ DIR *dir = NULL;
	int fd = openat(process_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		usage->whole = usage->whole && errno == ENOENT;
		(void)close_fd(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		char target[64];

		if (entry->d_name[0] != '.' && file_readlink_at(fd, entry->d_name, target, sizeof(target)) > 0 &&
		    strcmp(target, "anon_inode:inotify") == 0)
			count_watches(usage, process_fd, entry->d_name);
	}
}

/* Of the processes of root; those of others count against other limits. */
static void count_usage(const struct doctor *d, struct inotify_usage *usage)
{
	const int64_t end = clock_monotonic_ms() + LOOK_MS;
	_cleanup_dir_ DIR *dir = NULL;
	int fd = openat(d->host.proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;

	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (entry = readdir(dir))) {
		_cleanup_close_ int process = -EBADF;
		struct stat st;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		usage->whole = usage->whole && clock_monotonic_ms() < end;
		if (!usage->whole)
			return;
		process = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process >= 0 && fstat(process, &st) == 0 && st.st_uid == d->args.machine->owner)
			count_process(usage, process);
	}
}

static bool read_limit(const struct doctor *d, const char *name, uint64_t *ret)
{
	char path[80], text[32];

	(void)snprintf(path, sizeof(path), "proc/sys/fs/inotify/%s", name);
	return doctor_read(d, path, text, sizeof(text)) > 0 && text_to_u64(text, ret) >= 0;
}

void doctor_check_inotify(struct doctor *d)
{
	_cleanup_free_ char *text = malloc(FDINFO_SIZE);
	struct inotify_usage usage = { .whole = text != NULL, .text = text };
	uint64_t instances, watches;
	struct err err = { 0 };
	const char *scarce;

	if (!read_limit(d, "max_user_instances", &instances) || !read_limit(d, "max_user_watches", &watches)) {
		doctor_say(d, DOCTOR_UNKNOWN, "the limits of inotify cannot be read");
		return;
	}
	if (!doctor_is_privileged(d, "how much of inotify root uses") || !doctor_has_cgroups(d))
		return;
	if (d->args.tries.inotify && d->args.tries.inotify(&err) < 0) {
		doctor_say(d, DOCTOR_FAIL, "%s", err.text);
		doctor_advise(
			d,
			"run `sysctl fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=1048576`, and put it into /etc/sysctl.d");
		return;
	}
	if (usage.whole)
		count_usage(d, &usage);
	scarce = usage.instances * 100 >= instances * SCARCE ? "max_user_instances"
		 : usage.watches * 100 >= watches * SCARCE   ? "max_user_watches"
							     : NULL;
	doctor_say(d, scarce ? DOCTOR_WARN : DOCTOR_OK,
		   "root uses%s %llu of %llu inotify instances and %llu of %llu watches",
		   usage.whole ? "" : " at least", (unsigned long long)usage.instances, (unsigned long long)instances,
		   (unsigned long long)usage.watches, (unsigned long long)watches);
	if (scarce)
		doctor_advise(d, "run `sysctl fs.inotify.%s=%llu`, and put it into /etc/sysctl.d", scarce,
			      4 * (unsigned long long)(scarce[9] == 'i' ? instances : watches));
}
