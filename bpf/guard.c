/* SPDX-License-Identifier: Apache-2.0 */
/* Guard - opening the pinned programs and maps. See guard.h. */
#include "bpf/guard.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"

void guards_done(struct guards *guards)
{
	device_guard_done(&guards->device);
	grant_guard_done(&guards->grant);
}

/* Whoever could write here could put his own program in the place of a guard. */
int guard_directory_check(int fd, const char *name, struct err *err)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return err_set_errno(err, errno, "cannot stat '%s'", name);
	if ((unsigned long)fs.f_type != BPF_FS_MAGIC)
		return err_set(err, EPERM, "'%s' is not in a bpffs", name);
	return owner_check(&st, 0, OWNER_MAY_NOTHING, name, err);
}

/* Relative to the working directory, GUARD_DIRECTORY. -ENOENT is not an error: `ret` stays as it is. */
static int open_pin(const char *name, int *ret, struct err *err)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", guard_build, name);
	fd = bpf_obj_get(path);
	if (fd >= 0)
		*ret = fd;
	else if (errno != ENOENT)
		return err_set_errno(err, errno, "cannot open '" GUARD_DIRECTORY "/%s'", path);
	return 0;
}

static int refuse_pins(struct err *err)
{
	return err_set(err, EPERM,
		       "'" GUARD_DIRECTORY
		       "/%s' does not hold what was pinned there; run 'cgdeleg guard unload', then 'cgdeleg guard load'",
		       guard_build);
}

static int open_device(struct device_guard *guard, struct err *err)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int r = open_pin("device_guard", &guard->program_fd, err);

	if (r >= 0)
		r = open_pin("device_rules", &guard->rules_fd, err);
	if (r < 0 || guard->program_fd < 0)
		return r;
	if (bpf_obj_get_info_by_fd(guard->program_fd, &info, &size) < 0)
		return err_set_errno(err, errno, "cannot get the id of the device guard");
	if (info.type != BPF_PROG_TYPE_CGROUP_DEVICE || guard->rules_fd < 0)
		return refuse_pins(err);
	guard->id = info.id;
	return 0;
}

/* The map alone is no guard, nor are some of the programs. */
static int open_grant(struct grant_guard *guard, struct err *err)
{
	int r = open_pin("guard_grants", &guard->grants_fd, err);

	if (r < 0 || guard->grants_fd < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < GUARD_PROGRAMS; i++)
		r = open_pin(guard_program_names[i], &guard->programs[i], err);
	if (r < 0)
		return r;
	if (!grant_guard_is_whole(guard) || grant_guard_identify(guard, NULL) < 0)
		return refuse_pins(err);
	return 0;
}

/*
 * The directory gets its name when it is complete, and it may do so between two of these calls, while another hook's
 * loader is at work. So a missing pin says something only after the directory was seen.
 */
static int open_pins(int fd, struct guards *ret, struct err *err)
{
	int r = open_device(&ret->device, err);

	if (r >= 0 && ret->device.program_fd < 0) {
		guards_done(ret);
		if (faccessat(fd, guard_build, F_OK, 0) < 0)
			return errno == ENOENT ? 0
					       : err_set_errno(err, errno,
							       "cannot check whether '" GUARD_DIRECTORY "/%s' exists",
							       guard_build);
		r = open_device(&ret->device, err);
	}
	if (r >= 0)
		r = open_grant(&ret->grant, err);
	return r < 0 ? r : 1;
}

int guards_open(int sys_fd, struct guards *ret, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	*ret = (struct guards)GUARDS_NONE;
	if (!guard_build[0])
		return 0;
	fd = file_open_beneath(sys_fd, "fs/bpf/cgdeleg", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT ? 0 : err_set_errno(err, fd, "cannot open '" GUARD_DIRECTORY "'");
	r = guard_directory_check(fd, GUARD_DIRECTORY, err);
	if (r < 0)
		return r;
	if (fchdir(fd) < 0)
		return err_set_errno(err, errno, "cannot change to '" GUARD_DIRECTORY "'");
	r = open_pins(fd, ret, err);
	if (chdir("/") < 0 && r >= 0)
		r = err_set_errno(err, errno, "cannot change to '/'");
	if (r < 0)
		guards_done(ret);
	return r;
}
