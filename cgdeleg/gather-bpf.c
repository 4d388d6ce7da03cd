/* SPDX-License-Identifier: Apache-2.0 */
/* Gather, BPF. See gather-bpf.h. */
#include "cgdeleg/gather-bpf.h"

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
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgdeleg/devices.h"

#define LOADER "cgdeleg-guard"

static int check_helper(int fd, const char *name, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "cannot stat the helper '%s'", name);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(err, EPERM,
			       "the helper '%s' is not a program that only root can change", name);
	return 0;
}

/* Between fork and exec: nothing but system calls. */
_Noreturn static void run_child(int fd, int output, const char *name)
{
	char *const argv[] = { strdupa(name), NULL };
	char *const none[] = { NULL };

	if (dup2(output, STDERR_FILENO) >= 0)
		(void)fexecve(fd, argv, none);
	_exit(127);
}

int helper_run(const char *directory, const char *name, struct err *err)
{
	_cleanup_close_ int dir = openat(AT_FDCWD, directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = dir < 0 ? -errno : file_open_beneath(dir, name, O_PATH);
	_cleanup_close_ int from = -EBADF, to = -EBADF;
	char said[400];
	int status, pipe_fds[2], r;
	pid_t pid;

	if (fd < 0)
		return err_set_errno(err, fd, "cannot open the helper '%s/%s'", directory, name);
	r = check_helper(fd, name, err);
	if (r < 0)
		return r;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "cannot make a pipe");
	from = pipe_fds[0];
	to = pipe_fds[1];
	pid = fork();
	if (pid == 0)
		run_child(fd, to, name);
	if (pid < 0)
		return err_set_errno(err, errno, "cannot start the helper '%s'", name);
	to = close_fd(to);
	if (file_read_fd(from, said, sizeof(said)) < 0)
		said[0] = '\0';
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, ECHILD, "%s: %.*s", name,
			       said[0] ? (int)strcspn(said, "\n") : 32,
			       said[0] ? said : "it failed without a reason");
	return 0;
}

/* Loads what is not there. What is there afterwards is looked at anew: the loader's word is not enough. */
static int open_or_load(const struct host *host, const char *helpers, struct guards *ret,
			struct err *err)
{
	int r = guards_open(host->sys_fd, ret, err);

	if (r != 0)
		return r;
	if (!guard_build[0])
		return err_set(err, ENOTSUP, "this cgdeleg was built without BPF guards");
	if (!helpers)
		return err_set(err, ENOENT,
			       "the BPF guards are not loaded; run cgdeleg guard load");
	r = helper_run(helpers, LOADER, err);
	if (r < 0)
		return r;
	r = guards_open(host->sys_fd, ret, err);
	return r != 0 ? r : err_set(err, ENOENT, "the BPF guards are not there after loading them");
}

static int look_at_guards(const struct host *host, const char *helpers, const struct oci *oci,
			  struct target *target, struct facts *facts, struct err *err)
{
	int r;

	r = open_or_load(host, helpers, &target->guards, err);
	if (r < 0)
		return r;
	facts->guard_available = target->guards.grant.bpf_fd >= 0;
	if (!facts->guard_available)
		(void)err_set(err, ENOTSUP, "cgdeleg guard status says why");
	r = devices_translate(oci->devices, &target->rules, &target->device_err);
	facts->device_guard = r >= 0 && target->guards.device.program_fd >= 0;
	facts->device_guard_why = target->device_err.text;
	facts->n_device_rules = target->rules.n_rules;
	return 0;
}

void gather_guards(const struct host *host, const char *helpers, const struct oci *oci,
		   struct target *target, struct facts *facts)
{
	int r = look_at_guards(host, helpers, oci, target, facts, &target->guards_err);

	facts->guard_why = target->guards_err.text;
	if (r < 0)
		facts->device_guard_why = target->guards_err.text;
}

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

static const char *describe_filesystem(int fds, const char *number)
{
	_cleanup_close_ int fd = openat(fds, number, O_PATH | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return NULL;
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

static bool is_endpoint(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
}

static const char *describe_descriptor(int fds, const char *number)
{
	char link[64];
	struct stat st;
	ssize_t n;

	/* What has a device number of its own, is a device, a pipe or a socket is none of these. */
	if (fstatat(fds, number, &st, 0) == 0 && (major(st.st_dev) != 0 || is_endpoint(st.st_mode)))
		return NULL;
	n = readlinkat(fds, number, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	if (strncmp(link, "anon_inode:bpf", strlen("anon_inode:bpf")) == 0)
		return "a BPF object";
	return link[0] == '/' ? describe_filesystem(fds, number) : NULL;
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

int gather_descriptors(struct target *target, struct facts *facts, struct err *err)
{
	_cleanup_(cleanup_dir) DIR *dir = NULL;
	int fd = openat(target->proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 && errno == ENOENT)
		return 0; /* a described machine, or the process is gone, which others see */
	dir = fd < 0 ? NULL : fdopendir(fd); /* which owns it from here on */
	if (!dir)
		return err_set_errno(err, errno, "cannot list '/proc/%d/fd'", target->pid);
	for (struct dirent *entry; !facts->inherited && (entry = readdir(dir)) != NULL;) {
		const char *what =
			entry->d_name[0] == '.' ? NULL : describe_descriptor(fd, entry->d_name);

		if (!what || !is_kept(target->proc_fd, entry->d_name))
			continue;
		(void)snprintf(target->inherited, sizeof(target->inherited), "descriptor %.20s, %s",
			       entry->d_name, what);
		facts->inherited = target->inherited;
	}
	return 0;
}
