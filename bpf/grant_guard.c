/* SPDX-License-Identifier: Apache-2.0 */
/* Grant guard - attached to a cgroup by descriptor. See grant_guard.h. */
#include "bpf/grant_guard.h"

#include <bpf/bpf.h>
#include <errno.h>
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

/* Is the program attached to this cgroup? 1, 0 or a negative errno. */
static int is_attached(int program_fd, int cgroup_fd, struct err *err)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	uint32_t ids[PROGRAMS_MAX] = { 0 };
	uint32_t flags[PROGRAMS_MAX]; /* the kernel insists on telling */
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ids, .prog_attach_flags = flags,
		    .prog_cnt = PROGRAMS_MAX);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &size) < 0)
		return err_set_errno(err, errno, "cannot ask for the guard program's id");
	if (bpf_prog_query_opts(cgroup_fd, BPF_LSM_CGROUP, &query) < 0)
		return err_set_errno(err, errno, "cannot query the cgroup's guard programs");
	for (uint32_t i = 0; i < query.prog_cnt && i < PROGRAMS_MAX; i++)
		if (ids[i] == info.id)
			return 1;
	return 0;
}

int grant_guard_is_attached(const struct grant_guard *guard, int cgroup_fd, struct err *err)
{
	int r = is_attached(guard->bpf_fd, cgroup_fd, err);

	return r <= 0 ? r : is_attached(guard->file_open_fd, cgroup_fd, err);
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
	struct guard_grant wanted = { .root = id, .flags = flags };
	struct guard_grant found = { 0 };

	if (bpf_map_lookup_elem(guard->grants_fd, &id, &found) < 0)
		return err_set_errno(err, errno, "cannot read the cgroup's entry in guard_grants");
	if (found.root == wanted.root && found.flags == wanted.flags)
		return 0; /* a second run keeps the counters */
	if (bpf_map_update_elem(guard->grants_fd, &id, &wanted, BPF_EXIST) < 0 ||
	    bpf_map_lookup_elem(guard->grants_fd, &id, &found) < 0)
		return err_set_errno(err, errno, "cannot write the cgroup's entry in guard_grants");
	if (found.root != wanted.root || found.flags != wanted.flags)
		return err_set(err, EIO, "guard_grants does not hold what was written to it");
	return 0;
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

static int detach(int program_fd, int cgroup_fd, const char *name, struct err *err)
{
	int r = is_attached(program_fd, cgroup_fd, err);

	if (r > 0 && bpf_prog_detach2(program_fd, cgroup_fd, BPF_LSM_CGROUP) < 0)
		return err_set_errno(err, errno, "cannot detach the guard program %s", name);
	return r < 0 ? r : 0;
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
