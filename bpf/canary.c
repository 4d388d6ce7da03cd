/* SPDX-License-Identifier: Apache-2.0 */
/* Canary - a child that tries what the guard forbids. See canary.h. */
#include "bpf/canary.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "bpf/cgroup2.h"
#include "bpf/cannot.h"

#define OOMD_OMIT "user.oomd_omit" /* systemd-oomd spares a cgroup that has it */

/* What went wrong for the child; its exit status. */
enum {
	BPF_WENT_THROUGH = 1 << 0,
	OPEN_WENT_THROUGH = 1 << 1,
	CHMOD_WENT_THROUGH = 1 << 2,
	XATTR_WENT_THROUGH = 1 << 3,
	TOO_MUCH_REFUSED = 1 << 4,
	NOT_TRIED = 1 << 5,
};

/* A fresh cgroup, and where it is. */
struct cage {
	int parent_fd; /* the caller's */
	int fd;
	char name[32]; /* "": not made */
};

/* Since 6.19 a task leaves its cgroup only a moment after wait(2) has reported its end to the parent. */
static void cage_done(struct cage *cage)
{
	static const struct timespec moment = { .tv_nsec = 2000000 };

	cage->fd = close_fd(cage->fd);
	for (int i = 0; cage->name[0] && i < 500; i++) {
		if (unlinkat(cage->parent_fd, cage->name, AT_REMOVEDIR) == 0 || errno != EBUSY)
			return;
		(void)nanosleep(&moment, NULL);
	}
}

static int cage_make(struct cage *cage, struct err *err)
{
	char name[sizeof(cage->name)];

	(void)snprintf(name, sizeof(name), "cgdeleg-canary-%d", getpid());
	/* Left over from a process that had this pid and was killed. */
	(void)unlinkat(cage->parent_fd, name, AT_REMOVEDIR);
	if (mkdirat(cage->parent_fd, name, 0700) < 0)
		return err_set_errno(err, errno, "cannot make the cgroup '%s'", name);
	memcpy(cage->name, name, sizeof(name));
	cage->fd = file_open_beneath(cage->parent_fd, name, O_RDONLY | O_DIRECTORY);
	if (cage->fd < 0)
		return err_set_errno(err, cage->fd, "cannot open the cgroup '%s'", name);
	return 0;
}

static bool may_write(int cgroup_fd, const char *name)
{
	_cleanup_close_ int fd = openat(cgroup_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0;
}

/* Attempts that have no effect even if nobody refuses them: a detach from no cgroup (EBADF), and changes of an
 * attribute that does not exist (ENODATA). The mode is the one that the file has. */
static int try_all(int cgroup_fd)
{
	int amiss = 0;

	if (bpf_prog_detach(-1, BPF_CGROUP_DEVICE) == 0 || errno != EPERM)
		amiss |= BPF_WENT_THROUGH;
	if (may_write(cgroup_fd, "cgroup.max.depth") || errno != EPERM)
		amiss |= OPEN_WENT_THROUGH;
	if (fchmodat(cgroup_fd, "cgroup.max.depth", 0644, 0) == 0 || errno != EPERM)
		amiss |= CHMOD_WENT_THROUGH;
	if (fsetxattr(cgroup_fd, OOMD_OMIT, "1", 1, XATTR_REPLACE) == 0 || errno != EPERM)
		amiss |= XATTR_WENT_THROUGH;
	if (fremovexattr(cgroup_fd, OOMD_OMIT) == 0 || errno != EPERM)
		amiss |= XATTR_WENT_THROUGH;
	if (!may_write(cgroup_fd, "cgroup.procs"))
		amiss |= TOO_MUCH_REFUSED;
	return amiss;
}

/* The child starts in the cgroup, since a move would take the kernel's global migration lock. It is moved only where
 * clone3(2) is missing, as in a unit with RestrictNamespaces=. */
static pid_t fork_into(int cgroup_fd)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)cgroup_fd,
	};

	pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (child >= 0 || errno != ENOSYS)
		return child;
	child = fork();
	if (child == 0 && file_write_at(cgroup_fd, "cgroup.procs", "0") < 0)
		_exit(NOT_TRIED);
	return child;
}

static int run_child(int cgroup_fd, int *ret_amiss, struct err *err)
{
	pid_t child = fork_into(cgroup_fd);
	int status = 0;

	if (child < 0)
		return err_set_errno(err, errno, "cannot start the test process in its cgroup");
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(try_all(cgroup_fd));
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return err_set_errno(err, errno, "cannot wait for the test process");
	*ret_amiss = WIFEXITED(status) ? WEXITSTATUS(status) : NOT_TRIED;
	return 0;
}

/* One for each attempt; the first is named where all went through. */
static const struct {
	int bit;
	const char *what;
} forbidden[] = {
	{ BPF_WENT_THROUGH, "make a forbidden bpf() call" },
	{ OPEN_WENT_THROUGH, "open a forbidden file" },
	{ CHMOD_WENT_THROUGH, "change the mode of a forbidden file" },
	{ XATTR_WENT_THROUGH, "set or remove a forbidden attribute" },
};

/* Only where no program of five was run is it the kernel that runs none. Anything in between is a fault. */
static int judge(int amiss, const struct guard_grant *counted, struct err *err)
{
	const int all = BPF_WENT_THROUGH | OPEN_WENT_THROUGH | CHMOD_WENT_THROUGH | XATTR_WENT_THROUGH;
	__u64 sum = 0;

	for (int i = 0; i < GUARD_RULE_MAX; i++)
		sum += counted->refused[i];
	if (amiss == all && sum == 0) {
		(void)err_set(
			err, ENOTSUP,
			"this kernel does not run BPF LSM programs: a test process could %s; boot with bpf in the kernel parameter lsm=",
			forbidden[0].what);
		return KERNEL_CANNOT;
	}
	for (size_t i = 0; i < ELEMENTS(forbidden); i++)
		if (amiss & forbidden[i].bit)
			return err_set(
				err, EIO,
				"the grant guard does not hold: a test process could %s, although the kernel runs other programs of the guard",
				forbidden[i].what);
	if (amiss)
		return err_set(err, EIO, "the test process that checks the grant guard %s",
			       amiss & TOO_MUCH_REFUSED ? "was refused a file that it may write"
							: "died before it tried anything");
	/* The last rule has two attempts. */
	if (!counted->refused[GUARD_RULE_BPF] || !counted->refused[GUARD_RULE_ROOT] ||
	    !counted->refused[GUARD_RULE_ATTRIBUTE] || counted->refused[GUARD_RULE_OOMD] < 2)
		return err_set(
			err, EIO,
			"something other than the grant guard refused what the test process tried; look for another security module that denies it");
	return 0;
}

int canary_check(int cgroup_fd, const struct grant_guard *guard, struct err *err)
{
	_cleanup_(cage_done) struct cage cage = { .parent_fd = cgroup_fd, .fd = -EBADF };
	struct guard_grant counted = { 0 };
	unsigned attached;
	int amiss = 0;
	int r = cage_make(&cage, err);

	if (r == 0)
		r = grant_guard_attach(guard, cage.fd, &attached, err);
	if (r == 0)
		r = grant_guard_write(guard, cage.fd, 0, err);
	if (r == 0)
		r = run_child(cage.fd, &amiss, err);
	if (r == 0)
		r = grant_guard_read(guard, cage.fd, &counted, err);
	return r < 0 ? r : judge(amiss, &counted, err);
}

int grant_guard_of(const struct bpf_object *object, struct grant_guard *ret, struct err *err)
{
	*ret = (struct grant_guard) {
		.grants_fd = bpf_object__find_map_fd_by_name(object, "guard_grants"),
	};
	for (size_t i = 0; i < GUARD_PROGRAMS; i++) {
		const struct bpf_program *program = bpf_object__find_program_by_name(object, guard_program_names[i]);

		ret->programs[i] = program ? bpf_program__fd(program) : -EBADF;
	}
	return grant_guard_identify(ret, err);
}

int canary_prove(struct bpf_object *object, struct err *err)
{
	struct grant_guard guard;
	_cleanup_close_ int sys_fd = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int cgroup_fd = -EBADF;
	int r = grant_guard_of(object, &guard, err);

	if (r < 0)
		return r;
	if (sys_fd < 0)
		return err_set_errno(err, errno, "cannot open '/sys'");
	cgroup_fd = cgroup2_open(sys_fd, CGROUP2_SUPER_MAGIC);
	if (cgroup_fd < 0)
		return err_set(err, ENOENT, "no cgroup2 at '/sys/fs/cgroup' to try the guard in");
	return canary_check(cgroup_fd, &guard, err);
}
