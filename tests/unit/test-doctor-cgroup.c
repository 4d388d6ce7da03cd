/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's checks of cgroup2: mounts, options, controllers, ids, device programs. */
#include "tests/unit/check.h"
#include "tests/unit/doctor-case.h"

#define MOUNT(super) \
	"proc/1/mountinfo = 22 21 0:29 / /sys/fs/cgroup rw,nosuid,relatime shared:9 - cgroup2 cgroup2 rw" super "\n"
#define V1(options)                                                                                                 \
	"proc/1/mountinfo = 22 21 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\\n23 21 0:30 / " \
	"/sys/fs/cgroup/a rw - cgroup cgroup rw," options "\n"
#define POLICY(text) "etc/cgdeleg/policy.ini = " text "\n"
#define NESTS \
	POLICY("[profile ci]\\nnest = init\\n[handler ci]\\nengine = containerd\\nprofile = ci\\ncgroup_writable = true")
#define STOOD(words) \
	"run/cgdeleg/host-options = cgdeleg host options 1\\n" words "\\nrw nosuid\n" /* watch-host-file.c */
#define STAT(text) "sys/fs/cgroup/cgroup.stat = " text "\n"

static const struct doctor_case cases[] = {
	{ "cgroup.mount", "", DOCTOR_OK, "no controller is in cgroup v1", NULL, true, 0, NULL },
	{ "cgroup.mount", V1("memory"), DOCTOR_FAIL, "(memory)", "unified_cgroup_hierarchy=1", true, 0, NULL },
	{ "cgroup.mount", V1("xattr,cpu,cpuacct"), DOCTOR_FAIL, "(cpu)", "unified_cgroup_hierarchy=1", false, 0, NULL },
	{ "cgroup.mount", V1("xattr,name=systemd"), DOCTOR_OK, "no controller", NULL, false, 0, NULL },
	{ "cgroup.mount", "- sys/fs/cgroup\n", DOCTOR_FAIL, "no cgroup2 at", "mount cgroup2", false, 0, NULL },
	{ "cgroup.mount", "- proc/1\n", DOCTOR_OK, "cgroup2 is mounted", NULL, false, 0, NULL },

	{ "cgroup.options", "", DOCTOR_OK, "has nsdelegate", NULL, true, 0, NULL },
	{ "cgroup.options", MOUNT(",nsdelegate"), DOCTOR_OK, "has nsdelegate", NULL, false, 0, NULL },
	{ "cgroup.options", MOUNT(",memory_recursiveprot"), DOCTOR_WARN, "lacks the option nsdelegate",
	  "mount -o remount,rw,nosuid,relatime,nsdelegate,memory_recursiveprot /sys/fs/cgroup", false, 0, NULL },
	{ "cgroup.options", STOOD("nsdelegate favordynmods"), DOCTOR_WARN,
	  "has lost since it was booted the option favordynmods", "favordynmods", false, 0, NULL },
	{ "cgroup.options", STOOD("nsdelegate"), DOCTOR_OK, "has nsdelegate", NULL, false, 0, NULL },
	{ "cgroup.options", POLICY("[defaults]\\nhost_options = memory_hugetlb_accounting"), DOCTOR_FAIL,
	  "host_options wants memory_hugetlb_accounting", "mount -o remount", false, 0, NULL },
	{ "cgroup.options", POLICY("[defaults]\\nhost_options = memory_recursiveprot"), DOCTOR_OK, "lacks nothing",
	  NULL, false, 0, NULL },
	{ "cgroup.options", "proc/sys/vm/nr_hugepages = 8\n", DOCTOR_NOTE, "lacks the option memory_hugetlb_accounting",
	  "mount -o remount", false, 0, NULL },
	{ "cgroup.options", "proc/sys/vm/nr_hugepages = 0\n", DOCTOR_OK, "has nsdelegate", NULL, false, 0, NULL },
	{ "cgroup.options", "- proc/1\n", DOCTOR_UNKNOWN, "cannot be read", NULL, false, 0, NULL },
	{ "cgroup.options", "- sys/fs/cgroup\n", DOCTOR_UNKNOWN, "see cgroup.mount", NULL, false, 0, NULL },

	{ "cgroup.favordynmods", NESTS, DOCTOR_NOTE, "favordynmods", "favordynmods,nsdelegate", true, 0, NULL },
	{ "cgroup.favordynmods", NESTS MOUNT(",nsdelegate,favordynmods"), DOCTOR_OK, "has favordynmods", NULL, false, 0,
	  NULL },
	{ "cgroup.favordynmods", "", DOCTOR_NOT_APPLICABLE, "wants a leaf", NULL, false, 0, NULL },
	{ "cgroup.favordynmods", "- etc/cgdeleg\n", DOCTOR_NOT_APPLICABLE, "no valid policy", NULL, false, 0, NULL },
	{ "cgroup.favordynmods", NESTS "sys/kernel/cgroup/features = nsdelegate\n", DOCTOR_NOT_APPLICABLE,
	  "does not have", NULL, false, 0, NULL },

	{ "cgroup.delegate", "", DOCTOR_OK, "5 files", NULL, true, 0, NULL },
	{ "cgroup.delegate", "sys/kernel/cgroup/delegate = cgroup.procs\\ncgroup.threads\n", DOCTOR_FAIL,
	  "does not delegate cgroup.subtree_control", "boot", false, 0, NULL },
	{ "cgroup.delegate",
	  "sys/kernel/cgroup/delegate = cgroup.procs\\ncgroup.threads\\ncgroup.subtree_control\\nnew.file\n",
	  DOCTOR_NOTE, "delegates new.file,", "newer cgdeleg", false, 0, NULL },
	{ "cgroup.delegate", "- sys/kernel/cgroup/delegate\n", DOCTOR_UNKNOWN, "cannot be read", NULL, false, 0, NULL },

	{ "cgroup.controllers", "", DOCTOR_OK, "need: memory", NULL, true, 0, NULL },
	{ "cgroup.controllers", "sys/fs/cgroup/cgroup.controllers = cpu pids\n", DOCTOR_WARN,
	  "does not offer memory, and", "cgroup_enable=memory", false, 0, NULL },
	{ "cgroup.controllers", "- etc/cgdeleg\nsys/fs/cgroup/cgroup.controllers = cpu pids\n", DOCTOR_NOTE,
	  "does not offer memory", "cgroup_enable=memory", false, 0, NULL },
	{ "cgroup.controllers", "- etc/cgdeleg\n", DOCTOR_OK, "cpu memory pids", NULL, false, 0, NULL },
	{ "cgroup.controllers", "sys/fs/cgroup/kubepods.slice/cgroup.subtree_control = cpu pids\n", DOCTOR_WARN,
	  "memory is not enabled below /sys/fs/cgroup/kubepods.slice", "'+memory'", false, 0, NULL },
	{ "cgroup.controllers",
	  "sys/fs/cgroup/kubepods.slice/cgroup.subtree_control =\n- sys/fs/cgroup/kubepods.slice/kubepods-pod1.slice\n",
	  DOCTOR_OK, "memory", NULL, false, 0, NULL },
	{ "cgroup.controllers", "- sys/fs/cgroup/cgroup.controllers\n", DOCTOR_UNKNOWN, "cannot be read", NULL, false,
	  0, NULL },

	{ "cgroup.memory-ids", "", DOCTOR_OK, "at most 42 of 65535", NULL, true, 0, NULL },
	{ "cgroup.memory-ids", STAT("nr_descendants 30000\\nnr_dying_descendants 30000"), DOCTOR_WARN,
	  "60000 of the kernel's 65535 memory cgroup ids are in use, 30000", "memory.reclaim", false, 0, NULL },
	{ "cgroup.memory-ids",
	  STAT("nr_descendants 30000\\nnr_subsys_memory 400\\nnr_dying_descendants 30000\\nnr_dying_subsys_memory 3"),
	  DOCTOR_OK, "at most 403", NULL, false, 0, NULL },
	{ "cgroup.memory-ids", STAT("nr_descendants 52428\\nnr_dying_descendants 0"), DOCTOR_WARN, "52428",
	  "cgdeleg list", false, 0, NULL },
	{ "cgroup.memory-ids", STAT("nr_descendants 52427\\nnr_dying_descendants 0"), DOCTOR_OK, "52427", NULL, false,
	  0, NULL },
	{ "cgroup.memory-ids", "- sys/fs/cgroup/cgroup.stat\n", DOCTOR_UNKNOWN, "cannot be read", NULL, false, 0, NULL },

	{ "cgroup.devices", "", DOCTOR_OK, "2 slices", NULL, false, 0, NULL },
	{ "cgroup.devices", "dev/null = refused\nsys/fs/cgroup/device.programs = multi 9\n", DOCTOR_FAIL,
	  "refuses /dev/null", "detach /sys/fs/cgroup device id 9", false, 0, NULL },
	{ "cgroup.devices", "sys/fs/cgroup/device.programs = multi 9\n", DOCTOR_WARN, "is on the root cgroup", "id 9",
	  false, 0, NULL },
	{ "cgroup.devices", "dev/null = refused\n", DOCTOR_WARN, "no device program on the root", "bpftool cgroup tree",
	  false, 0, NULL },
	{ "cgroup.devices", "dev/zero = refused\n", DOCTOR_WARN, "may not open /dev/zero", "as root", true, 0, NULL },
	{ "cgroup.devices", "", DOCTOR_UNKNOWN, "only root", NULL, true, 0, NULL },
	{ "cgroup.devices", "sys/fs/cgroup/kubepods.slice/device.programs = multi 9\n", DOCTOR_WARN,
	  "is on kubepods.slice", "detach /sys/fs/cgroup/kubepods.slice device id 9", false, 0, NULL },
	{ "cgroup.devices", "sys/fs/cgroup/kubepods.slice/device.programs = multi 7\n", DOCTOR_OK, "but systemd's",
	  NULL, false, 0, NULL },
	{ "cgroup.devices", "sys/fs/cgroup/kubepods.slice/kubepods-a.slice/device.programs = multi 9\n", DOCTOR_WARN,
	  "kubepods.slice/kubepods-a.slice", "detach", false, 0, NULL },
	{ "cgroup.devices", "sys/fs/cgroup/system.slice/engine.service/device.programs = multi 9\n", DOCTOR_OK,
	  "no device program", NULL, false, 0, NULL },
	{ "cgroup.devices", "sys/fs/cgroup/device.programs = fault\n", DOCTOR_UNKNOWN, "cannot query", NULL, false, 0,
	  NULL },

	{ "cgroup.trial", "", DOCTOR_OK, "can be made", NULL, false, 0, NULL },
	{ "cgroup.trial", "", DOCTOR_FAIL, "what was tried", "kernel's log", false, EIO, NULL },
	{ "cgroup.trial", "", DOCTOR_UNKNOWN, "may not make", NULL, false, EROFS, NULL },
	{ "cgroup.trial", "", DOCTOR_UNKNOWN, "only root", NULL, true, EIO, NULL },
};

TEST(test_cgroup)
{
	doctor_cases(doctor_cgroup_checks, cases, ELEMENTS(cases));
}
