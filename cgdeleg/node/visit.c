/* SPDX-License-Identifier: Apache-2.0 */
/* Visit - the parent: chooses where the child lands, checks what it still has, and hears it out. See visit.h. */
#include "cgdeleg/node/visit.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/grant/gather.h"
#include "cgdeleg/kernel/cgroup.h"
#include "cgdeleg/node/visit-child.h"

#define END_MS	   5000		       /* that the child may take to end */
#define ROOM_BYTES (UINT64_C(4) << 20) /* that must be free below memory.max: the child needs far less */

int visit_add(struct visit *visit, enum attempt_kind kind, const char *file)
{
	if (visit->n == VISIT_ATTEMPTS_MAX)
		return -1;
	visit->attempts[visit->n] = (struct attempt) { .kind = kind };
	(void)snprintf(visit->attempts[visit->n].file, LIMIT_FILE_SIZE, "%s", file ? file : "");
	return (int)visit->n++;
}

static uint64_t read_number(int fd, const char *file)
{
	uint64_t number = LIMIT_MAX;
	char text[64];

	if (file_read_record_at(fd, file, text, sizeof(text)) > 0) {
		text[strcspn(text, "\n")] = '\0';
		if (text_to_u64(text, &number) < 0)
			number = LIMIT_MAX;
	}
	return number;
}

/* The number after a key in a flat keyed file ("nr_descendants 7"); LIMIT_MAX: not there. */
static uint64_t read_key(int fd, const char *file, const char *key)
{
	char text[4096], wanted[64];
	const char *at;

	if (file_read_record_at(fd, file, text, sizeof(text)) < 0)
		return LIMIT_MAX;
	(void)snprintf(wanted, sizeof(wanted), "%s ", key);
	at = strncmp(text, wanted, strlen(wanted)) == 0 ? text : strstr(text, wanted);
	return at ? strtoull(at + strlen(wanted), NULL, 10) : LIMIT_MAX;
}

/* May another process be put there without harm to those that are in it? */
static bool has_room(struct visit *visit, int fd)
{
	const uint64_t pids = read_number(fd, "pids.max"), pids_now = read_number(fd, "pids.current");
	const uint64_t memory = read_number(fd, "memory.max"), memory_now = read_number(fd, "memory.current");

	if (read_key(fd, "cgroup.events", "frozen") == 1) {
		visit->frozen = true;
		(void)snprintf(visit->why, sizeof(visit->why), "its processes are frozen");
	} else if (pids != LIMIT_MAX && pids_now != LIMIT_MAX && pids_now + 1 > pids) {
		(void)snprintf(visit->why, sizeof(visit->why), "pids.max leaves no room for another process");
	} else if (memory != LIMIT_MAX && memory_now != LIMIT_MAX && memory_now + ROOM_BYTES > memory) {
		(void)snprintf(visit->why, sizeof(visit->why), "memory.max leaves less than 4 MiB");
	} else {
		return true;
	}
	return false;
}

/* As fork(2), and the child begins in that cgroup. */
static pid_t fork_into(int cgroup_fd, int *ret_pidfd)
{
	struct clone_args args = { .flags = CLONE_PIDFD | CLONE_INTO_CGROUP,
				   .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
				   .exit_signal = SIGCHLD,
				   .cgroup = (uint64_t)cgroup_fd };

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* The cgroup that the container's first process is in, opened beneath the delegation root. */
static int open_current(const struct visit *visit, struct err *err)
{
	char now[PATH_MAX];
	int r = process_cgroup(visit->process, now, sizeof(now), err);

	if (r < 0)
		return r;
	if (!cgroup_is_within(now, visit->cgroup))
		return err_set(err, EXDEV, "the container's first process is in another cgroup");
	r = file_open_beneath(visit->cgroup_fd, now + strlen(visit->cgroup), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	return r < 0 ? err_set_errno(err, r, "cannot open the cgroup of the container's first process") : r;
}

/*
 * As a runtime's exec: into the container's cgroup; where that takes no process, because it has controllers enabled for
 * its children (EBUSY) or is part of a threaded subtree (EOPNOTSUPP), into the one of its first process. Returns 0 in the
 * child.
 */
static pid_t start_child(struct visit *visit, int *ret_pidfd)
{
	_cleanup_close_ int now = -EBADF;
	struct err err = { 0 };
	pid_t pid;

	if (!has_room(visit, visit->cgroup_fd))
		return -1;
	pid = fork_into(visit->cgroup_fd, ret_pidfd);
	if (pid >= 0 || (errno != EBUSY && errno != EOPNOTSUPP)) {
		if (pid < 0)
			(void)snprintf(visit->why, sizeof(visit->why), "no process can be started in its cgroup: %s",
				       strerror(errno));
		return pid;
	}
	now = open_current(visit, &err);
	if (now < 0) {
		(void)snprintf(visit->why, sizeof(visit->why), "%.400s", err.text);
		return -1;
	}
	if (!has_room(visit, now))
		return -1;
	pid = fork_into(now, ret_pidfd);
	if (pid < 0)
		(void)snprintf(visit->why, sizeof(visit->why), "no process can be started in its cgroup: %s",
			       strerror(errno));
	return pid;
}

/* One packet: 1, 0 at the end, or a negative errno. */
static int receive(struct visit *visit, int socket, struct packet *ret)
{
	struct pollfd in = { .fd = socket, .events = POLLIN };
	struct packet packet;
	ssize_t n;
	int r;

	do {
		const int64_t left = visit->deadline_ms - clock_monotonic_ms();

		r = poll(&in, 1, left < 0 ? 0 : (int)(left > 60000 ? 60000 : left));
	} while (r < 0 && errno == EINTR);
	r = r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
	if (r < 0) {
		(void)snprintf(visit->why, sizeof(visit->why), "the process inside has not answered in time: %s",
			       "the container may have frozen it, or something in it hangs");
		return r;
	}
	n = recv(socket, &packet, sizeof(packet), MSG_TRUNC);
	if (n == 0)
		return 0;
	if (n != sizeof(packet) || packet.error < 0 || packet.error > 4095 ||
	    (packet.attempt >= visit->n && packet.attempt != PACKET_ENTERED && packet.attempt != PACKET_FAILED)) {
		(void)snprintf(visit->why, sizeof(visit->why), "the process inside has sent something that is no answer");
		return -EBADMSG;
	}
	*ret = packet;
	return 1;
}

static int count_descriptors(const struct process *child)
{
	_cleanup_close_ int fd = openat(child->proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[4096] __attribute__((aligned(8)));
	int found = 0;
	ssize_t n;

	while (fd >= 0 && (n = file_read_directory(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);

			found += entry->d_name[0] != '.';
			at += entry->d_reclen;
		}
	return found;
}

/* Of the whole mount namespace: the child has its root. */
static void keep_mounts(struct visit *visit, const struct process *child)
{
	_cleanup_close_ int fd = openat(child->proc_fd, "mountinfo", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || file_slurp(fd, MOUNTINFO_MAX, &visit->mounts, NULL) < 0)
		visit->mounts = NULL;
}

static int compare_namespaces(const struct process *a, const struct process *b, struct err *err)
{
	for (int kind = 0; kind < NAMESPACES; kind++) {
		struct stat ours, theirs;

		if (fstat(a->namespaces[kind], &ours) < 0 || fstat(b->namespaces[kind], &theirs) < 0)
			return err_set_errno(err, errno, "cannot compare namespaces");
		if (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev)
			return err_set(err, EXDEV, "its %s namespace is not the container's", namespace_names[kind]);
	}
	return 0;
}

/* The child waits meanwhile. */
static int check_child(struct visit *visit, pid_t pid, const struct process_status *first, struct err *err)
{
	_cleanup_(process_done) struct process child = PROCESS_NONE;
	struct process_status status;
	bool more;
	int r = process_open(visit->host, pid, &child, err);

	if (r >= 0)
		r = process_status(&child, &status, err);
	if (r >= 0)
		r = process_map(&child, "uid_map", visit->uid_map, err);
	if (r >= 0)
		r = process_map(&child, "gid_map", visit->gid_map, err);
	if (r >= 0)
		r = compare_namespaces(&child, visit->process, err);
	if (r >= 0)
		r = process_check(&child, err);
	if (r >= 0)
		r = process_check(visit->process, err);
	if (r < 0)
		return r;
	/* No more than the container's root may have. */
	more = status.has_groups || !status.no_new_privs || status.inheritable != 0 || status.ambient != 0 ||
	       ((status.permitted | status.effective | status.bounding) & ~first->bounding) ||
	       count_descriptors(&child) != VISIT_SOCKET + 1;
	for (int i = 0; i < 4; i++)
		more = more || status.uids[i] != map_root(visit->uid_map) || status.gids[i] != map_root(visit->gid_map);
	if (more)
		return err_set(err, EPERM, "it still has rights that the container's root has not");
	keep_mounts(visit, &child);
	return 0;
}

static void refuse_child(struct visit *visit, const struct packet *packet)
{
	static const char *const steps[VISIT_STEPS] = {
		[STEP_SECLUDE] = "be set apart",
		[STEP_DESCRIPTORS] = "close its descriptors",
		[STEP_GROUPS] = "drop its groups",
		[STEP_ENTER] = "enter the container's namespaces",
		[STEP_IDS] = "become the container's root",
		[STEP_CAPABILITIES] = "drop its capabilities",
	};
	const uint64_t step = packet->numbers[0];

	(void)snprintf(visit->why, sizeof(visit->why), "the process inside could not %s: %s",
		       step < VISIT_STEPS ? steps[step] : "begin", strerror(packet->error));
}

/* 1: go on; 0: it is over; an error is in visit->why. */
static int hear(struct visit *visit, pid_t pid, int socket, const struct process_status *first)
{
	struct err err = { 0 };
	struct packet packet;
	struct attempt *attempt;
	int r = receive(visit, socket, &packet);

	if (r <= 0)
		return r;
	if (packet.attempt == PACKET_FAILED) {
		refuse_child(visit, &packet);
		return -EPERM;
	}
	if (packet.attempt == PACKET_ENTERED) {
		r = visit->inside ? err_set(&err, EBADMSG, "it has entered twice") : check_child(visit, pid, first, &err);
		if (r < 0) {
			(void)snprintf(visit->why, sizeof(visit->why), "the process inside was ended: %.400s", err.text);
			return r;
		}
		visit->inside = true;
		return send(socket, "g", 1, MSG_NOSIGNAL) == 1 ? 1 : -EPIPE;
	}
	attempt = &visit->attempts[packet.attempt];
	if (attempt->answered || (attempt->kind >= ATTEMPT_MOUNT && !visit->inside)) {
		(void)snprintf(visit->why, sizeof(visit->why), "the process inside has sent something that is no answer");
		return -EBADMSG;
	}
	attempt->answered = true;
	attempt->error = packet.error;
	memcpy(attempt->numbers, packet.numbers, sizeof(attempt->numbers));
	if (attempt->kind < ATTEMPT_DEPTH)
		return 1;
	attempt->seen = read_key(visit->cgroup_fd, "cgroup.stat", "nr_descendants");
	return send(socket, "g", 1, MSG_NOSIGNAL) == 1 ? 1 : -EPIPE;
}

/* Within that time? */
static bool has_ended(int pidfd, int ms)
{
	const int64_t until_ms = clock_monotonic_ms() + ms;
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	int r;

	do {
		const int64_t left = until_ms - clock_monotonic_ms();

		r = poll(&end, 1, left < 0 ? 0 : (int)left);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

void visit_end(struct visit *visit, pid_t pid, int pidfd, bool kill_it, int ms)
{
	siginfo_t end = { 0 };

	if (kill_it || !has_ended(pidfd, ms))
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	if (!has_ended(pidfd, ms)) {
		(void)snprintf(visit->why, sizeof(visit->why), "the process inside has not answered, and %s",
			       "cannot be killed: it waits in the kernel, as an open does for a FUSE of the container's");
		return;
	}
	while (waitid(P_PID, (id_t)pid, &end, WEXITED) < 0 && errno == EINTR)
		;
	if (!visit->why[0] && (end.si_code != CLD_EXITED || end.si_status != 0))
		(void)snprintf(visit->why, sizeof(visit->why), "the process inside ended early, with %s %d",
			       end.si_code == CLD_EXITED ? "status" : "signal", end.si_status);
}

/* Which of the container's namespaces are its own; those are entered. */
static int prepare(const struct visit *visit, struct errand *errand, struct process_status *first, struct err *err)
{
	int r = process_status(visit->process, first, err);

	errand->capabilities = first->bounding;
	for (int kind = 0; r >= 0 && kind < NAMESPACES; kind++) {
		r = process_shares(visit->host, visit->process, (enum namespace)kind, err);
		errand->enters[kind] = r == 0;
	}
	return r < 0 ? r : process_check(visit->process, err);
}

void visit_run(struct visit *visit)
{
	struct errand errand = { .visit = visit, .parent = getpid() };
	_cleanup_close_ int ours = -EBADF;
	_cleanup_close_ int theirs = -EBADF;
	_cleanup_close_ int pidfd = -EBADF;
	_cleanup_(process_done) struct process child = PROCESS_NONE;
	struct process_status first;
	struct err err = { 0 };
	void (*before)(int);
	char name[24];
	int pair[2], r;
	pid_t pid;

	if (prepare(visit, &errand, &first, &err) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)snprintf(visit->why, sizeof(visit->why), "%.400s", err.code ? err.text : strerror(errno));
		return;
	}
	ours = pair[0];
	theirs = pair[1];
	errand.socket = theirs;
	/* Ignored by whoever started us, it would have the kernel reap the child before we can. */
	before = signal(SIGCHLD, SIG_DFL);
	pid = start_child(visit, &pidfd);
	if (pid == 0)
		visit_be_child(&errand);
	theirs = close_fd(theirs);
	r = pid < 0 ? -1 : 1;
	/* Its number is its own until it is reaped here. */
	(void)snprintf(name, sizeof(name), "%d", pid);
	child.pid = pid;
	child.proc_fd = pid > 0 ? openat(visit->host->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;
	if (child.proc_fd < 0 || process_cgroup(&child, visit->landed, sizeof(visit->landed), NULL) < 0)
		visit->landed[0] = '\0';
	while (r > 0)
		r = hear(visit, pid, ours, &first);
	if (pid > 0)
		visit_end(visit, pid, pidfd, r < 0, END_MS);
	(void)signal(SIGCHLD, before);
	if (process_check(visit->process, &err) < 0)
		(void)snprintf(visit->why, sizeof(visit->why), "%.400s meanwhile", err.text);
}
