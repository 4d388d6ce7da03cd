/* SPDX-License-Identifier: Apache-2.0 */
/* The step that looks at the device programs once more before anything is given. */
#include <fcntl.h>

#include "cgdeleg/grant/step.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

static const struct {
	const char *program; /* when the step is run; 7 it was when the grant was decided */
	bool by_systemd;
	const char *want;
} cases[] = {
	{ "device.programs = multi 7", false, NULL },
	{ "device.programs = multi 8", false, "no longer as they were" },
	{ "device.programs = multi 8", true, NULL }, /* systemd's own, loaded anew */
	{ "device.programs = replaceable 7", false, "no longer as they were" },
	{ "device.programs = replaceable 7", true, "no longer as they were" },
	{ "- device.programs", false, "no longer as they were" },
	{ "- device.programs", true, "no longer as they were" },
	{ "device.programs = fault 0", true, "no longer as they were" },
};

static void test_look_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		const struct step step = { .kind = STEP_DEVICE_BPF, .by_systemd = cases[i].by_systemd };
		struct target target;
		struct apply apply = { .target = &target };
		struct undo undo = { 0 };
		struct err err = { 0 };
		struct tree tree;

		tree_new(&tree);
		tree_edit(&tree, cases[i].program);
		target_init(&target);
		target.device_fd = target.above_fd = fcntl(tree.fd, F_DUPFD_CLOEXEC, 3);
		target.device_program = 7;
		check_result(cases[i].program, step_operations[STEP_DEVICE_BPF].run(&apply, &step, &undo, &err), &err,
			     cases[i].want);
		target_done(&target);
		tree_free(&tree);
	}
}

/* No program there, and the policy was content. */
static void test_none(void **state)
{
	const struct step step = { .kind = STEP_DEVICE_BPF };
	struct target target;
	struct apply apply = { .target = &target };
	struct undo undo = { 0 };
	struct err err = { 0 };

	(void)state;
	target_init(&target);
	check_result("none", step_operations[STEP_DEVICE_BPF].run(&apply, &step, &undo, &err), &err, NULL);
	target_done(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look_again),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
