/* SPDX-License-Identifier: Apache-2.0 */
/* Grant guard - its programs on a cgroup, some of them, or none: libbpf's calls are stood in for. */
#include "bpf/grant_guard.h"

#include <bpf/bpf.h>
#include <stdio.h>

#include "tests/unit/check.h"

#define ALL	GUARD_ALL_PROGRAMS
#define OLDER	(1U << GUARD_BPF | 1U << GUARD_FILE_OPEN)
#define ID(i)	(100 + (uint32_t)(i))
#define FD(i)	(1000 + (int)(i))
#define FOREIGN 7

/* A cgroup, as the kernel knows it. */
static struct {
	unsigned attached;
	unsigned no_hook; /* programs that cannot be attached: EINVAL */
	unsigned lost;	  /* programs that are attached and not there */
	int attach_error, attach_error_at;
	int query_error, detach_error;
	int n_attach, n_query, n_detach;
	__u32 type; /* of the programs */
} cgroup;

int __wrap_bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size);
int __wrap_bpf_prog_attach(int program, int target, enum bpf_attach_type type, unsigned int flags);
int __wrap_bpf_prog_query_opts(int target, enum bpf_attach_type type, struct bpf_prog_query_opts *opts);
int __wrap_bpf_prog_detach2(int program, int target, enum bpf_attach_type type);

static int answer(int error)
{
	errno = error;
	return -error;
}

int __wrap_bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	struct bpf_prog_info *program = info;

	assert_int_equal(*size, sizeof(*program));
	if (fd < FD(0))
		return answer(EBADF);
	program->id = ID(fd - FD(0));
	program->type = cgroup.type;
	(void)snprintf(program->name, sizeof(program->name), "%s", guard_program_names[fd - FD(0)]);
	return 0;
}

int __wrap_bpf_prog_attach(int program, int target, enum bpf_attach_type type, unsigned int flags)
{
	const unsigned bit = 1U << (program - FD(0));

	(void)target;
	assert_int_equal(type, BPF_LSM_CGROUP);
	assert_int_equal(flags, BPF_F_ALLOW_MULTI);
	if (cgroup.attach_error && cgroup.n_attach == cgroup.attach_error_at)
		return answer(cgroup.attach_error);
	cgroup.n_attach++;
	if ((cgroup.attached | cgroup.no_hook) & bit)
		return answer(EINVAL);
	cgroup.attached |= bit & ~cgroup.lost;
	return 0;
}

int __wrap_bpf_prog_query_opts(int target, enum bpf_attach_type type, struct bpf_prog_query_opts *opts)
{
	(void)target;
	(void)type;
	cgroup.n_query++;
	if (cgroup.query_error)
		return answer(cgroup.query_error);
	opts->prog_cnt = 0;
	opts->prog_ids[opts->prog_cnt++] = FOREIGN;
	for (unsigned i = 0; i < GUARD_PROGRAMS; i++)
		if (cgroup.attached & 1U << i)
			opts->prog_ids[opts->prog_cnt++] = ID(i);
	return 0;
}

int __wrap_bpf_prog_detach2(int program, int target, enum bpf_attach_type type)
{
	const unsigned bit = 1U << (program - FD(0));

	(void)target;
	(void)type;
	cgroup.n_detach++;
	if (cgroup.detach_error)
		return answer(cgroup.detach_error);
	if (!(cgroup.attached & bit))
		return answer(ENOENT);
	cgroup.attached &= ~bit;
	return 0;
}

static struct grant_guard a_guard(void)
{
	struct grant_guard guard = GRANT_GUARD_NONE;

	for (unsigned i = 0; i < GUARD_PROGRAMS; i++) {
		assert_int_equal(guard.programs[i], -EBADF);
		guard.programs[i] = FD(i);
		guard.ids[i] = ID(i);
	}
	return guard;
}

TEST(test_attach)
{
	static const struct {
		const char *name;
		unsigned before, no_hook, lost;
		int error, error_at, query_error;
		unsigned attached; /* by the call, it says */
		int n_query;
		const char *want;
	} cases[] = {
		{ "none", 0, 0, 0, 0, 0, 0, ALL, 1, NULL },
		{ "all", ALL, 0, 0, 0, 0, 0, 0, 1, NULL },
		{ "an older build's programs under our ids", OLDER, 0, 0, 0, 0, 0, ALL & ~OLDER, 1, NULL },
		{ "no hook is left", 0, 1U << GUARD_RMXATTR, 0, 0, 0, 0, ALL & ~(1U << GUARD_RMXATTR), 1,
		  "guard_rmxattr, perhaps because other programs have taken the last of" },
		{ "forbidden", 0, 0, 0, EPERM, 2, 0, OLDER, 0,
		  "cannot attach the guard program guard_setattr: Operation not" },
		{ "too many on the cgroup", 0, 0, 0, E2BIG, 0, 0, 0, 0, "the last of the kernel's ten hooks" },
		{ "cannot be read back", 0, 0, 0, 0, 0, EPERM, ALL, 1, "cannot query" },
		{ "not there", 0, 0, 1U << GUARD_SETATTR, 0, 0, 0, ALL, 1,
		  "guard_setattr is not on the cgroup after attaching it" },
	};
	const struct grant_guard guard = a_guard();

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		unsigned attached = 42;

		memset(&cgroup, 0, sizeof(cgroup));
		cgroup.attached = cases[i].before;
		cgroup.no_hook = cases[i].no_hook;
		cgroup.lost = cases[i].lost;
		cgroup.attach_error = cases[i].error;
		cgroup.attach_error_at = cases[i].error_at;
		cgroup.query_error = cases[i].query_error;
		CHECK(cases[i].name, grant_guard_attach(&guard, -EBADF, &attached, &why), cases[i].want);
		assert_int_equal(attached, cases[i].attached);
		assert_int_equal(cgroup.n_query, cases[i].n_query);
	}
}

TEST(test_is_attached)
{
	const struct grant_guard guard = a_guard();

	for (unsigned programs = 0; programs <= ALL; programs++) {
		memset(&cgroup, 0, sizeof(cgroup));
		cgroup.attached = programs;
		assert_int_equal(grant_guard_is_attached(&guard, -EBADF, NULL), programs == ALL);
	}
	cgroup.query_error = EPERM;
	assert_int_equal(grant_guard_is_attached(&guard, -EBADF, NULL), -EPERM);
}

/* By a process that may no longer query. */
TEST(test_detach)
{
	static const struct {
		unsigned before, programs;
		int error, want, n;
		unsigned after;
	} cases[] = {
		{ ALL, ALL, 0, 0, GUARD_PROGRAMS, 0 },
		{ ALL, ALL & ~OLDER, 0, 0, GUARD_PROGRAMS - 2, OLDER },
		{ ALL, 0, 0, 0, 0, ALL },
		{ 0, ALL, 0, 0, GUARD_PROGRAMS, 0 }, /* they are not there */
		{ ALL, ALL, EPERM, -EPERM, 1, ALL },
		{ ALL, ALL, EINVAL, -EINVAL, 1, ALL },
	};
	const struct grant_guard guard = a_guard();

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		memset(&cgroup, 0, sizeof(cgroup));
		cgroup.attached = cases[i].before;
		cgroup.query_error = EPERM;
		cgroup.detach_error = cases[i].error;
		assert_int_equal(grant_guard_detach(&guard, -EBADF, cases[i].programs, &why), cases[i].want);
		assert_int_equal(cgroup.n_detach, cases[i].n);
		assert_int_equal(cgroup.n_query, 0);
		assert_int_equal(cgroup.attached, cases[i].after);
	}
}

TEST(test_identify)
{
	struct grant_guard guard = a_guard();
	struct err err = { 0 };

	memset(guard.ids, 0, sizeof(guard.ids));
	cgroup.type = BPF_PROG_TYPE_LSM;
	assert_int_equal(grant_guard_identify(&guard, &err), 0);
	for (unsigned i = 0; i < GUARD_PROGRAMS; i++)
		assert_int_equal(guard.ids[i], ID(i));
	guard.programs[GUARD_SETXATTR] = -EBADF;
	check_result("not there", grant_guard_identify(&guard, &err), &err, "id of guard_setxattr");
	err = (struct err) { 0 };
	guard = a_guard();
	cgroup.type = BPF_PROG_TYPE_CGROUP_DEVICE;
	check_result("another type", grant_guard_identify(&guard, &err), &err, "guard_bpf is another program");
}
