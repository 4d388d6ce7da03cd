/* SPDX-License-Identifier: Apache-2.0 */
/* loosen UID FILE... - can these files of /sys/fs/cgroup be made another user's to write: by their mode, their owner,
 * an access list? A mode that could be changed stays so: somebody else looks at what it is worth. */
#include <sys/stat.h>

#include "tests/attack/programs/access-list.h"
#include "tests/attack/programs/answer.h"

static int top;

static long by_descriptor(const char *file)
{
	int fd = openat(top, file, O_RDONLY | O_CLOEXEC);
	long r = fd < 0 ? -1 : fchmod(fd, 0666);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return r;
}

static void ask(const char *file, uid_t uid)
{
	answer_of(fchmodat(top, file, 0666, 0), "%s: chmod", file);
	answer_of(by_descriptor(file), "%s: fchmod", file);
	answer_of(fchownat(top, file, uid, uid, 0), "%s: chown", file);
	answer_of(open_to_all(file), "%s: access list", file);
	answer_of(utimensat(top, file, NULL, 0), "%s: times", file);
}

int main(int argc, char **argv)
{
	top = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (argc < 3 || top < 0 || fchdir(top) < 0)
		cannot("/sys/fs/cgroup");
	for (int i = 2; i < argc; i++)
		ask(argv[i], (uid_t)number(argv[1]));
	return 0;
}
