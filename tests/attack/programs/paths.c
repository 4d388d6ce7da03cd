/* SPDX-License-Identifier: Apache-2.0 */
/* paths FILE TEXT - is there any path by which this file of /sys/fs/cgroup can be written? */
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/attack/programs/access-list.h"
#include "tests/attack/programs/answer.h"

#define TOP "/sys/fs/cgroup"

static const char *file, *text;
static int top;

static long by_prefix(const char *prefix)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", prefix, file);
	return put_at(AT_FDCWD, path, text);
}

#define WAY(name, act)         \
	static long name(void) \
	{                      \
		return act;    \
	}

WAY(plainly, by_prefix(TOP))
WAY(through_proc_root, by_prefix("/proc/self/root" TOP))
WAY(through_init_root, by_prefix("/proc/1/root" TOP))
WAY(through_the_directory, put_at(top, file, text))

/* A descriptor that was opened for less is opened anew through its link. */
static long reopened(int flags)
{
	int fd = openat(top, file, flags | O_CLOEXEC);
	char path[64];
	long r;

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = put_at(AT_FDCWD, path, text);
	close(fd);
	return r;
}

WAY(reopened_for_reading, reopened(O_RDONLY))
WAY(reopened_path, reopened(O_PATH))
WAY(after_chmod, fchmodat(top, file, 0666, 0) < 0 ? -1 : plainly())
WAY(after_chown, fchownat(top, file, geteuid(), getegid(), 0) < 0 ? -1 : plainly())
WAY(after_acl, open_to_all(file) < 0 ? -1 : plainly())
WAY(removed, unlinkat(top, file, 0))
WAY(renamed_over, renameat(top, "cgroup.procs", top, file))

static long created_anew(void)
{
	int fd = openat(top, file, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0666);

	return fd < 0 ? fd : write(fd, text, strlen(text));
}

static long through_openat2(void)
{
	struct open_how how = { .flags = O_WRONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	long fd = syscall(SYS_openat2, top, file, &how, sizeof(how));

	return fd < 0 ? fd : write((int)fd, text, strlen(text));
}

static long through_bind_mount(void)
{
	if (mkdir("/tmp/bound", 0755) < 0 && errno != EEXIST)
		cannot("/tmp/bound");
	if (mount(TOP, "/tmp/bound", NULL, MS_BIND, NULL) < 0)
		return -1;
	return by_prefix("/tmp/bound");
}

static long through_detached_mount(void)
{
	long tree = syscall(SYS_open_tree, AT_FDCWD, TOP, 1 /* OPEN_TREE_CLONE */);

	return tree < 0 ? tree : put_at((int)tree, file, text);
}

static long through_own_mount(void)
{
	if (mkdir("/tmp/own", 0755) < 0 && errno != EEXIST)
		cannot("/tmp/own");
	if (mount("none", "/tmp/own", "cgroup2", 0, NULL) < 0)
		return -1;
	return by_prefix("/tmp/own");
}

static const struct {
	const char *name;
	long (*try)(void);
} ways[] = {
	{ "plainly", plainly },
	{ "/proc/self/root", through_proc_root },
	{ "/proc/1/root", through_init_root },
	{ "openat", through_the_directory },
	{ "openat2", through_openat2 },
	{ "reopened read-only descriptor", reopened_for_reading },
	{ "reopened O_PATH descriptor", reopened_path },
	{ "chmod", after_chmod },
	{ "chown", after_chown },
	{ "access list", after_acl },
	{ "unlink", removed },
	{ "rename", renamed_over },
	{ "O_CREAT", created_anew },
	{ "bind mount", through_bind_mount },
	{ "detached mount", through_detached_mount },
	{ "cgroup2 mount of its own", through_own_mount },
};

/* Each in a process and, where that is allowed, a mount namespace of its own: none is in another's way. */
static void try_alone(size_t i)
{
	pid_t pid = fork();

	if (pid < 0)
		cannot("fork");
	if (pid == 0) {
		(void)!unshare(CLONE_NEWNS);
		answer(ways[i].name, ways[i].try());
		exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	file = argv[1];
	text = argv[2];
	top = open(TOP, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || chdir(TOP) < 0)
		cannot(TOP);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		try_alone(i);
	return 0;
}
