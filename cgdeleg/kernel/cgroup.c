/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroup - directories of the cgroup2 file system, by descriptor. See cgroup.h. */
#include "cgdeleg/kernel/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

/*
 * What a delegatee may own: the entries of /sys/kernel/cgroup/delegate that cgdeleg knows. The kernel's list grows with
 * the kernel; an entry that is new to this program is not given away.
 */
static const char *const recognised[] = {
	"cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "memory.oom.group", "memory.reclaim",
};

/* If the kernel has no list (before 4.15), the OCI runtime-spec names these three. */
static const char fallback_list[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";

void cgroup_listing_done(struct cgroup_listing *listing)
{
	free(listing->store);
	memset(listing, 0, sizeof(*listing));
}

static int add_name(struct cgroup_listing *listing, size_t *used, const struct dirent64 *entry)
{
	const char **list = entry->d_type == DT_DIR ? listing->children : listing->files;
	size_t *n = entry->d_type == DT_DIR ? &listing->n_children : &listing->n_files;
	size_t len = strlen(entry->d_name) + 1;

	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	if (*n == CGROUP_NAMES_MAX)
		return -E2BIG;
	memcpy(listing->store + *used, entry->d_name, len);
	list[(*n)++] = listing->store + *used;
	*used += len;
	return 0;
}

/* On the descriptor itself: opendir(3) would want one of its own, and four calls more. */
int cgroup_list(int fd, struct cgroup_listing *ret)
{
	const size_t store_size = 2 * CGROUP_NAMES_MAX * (NAME_MAX + 1);
	char buf[8192] __attribute__((aligned(8)));
	size_t used = 0;

	memset(ret, 0, sizeof(*ret));
	ret->store = malloc(store_size);
	if (!ret->store)
		return -ENOMEM;
	for (;;) {
		ssize_t n = file_read_directory(fd, buf, sizeof(buf));

		if (n <= 0)
			return (int)n;
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);
			int r = add_name(ret, &used, entry);

			if (r < 0)
				return r;
			at += entry->d_reclen;
		}
	}
}

int cgroup_open(const struct host *host, const char *path, struct stat *ret_st, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	char shown[256];

	(void)text_escape(path, shown, sizeof(shown));
	fd = file_open_beneath(host->cgroup_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return err_set_errno(err, fd, "cannot open the cgroup '%s'", shown);
	if (fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "cannot stat the cgroup '%s'", shown);
	/* There is one cgroup2 file system on a machine, and host->cgroup_fd has been seen to be in it. */
	if (st.st_dev != host->cgroup_dev)
		return err_set(err, EXDEV, "'%s' is not in the cgroup2 file system", shown);
	/* kernfs numbers the hierarchy's root 1; host->root_id differs from it inside a container. */
	if (st.st_ino == host->root_id || st.st_ino == 1)
		return err_set(
			err, EPERM,
			"the container's cgroup is the root cgroup: its config.json must name a cgroupsPath of its own and unshare the cgroup namespace");
	if (ret_st)
		*ret_st = st;
	return TAKE_FD(fd);
}

int cgroup_parse_path(const char *text, char *ret, size_t size, struct err *err)
{
	const char *at = text;

	while (*at) {
		const char *end = strchrnul(at, '\n');
		size_t len = (size_t)(end - at);

		if (len > 3 && memcmp(at, "0::", 3) == 0 && at[3] == '/') {
			len -= 3;
			if (len >= size)
				return err_set(err, ENAMETOOLONG, "the cgroup's path is too long");
			memcpy(ret, at + 3, len);
			ret[len] = '\0';
			return 0;
		}
		at = *end ? end + 1 : end;
	}
	return err_set(err, ENOENT, "the process is not in a cgroup v2 hierarchy");
}

bool cgroup_is_within(const char *path, const char *root)
{
	size_t len = strlen(root);

	if (strcmp(root, "/") == 0)
		return true;
	return strncmp(path, root, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

ssize_t cgroup_read_procs(int fd, pid_t *pids, size_t max)
{
	const size_t size = CGROUP_PIDS_MAX * 8 + 1; /* the largest pid has seven digits */
	_cleanup_free_ char *text = malloc(size);    /* not on the stack, where every page of it would be touched */
	size_t n = 0;
	int r;

	if (!text)
		return -ENOMEM;
	r = (int)file_read_lines_at(fd, "cgroup.procs", text, size);
	if (r < 0)
		return r == -EFBIG ? -E2BIG : r;
	for (char *line = text, *end; *line; line = end) {
		uint64_t pid;

		end = strchrnul(line, '\n');
		if (*end)
			*end++ = '\0';
		r = text_to_u64(line, &pid);
		if (r < 0 || pid > INT32_MAX)
			return -EBADMSG;
		if (n == max)
			return -E2BIG;
		pids[n++] = (pid_t)pid;
	}
	return (ssize_t)n;
}

int cgroup_attach(int fd, pid_t pid)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", pid);
	return file_write_at(fd, "cgroup.procs", text);
}

static const char *find_name(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return names[i];
	return NULL;
}

static int add_delegated(struct cgroup_delegated *list, size_t *n_given, size_t *n_recognised, const char *here,
			 struct err *err)
{
	const bool known = find_name(recognised, ELEMENTS(recognised), here);
	size_t used = strlen(list->unrecognised);

	if (*n_given + 1 == CGROUP_DELEGATED_MAX || (!known && used + strlen(here) + 2 > sizeof(list->unrecognised)))
		return err_set(err, E2BIG, "'/sys/kernel/cgroup/delegate' has too many names");
	list->given[(*n_given)++] = here;
	if (known)
		list->recognised[(*n_recognised)++] = here;
	else
		(void)snprintf(list->unrecognised + used, sizeof(list->unrecognised) - used, "%s%s", used ? " " : "",
			       here);
	return 0;
}

int cgroup_delegated(const struct host *host, const struct cgroup_listing *listing, struct cgroup_delegated *ret,
		     struct err *err)
{
	size_t n_given = 0, n_recognised = 0;
	char *save = NULL;
	char list[2048] = "";
	ssize_t len = file_read_record_at(host->sys_fd, "kernel/cgroup/delegate", list, sizeof(list));
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	if (len == -ENOENT)
		(void)snprintf(list, sizeof(list), "%s", fallback_list);
	else if (len < 0)
		return err_set_errno(err, (int)len, "cannot read '/sys/kernel/cgroup/delegate'");
	for (char *name = strtok_r(list, "\n", &save); r >= 0 && name; name = strtok_r(NULL, "\n", &save)) {
		const char *here = find_name(listing->files, listing->n_files, name);

		if (strchr(name, '/'))
			return err_set(err, EBADMSG, "'/sys/kernel/cgroup/delegate' holds a name with '/': '%s'", name);
		if (here)
			r = add_delegated(ret, &n_given, &n_recognised, here, err);
	}
	return r;
}
