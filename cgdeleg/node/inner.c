/* SPDX-License-Identifier: Apache-2.0 */
/* Inner - the cgroups that a container has made in its own one. See inner.h. */
#include "cgdeleg/node/inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"

struct inner {
	grant_visitor visit;
	void *userdata;
	struct grants_seen seen;
	size_t len; /* of the path; 0: the container's own cgroup */
	char path[PATH_MAX];
};

static int enter(struct inner *inner, int fd, unsigned depth, struct err *err);

static int enter_child(struct inner *inner, int parent_fd, const char *name, unsigned depth, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	const size_t len = inner->len, added = strlen(name) + 1;
	int r;

	if (depth > GRANT_DEPTH_MAX || len + added >= sizeof(inner->path)) {
		inner->seen.n_passed++;
		return 0;
	}
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return err_set_errno(err, errno, "cannot open a cgroup");
	if (fd < 0) {
		inner->seen.n_unopened += errno != ENOENT && errno != ENODEV;
		return 0;
	}
	inner->path[len] = '/';
	memcpy(inner->path + len + 1, name, added);
	inner->len = len + added;
	r = enter(inner, fd, depth, err);
	inner->len = len;
	inner->path[len] = '\0';
	return r;
}

static int enter_children(struct inner *inner, int fd, unsigned depth, struct err *err)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	while ((n = file_read_directory(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);
			int r = 0;

			at += entry->d_reclen;
			if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
				r = enter_child(inner, fd, entry->d_name, depth + 1, err);
			if (r < 0)
				return r;
		}
	return n < 0 && n != -ENOENT && n != -ENODEV ? err_set_errno(err, (int)n, "cannot list a cgroup") : 0;
}

static int enter(struct inner *inner, int fd, unsigned depth, struct err *err)
{
	struct grant grant = { .path = inner->len > 0 ? inner->path : "/" };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return 0;
	grant.id = st.st_ino;
	grant.uid = st.st_uid;
	grant.gid = st.st_gid;
	inner->seen.n_cgroups++;
	r = inner->visit(&grant, fd, inner->userdata, err);
	/* kernfs counts a directory's children in its links: two are its own. */
	return r < 0 || st.st_nlink == 2 ? r : enter_children(inner, fd, depth, err);
}

int inner_walk(int fd, grant_visitor visit, void *userdata, struct grants_seen *ret, struct err *err)
{
	_cleanup_free_ struct inner *inner = calloc(1, sizeof(*inner));
	_cleanup_close_ int own = -EBADF; /* a position of its own: the caller may walk twice */
	int r;

	if (!inner)
		return err_set(err, ENOMEM, "out of memory");
	own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return err_set_errno(err, errno, "cannot open the container's cgroup");
	inner->visit = visit;
	inner->userdata = userdata;
	r = enter(inner, own, 0, err);
	if (ret)
		*ret = inner->seen;
	return r < 0 ? r : 0;
}
