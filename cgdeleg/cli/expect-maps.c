/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expect - the ids that config.json's mappings give. See expect.h.
 *
 * runc reads the name of a member in any case, and ends at a value of another type. crun reads the exact name, and takes
 * 0 for what is not there or has another type: for "hostID" that is the host's root. So what the two read differently is
 * a fault, and so is what the kernel would reject.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "cgdeleg/cli/expect.h"

#define EXTENTS_MAX 340 /* UID_GID_MAP_MAX_EXTENTS of the kernel */

/* The value that Go's decoder keeps: the last one whose name is the same but for its case. null changes nothing. */
static yyjson_val *get_folded(yyjson_val *obj, const char *name, const char **ret_written)
{
	yyjson_val *key, *value, *found = NULL;
	size_t i, n;

	yyjson_obj_foreach(obj, i, n, key, value)
	{
		if (strcasecmp(yyjson_get_str(key), name) != 0 || yyjson_is_null(value))
			continue;
		found = value;
		*ret_written = yyjson_get_str(key);
	}
	return found;
}

/* 0 where the member is not there. */
static uint64_t number_of(yyjson_val *value)
{
	return value ? yyjson_get_uint(value) : 0;
}

static int read_number(yyjson_val *obj, const char *name, const char *where, uint64_t *ret, struct err *err)
{
	const char *written = name;
	yyjson_val *folded = get_folded(obj, name, &written), *exact = yyjson_obj_get(obj, name);

	if (folded && !(yyjson_is_uint(folded) && yyjson_get_uint(folded) <= UINT32_MAX))
		return err_set(
			err, EBADMSG,
			"%s: '%s' is not a whole number from 0 to 4294967295; runc rejects it, and crun may read it as 0",
			where, written);
	if (number_of(folded) != number_of(exact))
		return err_set(err, EBADMSG, OCI_FOLDED, where, written, name, name);
	*ret = number_of(folded);
	return 0;
}

static bool overlap(uint64_t a, uint64_t b, uint64_t a_count, uint64_t b_count)
{
	return a < b + b_count && b < a + a_count;
}

/* What the kernel rejects: map_write() of kernel/user_namespace.c. `before` are those in front of it. */
static int check_extent(const struct id_extent *e, const struct id_extent *before, size_t n, const char *where,
			struct err *err)
{
	if (e->count == 0)
		return err_set(err, EBADMSG, "%s: 'size' is 0 or missing, which the kernel rejects", where);
	if (e->inside + e->count > UINT32_MAX || e->outside + e->count > UINT32_MAX)
		return err_set(err, EBADMSG, "%s: the range goes beyond the largest id, which the kernel rejects", where);
	for (size_t i = 0; i < n; i++)
		if (overlap(e->inside, before[i].inside, e->count, before[i].count) ||
		    overlap(e->outside, before[i].outside, e->count, before[i].count))
			return err_set(err, EBADMSG,
				       "%s: the range overlaps the one at [%zu], which the kernel rejects", where, i);
	return 0;
}

static int read_extent(yyjson_val *item, const char *where, struct id_extent *ret, struct err *err)
{
	int r;

	if (!yyjson_is_obj(item))
		return err_set(err, EBADMSG, "%s: not an object", where);
	r = read_number(item, "containerID", where, &ret->inside, err);
	if (r >= 0)
		r = read_number(item, "hostID", where, &ret->outside, err);
	if (r >= 0)
		r = read_number(item, "size", where, &ret->count, err);
	return r;
}

static int read_map(yyjson_val *mappings, const char *member, struct id_map *map, struct target *target,
		    struct facts *facts, struct err *err)
{
	struct id_extent extents[EXTENTS_MAX] = { 0 };
	yyjson_arr_iter iter = yyjson_arr_iter_with(mappings);
	yyjson_val *item;

	if (yyjson_arr_size(mappings) == 0)
		return err_set(
			err, EBADMSG,
			"config.json: linux: '%s' is empty or missing, although there is a namespace of type 'user'; map a range of host ids that does not contain 0",
			member);
	if (yyjson_arr_size(mappings) > EXTENTS_MAX)
		return err_set(err, EBADMSG, "config.json: linux: '%s' has more than %d ranges, which the kernel rejects",
			       member, EXTENTS_MAX);
	for (size_t i = 0; (item = yyjson_arr_iter_next(&iter)) != NULL; i++) {
		char where[64];
		int r;

		(void)snprintf(where, sizeof(where), "config.json: linux.%s[%zu]", member, i);
		r = read_extent(item, where, &extents[i], err);
		if (r >= 0)
			r = check_extent(&extents[i], extents, i, where, err);
		if (r < 0)
			return r;
		gather_extent(&extents[i], map, target, facts);
	}
	return 0;
}

int expect_maps(const struct oci *oci, struct target *target, struct facts *facts, struct err *err)
{
	struct id_map uids = ID_MAP("uid_map", oci->process_uid, &target->uids);
	struct id_map gids = ID_MAP("gid_map", oci->process_gid, &target->gids);
	yyjson_val *user = oci_namespace(oci, "user");
	int r;

	if (!user) {
		facts->userns = USERNS_NONE;
		facts->root_uid = facts->root_gid = 0;
		facts->process_uid = oci->process_uid;
		facts->process_gid = oci->process_gid;
		id_ranges_add(&target->uids, 0, UINT32_MAX);
		id_ranges_add(&target->gids, 0, UINT32_MAX);
		return 0;
	}
	/* For a namespace that is joined by its path, what is mapped was decided when it was made. */
	if (yyjson_get_len(yyjson_obj_get(user, "path")) > 0)
		return 0;
	facts->userns = USERNS_PRIVATE;
	r = read_map(oci->uid_mappings, "uidMappings", &uids, target, facts, err);
	if (r >= 0)
		r = read_map(oci->gid_mappings, "gidMappings", &gids, target, facts, err);
	if (r < 0)
		return r;
	gather_ids(&uids, &gids, facts);
	return 0;
}
