/* SPDX-License-Identifier: Apache-2.0 */
/* Gather: is the cgroup of a container that asks for nothing writable all the same? */
#include "tests/unit/looked-at.h"

#define BOX	   "sys/fs/cgroup/ci/box"
#define POINT	   "/bundle/rootfs/sys/fs/cgroup"
#define SEES(line) "proc/4711/mountinfo = 20 1 8:1 /b /bundle/rootfs rw - ext4 r rw\\n" line "\n"
#define OWN(flag)  "22 20 0:29 /ci/box " POINT " " flag " - cgroup2 cgroup rw,nsdelegate"

#define VOLUME(flag) "24 20 0:29 / /bundle/rootfs/vol " flag " - cgroup2 c rw"
#define BELOW	     "25 20 0:30 / /bundle/rootfs/vol/v1 rw - cgroup c rw"

/* config.json with this mount at /sys/fs/cgroup. */
#define CONFIG(mount)                                                                                               \
	"{\"root\":{\"path\":\"rootfs\"},\"process\":{\"user\":{\"uid\":1000,\"gid\":100}},\"mounts\":[" mount "]," \
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"cgroup\"},{\"type\":\"user\"}]}}"
#define AT(type, options) "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"" type "\",\"options\":[" options "]}"
#define VOLUMES(options)                                                                                              \
	CONFIG(AT("cgroup", "\"ro\"") ",{\"destination\":\"//vol/\",\"type\":\"bind\",\"source\":\"/sys/fs/cgroup\"," \
				      "\"options\":[\"" options "\"]}")

static const char ro[] = CONFIG(AT("cgroup", "\"ro\"")), rw[] = CONFIG(AT("cgroup", "\"rw\"")),
		  bare[] = CONFIG(AT("cgroup2", "")), bound[] = CONFIG(AT("bind", "\"rbind\"")), none[] = CONFIG("");

static int glance(struct looked_at *l)
{
	target_done(&l->target);
	target_init(&l->target);
	l->facts = (struct facts) { .handler = "h" };
	return gather_writable(&l->host, &l->oci, &l->target, &l->facts, &why);
}

static void expect(const char *name, const char *edits, const char *config, enum writable_by want)
{
	_cleanup_(looked_at_done) struct looked_at l;

	(void)look(edits, config, &l);
	CHECK(name, glance(&l), NULL);
	if (l.facts.writable_by != want)
		fail_msg("%s: writable by %s", name, writable_by_name(l.facts.writable_by));
	assert_int_equal(l.facts.cgroupns_private, TRI_YES);
}

/* runc has set the flag by now, crun sets it later where config.json says so. */
TEST(test_mount)
{
	static const struct {
		const char *name, *edits, *config;
		enum writable_by want;
	} table[] = {
		{ "runc", SEES(OWN("ro")), ro, WRITABLE_BY_NONE },
		{ "crun", SEES(OWN("rw")), ro, WRITABLE_BY_NONE },
		{ "read-write", SEES(OWN("rw")), rw, WRITABLE_BY_MOUNT },
		{ "no option", SEES(OWN("rw")), bare, WRITABLE_BY_MOUNT },
		{ "a bind", SEES(OWN("rw")), bound, WRITABLE_BY_MOUNT },
		{ "of no entry of config.json", SEES(OWN("rw")), none, WRITABLE_BY_MOUNT },
		{ "read-write on top", SEES(OWN("ro") "\\n23 22 0:29 / " POINT " rw - cgroup2 c rw"), bound,
		  WRITABLE_BY_MOUNT },
		{ "read-only on top", SEES(OWN("rw") "\\n23 22 0:29 / " POINT " ro - cgroup2 c rw"), bound,
		  WRITABLE_BY_NONE },
		{ "no mount", SEES("23 20 0:5 / /bundle/rootfs/proc rw - proc p rw"), none, WRITABLE_BY_NONE },
		{ "a volume", SEES(OWN("ro") "\\n" VOLUME("rw")), VOLUMES("rbind"), WRITABLE_BY_OTHER },
		{ "a volume, of no entry", SEES(OWN("ro") "\\n" VOLUME("rw")), ro, WRITABLE_BY_OTHER },
		{ "a volume, read-only", SEES(OWN("ro") "\\n" VOLUME("ro")), VOLUMES("ro"), WRITABLE_BY_NONE },
		{ "a volume, read-only later", SEES(OWN("rw") "\\n" VOLUME("rw")), VOLUMES("rbind\",\"ro"),
		  WRITABLE_BY_NONE },
		{ "a volume, and one below", SEES(OWN("ro") "\\n" VOLUME("rw") "\\n" BELOW), VOLUMES("ro"),
		  WRITABLE_BY_OTHER },
		{ "below a volume", SEES(OWN("ro") "\\n" BELOW), VOLUMES("ro"), WRITABLE_BY_OTHER },
		{ "a volume alone", SEES(VOLUME("rw")), none, WRITABLE_BY_OTHER },
		{ "the host's own", SEES(OWN("ro") "\\n25 1 0:29 / /sys/fs/cgroup rw - cgroup2 c rw"), ro,
		  WRITABLE_BY_NONE },
		{ "under its own", SEES("21 20 0:29 / " POINT " rw - cgroup2 c rw\\n" OWN("ro")), ro, WRITABLE_BY_NONE },
		{ "another file system", SEES("23 20 0:5 / " POINT " rw - tmpfs p rw"), none, WRITABLE_BY_NONE },
	};

	for (size_t i = 0; i < ELEMENTS(table); i++)
		expect(table[i].name, table[i].edits, table[i].config, table[i].want);
}

/* Whatever the mount says, or without one. */
TEST_AS_ROOT(test_owner) /* chown */
{
	static const struct {
		const char *edits;
		enum writable_by want;
	} table[] = {
		{ BOX " : 0 0\n", WRITABLE_BY_NONE },
		{ BOX " : 100000 100000\n", WRITABLE_BY_OWNER },
		{ BOX " : 101000 0\n", WRITABLE_BY_OWNER },
		{ BOX " : 5 0\n", WRITABLE_BY_OWNER },
		{ BOX " : 0 5\n", WRITABLE_BY_OWNER },
		{ BOX "/cgroup.procs : 100000 100000\n", WRITABLE_BY_OWNER },
		{ BOX "/cgroup.subtree_control : 100000 100000\n", WRITABLE_BY_OWNER },
		/* Above: the container's, and not a stranger's. */
		{ "sys/fs/cgroup/ci : 100000 0\n", WRITABLE_BY_OWNER },
		{ "sys/fs/cgroup/ci : 5 0\n", WRITABLE_BY_NONE },
	};

	for (size_t i = 0; i < ELEMENTS(table); i++) {
		char edits[512];

		(void)snprintf(edits, sizeof(edits), "%s%s", SEES(OWN("ro")), table[i].edits);
		expect(table[i].edits, edits, ro, table[i].want);
		(void)snprintf(edits, sizeof(edits), "%s%s", SEES("23 20 0:5 / /bundle/rootfs/proc rw - proc p rw"),
			       table[i].edits);
		expect(table[i].edits, edits, none, table[i].want);
	}
}

/* What cannot be told is an error, and never a pass. */
TEST(test_faults)
{
	static const struct {
		const char *edits, *want;
	} table[] = {
		{ "- proc/4711", "cannot open '/proc/4711'" },
		{ "- proc/4711/mountinfo", "cannot open '/proc/4711/mountinfo'" },
		{ "- proc/4711/cgroup", "cannot read" },
		{ "- proc/4711/ns/cgroup", "cannot read '/proc/4711/ns/cgroup'" },
		{ "proc/4711/cgroup = 0::/gone", "cannot open the cgroup of process 4711" },
		{ "- " BOX "/cgroup.procs", "cannot stat 'cgroup.procs' of the container's cgroup" },
		{ "proc/4711/mountinfo = 22 21 8:1 /b / rw - ext4 r rw\\n23 22 0:29 /ci/box /sys/fs/cgroup rw - cgroup2 c rw",
		  "as in a poststart hook" },
	};

	for (size_t i = 0; i < ELEMENTS(table); i++) {
		_cleanup_(looked_at_done) struct looked_at l;

		(void)look(table[i].edits, ro, &l);
		CHECK(table[i].edits, glance(&l), table[i].want);
		assert_int_equal(l.facts.writable_by, WRITABLE_BY_UNKNOWN);
	}
}

/* As a privileged container has it. */
TEST(test_cgroupns)
{
	_cleanup_(looked_at_done) struct looked_at l;

	(void)look("proc/4711/ns/cgroup -> cgroup:[1]\nproc/self/ns/cgroup -> cgroup:[1]", rw, &l);
	CHECK("glance", glance(&l), NULL);
	assert_int_equal(l.facts.cgroupns_private, TRI_NO);
}

/* gather() goes on from there, with the handles that are open. */
TEST(test_then_all)
{
	_cleanup_(looked_at_done) struct looked_at l;
	int pidfd;

	(void)look(SEES(OWN("rw")), rw, &l);
	CHECK("glance", glance(&l), NULL);
	pidfd = l.target.pidfd;
	CHECK("gather", gather(&l.host, &l.oci, &l.target, &l.facts, &why), NULL);
	if (l.facts.place_fault)
		fail_msg("%s", l.facts.place_fault);
	assert_int_equal(l.facts.cgroupns_private, TRI_YES);
	assert_int_equal(l.target.pidfd, pidfd);
	assert_int_equal(l.facts.mount, MOUNT_WRITABLE);
	assert_int_equal(l.facts.writable_by, WRITABLE_BY_MOUNT);
}
