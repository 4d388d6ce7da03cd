/* SPDX-License-Identifier: Apache-2.0 */
/* Guard load - which refusals are this kernel's last word. */
#include "bpf/guard-load.h"

#include <errno.h>

#include "tests/unit/check.h"

TEST(test_lasting)
{
	static const struct {
		int r;
		bool loading, proving;
	} cases[] = {
		{ -ENOTSUP, true, true },
		/* The verifier's. */
		{ -EACCES, true, false },
		{ -EINVAL, true, false },
		{ -E2BIG, true, false },
		{ -ESRCH, true, false },
		/* The canary's: it died, or had no cgroup. */
		{ -EIO, true, false },
		{ -ENOENT, true, false },
		/* Anybody's. */
		{ -ENOMEM, false, false },
		{ -EAGAIN, false, false },
		{ -EMFILE, false, false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		assert_int_equal(guard_refusal_lasts(cases[i].r, false), cases[i].loading);
		assert_int_equal(guard_refusal_lasts(cases[i].r, true), cases[i].proving);
	}
}
