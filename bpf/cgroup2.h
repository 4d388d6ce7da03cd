/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroup2 - where its mount is. For the host, and for the canary, which needs no more of the host than that. */
#pragma once

/* Below /sys; on a hybrid host, whose v1 controllers are beside it, the second. NULL-ended. */
extern const char *const cgroup2_places[];

/* The directory of the first of them that is in a file system of type `magic` (CGROUP2_SUPER_MAGIC, or a test's own), or
 * -ENOENT. `sys_fd` is /sys. */
int cgroup2_open(int sys_fd, unsigned long magic);
