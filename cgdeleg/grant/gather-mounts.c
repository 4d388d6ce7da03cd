/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gather - other ways to a cgroup: what config.json's mounts will bring into a container that does not exist yet, and
 * the words for what is there. See gather.h.
 *
 * The hook does not ask config.json, which is only what somebody wanted: it reads the container's mountinfo.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/grant/gather-cgroup.h"

const char *gather_describe_other(struct target *target)
{
	const struct other_cgroup *other = &target->mount.other;
	char point[96], root[96], more[32] = "";

	if (other->n == 0)
		return NULL;
	if (other->n > 1)
		(void)snprintf(more, sizeof(more), ", and %u more", other->n - 1);
	(void)snprintf(target->other_cgroup, sizeof(target->other_cgroup), "%s '%s' is mounted at '%s'%s%s",
		       other->type, text_escape(other->root, root, sizeof(root)),
		       text_escape(other->point, point, sizeof(point)), other->hidden ? ", under its own" : "", more);
	return target->other_cgroup;
}

/* The real path of a bind's source, which may be relative to the bundle. False where this user cannot find it out. */
static bool find_source(const struct host *host, const struct oci *oci, const char *source, char ret[PATH_MAX])
{
	_cleanup_close_ int fd = openat(oci->bundle_fd, source, O_PATH | O_CLOEXEC);
	char link[32];

	if (fd < 0)
		return false;
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	return file_readlink_at(host->proc_fd, link, ret, PATH_MAX) > 0;
}

/* One of config.json's mounts. Runtimes take it for a bind where its options or its type say so. */
static enum tristate expect_mount(const struct host *host, const struct oci *oci, const char *mountinfo,
				  yyjson_val *mount, struct cgroup_mount *ret)
{
	const char *destination = yyjson_get_str(yyjson_obj_get(mount, "destination"));
	const char *source = yyjson_get_str(yyjson_obj_get(mount, "source"));
	const char *type = yyjson_get_str(yyjson_obj_get(mount, "type"));
	yyjson_val *options = yyjson_obj_get(mount, "options");
	const bool recursive = oci_has_option(options, "rbind") || (type && strcmp(type, "rbind") == 0);
	char path[PATH_MAX];

	if (!recursive && !oci_has_option(options, "bind") && (!type || strcmp(type, "bind") != 0)) {
		if (type && destination && !oci_is_cgroup_mount(destination))
			mount_expect_type(type, destination, ret);
		return TRI_YES;
	}
	if (!source || !destination || !mountinfo || !find_source(host, oci, source, path))
		return TRI_UNKNOWN;
	mount_expect_bind(mountinfo, path, recursive, destination, ret);
	return TRI_YES;
}

enum tristate gather_expected_mounts(const struct host *host, const struct oci *oci, struct target *target,
				     struct facts *facts)
{
	_cleanup_close_ int fd = openat(host->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	enum tristate known = TRI_YES;
	yyjson_val *mount;
	size_t i, n;

	if (fd >= 0 && file_slurp(fd, MOUNTINFO_MAX, &text, NULL) < 0)
		text = NULL;
	if (oci->mounts) {
		yyjson_arr_foreach(oci->mounts, i, n, mount)
		{
			if (expect_mount(host, oci, text, mount, &target->mount) != TRI_YES)
				known = TRI_UNKNOWN;
		}
	}
	facts->bpffs = target->mount.bpffs;
	facts->bpf_token = target->mount.bpf_token;
	facts->other_cgroup = gather_describe_other(target);
	return known;
}
