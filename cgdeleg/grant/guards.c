/* SPDX-License-Identifier: Apache-2.0 */
/* Guards - opened, and loaded by one hook while the others wait. See guards.h. */
#include "cgdeleg/grant/guards.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/privilege.h"
#include "base/spawn.h"
#include "cgdeleg/kernel/devices.h"
#include "cgdeleg/grant/budget.h"

#define LOADER	  "cgdeleg-guard"
#define TURN_FILE "loading"

#define ALONE_MS 5000 /* for loading, if there is no deadline */
#define GRANT_MS 8000 /* of the hook's time, left for the grant itself on a busy machine */
/* Loading programs, and mounting and looking into the root-only bpffs. */
#define HELPER_CAPABILITIES \
	(CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_BPF) | CAP_BIT(CAP_DAC_OVERRIDE))

int helper_run(const char *directory, const char *name, int64_t end_ms, struct err *err)
{
	const char *const argv[] = { name, NULL };
	struct spawn_result result;
	bool passing;
	int r = spawn_helper(directory, argv, HELPER_CAPABILITIES, end_ms, &result, err);

	if (r < 0)
		return r;
	/* By these signals the kernel ends a process for want of memory: while it runs, or where execve(2) cannot go back. */
	passing = result.status == SPAWN_TRY_AGAIN || result.status == 128 + SIGKILL ||
		  result.status == 128 + SIGSEGV || result.status == 128 + SIGBUS;
	if (result.status != 0)
		return err_set(err, passing ? EAGAIN : ECHILD, "%s: %s", name,
			       result.said[0] ? result.said : "it failed without a message");
	return 0;
}

/* Opens them anew. 1: what is needed is settled; 0: it is not. */
static int open_needed(const struct host *host, const struct guard_loader *loader, struct guards *ret, struct err *err)
{
	guards_done(ret);
	return guards_open(host->sys_fd, loader->which, ret, err);
}

/*
 * 1: what is needed is settled; 0: it is not, and nobody else loads it as long as `fd` is open. Otherwise each of many
 * hooks that start at once would execute a loader, and the loaders would keep one another from finishing in time. A
 * hook that waits checks for the pins itself, so it does not wait for the checks of others.
 */
static int take_turn(int fd, const struct host *host, const struct guard_loader *loader, int64_t end_ms,
		     struct guards *ret, struct err *err)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (;;) {
		const bool mine = flock(fd, LOCK_EX | LOCK_NB) == 0;
		int r;

		if (!mine && errno != EWOULDBLOCK && errno != EINTR)
			return err_set_errno(err, errno, "cannot lock the loading of BPF guards");
		r = open_needed(host, loader, ret, err);
		if (r != 0 || mine)
			return r;
		if (clock_monotonic_ms() >= end_ms)
			return err_set(
				err, ETIMEDOUT,
				"another hook has been loading the BPF guards and has not finished in time; run 'cgdeleg guard load' at boot to avoid this");
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < 16000000)
			pause.tv_nsec *= 2;
	}
}

/* A file that only root can open: on a directory that others can list, anybody could hold the lock. */
static int open_turn(const struct host *host, const char *run, struct err *err)
{
	_cleanup_close_ int dirfd = budget_directory_open(host, run, err);
	int fd;

	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, TURN_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? err_set_errno(err, errno, "cannot open '%s/" TURN_FILE "'", run) : fd;
}

/*
 * Until when loading may go on. If it does not finish in time, the container is refused. So loading gets all the time
 * except the grant's own: a loader that is ended early makes others begin again, and on a very busy machine none would
 * finish.
 */
static int64_t loading_ends(int64_t deadline_ms)
{
	const int64_t now = clock_monotonic_ms();
	const int64_t half = (now + deadline_ms) / 2;

	if (!deadline_ms)
		return now + ALONE_MS;
	return deadline_ms - GRANT_MS > half ? deadline_ms - GRANT_MS : half;
}

/* Executes the loader for missing guards. What came of it is in the pins, not in its exit status: it may have failed for
 * the other guard only. */
static int run_loader(const struct host *host, const struct guard_loader *loader, struct guards *ret, struct err *err)
{
	const int64_t end_ms = loading_ends(loader->deadline_ms);
	_cleanup_close_ int turn = open_turn(host, loader->run, err);
	struct err why = { 0 };
	int r;

	if (turn < 0)
		return turn;
	r = take_turn(turn, host, loader, end_ms, ret, err);
	if (r != 0)
		return r;
	(void)helper_run(host->helpers, LOADER, end_ms, &why);
	r = open_needed(host, loader, ret, err);
	if (r != 0)
		return r;
	if (!why.code)
		(void)err_set(&why, ENOENT,
			      "the BPF guards are not pinned, although the program that loads them reported success");
	*err = why;
	return -err->code;
}

static int open_or_run_loader(const struct host *host, const struct guard_loader *loader, struct guards *ret,
			      struct err *err)
{
	int r = guards_open(host->sys_fd, loader ? loader->which : WANT_BOTH_GUARDS, ret, err);

	if (r != 0)
		return r;
	if (loader)
		return run_loader(host, loader, ret, err);
	(void)err_set(err, ENOENT, "it is not loaded");
	return 0;
}

/* `r` is what loading came to. Only what the loader has proven is GUARD_FACT_CANNOT. */
static enum guard_fact fact_of(bool there, const char *cannot, int r)
{
	if (there)
		return GUARD_FACT_THERE;
	if (cannot[0])
		return GUARD_FACT_CANNOT;
	if (r >= 0)
		return GUARD_FACT_NOT_LOADED;
	return err_is_passing(r) ? GUARD_FACT_UNKNOWN : GUARD_FACT_BROKEN;
}

void guards_open_or_load(const struct host *host, const struct guard_loader *loader, const struct oci *oci,
			 struct target *target, struct facts *facts)
{
	struct guards *guards = &target->guards;
	int r = open_or_run_loader(host, loader, guards, &target->guards_err);

	facts->grant_guard = fact_of(guards->grant.grants_fd >= 0, guards->grant_cannot, r);
	facts->grant_guard_why = guards->grant_cannot[0] ? guards->grant_cannot : target->guards_err.text;
	facts->device_guard = fact_of(guards->device.program_fd >= 0, guards->device_cannot, r);
	facts->device_guard_why = guards->device_cannot[0] ? guards->device_cannot : target->guards_err.text;
	if (facts->device_guard != GUARD_FACT_THERE && facts->device_guard != GUARD_FACT_NOT_LOADED)
		return;
	r = devices_translate(oci->devices, &target->rules, &target->device_err);
	if (r >= 0)
		return;
	facts->device_guard = err_is_passing(r) ? GUARD_FACT_UNKNOWN : GUARD_FACT_BROKEN;
	facts->device_guard_why = target->device_err.text;
}
