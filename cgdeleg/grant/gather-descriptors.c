/* SPDX-License-Identifier: Apache-2.0 */
/* Gather - which descriptors of BPF objects or cgroups the container's init would keep. See gather-cgroup.h. */
#include "cgdeleg/grant/gather-cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/file.h"

/* Does the descriptor survive execve(2)? What cannot be read counts. */
static bool is_kept(int proc_fd, const char *number)
{
	char path[64], text[512];
	const char *at;

	(void)snprintf(path, sizeof(path), "fdinfo/%.20s", number);
	if (file_read_record_at(proc_fd, path, text, sizeof(text)) < 0)
		return true;
	at = strstr(text, "flags:");
	return !at || !(strtoul(at + strlen("flags:"), NULL, 8) & O_CLOEXEC);
}

/* Closed in the meantime: the runtime goes on working, and a closed descriptor is not kept. */
static const char *describe_unread(void)
{
	return errno == ENOENT ? NULL : "which cannot be checked";
}

static const char *describe_filesystem(int fds, const char *number)
{
	_cleanup_close_ int fd = openat(fds, number, O_PATH | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return describe_unread();
	switch ((unsigned long)fs.f_type) {
	case CGROUP2_SUPER_MAGIC:
	case CGROUP_SUPER_MAGIC:
		return "a cgroup";
	case BPF_FS_MAGIC:
		return "a bpffs";
	default:
		return NULL;
	}
}

/* What it is, if it is a BPF object or on a cgroup or bpffs, and would survive execve(2); else NULL. Cheap questions
 * first. */
static const char *describe_descriptor(const struct target *target, int fds, const char *number)
{
	const char *what = NULL;
	char link[64];
	struct stat st;
	ssize_t n;

	if (fstatat(fds, number, &st, 0) < 0)
		st = (struct stat) { 0 }; /* the link tells more */
	/* What has a device number of its own, is a device, a pipe or a socket is none of these. */
	if (major(st.st_dev) != 0 || S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) || S_ISFIFO(st.st_mode) ||
	    S_ISSOCK(st.st_mode))
		return NULL;
	/* A directory is no BPF object, and needs no look at its name. */
	if (!S_ISDIR(st.st_mode)) {
		n = readlinkat(fds, number, link, sizeof(link) - 1);
		if (n < 0) {
			what = describe_unread();
			return what && is_kept(target->proc_fd, number) ? what : NULL;
		}
		link[n] = '\0';
		if (strncmp(link, "anon_inode:bpf", strlen("anon_inode:bpf")) == 0)
			what = "a BPF object";
		else if (link[0] != '/')
			return NULL;
	}
	if (!is_kept(target->proc_fd, number))
		return NULL;
	return what ? what : describe_filesystem(fds, number);
}

int gather_descriptors(struct target *target, struct facts *facts, struct err *err)
{
	_cleanup_close_ int fd = openat(target->proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	if (fd == -1 && errno == ENOENT)
		return 0; /* a described machine, or the process is gone, which others see */
	if (fd < 0)
		return err_set_errno(err, errno, "cannot list '/proc/%d/fd'", target->pid);
	while ((n = file_read_directory(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);
			const char *name = entry->d_name;
			const char *what = name[0] == '.' ? NULL : describe_descriptor(target, fd, name);

			at += entry->d_reclen;
			if (!what)
				continue;
			(void)snprintf(target->inherited, sizeof(target->inherited), "descriptor %.20s, %s", name, what);
			facts->inherited = target->inherited;
			return 0;
		}
	return n < 0 ? err_set_errno(err, (int)n, "cannot list '/proc/%d/fd'", target->pid) : 0;
}
