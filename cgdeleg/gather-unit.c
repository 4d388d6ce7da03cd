/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gather - does systemd manage the container's cgroup? Told without asking systemd.
 *
 * The path names the unit as systemd would name it, and that the cgroup is that unit's, and not one that
 * somebody made with such a name, is told by an attribute which systemd sets on what it delegates, in a
 * name space that only host root can write.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgdeleg/gather-cgroup.h"
#include "cgdeleg/systemd.h"

/* `cgdeleg check` may be run by somebody who sees only the other of the two that systemd sets. */
static bool is_delegated(int fd)
{
	const char *name = geteuid() == 0 ? "trusted.delegate" : "user.delegate";
	char value[2];

	return fgetxattr(fd, name, value, sizeof(value)) == 1 && value[0] == '1';
}

/* Beside /proc, of which alone there is a descriptor. */
static bool exists(const struct host *host, const char *path)
{
	return faccessat(host->proc_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* systemd's own mark of a unit that it has started. */
static bool is_started(const struct host *host, const char *unit)
{
	char path[64 + UNIT_NAME_SIZE];

	(void)snprintf(path, sizeof(path), "../run/systemd/units/invocation:%s", unit);
	return exists(host, path);
}

int gather_unit(const struct host *host, struct target *target, struct facts *facts,
		struct err *err)
{
	const char *below = systemd_unit_of(target->mount.root, target->unit);
	int fd = -EBADF;

	if (below && !below[0])
		fd = target->cgroup_fd;
	else if (below && facts->has_scope && !strchr(below + 1, '/'))
		fd = target->scope_fd;
	/* Further below a unit, its files are whose it was delegated to, and systemd leaves them alone. */
	if (fd < 0)
		return 0;
	if (is_delegated(fd) && exists(host, "../run/systemd/system")) {
		facts->unit = target->unit;
		return 0;
	}
	if (is_started(host, target->unit))
		return err_set(
			err, EPERM,
			"systemd manages the container's cgroup as '%s' and has not delegated it: "
			"let the runtime make its own unit, or set Delegate=yes for this one",
			target->unit);
	return 0;
}
