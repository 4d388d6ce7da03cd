/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gather - the delegation root: which cgroup it is, and that it is this container's alone.
 *
 * Threats. cgroupsPath may name any cgroup of the host: the root, that of a service or another container, the hook's
 * own or one above it. Giving one of those away would give away what others live in. So the cgroup must hold the
 * container's process and no other, have no children except the chain that leads to that process, and belong to host
 * root or to an owner that a runtime gives cgroups to. See gather.h.
 */
#include "cgdeleg/grant/gather-cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "base/text.h"
#include "bpf/device.h"
#include "policy/limit.h"

/* While a container is created, its init is its only process: containers that share a pid namespace, and so look like
 * one, do not share a cgroup. Returns whether the init is here. */
static int check_processes(const struct target *target, int fd, struct err *err)
{
	pid_t pids[8] = { 0 };
	ssize_t n = cgroup_read_procs(fd, pids, ELEMENTS(pids));

	if (n == -E2BIG)
		n = ELEMENTS(pids); /* more than one are too many; without a list the first is 0 */
	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read the container's cgroup.procs");
	for (ssize_t i = 0; i < n; i++)
		if (pids[i] != target->pid)
			return err_set(
				err, EBUSY,
				"process %d, which is not the container's, is in its cgroup: every container needs a cgroup of its own",
				pids[i]);
	return n > 0;
}

/* The only child allowed in `listing` is `next`; "" allows none. */
static int check_children(const struct cgroup_listing *listing, const char *next, struct err *err)
{
	char shown[128];

	for (size_t i = 0; i < listing->n_children; i++)
		if (strcmp(listing->children[i], next) != 0)
			return err_set(err, EBUSY, "the container's cgroup has a child '%s' that is not the container's",
				       text_escape(listing->children[i], shown, sizeof(shown)));
	return 0;
}

/* Copies the first component of *path and moves *path past it. */
static bool next_component(const char **path, char *ret)
{
	size_t len;

	*path += strspn(*path, "/");
	len = strcspn(*path, "/");
	if (len == 0 || len > NAME_MAX) {
		ret[0] = '\0';
		return false;
	}
	memcpy(ret, *path, len);
	ret[len] = '\0';
	*path += len;
	return true;
}

/* From the delegation root down to where the process is: one child a level, and only its processes. That
 * it is there, and so no other process of the host and not this one either, proves target->now. */
static int check_exclusive(const struct target *target, struct err *err)
{
	const char *rest = target->now + strlen(target->mount.root);
	_cleanup_close_ int fd = -EBADF;
	char next[NAME_MAX + 1];
	bool more;
	int r;

	more = next_component(&rest, next);
	r = check_children(&target->listing, next, err);
	if (r < 0)
		return r;
	r = check_processes(target, target->cgroup_fd, err);
	while (r >= 0 && more) {
		_cleanup_(cgroup_listing_done) struct cgroup_listing listing = { 0 };
		int below = file_open_beneath(fd < 0 ? target->cgroup_fd : fd, next, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

		if (below < 0)
			return err_set_errno(err, below, "cannot open a cgroup below the container's");
		(void)close_fd(fd);
		fd = below;
		more = next_component(&rest, next);
		r = cgroup_list(fd, &listing);
		if (r < 0)
			return err_set_errno(err, r, "cannot list a cgroup below the container's");
		r = check_children(&listing, next, err);
		if (r >= 0)
			r = check_processes(target, fd, err);
	}
	if (r == 0)
		return err_set(err, ESRCH, "process %d is neither in the container's cgroup nor below it", target->pid);
	return r;
}

static int check_directory(const struct host *host, struct target *target, const struct stat *st,
			   const struct facts *facts, struct err *err)
{
	char type[32];
	ssize_t n;

	target->dev = st->st_dev;
	target->ino = st->st_ino;
	/* crun gives the cgroup to the user namespace's root before the hooks, runc to the process's uid. */
	if (st->st_uid != host->machine->owner && st->st_uid != facts->root_uid && st->st_uid != facts->process_uid)
		return err_set(err, EPERM,
			       "the container's cgroup belongs to uid %u, which is neither root nor the container's",
			       st->st_uid);
	n = file_read_record_at(target->cgroup_fd, "cgroup.type", type, sizeof(type));
	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read the container's cgroup.type");
	if (strcmp(type, "domain\n") != 0)
		return err_set(err, EPERM, "the container's cgroup is of type '%.*s', only 'domain' is valid",
			       (int)strcspn(type, "\n"), type);
	return 0;
}

/*
 * Whoever owns a limit file can lift the limit: each must belong to host root. Other files are not checked: in a cgroup
 * whose directories upwards belong to root, a file has another owner only if root itself gave files away, and nobody
 * who does so leaves out the limits.
 */
static int check_files(const struct host *host, const struct target *target, struct err *err)
{
	for (const char *const *name = target->listing.files; *name; name++) {
		struct stat st;

		if (!limit_type_find(*name))
			continue;
		if (fstatat(target->cgroup_fd, *name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set_errno(err, errno, "cannot stat '%s' of the container's cgroup", *name);
		if (st.st_gid != host->machine->group || !owner_is_alone(&st, host->machine->owner, OWNER_MAY_READ))
			return err_set(
				err, EPERM,
				"'%s' of the container's cgroup belongs to %u:%u (mode %04o) and not to root alone: the cgroup was not made by the container runtime",
				*name, st.st_uid, st.st_gid, st.st_mode & 07777);
	}
	return 0;
}

/* Takes the device programs of one cgroup into account; `path` is its name. A query that fails leaves the
 * fact unknown for good, and the policy refuses what is unknown. */
static void add_devices(struct target *target, struct facts *facts, int fd, const char *path)
{
	struct device_programs programs;

	if (facts->device_bpf != DEVICE_BPF_ABSENT && facts->device_bpf != DEVICE_BPF_MULTI)
		return;
	if (device_query(fd, &programs, NULL) < 0) {
		facts->device_bpf = DEVICE_BPF_UNKNOWN;
	} else if (programs.count > 0 && !programs.multi) {
		facts->device_bpf = DEVICE_BPF_REPLACEABLE;
		facts->device_program = programs.id;
		(void)snprintf(target->device_cgroup, sizeof(target->device_cgroup), "%s", *path ? path : "/");
		facts->device_cgroup = target->device_cgroup;
	} else if (programs.count > 0 && facts->device_bpf == DEVICE_BPF_ABSENT) {
		facts->device_bpf = DEVICE_BPF_MULTI;
		target->device_program = programs.id;
		target->device_fd = fd;
	}
}

/* Whoever owns a cgroup above can remove this one, make another with its name, or move processes out. */
static int check_above(const struct host *host, const struct stat *st, struct err *err)
{
	if (st->st_uid == host->machine->owner)
		return 0;
	return err_set(
		err, EPERM,
		"a cgroup above the container's belongs to uid %u, root was expected: give the container a cgroupsPath below cgroups that belong to root",
		st->st_uid);
}

/*
 * crun under systemd puts the container into <name>.scope/container: the container cannot reach the scope, and the
 * scope holds nothing else, so it gets ceilings too. The slice of a pod, or somebody's scope, that holds one container
 * now looks alike but will hold more. So only a scope counts, only with this one child and no process, and only if the
 * child has the name that crun gives it. The hook itself cannot be in it then.
 */
static bool is_own_scope(const struct host *host, const struct target *target, int fd, const struct stat *st)
{
	static const char below[] = ".scope/container";
	const char *root = target->mount.root;
	const size_t len = strlen(root), n = strlen(below);
	pid_t pid;

	if (len <= n || strcmp(root + len - n, below) != 0)
		return false;
	/* The kernel counts a cgroup's children among the links of its directory: kernfs_refresh_inode() of
	 * fs/kernfs/inode.c. */
	return st->st_uid == host->machine->owner && st->st_dev == target->dev && st->st_nlink == 3 &&
	       cgroup_read_procs(fd, &pid, 1) == 0;
}

/* What stands in target stays open. */
static void leave(struct target *target, int fd)
{
	if (fd == target->cgroup_fd || fd == target->scope_fd)
		return;
	if (fd == target->device_fd)
		target->above_fd = fd;
	else
		(void)close_fd(fd);
}

/*
 * From the delegation root to the host's: who owns them, which device programs they have (crun under systemd has its
 * own on the scope), and whether the first above is the container's alone. The delegation root was opened beneath the
 * host's, without links: above the last component of its path is the host's root, which is open, and whose owner
 * host_open() has checked.
 */
static int walk_up(const struct host *host, struct target *target, struct facts *facts, struct err *err)
{
	int fd = target->cgroup_fd;
	char path[PATH_MAX];

	memcpy(path, target->mount.root, sizeof(path));
	facts->device_bpf = DEVICE_BPF_ABSENT;
	add_devices(target, facts, fd, path);
	for (*strrchr(path, '/') = '\0'; *path; *strrchr(path, '/') = '\0') {
		const int below = fd;
		struct stat st;
		int r;

		fd = openat(below, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		r = fd < 0 || fstat(fd, &st) < 0
			    ? err_set_errno(err, errno, "cannot check the cgroups above the container's")
			    : check_above(host, &st, err);
		leave(target, below);
		if (r < 0) {
			(void)close_fd(fd);
			return r;
		}
		add_devices(target, facts, fd, path);
		if (below == target->cgroup_fd && is_own_scope(host, target, fd, &st)) {
			facts->has_scope = true;
			target->scope_fd = fd;
		}
	}
	leave(target, fd);
	add_devices(target, facts, host->cgroup_fd, path);
	return 0;
}

static int read_names(const struct host *host, struct target *target, struct facts *facts, struct err *err)
{
	int r = cgroup_list(target->cgroup_fd, &target->listing);

	if (r < 0)
		return err_set_errno(err, r, "cannot list the container's cgroup");
	r = cgroup_delegated(host, &target->listing, &target->delegated, err);
	if (r < 0)
		return r;
	facts->files = target->listing.files;
	facts->delegated = target->delegated.recognised;
	facts->given = target->delegated.given;
	facts->unrecognised = target->delegated.unrecognised;
	return 0;
}

int gather_controllers(struct target *target, struct facts *facts, struct err *err)
{
	ssize_t n = file_read_record_at(target->cgroup_fd, "cgroup.controllers", target->controllers,
					sizeof(target->controllers));

	/* expect_container() may have had to take the root cgroup, which has no such file. */
	if (n < 0 && target->proc_fd >= 0)
		return err_set_errno(err, (int)n, "cannot read the container's cgroup.controllers");
	target->controllers[n < 0 ? 0 : n] = '\0';
	target->controllers[strcspn(target->controllers, "\n")] = '\0';
	facts->controllers = target->controllers;
	return 0;
}

/* A grant that list, watch and the budgets would not find is none. */
static int check_depth(const char *path, struct err *err)
{
	size_t depth = 0;

	for (const char *at = path; *at; at++)
		depth += *at == '/' && at[1];
	if (depth > CGROUP_DEPTH_MAX)
		return err_set(
			err, E2BIG,
			"the container's cgroup is %zu levels below the root, more than %d: give it a shorter cgroupsPath",
			depth, CGROUP_DEPTH_MAX);
	return 0;
}

static int look_at_cgroup(const struct host *host, struct target *target, struct facts *facts, struct err *err)
{
	struct stat st;
	int r = gather_paths_short(host, target, err);

	if (r < 0)
		return r;
	facts->cgroupns_private = TRI_YES;
	r = check_depth(target->mount.root, err);
	if (r < 0)
		return r;
	target->cgroup_fd = cgroup_open(host, target->mount.root, &st, err);
	if (target->cgroup_fd < 0)
		return target->cgroup_fd;
	facts->cgroup = target->mount.root;
	r = check_directory(host, target, &st, facts, err);
	if (r < 0)
		return r;
	r = read_names(host, target, facts, err);
	if (r < 0)
		return r;
	r = check_files(host, target, err);
	if (r < 0)
		return r;
	r = attribute_read(target->cgroup_fd, &target->attribute, err);
	if (r < 0)
		return r;
	facts->marked = target->attribute.marked;
	facts->granted = target->attribute.present && facts->id && strcmp(target->attribute.id, facts->id) == 0 &&
			 strcmp(target->attribute.instance, target->instance) == 0;
	/* Once granted, the children and processes are the container's own affair, and prove nothing. */
	r = facts->granted ? gather_paths(host, target, err) : check_exclusive(target, err);
	if (r < 0)
		return r;
	facts->nested = strcmp(target->now, target->mount.root) != 0;
	return walk_up(host, target, facts, err);
}

int gather_cgroup(const struct host *host, struct target *target, struct facts *facts, struct err *err)
{
	struct err plainer = { 0 };

	if (look_at_cgroup(host, target, facts, err) >= 0)
		return 0;
	/* What is wrong with a cgroup that is not the container's shows at the first thing that somebody else has in
	 * it; where the processes are says it better. */
	if (gather_paths(host, target, &plainer) == -EPERM)
		*err = plainer;
	return -err->code;
}
