/* SPDX-License-Identifier: Apache-2.0 */
/* Grant guard - attached to a cgroup by descriptor. See grant_guard.h. */
#include "bpf/grant_guard.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define PROGRAMS_MAX 640 /* the kernel's 64 for a hook, and its ten hooks */

const char *const guard_program_names[GUARD_PROGRAMS] = {
	[GUARD_BPF] = "guard_bpf",	     [GUARD_FILE_OPEN] = "guard_file_open", [GUARD_SETATTR] = "guard_setattr",
	[GUARD_SETXATTR] = "guard_setxattr", [GUARD_RMXATTR] = "guard_rmxattr",
};

void grant_guard_done(struct grant_guard *guard)
{
	for (size_t i = 0; i < GUARD_PROGRAMS; i++)
		guard->programs[i] = close_fd(guard->programs[i]);
	guard->grants_fd = close_fd(guard->grants_fd);
}

bool grant_guard_is_whole(const struct grant_guard *guard)
{
	for (size_t i = 0; i < GUARD_PROGRAMS; i++)
		if (guard->programs[i] < 0)
			return false;
	return guard->grants_fd >= 0;
}

int grant_guard_identify(struct grant_guard *guard, struct err *err)
{
	for (size_t i = 0; i < GUARD_PROGRAMS; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(guard->programs[i], &info, &size) < 0)
			return err_set_errno(err, errno, "cannot get the id of %s", guard_program_names[i]);
		if (info.type != BPF_PROG_TYPE_LSM || strcmp(info.name, guard_program_names[i]) != 0)
			return err_set(err, EPERM, "%s is another program", guard_program_names[i]);
		guard->ids[i] = info.id;
	}
	return 0;
}

static int cgroup_id(int cgroup_fd, uint64_t *ret, struct err *err)
{
	struct stat st;

	if (fstat(cgroup_fd, &st) < 0)
		return err_set_errno(err, errno, "cannot stat the cgroup to guard");
	*ret = st.st_ino;
	return 0;
}

struct attached {
	uint32_t n;
	uint32_t ids[PROGRAMS_MAX];
};

static int query(int cgroup_fd, struct attached *ret, struct err *err)
{
	uint32_t flags[PROGRAMS_MAX]; /* the kernel insists on filling it */
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ret->ids, .prog_attach_flags = flags,
		    .prog_cnt = PROGRAMS_MAX);

	if (bpf_prog_query_opts(cgroup_fd, BPF_LSM_CGROUP, &query) < 0)
		return err_set_errno(err, errno, "cannot query the cgroup's guard programs");
	ret->n = query.prog_cnt < PROGRAMS_MAX ? query.prog_cnt : PROGRAMS_MAX;
	return 0;
}

/* A bit for each program that is attached, or a negative errno. */
static int programs_attached(const struct grant_guard *guard, int cgroup_fd, struct err *err)
{
	struct attached attached;
	int found = 0;
	int r = query(cgroup_fd, &attached, err);

	for (size_t i = 0; r >= 0 && i < GUARD_PROGRAMS; i++)
		for (uint32_t j = 0; j < attached.n; j++)
			if (attached.ids[j] == guard->ids[i])
				found |= 1 << i;
	return r < 0 ? r : found;
}

int grant_guard_is_attached(const struct grant_guard *guard, int cgroup_fd, struct err *err)
{
	int r = programs_attached(guard, cgroup_fd, err);

	return r < 0 ? r : r == (int)GUARD_ALL_PROGRAMS;
}

static int fail_attach(size_t program, int error, struct err *err)
{
	/* The kernel also says EINVAL to a second attachment, which is not an error here, and to a wrong argument. */
	return err_set_errno(
		err, error, "cannot attach the guard program %s%s", guard_program_names[program],
		error == EINVAL || error == E2BIG
			? ", perhaps because other programs have taken the last of the kernel's ten hooks ('bpftool cgroup tree' shows them)"
			: "");
}

/*
 * ALLOW_MULTI: nothing below can replace it. No link: only the cgroup keeps it, and the runtimes' code that detaches
 * programs fails on links. The kernel says EINVAL to a second attachment of the same program, so there is no need
 * to query first.
 */
int grant_guard_attach(const struct grant_guard *guard, int cgroup_fd, unsigned *ret_attached, struct err *err)
{
	int refused[GUARD_PROGRAMS] = { 0 };
	int found;

	*ret_attached = 0;
	for (size_t i = 0; i < GUARD_PROGRAMS; i++) {
		if (bpf_prog_attach(guard->programs[i], cgroup_fd, BPF_LSM_CGROUP, BPF_F_ALLOW_MULTI) == 0)
			*ret_attached |= 1U << i;
		else if (errno == EINVAL)
			refused[i] = errno;
		else
			return fail_attach(i, errno, err);
	}
	found = programs_attached(guard, cgroup_fd, err);
	for (size_t i = 0; found >= 0 && i < GUARD_PROGRAMS; i++) {
		if (found & 1 << i)
			continue;
		return refused[i] ? fail_attach(i, refused[i], err)
				  : err_set(err, EIO, "the guard program %s is not on the cgroup after attaching it",
					    guard_program_names[i]);
	}
	return found < 0 ? found : 0;
}

int grant_guard_write(const struct grant_guard *guard, int cgroup_fd, uint64_t flags, struct err *err)
{
	struct guard_grant found = { 0 }, wanted;
	uint64_t id = 0;
	int r = cgroup_id(cgroup_fd, &id, err);

	if (r < 0)
		return r;
	if (bpf_map_lookup_elem(guard->grants_fd, &id, &found) < 0)
		return err_set_errno(err, errno, "cannot read the cgroup's entry in the grant guard's map");
	if (found.root == id && found.flags == flags)
		return 0;
	wanted = found; /* the counters go on */
	wanted.root = id;
	wanted.flags = flags;
	if (bpf_map_update_elem(guard->grants_fd, &id, &wanted, BPF_EXIST) < 0 ||
	    bpf_map_lookup_elem(guard->grants_fd, &id, &found) < 0)
		return err_set_errno(err, errno, "cannot write the cgroup's entry in the grant guard's map");
	if (found.root != id || found.flags != flags)
		return err_set(err, EIO, "the grant guard's map does not read back as written");
	return 0;
}

/* Does not query: before 6.8 the kernel requires CAP_NET_ADMIN for that, which an undo may no longer have. */
int grant_guard_detach(const struct grant_guard *guard, int cgroup_fd, unsigned programs, struct err *err)
{
	for (size_t i = GUARD_PROGRAMS; i-- > 0;)
		if ((programs & 1U << i) && bpf_prog_detach2(guard->programs[i], cgroup_fd, BPF_LSM_CGROUP) < 0 &&
		    errno != ENOENT)
			return err_set_errno(err, errno, "cannot detach the guard program %s", guard_program_names[i]);
	return 0;
}

int grant_guard_read(const struct grant_guard *guard, int cgroup_fd, struct guard_grant *ret, struct err *err)
{
	uint64_t id = 0;
	int r = cgroup_id(cgroup_fd, &id, err);

	if (r < 0)
		return r;
	if (bpf_map_lookup_elem(guard->grants_fd, &id, ret) < 0)
		return err_set_errno(err, errno, "cannot read the cgroup's entry in the grant guard's map");
	return 0;
}

/* Beside its constants a program of cgdeleg has one map. In an older build it has fewer counters. In a newer build it
 * has more, and reading it would write past the end of this build's struct. */
static int open_grants(const uint32_t *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		_cleanup_close_ int fd = bpf_map_get_fd_by_id(ids[i]);
		struct bpf_map_info info = { 0 };
		uint32_t size = sizeof(info);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
		    strcmp(info.name, "guard_grants") == 0 && info.value_size <= sizeof(struct guard_grant))
			return TAKE_FD(fd);
	}
	return -EBADF;
}

/* Takes the descriptor if the program is one of cgdeleg's. */
static void sort_program(int *fd, struct grant_guard *ret)
{
	uint32_t maps[8] = { 0 };
	struct bpf_prog_info info = { .nr_map_ids = ELEMENTS(maps), .map_ids = (uint64_t)(uintptr_t)maps };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(*fd, &info, &size) < 0)
		return;
	for (size_t i = 0; i < GUARD_PROGRAMS; i++) {
		if (strcmp(info.name, guard_program_names[i]) != 0 || ret->programs[i] >= 0)
			continue;
		ret->programs[i] = TAKE_FD(*fd);
		ret->ids[i] = info.id;
		if (ret->grants_fd < 0)
			ret->grants_fd = open_grants(maps, info.nr_map_ids);
		return;
	}
}

int grant_guard_open_attached(int cgroup_fd, struct grant_guard *ret, struct err *err)
{
	struct attached attached;
	int r = query(cgroup_fd, &attached, err);

	*ret = (struct grant_guard)GRANT_GUARD_NONE;
	for (uint32_t i = 0; r == 0 && i < attached.n; i++) {
		_cleanup_close_ int fd = bpf_prog_get_fd_by_id(attached.ids[i]);

		if (fd < 0)
			r = err_set_errno(err, errno, "cannot open the guard program with id %u", attached.ids[i]);
		else
			sort_program(&fd, ret);
	}
	if (r == 0 && ret->grants_fd >= 0)
		return 1;
	grant_guard_done(ret);
	return r;
}
