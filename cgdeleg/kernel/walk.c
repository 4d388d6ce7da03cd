/* SPDX-License-Identifier: Apache-2.0 */
/* Grants - every delegated cgroup of the node. See walk.h. */
#include "cgdeleg/kernel/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"

struct walk {
	/* Whether to look below. A negative result ends the walk. */
	int (*visit)(struct walk *walk, int fd, const struct stat *st, struct err *err);
	grant_visitor visitor;
	void *userdata;
	uint64_t wanted; /* find(): the id; `found` is the descriptor */
	int found;
	struct grants_seen seen;
	struct grant grant;
	size_t len;
	char path[PATH_MAX];
};

static int walk_below(struct walk *walk, int fd, unsigned depth, struct err *err);

/* One child. What vanishes in between was none; what cannot be opened for another reason is counted. */
static int walk_child(struct walk *walk, int parent_fd, const char *name, unsigned depth, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	const size_t len = walk->len, added = strlen(name) + 1;
	struct stat st;
	int r;

	if (depth > GRANT_DEPTH_MAX || len + added >= sizeof(walk->path)) {
		walk->seen.n_passed++;
		return 0;
	}
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return err_set_errno(err, errno, "cannot open a cgroup");
	if (fd < 0 || fstat(fd, &st) < 0) {
		walk->seen.n_unopened += errno != ENOENT && errno != ENODEV;
		return 0;
	}
	walk->path[len] = '/';
	memcpy(walk->path + len + 1, name, added);
	walk->len = len + added;
	walk->seen.n_cgroups++;
	r = walk->visit(walk, fd, &st, err);
	/* kernfs counts a directory's children in its links: two are its own. */
	if (r > 0 && st.st_nlink != 2)
		r = walk_below(walk, fd, depth + 1, err);
	walk->len = len;
	walk->path[len] = '\0';
	return r < 0 ? r : 0;
}

static int walk_below(struct walk *walk, int fd, unsigned depth, struct err *err)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	while ((n = file_read_directory(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);
			int r = 0;

			at += entry->d_reclen;
			if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
				r = walk_child(walk, fd, entry->d_name, depth, err);
			if (r < 0)
				return r;
		}
	return n < 0 && n != -ENOENT ? err_set_errno(err, (int)n, "cannot list a cgroup") : 0;
}

static int walk_tree(const struct host *host, struct walk *walk, struct err *err)
{
	/* A position of its own: host->cgroup_fd is shared. */
	_cleanup_close_ int fd = openat(host->cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(err, errno, "cannot open the host's cgroup2 mount");
	return walk_below(walk, fd, 1, err);
}

static int visit_grant(struct walk *walk, int fd, const struct stat *st, struct err *err)
{
	struct grant *grant = &walk->grant;
	int r;

	grant->fault = (struct err) { 0 };
	(void)attribute_read(fd, &grant->attribute, &grant->fault);
	if (!grant->attribute.marked)
		return 1;
	walk->seen.n_grants++;
	grant->path = walk->path;
	grant->id = st->st_ino;
	grant->uid = st->st_uid;
	grant->gid = st->st_gid;
	r = walk->visitor(grant, fd, walk->userdata, err) < 0 ? -err->code : 0;
	attribute_done(&grant->attribute);
	return r;
}

int grants_walk(const struct host *host, grant_visitor visit, void *userdata, struct grants_seen *ret, struct err *err)
{
	_cleanup_free_ struct walk *walk = calloc(1, sizeof(*walk));
	int r;

	if (!walk)
		return err_set(err, ENOMEM, "out of memory");
	walk->visit = visit_grant;
	walk->visitor = visit;
	walk->userdata = userdata;
	r = walk_tree(host, walk, err);
	if (ret)
		*ret = walk->seen;
	return r;
}

static int visit_wanted(struct walk *walk, int fd, const struct stat *st, struct err *err)
{
	if (st->st_ino != walk->wanted)
		return 1;
	walk->found = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return err_set(err, EEXIST, "found");
}

/* Where the kernel gives no cgroup for a handle. */
static int find(const struct host *host, uint64_t id)
{
	_cleanup_free_ struct walk *walk = calloc(1, sizeof(*walk));
	struct err err = { 0 };

	if (!walk)
		return -ENOMEM;
	walk->visit = visit_wanted;
	walk->wanted = id;
	walk->found = -ESTALE;
	(void)walk_tree(host, walk, &err);
	return walk->found;
}

int grant_open(const struct host *host, uint64_t id)
{
	const int fd = host->machine->open_cgroup(host->cgroup_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd == -EPERM || fd == -EOPNOTSUPP || fd == -ENOSYS ? find(host, id) : fd;
}
