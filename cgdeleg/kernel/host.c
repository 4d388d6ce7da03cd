/* SPDX-License-Identifier: Apache-2.0 */
/* Host - the machine as a parameter. See host.h. */
#include "cgdeleg/kernel/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"

void host_done(struct host *host)
{
	host->proc_fd = close_fd(host->proc_fd);
	host->cgroup_fd = close_fd(host->cgroup_fd);
	host->sys_fd = close_fd(host->sys_fd);
}

static int open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* `root` is the administrator's word, and followed wherever it leads. */
static int open_below(const char *root, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", root, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return open_dir(AT_FDCWD, path);
}

static bool is_filesystem(int fd, unsigned long magic)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == magic;
}

/* A hybrid host has v1 controllers at /sys/fs/cgroup and the unified hierarchy below it. */
static int find_cgroup2(int sys_fd, bool live)
{
	static const char *const places[] = { "fs/cgroup", "fs/cgroup/unified" };

	for (size_t i = 0; i < ELEMENTS(places); i++) {
		_cleanup_close_ int fd = open_dir(sys_fd, places[i]);

		if (fd >= 0 && (!live || is_filesystem(fd, CGROUP2_SUPER_MAGIC)))
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

int host_open(const char *root, bool live, struct host *ret, struct err *err)
{
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	struct stat st;

	host.live = live;
	host.helpers = CGDELEG_HELPERS;
	host.proc_fd = open_below(root, "proc");
	if (host.proc_fd < 0)
		return err_set_errno(err, host.proc_fd, "cannot open 'proc' below '%s'", root);
	if (live && !is_filesystem(host.proc_fd, PROC_SUPER_MAGIC))
		return err_set(err, ENOENT, "'proc' below '%s' is not procfs, mount it", root);
	host.sys_fd = open_below(root, "sys");
	if (host.sys_fd < 0)
		return err_set_errno(err, host.sys_fd, "cannot open 'sys' below '%s'", root);
	host.cgroup_fd = find_cgroup2(host.sys_fd, live);
	if (host.cgroup_fd < 0)
		return err_set(
			err, ENOENT,
			"no cgroup2 at 'sys/fs/cgroup' or 'sys/fs/cgroup/unified' below '%s', cgdeleg needs cgroup v2",
			root);
	if (fstat(host.cgroup_fd, &st) < 0)
		return err_set_errno(err, errno, "cannot stat the host's cgroup2 root");
	host.root_id = st.st_ino;
	host.cgroup_dev = st.st_dev;

	*ret = host;
	host = (struct host)HOST_CLOSED;
	return 0;
}
