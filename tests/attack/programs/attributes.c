/* SPDX-License-Identifier: Apache-2.0 */
/* attributes - can the mark of the grant be seen, forged or removed, and how many attributes of its own may a
 * cgroup have? */
#include <sys/xattr.h>

#include "tests/attack/programs/answer.h"

#define TOP  "/sys/fs/cgroup"
#define MARK "trusted.cgdeleg"

static long flood(long *made)
{
	char name[32];

	for (*made = 0; *made < 100000; ++*made) {
		snprintf(name, sizeof(name), "user.flood%ld", *made);
		if (setxattr(TOP, name, "x", 1, XATTR_CREATE) < 0)
			return -1;
	}
	return 0;
}

int main(void)
{
	char value[4096];
	long made, r;
	int saved;

	answer("read", getxattr(TOP, MARK, value, sizeof(value)));
	answer("forge", setxattr(TOP, MARK, "{}", 2, 0));
	answer("remove", removexattr(TOP, MARK));
	answer("on a file of host root's", setxattr(TOP "/cgroup.max.depth", "user.x", "1", 1, 0));
	r = flood(&made);
	saved = errno;
	count("attributes", made);
	for (long i = 0; i < made; i++) {
		snprintf(value, sizeof(value), "user.flood%ld", i);
		(void)removexattr(TOP, value);
	}
	errno = saved;
	answer("flood", r);
	return 0;
}
