/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts - see attempts.h. None has an effect when it succeeds. */
#include "tests/guard/attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/guard/rig.h"

#define TOKEN_CREATE 36 /* BPF_TOKEN_CREATE, since 6.9 */
#define ELSEWHERE    "/var/tmp/cgdguard-elsewhere"

static struct {
	struct file_handle head;
	unsigned char rest[MAX_HANDLE_SZ];
} handle = { .head.handle_bytes = MAX_HANDLE_SZ };

void attempts_prepare(void)
{
	int mount = 0;

	if (name_to_handle_at(AT_FDCWD, OTHER "/memory.max", &handle.head, &mount, 0) < 0)
		die("name_to_handle_at");
	if (close(open(ELSEWHERE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
		die(ELSEWHERE);
}

static int call_bpf(int cmd, union bpf_attr *attr)
{
	long fd = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return fd < 0 ? errno : 0;
}

/* With descriptors that are none: EBADF or the like, unless it is refused before. */
static int try_bpf(const struct attempt *attempt)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	if (attempt->cmd == BPF_PROG_LOAD) {
		attr.prog_type = (__u32)attempt->type;
	} else if (attempt->cmd == BPF_LINK_CREATE) {
		attr.link_create.prog_fd = (__u32)-1;
		attr.link_create.target_fd = (__u32)-1;
		attr.link_create.attach_type = (__u32)attempt->type;
	} else if (attempt->cmd != BPF_MAP_CREATE) {
		attr.target_fd = (__u32)-1;
		attr.attach_bpf_fd = (__u32)-1;
		attr.attach_type = (__u32)attempt->type;
	}
	return call_bpf(attempt->cmd, &attr);
}

static int try_open(const struct attempt *attempt)
{
	_cleanup_close_ int fd = open(attempt->path, attempt->flags | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

static int try_reopen(const struct attempt *attempt)
{
	_cleanup_close_ int fd = open(attempt->path, O_PATH | O_CLOEXEC);
	char again[64];

	if (fd < 0)
		return errno;
	(void)snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	return try_open(&(struct attempt) { .path = again, .flags = attempt->flags });
}

static int try_handle(const struct attempt *attempt)
{
	_cleanup_close_ int mount = open(attempt->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = open_by_handle_at(mount, &handle.head, attempt->flags | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

/* To what it has already. */
static int try_chmod(const struct attempt *attempt)
{
	struct stat st;

	if (stat(attempt->path, &st) < 0)
		return errno;
	return chmod(attempt->path, st.st_mode & 07777) < 0 ? errno : 0;
}

static int try_fchmod(const struct attempt *attempt)
{
	_cleanup_close_ int fd = open(attempt->path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno;
	return fchmod(fd, st.st_mode & 07777) < 0 ? errno : 0;
}

/* All of them are root's. */
static int try_chown(const struct attempt *attempt)
{
	return lchown(attempt->path, 0, 0) < 0 ? errno : 0;
}

static int try_times(const struct attempt *attempt)
{
	return utimensat(AT_FDCWD, attempt->path, NULL, 0) < 0 ? errno : 0;
}

/* A file of cgroupfs has no size. */
static int try_truncate(const struct attempt *attempt)
{
	return truncate(attempt->path, 0) < 0 ? errno : 0;
}

/* One that must be there already, and is not. */
static int try_set_attribute(const struct attempt *attempt)
{
	return setxattr(attempt->path, attempt->attribute, "1", 1, XATTR_REPLACE) < 0 ? errno : 0;
}

static int try_remove_attribute(const struct attempt *attempt)
{
	return removexattr(attempt->path, attempt->attribute) < 0 ? errno : 0;
}

static int try_move(const struct attempt *attempt)
{
	_cleanup_close_ int fd = open(attempt->path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0", 1) < 0 ? errno : 0;
}

static int try_mkdir(const struct attempt *attempt)
{
	return mkdir(attempt->path, 0755) < 0 || rmdir(attempt->path) < 0 ? errno : 0;
}

#define CALL(what, cmd, type, rule)                              \
	{                                                        \
		what, rule, try_bpf, cmd, type, NULL, 0, NULL, 0 \
	}
#define OPEN(what, path, flags, rule)                            \
	{                                                        \
		what, rule, try_open, 0, 0, path, flags, NULL, 0 \
	}
#define ONLY(what, path, rule)                                      \
	{                                                           \
		what, rule, try_open, 0, 0, path, O_WRONLY, NULL, 1 \
	}
#define CHANGE(what, try, path, rule)                   \
	{                                               \
		what, rule, try, 0, 0, path, 0, NULL, 0 \
	}
#define SET(what, path, attribute, rule)                                   \
	{                                                                  \
		what, rule, try_set_attribute, 0, 0, path, 0, attribute, 0 \
	}
#define REMOVE(what, path, attribute, rule)                                   \
	{                                                                     \
		what, rule, try_remove_attribute, 0, 0, path, 0, attribute, 0 \
	}

const struct attempt attempts[] = {
	CALL("load a device program", BPF_PROG_LOAD, BPF_PROG_TYPE_CGROUP_DEVICE, GUARD_RULE_BPF),
	CALL("attach a device program", BPF_PROG_ATTACH, BPF_CGROUP_DEVICE, GUARD_RULE_BPF),
	CALL("detach a device program", BPF_PROG_DETACH, BPF_CGROUP_DEVICE, GUARD_RULE_BPF),
	CALL("link a device program", BPF_LINK_CREATE, BPF_CGROUP_DEVICE, GUARD_RULE_BPF),
	CALL("attach a guard", BPF_PROG_ATTACH, BPF_LSM_CGROUP, GUARD_RULE_BPF),
	CALL("detach a guard", BPF_PROG_DETACH, BPF_LSM_CGROUP, GUARD_RULE_BPF),
	CALL("link a guard", BPF_LINK_CREATE, BPF_LSM_CGROUP, GUARD_RULE_BPF),
	CALL("make a token", TOKEN_CREATE, 0, GUARD_RULE_BPF),
	CALL("load a socket filter", BPF_PROG_LOAD, BPF_PROG_TYPE_SOCKET_FILTER, NO_RULE),
	CALL("attach a network program", BPF_PROG_ATTACH, BPF_CGROUP_INET_EGRESS, NO_RULE),
	CALL("detach a network program", BPF_PROG_DETACH, BPF_CGROUP_INET_EGRESS, NO_RULE),
	CALL("link a network program", BPF_LINK_CREATE, BPF_CGROUP_INET_EGRESS, NO_RULE),
	CALL("query device programs", BPF_PROG_QUERY, BPF_CGROUP_DEVICE, NO_RULE),
	CALL("make a map", BPF_MAP_CREATE, 0, NO_RULE),

	ONLY("write the root's memory.max", GRANTED "/memory.max", GUARD_RULE_ROOT),
	ONLY("write the root's pids.max", GRANTED "/pids.max", GUARD_RULE_ROOT),
	ONLY("write the root's cgroup.max.depth", GRANTED "/cgroup.max.depth", GUARD_RULE_ROOT),
	ONLY("write the root's cgroup.freeze", GRANTED "/cgroup.freeze", GUARD_RULE_ROOT),
	ONLY("write the root's memory.pressure", GRANTED "/memory.pressure", GUARD_RULE_ROOT),
	ONLY("write a child's memory.pressure", CHILD "/memory.pressure", GUARD_RULE_PRESSURE),
	ONLY("write a grandchild's cpu.pressure", GRANDCHILD "/cpu.pressure", GUARD_RULE_PRESSURE),
	ONLY("write a child's cgroup.pressure", CHILD "/cgroup.pressure", GUARD_RULE_PRESSURE),
	{ "write the root's memory.max through /proc", GUARD_RULE_ROOT, try_reopen, 0, 0, GRANTED "/memory.max", O_RDWR,
	  NULL, 1 },
	OPEN("write a neighbour's memory.max", OTHER "/memory.max", O_WRONLY, GUARD_RULE_OUTSIDE),
	OPEN("write a neighbour's cgroup.procs", OTHER "/cgroup.procs", O_RDWR, GUARD_RULE_OUTSIDE),
	OPEN("write the parent's memory.max", TOP "/memory.max", O_WRONLY, GUARD_RULE_OUTSIDE),
	OPEN("write the host root's cgroup.procs", "/sys/fs/cgroup/cgroup.procs", O_WRONLY, GUARD_RULE_OUTSIDE),

	OPEN("write the root's cgroup.procs", GRANTED "/cgroup.procs", O_WRONLY, NO_RULE),
	OPEN("write the root's cgroup.threads", GRANTED "/cgroup.threads", O_RDWR, NO_RULE),
	OPEN("write the root's cgroup.subtree_control", GRANTED "/cgroup.subtree_control", O_WRONLY, NO_RULE),
	OPEN("write the root's memory.oom.group", GRANTED "/memory.oom.group", O_WRONLY, NO_RULE),
	OPEN("write the root's memory.reclaim", GRANTED "/memory.reclaim", O_WRONLY, NO_RULE),
	OPEN("write a child's pids.max", CHILD "/pids.max", O_WRONLY, NO_RULE),
	OPEN("write a grandchild's cgroup.freeze", GRANDCHILD "/cgroup.freeze", O_RDWR, NO_RULE),
	OPEN("read the root's memory.max", GRANTED "/memory.max", O_RDONLY, NO_RULE),
	OPEN("read a child's memory.pressure", CHILD "/memory.pressure", O_RDONLY, NO_RULE),
	OPEN("read a neighbour's memory.max", OTHER "/memory.max", O_RDONLY, NO_RULE),
	OPEN("write /dev/null", "/dev/null", O_WRONLY, NO_RULE),
	OPEN("write a file of procfs", "/proc/self/comm", O_WRONLY, NO_RULE),
	{ "make and remove a cgroup", NO_RULE, try_mkdir, 0, 0, CHILD "/made", 0, NULL, 0 },
	{ "move into a grandchild", NO_RULE, try_move, 0, 0, GRANDCHILD "/cgroup.procs", 0, NULL, 0 },
	{ "write a neighbour's memory.max by handle", GUARD_RULE_OUTSIDE, try_handle, 0, 0, "/sys/fs/cgroup", O_WRONLY,
	  NULL, 0 },

	CHANGE("chmod the root's memory.max", try_chmod, GRANTED "/memory.max", GUARD_RULE_ATTRIBUTE),
	CHANGE("fchmod the root's cgroup.max.depth", try_fchmod, GRANTED "/cgroup.max.depth", GUARD_RULE_ATTRIBUTE),
	CHANGE("chmod the root's cpu.pressure", try_chmod, GRANTED "/cpu.pressure", GUARD_RULE_ATTRIBUTE),
	CHANGE("chown the root's pids.max", try_chown, GRANTED "/pids.max", GUARD_RULE_ATTRIBUTE),
	CHANGE("set the times of the root's memory.max", try_times, GRANTED "/memory.max", GUARD_RULE_ATTRIBUTE),
	CHANGE("truncate the root's memory.max", try_truncate, GRANTED "/memory.max", GUARD_RULE_ATTRIBUTE),
	CHANGE("chmod a neighbour", try_chmod, OTHER, GUARD_RULE_ATTRIBUTE),
	CHANGE("chmod a neighbour's pids.max", try_chmod, OTHER "/pids.max", GUARD_RULE_ATTRIBUTE),
	CHANGE("chown a neighbour's cgroup.procs", try_chown, OTHER "/cgroup.procs", GUARD_RULE_ATTRIBUTE),
	CHANGE("chown the parent", try_chown, TOP, GUARD_RULE_ATTRIBUTE),
	CHANGE("chmod the host root", try_chmod, "/sys/fs/cgroup", GUARD_RULE_ATTRIBUTE),
	SET("set an attribute of the root's memory.max", GRANTED "/memory.max", "user.any", GUARD_RULE_ATTRIBUTE),
	SET("set an attribute of a neighbour", OTHER, "user.any", GUARD_RULE_ATTRIBUTE),
	REMOVE("remove an attribute of a neighbour", OTHER, "user.any", GUARD_RULE_ATTRIBUTE),
	REMOVE("remove an attribute of the parent", TOP, "user.any", GUARD_RULE_ATTRIBUTE),
	SET("have the root spared by systemd-oomd", GRANTED, "user.oomd_omit", GUARD_RULE_OOMD),
	SET("have a child spared by systemd-oomd", CHILD, "user.oomd_avoid", GUARD_RULE_OOMD),
	SET("set what systemd-oomd may read one day", GRANDCHILD, "user.oomd_", GUARD_RULE_OOMD),
	SET("set a file's user.oomd_omit", GRANDCHILD "/cgroup.procs", "user.oomd_omit", GUARD_RULE_OOMD),
	SET("have a neighbour spared by systemd-oomd", OTHER, "user.oomd_omit", GUARD_RULE_OOMD),
	REMOVE("remove what the host has told systemd-oomd", GRANTED, "user.oomd_avoid", GUARD_RULE_OOMD),
	REMOVE("remove what spares a neighbour", OTHER, "user.oomd_omit", GUARD_RULE_OOMD),

	CHANGE("chmod the root", try_chmod, GRANTED, NO_RULE),
	CHANGE("chown the root", try_chown, GRANTED, NO_RULE),
	CHANGE("set the root's times", try_times, GRANTED, NO_RULE),
	CHANGE("chmod the root's cgroup.procs", try_chmod, GRANTED "/cgroup.procs", NO_RULE),
	CHANGE("chown the root's memory.oom.group", try_chown, GRANTED "/memory.oom.group", NO_RULE),
	CHANGE("truncate the root's cgroup.subtree_control", try_truncate, GRANTED "/cgroup.subtree_control", NO_RULE),
	CHANGE("chmod a child", try_chmod, CHILD, NO_RULE),
	CHANGE("chmod a child's pids.max", try_chmod, CHILD "/pids.max", NO_RULE),
	CHANGE("chown a grandchild's cgroup.freeze", try_chown, GRANDCHILD "/cgroup.freeze", NO_RULE),
	SET("set an attribute of the root", GRANTED, "user.any", NO_RULE),
	SET("set an attribute of nearly that name", CHILD, "user.oomd", NO_RULE),
	SET("set another's attribute of a child", CHILD, "user.xoomd_omit", NO_RULE),
	REMOVE("remove an attribute of a grandchild", GRANDCHILD, "user.any", NO_RULE),
	CHANGE("chmod a file of another file system", try_chmod, ELSEWHERE, NO_RULE),
	SET("set user.oomd_omit on another file system", ELSEWHERE, "user.oomd_omit", NO_RULE),
	REMOVE("remove user.oomd_omit on another file system", ELSEWHERE, "user.oomd_omit", NO_RULE),
};
const size_t n_attempts = ELEMENTS(attempts);

int attempt_try(const void *argument)
{
	const struct attempt *attempt = argument;

	return attempt->try(attempt);
}
