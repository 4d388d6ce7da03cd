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

/* Closed in between: the runtime is at work while we look, and what is not there any more is not kept. */
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

static const char *describe_descriptor(int fds, const char *number)
{
	char link[64];
	struct stat st;
	ssize_t n;

	/* What has a device number of its own, is a device, a pipe or a socket is none of these. */
	if (fstatat(fds, number, &st, 0) == 0 && (major(st.st_dev) != 0 || S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ||
						  S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return NULL;
	n = readlinkat(fds, number, link, sizeof(link) - 1);
	if (n < 0)
		return describe_unread();
	link[n] = '\0';
	if (strncmp(link, "anon_inode:bpf", strlen("anon_inode:bpf")) == 0)
		return "a BPF object";
	return link[0] == '/' ? describe_filesystem(fds, number) : NULL;
}

int gather_descriptors(struct target *target, struct facts *facts, struct err *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	int fd = openat(target->proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;

	if (fd == -1 && errno == ENOENT)
		return 0;		     /* a described machine, or the process is gone, which others see */
	dir = fd < 0 ? NULL : fdopendir(fd); /* which owns it from here on */
	if (!dir)
		return err_set_errno(err, errno, "cannot list '/proc/%d/fd'", target->pid);
	for (errno = 0; !facts->inherited && (entry = readdir(dir)) != NULL; errno = 0) {
		const char *what = entry->d_name[0] == '.' ? NULL : describe_descriptor(fd, entry->d_name);

		if (!what || !is_kept(target->proc_fd, entry->d_name))
			continue;
		(void)snprintf(target->inherited, sizeof(target->inherited), "descriptor %.20s, %s", entry->d_name,
			       what);
		facts->inherited = target->inherited;
	}
	if (!facts->inherited && errno != 0)
		return err_set_errno(err, errno, "cannot list '/proc/%d/fd'", target->pid);
	return 0;
}
