/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host - the machine as a parameter.
 *
 * Everything that cgdeleg knows of the machine it reads beneath these descriptors; a test hands over a
 * temporary tree instead. They are opened before any namespace is entered and never by path again.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct host {
	int proc_fd;	     /* /proc of the initial pid namespace */
	int cgroup_fd;	     /* root of the cgroup2 mount, readable directory */
	int sys_fd;	     /* /sys */
	uint64_t root_id;    /* inode of cgroup_fd: a delegation root with this number is refused */
	uint64_t cgroup_dev; /* its device, which every cgroup has */
	const char *helpers; /* directory of cgdeleg's own helper programs, which the caller may change */
	bool live;	     /* the real machine: magic numbers, pidfds and namespaces mean something */
};

#define HOST_CLOSED                                                                                                    \
	{                                                                                                              \
		.proc_fd = -EBADF, .cgroup_fd = -EBADF, .sys_fd = -EBADF, .root_id = 0, .cgroup_dev = 0, .live = false \
	}

/* Opens the machine whose root directory is `root` ("/" for this one). Finds cgroup2 at sys/fs/cgroup or,
 * on a hybrid host, at sys/fs/cgroup/unified. `live` false takes any directory there. */
int host_open(const char *root, bool live, struct host *ret, struct err *err);

void host_done(struct host *host);
