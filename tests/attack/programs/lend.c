/* SPDX-License-Identifier: Apache-2.0 */
/* lend SOCKET DIRECTORY|program - the accomplice outside: gives one descriptor to everyone who connects, of
 * that directory or of a device program that lets everything pass. Ends when its standard input does. */
#include <poll.h>
#include <sys/stat.h>

#include "tests/attack/programs/answer.h"
#include "tests/attack/programs/device-program.h"

static void give(int s, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(s, &message, 0) < 0)
		perror("sendmsg");
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (s < 0 || bind(s, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(s, 8) < 0 ||
	    chmod(path, 0666) < 0)
		cannot(path);
	return s;
}

int main(int argc, char **argv)
{
	int fd, s;

	if (argc != 3)
		return 2;
	fd = strcmp(argv[2], "program") == 0 ? load_device_program(1, -1)
					     : open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		cannot(argv[2]);
	s = listen_at(argv[1]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd ready[] = { { .fd = s, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
		int guest;

		if (poll(ready, 2, -1) < 0 || ready[1].revents)
			return 0;
		guest = accept4(s, NULL, NULL, SOCK_CLOEXEC);
		if (guest >= 0) {
			give(guest, fd);
			close(guest);
		}
	}
}
