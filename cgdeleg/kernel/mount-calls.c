/* SPDX-License-Identifier: Apache-2.0 */
/* Mount calls - see mount-calls.h. */
#include "cgdeleg/kernel/mount-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int mount_stat(int fd, struct mount_shown *ret)
{
	struct statx stx;

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &stx) < 0)
		return -errno;
	*ret = (struct mount_shown) { .dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
				      .ino = stx.stx_ino,
				      .id = stx.stx_mnt_id,
				      .has_id = stx.stx_mask & STATX_MNT_ID };
	return 0;
}

int mount_detach(int fd)
{
	/* umount2(2) takes a path only; "." after fchdir(2) is that path for an fd. */
	if (fchdir(fd) < 0 || umount2(".", MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return -errno;
	return 0;
}
