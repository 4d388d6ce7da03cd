/* SPDX-License-Identifier: Apache-2.0 */
/* loosen UID FILE... - can these files of /sys/fs/cgroup be made another user's to write: by their mode, their owner,
 * an access list? A mode that could be changed stays so: somebody else looks at what it is worth. */
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tests/attack/programs/answer.h"

static int top;

/* Version 2, three entries, all permissions. */
static long set_acl(const char *file)
{
	static const struct {
		unsigned version;
		struct {
			unsigned short tag, permissions;
			unsigned id;
		} entries[3];
	} acl = { 2, { { 0x01, 7, ~0U }, { 0x04, 7, ~0U }, { 0x20, 7, ~0U } } };

	return setxattr(file, "system.posix_acl_access", &acl, sizeof(acl), 0);
}

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
	char act[512];

	snprintf(act, sizeof(act), "%s: chmod", file);
	answer(act, fchmodat(top, file, 0666, 0));
	snprintf(act, sizeof(act), "%s: fchmod", file);
	answer(act, by_descriptor(file));
	snprintf(act, sizeof(act), "%s: chown", file);
	answer(act, fchownat(top, file, uid, uid, 0));
	snprintf(act, sizeof(act), "%s: access list", file);
	answer(act, set_acl(file));
	snprintf(act, sizeof(act), "%s: times", file);
	answer(act, utimensat(top, file, NULL, 0));
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
