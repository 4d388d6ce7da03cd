/* SPDX-License-Identifier: Apache-2.0 */
/* Visit - the child: drops what it is not to have, goes in, tries. The threats stand in visit.h. */
#include "cgdeleg/node/visit-child.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/privilege.h"

/* Where the descriptors lie that the child still needs before it enters. */
enum { FD_CGROUP = VISIT_SOCKET + 1, FD_DEVICE, FD_NAMESPACES, FD_END = FD_NAMESPACES + NAMESPACES };

static void say(uint32_t attempt, int error, const uint64_t numbers[2])
{
	struct packet packet = { .attempt = attempt, .error = error };

	if (numbers)
		memcpy(packet.numbers, numbers, sizeof(packet.numbers));
	if (send(VISIT_SOCKET, &packet, sizeof(packet), MSG_NOSIGNAL) != sizeof(packet))
		_exit(1);
}

/* Until the parent says to go on; when it is gone, or says anything else, the visit is over. */
static void wait_for_parent(void)
{
	char word;

	if (recv(VISIT_SOCKET, &word, 1, 0) != 1 || word != 'g')
		_exit(1);
}

/* What a child has from its parent beside descriptors, ids and capabilities. The first of all is to be the one that the
 * kernel kills for memory. */
static int seclude(const struct errand *errand)
{
	static const struct rlimit no_core = { 0, 0 };
	sigset_t none;

	if (file_write_at(errand->visit->host->proc_fd, "self/oom_score_adj", "1000") < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != errand->parent)
		return -ESRCH;
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	(void)sigemptyset(&none);
	(void)umask(077);
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 || setsid() < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0 ||
	    prctl(PR_SET_NAME, "cgdeleg-verify") < 0 || chdir("/") < 0 || clearenv() != 0)
		return -errno;
	return 0;
}

/* Moves those that are needed to their places, above all that are open, then down; closes all others. /dev/null takes
 * the places of the usual three, so that none that is opened later becomes "standard error". */
static int arrange_descriptors(const struct errand *errand)
{
	const struct visit *visit = errand->visit;
	int from[FD_END] = { -EBADF, -EBADF, -EBADF, errand->socket, visit->cgroup_fd, visit->device_fd };

	memcpy(from + FD_NAMESPACES, visit->process->namespaces, sizeof(visit->process->namespaces));
	from[0] = from[1] = from[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (from[0] < 0)
		return -errno;
	for (int i = 0; i < FD_END; i++) {
		if (from[i] < 0)
			continue;
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_END);
		if (from[i] < 0)
			return -errno;
	}
	for (int i = 0; i < FD_END; i++)
		if (from[i] < 0 ? close(i) < 0 && errno != EBADF : dup3(from[i], i, O_CLOEXEC) < 0)
			return -errno;
	return syscall(SYS_close_range, FD_END, ~0U, 0) < 0 ? -errno : 0;
}

/* The mount namespace and the cgroup namespace with the host's rights, then the user namespace. */
static int enter(const struct errand *errand)
{
	static const int flags[NAMESPACES] = { CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWCGROUP };
	static const enum namespace order[] = { NAMESPACE_CGROUP, NAMESPACE_MOUNT, NAMESPACE_USER };

	for (size_t i = 0; i < ELEMENTS(order); i++)
		if (errand->enters[order[i]] && setns(FD_NAMESPACES + (int)order[i], flags[order[i]]) < 0)
			return -errno;
	return chdir("/") < 0 ? -errno : 0;
}

/* A new user namespace gave all capabilities, the bounding set too. */
static int drop_capabilities(uint64_t keep)
{
	for (int capability = 0; capability < 64; capability++)
		if (!(keep >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || privilege_limit(keep, keep, NULL) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -EPERM;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* The container's /sys/fs/cgroup, without following what the image may have put there. */
static int open_mount(int *ret, uint64_t numbers[2])
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	*ret = file_open_beneath(root, "sys/fs/cgroup", O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (*ret < 0)
		return -*ret;
	if (fstat(*ret, &st) < 0 || fstatfs(*ret, &fs) < 0)
		return errno;
	numbers[0] = st.st_dev;
	numbers[1] = st.st_ino;
	return fs.f_type != CGROUP2_SUPER_MAGIC ? EXDEV : fs.f_flags & ST_RDONLY ? EROFS : 0;
}

/* A file of that very mount, and nothing that lies on it. */
static int open_file(int mount, const char *name, int flags)
{
	struct open_how how = { .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
					   RESOLVE_NO_XDEV };
	const int fd = (int)syscall(SYS_openat2, mount, name, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/*
 * Writes what the file holds: a list's first line, since one write takes one; a newline where the file is empty, which the
 * kernel takes for an empty set and rejects (EINVAL) elsewhere, but only after it has checked who may write. O_NONBLOCK:
 * no reclaim.
 */
static int write_same(int mount, const char *name)
{
	_cleanup_close_ int to = open_file(mount, name, O_WRONLY | O_NONBLOCK);
	_cleanup_close_ int from = to < 0 ? -EBADF : open_file(mount, name, O_RDONLY);
	char text[LIMIT_TEXT_SIZE] = "";
	size_t len;

	if (to < 0 || from < 0)
		return to < 0 ? -to : -from;
	if (file_read_record(from, text, sizeof(text)) < 0)
		return EIO;
	len = strcspn(text, "\n");
	text[len++] = '\n';
	return -file_write_fd(to, text, len);
}

/* Cgroups below each other, or beside each other, until one is refused. The parent looks while all are there. */
static int make_cgroups(uint32_t attempt, int mount, bool below, uint64_t numbers[2])
{
	char name[48];
	int at = fcntl(mount, F_DUPFD_CLOEXEC, FD_END), error = 0;
	uint64_t made = 0;

	while (!error && at >= 0 && made < VISIT_MAKE_MAX) {
		(void)snprintf(name, sizeof(name), "cgdeleg-verify-%u", below ? 0 : (unsigned)made);
		error = mkdirat(at, name, 0755) < 0 ? errno : 0;
		made += !error;
		if (!error && below) {
			const int next = open_file(at, name, O_PATH | O_DIRECTORY);

			(void)close(at);
			at = next;
		}
	}
	numbers[0] = made;
	say(attempt, error, numbers);
	wait_for_parent();
	for (; made > 0; made--) {
		(void)snprintf(name, sizeof(name), "cgdeleg-verify-%u", below ? 0 : (unsigned)made - 1);
		if (below) {
			const int above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

			(void)close(at);
			at = above;
		}
		(void)unlinkat(at, name, AT_REMOVEDIR);
	}
	(void)close(at);
	return error;
}

static bool is_outside(enum attempt_kind kind)
{
	return kind == ATTEMPT_DEVICE || kind == ATTEMPT_OPEN;
}

/* As host root in the container's cgroup. */
static void try_outside(const struct visit *visit)
{
	for (size_t i = 0; i < visit->n; i++) {
		const struct attempt *attempt = &visit->attempts[i];
		int r = 0;

		if (!is_outside(attempt->kind))
			continue;
		if (attempt->kind == ATTEMPT_DEVICE) {
			r = (int)syscall(SYS_faccessat2, FD_DEVICE, "", R_OK, AT_EMPTY_PATH);
		} else {
			_cleanup_close_ int fd = openat(FD_CGROUP, attempt->file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

			r = fd < 0 ? -1 : 0;
		}
		say((uint32_t)i, r < 0 ? errno : 0, NULL);
	}
}

static void try_inside(const struct visit *visit)
{
	_cleanup_close_ int mount = -EBADF;
	uint64_t place[2] = { 0 };
	const int error = open_mount(&mount, place);

	for (size_t i = 0; i < visit->n; i++) {
		const struct attempt *attempt = &visit->attempts[i];
		uint64_t numbers[2] = { 0 };

		if (is_outside(attempt->kind))
			continue;
		if (attempt->kind == ATTEMPT_MOUNT)
			say((uint32_t)i, error, place);
		else if (mount < 0 || error == EXDEV)
			say((uint32_t)i, EXDEV, NULL);
		else if (attempt->kind == ATTEMPT_WRITE)
			say((uint32_t)i, write_same(mount, attempt->file), NULL);
		else
			(void)make_cgroups((uint32_t)i, mount, attempt->kind == ATTEMPT_DEPTH, numbers);
	}
}

static void fail(enum visit_step step, int r)
{
	const uint64_t numbers[2] = { step };

	say(PACKET_FAILED, -r, numbers);
	_exit(1);
}

_Noreturn void visit_be_child(const struct errand *errand)
{
	int r = seclude(errand);

	if (r < 0)
		_exit(2); /* its socket is not yet where it belongs */
	r = arrange_descriptors(errand);
	if (r < 0)
		_exit(3);
	try_outside(errand->visit);
	/* Before the user namespace, which may forbid it. */
	if (setgroups(0, NULL) < 0)
		fail(STEP_GROUPS, -errno);
	r = enter(errand);
	if (r < 0)
		fail(STEP_ENTER, r);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		fail(STEP_IDS, -errno);
	r = drop_capabilities(errand->capabilities);
	if (r < 0)
		fail(STEP_CAPABILITIES, r);
	if (syscall(SYS_close_range, VISIT_SOCKET + 1, ~0U, 0) < 0)
		fail(STEP_DESCRIPTORS, -errno);
	say(PACKET_ENTERED, 0, NULL);
	wait_for_parent();
	try_inside(errand->visit);
	_exit(0);
}
