/* SPDX-License-Identifier: Apache-2.0 */
/* Publish - by the directory's descriptor, and by rename. See publish.h. */
#include "base/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/owner.h"

#define MODE 0644 /* who collects metrics is not root */

/* Takes the descriptor. */
static int write_fresh(int fd, publish_fn put, void *userdata)
{
	FILE *to = fchmod(fd, MODE) < 0 ? NULL : fdopen(fd, "w");
	int r;

	if (!to) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	put(userdata, to);
	r = fflush(to) != 0 || ferror(to) ? -EIO : 0;
	return fclose(to) != 0 && r == 0 ? -errno : r;
}

/* A file of that name is left over from a process that was killed. */
static int make_fresh(int dirfd, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags, MODE);

	if (fd < 0 && errno == EEXIST && unlinkat(dirfd, name, 0) == 0)
		fd = openat(dirfd, name, flags, MODE);
	return fd < 0 ? -errno : fd;
}

static int replace(int dirfd, const char *name, publish_fn put, void *userdata)
{
	char fresh[NAME_MAX + 1];
	int r;

	if (snprintf(fresh, sizeof(fresh), "%s.new", name) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	r = make_fresh(dirfd, fresh);
	if (r < 0)
		return r;
	r = write_fresh(r, put, userdata);
	if (r >= 0 && renameat(dirfd, fresh, dirfd, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dirfd, fresh, 0);
	return r;
}

int publish_file(const char *path, uid_t owner, publish_fn put, void *userdata, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	/* "/file" is in "/", and "file" in ".". */
	const char *above = slash ? path : ".";
	const int len = slash && slash > path ? (int)(slash - path) : 1;
	_cleanup_close_ int dirfd = -EBADF;
	char directory[PATH_MAX];
	int r;

	if (snprintf(directory, sizeof(directory), "%.*s", len, above) >= (int)sizeof(directory))
		return err_set(err, ENAMETOOLONG, "the name of the file to write is too long");
	dirfd = owner_open_directory(directory, owner, false, err);
	if (dirfd < 0)
		return err_wrap(err, "cannot write '%s'", path);
	r = replace(dirfd, name, put, userdata);
	return r < 0 ? err_set_errno(err, r, "cannot write '%s'", path) : 0;
}
