/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's frame: ids, sentences, what is said where a check has nothing to say; and the checks of the kernel. */
#include "tests/unit/check.h"
#include "tests/unit/doctor-case.h"

#define KERNEL(text) "proc/sys/kernel/osrelease = " text "\n"

#define USERNS(text)	"proc/sys/user/max_user_namespaces = " text "\n"
#define INSTANCES(text) "proc/sys/fs/inotify/max_user_instances = " text "\n"

static const struct doctor_case kernel_cases[] = {
	{ "kernel.version", "", DOCTOR_OK, "Linux 6.12.57+deb13-amd64", NULL, false, 0, NULL },
	{ "kernel.version", KERNEL("7.2.0"), DOCTOR_OK, "Linux 7.2.0", NULL, true, 0, NULL },
	{ "kernel.version", KERNEL("6.0.0"), DOCTOR_OK, "Linux 6.0.0", NULL, false, 0, NULL },
	{ "kernel.version", KERNEL("5.19.17"), DOCTOR_NOTE, "no grant guard", "boot Linux 6.0", false, 0, NULL },
	{ "kernel.version", KERNEL("5.12.0"), DOCTOR_NOTE, "no grant guard", "boot Linux 6.0", false, 0, NULL },
	{ "kernel.version", KERNEL("5.11.22"), DOCTOR_FAIL, "older than 5.12", "boot Linux 5.12", false, 0, NULL },
	{ "kernel.version", KERNEL("4.19.0"), DOCTOR_FAIL, "older than 5.12", "boot Linux 5.12", true, 0, NULL },
	{ "kernel.version", KERNEL("rolling"), DOCTOR_UNKNOWN, "cannot be read", NULL, false, 0, NULL },
	{ "kernel.version", "- proc/sys\n", DOCTOR_UNKNOWN, "cannot be read", NULL, false, 0, NULL },
	{ "kernel.userns", "", DOCTOR_OK, "root can make", NULL, false, 0, NULL },
	{ "kernel.userns", "", DOCTOR_OK, "allows 15000", NULL, true, EPERM, NULL },
	{ "kernel.userns", "", DOCTOR_FAIL, "although user.max_user_namespaces is 15000", "security module", false,
	  EPERM, NULL },
	{ "kernel.userns", USERNS("0"), DOCTOR_FAIL, "is 0", "sysctl user.max_user_namespaces=15000", true, 0, NULL },
	{ "kernel.userns", USERNS("none"), DOCTOR_UNKNOWN, "cannot be read", NULL, false, 0, NULL },
	{ "kernel.userns", "- proc/sys/user\n", DOCTOR_FAIL, "no user namespaces", "boot", false, 0, NULL },
	{ "kernel.idmap", "", DOCTOR_OK, "/var/lib/containerd takes", NULL, false, 0, NULL },
	{ "kernel.idmap", "- var/lib/containerd\n", DOCTOR_OK, "/var/lib takes", NULL, false, 0, NULL },
	{ "kernel.idmap", "", DOCTOR_WARN, "/var/lib/containerd takes no mount", "ext4", false, EINVAL, NULL },
	{ "kernel.idmap", "", DOCTOR_UNKNOWN, "cannot be tried", NULL, false, EPERM, NULL },
	{ "kernel.idmap", "", DOCTOR_UNKNOWN, "only root", NULL, true, EINVAL, NULL },
	{ "kernel.idmap", "- var\n", DOCTOR_UNKNOWN, "no /var/lib", NULL, false, 0, NULL },
	{ "kernel.idmap-tmpfs", "", DOCTOR_OK, "/run takes", NULL, false, 0, NULL },
	{ "kernel.idmap-tmpfs", "", DOCTOR_WARN, "/run takes no mount", "6.3", false, EINVAL, NULL },
	{ "kernel.idmap-tmpfs", "- var/lib/kubelet\n", DOCTOR_NOT_APPLICABLE, "no kubelet", NULL, false, EINVAL, NULL },
	{ "kernel.idmap-tmpfs", "", DOCTOR_UNKNOWN, "only root", NULL, true, EINVAL, NULL },
	{ "kernel.inotify", "", DOCTOR_OK, "root uses 1 of 4 inotify instances and 2 of 40 watches", NULL, false, 0, NULL },
	{ "kernel.inotify", "", DOCTOR_UNKNOWN, "only root", NULL, true, 0, NULL },
	{ "kernel.inotify", INSTANCES("1"), DOCTOR_WARN, "1 of 1", "fs.inotify.max_user_instances=4", false, 0, NULL },
	{ "kernel.inotify", "proc/sys/fs/inotify/max_user_watches = 2\n", DOCTOR_WARN, "2 of 2 watches",
	  "fs.inotify.max_user_watches=8", false, 0, NULL },
	{ "kernel.inotify", "proc/sys/fs/inotify/max_user_watches = 3\n", DOCTOR_OK, "2 of 3 watches", NULL, false, 0,
	  NULL },
	{ "kernel.inotify", "", DOCTOR_FAIL, "what was tried", "sysctl", false, EMFILE, NULL },
	{ "kernel.inotify", "- proc/sys/fs\n", DOCTOR_UNKNOWN, "cannot be read", NULL, false, 0, NULL },
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
