/* SPDX-License-Identifier: Apache-2.0 */
/* device MAJOR MINOR NODE - can the device be made, and opened: by a node of one's own, and by one that is there?
 * ENXIO and ENODEV come from behind the device controller: they count as opened. */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/attack/programs/answer.h"

static int try_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 && (errno == ENXIO || errno == ENODEV) ? 0 : fd;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	unlink("/tmp/node");
	if (answer("mknod", mknod("/tmp/node", S_IFCHR | 0666,
				  makedev((unsigned)number(argv[1]), (unsigned)number(argv[2])))) == 0)
		answer("open own", try_open("/tmp/node"));
	unlink("/tmp/node");
	answer("open", try_open(argv[3]));
	return 0;
}
