/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel - makes the files of a temporary tree behave as cgroup2's do. See fake-kernel.h. */
#include "tests/unit/fake-kernel.h"

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
#include "cgdeleg/kernel/mount.h"

struct kernel kernel;

ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
int __real_mkdirat(int fd, const char *name, mode_t mode);
int __wrap_mkdirat(int fd, const char *name, mode_t mode);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __real_fchownat(int fd, const char *name, uid_t uid, gid_t gid, int flags);
int __wrap_fchownat(int fd, const char *name, uid_t uid, gid_t gid, int flags);
int __wrap_mount_make_writable(int pidfd, const struct mount_identity *want, enum mount_method method,
			       struct mount_change *ret, struct err *err);
int __wrap_mount_undo(struct mount_change *change, struct err *err);

static const char *const made[] = { "cgroup.procs", "cgroup.subtree_control" };

/* As the kernel's own files: nobody reads half of it, and whoever is killed meanwhile leaves the old text or the new. So
 * one write covers what was there, with NULs, at which every reader of texts stops. */
static void replace(int fd, const char *text)
{
	char whole[4096] = "";
	size_t len = strlen(text), size;
	struct stat st;

	if (fstat(fd, &st) < 0 || len > sizeof(whole) || (size_t)st.st_size > sizeof(whole))
		abort();
	for (size_t i = 0; i < len; i++)
		whole[i] = text[i];
	size = len > (size_t)st.st_size ? len : (size_t)st.st_size;
	if (pwrite(fd, whole, size, 0) != (ssize_t)size || ftruncate(fd, (off_t)len) < 0)
		abort();
	kernel.n_writes++;
}

static void read_whole(const char *path, char *buf, size_t size)
{
	if (file_read_at(AT_FDCWD, path, buf, size) < 0)
		buf[0] = '\0';
}

/* Replaces the line that begins with the same word as `line`, or adds it; "" only takes it out. */
static void put_line(char *text, size_t size, const char *line, const char *word)
{
	char old[4096], *save = NULL;
	size_t used = 0;

	(void)snprintf(old, sizeof(old), "%s", text);
	for (char *l = strtok_r(old, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		size_t len = strcspn(l, " ");

		if (len != strlen(word) || strncmp(l, word, len) != 0)
			used += (size_t)snprintf(text + used, size - used, "%s\n", l);
	}
	(void)snprintf(text + used, size - used, "%s%s", line, *line ? "\n" : "");
}

static void write_line(int fd, const char *path, const char *line)
{
	char text[4096], word[64];
	const char *rest = line;

	read_whole(path, text, sizeof(text));
	(void)text_next_word(&rest, word, sizeof(word));
	put_line(text, sizeof(text), line, word);
	replace(fd, text);
}

static void write_controllers(int fd, const char *path, const char *list)
{
	char now[512], next[512] = "", word[32];
	const char *rest = now;

	read_whole(path, now, sizeof(now));
	now[strcspn(now, "\n")] = '\0';
	while (text_next_word(&rest, word, sizeof(word)) > 0) {
		char off[40];

		(void)snprintf(off, sizeof(off), "-%s", word);
		if (!text_has_word(list, off))
			(void)snprintf(next + strlen(next), sizeof(next) - strlen(next), "%s%s", *next ? " " : "", word);
	}
	while (text_next_word(&list, word, sizeof(word)) > 0)
		if (word[0] == '+' && !text_has_word(next, word + 1))
			(void)snprintf(next + strlen(next), sizeof(next) - strlen(next), "%s%s", *next ? " " : "",
				       word + 1);
	(void)snprintf(next + strlen(next), sizeof(next) - strlen(next), "%s", *next ? "\n" : "");
	replace(fd, next);
}

/* From the parent's and every child's cgroup.procs into this one. */
static void write_pid(int fd, const char *path, const char *pid)
{
	char other[PATH_MAX + 64], text[4096];
	const char *places[] = { "../cgroup.procs", "init/cgroup.procs" };

	for (size_t i = 0; i < ELEMENTS(places); i++) {
		_cleanup_close_ int from = -EBADF;

		(void)snprintf(other, sizeof(other), "%.*s%s", (int)(strrchr(path, '/') + 1 - path), path, places[i]);
		from = open(other, O_RDWR | O_CLOEXEC);
		if (from < 0)
			continue;
		read_whole(other, text, sizeof(text));
		put_line(text, sizeof(text), "", pid);
		replace(from, text);
	}
	write_line(fd, path, pid);
}

static bool is_refused(const char *name)
{
	if (!kernel.refuse || strcmp(name, kernel.refuse) != 0)
		return false;
	if (kernel.refuse_after-- > 0)
		return false;
	kernel.refuse = NULL;
	return true;
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
	char link[64], path[PATH_MAX], text[4096];
	const char *name;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = file_readlink_at(AT_FDCWD, link, path, sizeof(path));
	if (n < 0 || strncmp(path, "/tmp/cgdeleg-tree.", 18) != 0 || len >= sizeof(text) - 1)
		return __real_write(fd, buf, len);
	name = strrchr(path, '/') + 1;
	memcpy(text, buf, len);
	text[len] = '\0';
	if (is_refused(name)) {
		errno = kernel.error;
		return -1;
	}
	while (kernel.stall && strcmp(name, kernel.stall) == 0)
		(void)pause();
	if (kernel.ignore && strcmp(name, kernel.ignore) == 0)
		return (ssize_t)len;
	if (strcmp(name, "cgroup.subtree_control") == 0) {
		write_controllers(fd, path, text);
	} else if (strcmp(name, "cgroup.procs") == 0) {
		write_pid(fd, path, text);
	} else if (strcmp(name, "io.max") == 0) {
		write_line(fd, path, text);
	} else {
		(void)snprintf(text + len, sizeof(text) - len, "\n");
		replace(fd, text);
	}
	while (kernel.hang && strcmp(name, kernel.hang) == 0)
		(void)pause();
	return (ssize_t)len - kernel.partial;
}

int __wrap_mkdirat(int fd, const char *name, mode_t mode)
{
	int r = __real_mkdirat(fd, name, mode);

	for (size_t i = 0; r == 0 && i < ELEMENTS(made); i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", name, made[i]);
		(void)close_fd(openat(fd, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	}
	return r;
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
	for (size_t i = 0; flags == AT_REMOVEDIR && i < ELEMENTS(made); i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", name, made[i]);
		(void)__real_unlinkat(fd, path, 0);
	}
	return __real_unlinkat(fd, name, flags);
}

int __wrap_fchownat(int fd, const char *name, uid_t uid, gid_t gid, int flags)
{
	if (kernel.keep_owner && strcmp(name, kernel.keep_owner) == 0) {
		errno = kernel.owner_error;
		return kernel.owner_error ? -1 : 0;
	}
	return __real_fchownat(fd, name, uid, gid, flags);
}

int __wrap_mount_make_writable(int pidfd, const struct mount_identity *want, enum mount_method method,
			       struct mount_change *ret, struct err *err)
{
	(void)pidfd;
	(void)want;
	if (kernel.mount_error && !kernel.mount_half)
		return err_set_errno(err, kernel.mount_error, "cannot enter the container's mount namespace");
	ret->method = method;
	ret->fd = open("/", O_PATH | O_CLOEXEC);
	kernel.n_mounted++;
	if (kernel.mount_error)
		return err_set_errno(err, kernel.mount_error, "cannot read the cgroup mount's flags back");
	return 0;
}

int __wrap_mount_undo(struct mount_change *change, struct err *err)
{
	(void)err;
	change->fd = close_fd(change->fd);
	kernel.n_unmounted++;
	return 0;
}
