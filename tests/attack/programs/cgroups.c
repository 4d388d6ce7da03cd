/* SPDX-License-Identifier: Apache-2.0 */
/* cgroups wide|deep COUNT - how many cgroups can be made below /sys/fs/cgroup? Tries all COUNT, whatever the
 * answers; removes them again. */
#include <sys/stat.h>

#include "tests/attack/programs/answer.h"

static long made, tried;
static int first_errno;

static int make(int dir, const char *name)
{
	tried++;
	if (mkdirat(dir, name, 0755) == 0) {
		made++;
		return 0;
	}
	if (!first_errno)
		first_errno = errno;
	return -1;
}

static void wide(int top, long most)
{
	char name[32];

	for (long i = 0; i < most; i++) {
		snprintf(name, sizeof(name), "wide%ld", i);
		(void)make(top, name);
	}
	count("now", made);
	for (long i = 0; i < most && made; i++) {
		snprintf(name, sizeof(name), "wide%ld", i);
		if (unlinkat(top, name, AT_REMOVEDIR) == 0)
			made--;
	}
}

static void deep(int top, long most)
{
	int dir = dup(top);

	for (long i = 0; i < most && make(dir, "deep") == 0; i++) {
		int next = openat(dir, "deep", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (next < 0)
			cannot("deep");
		close(dir);
		dir = next;
	}
	count("now", made);
	for (; made; made--) {
		int up = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (up < 0 || unlinkat(up, "deep", AT_REMOVEDIR) < 0)
			cannot("deep");
		close(dir);
		dir = up;
	}
}

int main(int argc, char **argv)
{
	int top = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (argc != 3 || top < 0)
		cannot("/sys/fs/cgroup");
	(strcmp(argv[1], "deep") == 0 ? deep : wide)(top, number(argv[2]));
	count("tried", tried);
	errno = first_errno;
	answer("mkdir", first_errno ? -1 : 0);
	return made != 0;
}
