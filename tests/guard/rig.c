/* SPDX-License-Identifier: Apache-2.0 */
/* Rig - see rig.h. */
#include "tests/guard/rig.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/canary.h"
#include "bpf/guard-objects.h"

static unsigned passed, failed, skipped;

void ok(const char *name)
{
	passed++;
	printf("ok %s\n", name);
}

void not_ok(const char *name, const char *why, ...)
{
	va_list args;

	failed++;
	printf("not ok %s: ", name);
	va_start(args, why);
	vprintf(why, args);
	va_end(args);
	printf("\n");
}

void skip(const char *name, const char *why)
{
	skipped++;
	printf("skip %s: %s\n", name, why);
}

void check(bool good, const char *name)
{
	if (good)
		ok(name);
	else
		not_ok(name, "it is not so");
}

int summary(void)
{
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed || !passed;
}

void die(const char *what)
{
	printf("not ok rig: %s: %s\n", what, strerror(errno));
	failed++;
	exit(summary());
}

static int print_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

struct bpf_object *guard_load_object(const char *name, struct err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);
	const struct guard_object *row = guard_objects;
	struct bpf_object *object;
	const void *elf;
	size_t size = 0;

	while (row->name && strcmp(row->name, name) != 0)
		row++;
	if (!row->name) {
		(void)err_set(err, ENOTSUP, "this build has no BPF guards");
		return NULL;
	}
	(void)libbpf_set_print(print_warnings);
	elf = row->elf(&size);
	object = bpf_object__open_mem(elf, size, &opts);
	if (object && row->prepare && row->prepare(object, err) != 0) {
		bpf_object__close(object);
		return NULL;
	}
	if (object && bpf_object__load(object) == 0)
		return object;
	(void)err_set_errno(err, errno, "the kernel rejected the object");
	bpf_object__close(object);
	return NULL;
}

struct grant_guard guard_of(struct bpf_object *object)
{
	struct grant_guard guard;
	struct err err = { 0 };

	if (grant_guard_of(object, &guard, &err) < 0)
		die(err.text);
	return guard;
}

struct device_guard device_guard_of(struct bpf_object *object)
{
	struct device_guard guard = {
		.program_fd = bpf_program__fd(bpf_object__find_program_by_name(object, "device_guard")),
		.rules_fd = bpf_object__find_map_fd_by_name(object, "device_rules"),
	};
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(guard.program_fd, &info, &size) < 0)
		die("the device guard");
	guard.id = info.id;
	return guard;
}

/* --- cgroups --- */

void cgroup_make(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die(path);
}

void cgroup_remove(const char *path)
{
	for (int i = 0; i < 1000; i++) {
		if (rmdir(path) == 0 || errno == ENOENT)
			return;
		if (errno != EBUSY)
			break;
		usleep(10000);
	}
	die(path);
}

int cgroup_open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

void write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(path);
}

void tree_make(void)
{
	cgroup_make(TOP);
	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory +pids");
	write_file(TOP "/cgroup.subtree_control", "+memory +pids");
	cgroup_make(GRANTED);
	/* A threaded controller only: processes may stay where it is enabled. */
	write_file(GRANTED "/cgroup.subtree_control", "+pids");
	cgroup_make(CHILD);
	cgroup_make(GRANDCHILD);
	cgroup_make(OTHER);
}

void tree_remove(void)
{
	static const char *const paths[] = { GRANDCHILD, CHILD, GRANTED, OTHER, TOP };

	for (size_t i = 0; i < ELEMENTS(paths); i++)
		cgroup_remove(paths[i]);
}

/* --- children --- */

static void write_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(125);
	(void)close(fd);
}

/* Root inside is root outside, so that ownership refuses nothing that the guard should. */
static void unshare_all(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWCGROUP) < 0)
		_exit(124);
	write_map("/proc/self/setgroups", "deny");
	write_map("/proc/self/uid_map", "0 0 1");
	write_map("/proc/self/gid_map", "0 0 1");
}

static void confine_self(enum confine confine)
{
	if (confine == CGROUP_NS && unshare(CLONE_NEWCGROUP) < 0)
		_exit(124);
	if (confine == USER_CGROUP_NS) {
		unshare_all();
		unshare_all();
	}
}

static pid_t fork_into(const char *cgroup)
{
	_cleanup_close_ int fd = cgroup_open_path(cgroup);
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)fd,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int in_cgroup(const char *cgroup, enum confine confine, int (*try)(const void *), const void *argument)
{
	int status = 0;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork_into(cgroup);
	if (pid < 0)
		die(cgroup);
	if (pid == 0) {
		confine_self(confine);
		_exit(try(argument));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) >= 124)
		die("a child that was to try something");
	return WEXITSTATUS(status);
}
