/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expect - the mounts that a runtime would make of config.json. See expect.h.
 *
 * They are written down as the container's mountinfo would have them, for mount_parse() to judge as the hook has it do.
 * A bind shows what this host has at its source now; "rbind" also what is mounted below.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "bpf/cgroup2.h"
#include "cgdeleg/cli/expect.h"

#define CGROUPS	   "/sys/fs/cgroup"
#define LINKS_MOST 40	     /* as the kernel */
#define ROOTFS	   "/rootfs" /* any; the container sees what comes after it */

/* A line of the host's mountinfo, its fields as they stand there. */
struct line {
	char dev[32], root[PATH_MAX], point[PATH_MAX], type[64], options[1024];
};

static bool parse_line(const char *at, struct line *ret)
{
	const char *end = strchrnul(at, '\n');
	const char *hyphen = strstr(at, " - ");

	ret->options[0] = '\0';
	return hyphen && hyphen < end && sscanf(at, "%*u %*u %31s %4095s %4095s", ret->dev, ret->root, ret->point) == 3 &&
	       sscanf(hyphen, " - %63s %*s %1023s", ret->type, ret->options) >= 1;
}

/* What `path` has after `above`, if it is the same or below. */
static const char *rest_of(const char *path, const char *above)
{
	const size_t len = strcmp(above, "/") == 0 ? 0 : strlen(above);

	return strncmp(path, above, len) == 0 && (path[len] == '/' || path[len] == '\0') ? path + len : NULL;
}

static void put(FILE *to, const struct line *line, const char *root, const char *point, const char *below)
{
	fprintf(to, "1 1 %s %s " ROOTFS "%s%s ro - %s none %s\n", line->dev, root, strcmp(point, "/") == 0 ? "" : point,
		below, line->type, line->options[0] ? line->options : "rw");
}

/* The mount that shows `source`, and with `recursive` those below it. */
static void put_bind(FILE *to, const char *host_mounts, const char *source, const char *point, bool recursive)
{
	struct line line, holder = { .dev = "" };
	char root[2 * PATH_MAX];

	for (const char *at = host_mounts; *at; at = strchrnul(at, '\n'), at += *at == '\n')
		if (parse_line(at, &line) && rest_of(source, line.point) &&
		    (!holder.dev[0] || strlen(line.point) >= strlen(holder.point)))
			holder = line;
	if (!holder.dev[0])
		return;
	(void)snprintf(root, sizeof(root), "%s%s", strcmp(holder.root, "/") == 0 ? "" : holder.root,
		       rest_of(source, holder.point));
	put(to, &holder, root[0] ? root : "/", point, "");
	for (const char *at = host_mounts; recursive && *at; at = strchrnul(at, '\n'), at += *at == '\n') {
		const char *below = parse_line(at, &line) ? rest_of(line.point, source) : NULL;

		if (below && *below && strcmp(line.point, source) != 0)
			put(to, &line, line.root, point, below);
	}
}

/* One slash between two names, none at the end, and escaped as the kernel escapes paths in mountinfo. */
static void clean_path(const char *path, char ret[PATH_MAX])
{
	size_t len = 0;

	for (const char *p = path; *p && len + 6 < PATH_MAX; p++) {
		if (*p == '/' && (p[1] == '/' || p[1] == '\0'))
			continue;
		if (p == path && *p != '/')
			ret[len++] = '/';
		if (strchr(" \t\n\\", *p))
			len += (size_t)snprintf(ret + len, PATH_MAX - len, "\\%03o", (unsigned)*p);
		else
			ret[len++] = *p;
	}
	if (len == 0)
		ret[len++] = '/';
	ret[len] = '\0';
}

/* Where a source leads on this host. False where it cannot be looked at: *ret is then what is written. */
static bool real_path(const struct host *host, const struct oci *oci, const char *source, char ret[PATH_MAX])
{
	const size_t root_len = strcmp(host->root, "/") == 0 ? 0 : strlen(host->root);
	_cleanup_close_ int fd = -EBADF;
	char path[2 * PATH_MAX], link[32];
	bool seen;

	(void)snprintf(path, sizeof(path), "%s%s", source[0] == '/' && root_len ? host->root : "", source);
	fd = openat(oci->bundle_fd, path, O_PATH | O_CLOEXEC);
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	seen = fd >= 0 && file_readlink_at(host->proc_fd, link, ret, PATH_MAX) >= 0;

	if (!seen)
		(void)snprintf(ret, PATH_MAX, "%s", source);
	else if (root_len && rest_of(ret, host->root))
		memmove(ret, ret + root_len, strlen(ret + root_len) + 1);
	(void)snprintf(path, sizeof(path), "%s", ret);
	clean_path(path, ret);
	return seen;
}

/* What the host's cgroup2 has for options; the container's mount is of the same superblock. */
static bool find_cgroup2(const char *host_mounts, struct line *ret)
{
	for (const char *const *place = cgroup2_places; *place; place++)
		for (const char *at = host_mounts; *at; at = strchrnul(at, '\n'), at += *at == '\n')
			if (parse_line(at, ret) && strcmp(ret->type, "cgroup2") == 0 &&
			    strcmp(ret->point + strlen("/sys/"), *place) == 0)
				return true;
	return false;
}

/* The mountinfo in the making, and what it is made of. */
struct view {
	FILE *to;
	const struct host *host;
	const struct oci *oci;
	int rootfs_fd;		 /* the image; -EBADF: it is not there yet, or not for us to see */
	const char *host_mounts; /* this host's mountinfo */
	struct line cgroup2;	 /* ... the line of its cgroup2 */
	char *unseen;		 /* the first source that could not be looked at; size UNSEEN_SIZE */
};

#define UNSEEN_SIZE sizeof(((struct target *)NULL)->unseen)

static void put_source(const struct view *view, const char *source, const char *point, bool recursive)
{
	char path[PATH_MAX], shown[100];

	if (!real_path(view->host, view->oci, source, path) && !view->unseen[0])
		(void)snprintf(view->unseen, UNSEEN_SIZE, "what config.json binds into the container from '%s'",
			       text_escape(source, shown, sizeof(shown)));
	put_bind(view->to, view->host_mounts, path, point, recursive);
}

/* A file system of its own, whose options become those of the superblock. */
static void put_new(FILE *to, const char *type, yyjson_val *options, const char *point)
{
	struct line line = { .dev = "0:1" };
	yyjson_val *item;
	size_t i, n;

	(void)snprintf(line.type, sizeof(line.type), "%s", type);
	if (options) {
		yyjson_arr_foreach(options, i, n, item)
		{
			const size_t len = strlen(line.options);

			(void)snprintf(line.options + len, sizeof(line.options) - len, "%s%s", len ? "," : "",
				       yyjson_get_str(item) ?: "");
		}
	}
	put(to, &line, "/", point, "");
}

/* Is it at or below the place of an earlier mount? What the image has there is hidden. */
static bool is_hidden(const struct view *view, size_t i, const char *destination)
{
	char point[PATH_MAX], earlier[PATH_MAX];

	clean_path(destination, point);
	while (i-- > 0) {
		yyjson_val *mount = yyjson_arr_get(view->oci->mounts, i);

		clean_path(yyjson_get_str(yyjson_obj_get(mount, "destination")), earlier);
		if (rest_of(point, earlier))
			return true;
	}
	return false;
}

/* The next component of a path; "" at the end. */
static void take_component(char *path, char ret[NAME_MAX + 1])
{
	const char *at = path + strspn(path, "/");
	const size_t len = strcspn(at, "/");

	(void)snprintf(ret, NAME_MAX + 1, "%.*s", (int)len, at);
	memmove(path, at + len, strlen(at + len) + 1);
}

/* A runtime follows the links that the image has, and that no mount hides; what is not there it makes. Was there one? */
static bool follow_links(const struct view *view, size_t at, const char *destination, char ret[PATH_MAX])
{
	char rest[2 * PATH_MAX], joined[2 * PATH_MAX], link[PATH_MAX], name[NAME_MAX + 1];
	int links = 0;

	ret[0] = '\0';
	(void)snprintf(rest, sizeof(rest), "%s", destination);
	for (take_component(rest, name); name[0]; take_component(rest, name)) {
		const size_t len = strlen(ret);

		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			*(strrchr(ret, '/') ?: ret) = '\0';
			continue;
		}
		if (snprintf(ret + len, PATH_MAX - len, "/%s", name) >= (int)(PATH_MAX - len))
			return links > 0;
		if (links == LINKS_MOST || is_hidden(view, at, ret) ||
		    file_readlink_at(view->rootfs_fd, ret + 1, link, sizeof(link)) < 0)
			continue;
		links++;
		ret[link[0] == '/' ? 0 : len] = '\0';
		(void)snprintf(joined, sizeof(joined), "%s/%.*s", link, PATH_MAX - 2, rest);
		(void)snprintf(rest, sizeof(rest), "%s", joined);
	}
	return links > 0;
}

static void put_mount(const struct view *view, size_t at, yyjson_val *mount)
{
	const char *type = yyjson_get_str(yyjson_obj_get(mount, "type")) ?: "none";
	const char *source = yyjson_get_str(yyjson_obj_get(mount, "source"));
	const char *destination = yyjson_get_str(yyjson_obj_get(mount, "destination"));
	yyjson_val *options = yyjson_obj_get(mount, "options");
	const bool recursive = oci_has_option(options, "rbind") || strcmp(type, "rbind") == 0;
	char point[PATH_MAX], path[PATH_MAX], shown[100];

	if (follow_links(view, at, destination, path) && rest_of(CGROUPS, path) && !view->unseen[0])
		(void)snprintf(view->unseen, UNSEEN_SIZE,
			       "what " CGROUPS " shows, which '%s' covers by a link of the image,",
			       text_escape(destination, shown, sizeof(shown)));
	clean_path(path, point);
	if (strcmp(type, "bind") == 0 || recursive || oci_has_option(options, "bind"))
		put_source(view, source ? source : "", point, recursive);
	else if (strcmp(type, "cgroup") == 0 || strcmp(type, "cgroup2") == 0)
		put(view->to, &view->cgroup2, "/its-own", point, "");
	else
		put_new(view->to, type, options, point);
}

static int write_view(struct view *view, char **ret, struct err *err)
{
	yyjson_val *item;
	size_t i, n, len;

	view->to = open_memstream(ret, &len);
	if (!view->to)
		return err_set(err, ENOMEM, "out of memory");
	yyjson_arr_foreach(view->oci->mounts, i, n, item)
	{
		put_mount(view, i, item);
	}
	return fclose(view->to) == 0 ? 0 : err_set(err, ENOMEM, "out of memory");
}

static int open_rootfs(const struct host *host, const struct oci *oci)
{
	const bool absolute = oci->rootfs[0] == '/' && strcmp(host->root, "/") != 0;
	char path[2 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s%s", absolute ? host->root : "", oci->rootfs);
	return openat(oci->bundle_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Of config.json's mounts; *ret_known: the host's cgroup2 was found. -ENOENT as by mount_parse(). */
static int parse_view(const struct host *host, const struct oci *oci, char *unseen, struct cgroup_mount *ret,
		      bool *ret_known, struct err *err)
{
	_cleanup_close_ int fd = openat(host->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *host_mounts = NULL, *expected = NULL;
	_cleanup_close_ int rootfs_fd = open_rootfs(host, oci);
	struct view view = { .host = host, .oci = oci, .rootfs_fd = rootfs_fd, .unseen = unseen };
	int r;

	if (fd < 0 || file_slurp(fd, MOUNTINFO_MAX, &host_mounts, NULL) < 0)
		return err_set(err, EIO, "cannot read '/proc/self/mountinfo'");
	view.host_mounts = host_mounts;
	*ret_known = find_cgroup2(host_mounts, &view.cgroup2);
	if (!*ret_known)
		view.cgroup2 = (struct line) { .dev = "0:1", .type = "cgroup2" };
	r = write_view(&view, &expected, err);
	if (r >= 0)
		r = mount_parse(expected, ROOTFS "/sys/fs/cgroup", ret, err);
	/* The container's own line shows the host's options; where the host's mount is, only the host's table does. */
	if (r >= 0)
		(void)mount_find_host(host_mounts, ret, NULL);
	return r;
}

bool expect_other_cgroups(const struct host *host, const struct oci *oci)
{
	char unseen[UNSEEN_SIZE] = "";
	struct cgroup_mount mount;
	bool known = false;
	int r;

	mount.other.n = 0;
	if (!oci->mounts)
		return false;
	r = parse_view(host, oci, unseen, &mount, &known, NULL);
	return (r < 0 && r != -ENOENT) || mount.other.n > 0 || unseen[0];
}

int expect_mounts(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		  struct err *err)
{
	bool known = false;
	int r = parse_view(host, oci, target->unseen, &target->mount, &known, err);

	if (r < 0)
		return r;
	gather_mount(target, facts);
	if (!known)
		facts->host.options = NULL;
	if (target->unseen[0])
		facts->unseen = target->unseen;
	facts->mount = oci->mount_readonly ? MOUNT_WILL_BE_RO : MOUNT_WRITABLE;
	return 0;
}
