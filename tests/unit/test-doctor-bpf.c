/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's checks of BPF: bpffs, security modules, places for programs, the guards. */
#include <sys/stat.h>

#include "tests/unit/check.h"
#include "tests/unit/doctor-case.h"

#define LSM(text)	  "sys/kernel/security/lsm = " text "\n"
#define NEEDS		  "etc/cgdeleg/policy.ini = [defaults]\\nguard = require\n"
#define BARE		  "etc/cgdeleg/policy.ini = [defaults]\\nrequire_userns = false\n"
#define LOCKDOWN(t)	  "sys/kernel/security/lockdown = " t "\n"
#define GUARDS(words)	  "sys/fs/bpf/guards = " words "\n"
#define HOOKS(where, ids) "sys/fs/cgroup/" where "lsm.hooks = " ids "\n"

static void open_to_all(const struct tree *tree)
{
	assert_int_equal(fchmodat(tree->fd, "sys/fs/bpf", 01777, 0), 0);
}

static const struct doctor_case cases[] = {
	{ "bpf.fs", "", DOCTOR_OK, "only root may write it", NULL, true, 0, NULL },
	{ "bpf.fs", "", DOCTOR_WARN, "the mode 1777", "chmod 0700", true, 0, open_to_all },
	{ "bpf.fs", "proc/1/mountinfo = 22 21 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", DOCTOR_FAIL, "no bpffs",
	  "mount -t bpf", false, 0, NULL },
	{ "bpf.fs", "proc/1/mountinfo = 22 21 0:29 / /sys/fs/bpf rw - tmpfs t rw\\n23 21 0:30 / /b rw - bpf bpf rw\n",
	  DOCTOR_FAIL, "no bpffs", "mount -t bpf", false, 0, NULL },
	{ "bpf.fs", "- proc/1\n", DOCTOR_UNKNOWN, "cannot be read", NULL, false, 0, NULL },

	{ "bpf.lsm", "", DOCTOR_OK, "is one of", NULL, true, 0, NULL },
	{ "bpf.lsm", LSM("lockdown,capability,landlock,yama"), DOCTOR_NOTE, "no grant guard",
	  "lsm=lockdown,landlock,yama,bpf", true, 0, NULL },
	{ "bpf.lsm", LSM("landlock,bpfx,xbpf"), DOCTOR_NOTE, "no grant guard", "lsm=", false, 0, NULL },
	{ "bpf.lsm", NEEDS LSM("landlock"), DOCTOR_FAIL, "no grant guard", "lsm=landlock,bpf", false, 0, NULL },
	{ "bpf.lsm", BARE LSM("landlock"), DOCTOR_FAIL, "no grant guard", "lsm=landlock,bpf", false, 0, NULL },
	{ "bpf.lsm", LSM("yama") "proc/sys/kernel/osrelease = 5.15.0\n", DOCTOR_NOTE, "no grant guard", "6.0 or newer",
	  false, 0, NULL },
	{ "bpf.lsm", "- sys/kernel/security/lsm\n", DOCTOR_UNKNOWN, "cannot be read", NULL, false, 0, NULL },

	{ "bpf.lockdown", "", DOCTOR_OK, "does not concern", NULL, false, 0, NULL },
	{ "bpf.lockdown", LOCKDOWN("none [integrity] confidentiality"), DOCTOR_OK, "does not concern", NULL, false, 0,
	  NULL },
	{ "bpf.lockdown", LOCKDOWN("none integrity [confidentiality]"), DOCTOR_NOTE, "locked down",
	  "lockdown=integrity", false, 0, NULL },
	{ "bpf.lockdown", NEEDS LOCKDOWN("none integrity [confidentiality]"), DOCTOR_FAIL, "locked down",
	  "lockdown=integrity", false, 0, NULL },
	{ "bpf.lockdown", "- sys/kernel/security/lockdown\n", DOCTOR_NOT_APPLICABLE, "no lockdown", NULL, false, 0, NULL },

	{ "bpf.lsm-hooks", "", DOCTOR_OK, "take 0 of", NULL, false, 0, NULL },
	{ "bpf.lsm-hooks", HOOKS("", "1 2 3") HOOKS("system.slice/engine.service/", "3 4 5"), DOCTOR_OK, "take 5 of",
	  NULL, false, 0, NULL },
	{ "bpf.lsm-hooks", HOOKS("", "1 2 3") HOOKS("system.slice/engine.service/", "4 5 6"), DOCTOR_WARN, "take 6 of",
	  "bpftool cgroup tree", false, 0, NULL },
	{ "bpf.lsm-hooks", HOOKS("", "none"), DOCTOR_NOT_APPLICABLE, "no LSM programs", NULL, false, 0, NULL },
	{ "bpf.lsm-hooks", "", DOCTOR_UNKNOWN, "only root", NULL, true, 0, NULL },

	{ "guard.device", "", DOCTOR_OK, "pinned", NULL, false, 0, NULL },
	{ "guard.device", GUARDS("grant"), DOCTOR_NOTE, "not been loaded", "cgdeleg-guard.service", false, 0, NULL },
	{ "guard.device", GUARDS("grant cannot"), DOCTOR_WARN, "has no device programs", "reboot", false, 0, NULL },
	{ "guard.device", GUARDS("fault"), DOCTOR_FAIL, "not root's alone", "remove /sys/fs/bpf/cgdeleg", false, 0, NULL },
	{ "guard.device", "", DOCTOR_UNKNOWN, "only root", NULL, true, 0, NULL },

	{ "guard.grant", "", DOCTOR_OK, "pinned", NULL, false, 0, NULL },
	{ "guard.grant", GUARDS("device untried"), DOCTOR_NOTE, "not been loaded", "cgdeleg-guard.service", false, 0,
	  NULL },
	{ "guard.grant", GUARDS("device"), DOCTOR_NOTE, "does not run BPF LSM", "reboot", false, 0, NULL },
	{ "guard.grant", NEEDS GUARDS("device"), DOCTOR_FAIL, "does not run BPF LSM", "reboot", false, 0, NULL },
	{ "guard.grant", GUARDS("fault"), DOCTOR_FAIL, "not root's alone", "remove", false, 0, NULL },

	{ "guard.canary", "", DOCTOR_OK, "was refused", NULL, false, 0, NULL },
	{ "guard.canary", "", DOCTOR_FAIL, "what was tried", "cgdeleg guard load", false, EIO, NULL },
	{ "guard.canary", "", DOCTOR_UNKNOWN, "may not try", NULL, false, EROFS, NULL },
	{ "guard.canary", GUARDS("device"), DOCTOR_NOT_APPLICABLE, "not loaded", NULL, false, EIO, NULL },
	{ "guard.canary", "", DOCTOR_UNKNOWN, "only root", NULL, true, EIO, NULL },
};

TEST(test_bpf)
{
	doctor_cases(doctor_bpf_checks, cases, ELEMENTS(cases));
}
