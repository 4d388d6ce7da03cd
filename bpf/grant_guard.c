/* SPDX-License-Identifier: Apache-2.0 */
/* Grant guard - attached to a cgroup by descriptor. See grant_guard.h. */
#include "bpf/grant_guard.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define PROGRAMS_MAX 640 /* the kernel's 64 for a hook, and its ten hooks */

void grant_guard_done(struct grant_guard *guard)
{
	guard->bpf_fd = close_fd(guard->bpf_fd);
	guard->file_open_fd = close_fd(guard->file_open_fd);
	guard->grants_fd = close_fd(guard->grants_fd);
}

static int cgroup_id(int cgroup_fd, uint64_t *ret, struct err *err)
{
	struct stat st;

	if (fstat(cgroup_fd, &st) < 0)
		return err_set_errno(err, errno, "cannot look at the cgroup to guard");
	*ret = st.st_ino;
	return 0;
}

struct attached {
	uint32_t n;
	uint32_t ids[PROGRAMS_MAX];
};

static int query(int cgroup_fd, struct attached *ret, struct err *err)
{
	uint32_t flags[PROGRAMS_MAX]; /* the kernel insists on telling */
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ret->ids, .prog_attach_flags = flags,
		    .prog_cnt = PROGRAMS_MAX);

	if (bpf_prog_query_opts(cgroup_fd, BPF_LSM_CGROUP, &query) < 0)
		return err_set_errno(err, errno, "cannot query the cgroup's guard programs");
	ret->n = query.prog_cnt < PROGRAMS_MAX ? query.prog_cnt : PROGRAMS_MAX;
	return 0;
}

/* Is the program one of them? 1, 0 or a negative errno. */
static int is_among(int program_fd, const struct attached *attached, struct err *err)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &size) < 0)
		return err_set_errno(err, errno, "cannot ask for the guard program's id");
	for (uint32_t i = 0; i < attached->n; i++)
		if (attached->ids[i] == info.id)
			return 1;
	return 0;
}

static int is_attached(int program_fd, int cgroup_fd, struct err *err)
{
	struct attached attached;
	int r = query(cgroup_fd, &attached, err);

	return r < 0 ? r : is_among(program_fd, &attached, err);
}

int grant_guard_is_attached(const struct grant_guard *guard, int cgroup_fd, struct err *err)
{
	struct attached attached;
	int r = query(cgroup_fd, &attached, err);

	if (r == 0)
		r = is_among(guard->bpf_fd, &attached, err);
	return r <= 0 ? r : is_among(guard->file_open_fd, &attached, err);
}

/* ALLOW_MULTI: nothing below can replace it. No link: the cgroup alone keeps it, and the runtimes' own code that
 * detaches programs stumbles over links. */
static int attach(int program_fd, int cgroup_fd, const char *name, struct err *err)
{
	int r = is_attached(program_fd, cgroup_fd, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (bpf_prog_attach(program_fd, cgroup_fd, BPF_LSM_CGROUP, BPF_F_ALLOW_MULTI) < 0)
		return err_set_errno(err, errno, "cannot attach the guard program %s", name);
	r = is_attached(program_fd, cgroup_fd, err);
	if (r == 0)
		return err_set(err, EIO, "the guard program %s is not there after attaching it",
			       name);
	return r < 0 ? r : 0;
}

static int write_grant(const struct grant_guard *guard, uint64_t id, uint64_t flags,
		       struct err *err)
{
	struct guard_grant found = { 0 };
	struct guard_grant wanted;

	if (bpf_map_lookup_elem(guard->grants_fd, &id, &found) < 0)
		return err_set_errno(err, errno, "cannot read the cgroup's entry in guard_grants");
	if (found.root == id && found.flags == flags)
		return 0;
	wanted = found; /* the counters go on */
	wanted.root = id;
	wanted.flags = flags;
	if (bpf_map_update_elem(guard->grants_fd, &id, &wanted, BPF_EXIST) < 0 ||
	    bpf_map_lookup_elem(guard->grants_fd, &id, &found) < 0)
		return err_set_errno(err, errno, "cannot write the cgroup's entry in guard_grants");
	if (found.root != id || found.flags != flags)
		return err_set(err, EIO, "guard_grants does not hold what was written to it");
	return 0;
}

int grant_guard_write(const struct grant_guard *guard, int cgroup_fd, uint64_t flags,
		      struct err *err)
{
	uint64_t id = 0;
	int r = cgroup_id(cgroup_fd, &id, err);

	return r < 0 ? r : write_grant(guard, id, flags, err);
}

int grant_guard_attach(const struct grant_guard *guard, int cgroup_fd, uint64_t flags,
		       struct err *err)
{
	uint64_t id = 0;
	int r;

	r = cgroup_id(cgroup_fd, &id, err);
	if (r == 0)
		r = attach(guard->bpf_fd, cgroup_fd, "guard_bpf", err);
	if (r == 0)
		r = attach(guard->file_open_fd, cgroup_fd, "guard_file_open", err);
	if (r == 0)
		r = write_grant(guard, id, flags, err);
	return r;
}

/* Does not query: kernels before 6.8 want CAP_NET_ADMIN for that, which an undo may no longer have. Says E2BIG of a
 * hook that no program uses where all of the kernel's ten are taken by others. */
static int detach(int program_fd, int cgroup_fd, const char *name, struct err *err)
{
	if (bpf_prog_detach2(program_fd, cgroup_fd, BPF_LSM_CGROUP) < 0 && errno != ENOENT &&
	    errno != E2BIG)
		return err_set_errno(err, errno, "cannot detach the guard program %s", name);
	return 0;
}

int grant_guard_detach(const struct grant_guard *guard, int cgroup_fd, struct err *err)
{
	int r = detach(guard->file_open_fd, cgroup_fd, "guard_file_open", err);

	return r < 0 ? r : detach(guard->bpf_fd, cgroup_fd, "guard_bpf", err);
}

int grant_guard_read(const struct grant_guard *guard, int cgroup_fd, struct guard_grant *ret,
		     struct err *err)
{
	uint64_t id = 0;
	int r;

	r = cgroup_id(cgroup_fd, &id, err);
	if (r < 0)
		return r;
	if (bpf_map_lookup_elem(guard->grants_fd, &id, ret) < 0)
		return err_set_errno(err, errno, "cannot read the cgroup's entry in guard_grants");
	return 0;
}

/* Beside its constants a program of ours has one map. */
static int open_grants(const uint32_t *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		_cleanup_close_ int fd = bpf_map_get_fd_by_id(ids[i]);
		struct bpf_map_info info = { 0 };
		uint32_t size = sizeof(info);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
		    strcmp(info.name, "guard_grants") == 0)
			return TAKE_FD(fd);
	}
	return -EBADF;
}

/* Takes the descriptor, if the program is one of ours. */
static void sort_program(int *fd, struct grant_guard *ret)
{
	uint32_t maps[8] = { 0 };
	struct bpf_prog_info info = { .nr_map_ids = ELEMENTS(maps),
				      .map_ids = (uint64_t)(uintptr_t)maps };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(*fd, &info, &size) < 0)
		return;
	if (strcmp(info.name, "guard_file_open") == 0 && ret->file_open_fd < 0)
		ret->file_open_fd = TAKE_FD(*fd);
	if (strcmp(info.name, "guard_bpf") == 0 && ret->bpf_fd < 0) {
		ret->bpf_fd = TAKE_FD(*fd);
		ret->grants_fd = open_grants(maps, info.nr_map_ids);
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
			r = err_set_errno(err, errno, "cannot open the guard program with id %u",
					  attached.ids[i]);
		else
			sort_program(&fd, ret);
	}
	if (r == 0 && ret->bpf_fd >= 0 && ret->file_open_fd >= 0 && ret->grants_fd >= 0)
		return 1;
	grant_guard_done(ret);
	return r;
}
