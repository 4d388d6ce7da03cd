/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gather - does systemd manage the container's cgroup? Found out without asking systemd.
 *
 * The path names the unit as systemd would name it. An attribute shows that the cgroup belongs to that unit, and is not
 * one that somebody else made with such a name: systemd sets it on what it delegates, and only host root can write it.
 * See gather-cgroup.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cgdeleg/grant/gather-cgroup.h"
#include "cgdeleg/kernel/systemd.h"

static bool is_set(int fd, const char *name)
{
	char value[2];

	return fgetxattr(fd, name, value, sizeof(value)) == 1 && value[0] == '1';
}

/* Below the root directory, which is where /proc is: of that there is a descriptor. One of /run would be one more call
 * for every hook, while only containers that systemd manages come here. 1, 0 or an error. */
static int exists(const struct host *host, const char *path, struct err *err)
{
	char beside[96 + UNIT_NAME_SIZE];

	(void)snprintf(beside, sizeof(beside), "../%s", path);
	if (faccessat(host->proc_fd, beside, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	/* A unit whose name is too long for this has no such mark either. */
	if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)
		return 0;
	return err_set_errno(err, errno, "cannot check whether '/%s' exists", path);
}

/* systemd's own mark of a unit that it has started. */
int gather_unit(const struct host *host, struct target *target, struct facts *facts, struct err *err)
{
	const char *below = systemd_unit_of(target->mount.root, target->unit);
	char path[64 + UNIT_NAME_SIZE];
	int fd = -EBADF, r;

	if (below && !below[0])
		fd = target->cgroup_fd;
	else if (below && facts->has_scope && !strchr(below + 1, '/'))
		fd = target->scope_fd;
	/* Further below a unit, the files belong to the delegatee, and systemd leaves them alone. */
	if (fd < 0)
		return 0;
	/* `cgdeleg check` may be run by somebody who sees only the other of the two that systemd sets; for root it does
	 * not count, since whoever owns the cgroup can set it. */
	if (is_set(fd, "trusted.delegate") || (geteuid() != 0 && is_set(fd, "user.delegate"))) {
		r = exists(host, "run/systemd/system", err);
		if (r > 0)
			facts->unit = target->unit;
		return r < 0 ? r : 0;
	}
	(void)snprintf(path, sizeof(path), "run/systemd/units/invocation:%s", target->unit);
	r = exists(host, path, err);
	if (r > 0)
		return err_set(
			err, EPERM,
			"systemd manages the container's cgroup as '%s' and has not delegated it: let the runtime make its own unit, or set Delegate=yes for this one",
			target->unit);
	return r;
}
