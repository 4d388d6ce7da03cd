/* SPDX-License-Identifier: Apache-2.0 */
/* The step that looks at the device programs once more before anything is given. */
#include <fcntl.h>

#include "cgdeleg/grant/step.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

static const struct {
	const char *program; /* when the step is run; 7 it was when the grant was decided. NULL: there was none */
	bool by_systemd;     /* it was asked for limits just before */
	const char *want;
} cases[] = {
	{ NULL, false, NULL }, /* and the policy was content */
	{ "device.programs = multi 7", false, NULL },
	{ "device.programs = multi 8", false, "have changed since" },
	{ "device.programs = multi 8", true, NULL }, /* systemd's own, loaded anew */
	{ "device.programs = replaceable 7", false, "have changed since" },
	{ "device.programs = replaceable 7", true, "have changed since" },
	{ "- device.programs", false, "have changed since" },
	{ "- device.programs", true, "have changed since" },
	{ "device.programs = fault 0", true, "have changed since" },
};

TEST(test_verified_again)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct step step = { .kind = STEP_DEVICE_BPF, .by_systemd = cases[i].by_systemd };
		_cleanup_(target_done) struct target target = { 0 };
		_cleanup_(tree_free) struct tree tree;
		struct apply apply = { .target = &target };
		struct undo undo = { 0 };

		tree_new(&tree, cases[i].program ? cases[i].program : "");
		target_init(&target);
		target.device_fd = target.above_fd = cases[i].program ? fcntl(tree.fd, F_DUPFD_CLOEXEC, 3) : -EBADF;
		target.device_program = 7;
		CHECK(cases[i].program, step_operations[STEP_DEVICE_BPF].run(&apply, &step, &undo, &why), cases[i].want);
	}
}
