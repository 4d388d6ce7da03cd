/* SPDX-License-Identifier: Apache-2.0 */
/* Grant guard - detaching by a process that may no longer query: libbpf's two calls are stood in for. */
#include "bpf/grant_guard.h"

#include <bpf/bpf.h>

#include "tests/unit/check.h"

static int detach_error; /* of every program */
static int n_detached;

int __wrap_bpf_prog_query_opts(int target, enum bpf_attach_type type,
			       struct bpf_prog_query_opts *opts);
int __wrap_bpf_prog_detach2(int program_fd, int target, enum bpf_attach_type type);

int __wrap_bpf_prog_query_opts(int target, enum bpf_attach_type type,
			       struct bpf_prog_query_opts *opts)
{
	(void)target;
	(void)type;
	(void)opts;
	errno = EPERM;
	return -EPERM;
}

int __wrap_bpf_prog_detach2(int program_fd, int target, enum bpf_attach_type type)
{
	(void)program_fd;
	(void)target;
	(void)type;
	n_detached++;
	errno = detach_error;
	return -detach_error;
}

static void test_detach(void **state)
{
	static const struct {
		int error, want, n;
	} cases[] = {
		{ 0, 0, 2 },	      { ENOENT, 0, 2 }, /* it is not there */
		{ E2BIG, 0, 2 },			/* nor can it be: no hook is left for it */
		{ EPERM, -EPERM, 1 }, { EINVAL, -EINVAL, 1 },
	};
	const struct grant_guard guard = GRANT_GUARD_NONE;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct err err = { 0 };

		detach_error = cases[i].error;
		n_detached = 0;
		assert_int_equal(grant_guard_detach(&guard, -EBADF, &err), cases[i].want);
		assert_int_equal(n_detached, cases[i].n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_detach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
