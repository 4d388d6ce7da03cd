/* SPDX-License-Identifier: Apache-2.0 */
/* Host - the machine as a parameter. See host.h. */
#include "cgdeleg/kernel/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "bpf/cgroup2.h"

/* The type of a kernfs file handle: <linux/exportfs.h>, FILEID_KERNFS. Its value is the cgroup's id. */
#define HANDLE_KERNFS 0xfe

static int open_process(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

static int enter_cgroupns(int fd)
{
	return setns(fd, CLONE_NEWCGROUP) < 0 ? -errno : 0;
}

static int open_cgroup(int cgroup2_fd, uint64_t id, int flags)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = { .head = { .handle_bytes = sizeof(id), .handle_type = HANDLE_KERNFS }, .id = id };
	int fd = open_by_handle_at(cgroup2_fd, &handle.head, flags);

	return fd < 0 ? -errno : fd;
}

const struct machine real_machine = {
	.proc_magic = PROC_SUPER_MAGIC,
	.cgroup_magic = CGROUP2_SUPER_MAGIC,
	.open_process = open_process,
	.enter_cgroupns = enter_cgroupns,
	.open_cgroup = open_cgroup,
};

void host_done(struct host *host)
{
	host->proc_fd = close_fd(host->proc_fd);
	host->cgroup_fd = close_fd(host->cgroup_fd);
	host->sys_fd = close_fd(host->sys_fd);
}

const char *host_features(const struct host *host, char *buf, size_t size)
{
	if (file_read_record_at(host->sys_fd, "kernel/cgroup/features", buf, size) < 0)
		return NULL;
	for (char *p = buf; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return buf;
}

/* `root` is the administrator's word, and followed wherever it leads. */
static int open_below(const char *root, const char *name, struct err *err)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", root, name) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "the root directory '%s' has too long a path", root);
	fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* musl's open() asks fcntl(2) as well */
	return fd < 0 ? err_set_errno(err, errno, "cannot open '%s' below '%s'", name, root) : fd;
}

int host_open(const char *root, const struct machine *machine, struct host *ret, struct err *err)
{
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	struct stat st;
	int r;

	host.machine = machine;
	host.root = root;
	host.helpers = CGDELEG_HELPERS;
	host.proc_fd = open_below(root, "proc", err);
	if (host.proc_fd < 0)
		return host.proc_fd;
	if (!file_is_in(host.proc_fd, machine->proc_magic))
		return err_set(err, ENOENT, "'proc' below '%s' is not procfs; mount it", root);
	host.sys_fd = open_below(root, "sys", err);
	if (host.sys_fd < 0)
		return host.sys_fd;
	host.cgroup_fd = cgroup2_open(host.sys_fd, machine->cgroup_magic);
	if (host.cgroup_fd < 0)
		return err_set(
			err, ENOENT,
			"no cgroup2 at 'sys/fs/cgroup' or 'sys/fs/cgroup/unified' below '%s'; cgdeleg needs cgroup v2",
			root);
	if (fstat(host.cgroup_fd, &st) < 0)
		return err_set_errno(err, errno, "cannot stat the host's cgroup2 root");
	r = owner_check(&st, machine->owner, OWNER_MAY_READ, "/sys/fs/cgroup", err);
	if (r < 0)
		return r;
	host.root_id = st.st_ino;
	host.cgroup_dev = st.st_dev;

	*ret = host;
	host = (struct host)HOST_CLOSED;
	return 0;
}
