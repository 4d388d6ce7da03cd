/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gather - where the container's process is, and where that is as the host sees it.
 *
 * Threats. The container's mount need not show the root of its cgroup namespace: a bind mount can show anything, also a
 * cgroup above the container's, from which a chain of single children leads down too. So the two are compared, in one
 * of two ways. The short way only asks the kernel how the cgroup of the process looks from within the namespace, and
 * assumes that the root of the mount is the root of the namespace. That is proven later, when the process is found in
 * cgroup.procs of exactly this directory. The long way reads the paths of the process and of the hook from the host's
 * side. It is for a container that has its grant already, which decides on its own processes, and for saying what is
 * wrong. See gather-cgroup.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/grant/gather-cgroup.h"

static int read_path(int dirfd, const char *file, char *ret, struct err *err)
{
	char text[2 * PATH_MAX];
	ssize_t n = file_read_record_at(dirfd, file, text, sizeof(text));

	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '%s' of a process in /proc", file);
	return cgroup_parse_path(text, ret, PATH_MAX, err);
}

int gather_process_path(const struct target *target, char *ret_path, struct err *err)
{
	return read_path(target->proc_fd, "cgroup", ret_path, err);
}

int gather_refuse_shared(struct err *err)
{
	return err_set(
		err, EPERM,
		"the container shares the host's cgroup namespace: its config.json must have a namespace of type 'cgroup'");
}

/* Returns to the hook's own cgroup namespace, and checks that it is in another than the container's: in the wrong one the
 * kernel would treat writes differently, and nothing else would show it. If both are one, there was nothing to enter. */
static int come_back(const struct host *host, const struct target *target, int own, struct err *err)
{
	char now[sizeof(target->cgroupns)] = "";
	ssize_t r = host->machine->enter_cgroupns(own);

	if (r == 0)
		r = file_readlink_at(host->proc_fd, "self/ns/cgroup", now, sizeof(now));
	if (r < 0)
		return err_set_errno(err, (int)r, "cannot return from the container's cgroup namespace");
	return strcmp(now, target->cgroupns) == 0 ? gather_refuse_shared(err) : 0;
}

/* The path of the container's process as the process sees it: the kernel shows it from within the container's cgroup
 * namespace. The hook returns at once, or goes no further. */
static int read_inside(const struct host *host, const struct target *target, char *ret, struct err *err)
{
	_cleanup_close_ int own = openat(host->proc_fd, "self/ns/cgroup", O_RDONLY | O_CLOEXEC);
	int back, r;

	r = own < 0 ? -errno : host->machine->enter_cgroupns(target->pidfd);
	if (r < 0)
		return err_set_errno(err, r, "cannot enter the container's cgroup namespace");
	r = read_path(target->proc_fd, "cgroup", ret, err);
	back = come_back(host, target, own, err);
	return back < 0 ? back : r;
}

static int shows_another(const struct target *target, struct err *err)
{
	char shown[256];

	return err_set(
		err, EPERM,
		"the container's cgroup mount shows '%s', which is not the root of its cgroup namespace: mount type 'cgroup' at '/sys/fs/cgroup' and bind nothing over it",
		text_escape(target->mount.root, shown, sizeof(shown)));
}

static int check_root(const struct target *target, struct err *err)
{
	const char *root = target->mount.root;
	char shown[256];

	if (root[0] == '/' && strcmp(root, "/") != 0 && !strstr(root, "/.."))
		return 0;
	return err_set(
		err, EPERM,
		"the container's cgroup mount shows '%s', which is not a cgroup of its own: its config.json must name a cgroupsPath and unshare the cgroup namespace",
		text_escape(root, shown, sizeof(shown)));
}

int gather_paths_short(const struct host *host, struct target *target, struct err *err)
{
	const char *root = target->mount.root;
	char inside[PATH_MAX];
	int r = check_root(target, err);

	if (r < 0)
		return r;
	r = read_inside(host, target, inside, err);
	if (r < 0)
		return r;
	if (strncmp(inside, "/..", 3) == 0 || snprintf(target->now, sizeof(target->now), "%s%s", root,
						       strcmp(inside, "/") == 0 ? "" : inside) >= (int)sizeof(target->now))
		return shows_another(target, err);
	return 0;
}

/* Every path counts from the same root: the hook's own, or that of the cgroup namespace that it is in. */
int gather_paths(const struct host *host, struct target *target, struct err *err)
{
	const char *root = target->mount.root;
	const size_t len = strlen(root);
	char own[PATH_MAX], inside[PATH_MAX], shown[256];
	int r;

	(void)text_escape(root, shown, sizeof(shown));
	r = read_path(target->proc_fd, "cgroup", target->now, err);
	if (r < 0)
		return r;
	r = read_path(host->proc_fd, "self/cgroup", own, err);
	if (r < 0)
		return r;
	r = check_root(target, err);
	if (r < 0)
		return r;
	if (!cgroup_is_within(target->now, root))
		return err_set(err, EPERM, "process %d is not in the cgroup '%s' that the container's mount shows",
			       target->pid, shown);
	if (cgroup_is_within(own, root))
		return err_set(err, EPERM, "the container's cgroup '%s' is the hook's own or one above it", shown);
	r = read_inside(host, target, inside, err);
	if (r < 0)
		return r;
	return strcmp(target->now + len, strcmp(inside, "/") == 0 ? "" : inside) == 0 ? 0 : shows_another(target, err);
}
