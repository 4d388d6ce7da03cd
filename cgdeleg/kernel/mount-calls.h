/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount calls - two of the kernel's, apart from mount.c because their headers are: <linux/mount.h> and glibc's
 * <sys/mount.h> exclude each other up to 2.36, and not every C library's struct statx has the mount id.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What an open directory shows. */
struct mount_shown {
	uint64_t dev, ino; /* as struct stat has them */
	uint64_t id;	   /* of the mount, as mountinfo has it */
	bool has_id;	   /* false before Linux 5.8 */
};

int mount_stat(int fd, struct mount_shown *ret);

/* Detaches the mount whose root is `fd`; changes the working directory. Source: umount(2). */
int mount_detach(int fd);
