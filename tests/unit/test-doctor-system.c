/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's checks of systemd and security modules, and of what cgdeleg has on the node. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cgdeleg/node/watch-sign.h"
#include "tests/unit/check.h"
#include "tests/unit/doctor-case.h"

#define OOMD	     "sys/fs/cgroup/system.slice/systemd-oomd.service/cgroup.procs = 77\n"
#define SELINUX(e)   "sys/fs/selinux/enforce = " e "\n"
#define BOOLEAN(b)   "sys/fs/selinux/booleans/container_manage_cgroup = " b "\n"
#define APPARMOR(on) "sys/module/apparmor/parameters/enabled = " on "\n"
#define PROFILES(l)  "sys/kernel/security/apparmor/profiles = " l "\n"
#define STATUS(n)    "proc/self/status = Name:\\tcgdeleg\\nSeccomp:\\t" n "\\nSeccomp_filters:\\t1\n"

static const struct doctor_case system_cases[] = {
	{ "systemd.manager", "", DOCTOR_OK, "systemd 257 is process 1", NULL, true, 0, NULL },
	{ "systemd.manager", "- run/systemd\n", DOCTOR_WARN, "neither /run/systemd/private", "daemon-reexec", false, 0,
	  NULL },
	{ "systemd.manager", "- run/systemd\nrun/dbus/system_bus_socket =\n", DOCTOR_OK, "can be spoken to", NULL,
	  false, 0, NULL },
	{ "systemd.manager", "proc/1/comm = openrc-init\n", DOCTOR_NOT_APPLICABLE, "not systemd", NULL, false, 0, NULL },

	{ "systemd.oomd", "", DOCTOR_NOT_APPLICABLE, "does not run", NULL, true, 0, NULL },
	{ "systemd.oomd", OOMD, DOCTOR_OK, "keeps its attributes", NULL, false, 0, NULL },
	{ "systemd.oomd", OOMD "sys/fs/bpf/guards = device\n", DOCTOR_NOTE, "have itself spared", "guard.grant", false,
	  0, NULL },
	{ "systemd.oomd", OOMD, DOCTOR_UNKNOWN, "only root", NULL, true, 0, NULL },

	{ "security.selinux", "", DOCTOR_NOT_APPLICABLE, "not in use", NULL, true, 0, NULL },
	{ "security.selinux", SELINUX("1") BOOLEAN("1 1"), DOCTOR_OK, "lets containers write", NULL, true, 0, NULL },
	{ "security.selinux", SELINUX("1") BOOLEAN("0 0"), DOCTOR_WARN, "refuses labelled containers", "setsebool -P",
	  true, 0, NULL },
	{ "security.selinux", SELINUX("0") BOOLEAN("0 0"), DOCTOR_NOTE, "is permissive", "setsebool -P", false, 0, NULL },
	{ "security.selinux", SELINUX("1"), DOCTOR_NOTE, "no boolean", "container-selinux", false, 0, NULL },

	{ "security.apparmor", "", DOCTOR_NOT_APPLICABLE, "not in use", NULL, true, 0, NULL },
	{ "security.apparmor", APPARMOR("N"), DOCTOR_NOT_APPLICABLE, "not in use", NULL, true, 0, NULL },
	{ "security.apparmor", APPARMOR("Y"), DOCTOR_UNKNOWN, "cannot be read", NULL, true, 0, NULL },
	{ "security.apparmor", APPARMOR("Y") PROFILES("docker-default (enforce)\\nruncible (enforce)\\ncrun (unconfined)"),
	  DOCTOR_OK, "confines no runtime", NULL, false, 0, NULL },
	{ "security.apparmor", APPARMOR("Y") PROFILES("docker-default (enforce)\\nrunc (enforce)"), DOCTOR_WARN,
	  "profile runc", "aa-complain runc", false, 0, NULL },

	{ "security.seccomp", "", DOCTOR_OK, "under none", NULL, true, 0, NULL },
	{ "security.seccomp", STATUS("2"), DOCTOR_NOTE, "is under a seccomp filter", "outside of containers", false, 0,
	  NULL },
	{ "security.seccomp", "- proc/sys/kernel/seccomp\n", DOCTOR_WARN, "no seccomp filters", "boot", false, 0, NULL },
	{ "security.seccomp", "- proc/self\n", DOCTOR_UNKNOWN, "cannot be read", NULL, false, 0, NULL },
};

TEST(test_system)
{
	doctor_cases(doctor_system_checks, system_cases, ELEMENTS(system_cases));
}

static void open_run(const struct tree *tree)
{
	assert_int_equal(fchmodat(tree->fd, "run/cgdeleg", 0777, 0), 0);
}

static void open_audit(const struct tree *tree)
{
	assert_int_equal(fchmodat(tree->fd, "var/log/cgdeleg/audit.jsonl", 0666, 0), 0);
}

static void large_audit(const struct tree *tree)
{
	_cleanup_close_ int fd = openat(tree->fd, "var/log/cgdeleg/audit.jsonl", O_WRONLY | O_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)2 << 30), 0);
}

static void helpers(const struct tree *tree)
{
	assert_int_equal(fchmodat(tree->fd, "usr/libexec/cgdeleg/cgdeleg-guard", 0755, 0), 0);
	assert_int_equal(fchmodat(tree->fd, "usr/libexec/cgdeleg/cgdeleg-unit", 0755, 0), 0);
}

static void helper_of_all(const struct tree *tree)
{
	helpers(tree);
	assert_int_equal(fchmodat(tree->fd, "usr/libexec/cgdeleg/cgdeleg-unit", 0777, 0), 0);
}

/* A watch that made its last sweep so long ago. Its lock lives as long as this descriptor. */
static int sign_fd = -EBADF;

static void sign(const struct tree *tree, int64_t seconds_ago, uint64_t verified)
{
	const struct watch_sign written = { .swept_ms = clock_monotonic_ms() - seconds_ago * 1000,
					    .interval_seconds = 10,
					    .verified_seconds = verified,
					    .grants = 5 };
	struct host host;

	sign_fd = close_fd(sign_fd);
	tree_host(tree, &host);
	sign_fd = watch_sign_open(&host, format("%s/run/cgdeleg", tree->root), NULL);
	assert_true(sign_fd >= 0);
	assert_int_equal(watch_sign_write(sign_fd, &written), 0);
	host_done(&host);
}

static void watch_lives(const struct tree *tree)
{
	sign(tree, 4, 14);
}

static void watch_is_late(const struct tree *tree)
{
	sign(tree, 40, 0);
}

static void watch_cannot_verify(const struct tree *tree)
{
	sign(tree, 4, 300);
}

static void watch_has_ended(const struct tree *tree)
{
	sign(tree, 4, 0);
	sign_fd = close_fd(sign_fd);
}

#define HELPERS "usr/libexec/cgdeleg/cgdeleg-guard =\nusr/libexec/cgdeleg/cgdeleg-unit =\n"

static const struct doctor_case state_cases[] = {
	{ "cgdeleg.policy", "", DOCTOR_OK, "is valid", NULL, false, 0, NULL },
	{ "cgdeleg.policy", "- etc/cgdeleg\n", DOCTOR_NOTE, "no policy in /etc/cgdeleg", "default.ini", true, 0, NULL },
	{ "cgdeleg.policy", "etc/cgdeleg/policy.ini = [defaults]\\nguard = maybe\\nx = y\n", DOCTOR_FAIL,
	  "has 2 faults", "cgdeleg check", false, 0, NULL },

	{ "cgdeleg.audit", "", DOCTOR_OK, "can be written", NULL, true, 0, NULL },
	{ "cgdeleg.audit", "- var/log/cgdeleg\n", DOCTOR_OK, "can be written", NULL, false, 0, NULL },
	{ "cgdeleg.audit", "- var/log\n", DOCTOR_FAIL, "nor does the directory above", "systemd-tmpfiles", false, 0, NULL },
	{ "cgdeleg.audit", "", DOCTOR_FAIL, "mode 0666", "chmod -R go-w", false, 0, open_audit },
	{ "cgdeleg.audit", "", DOCTOR_WARN, "grown to 2048 MiB", "cgdeleg.rotation", false, 0, large_audit },
	{ "cgdeleg.audit", "- var/log/cgdeleg/audit.jsonl\nvar/log/cgdeleg/audit.jsonl -> /dev/null\n", DOCTOR_FAIL,
	  "audit.jsonl", "chown", false, 0, NULL },

	{ "cgdeleg.rotation", "", DOCTOR_OK, "logrotate", NULL, true, 0, NULL },
	{ "cgdeleg.rotation", "- etc/logrotate.d\n", DOCTOR_NOTE, "nothing seems to rotate", "cgdeleg.logrotate", false,
	  0, NULL },
	{ "cgdeleg.rotation", "- etc/logrotate.d\nvar/log/cgdeleg/audit.jsonl.1 =\n", DOCTOR_OK, "has been rotated",
	  NULL, false, 0, NULL },
	{ "cgdeleg.rotation", "- etc/logrotate.d\n- var/log/cgdeleg/audit.jsonl\n", DOCTOR_NOT_APPLICABLE,
	  "no audit record yet", NULL, false, 0, NULL },

	{ "cgdeleg.tmpfiles", "", DOCTOR_OK, "the first audit record", NULL, true, 0, NULL },
	{ "cgdeleg.tmpfiles", "- var/log\n", DOCTOR_WARN, "/var/log is missing", "cgdeleg.tmpfiles.conf", false, 0, NULL },
	{ "cgdeleg.tmpfiles", "- var/log\nusr/lib/tmpfiles.d/cgdeleg.conf =\n", DOCTOR_OK, "at boot", NULL, false, 0,
	  NULL },

	{ "cgdeleg.run", "", DOCTOR_OK, "root's alone", NULL, true, 0, NULL },
	{ "cgdeleg.run", "- run/cgdeleg\n", DOCTOR_OK, "is made by", NULL, true, 0, NULL },
	{ "cgdeleg.run", "", DOCTOR_FAIL, "mode 0777", "chmod 0700", false, 0, open_run },

	{ "cgdeleg.helpers", HELPERS, DOCTOR_OK, "are there", NULL, true, 0, helpers },
	{ "cgdeleg.helpers", HELPERS "- usr/libexec/cgdeleg/cgdeleg-unit\n", DOCTOR_FAIL,
	  "cgdeleg-guard is not executable", "chmod", false, 0, NULL },
	{ "cgdeleg.helpers", "", DOCTOR_FAIL, "cgdeleg-guard is missing", "install", true, 0, NULL },
	{ "cgdeleg.helpers", HELPERS, DOCTOR_FAIL, "mode 0777", "chmod", false, 0, helper_of_all },

	{ "cgdeleg.watch", "", DOCTOR_OK, "made its last sweep 4 s ago, and has 5 grants", NULL, false, 0, watch_lives },
	{ "cgdeleg.watch", "", DOCTOR_WARN, "does not run", "enable --now", false, 0, watch_has_ended },
	{ "cgdeleg.watch", "", DOCTOR_WARN, "40 s ago, and should every 10 s", "restart", false, 0, watch_is_late },
	{ "cgdeleg.watch", "", DOCTOR_WARN, "to hold for 300 s", "cgdeleg list", false, 0, watch_cannot_verify },
	{ "cgdeleg.watch", "", DOCTOR_WARN, "has not run since boot", "enable --now", false, 0, NULL },
	{ "cgdeleg.watch", "- etc/cgdeleg\n", DOCTOR_NOT_APPLICABLE, "no policy that could grant", NULL, false, 0, NULL },
	{ "cgdeleg.watch", "run/cgdeleg/watch = something else\n", DOCTOR_UNKNOWN, "another version", NULL, false, 0,
	  NULL },
	{ "cgdeleg.watch", "", DOCTOR_UNKNOWN, "only root", NULL, true, 0, watch_lives },
};

TEST(test_state)
{
	doctor_cases(doctor_state_checks, state_cases, ELEMENTS(state_cases));
	sign_fd = close_fd(sign_fd);
}

TEST(test_a_second_watch_does_not_sign)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(host_done) struct host host;
	const char *run;
	int other;

	tree_new(&tree, "proc/\nsys/fs/cgroup/\nrun/\n");
	run = format("%s/run", tree.root);
	tree_host(&tree, &host);
	sign_fd = watch_sign_open(&host, run, NULL);
	CHECK("another", watch_sign_open(&host, run, &why), "another watch has");
	sign_fd = close_fd(sign_fd);
	other = watch_sign_open(&host, run, NULL);
	assert_true(other >= 0);
	(void)close_fd(other);
}
