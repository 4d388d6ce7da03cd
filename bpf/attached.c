/* SPDX-License-Identifier: Apache-2.0 */
/* Attached - the kernel's programs of a cgroup, by their names. See attached.h. */
#include "bpf/attached.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/grant_guard.h"

#define PROGRAMS_MAX 640 /* the kernel's 64 for a hook, and its ten LSM hooks */

/* A bit for each of the grant guard's programs, and one above them. */
enum { KIND_FOREIGN = 0, KIND_DEVICE = 1 << GUARD_PROGRAMS };

/* A program that has gone in the meantime counts as foreign. */
static int ask_kind(uint32_t id, unsigned char *ret, struct err *err)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	*ret = KIND_FOREIGN;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return err_set_errno(err, errno, "cannot read the BPF program with id %u", id);
	if (info.type == BPF_PROG_TYPE_CGROUP_DEVICE && strcmp(info.name, "device_guard") == 0)
		*ret = KIND_DEVICE;
	for (size_t i = 0; info.type == BPF_PROG_TYPE_LSM && i < GUARD_PROGRAMS; i++)
		if (strcmp(info.name, guard_program_names[i]) == 0)
			*ret = (unsigned char)(1U << i);
	return 0;
}

static int kind_of(struct attached_names *names, uint32_t id, unsigned char *ret, struct err *err)
{
	int r;

	for (size_t i = 0; i < names->n; i++)
		if (names->known[i].id == id) {
			*ret = names->known[i].kind;
			return 0;
		}
	r = ask_kind(id, ret, err);
	/* When there is no more room, the kernel is asked about the program each time. */
	if (r >= 0 && names->n < ATTACHED_NAMES_MAX)
		names->known[names->n++] = (struct attached_name) { .id = id, .kind = *ret };
	return r;
}

static int add_kinds(struct attached_names *names, int cgroup_fd, enum bpf_attach_type type, unsigned *kinds,
		     struct err *err)
{
	const bool lsm = type == BPF_LSM_CGROUP;
	uint32_t ids[PROGRAMS_MAX], flags[PROGRAMS_MAX]; /* which the kernel insists on filling, for LSM programs alone */
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ids, .prog_attach_flags = lsm ? flags : NULL,
		    .prog_cnt = PROGRAMS_MAX);

	if (bpf_prog_query_opts(cgroup_fd, type, &query) < 0)
		return lsm && (errno == EINVAL || errno == EOPNOTSUPP)
			       ? 0
			       : err_set_errno(err, errno, "cannot query the cgroup's %s programs",
					       lsm ? "guard" : "device");
	for (uint32_t i = 0; i < query.prog_cnt && i < PROGRAMS_MAX; i++) {
		unsigned char kind;
		int r = kind_of(names, ids[i], &kind, err);

		if (r < 0)
			return r;
		*kinds |= kind;
	}
	return 0;
}

int guards_attached(struct attached_names *names, int cgroup_fd, struct attached_guards *ret, struct err *err)
{
	unsigned kinds = 0;
	int r;

	*ret = (struct attached_guards) { 0 };
	r = add_kinds(names, cgroup_fd, BPF_CGROUP_DEVICE, &kinds, err);
	if (r >= 0)
		r = add_kinds(names, cgroup_fd, BPF_LSM_CGROUP, &kinds, err);
	if (r < 0)
		return r;
	ret->device = kinds & KIND_DEVICE;
	ret->grant = (kinds & GUARD_ALL_PROGRAMS) == GUARD_ALL_PROGRAMS;
	ret->grant_part = !ret->grant && (kinds & GUARD_ALL_PROGRAMS);
	return 0;
}
