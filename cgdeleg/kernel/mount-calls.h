/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount calls - two system calls, apart from mount.c because of their headers: up to glibc 2.36 <linux/mount.h> and
 * <sys/mount.h> exclude each other, and struct statx has no mount id in every C library.
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
