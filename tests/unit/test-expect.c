/* SPDX-License-Identifier: Apache-2.0 */
/* Expect: what check takes config.json for, in id maps, mounts and hooks. */
#include <fcntl.h>

#include "cgdeleg/cli/expect.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define MAPS(uids, gids)                                                                                                   \
	"{\"root\":{\"path\":\"rootfs\"},\"process\":{\"user\":{\"uid\":1000,\"gid\":100}},"                               \
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"cgroup\"},{\"type\":\"user\"}],\"uidMappings\":" uids \
	",\"gidMappings\":" gids "}}"
#define EXTENT(inside, outside, size) "{\"containerID\":" #inside ",\"hostID\":" #outside ",\"size\":" #size "}"
#define GOOD			      "[" EXTENT(0, 100000, 65536) "]"
#define BOTH(extent)		      MAPS("[" extent "]", GOOD)
#define ENTRY(member, value)	      BOTH("{\"containerID\":0,\"" member "\":" value ",\"size\":65536}")

struct expected {
	struct tree tree;
	struct host host;
	struct oci oci;
	struct target target;
	struct facts facts;
};

static void expected_new(struct expected *e, const char *edits, const char *config)
{
	*e = (struct expected) { .oci = OCI_EMPTY };
	target_init(&e->target);
	tree_new(&e->tree, tree_container);
	tree_edit(&e->tree, edits);
	tree_host(&e->tree, &e->host);
	CHECK(config, oci_parse_config(config, strlen(config), &e->oci, &why), NULL);
	e->oci.bundle_fd = openat(e->tree.fd, "bundle", O_PATH | O_DIRECTORY | O_CLOEXEC);
	gather_config(&e->oci, &e->facts);
}

static void expected_done(struct expected *e)
{
	target_done(&e->target);
	oci_done(&e->oci);
	host_done(&e->host);
	tree_free(&e->tree);
}

/* Names and types as runc and crun read them, ranges as the kernel takes them. */
TEST(test_maps)
{
	static const struct {
		const char *config, *want; /* NULL: taken */
		enum userns_kind userns;
		uint32_t root_uid, process_uid;
		const char *host_ids;
	} cases[] = {
		{ MAPS(GOOD, GOOD), NULL, USERNS_PRIVATE, 100000, 101000, NULL },
		{ MAPS("[" EXTENT(1000, 1000, 1) "]", GOOD), NULL, USERNS_PRIVATE, FACT_ID_UNKNOWN, 1000, NULL },
		{ MAPS(GOOD, "[" EXTENT(0, 0, 65536) "]"), NULL, USERNS_HOST_IDS, 100000, 101000,
		  "gid_map maps host id 0 ('0 0 65536')" },
		{ MAPS("[" EXTENT(5, 0, 1) "," EXTENT(0, 7, 1) "]", "[" EXTENT(0, 0, 2) "]"), NULL, USERNS_HOST_IDS, 7,
		  FACT_ID_UNKNOWN, "uid_map maps host id 0 ('5 0 1'), gid_map maps host id 0 ('0 0 2')" },
		{ BOTH("{\"hostID\":100000,\"size\":65536}"), NULL, USERNS_PRIVATE, 100000, 101000, NULL },
		{ BOTH("{\"CONTAINERID\":0,\"hostID\":100000,\"size\":65536}"), NULL, USERNS_PRIVATE, 100000, 101000,
		  NULL },
		{ BOTH("{\"containerID\":null,\"hostID\":100000,\"size\":65536}"), NULL, USERNS_PRIVATE, 100000, 101000,
		  NULL },
		{ ENTRY("hostId", "100000"), .want = "config.json: linux.uidMappings[0]: 'hostId' is read as 'hostID' by runc, "
						     "and is not read at all by crun; write 'hostID'" },
		{ ENTRY("hostID", "100000,\"HostID\":200000"), .want = "'HostID' is read as 'hostID' by runc" },
		{ ENTRY("hostID", "\"100000\""),
		  .want = "config.json: linux.uidMappings[0]: 'hostID' is not a whole number" },
		{ ENTRY("hostid", "\"100000\""), .want = "'hostid' is not a whole number" },
		{ ENTRY("hostID", "100000.0"), .want = "'hostID' is not a whole number" },
		{ ENTRY("hostID", "1e5"), .want = "'hostID' is not a whole number" },
		{ ENTRY("hostID", "-1"), .want = "'hostID' is not a whole number" },
		{ ENTRY("hostID", "4294967296"), .want = "'hostID' is not a whole number" },
		{ ENTRY("hostID", "true"), .want = "'hostID' is not a whole number" },
		{ ENTRY("hostID", "[1]"), .want = "'hostID' is not a whole number" },
		{ ENTRY("hostID", "4294901760"), .want = "the range goes beyond the largest id" },
		{ ENTRY("hostID", "4294901759"), NULL, USERNS_PRIVATE, 4294901759, 4294902759, NULL },
		{ BOTH("{\"containerID\":0,\"hostID\":1,\"size\":0}"), .want = "'size' is 0 or missing" },
		{ BOTH("{\"containerID\":0,\"hostID\":1}"), .want = "'size' is 0 or missing" },
		{ BOTH("{\"containerID\":0,\"hostID\":1,\"Size\":1}"), .want = "'Size' is read as 'size' by runc" },
		{ BOTH(EXTENT(0, 100000, 10) "," EXTENT(9, 200000, 10)),
		  .want = "uidMappings[1]: the range overlaps the one at [0]" },
		{ BOTH(EXTENT(0, 100000, 10) "," EXTENT(10, 100009, 10)),
		  .want = "uidMappings[1]: the range overlaps the one at [0]" },
		{ BOTH(EXTENT(0, 100000, 10) "," EXTENT(10, 100010, 9990)), NULL, USERNS_PRIVATE, 100000, 101000, NULL },
		{ BOTH("7"), .want = "config.json: linux.uidMappings[0]: not an object" },
		{ MAPS("[]", GOOD), .want = "config.json: linux: 'uidMappings' is empty or missing" },
		{ MAPS(GOOD, "null"), .want = "config.json: linux: 'gidMappings' is empty or missing" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(expected_done) struct expected e;

		expected_new(&e, "", cases[i].config);
		CHECK(cases[i].config, expect_maps(&e.oci, &e.target, &e.facts, &why), cases[i].want);
		if (cases[i].want)
			continue;
		check_string(cases[i].config, e.facts.host_ids, cases[i].host_ids);
		if (e.facts.userns != cases[i].userns || e.facts.root_uid != cases[i].root_uid ||
		    e.facts.process_uid != cases[i].process_uid)
			fail_msg("%s: kind %d, root %u, process %u", cases[i].config, e.facts.userns, e.facts.root_uid,
				 e.facts.process_uid);
	}
}

#define NAMESPACES  "\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"cgroup\"},{\"type\":\"user\"}]}"
#define MOUNTS(...) "{\"root\":{\"path\":\"rootfs\"},\"mounts\":[" __VA_ARGS__ "]," NAMESPACES "}"
#define OWN	    "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"options\":[\"ro\"]}"
#define BIND(source, point, option) \
	"{\"destination\":\"" point "\",\"type\":\"bind\",\"source\":\"" source "\",\"options\":[\"" option "\"]}"
#define NEW(type, point) "{\"destination\":\"" point "\",\"type\":\"" type "\",\"source\":\"x\"}"
/* The host has cgroups and a bpffs at the usual places, and a cgroup2 under a tmpfs. */
#define HOST                                                                                                              \
	"proc/self/mountinfo = 21 1 8:1 / / rw - ext4 r rw\\n22 21 0:20 / /sys rw - sysfs s rw\\n"                        \
	"23 22 0:21 / /sys/fs/cgroup rw - tmpfs t rw\\n"                                                                  \
	"24 23 0:22 / /sys/fs/cgroup/unified rw - cgroup2 c rw,nsdelegate\\n"                                             \
	"25 23 0:23 / /sys/fs/cgroup/cpu rw - cgroup c rw,cpu\\n"                                                         \
	"26 22 0:24 / /sys/fs/bpf rw - bpf b rw\\n27 21 0:25 / /my\\040dir rw - cgroup2 c rw\\n"                          \
	"28 27 0:26 / /my\\040dir rw - tmpfs t rw\n"                                                                      \
	"my dir/x/\nsys/fs/cgroup/unified/a/memory.max = 1\nsys/fs/cgroup/unified2/\nsys/fs/cgroup/cpu/x/\nsys/fs/bpf/\n" \
	"etc/\nlink -> sys/fs/cgroup/unified\n"

/* What the mounts of config.json bring, by their type or by what the host has at the source. */
TEST(test_mounts)
{
	static const struct {
		const char *config, *other; /* NULL: nothing of cgroups beside its own */
		bool bpffs, unseen;
	} cases[] = {
		{ MOUNTS(OWN), NULL, false, false },
		{ MOUNTS(OWN "," NEW("proc", "/proc")), NULL, false, false },
		{ MOUNTS("{\"destination\":\"//sys/./fs/cgroup/\",\"type\":\"cgroup2\"}"), NULL, false, false },
		{ MOUNTS(OWN "," NEW("cgroup", "/m")), "cgroup2 '/its-own' is mounted at '/m'", false, false },
		{ MOUNTS(OWN "," NEW("cgroup2", "/m")), "cgroup2 '/its-own' is mounted at '/m'", false, false },
		{ MOUNTS(OWN "," NEW("cpuset", "/m")), "cpuset '/' is mounted at '/m'", false, false },
		{ MOUNTS(OWN "," NEW("cgroup3", "/m")), NULL, false, false },
		{ MOUNTS(OWN "," NEW("bpf", "/m")), NULL, true, false },
		{ MOUNTS(OWN "," BIND("/etc", "/m", "rbind")), NULL, false, false },
		{ MOUNTS(OWN "," BIND("/", "/m", "bind")), NULL, false, false },
		{ MOUNTS(OWN "," BIND("/", "/m", "rbind")),
		  "cgroup2 '/' is mounted at '/m/sys/fs/cgroup/unified', and 2 more", true, false },
		{ MOUNTS(OWN "," BIND("/sys", "/m", "bind")), NULL, false, false },
		{ MOUNTS(OWN "," BIND("/sys", "/m", "rbind")),
		  "cgroup2 '/' is mounted at '/m/fs/cgroup/unified', and 1 more", true, false },
		{ MOUNTS(BIND("/sys", "/sys", "rbind") "," OWN),
		  "cgroup2 '/' is mounted at '/sys/fs/cgroup/unified', and 1 more", true, false },
		{ MOUNTS(OWN "," BIND("/sys/fs/cgroup", "/m", "bind")), NULL, false, false },
		{ MOUNTS(OWN "," BIND("/sys/fs/cgroup/unified", "/m", "bind")), "cgroup2 '/' is mounted at '/m'", false,
		  false },
		{ MOUNTS(OWN "," BIND("/sys/fs/cgroup/unified", "/m/", "rbind")), "cgroup2 '/' is mounted at '/m'",
		  false, false },
		{ MOUNTS(BIND("/sys/fs/cgroup/unified", "/sys/fs/cgroup", "bind") "," OWN),
		  "cgroup2 '/' is mounted at '/sys/fs/cgroup', hidden by the container's own", false, false },
		{ MOUNTS(OWN "," BIND("/link", "/m", "bind")), "cgroup2 '/' is mounted at '/m'", false, false },
		{ MOUNTS(OWN "," BIND("/sys/fs/cgroup/unified/a/memory.max", "/m", "bind")),
		  "cgroup2 '/a/memory.max' is mounted at '/m'", false, false },
		{ MOUNTS(OWN "," BIND("/sys/fs/cgroup/unified2", "/m", "bind")), NULL, false, false },
		{ MOUNTS(OWN "," BIND("/sys/fs/cgroup/cpu/x", "/m", "bind")), "cgroup '/x' is mounted at '/m'", false,
		  false },
		{ MOUNTS(OWN "," BIND("/sys/fs/bpf", "/m", "bind")), NULL, true, false },
		{ MOUNTS(OWN "," BIND("/my dir/x", "/m m", "bind")), NULL, false, false }, /* covered */
		{ MOUNTS(OWN "," BIND("/not/there", "/m", "bind")), NULL, false, true },
		{ MOUNTS(OWN "," BIND("/sys/fs/cgroup/unified/gone", "/m", "bind")),
		  "cgroup2 '/gone' is mounted at '/m'", false, true },
		{ MOUNTS(OWN ",{\"destination\":\"/m\",\"type\":\"bind\"}"), NULL, false, true },
		{ MOUNTS(OWN ",{\"destination\":\"/m\",\"type\":\"none\",\"source\":\"/link\",\"options\":[\"ro\",\"bind\"]}"),
		  "cgroup2 '/' is mounted at '/m'", false, false },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(expected_done) struct expected e;

		expected_new(&e, HOST, cases[i].config);
		if (e.facts.place_fault)
			fail_msg("%s: %s", cases[i].config, e.facts.place_fault);
		CHECK(cases[i].config, expect_mounts(&e.host, &e.oci, &e.target, &e.facts, &why), NULL);
		check_string(cases[i].config, e.facts.other_cgroup, cases[i].other);
		if (e.facts.bpffs != cases[i].bpffs || !!e.facts.unseen != cases[i].unseen)
			fail_msg("%s: bpffs %d, unseen %s", cases[i].config, e.facts.bpffs, e.facts.unseen);
		check_string(cases[i].config, e.facts.host.options, "rw nsdelegate");
		check_string(cases[i].config, e.facts.host.point, "/sys/fs/cgroup/unified");
	}
}

#define HOOKS(stage, args)                                           \
	"{\"root\":{\"path\":\"rootfs\"},\"hooks\":{\"" stage        \
	"\":[{\"path\":\"/bin/true\"},{\"path\":\"/x/cgdeleg-hook\"" \
	",\"args\":[" args "]}]}," NAMESPACES "}"
#define ARGS "\"cgdeleg-hook\",\"createRuntime\",\"--handler\",\"ci\""

/* The hook among config.json's, with what the hook itself would say there. */
TEST(test_hooks)
{
	static const struct {
		const char *config, *want, *note; /* NULL: taken, with this note */
	} cases[] = {
		{ HOOKS("createRuntime", ARGS), NULL, "" },
		{ HOOKS("prestart", ARGS), NULL, "" },
		{ HOOKS("createRuntime", ARGS ",\"--deadline\",\"20\""), NULL, "" },
		{ HOOKS("createRuntime", "\"cgdeleg-hook\",\"createRuntime\",\"--handler\",\"other\""), NULL,
		  "config.json runs cgdeleg-hook with --handler 'other', and this answer is for another handler" },
		{ MOUNTS(OWN), NULL, "config.json does not have cgdeleg-hook among its hooks" },
		{ HOOKS("poststart", ARGS),
		  "cgdeleg-hook is under 'poststart', where it cannot act; move it to createRuntime", NULL },
		{ HOOKS("createContainer", ARGS), "is under 'createContainer'", NULL },
		{ HOOKS("CreateRuntime", ARGS), "is under 'CreateRuntime'", NULL },
		{ HOOKS("createRuntime", "\"createRuntime\",\"--handler\",\"ci\""),
		  "config.json: hooks.createRuntime: the hook's args begin with 'createRuntime', but the program's name",
		  NULL },
		{ HOOKS("createRuntime", ""), "args begin with '', but the program's name comes first", NULL },
		{ HOOKS("createRuntime", "\"cgdeleg-hook\",\"createRuntime\""), "the option '--handler' is missing", NULL },
		{ HOOKS("createRuntime", ARGS ",\"--deadline\",\"2\""), "'--deadline' needs a number of seconds", NULL },
		{ HOOKS("createRuntime", ARGS ",\"--policy\",\"relative\""), "'--policy' needs an absolute path", NULL },
		{ HOOKS("createRuntime", ARGS ",\"--plicy\",\"/x\""), "there is no option '--plicy'", NULL },
		{ HOOKS("createRuntime", ARGS ",7"), "args[4] of cgdeleg-hook is not a string", NULL },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(expected_done) struct expected e;
		char note[320];

		expected_new(&e, "", cases[i].config);
		CHECK(cases[i].config, expect_hooks(&e.oci, "ci", note, sizeof(note), &why), cases[i].want);
		if (cases[i].note && (cases[i].note[0] ? !strstr(note, cases[i].note) : note[0] != '\0'))
			fail_msg("%s: \"%s\"", cases[i].config, note);
	}
}
