/* SPDX-License-Identifier: Apache-2.0 */
/* mounts - can the cgroup mount be changed, taken away or made anew, and what does one see then? In a copy of
 * the mount namespace where that is allowed, and always in the container's own. */
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/attack/programs/answer.h"

#define TOP "/sys/fs/cgroup"

static struct stat own;

/* The answer is "ok" only if another cgroup than the container's is seen. */
static long sees_another(const char *path)
{
	struct stat now;

	if (stat(path, &now) < 0)
		return -1;
	if (now.st_dev == own.st_dev && now.st_ino != own.st_ino)
		return 0;
	errno = ESTALE; /* the same cgroup, or nothing of cgroup2 */
	return -1;
}

static long remount(void)
{
	return mount("none", TOP, NULL, MS_REMOUNT, "");
}

static long remount_with_options(void)
{
	return mount("none", TOP, NULL, MS_REMOUNT, "memory_localevents");
}

static long reconfigure(void)
{
	long fd = syscall(SYS_fspick, AT_FDCWD, TOP, 0);

	return fd < 0 ? fd : syscall(SYS_fsconfig, (int)fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

static long unmount(void)
{
	if (umount2(TOP, 0) < 0)
		return -1;
	return sees_another(TOP);
}

static long unmount_lazily(void)
{
	for (int n = 0; n < 4; n++)
		if (umount2(TOP, MNT_DETACH) < 0 && n == 0)
			return -1;
	return sees_another(TOP);
}

static long mount_anew(void)
{
	if (mkdir("/tmp/anew", 0755) < 0 && errno != EEXIST)
		cannot("/tmp/anew");
	if (mount("none", "/tmp/anew", "cgroup2", 0, "memory_localevents") < 0)
		return -1;
	return sees_another("/tmp/anew");
}

static long dot_dot(void)
{
	return sees_another(TOP "/..");
}

static const struct {
	const char *name;
	long (*try)(void);
} ways[] = {
	{ "remount", remount },
	{ "remount with options", remount_with_options },
	{ "reconfigure", reconfigure },
	{ "unmount", unmount },
	{ "unmount lazily", unmount_lazily },
	{ "mount anew", mount_anew },
	{ "..", dot_dot },
};

int main(void)
{
	char line[64];

	if (stat(TOP, &own) < 0)
		cannot(TOP);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)!unshare(CLONE_NEWNS);
			snprintf(line, sizeof(line), "%s", ways[i].name);
			answer(line, ways[i].try());
			return 0;
		}
		waitpid(pid, NULL, 0);
	}
	return 0;
}
