/* SPDX-License-Identifier: Apache-2.0 */
/* Guard - opening the pinned programs and maps. See guard.h. */
#include "bpf/guard.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "cannot stat '%s'", name);
	if (owner_check(&st, 0, OWNER_MAY_NOTHING, name, NULL) == 0)
		return 0;
	return err_set(
		err, EPERM,
		"'%s' belongs to uid %u (mode %04o), so the guards in it may be somebody else's; remove it, let only root write the directory above, and run 'cgdeleg guard load'",
		name, st.st_uid, st.st_mode & 07777);
}

/* A path below the working directory, GUARD_DIRECTORY. -ENOENT is not an error: `ret` stays as it is. */
static int open_pin(const char *guard, const char *name, int *ret, struct err *err)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", guard_build, guard, name);
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

static int open_device(struct guards *guards, struct err *err)
{
	struct device_guard *guard = &guards->device;
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int r = open_pin("device_guard", "device_guard", &guard->program_fd, err);

	if (r < 0 || guard->program_fd < 0)
		return r;
	r = open_pin("device_guard", "device_rules", &guard->rules_fd, err);
	if (r < 0)
		return r;
	if (bpf_obj_get_info_by_fd(guard->program_fd, &info, &size) < 0)
		return err_set_errno(err, errno, "cannot get the id of the device guard");
	if (info.type != BPF_PROG_TYPE_CGROUP_DEVICE || strcmp(info.name, "device_guard") != 0 || guard->rules_fd < 0)
		return refuse_pins(err);
	guard->id = info.id;
	return 1;
}

/* The map alone is no guard, nor are some of the programs. */
static int open_grant(struct guards *guards, struct err *err)
{
	struct grant_guard *guard = &guards->grant;
	int r = open_pin("grant_guard", "guard_grants", &guard->grants_fd, err);

	if (r < 0 || guard->grants_fd < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < GUARD_PROGRAMS; i++)
		r = open_pin("grant_guard", guard_program_names[i], &guard->programs[i], err);
	if (r < 0)
		return r;
	if (!grant_guard_is_whole(guard) || grant_guard_identify(guard, NULL) < 0)
		return refuse_pins(err);
	return 1;
}

/*
 * 1: there, or the note says that it cannot be. A guard's directory gets its name when it is complete, and it may do so
 * between two of these calls, while another hook's loader is at work. So a missing pin says something only after the
 * directory was looked for.
 */
static int open_guard(int fd, const char *guard, int (*open_pins)(struct guards *, struct err *), struct guards *ret,
		      char note[GUARD_CANNOT_SIZE], struct err *err)
{
	char path[96];
	ssize_t n;
	int r = open_pins(ret, err);

	if (r != 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/%s" GUARD_CANNOT_SUFFIX, guard_build, guard);
	n = file_readlink_at(fd, path, note, GUARD_CANNOT_SIZE);
	/* A pin is in a bpffs, or bpf(2) would not open it. A note elsewhere could speak of another kernel. */
	if (n >= 0)
		return file_is_in(fd, BPF_FS_MAGIC) ? 1 : err_set(err, EPERM, "'" GUARD_DIRECTORY "' is not in a bpffs");
	note[0] = '\0';
	if (n != -ENOENT)
		return err_set_errno(err, (int)n, "cannot read '" GUARD_DIRECTORY "/%s'", path);
	path[strlen(path) - strlen(GUARD_CANNOT_SUFFIX)] = '\0';
	if (faccessat(fd, path, F_OK, 0) < 0)
		return errno == ENOENT
			       ? 0
			       : err_set_errno(err, errno, "cannot check whether '" GUARD_DIRECTORY "/%s' exists", path);
	r = open_pins(ret, err);
	return r != 0 ? r : refuse_pins(err);
}

bool guards_settled(const struct guards *guards, unsigned which)
{
	return (!(which & WANT_DEVICE_GUARD) || guards->device.program_fd >= 0 || guards->device_cannot[0]) &&
	       (!(which & WANT_GRANT_GUARD) || guards->grant.grants_fd >= 0 || guards->grant_cannot[0]);
}

static int open_wanted(int fd, unsigned which, struct guards *ret, struct err *err)
{
	int r = 0;

	if (which & WANT_DEVICE_GUARD)
		r = open_guard(fd, "device_guard", open_device, ret, ret->device_cannot, err);
	if (r >= 0 && (which & WANT_GRANT_GUARD))
		r = open_guard(fd, "grant_guard", open_grant, ret, ret->grant_cannot, err);
	return r < 0 ? r : guards_settled(ret, which);
}

int guards_open(int sys_fd, unsigned which, struct guards *ret, struct err *err)
{
	static const char none[] = "this cgdeleg was built without BPF guards";
	_cleanup_close_ int fd = -EBADF;
	int r;

	*ret = (struct guards)GUARDS_NONE;
	if (!guard_build[0]) {
		memcpy(ret->device_cannot, none, sizeof(none));
		memcpy(ret->grant_cannot, none, sizeof(none));
		return 1;
	}
	fd = file_open_beneath(sys_fd, "fs/bpf/cgdeleg", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT ? 0 : err_set_errno(err, fd, "cannot open '" GUARD_DIRECTORY "'");
	r = guard_directory_check(fd, GUARD_DIRECTORY, err);
	if (r < 0)
		return r;
	if (fchdir(fd) < 0)
		return err_set_errno(err, errno, "cannot change to '" GUARD_DIRECTORY "'");
	r = open_wanted(fd, which, ret, err);
	if (chdir("/") < 0 && r >= 0)
		r = err_set_errno(err, errno, "cannot change to '/'");
	if (r < 0) {
		guards_done(ret);
		*ret = (struct guards)GUARDS_NONE;
	}
	return r;
}
