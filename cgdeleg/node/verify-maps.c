/* SPDX-License-Identifier: Apache-2.0 */
/* Verify - the id maps: the attribute's, config.json's, and those that a process inside has. See verify.h. */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cgdeleg/grant/oci.h"
#include "cgdeleg/kernel/id-ranges.h"
#include "cgdeleg/node/verify-part.h"

static bool has_maps(const struct verify *v, struct outcome *ret)
{
	if (v->uid_map[0] && v->gid_map[0])
		return true;
	OUTCOME(ret, CLAIM_UNKNOWN, "%s",
		v->init.pid > 0 ? "the id maps of the container's first process cannot be read" : v->init_why.text);
	return false;
}

/* The host ids of a map as the attribute has them. */
static const char *format_ranges(const char *map, char buf[ID_RANGES_TEXT_SIZE])
{
	struct id_ranges ranges = { 0 };
	struct map_extent extent;

	while (map_next(&map, &extent))
		id_ranges_add(&ranges, extent.outside, extent.count);
	return id_ranges_format(&ranges, buf);
}

void claim_ids_attribute(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	char uids[ID_RANGES_TEXT_SIZE], gids[ID_RANGES_TEXT_SIZE];
	const struct attribute *a = v->attribute;

	(void)limit;
	if (!a->uids[0] || !a->gids[0]) {
		OUTCOME(ret, CLAIM_NOT_MADE, "an older cgdeleg wrote the attribute, without ids");
		return;
	}
	if (!has_maps(v, ret))
		return;
	(void)format_ranges(v->uid_map, uids);
	(void)format_ranges(v->gid_map, gids);
	if (strcmp(uids, a->uids) != 0 || strcmp(gids, a->gids) != 0)
		OUTCOME(ret, CLAIM_FAILED, "process %d has uids %s and gids %s, the attribute says %s and %s",
			v->init.pid, uids, gids, a->uids, a->gids);
	else
		OUTCOME(ret, CLAIM_PROVEN, "/proc/%d/uid_map and gid_map have uids %s and gids %s", v->init.pid, uids,
			gids);
}

/* Where engines keep the bundle of a container that runs: before its id, and after it. A containerd has a directory for
 * each of its namespaces; Docker with userns-remap makes one for each map. */
static const char *const bundle_places[][2] = {
	{ "/run/containerd/io.containerd.runtime.v2.task/*/", "" },
	{ "/run/docker/containerd/daemon/io.containerd.runtime.v2.task/*/", "" },
	{ "/run/k3s/containerd/io.containerd.runtime.v2.task/*/", "" },
	{ "/run/containers/storage/*-containers/", "/userdata" },
	{ "/var/lib/containers/storage/*-containers/", "/userdata" },
	{ "/run/crun/", "" },
};

/* 1: *oci has config.json; 0: there is none where it was looked for. */
static int read_config(const struct verify *v, struct oci *oci, char *place, size_t size, struct err *err)
{
	static const char simple[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	const char *id = v->attribute->id;

	if (v->args->bundle) {
		(void)snprintf(place, size, "%s", v->args->bundle);
		return oci_read_config(place, 0, oci, err) < 0 ? -err->code : 1;
	}
	/* Nobody's id may lead elsewhere. */
	if (!id[0] || strspn(id, simple) != strlen(id))
		return 0;
	for (size_t i = 0; i < ELEMENTS(bundle_places); i++) {
		char pattern[PATH_MAX];
		glob_t found = { 0 };
		bool there;

		if (snprintf(pattern, sizeof(pattern), "%s%s%s/config.json", bundle_places[i][0], id,
			     bundle_places[i][1]) >= (int)sizeof(pattern))
			return 0;
		there = glob(pattern, GLOB_NOSORT, NULL, &found) == 0 && found.gl_pathc > 0;
		if (there)
			(void)snprintf(place, size, "%.*s", (int)(strlen(found.gl_pathv[0]) - strlen("/config.json")),
				       found.gl_pathv[0]);
		globfree(&found);
		if (there)
			return oci_read_config(place, 0, oci, err) < 0 ? -err->code : 1;
	}
	return 0;
}

/* Does config.json declare this map, in whatever order? */
static bool same_map(yyjson_val *mappings, const char *map)
{
	struct map_extent extent;
	size_t n = 0;

	for (; map_next(&map, &extent); n++) {
		yyjson_arr_iter iter = yyjson_arr_iter_with(mappings);
		bool found = false;
		yyjson_val *item;

		while ((item = yyjson_arr_iter_next(&iter)) != NULL)
			found = found || (yyjson_get_uint(yyjson_obj_get(item, "containerID")) == extent.inside &&
					  yyjson_get_uint(yyjson_obj_get(item, "hostID")) == extent.outside &&
					  yyjson_get_uint(yyjson_obj_get(item, "size")) == extent.count);
		if (!found)
			return false;
	}
	return yyjson_arr_size(mappings) == n;
}

static void compare_config(const struct verify *v, const struct oci *oci, const char *place, struct outcome *ret)
{
	yyjson_val *user = oci_namespace(oci, "user");
	const char *path = yyjson_get_str(yyjson_obj_get(user, "path"));
	struct stat declared, has;

	if (!user) {
		OUTCOME(ret, v->userns ? CLAIM_FAILED : CLAIM_PROVEN,
			"%s/config.json has no user namespace, process %d is in %s", place, v->init.pid,
			v->userns ? "one of its own" : "the host's");
		return;
	}
	if (path && path[0] && stat(path, &declared) == 0 && fstat(v->init.namespaces[NAMESPACE_USER], &has) == 0) {
		const bool same = declared.st_ino == has.st_ino && declared.st_dev == has.st_dev;

		OUTCOME(ret, same ? CLAIM_PROVEN : CLAIM_FAILED,
			"%s/config.json joins the user namespace '%s', which %s that of process %d", place, path,
			same ? "is" : "is not", v->init.pid);
		return;
	}
	if (yyjson_arr_size(oci->uid_mappings) == 0) {
		OUTCOME(ret, CLAIM_UNKNOWN, "%s/config.json joins a user namespace by its path, which is gone", place);
		return;
	}
	if (same_map(oci->uid_mappings, v->uid_map) && same_map(oci->gid_mappings, v->gid_map))
		OUTCOME(ret, CLAIM_PROVEN, "uidMappings and gidMappings of %s/config.json are the maps of process %d",
			place, v->init.pid);
	else
		OUTCOME(ret, CLAIM_FAILED, "uidMappings and gidMappings of %s/config.json are not the maps of process %d",
			place, v->init.pid);
}

void claim_ids_config(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	struct oci oci = OCI_EMPTY;
	char place[PATH_MAX] = "";
	struct err err = { 0 };
	int r;

	(void)limit;
	if (!has_maps(v, ret))
		return;
	r = read_config(v, &oci, place, sizeof(place), &err);
	if (r < 0)
		OUTCOME(ret, CLAIM_UNKNOWN, "%s", err.text);
	else if (r == 0)
		OUTCOME(ret, CLAIM_UNKNOWN,
			"config.json was not found where engines keep it; name the bundle with --bundle");
	else
		compare_config(v, &oci, place, ret);
	oci_done(&oci);
}

void claim_ids_inside(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	(void)limit;
	if (!has_maps(v, ret))
		return;
	if (!v->visit.inside)
		OUTCOME(ret, CLAIM_UNKNOWN, "%s", v->visit.why);
	else if (strcmp(v->visit.uid_map, v->uid_map) != 0)
		OUTCOME(ret, CLAIM_FAILED,
			"the uid_map of a process that went inside is another than that of process %d", v->init.pid);
	else
		OUTCOME(ret, CLAIM_PROVEN,
			"a process that went inside has the id maps of process %d, and the host saw that it was uid %u without other rights",
			v->init.pid, v->root_uid);
}
