/* SPDX-License-Identifier: Apache-2.0 */
/* Gather: every refusal to act on a cgroup, and the facts of one that may be acted on. */
#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/looked-at.h"

#define BOX "sys/fs/cgroup/ci/box"
#define MOUNT(root, options, super) \
	"proc/4711/mountinfo = 22 21 0:29 " root " /bundle/rootfs/sys/fs/cgroup " options " - cgroup2 cgroup " super "\n"
/* The container's cgroup elsewhere: both views of it. */
#define PLACE(path) "proc/4711/cgroup = 0::" path "\n" MOUNT(path, "ro", "rw,nsdelegate")
/* The process was moved below the root of its cgroup namespace. */
#define INSIDE "proc/4711/cgroupns-root = /ci/box\n"
#define CGROUP(path, procs)                                                                            \
	"sys/fs/cgroup" path "/cgroup.procs = " procs "\nsys/fs/cgroup" path "/cgroup.type = domain\n" \
	"sys/fs/cgroup" path "/cgroup.controllers = cpu memory\n"

#define EIGHT "/a/a/a/a/a/a/a/a"

static const struct {
	const char *name, *edits, *want; /* want NULL: gathered */
} cases[] = {
	{ "as runc leaves it", "", NULL },
	{ "no process", "- proc/4711", "cannot open '/proc/4711'" },
	{ "not a directory", "- proc/4711\nproc/4711 = x", "cannot open '/proc/4711'" },
	{ "host's mounts", "proc/4711/ns/mnt -> mnt:[1]",
	  "process 4711 is in the host's mount namespace: it is not a container's init" },
	{ "no ns/mnt", "- proc/4711/ns/mnt", "cannot read '/proc/4711/ns/mnt'" },
	{ "no ns/mnt of ours", "- proc/self/ns/mnt", "cannot read '/proc/self/ns/mnt'" },
	{ "over-long namespace",
	  "proc/4711/ns/user -> user:[2222222222222222222222222222222222222222222222222222222222222222222]",
	  "cannot read '/proc/4711/ns/user'" },
	{ "no uid_map", "- proc/4711/uid_map", "cannot read '/proc/4711/uid_map'" },
	{ "uid_map of words", "proc/4711/uid_map = a b c", "'/proc/4711/uid_map' is not a valid id map" },
	{ "gid_map cut", "proc/4711/gid_map = 0 100000", "'/proc/4711/gid_map' is not a valid id map" },
	{ "gid_map negative", "proc/4711/gid_map = 0 -1 5", "is not a valid id map" },
	{ "empty maps", "proc/4711/uid_map =\nproc/4711/gid_map =", NULL },
	{ "no rootfs", "- bundle/rootfs", "cannot open the root filesystem 'rootfs' of the bundle" },
	{ "no stat", "- proc/4711/stat", "cannot read '/proc/4711/stat'" },
	{ "stat cut", "proc/4711/stat = 4711 (x) S 1 2 3", "'/proc/4711/stat' does not have the expected form" },
	{ "no mountinfo", "- proc/4711/mountinfo", "cannot open '/proc/4711/mountinfo'" },
	{ "mountinfo a link", "proc/4711/m = x\nproc/4711/mountinfo -> m", "cannot open '/proc/4711/mountinfo'" },
	{ "no cgroup mount",
	  "proc/4711/mountinfo = 21 1 8:1 / / rw - ext4 r rw\\n22 21 8:1 /b /bundle/rootfs rw - ext4 r rw",
	  "no cgroup2 mount at '/bundle/rootfs/sys/fs/cgroup'" },
	{ "another mount on it, the root filesystem no mount",
	  "proc/4711/mountinfo = 21 1 8:1 / / rw - ext4 r rw\\n"
	  "24 21 0:40 / /bundle/rootfs/sys/fs/cgroup rw - tmpfs none rw",
	  "what is mounted at '/bundle/rootfs/sys/fs/cgroup' is not cgroup2" },
	{ "after pivot_root",
	  "proc/4711/mountinfo = 22 21 8:1 /b / rw - ext4 r rw\\n"
	  "23 22 0:29 /ci/box /sys/fs/cgroup ro - cgroup2 cgroup rw",
	  "the container's root filesystem is not mounted at '/bundle/rootfs' any more, as in a poststart hook" },
	{ "no cgroup", "- proc/4711/cgroup", "cannot read 'cgroup' of a process in /proc" },
	{ "in no v2 cgroup", "proc/4711/cgroup = 4:cpu:/x", "the process is not in a cgroup v2 hierarchy" },
	{ "hook in no v2 cgroup", "proc/self/cgroup = 4:cpu:/x", NULL }, /* it is asked only where that matters */
	{ "hook in a user namespace", "proc/self/ns/user -> user:[7]", "the hook itself runs in a user namespace" },
	{ "above the root of its namespace", MOUNT("/ci", "ro", "rw"),
	  "shows '/ci', which is not the root of its cgroup namespace" },
	{ "elsewhere than in its cgroup",
	  BOX "/cgroup.procs =", "process 4711 is neither in the container's cgroup nor below it" },
	{ "the root", MOUNT("/", "ro", "rw"), "cgroup mount shows '/', which is not a cgroup of its own" },
	{ "above the hook's root", MOUNT("/../up", "ro", "rw"), "shows '/../up', which is not a cgroup" },
	{ "another's", MOUNT("/system.slice", "ro", "rw"),
	  "process 4711 is not in the cgroup '/system.slice' that the container's mount shows" },
	{ "of the same beginning", MOUNT("/ci/bo", "ro", "rw"), "is not in the cgroup '/ci/bo'" },
	{ "the hook's own", PLACE("/system.slice/engine.service"),
	  "cgroup '/system.slice/engine.service' is the hook's own or one above it" },
	{ "above the hook's own", PLACE("/system.slice"), "'/system.slice' is the hook's own or one above" },
	{ "beside the hook's own", PLACE("/system.slice/engine") CGROUP("/system.slice/engine", "4711"), NULL },
	{ "too deep", PLACE(EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT "/x"),
	  "65 levels below the root, more than 64" },
	{ "deep, and not there", PLACE(EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT), "cannot open the cgroup" },
	{ "gone", "- " BOX, "cannot open the cgroup '/ci/box'" },
	{ "a link", "- " BOX "\nsys/fs/cgroup/other/\n" BOX " -> ../other", "cannot open the cgroup '/ci/box'" },
	{ "threaded", BOX "/cgroup.type = threaded", "is of type 'threaded', only 'domain' is valid" },
	{ "invalid domain", BOX "/cgroup.type = domain invalid", "is of type 'domain invalid'" },
	{ "no type", "- " BOX "/cgroup.type", "cannot read the container's cgroup.type" },
	{ "no procs", "- " BOX "/cgroup.procs", "cannot read the container's cgroup.procs" },
	{ "procs of words", BOX "/cgroup.procs = x", "cannot read the container's cgroup.procs" },
	{ "another process", BOX "/cgroup.procs = 4711\\n5000",
	  "process 5000, which is not the container's, is in its cgroup: every container needs" },
	{ "another process of the host", BOX "/cgroup.procs = 4711\\n5000\nproc/5000/ns/pid -> pid:[1]",
	  "process 5000, which is not" },
	{ "a process out of sight", BOX "/cgroup.procs = 0\\n4711", "process 0, which is not the container's" },
	{ "one of its pid namespace", BOX "/cgroup.procs = 4711\\n5000\nproc/5000/ns/pid -> pid:[2]",
	  "process 5000, which is not the container's" },
	{ "a child",
	  BOX "/other/cgroup.procs =", "the container's cgroup has a child 'other' that is not the container's" },
	{ "a hostile child", BOX "/\033x/", "has a child '\\x1bx' that is not" },
	{ "nested",
	  INSIDE "proc/4711/cgroup = 0::/ci/box/init\n" BOX "/cgroup.procs =\n" BOX "/init/cgroup.procs = 4711", NULL },
	{ "nested twice",
	  INSIDE "proc/4711/cgroup = 0::/ci/box/a/b\n" BOX "/cgroup.procs =\n" BOX "/a/cgroup.procs =\n" BOX
		 "/a/b/cgroup.procs = 4711",
	  NULL },
	{ "nested, another beside",
	  INSIDE "proc/4711/cgroup = 0::/ci/box/init\n" BOX "/init/cgroup.procs = 4711\n" BOX "/other/",
	  "has a child 'other'" },
	{ "nested, another process above",
	  INSIDE "proc/4711/cgroup = 0::/ci/box/init\n" BOX "/cgroup.procs = 5000\n" BOX "/init/cgroup.procs = 4711",
	  "process 5000, which is not" },
	{ "nested, another process there",
	  INSIDE "proc/4711/cgroup = 0::/ci/box/init\n" BOX "/cgroup.procs =\n" BOX "/init/cgroup.procs = 4711\\n5000",
	  "process 5000, which is not" },
	{ "nested, one below",
	  INSIDE "proc/4711/cgroup = 0::/ci/box/init\n" BOX "/cgroup.procs =\n" BOX "/init/cgroup.procs = 4711\n" BOX
		 "/init/x/",
	  "has a child 'x'" },
	{ "nested, gone", INSIDE "proc/4711/cgroup = 0::/ci/box/init\n" BOX "/cgroup.procs =",
	  "cannot open a cgroup below the container's" },
	{ "list with a path", "sys/kernel/cgroup/delegate = ../x", "holds a name with '/': '../x'" },
};

TEST(test_cases)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(cases[i].name, look(cases[i].edits, plain, &l), cases[i].want);
	}
}

/* That is a fact, with whatever else of it that could not be found out. */
TEST(test_shared)
{
	static const char *const edits[] = {
		"proc/4711/ns/cgroup -> cgroup:[1]",
		"proc/4711/ns/cgroup -> cgroup:[1]\n" MOUNT("/", "rw", "rw"),
		"proc/4711/ns/cgroup -> cgroup:[1]\n" BOX "/other/",
	};

	for (size_t i = 0; i < ELEMENTS(edits); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(edits[i], look(edits[i], plain, &l), NULL);
		assert_int_equal(l.facts.cgroupns_private, TRI_NO);
	}
}

/* What must be root's. */
TEST_AS_ROOT(test_owners) /* chown */
{
	static const struct {
		const char *edits, *want;
	} owners[] = {
		{ BOX " : 100000 100000", NULL },
		{ BOX " : 101000 0", NULL },
		{ BOX " : 5 0", "belongs to uid 5, which is neither root nor the container's" },
		{ BOX "/cgroup.procs : 100000 100000", NULL },
		{ BOX "/memory.max : 100000 0", "'memory.max' of the container's cgroup belongs to 100000:0 (mode 0644)" },
		{ BOX "/pids.max : 0 100000", "'pids.max' of the container's cgroup belongs to 0:100000" },
		{ "sys/fs/cgroup/ci : 100000 0", "a cgroup above the container's belongs to uid 100000, root was" },
		{ PLACE("/s/x.scope/container") CGROUP("/s/x.scope/container", "4711")
			  CGROUP("/s/x.scope", "") "sys/fs/cgroup/s/x.scope : 100000 0\n",
		  "a cgroup above the container's belongs to uid 100000" },
	};

	for (size_t i = 0; i < ELEMENTS(owners); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(owners[i].edits, look(owners[i].edits, plain, &l), owners[i].want);
	}
}

TEST(test_facts)
{
	_cleanup_(looked_at_done) struct looked_at l;

	CHECK("gather", look("", plain, &l), NULL);
	check_string("id", l.facts.id, "c1");
	check_string("cgroup", l.facts.cgroup, "/ci/box");
	assert_null(l.facts.controllers);
	CHECK("controllers", gather_controllers(&l.target, &l.facts, &why), NULL);
	check_string("controllers", l.facts.controllers, "cpu memory pids");
	assert_int_equal(unlinkat(l.target.cgroup_fd, "cgroup.controllers", 0), 0);
	CHECK("no controllers", gather_controllers(&l.target, &l.facts, &why),
	      "cannot read the container's cgroup.controllers");
	check_string("unrecognised", l.facts.unrecognised, "");
	assert_int_equal(l.facts.userns, USERNS_PRIVATE);
	assert_int_equal(l.facts.root_uid, 100000);
	assert_int_equal(l.facts.root_gid, 100000);
	assert_int_equal(l.facts.process_uid, 101000);
	assert_int_equal(l.facts.process_gid, 100100);
	assert_int_equal(l.facts.cgroupns_private, TRI_YES);
	assert_string_equal(l.facts.host.options, "rw nsdelegate");
	assert_int_equal(l.facts.capabilities_known, TRI_YES);
	assert_int_equal(l.facts.device_bpf, DEVICE_BPF_MULTI);
	assert_int_equal(l.facts.mount, MOUNT_READONLY);
	assert_false(l.facts.nested || l.facts.granted || l.facts.has_scope);
	assert_non_null(facts_file(&l.facts, "memory.max"));
	assert_null(facts_file(&l.facts, "hugetlb.2MB.max"));
	check_string("owned first", l.facts.delegated[0], "cgroup.procs");
	check_string("owned last", l.facts.delegated[3], "memory.oom.group");
	assert_null(l.facts.delegated[4]);
}

/* A way to other cgroups, in words for the refusal. */
TEST(test_other_cgroups)
{
	static const struct {
		const char *more, *want;
	} mounts[] = {
		{ "", NULL },
		{ "40 21 0:29 / /sys/fs/cgroup rw - cgroup2 c rw", NULL },
		{ "40 21 0:29 / /bundle/rootfs2/m rw - cgroup2 c rw", NULL },
		{ "40 21 0:29 /ci/box /bundle/rootfs/sys/fs/cgroup ro - cgroup2 c rw", NULL },
		{ "40 21 0:29 / /bundle/rootfs/m rw - cgroup2 c rw", "cgroup2 '/' is mounted at '/m'" },
		{ "40 21 0:29 / /bundle/rootfs/m\\033x rw - cgroup2 c rw", "cgroup2 '/' is mounted at '/m\\x1bx'" },
		{ "40 21 0:30 /a /bundle/rootfs/m rw - cgroup c rw\\n41 21 0:31 / /bundle/rootfs/n rw - cgroup c rw",
		  "cgroup '/a' is mounted at '/m', and 1 more" },
	};
	static const char hidden[] =
		"proc/4711/mountinfo = 20 21 0:29 / /bundle/rootfs/sys/fs/cgroup rw - cgroup2 c rw\\n"
		"22 21 0:29 /ci/box /bundle/rootfs/sys/fs/cgroup ro - cgroup2 cgroup rw\n";
	_cleanup_(looked_at_done) struct looked_at under;

	for (size_t i = 0; i < ELEMENTS(mounts); i++) {
		_cleanup_(looked_at_done) struct looked_at l;
		char edits[512];

		(void)snprintf(
			edits, sizeof(edits),
			"proc/4711/mountinfo = 22 21 0:29 /ci/box /bundle/rootfs/sys/fs/cgroup ro - cgroup2 cgroup rw%s%s\n",
			mounts[i].more[0] ? "\\n" : "", mounts[i].more);
		CHECK(edits, look(edits, plain, &l), NULL);
		check_string(edits, l.facts.other_cgroup, mounts[i].want);
	}
	CHECK("hidden", look(hidden, plain, &under), NULL);
	check_string("hidden", under.facts.other_cgroup,
		     "cgroup2 '/' is mounted at '/sys/fs/cgroup', hidden by the container's own");
}

TEST(test_userns)
{
	static const struct {
		const char *edits;
		enum userns_kind userns;
		uint32_t root_uid, root_gid, process_uid, process_gid;
	} maps[] = {
		{ "proc/4711/ns/user -> user:[4026531837]", USERNS_NONE, 100000, 100000, 101000, 100100 },
		{ "proc/4711/uid_map = 0 0 4294967295", USERNS_HOST_IDS, 0, 100000, 1000, 100100 },
		{ "proc/4711/gid_map = 0 0 4294967295", USERNS_HOST_IDS, 100000, 0, 101000, 100 },
		{ "proc/4711/gid_map = 0 100000 99\\n99 0 1", USERNS_HOST_IDS, 100000, 100000, 101000, FACT_ID_UNKNOWN },
		{ "proc/4711/uid_map = 0 1 65536", USERNS_PRIVATE, 1, 100000, 1001, 100100 },
		{ "proc/4711/uid_map = 0 100000 1", USERNS_PRIVATE, 100000, 100000, FACT_ID_UNKNOWN, 100100 },
		{ "proc/4711/uid_map = 1 100000 1000", USERNS_PRIVATE, FACT_ID_UNKNOWN, 100000, 100999, 100100 },
		{ "proc/4711/uid_map = 0 7 1\\n1000 9 1", USERNS_PRIVATE, 7, 100000, 9, 100100 },
		{ "proc/4711/uid_map =", USERNS_PRIVATE, FACT_ID_UNKNOWN, 100000, FACT_ID_UNKNOWN, 100100 },
		{ "proc/4711/uid_map = 0 0 0", USERNS_PRIVATE, FACT_ID_UNKNOWN, 100000, FACT_ID_UNKNOWN, 100100 },
		{ "proc/4711/uid_map = 0 4294967295 1", USERNS_PRIVATE, FACT_ID_UNKNOWN, 100000, FACT_ID_UNKNOWN, 100100 },
	};

	for (size_t i = 0; i < ELEMENTS(maps); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(maps[i].edits, look(maps[i].edits, plain, &l), NULL);
		if (l.facts.userns != maps[i].userns || l.facts.root_uid != maps[i].root_uid ||
		    l.facts.root_gid != maps[i].root_gid || l.facts.process_uid != maps[i].process_uid ||
		    l.facts.process_gid != maps[i].process_gid)
			fail_msg("%s: kind %d, root %u:%u, process %u:%u", maps[i].edits, l.facts.userns,
				 l.facts.root_uid, l.facts.root_gid, l.facts.process_uid, l.facts.process_gid);
	}
}

/* Ours is the scope that crun's systemd driver makes, and nothing that merely looks like it. */
TEST_AS_ROOT(test_scope) /* the scope must be root's */
{
#define SCOPE PLACE("/s/x.scope/container") CGROUP("/s/x.scope/container", "4711")
	static const struct {
		const char *name, *edits;
		bool has_scope;
	} scopes[] = {
		{ "crun", SCOPE CGROUP("/s/x.scope", ""), true },
		{ "a slice with one child",
		  PLACE("/s/x.slice/box") CGROUP("/s/x.slice/box", "4711") CGROUP("/s/x.slice", ""), false },
		{ "two children", SCOPE CGROUP("/s/x.scope", "") "sys/fs/cgroup/s/x.scope/other/\n", false },
		{ "a process in it", SCOPE CGROUP("/s/x.scope", "77"), false },
		{ "the hook in it",
		  SCOPE CGROUP("/s/x.scope", "") CGROUP("/s/x.scope/hook", "5") "proc/self/cgroup = 0::/s/x.scope/hook\n",
		  false },
		{ "runc", PLACE("/s/x.scope") CGROUP("/s/x.scope", "4711"), false },
		{ "directly below the root", PLACE("/x.scope") CGROUP("/x.scope", "4711"), false },
	};

	for (size_t i = 0; i < ELEMENTS(scopes); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(scopes[i].name, look(scopes[i].edits, plain, &l), NULL);
		if (l.facts.has_scope != scopes[i].has_scope || (l.target.scope_fd >= 0) != scopes[i].has_scope)
			fail_msg("%s: has_scope is %d", scopes[i].name, l.facts.has_scope);
	}
}

/* systemd's is the cgroup that its attribute says so of, under the name that its path has. */
TEST_AS_ROOT(test_unit) /* for the attribute */
{
#define BOOTED		"run/systemd/system/\n"
#define DELEGATED(path) "sys/fs/cgroup" path " @delegate 1\n"
#define STARTED(unit)	"run/systemd/units/invocation:" unit " -> 1234\n"
#define RUNC		PLACE("/s.slice/x.scope") CGROUP("/s.slice/x.scope", "4711")
#define CRUN		PLACE("/s.slice/x.scope/container") CGROUP("/s.slice/x.scope/container", "4711")
	static const struct {
		const char *name, *edits, *unit, *want;
	} units[] = {
		{ "runc", BOOTED RUNC DELEGATED("/s.slice/x.scope"), "x.scope", NULL },
		{ "crun", BOOTED CRUN CGROUP("/s.slice/x.scope", "") DELEGATED("/s.slice/x.scope"), "x.scope", NULL },
		{ "a service", BOOTED PLACE("/x.service") CGROUP("/x.service", "4711") DELEGATED("/x.service"),
		  "x.service", NULL },
		{ "a name alone", BOOTED RUNC, NULL, NULL },
		{ "systemd is not here", RUNC DELEGATED("/s.slice/x.scope"), NULL, NULL },
		{ "not delegated", BOOTED RUNC "sys/fs/cgroup/s.slice/x.scope @delegate 0\n", NULL, NULL },
		{ "a unit that is not delegated", BOOTED RUNC STARTED("x.scope"), NULL,
		  "systemd manages the container's cgroup as 'x.scope' and has not delegated it" },
		{ "not a unit's name",
		  BOOTED PLACE("/ci/x.scope") CGROUP("/ci/x.scope", "4711") DELEGATED("/ci/x.scope") STARTED("x.scope"),
		  NULL, NULL },
		{ "below a unit that holds more",
		  BOOTED CRUN CGROUP("/s.slice/x.scope", "") DELEGATED("/s.slice/x.scope") DELEGATED(
			  "/s.slice/x.scope/container") STARTED("x.scope") "sys/fs/cgroup/s.slice/x.scope/other/\n",
		  NULL, NULL },
	};

	for (size_t i = 0; i < ELEMENTS(units); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(units[i].name, look(units[i].edits, plain, &l), units[i].want);
		check_string(units[i].name, l.facts.unit, units[i].unit);
	}
}

TEST(test_devices)
{
	static const struct {
		const char *edits;
		enum device_bpf_state want;
		uint32_t program;
		const char *cgroup;
	} devices[] = {
		{ "", DEVICE_BPF_MULTI, 0, NULL },
		{ "- " BOX "/device.programs", DEVICE_BPF_ABSENT, 0, NULL },
		{ "- " BOX "/device.programs\nsys/fs/cgroup/ci/device.programs = multi 3", DEVICE_BPF_MULTI, 0, NULL },
		{ "- " BOX "/device.programs\nsys/fs/cgroup/device.programs = multi 3", DEVICE_BPF_MULTI, 0, NULL },
		{ BOX "/device.programs = replaceable 9", DEVICE_BPF_REPLACEABLE, 9, "/ci/box" },
		{ "sys/fs/cgroup/ci/device.programs = replaceable 8", DEVICE_BPF_REPLACEABLE, 8, "/ci" },
		{ "sys/fs/cgroup/device.programs = replaceable 7", DEVICE_BPF_REPLACEABLE, 7, "/" },
		{ "sys/fs/cgroup/ci/device.programs = fault", DEVICE_BPF_UNKNOWN, 0, NULL },
	};

	for (size_t i = 0; i < ELEMENTS(devices); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(devices[i].edits, look(devices[i].edits, plain, &l), NULL);
		assert_int_equal(l.facts.device_bpf, devices[i].want);
		assert_int_equal(l.facts.device_program, devices[i].program);
		check_string(devices[i].edits, l.facts.device_cgroup, devices[i].cgroup);
	}
}

#define ATTRIBUTE(id) ATTRIBUTE_OF(id, "mnt:[2]+777")
#define ATTRIBUTE_OF(id, instance)                                                  \
	BOX " @ {\"v\":1,\"id\":\"" id "\",\"instance\":\"" instance                \
	    "\",\"handler\":\"h\",\"profile\":\"\",\"line\":\"\",\"method\":"       \
	    "\"keep\",\"leaf\":\"\",\"since\":1,\"guarded\":false,\"scope\":false," \
	    "\"namespace\":\"\",\"pod\":\"\",\"name\":\"\",\"ceilings\":{}}\n"

/* Once granted to this very container, the children are its own affair; to another, they are not. */
TEST_AS_ROOT(test_granted) /* attributes in the trusted namespace */
{
	static const struct {
		const char *edits, *want;
		bool granted;
	} grants[] = {
		{ ATTRIBUTE("c1"), NULL, true },
		{ ATTRIBUTE("c1") BOX "/made-inside/", NULL, true },
		{ ATTRIBUTE("c1") BOX "/cgroup.procs = 4711\\n5000", NULL, true },
		{ ATTRIBUTE("c2"), NULL, false },
		{ ATTRIBUTE_OF("c1", "mnt:[2]+778"), NULL, false },
		{ ATTRIBUTE_OF("c1", "mnt:[3]+777") BOX "/made-inside/", "has a child 'made-inside'", false },
		{ ATTRIBUTE("c2") BOX "/made-inside/", "has a child 'made-inside'", false },
		{ ATTRIBUTE("c1") "proc/self/cgroup = 4:cpu:/x\n", "is not in a cgroup v2 hierarchy", false },
		{ BOX " @ nonsense", "attribute trusted.cgdeleg:1:1: not valid JSON", false },
	};

	for (size_t i = 0; i < ELEMENTS(grants); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(grants[i].edits, look(grants[i].edits, plain, &l), grants[i].want);
		if (!grants[i].want)
			assert_int_equal(l.facts.granted, grants[i].granted);
	}
}

TEST_AS_ROOT(test_mount_state) /* attributes in the trusted namespace */
{
#define CONFIG(options)                                                                             \
	"{\"root\":{\"path\":\"rootfs\"},\"mounts\":[{\"destination\":\"/sys/fs/cgroup\",\"type\":" \
	"\"cgroup\",\"options\":[" options "]}]," NAMESPACES "}"
	static const struct {
		const char *edits, *config;
		enum mount_state want;
	} mounts[] = {
		{ MOUNT("/ci/box", "ro", "rw"), CONFIG("\"ro\""), MOUNT_READONLY },
		{ MOUNT("/ci/box", "ro", "rw"), CONFIG("\"rw\""), MOUNT_READONLY },
		{ MOUNT("/ci/box", "rw", "rw"), CONFIG("\"ro\""), MOUNT_WILL_BE_RO },
		{ MOUNT("/ci/box", "rw", "rw"), CONFIG("\"rw\""), MOUNT_WRITABLE },
		{ MOUNT("/ci/box", "rw", "rw") ATTRIBUTE("c1"), CONFIG("\"ro\""), MOUNT_WRITABLE },
	};

	for (size_t i = 0; i < ELEMENTS(mounts); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		CHECK(mounts[i].edits, look(mounts[i].edits, mounts[i].config, &l), NULL);
		assert_int_equal(l.facts.mount, mounts[i].want);
		assert_string_equal(l.facts.host.options, "rw");
	}
}
