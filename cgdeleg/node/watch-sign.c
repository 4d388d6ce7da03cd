/* SPDX-License-Identifier: Apache-2.0 */
/* Watch sign - by which others see that a watch lives. See watch-sign.h. */
#include "cgdeleg/node/watch-sign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/owner.h"
#include "cgdeleg/grant/budget.h"

/* Of one length, whatever the numbers are: a reader never sees the end of a longer one before. */
#define HEAD "cgdeleg watch 1"
#define FORM HEAD " %020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %020" PRIu64 "\n"
#define SIZE 128 /* bytes of the text, with room */

int watch_sign_open(const struct host *host, const char *run, struct err *err)
{
	_cleanup_close_ int dirfd = budget_directory_open(host, run, err);
	_cleanup_close_ int fd = -EBADF;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int r;

	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, WATCH_SIGN_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '%s/" WATCH_SIGN_FILE "'", run);
	r = owner_check_fd(fd, S_IFREG, host->machine->owner, WATCH_SIGN_FILE, err);
	if (r < 0)
		return r;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return err_set_errno(err, errno, "another watch has '%s/" WATCH_SIGN_FILE "'", run);
	return TAKE_FD(fd);
}

int watch_sign_write(int fd, const struct watch_sign *sign)
{
	char text[SIZE];
	const int len = snprintf(text, sizeof(text), FORM, (uint64_t)sign->swept_ms, sign->interval_seconds,
				 sign->verified_seconds, sign->grants);

	return pwrite(fd, text, (size_t)len, 0) == len ? 0 : -EIO;
}

int watch_sign_read(int fd, struct watch_sign *ret)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char text[SIZE] = "", *at = text + strlen(HEAD);
	uint64_t numbers[4];

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return -errno;
	if (strncmp(text, HEAD, strlen(HEAD)) != 0)
		return -EBADMSG;
	for (size_t i = 0; i < ELEMENTS(numbers); i++) {
		if (at[0] != ' ' || at[1] < '0' || at[1] > '9')
			return -EBADMSG;
		numbers[i] = strtoull(at + 1, &at, 10);
	}
	if (strcmp(at, "\n") != 0)
		return -EBADMSG;
	*ret = (struct watch_sign) { .swept_ms = (int64_t)numbers[0],
				     .interval_seconds = numbers[1],
				     .verified_seconds = numbers[2],
				     .grants = numbers[3],
				     .alive = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK };
	return 0;
}
