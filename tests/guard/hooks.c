/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks - the grant guard where others have taken the kernel's few hooks, and undone by who may ask for nothing any
 * more. See kernel.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/privilege.h"
#include "tests/guard/kernel.h"
#include "tests/guard/rig.h"

#define HOOKS_MAX 10 /* the kernel's CGROUP_LSM_NUM */

/* What the guard does not use; one more than there can be. */
static const char *const hooks[HOOKS_MAX + 1] = {
	"inode_mkdir", "inode_rmdir",	"inode_unlink", "inode_symlink",  "inode_link",	     "inode_rename",
	"inode_mknod", "inode_getattr", "inode_create", "inode_readlink", "inode_listxattr",
};

/* A program that allows everything. */
static int load_other(const char *hook)
{
	static const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_LSM_CGROUP);
	int id = libbpf_find_vmlinux_btf_id(hook, BPF_LSM_CGROUP);
	int fd;

	if (id <= 0)
		die(hook);
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_LSM, "cgdother", "GPL", allow, ELEMENTS(allow), &opts);
	if (fd < 0)
		die(hook);
	return fd;
}

static void detach_others(const int fds[], size_t n, int cgroup)
{
	for (size_t i = 0; i < n; i++) {
		if (bpf_prog_detach2(fds[i], cgroup, BPF_LSM_CGROUP) < 0)
			die("detach");
		(void)close(fds[i]);
	}
}

/* On a neighbour: the hooks are the kernel's, not a cgroup's. Returns how many were there to be had. */
static size_t try_others(int fds[HOOKS_MAX + 1], size_t most, int cgroup)
{
	for (size_t i = 0; i < most; i++) {
		fds[i] = load_other(hooks[i]);
		if (bpf_prog_attach(fds[i], cgroup, BPF_LSM_CGROUP, BPF_F_ALLOW_MULTI) == 0)
			continue;
		printf("# no hook is left: %s\n", strerror(errno));
		(void)close(fds[i]);
		return i;
	}
	return most;
}

/* The kernel gives a hook back some time after its last program was detached. */
static size_t attach_others(int fds[HOOKS_MAX + 1], size_t most, size_t expected, int cgroup)
{
	size_t n = try_others(fds, most, cgroup);

	for (int i = 0; i < 100 && n < expected; i++) {
		detach_others(fds, n, cgroup);
		usleep(200000);
		n = try_others(fds, most, cgroup);
	}
	return n;
}

/* Beside the guard, which is somewhere. */
static void test_beside(int other)
{
	const size_t left = HOOKS_MAX - GUARD_PROGRAMS;
	int fds[HOOKS_MAX + 1];
	size_t n;

	attach(GRANTED, 0);
	n = attach_others(fds, ELEMENTS(fds), left, other);
	check(n == left, "hooks: five are left to others");
	check(attempt_in(CHILD, "chmod the root's memory.max") == EPERM, "hooks: the guard holds beside them");
	detach_others(fds, n, other);
	detach(GRANTED);
}

/* One of the guard's cannot be attached: an error that says why, and all of it can be taken away. */
static void test_taken(int other)
{
	const size_t taken = HOOKS_MAX + 1 - GUARD_PROGRAMS;
	_cleanup_close_ int fd = cgroup_open_path(GRANTED);
	struct err err = { 0 };
	unsigned attached = 0;
	int fds[HOOKS_MAX + 1];
	size_t n = attach_others(fds, taken, taken, other);

	check(n == taken && grant_guard_attach(&guard, fd, &attached, &err) < 0 && strstr(err.text, "kernel's ten hooks"),
	      "hooks: with six taken it cannot be attached");
	printf("# %s\n", err.text);
	check(attached == (GUARD_ALL_PROGRAMS & ~(1U << GUARD_RMXATTR)), "hooks: it says what it has attached");
	check(grant_guard_detach(&guard, fd, attached, &err) == 0, "hooks: that is taken away");
	test_pins_taken();
	detach_others(fds, n, other);
	n = attach_others(fds, HOOKS_MAX, HOOKS_MAX, other);
	check(n == HOOKS_MAX, "hooks: nothing of it is left");
	detach_others(fds, n, other);
}

/* Those of others are given back. */
static void wait_for_hooks(void)
{
	_cleanup_close_ int fd = cgroup_open_path(GRANTED);
	struct err err = { 0 };
	unsigned attached = 0;

	for (int i = 0; i < 100 && grant_guard_attach(&guard, fd, &attached, &err) < 0; i++) {
		if (grant_guard_detach(&guard, fd, attached, &err) < 0)
			die(err.text);
		usleep(200000);
	}
	detach(GRANTED);
}

void test_hooks(void)
{
	_cleanup_close_ int other = cgroup_open_path(OTHER);

	test_beside(other);
	test_taken(other);
	wait_for_hooks();
	test_pins();
}

/* --- undone --- */

static uint32_t query_one(int cgroup, int *ret_error)
{
	uint32_t ids[64], flags[64];
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ids, .prog_attach_flags = flags, .prog_cnt = ELEMENTS(ids));

	*ret_error = bpf_prog_query_opts(cgroup, BPF_LSM_CGROUP, &query) < 0 ? errno : 0;
	return query.prog_cnt;
}

/* What a hook has left when it gives away (cgdeleg/grant/run.c); and nothing at all. */
static const uint64_t left_over[] = {
	CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_SYS_CHROOT) | CAP_BIT(CAP_CHOWN) |
		CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_SYS_NICE),
	0,
};

enum { UNDONE, COULD_NOT_LIMIT, COULD_NOT_DETACH };

static int undo(int cgroup, uint64_t capabilities)
{
	struct err err = { 0 };
	int error;

	if (privilege_limit(capabilities, capabilities, &err) < 0 || privilege_has(CAP_NET_ADMIN))
		return COULD_NOT_LIMIT;
	(void)query_one(cgroup, &error);
	printf("# a query says: %s\n", error ? strerror(error) : "ok");
	if (grant_guard_detach(&guard, cgroup, GUARD_ALL_PROGRAMS, &err) == 0)
		return UNDONE;
	printf("# %s\n", err.text);
	return COULD_NOT_DETACH;
}

static void undo_with(uint64_t capabilities, int fd)
{
	int status = -1, error;
	pid_t pid;

	attach(GRANTED, 0);
	check(query_one(fd, &error) == GUARD_PROGRAMS, "undo: five programs are there before");
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		status = undo(fd, capabilities);
		(void)fflush(NULL);
		_exit(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	check(WIFEXITED(status) && WEXITSTATUS(status) == UNDONE,
	      capabilities ? "undo: without CAP_NET_ADMIN in its permitted set it detaches"
			   : "undo: without any capability it detaches");
	check(query_one(fd, &error) == 0 && error == 0, "undo: none is there, says another process");
	check(attempt_in(CHILD, "detach a device program") == EBADF &&
		      attempt_in(CHILD, "chmod the root's memory.max") == 0,
	      "undo: nothing is refused any more");
}

void test_undo(void)
{
	_cleanup_close_ int fd = cgroup_open_path(GRANTED);

	for (size_t i = 0; i < ELEMENTS(left_over); i++)
		undo_with(left_over[i], fd);
}
