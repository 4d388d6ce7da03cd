/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host - the machine as a parameter.
 *
 * What cgdeleg knows of /proc, /sys and the cgroups it reads beneath these descriptors. They are opened before any
 * namespace is entered, and never by path again. The administrator's own files (policy, audit record, table of grants,
 * helpers) are opened by the paths that he gave, also before any namespace is entered; an undo that needs a helper
 * returns first.
 *
 * A test describes a machine as a temporary tree. The same algorithms run there with the same checks: who must own what
 * belongs to root, and which file systems must be where, come with struct machine; what only a kernel can do (a
 * process, a namespace, a cgroup by its number) are its functions.
 */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct machine {
	uid_t owner; /* who must own what belongs to root on a real machine */
	gid_t group;
	unsigned long proc_magic, cgroup_magic; /* f_type of procfs and cgroup2 */

	/* Each returns 0, or a descriptor, or a negative errno. */
	int (*open_process)(pid_t pid);				    /* pidfd */
	int (*enter_cgroupns)(int fd);				    /* of a pidfd or a namespace */
	int (*open_cgroup)(int cgroup2_fd, uint64_t id, int flags); /* -EOPNOTSUPP: it must be searched for */
};

extern const struct machine real_machine;

struct host {
	const struct machine *machine;
	const char *root;    /* the path that it was opened with; the caller's string */
	int proc_fd;	     /* /proc of the initial pid namespace */
	int cgroup_fd;	     /* root of the cgroup2 mount, readable directory */
	int sys_fd;	     /* /sys */
	uint64_t root_id;    /* inode of cgroup_fd: a delegation root with this number is refused */
	uint64_t cgroup_dev; /* its device, which every cgroup has */
	const char *helpers; /* directory of cgdeleg's own helper programs, which the caller may change */
};

#define HOST_CLOSED                                                                                 \
	{                                                                                           \
		.machine = &real_machine, .proc_fd = -EBADF, .cgroup_fd = -EBADF, .sys_fd = -EBADF, \
	}

/* Opens the machine whose root directory is `root` ("/" for this one). Finds cgroup2 at sys/fs/cgroup or,
 * on a hybrid host, at sys/fs/cgroup/unified. Both strings and the machine must outlive it. */
int host_open(const char *root, const struct machine *machine, struct host *ret, struct err *err);

/* The cgroup2 options that this kernel has (/sys/kernel/cgroup/features), as blank-separated words. Returns buf, or NULL
 * where that cannot be read. */
const char *host_features(const struct host *host, char *buf, size_t size);

void host_done(struct host *host);
