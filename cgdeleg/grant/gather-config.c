/* SPDX-License-Identifier: Apache-2.0 */
/* Gather - what config.json says, and the ids that a container has on the host. See gather.h. */
#include "cgdeleg/grant/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "bpf/cgroup2.h"

void gather_config(const struct oci *oci, struct facts *facts)
{
	facts->id = oci->id;
	facts->annotations = oci->annotations;
	facts->n_annotations = oci->n_annotations;
	facts->capabilities = oci->capabilities;
	facts->ambient = oci->ambient;
	facts->place_fault = oci->place_fault[0] ? oci->place_fault : NULL;
	if (!oci_namespace(oci, "cgroup"))
		facts->cgroupns_private = TRI_NO;
	facts->capabilities_known = oci->config_doc ? TRI_YES : TRI_UNKNOWN;
	facts->covered_by = oci->covered_by;
	facts->seccomp_bpf = oci->seccomp_bpf;
	facts->root_uid = facts->root_gid = FACT_ID_UNKNOWN;
	facts->process_uid = facts->process_gid = FACT_ID_UNKNOWN;
}

void gather_extent(const struct id_extent *extent, struct id_map *map, struct target *target, struct facts *facts)
{
	const size_t used = strlen(target->host_ids);

	for (size_t i = 0; i < 2; i++) {
		const uint64_t at = map->wanted[i] - extent->inside;

		if (map->wanted[i] >= extent->inside && at < extent->count && extent->outside + at < FACT_ID_UNKNOWN)
			map->found[i] = (uint32_t)(extent->outside + at);
	}
	id_ranges_add(map->all, extent->outside, extent->count);
	if (extent->outside != 0 || extent->count == 0)
		return;
	facts->host_ids = target->host_ids;
	(void)snprintf(target->host_ids + used, sizeof(target->host_ids) - used, "%s%s maps host id 0 ('%llu 0 %llu')",
		       used ? ", " : "", map->name, (unsigned long long)extent->inside,
		       (unsigned long long)extent->count);
}

void gather_ids(const struct id_map *uids, const struct id_map *gids, struct facts *facts)
{
	facts->root_uid = uids->found[0];
	facts->process_uid = uids->found[1];
	facts->root_gid = gids->found[0];
	facts->process_gid = gids->found[1];
	if (facts->userns == USERNS_PRIVATE && facts->host_ids)
		facts->userns = USERNS_HOST_IDS;
}
