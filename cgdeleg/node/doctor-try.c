/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, try - what only the kernel can answer, by doing it. See doctor.h, doctor-part.h. */
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/kernel/attribute.h"
#include "cgdeleg/node/doctor-part.h"

#define NOBODY 65534 /* whom the file is given to */

/* A child that waits in a user namespace of its own. */
static pid_t child_in_userns(void)
{
	const pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	return child;
}

static void end_child(pid_t *child)
{
	if (*child <= 0)
		return;
	(void)kill(*child, SIGKILL);
	while (waitpid(*child, NULL, 0) < 0 && errno == EINTR)
		;
}

static int try_userns(struct err *err)
{
	_cleanup_(end_child) pid_t child = child_in_userns();

	return child < 0 ? err_set_errno(err, errno, "a user namespace cannot be made") : 0;
}

/* A user namespace with one id of each kind. Its descriptor outlives the child. */
static int open_mapped_userns(struct err *err)
{
	_cleanup_(end_child) pid_t child = child_in_userns();
	char path[64];
	int fd;

	if (child < 0)
		return err_set_errno(err, errno, "a user namespace cannot be made");
	for (int i = 0; i < 2; i++) {
		int r;

		(void)snprintf(path, sizeof(path), "/proc/%d/%s", child, i == 0 ? "uid_map" : "gid_map");
		r = file_write_at(AT_FDCWD, path, "0 100000 1");
		if (r < 0)
			return err_set_errno(err, r, "a user namespace cannot get ids");
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", child);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set_errno(err, errno, "a user namespace cannot be opened") : fd;
}

static int try_idmap(int directory, struct err *err)
{
	_cleanup_close_ int userns = open_mapped_userns(err);
	_cleanup_close_ int copy = -EBADF;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };

	if (userns < 0)
		return userns;
	copy = (int)syscall(SYS_open_tree, directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (copy < 0)
		return err_set_errno(err, errno, "the mount cannot be copied");
	attr.userns_fd = (uint64_t)userns;
	if (syscall(SYS_mount_setattr, copy, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set_errno(err, errno, "the mount cannot be mapped");
	return 0;
}

static int try_inotify(struct err *err)
{
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return err_set_errno(err, errno, "root has no inotify instance left");
	if (inotify_add_watch(fd, "/proc/self", IN_MODIFY) < 0)
		return err_set_errno(err, errno, "root has no inotify watch left");
	return 0;
}

/* Since 6.19 a task leaves its cgroup only a moment after its end has been reported. */
static void remove_cgroup(int parent_fd, const char *name)
{
	static const struct timespec moment = { .tv_nsec = 2000000 };

	for (int i = 0; i < 500 && unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno == EBUSY; i++)
		(void)nanosleep(&moment, NULL);
}

/* The throw-away cgroup, which holds another. */
struct trial {
	int parent_fd;
	int fd, inner_fd;
	char name[40];
	sigset_t before; /* Ctrl-C waits until all is removed */
};

static void trial_done(struct trial *trial)
{
	trial->inner_fd = close_fd(trial->inner_fd);
	if (trial->fd >= 0)
		remove_cgroup(trial->fd, "inner");
	trial->fd = close_fd(trial->fd);
	if (trial->name[0])
		remove_cgroup(trial->parent_fd, trial->name);
	(void)sigprocmask(SIG_SETMASK, &trial->before, NULL);
}

static int make_cgroup(int parent_fd, const char *name, struct err *err)
{
	int fd;

	if (mkdirat(parent_fd, name, 0755) < 0 && errno != EEXIST)
		return err_set_errno(err, errno, "a cgroup cannot be made");
	fd = file_open_beneath(parent_fd, name, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? err_set_errno(err, fd, "a cgroup that was just made cannot be opened") : fd;
}

static int trial_make(int cgroup_fd, struct trial *trial, struct err *err)
{
	char name[sizeof(trial->name)];
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &trial->before);
	(void)snprintf(name, sizeof(name), DOCTOR_CGROUP "%d", getpid());
	trial->fd = make_cgroup(cgroup_fd, name, err);
	if (trial->fd < 0)
		return trial->fd;
	memcpy(trial->name, name, sizeof(name));
	trial->inner_fd = make_cgroup(trial->fd, "inner", err);
	return trial->inner_fd < 0 ? trial->inner_fd : 0;
}

static int write_limit(int fd, const char *file, const char *value, struct err *err)
{
	char text[32];
	int r = file_write_at(fd, file, value);
	ssize_t n = r < 0 ? r : file_read_at(fd, file, text, sizeof(text));

	if (n < 0)
		return err_set_errno(err, (int)n, "'%s' of a cgroup cannot be set", file);
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, value) == 0
		       ? 0
		       : err_set(err, EIO, "'%s' of a cgroup was set to %s and is %s", file, value, text);
}

/* A cgroup that may have none below it must get none. */
static int try_bounds(const struct trial *trial, struct err *err)
{
	static const char *const files[] = { "cgroup.max.descendants", "cgroup.max.depth" };

	for (size_t i = 0; i < ELEMENTS(files); i++) {
		int r = write_limit(trial->inner_fd, files[i], "0", err);

		if (r < 0)
			return r;
		if (mkdirat(trial->inner_fd, "beyond", 0755) == 0) {
			remove_cgroup(trial->inner_fd, "beyond");
			return err_set(err, EIO, "a cgroup with '%s' of 0 got a cgroup below it", files[i]);
		}
		r = write_limit(trial->inner_fd, files[i], "max", err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int try_ownership(const struct trial *trial, struct err *err)
{
	static const char value[] = "doctor";
	char text[sizeof(value)];
	struct stat st;

	if (fsetxattr(trial->inner_fd, ATTRIBUTE_NAME, value, sizeof(value), 0) < 0 ||
	    fgetxattr(trial->inner_fd, ATTRIBUTE_NAME, text, sizeof(text)) != sizeof(value))
		return err_set_errno(err, errno, "a cgroup takes no attribute " ATTRIBUTE_NAME);
	/* It marks grants, and this is none. */
	if (fremovexattr(trial->inner_fd, ATTRIBUTE_NAME) < 0)
		return err_set_errno(err, errno, "the attribute " ATTRIBUTE_NAME " of a cgroup cannot be removed");
	if (fchownat(trial->inner_fd, "cgroup.procs", NOBODY, NOBODY, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(trial->inner_fd, "cgroup.procs", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set_errno(err, errno, "a file of a cgroup cannot be given to another user");
	return st.st_uid == NOBODY ? 0 : err_set(err, EIO, "a file of a cgroup keeps its owner");
}

static int try_cgroup(int cgroup_fd, struct err *err)
{
	_cleanup_(trial_done) struct trial trial = { .parent_fd = cgroup_fd, .fd = -EBADF, .inner_fd = -EBADF };
	int r = trial_make(cgroup_fd, &trial, err);

	if (r >= 0)
		r = try_bounds(&trial, err);
	return r < 0 ? r : try_ownership(&trial, err);
}

static int open_device(int root_fd, const char *path)
{
	int fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

const struct doctor_tries doctor_tries = {
	.userns = try_userns,
	.idmap = try_idmap,
	.inotify = try_inotify,
	.cgroup = try_cgroup,
	.open_device = open_device,
};
