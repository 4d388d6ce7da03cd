/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI - what config.json's mounts make of /sys/fs/cgroup. See oci.h.
 *
 * Only what they rule out counts here: that a mount of type 'cgroup' does show the container's own cgroup is proven on
 * the container.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/grant/oci.h"

#define CGROUP_MOUNT "/sys/fs/cgroup"

struct raw_mount {
	const char *destination, *type, *source;
	yyjson_val *options;
};

static const struct json_field mount_fields[] = {
	{ "destination", JSON_STRING, offsetof(struct raw_mount, destination), true },
	{ "type", JSON_STRING, offsetof(struct raw_mount, type), false },
	{ "source", JSON_STRING, offsetof(struct raw_mount, source), false },
	{ "options", JSON_ARRAY, offsetof(struct raw_mount, options), false },
};

/* Is `path`, slashes repeated or not, the same as `want` or (prefix) a directory above it? */
static bool path_names(const char *path, const char *want, bool prefix)
{
	for (;;) {
		path += strspn(path, "/");
		want += strspn(want, "/");
		if (!*path)
			return prefix || !*want;
		size_t len = strcspn(path, "/");

		if (len == 1 && path[0] == '.') {
			path++;
			continue;
		}
		/* Where ".." leads depends on links; a path that may cover the mount counts as covering it. */
		if (len == 2 && path[0] == '.' && path[1] == '.')
			return prefix;

		if (strcspn(want, "/") != len || memcmp(path, want, len) != 0)
			return false;
		path += len;
		want += len;
	}
}

bool oci_is_cgroup_mount(const char *destination)
{
	return path_names(destination, CGROUP_MOUNT, false);
}

bool oci_has_option(yyjson_val *options, const char *option)
{
	yyjson_val *item;
	size_t i, n;

	if (!options)
		return false;
	yyjson_arr_foreach(options, i, n, item) if (yyjson_equals_str(item, option)) return true;
	return false;
}

/* Runtimes apply the options of a mount one after the other: the last one counts. */
static void read_mount_options(yyjson_val *options, bool *ret_readonly, bool *ret_recursive)
{
	static const struct {
		const char *name;
		bool readonly, recursive;
	} words[] = {
		{ "ro", true, false },
		{ "rro", true, true },
		{ "rw", false, false },
		{ "rrw", false, false },
	};
	yyjson_val *item;
	size_t i, n;

	*ret_readonly = *ret_recursive = false;
	if (!options)
		return;
	yyjson_arr_foreach(options, i, n, item)
	{
		for (size_t w = 0; w < ELEMENTS(words); w++) {
			if (!yyjson_equals_str(item, words[w].name))
				continue;
			*ret_readonly = words[w].readonly;
			*ret_recursive = words[w].recursive;
		}
	}
}

bool oci_makes_readonly(const struct oci *oci, const char *point)
{
	bool readonly = false, recursive;
	yyjson_val *item;
	size_t i, n;

	if (!oci->mounts)
		return false;
	yyjson_arr_foreach(oci->mounts, i, n, item)
	{
		struct raw_mount raw = { 0 };

		/* Every mount was read once: none is at fault. */
		if (oci_dispatch(item, mount_fields, ELEMENTS(mount_fields), &raw, "config.json: mounts", NULL) >= 0 &&
		    path_names(raw.destination, point, false))
			read_mount_options(raw.options, &readonly, &recursive);
	}
	return readonly;
}

/* For a mount with one of these options the runtimes do not look at its type. */
static bool is_bind(const struct raw_mount *raw)
{
	return (raw->type && (strcmp(raw->type, "bind") == 0 || strcmp(raw->type, "rbind") == 0)) ||
	       oci_has_option(raw->options, "bind") || oci_has_option(raw->options, "rbind");
}

static bool is_cgroup(const struct raw_mount *raw)
{
	return raw->type && (strcmp(raw->type, "cgroup") == 0 || strcmp(raw->type, "cgroup2") == 0) && !is_bind(raw);
}

/* The sentence of a mount at /sys/fs/cgroup or above it that takes the place of the container's own. */
static void blame_mount(const struct raw_mount *raw, bool has_other, struct oci *oci)
{
	const bool bind = is_bind(raw);
	char point[100], what[100];

	(void)snprintf(oci->place_fault, sizeof(oci->place_fault),
		       "config.json %s '%s' at '%s', so " CGROUP_MOUNT
		       " does not show the container's own cgroup; take that %s out%s",
		       bind ? "binds" : "mounts", text_escape((bind ? raw->source : raw->type) ?: "", what, sizeof(what)),
		       text_escape(raw->destination, point, sizeof(point)), bind ? "volume" : "mount",
		       has_other ? "" : " and mount type 'cgroup' at " CGROUP_MOUNT);
}

static void blame_none(const char *elsewhere, struct oci *oci)
{
	char point[100];

	if (elsewhere)
		(void)snprintf(oci->place_fault, sizeof(oci->place_fault),
			       "config.json mounts type 'cgroup' at '%s'; mount it at '" CGROUP_MOUNT "' instead",
			       text_escape(elsewhere, point, sizeof(point)));
	else
		(void)snprintf(oci->place_fault, sizeof(oci->place_fault),
			       "config.json has no mount of type 'cgroup' at '" CGROUP_MOUNT
			       "', so there is nothing to make writable; add one");
}

/* Runtimes mount in this order: a later mount lies on top of an earlier one at the same place, and hides those below. */
int oci_read_mounts(yyjson_val *mounts, struct oci *oci, struct err *err)
{
	const char *elsewhere = NULL;
	bool has_own = false, blamed = false;
	yyjson_val *item;
	size_t i, n;

	oci->mounts = mounts;
	oci->mounted_writable = TRI_NO;
	blame_none(NULL, oci);
	if (!mounts)
		return 0;
	yyjson_arr_foreach(mounts, i, n, item)
	{
		struct raw_mount raw = { 0 };
		int r = oci_dispatch(item, mount_fields, ELEMENTS(mount_fields), &raw, "config.json: mounts", err);

		if (r < 0)
			return r;
		if (oci_is_cgroup_mount(raw.destination)) {
			oci->has_mount = is_cgroup(&raw);
			has_own |= oci->has_mount;
			read_mount_options(raw.options, &oci->mount_readonly, &oci->mount_recursive);
			oci->mounted_writable =
				!oci->mount_readonly && (oci->has_mount || is_bind(&raw)) ? TRI_YES : TRI_NO;
			oci->place_fault[0] = '\0';
			blamed = !oci->has_mount;
			if (blamed)
				blame_mount(&raw, has_own, oci);
		} else if (path_names(raw.destination, CGROUP_MOUNT, true)) {
			blamed |= oci->has_mount || is_bind(&raw);
			if (oci->has_mount || is_bind(&raw))
				blame_mount(&raw, has_own, oci);
			oci->has_mount = false;
			/* What lies there now has not these options. */
			oci->mount_readonly = oci->mount_recursive = false;
			oci->mounted_writable = blamed || has_own ? TRI_UNKNOWN : TRI_NO;
		} else if (is_cgroup(&raw)) {
			elsewhere = raw.destination;
		}
	}
	if (!oci->has_mount && elsewhere && !blamed)
		blame_none(elsewhere, oci);
	return 0;
}

const char *oci_find_cover(yyjson_val *paths)
{
	yyjson_val *item;
	size_t i, n;

	if (!paths)
		return NULL;
	yyjson_arr_foreach(paths, i, n, item)
	{
		const char *path = yyjson_get_str(item);

		if (path && path_names(path, CGROUP_MOUNT, true))
			return path;
	}
	return NULL;
}
