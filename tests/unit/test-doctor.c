/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's frame: ids, sentences, what is said where a check has nothing to say; and the checks of the kernel. */
#include "tests/unit/check.h"
#include "tests/unit/doctor-case.h"

#define RELEASE(text) "proc/sys/kernel/osrelease = " text "\n"

static const struct doctor_case kernel_cases[] = {
	{ "kernel.version", "", DOCTOR_OK, "Linux 6.12.57+deb13-amd64", NULL, false },
	{ "kernel.version", RELEASE("7.2.0"), DOCTOR_OK, "Linux 7.2.0", NULL, true },
	{ "kernel.version", RELEASE("6.0.0"), DOCTOR_OK, "Linux 6.0.0", NULL, false },
	{ "kernel.version", RELEASE("5.19.17"), DOCTOR_NOTE, "no grant guard", "boot Linux 6.0", false },
	{ "kernel.version", RELEASE("5.12.0"), DOCTOR_NOTE, "no grant guard", "boot Linux 6.0", false },
	{ "kernel.version", RELEASE("5.11.22"), DOCTOR_FAIL, "older than 5.12", "boot Linux 5.12", false },
	{ "kernel.version", RELEASE("4.19.0"), DOCTOR_FAIL, "older than 5.12", "boot Linux 5.12", true },
	{ "kernel.version", RELEASE("rolling"), DOCTOR_UNKNOWN, "cannot be read", NULL, false },
	{ "kernel.version", "- proc/sys\n", DOCTOR_UNKNOWN, "cannot be read", NULL, false },
};

TEST(test_kernel)
{
	doctor_cases(doctor_kernel_checks, kernel_cases, ELEMENTS(kernel_cases));
}

/* Two checks of one id would be ignored together. */
TEST(test_ids_are_unique_and_have_an_area)
{
	const struct doctor_check *check, *other;

	for (size_t i = 0; (check = doctor_next(&i));) {
		assert_non_null(strchr(check->id, '.'));
		assert_true(check->why[0] && check->why[strlen(check->why) - 1] != '.');
		for (size_t k = i; (other = doctor_next(&k));)
			if (strcmp(check->id, other->id) == 0)
				fail_msg("two checks are called %s", check->id);
	}
}

static void say_nothing(struct doctor *d)
{
	(void)d;
}

static void say_bytes(struct doctor *d)
{
	doctor_say(d, DOCTOR_WARN, "%s", "a\033[31mb\nc\x80");
	doctor_advise(d, "run `x\ty`");
}

TEST(test_what_is_said_is_printable)
{
	static const struct doctor_check silent = { "a.silent", "why", say_nothing },
					 loud = { "a.loud", "why", say_bytes };
	_cleanup_(doctor_done) struct doctor d = { .root_fd = -EBADF, .host = HOST_CLOSED };

	doctor_run(&d, &silent);
	doctor_run(&d, &loud);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.answers[0].result, DOCTOR_UNKNOWN);
	check_string("silent", d.answers[0].text, "the check came to no result");
	check_string("text", d.answers[1].text, "a?[31mb?c?");
	check_string("remedy", d.answers[1].remedy, "run `x?y`");
	assert_ptr_equal(d.answers[1].check, &loud);
}
