/* SPDX-License-Identifier: Apache-2.0 */
/* Gather - what config.json says, and what to expect of a container that does not exist yet. See gather.h. */
#include "cgdeleg/grant/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "bpf/cgroup2.h"

void gather_config(const struct oci *oci, struct facts *facts)
{
	facts->id = oci->id;
	facts->annotations = oci->annotations;
	facts->n_annotations = oci->n_annotations;
	facts->capabilities = oci->capabilities;
	facts->capabilities_known = oci->config_doc ? TRI_YES : TRI_UNKNOWN;
	facts->covered_by = oci->covered_by;
	facts->seccomp_bpf = oci->seccomp_bpf;
	facts->root_uid = facts->root_gid = FACT_ID_UNKNOWN;
	facts->process_uid = facts->process_gid = FACT_ID_UNKNOWN;
}

/* The linux.namespaces entry of that type, or NULL. */
static yyjson_val *find_namespace(const struct oci *oci, const char *type)
{
	yyjson_val *item;
	size_t i, n;

	if (!oci->namespaces)
		return NULL;
	yyjson_arr_foreach(oci->namespaces, i, n, item)
	{
		if (yyjson_equals_str(yyjson_obj_get(item, "type"), type))
			return item;
	}
	return NULL;
}

/* Looks `id` up in uidMappings or gidMappings; sets *covers_root when host id 0 is mapped. */
static uint32_t map_id(yyjson_val *mappings, uint32_t id, bool *covers_root)
{
	uint32_t found = FACT_ID_UNKNOWN;
	yyjson_val *item;
	size_t i, n;

	if (!mappings)
		return FACT_ID_UNKNOWN;
	yyjson_arr_foreach(mappings, i, n, item)
	{
		uint64_t inside = yyjson_get_uint(yyjson_obj_get(item, "containerID"));
		uint64_t outside = yyjson_get_uint(yyjson_obj_get(item, "hostID"));
		uint64_t size = yyjson_get_uint(yyjson_obj_get(item, "size"));

		if (outside == 0 && size > 0)
			*covers_root = true;
		if (id >= inside && id - inside < size && outside < FACT_ID_UNKNOWN - (id - inside))
			found = (uint32_t)(outside + (id - inside));
	}
	return found;
}

static void expect_namespaces(const struct oci *oci, struct facts *facts)
{
	yyjson_val *user = find_namespace(oci, "user");
	bool covers_root = false;

	facts->cgroupns_private = find_namespace(oci, "cgroup") ? TRI_YES : TRI_NO;
	if (!user) {
		facts->userns = USERNS_NONE;
		facts->root_uid = facts->root_gid = 0;
		facts->process_uid = oci->process_uid;
		facts->process_gid = oci->process_gid;
		return;
	}
	/* For a namespace that is joined by its path, the maps are not known. */
	if (yyjson_obj_get(user, "path") && yyjson_arr_size(oci->uid_mappings) == 0)
		return;
	facts->root_uid = map_id(oci->uid_mappings, 0, &covers_root);
	facts->root_gid = map_id(oci->gid_mappings, 0, &covers_root);
	facts->process_uid = map_id(oci->uid_mappings, oci->process_uid, &covers_root);
	facts->process_gid = map_id(oci->gid_mappings, oci->process_gid, &covers_root);
	facts->userns = covers_root ? USERNS_HOST_IDS : USERNS_PRIVATE;
}

/* Only the superblock's option is of interest, and every cgroup2 mount of the host shows it. */
static void expect_nsdelegate(const struct host *host, struct facts *facts)
{
	_cleanup_close_ int fd = openat(host->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct cgroup_mount mount;

	if (fd < 0 || file_slurp(fd, MOUNTINFO_MAX, &text, NULL) < 0)
		return;
	for (const char *const *place = cgroup2_places; *place && facts->nsdelegate == TRI_UNKNOWN; place++) {
		char point[64];

		(void)snprintf(point, sizeof(point), "/sys/%s", *place);
		if (mount_parse(text, point, &mount, NULL) == 0)
			facts->nsdelegate = mount.nsdelegate ? TRI_YES : TRI_NO;
	}
}

/*
 * The top cgroup above this process stands for one that a runtime would make: runtimes and systemd enable the
 * controllers that a container needs on the way down to it. What the session of a shell has is not what a container
 * gets.
 */
static int expect_files(const struct host *host, struct target *target, struct facts *facts, struct err *err)
{
	char text[2 * PATH_MAX], own[PATH_MAX];
	ssize_t n;
	int r;

	n = file_read_at(host->proc_fd, "self/cgroup", text, sizeof(text));
	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '/proc/self/cgroup'");
	r = cgroup_parse_path(text, own, sizeof(own), err);
	if (r < 0)
		return r;
	own[own[0] == '/' ? 1 + strcspn(own + 1, "/") : 0] = '\0';
	target->cgroup_fd = file_open_beneath(host->cgroup_fd, own, O_RDONLY | O_DIRECTORY);
	if (target->cgroup_fd < 0 || cgroup_list(target->cgroup_fd, &target->listing) < 0)
		return err_set(err, ENOENT, "cannot list this process's cgroup '%s'", own);
	facts->files = target->listing.files;
	r = cgroup_delegated(host, &target->listing, &target->delegated, err);
	facts->delegated = target->delegated.recognised;
	facts->given = target->delegated.given;
	facts->unrecognised = target->delegated.unrecognised;
	return r;
}

int gather_expected(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		    struct err *err)
{
	gather_config(oci, facts);
	expect_namespaces(oci, facts);
	expect_nsdelegate(host, facts);
	facts->device_bpf = DEVICE_BPF_MULTI;
	if (oci->has_mount)
		facts->mount = oci->mount_readonly ? MOUNT_WILL_BE_RO : MOUNT_WRITABLE;
	(void)gather_expected_mounts(host, oci, target, facts);
	return expect_files(host, target, facts, err);
}
