/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gather - is the cgroup of a container that asks for nothing writable all the same? See gather.h.
 *
 * Threats. An engine can mount the cgroup read-write, and a runtime can give it to the container's root, with nobody's
 * limits on it. What the mount will be shows in mountinfo and config.json together: crun sets "ro" after the hook. Who
 * owns the cgroup shows in the directory that the process is in, and in those above, since a runtime may have given away
 * a cgroup and put the process below it. No mount is needed for that: a container with CAP_SYS_ADMIN in its own user
 * namespace mounts cgroup2 itself. And a volume can bring cgroups to any other place: without a user namespace its root
 * may write them all.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "cgdeleg/grant/gather-cgroup.h"

/* Elsewhere below the root filesystem, such as a volume with the host's cgroups or /sys: will any be read-write? Only the
 * mount itself that config.json makes "ro" is, and not those below it. */
static bool is_other_writable(const struct oci *oci, const struct other_cgroup *other)
{
	return other->n_writable > 1 ||
	       (other->n_writable == 1 && !(other->writable[0] && oci_makes_readonly(oci, other->writable)));
}

/* What is mounted at /sys/fs/cgroup, by whatever entry of config.json or none: will it be read-write? */
static int find_writable_mount(const struct host *host, const struct oci *oci, struct target *target,
			       enum writable_by *ret, struct err *err)
{
	bool there;
	int r = gather_own_mount(host, oci, target, &there, err);

	if (r < 0)
		return r;
	*ret = there && !target->mount.readonly && !oci->mount_readonly ? WRITABLE_BY_MOUNT
	       : is_other_writable(oci, &target->mount.other)		? WRITABLE_BY_OTHER
									: WRITABLE_BY_NONE;
	return 0;
}

/* Does anybody but host root own the directory, or a file that every list of delegated files has? */
static int is_given(const struct host *host, int fd, bool *ret, struct err *err)
{
	static const char *const names[] = { ".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads" };

	for (size_t i = 0; i < ELEMENTS(names) && !*ret; i++) {
		struct stat st;

		if (fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set_errno(err, errno, "cannot stat '%s' of the container's cgroup", names[i]);
		*ret = st.st_gid != host->machine->group || !owner_is_alone(&st, host->machine->owner, OWNER_MAY_READ);
	}
	return 0;
}

/* Runtimes give the cgroup to the user namespace's root, or to the user that the process runs as. */
static bool is_theirs(const struct host *host, const struct facts *facts, const struct stat *st)
{
	return st->st_uid != host->machine->owner && (st->st_uid == facts->root_uid || st->st_uid == facts->process_uid);
}

/* The cgroup of the process, and all above: one that belongs to a stranger is the engine's affair. */
static int find_given(const struct host *host, const struct target *target, const struct facts *facts, bool *ret,
		      struct err *err)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -EBADF;
	int r = gather_process_path(target, path, err);

	if (r < 0)
		return r;
	/* In the host's root cgroup; whoever owns that, it is not the container. */
	if (strcmp(path, "/") == 0)
		return 0;
	fd = file_open_beneath(host->cgroup_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return err_set_errno(err, fd, "cannot open the cgroup of process %d", target->pid);
	r = is_given(host, fd, ret, err);
	for (*strrchr(path, '/') = '\0'; r >= 0 && !*ret && *path; *strrchr(path, '/') = '\0') {
		struct stat st;
		const int above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		(void)close_fd(fd);
		fd = above;
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_set_errno(err, errno, "cannot check the cgroups above the container's");
		*ret = is_theirs(host, facts, &st);
	}
	return r;
}

int gather_writable(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		    struct err *err)
{
	char own[sizeof(target->cgroupns)];
	enum writable_by by = WRITABLE_BY_UNKNOWN;
	bool given = false;
	ssize_t n;
	int r;

	gather_config(oci, facts);
	r = gather_process(host, oci, target, facts, err);
	if (r < 0)
		return r;
	n = file_readlink_at(host->proc_fd, "self/ns/cgroup", own, sizeof(own));
	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '/proc/self/ns/cgroup'");
	facts->cgroupns_private = strcmp(own, target->cgroupns) == 0 ? TRI_NO : TRI_YES;
	r = find_writable_mount(host, oci, target, &by, err);
	if (r >= 0 && by == WRITABLE_BY_NONE)
		r = find_given(host, target, facts, &given, err);
	if (r < 0)
		return r;
	facts->writable_by = given ? WRITABLE_BY_OWNER : by;
	return 0;
}
