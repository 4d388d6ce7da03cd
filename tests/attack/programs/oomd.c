/* SPDX-License-Identifier: Apache-2.0 */
/* oomd CHILD - can what systemd-oomd is told of this cgroup, of a child or of a file be set, or removed? */
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tests/attack/programs/answer.h"

#define TOP "/sys/fs/cgroup"

static const char *const names[] = { "user.oomd_omit", "user.oomd_avoid" };

static long through_descriptor(const char *path, const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long r = fd < 0 ? -1 : fsetxattr(fd, name, "1", 1, 0);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return r;
}

static void ask(const char *what, const char *path, const char *name)
{
	answer_of(setxattr(path, name, "1", 1, 0), "%s: set %s", what, name);
	answer_of(through_descriptor(path, name), "%s: set %s by descriptor", what, name);
	answer_of(removexattr(path, name), "%s: remove %s", what, name);
}

int main(int argc, char **argv)
{
	char child[512], file[512];

	if (argc != 2)
		return 2;
	snprintf(child, sizeof(child), TOP "/%s", argv[1]);
	if (mkdir(child, 0755) < 0 && errno != EEXIST)
		cannot(child);
	snprintf(file, sizeof(file), TOP "/%s/cgroup.procs", argv[1]);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ask("root", TOP, names[i]);
		ask("child", child, names[i]);
		ask("file", file, names[i]);
	}
	(void)rmdir(child);
	return 0;
}
