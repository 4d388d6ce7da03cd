/* SPDX-License-Identifier: Apache-2.0 */
/* Gather - the container's process, its namespaces and its mount. See gather.h; the cgroup's side is in
 * gather-cgroup.c. struct facts itself belongs to policy/, which owns the vocabulary it may use. */
#include "cgdeleg/grant/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/grant/gather-cgroup.h"

/* The inode of the initial user namespace, PROC_USER_INIT_INO in the kernel. */
static const char initial_userns[] = "user:[4026531837]";

void target_init(struct target *target)
{
	target->guards = (struct guards)GUARDS_NONE;
	target->pidfd = target->proc_fd = -EBADF;
	target->cgroup_fd = target->scope_fd = target->device_fd = target->above_fd = -EBADF;
}

void target_done(struct target *target)
{
	target->pidfd = close_fd(target->pidfd);
	target->proc_fd = close_fd(target->proc_fd);
	target->cgroup_fd = close_fd(target->cgroup_fd);
	target->scope_fd = close_fd(target->scope_fd);
	target->above_fd = close_fd(target->above_fd);
	target->device_fd = -EBADF;
	guards_done(&target->guards);
	cgroup_listing_done(&target->listing);
	attribute_done(&target->attribute);
}

int target_check_alive(const struct target *target, struct err *err)
{
	struct pollfd pfd = { .fd = target->pidfd, .events = POLLIN };

	if (poll(&pfd, 1, 0) != 0)
		return err_set(err, ESRCH, "the container's process %d has exited", target->pid);
	return 0;
}

/* The pidfd first, then /proc/<pid>. Both are the same process if it lives afterwards: the kernel lets the hook enter the
 * cgroup namespace of a pidfd (see read_inside()) only while the process lives. */
static int open_process(const struct host *host, pid_t pid, struct target *target, struct err *err)
{
	char name[16];

	target->pid = pid;
	target->pidfd = host->machine->open_process(pid);
	if (target->pidfd < 0)
		return err_set_errno(err, target->pidfd, "the state names process %d, which does not exist", pid);
	(void)snprintf(name, sizeof(name), "%d", pid);
	target->proc_fd = openat(host->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target->proc_fd < 0)
		return err_set_errno(err, errno, "cannot open '/proc/%d'", pid);
	return 0;
}

#define NS_NAME_SIZE 64 /* "cgroup:[4026531835]" */

/* 1: the container's namespace is the hook's own; 0: another. */
static int same_namespace(const struct host *host, const struct target *target, const char *name,
			  char ours[NS_NAME_SIZE], char theirs[NS_NAME_SIZE], struct err *err)
{
	char path[32];
	ssize_t r;

	(void)snprintf(path, sizeof(path), "self/ns/%s", name);
	r = file_readlink_at(host->proc_fd, path, ours, NS_NAME_SIZE);
	if (r < 0)
		return err_set_errno(err, (int)r, "cannot read '/proc/%s'", path);
	r = file_readlink_at(target->proc_fd, path + strlen("self/"), theirs, NS_NAME_SIZE);
	if (r < 0)
		return err_set_errno(err, (int)r, "cannot read '/proc/%d/ns/%s'", target->pid, name);
	if (strcmp(name, "user") == 0 && strcmp(ours, initial_userns) != 0)
		return err_set(
			err, EPERM,
			"the hook itself runs in a user namespace; cgdeleg needs the host's root, so a rootless engine cannot use it");
	return strcmp(ours, theirs) == 0;
}

/* target->instance begins with the mount namespace's name: see read_instance(). */
static int check_namespaces(const struct host *host, struct target *target, struct facts *facts, struct err *err)
{
	char ours[NS_NAME_SIZE], theirs[NS_NAME_SIZE];
	ssize_t n;
	int r = same_namespace(host, target, "mnt", ours, target->instance, err);

	if (r < 0)
		return r;
	if (r > 0)
		return err_set(err, EPERM, "process %d is in the host's mount namespace: it is not a container's init",
			       target->pid);
	r = same_namespace(host, target, "user", ours, theirs, err);
	if (r < 0)
		return r;
	facts->userns = r > 0 ? USERNS_NONE : USERNS_PRIVATE;
	/* It is compared with the hook's own on the way back from there: see read_inside(). */
	n = file_readlink_at(target->proc_fd, "ns/cgroup", target->cgroupns, sizeof(target->cgroupns));
	return n < 0 ? err_set_errno(err, (int)n, "cannot read '/proc/%d/ns/cgroup'", target->pid) : 0;
}

static bool next_number(const char **at, uint64_t *ret)
{
	char word[24];
	size_t len;

	*at += strspn(*at, " ");
	len = strcspn(*at, " \n");
	if (len >= sizeof(word))
		return false;
	memcpy(word, *at, len);
	word[len] = '\0';
	*at += len + ((*at)[len] != '\0');
	return text_to_u64(word, ret) == 0;
}

static int read_map(struct target *target, struct facts *facts, struct id_map *map, struct err *err)
{
	const size_t size = 16384; /* 340 extents, the most that there may be, have room */
	_cleanup_free_ char *text = malloc(size);
	const char *at = text;
	ssize_t n;

	if (!text)
		return err_set(err, ENOMEM, "out of memory");
	n = file_read_lines_at(target->proc_fd, map->name, text, size);
	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '/proc/%d/%s'", target->pid, map->name);
	while (*at) {
		struct id_extent e;

		if (!next_number(&at, &e.inside) || !next_number(&at, &e.outside) || !next_number(&at, &e.count))
			return err_set(err, EBADMSG, "'/proc/%d/%s' is not a valid id map", target->pid, map->name);
		gather_extent(&e, map, target, facts);
	}
	return 0;
}

static int read_maps(struct target *target, const struct oci *oci, struct facts *facts, struct err *err)
{
	struct id_map uids = ID_MAP("uid_map", oci->process_uid, &target->uids);
	struct id_map gids = ID_MAP("gid_map", oci->process_gid, &target->gids);
	int r = read_map(target, facts, &uids, err);

	if (r >= 0)
		r = read_map(target, facts, &gids, err);
	if (r < 0)
		return r;
	gather_ids(&uids, &gids, facts);
	return 0;
}

/* The real path of <rootfs>/sys/fs/cgroup, from the host's root directory on. root.path is the engine's word and may
 * lead through links of the host; what lies below it is the image's and is not resolved at all. */
static int mount_point(const struct host *host, const struct oci *oci, char *ret, struct err *err)
{
	static const char below[] = "/sys/fs/cgroup";
	_cleanup_close_ int fd = openat(oci->bundle_fd, oci->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const size_t root_len = strcmp(host->root, "/") == 0 ? 0 : strlen(host->root);
	char link[32];
	ssize_t n;

	if (fd < 0)
		return err_set_errno(err, errno, "cannot open the root filesystem '%s' of the bundle", oci->rootfs);
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	n = file_readlink_at(host->proc_fd, link, ret, PATH_MAX - sizeof(below));
	if (n < 0)
		return err_set(err, ENAMETOOLONG,
			       "the path of the root filesystem '%s' of the bundle is too long or cannot be read",
			       oci->rootfs);
	if (root_len > 0 && cgroup_is_within(ret, host->root)) {
		n -= (ssize_t)root_len;
		memmove(ret, ret + root_len, (size_t)n + 1);
	}
	while (n > 0 && ret[n - 1] == '/')
		n--;
	memcpy(ret + n, below, sizeof(below));
	return 0;
}

/*
 * What distinguishes this container from another or an earlier one with the same id: its mount namespace, and when its
 * process was started (field 22 of /proc/<pid>/stat, in clock ticks), since namespace numbers are used again.
 */
static int read_instance(struct target *target, struct err *err)
{
	const size_t len = strlen(target->instance); /* the mount namespace's name */
	char stat[1024];
	const char *at;
	ssize_t n = file_read_record_at(target->proc_fd, "stat", stat, sizeof(stat));

	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '/proc/%d/stat'", target->pid);
	/* The command's name stands in parentheses and may hold blanks and parentheses itself. */
	at = strrchr(stat, ')');
	for (int field = 2; at && field < 22; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return err_set(err, EBADMSG, "'/proc/%d/stat' does not have the expected form", target->pid);
	(void)snprintf(target->instance + len, sizeof(target->instance) - len, "+%.*s", (int)strcspn(at, " "), at);
	return 0;
}

/* Runtimes mount the root filesystem at its place before they call hooks, and after the last createRuntime hook it is "/"
 * of the container's mount namespace, which has no such place any more. Where something else than cgroup2 is mounted at
 * the point, the place is there. */
static int check_late(const char *mountinfo, char *point, struct err *err)
{
	if (mount_is_point(mountinfo, point))
		return 0;
	point[strlen(point) - strlen("/sys/fs/cgroup")] = '\0';
	if (!point[0] || mount_is_point(mountinfo, point))
		return 0;
	return err_set(
		err, ENOENT,
		"the container's root filesystem is not mounted at '%s' any more, as in a poststart hook; move the hook to createRuntime",
		point);
}

int gather_own_mount(const struct host *host, const struct oci *oci, struct target *target, bool *ret_there,
		     struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	char point[PATH_MAX];
	int r = mount_point(host, oci, point, err);

	*ret_there = false;
	if (r < 0)
		return r;
	fd = openat(target->proc_fd, "mountinfo", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '/proc/%d/mountinfo'", target->pid);
	r = file_slurp(fd, MOUNTINFO_MAX, &text, NULL);
	if (r < 0)
		return err_set_errno(err, r, "cannot read '/proc/%d/mountinfo'", target->pid);
	r = mount_parse(text, point, &target->mount, err);
	*ret_there = r >= 0;
	return r == -ENOENT ? check_late(text, point, err) : r;
}

static int find_mount(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		      struct err *err)
{
	bool there;
	int r = gather_own_mount(host, oci, target, &there, err);

	if (r < 0 || !there)
		return -err->code;
	gather_mount(target, facts);
	return 0;
}

/* On a first run the flag at hook time and "ro" in config.json show what the runtime is about to do; on a second run
 * the attribute shows what the first one did. */
static enum mount_state classify_mount(const struct oci *oci, const struct target *target, bool granted)
{
	/* "rro": the runtime sets the flag once more, recursively, whatever was done to it before. */
	if (target->mount.readonly && !oci->mount_recursive)
		return MOUNT_READONLY;
	if (granted && !target->mount.readonly)
		return MOUNT_WRITABLE;
	return oci->mount_readonly ? MOUNT_WILL_BE_RO : MOUNT_WRITABLE;
}

int gather_process(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		   struct err *err)
{
	int r = open_process(host, oci->pid, target, err);

	if (r >= 0)
		r = check_namespaces(host, target, facts, err);
	if (r >= 0)
		r = read_instance(target, err);
	return r < 0 ? r : read_maps(target, oci, facts, err);
}

static int look_at_container(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
			     struct err *err)
{
	/* gather_writable() may have been here. */
	int r = target->pidfd < 0 ? gather_process(host, oci, target, facts, err) : 0;

	if (r >= 0)
		r = find_mount(host, oci, target, facts, err);
	if (r >= 0)
		r = gather_cgroup(host, target, facts, err);
	if (r >= 0)
		r = gather_unit(host, target, facts, err);
	if (r < 0)
		return r;
	facts->mount = classify_mount(oci, target, facts->granted);
	return gather_descriptors(target, facts, err);
}

int gather(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts, struct err *err)
{
	char ours[NS_NAME_SIZE];

	if (target->pidfd < 0)
		gather_config(oci, facts);
	if (!facts_placed(facts) || look_at_container(host, oci, target, facts, err) >= 0)
		return 0;
	/* Two causes of many failures, which say it better than whatever failed first. */
	if (target_check_alive(target, err) < 0 || !target->cgroupns[0] ||
	    file_readlink_at(host->proc_fd, "self/ns/cgroup", ours, sizeof(ours)) <= 0 ||
	    strcmp(ours, target->cgroupns) != 0)
		return -err->code;
	*err = (struct err) { 0 };
	facts->cgroupns_private = TRI_NO;
	return 0;
}
