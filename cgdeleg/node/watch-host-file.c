/* SPDX-License-Identifier: Apache-2.0 */
/* Watch, host, file - what stood on the host's cgroup2 is remembered from one watch to the next. See watch-host.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "base/text.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/node/watch-host.h"

#define HEAD	 "cgdeleg host options 1\n"
#define NEW_FILE WATCH_HOST_FILE ".new"
#define TEXT_MAX (sizeof(HEAD) + 2 * HOST_OPTIONS_SIZE)

/* The next line, which must be words as mount_find_host() makes them. False: it is not. */
static bool take_words(const char **at, char ret[HOST_OPTIONS_SIZE])
{
	const size_t len = strcspn(*at, "\n");

	if ((*at)[len] != '\n' || len >= HOST_OPTIONS_SIZE)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!text_is_alnum((*at)[i]) && (*at)[i] != '_' && (*at)[i] != ' ')
			return false;
	memcpy(ret, *at, len);
	ret[len] = '\0';
	*at += len + 1;
	return true;
}

int watch_host_recall(struct watch_host *h, struct err *err)
{
	_cleanup_close_ int dirfd = budget_directory_open(h->host, h->run, err);
	_cleanup_close_ int fd = -EBADF;
	char text[TEXT_MAX], stood[HOST_OPTIONS_SIZE], flags[HOST_OPTIONS_SIZE];
	const char *at = text + strlen(HEAD);
	int r;

	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, WATCH_HOST_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '%s/" WATCH_HOST_FILE "'", h->run);
	r = owner_check_fd(fd, S_IFREG, h->host->machine->owner, WATCH_HOST_FILE, err);
	if (r < 0)
		return err_wrap(err, "'%s'", h->run);
	/* Longer than this program writes, a NUL in between, another version: not ours. */
	r = (int)file_read_fd(fd, text, sizeof(text));
	if (r < 0 || strlen(text) != (size_t)r || strncmp(text, HEAD, strlen(HEAD)) != 0 || !take_words(&at, stood) ||
	    !take_words(&at, flags) || *at)
		return err_set(err, EBADMSG,
			       "'%s/" WATCH_HOST_FILE "' was not written by this version of cgdeleg watch", h->run);
	memcpy(h->stood, stood, sizeof(stood));
	memcpy(h->flags, flags, sizeof(flags));
	return 1;
}

/* A whole file or the old one. Nothing is synced: it is not to outlive the boot, nor are the options. */
int watch_host_remember(const struct watch_host *h, struct err *err)
{
	_cleanup_close_ int dirfd = budget_directory_open(h->host, h->run, err);
	_cleanup_close_ int fd = -EBADF;
	char text[TEXT_MAX];
	int len, r;

	if (dirfd < 0)
		return dirfd;
	(void)unlinkat(dirfd, NEW_FILE, 0);
	fd = openat(dirfd, NEW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot make '%s/" NEW_FILE "'", h->run);
	len = snprintf(text, sizeof(text), HEAD "%s\n%s\n", h->stood, h->flags);
	r = file_write_fd(fd, text, (size_t)len);
	if (r >= 0 && renameat(dirfd, NEW_FILE, dirfd, WATCH_HOST_FILE) < 0)
		r = -errno;
	return r < 0 ? err_set_errno(err, r, "cannot write '%s/" WATCH_HOST_FILE "'", h->run) : 0;
}
