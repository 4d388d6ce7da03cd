/* SPDX-License-Identifier: Apache-2.0 */
/* Mount - the container's cgroup2 mount. The threats stand in mount.h; mountinfo is read in mountinfo.c. */
#include "cgdeleg/kernel/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/kernel/mount-calls.h"

static const char *const method_names[] = {
	[MOUNT_KEEP] = "keep",
	[MOUNT_CLEAR_FLAG] = "clear-flag",
	[MOUNT_CLONE_ON_TOP] = "clone-on-top",
};

const char *mount_method_name(enum mount_method method)
{
	return method_names[method];
}

/* Opens whatever lies on top at want->point, and proves that it is the delegated cgroup: the same directory (device and
 * inode), so there is no need to check the file system. Two mounts of it differ only in the mount id of mountinfo,
 * which goes to *ret_id. `root_fd` is "/" of the container's mount namespace. */
static int open_verified(int root_fd, const struct mount_identity *want, uint64_t *ret_id, struct err *err)
{
	_cleanup_close_ int fd = file_open_beneath(root_fd, want->point, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	struct mount_shown shown;
	int r;

	if (fd < 0)
		return err_set_errno(err, fd, "cannot open the container's cgroup mount '%s'", want->point);
	r = mount_stat(fd, &shown);
	if (r < 0)
		return err_set_errno(err, r, "cannot stat the container's cgroup mount '%s'", want->point);
	if (!shown.has_id)
		return err_set(err, ENOSYS, "this kernel does not report mount ids; Linux 5.8 or newer is needed");
	if (shown.dev != want->dev || shown.ino != want->ino)
		return err_set(err, EXDEV, "what is mounted at '%s' in the container is not its delegated cgroup",
			       want->point);
	*ret_id = shown.id;
	return TAKE_FD(fd);
}

static int is_readonly(int fd, bool *ret)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	*ret = fs.f_flags & ST_RDONLY;
	return 0;
}

static int set_readonly(int fd, bool readonly)
{
	struct mount_attr attr = {
		.attr_set = readonly ? MOUNT_ATTR_RDONLY : 0,
		.attr_clr = readonly ? 0 : MOUNT_ATTR_RDONLY,
	};

	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return 0;
}

static int clear_flag(int fd, struct err *err)
{
	int r = set_readonly(fd, false);

	if (r < 0)
		return err_set_errno(err, r, "cannot clear the cgroup mount's read-only flag");
	return 0;
}

/* The clone starts with the flags of the mount that it was cloned from, nosuid, nodev and noexec among them. Its
 * descriptor goes to *ret once it lies on top. */
static int clone_on_top(int fd, int *ret, struct err *err)
{
	_cleanup_close_ int clone =
		(int)syscall(SYS_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	int r;

	if (clone < 0)
		return err_set_errno(err, errno, "cannot clone the cgroup mount");
	r = clear_flag(clone, err);
	if (r < 0)
		return r;
	if (syscall(SYS_move_mount, clone, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set_errno(err, errno, "cannot put the writable clone on the cgroup mount");
	*ret = TAKE_FD(clone);
	return 0;
}

/* Acts on the mount *fd. The descriptor for the undo goes to ret->fd at once: that of the clone, or *fd itself, which
 * the caller then no longer has. */
static int change(int *fd, enum mount_method method, struct mount_change *ret, struct err *err)
{
	int r = 0;

	ret->method = method;
	if (method == MOUNT_CLONE_ON_TOP) {
		r = clone_on_top(*fd, &ret->fd, err);
	} else if (method == MOUNT_CLEAR_FLAG) {
		r = clear_flag(*fd, err);
		if (r == 0)
			ret->fd = TAKE_FD(*fd);
	}
	return r;
}

/* Opens it again, by name, as the container will see it. A clone lies on top of the old mount, as another mount;
 * otherwise the mount is the same as before. */
static int read_back(int root_fd, const struct mount_identity *want, enum mount_method method, struct err *err)
{
	uint64_t id = 0;
	_cleanup_close_ int fd = open_verified(root_fd, want, &id, err);
	bool readonly = true;
	int r;

	if (fd < 0)
		return fd;
	if ((id != want->id) != (method == MOUNT_CLONE_ON_TOP))
		return err_set(err, EIO, "'%s' did not put the expected mount at '%s'", mount_method_name(method),
			       want->point);
	r = is_readonly(fd, &readonly);
	if (r < 0)
		return err_set_errno(err, r, "cannot read the cgroup mount's flags back");
	if (readonly)
		return err_set(err, EIO, "the cgroup mount is still read-only after '%s'", mount_method_name(method));
	return 0;
}

int mount_make_writable(int pidfd, const struct mount_identity *want, enum mount_method method,
			struct mount_change *ret, struct err *err)
{
	const int root_fd = AT_FDCWD; /* setns(2) leaves the process in the root directory of the namespace */
	_cleanup_close_ int before = -EBADF;
	uint64_t id = 0;
	int r;

	if (setns(pidfd, CLONE_NEWNS) < 0)
		return err_set_errno(err, errno, "cannot enter the container's mount namespace");
	before = open_verified(root_fd, want, &id, err);
	if (before < 0)
		return before;
	/* It must be the mount that mountinfo showed, and no other that has appeared there since. */
	if (id != want->id)
		return err_set(err, EXDEV, "another mount has appeared at '%s' in the container", want->point);
	r = change(&before, method, ret, err);
	return r < 0 ? r : read_back(root_fd, want, method, err);
}

int mount_undo(struct mount_change *change, struct err *err)
{
	_cleanup_close_ int fd = TAKE_FD(change->fd);
	bool readonly = false;
	int r = 0;

	if (fd < 0)
		return 0;
	if (change->method == MOUNT_CLEAR_FLAG) {
		r = set_readonly(fd, true);
		if (r == 0)
			r = is_readonly(fd, &readonly);
		if (r == 0 && !readonly)
			r = -EIO;
	} else if (change->method == MOUNT_CLONE_ON_TOP) {
		/* EINVAL: the clone is no mount of this namespace, so it was never put there. */
		r = mount_detach(fd);
		if (r == -EINVAL)
			r = 0;
	}
	if (r < 0)
		return err_set_errno(err, r, "cannot undo the change of the cgroup mount");
	return 0;
}
