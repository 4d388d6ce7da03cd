/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroup2 - where its mount is. See cgroup2.h. */
#include "bpf/cgroup2.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/file.h"

const char *const cgroup2_places[] = { "fs/cgroup", "fs/cgroup/unified", NULL };

int cgroup2_open(int sys_fd, unsigned long magic)
{
	for (const char *const *place = cgroup2_places; *place; place++) {
		_cleanup_close_ int fd = openat(sys_fd, *place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && file_is_in(fd, magic))
			return TAKE_FD(fd);
	}
	return -ENOENT;
}
