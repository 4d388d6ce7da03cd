/* SPDX-License-Identifier: Apache-2.0 */
/* Assume - a container on a node in good order. See assume.h. */
#include "cgdeleg/cli/assume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/cli/expect.h"
#include "cgdeleg/kernel/devices.h"

#define ROOTFS "/rootfs"
/* Every option that the policy may want. */
#define NODE_OPTIONS \
	"nsdelegate favordynmods memory_localevents memory_recursiveprot memory_hugetlb_accounting pids_localevents"
#define NODE_OPTIONS_LINE \
	"nsdelegate,favordynmods,memory_localevents,memory_recursiveprot,memory_hugetlb_accounting,pids_localevents"
#define CGROUPS "/sys/fs/cgroup"

/* The files that a controller brings; those with `delegated` are on the kernel's list of delegatable files. */
static const struct {
	const char *controller, *file; /* "": there without a controller */
	bool delegated;
} files[] = {
	{ "", "cgroup.procs", true },
	{ "", "cgroup.threads", true },
	{ "", "cgroup.subtree_control", true },
	{ "", "cgroup.controllers", false },
	{ "", "cgroup.events", false },
	{ "", "cgroup.freeze", false },
	{ "", "cgroup.kill", false },
	{ "", "cgroup.max.depth", false },
	{ "", "cgroup.max.descendants", false },
	{ "", "cgroup.pressure", false },
	{ "", "cgroup.stat", false },
	{ "", "cgroup.type", false },
	{ "cpuset", "cpuset.cpus", false },
	{ "cpuset", "cpuset.mems", false },
	{ "cpu", "cpu.max", false },
	{ "io", "io.max", false },
	{ "memory", "memory.oom.group", true },
	{ "memory", "memory.reclaim", true },
	{ "memory", "memory.max", false },
	{ "memory", "memory.high", false },
	{ "memory", "memory.swap.max", false },
	{ "memory", "memory.swap.high", false },
	{ "memory", "memory.zswap.max", false },
	{ "hugetlb", "hugetlb.2MB.max", false },
	{ "hugetlb", "hugetlb.2MB.rsvd.max", false },
	{ "hugetlb", "hugetlb.1GB.max", false },
	{ "hugetlb", "hugetlb.1GB.rsvd.max", false },
	{ "pids", "pids.max", false },
	{ "rdma", "rdma.max", false },
	{ "misc", "misc.max", false },
	{ "dmem", "dmem.max", false },
};

_Static_assert(ELEMENTS(files) < ASSUME_FILES_MAX, "no room for the files");

/* Where systemd mounts what matters here: 0:1 is the device of the cgroup tree. */
static const struct {
	const char *point, *line; /* what follows the mount point in a line of mountinfo */
	const char *dev;
} host_mounts[] = {
	{ CGROUPS, "ro - cgroup2 none rw," NODE_OPTIONS_LINE, "0:1" },
	{ "/sys/fs/bpf", "rw - bpf none rw,mode=700", "0:2" },
};

static const char *rest_of(const char *path, const char *above)
{
	const size_t len = strcmp(above, "/") == 0 ? 0 : strlen(above);

	return strncmp(path, above, len) == 0 && (path[len] == '/' || path[len] == '\0') ? path + len : NULL;
}

/* A path as mountinfo has it: one slash between two names, and nothing that would end a field. */
static void clean(const char *path, char ret[PATH_MAX])
{
	size_t len = 0;

	for (const char *p = path; *p && len + 6 < PATH_MAX; p++) {
		if (*p == '/' && (p[1] == '/' || p[1] == '\0'))
			continue;
		if (strchr(" \t\n\\", *p))
			len += (size_t)snprintf(ret + len, PATH_MAX - len, "\\%03o", (unsigned)*p);
		else
			ret[len++] = *p;
	}
	ret[len] = '\0';
}

/* What a bind of `source` shows: that mount of the host, or the ones below it. */
static void put_bind(FILE *to, const char *source, const char *point)
{
	char from[PATH_MAX], at[PATH_MAX];

	clean(source, from);
	clean(point, at);
	for (size_t i = 0; i < ELEMENTS(host_mounts); i++) {
		const char *within = rest_of(from, host_mounts[i].point);
		const char *below = rest_of(host_mounts[i].point, from[0] ? from : "/");

		if (within)
			fprintf(to, "1 1 %s %s " ROOTFS "%s %s\n", host_mounts[i].dev, *within ? within : "/", at,
				host_mounts[i].line);
		else if (below)
			fprintf(to, "1 1 %s / " ROOTFS "%s%s %s\n", host_mounts[i].dev, at, below, host_mounts[i].line);
	}
}

static void put_mount(FILE *to, yyjson_val *mount)
{
	const char *type = yyjson_get_str(yyjson_obj_get(mount, "type"));
	const char *source = yyjson_get_str(yyjson_obj_get(mount, "source"));
	const char *point = yyjson_get_str(yyjson_obj_get(mount, "destination"));
	yyjson_val *options = yyjson_obj_get(mount, "options");
	char at[PATH_MAX];

	clean(point, at);
	if ((type && strcmp(type, "bind") == 0) || oci_has_option(options, "bind") || oci_has_option(options, "rbind"))
		put_bind(to, source ? source : "", point);
	else if (type && (strcmp(type, "cgroup") == 0 || strcmp(type, "cgroup2") == 0))
		fprintf(to, "1 1 0:1 /its-own " ROOTFS "%s %s\n", at, host_mounts[0].line);
	else if (type && strcmp(type, "bpf") == 0)
		fprintf(to, "1 1 0:3 / " ROOTFS "%s rw - bpf none rw\n", at);
}

/* Does it lie at /sys/fs/cgroup or above, so that the container's own cgroup is not there? */
static bool is_in_the_way(yyjson_val *mount)
{
	const char *type = yyjson_get_str(yyjson_obj_get(mount, "type"));
	char at[PATH_MAX];

	clean(yyjson_get_str(yyjson_obj_get(mount, "destination")), at);
	return rest_of(CGROUPS, at[0] ? at : "/") && !(type && strncmp(type, "cgroup", strlen("cgroup")) == 0);
}

/* `placed`: without what is in the way, and with a cgroup mount whatever config.json says. */
static int write_mounts(const struct oci *oci, bool placed, char **ret, struct err *err)
{
	size_t len, i, n;
	FILE *to = open_memstream(ret, &len);
	yyjson_val *mount;

	if (!to)
		return err_set(err, ENOMEM, "out of memory");
	if (oci->mounts) {
		yyjson_arr_foreach(oci->mounts, i, n, mount)
		{
			if (!placed || !is_in_the_way(mount))
				put_mount(to, mount);
		}
	}
	if (placed)
		fprintf(to, "1 1 0:1 /its-own " ROOTFS CGROUPS " %s\n", host_mounts[0].line);
	return fclose(to) == 0 ? 0 : err_set(err, ENOMEM, "out of memory");
}

static int assume_mounts(const struct oci *oci, bool placed, struct target *target, struct facts *facts, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int r = write_mounts(oci, placed, &text, err);

	if (r >= 0)
		r = mount_parse(text, ROOTFS CGROUPS, &target->mount, err);
	if (r < 0)
		return r;
	gather_mount(target, facts);
	facts->mount = placed || oci->mount_readonly ? MOUNT_WILL_BE_RO : MOUNT_WRITABLE;
	return 0;
}

void assume_placed(const struct oci *oci, struct target *target, struct facts *facts)
{
	facts->cgroupns_private = TRI_YES;
	facts->place_fault = NULL;
	(void)assume_mounts(oci, true, target, facts, NULL);
}

static void assume_files(struct assumed *assumed, struct facts *facts)
{
	size_t n = 0, n_delegated = 0;

	for (size_t i = 0; i < ELEMENTS(files); i++) {
		if (files[i].controller[0] && !text_has_word(assumed->controllers, files[i].controller))
			continue;
		assumed->files[n++] = files[i].file;
		if (files[i].delegated)
			assumed->delegated[n_delegated++] = files[i].file;
	}
	assumed->files[n] = assumed->delegated[n_delegated] = NULL;
	facts->files = assumed->files;
	facts->delegated = facts->given = assumed->delegated;
	facts->controllers = assumed->controllers;
}

void assume_node(const struct oci *oci, struct assumed *assumed, struct target *target, struct facts *facts)
{
	assume_files(assumed, facts);
	facts->device_bpf = DEVICE_BPF_MULTI;
	facts->grant_guard = facts->device_guard = GUARD_FACT_THERE;
	if (devices_translate(oci->devices, &target->rules, &target->device_err) < 0) {
		facts->device_guard = GUARD_FACT_BROKEN;
		facts->device_guard_why = target->device_err.text;
	}
	facts->shares_ids = TRI_NO;
	facts->grants_known = TRI_YES;
	facts->cgroup_id = 1;
	if (!facts->host.options)
		facts->host = (struct host_mount) { .options = NODE_OPTIONS, .flags = "rw", .point = CGROUPS };
	if (facts->mount == MOUNT_UNKNOWN)
		facts->mount = MOUNT_WILL_BE_RO;
}

/* A kubelet's pods join the user namespace of their sandbox, and config.json has its maps all the same. */
static void assume_joined(const struct oci *oci, struct target *target, struct facts *facts)
{
	struct id_map uids = ID_MAP("uid_map", oci->process_uid, &target->uids);
	struct id_map gids = ID_MAP("gid_map", oci->process_gid, &target->gids);
	const struct {
		yyjson_val *list;
		struct id_map *map;
	} maps[] = { { oci->uid_mappings, &uids }, { oci->gid_mappings, &gids } };

	if (facts->userns != USERNS_UNKNOWN || yyjson_arr_size(oci->uid_mappings) == 0)
		return;
	for (size_t k = 0; k < ELEMENTS(maps); k++)
		for (size_t i = 0; i < yyjson_arr_size(maps[k].list); i++) {
			yyjson_val *item = yyjson_arr_get(maps[k].list, i);
			const struct id_extent extent = { yyjson_get_uint(yyjson_obj_get(item, "containerID")),
							  yyjson_get_uint(yyjson_obj_get(item, "hostID")),
							  yyjson_get_uint(yyjson_obj_get(item, "size")) };

			gather_extent(&extent, maps[k].map, target, facts);
		}
	facts->userns = USERNS_PRIVATE;
	gather_ids(&uids, &gids, facts);
}

int assume_container(const struct oci *oci, struct assumed *assumed, struct target *target, struct facts *facts,
		     struct err *err)
{
	yyjson_val *cgroup = oci_namespace(oci, "cgroup");
	int r;

	gather_config(oci, facts);
	facts->writable_by = oci->mounted_writable == TRI_YES ? WRITABLE_BY_MOUNT : WRITABLE_BY_NONE;
	assume_node(oci, assumed, target, facts);
	r = expect_maps(oci, target, facts, err);
	if (r < 0)
		return r;
	assume_joined(oci, target, facts);
	if (!facts_placed(facts))
		return 0;
	facts->cgroupns_private = yyjson_get_len(yyjson_obj_get(cgroup, "path")) > 0 ? TRI_UNKNOWN : TRI_YES;
	return assume_mounts(oci, false, target, facts, err);
}
