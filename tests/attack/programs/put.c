/* SPDX-License-Identifier: Apache-2.0 */
/* put [FILE=TEXT | FILE/ | FILE]... - may this text be written; this directory made; this file opened for
 * writing? In the order of the arguments; a path that is not absolute is below /sys/fs/cgroup. */
#include <sys/stat.h>

#include "tests/attack/programs/answer.h"

static long ask(int top, char *words)
{
	char *text = strchr(words, '=');
	size_t length = strlen(words);
	int fd;

	if (text) {
		*text++ = '\0';
		return put_at(top, words, text);
	}
	if (words[length - 1] == '/')
		return mkdirat(top, words, 0755);
	fd = openat(top, words, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd;
}

int main(int argc, char **argv)
{
	int top = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char act[512];

	if (top < 0)
		cannot("/sys/fs/cgroup");
	for (int i = 1; i < argc; i++) {
		snprintf(act, sizeof(act), "%s", argv[i]);
		answer(act, ask(top, argv[i]));
	}
	return 0;
}
