/* SPDX-License-Identifier: Apache-2.0 */
/* OCI, config.json: what is taken from it, what it must agree with, and whom it may belong to. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/stat.h>

#include "cgdeleg/grant/oci.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define ROOT		"{\"root\":{\"path\":\"rootfs\"}"
#define MOUNTS(list)	ROOT ",\"mounts\":[" list "]}"
#define LINUX(members)	ROOT ",\"linux\":{" members "}}"
#define USER(members)	ROOT ",\"process\":{\"user\":{" members "}}}"
#define CAPS(members)	ROOT ",\"process\":{\"capabilities\":{" members "}}}"
#define CGROUP(options) "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"options\":[" options "]}"
#define ALL_CAPS	UINT64_MAX

static const struct {
	const char *name, *text, *want; /* want NULL: accepted */
} configs[] = {
	{ "least", ROOT "}", NULL },
	{ "unknown keys", ROOT ",\"x\":{\"y\":[1]},\"hooks\":{}}", NULL },
	{ "empty", "", "config.json: empty, a JSON object was expected" },
	{ "no root", "{}", "config.json: 'root' is missing, an object was expected" },
	{ "no path", "{\"root\":{}}", "config.json: root: 'path' is missing, a string was expected" },
	{ "path a number", "{\"root\":{\"path\":1}}", "config.json: root: 'path' is not a string" },
	{ "mounts an object", ROOT ",\"mounts\":{}}", "config.json: 'mounts' is not an array" },
	{ "mount a number", MOUNTS("1"), "config.json: mounts: 'destination' is missing" },
	{ "mount without place", MOUNTS("{}"), "config.json: mounts: 'destination' is missing" },
	{ "options a string", MOUNTS("{\"destination\":\"/\",\"options\":\"ro\"}"),
	  "config.json: mounts: 'options' is not an array" },
	{ "process a list", ROOT ",\"process\":[]}", "config.json: 'process' is not an object" },
	{ "uid a string", USER("\"uid\":\"0\""), "process.user: 'uid' is not an integer" },
	{ "uid below 0", USER("\"uid\":-1"), "process.user: uid or gid out of range" },
	{ "uid -1 of 32 bits", USER("\"uid\":4294967295"), "process.user: uid or gid out of range" },
	{ "largest uid", USER("\"uid\":4294967294"), NULL },
	{ "gid beyond", USER("\"gid\":4294967296"), "process.user: uid or gid out of range" },
	{ "linux a list", ROOT ",\"linux\":[]}", "config.json: 'linux' is not an object" },
	{ "maskedPaths a string", LINUX("\"maskedPaths\":\"/\""), "linux: 'maskedPaths' is not an array" },
	{ "linux in another case", ROOT ",\"Linux\":{}}",
	  "config.json: 'Linux' is read as 'linux' by runc, and is not read at all by crun; write 'linux'" },
	{ "maskedPaths in another case", LINUX("\"maskedpaths\":[]"),
	  "linux: 'maskedpaths' is read as 'maskedPaths' by runc" },
	{ "a mount's type in another case", MOUNTS("{\"destination\":\"/\",\"TYPE\":\"bind\"}"),
	  "mounts: 'TYPE' is read as 'type' by runc" },
	{ "uid in another case", USER("\"Uid\":0"), "process.user: 'Uid' is read as 'uid' by runc" },
	{ "a namespace's type in another case", LINUX("\"namespaces\":[{\"type\":\"mount\",\"Path\":\"/x\"}]"),
	  "linux.namespaces: 'Path' is read as 'path' by runc" },
	{ "a namespace without type", LINUX("\"namespaces\":[{}]"), "linux.namespaces: 'type' is missing" },
	{ "a namespace's type a number", LINUX("\"namespaces\":[{\"type\":7}]"), "'type' is not a string" },
	{ "a source a number", MOUNTS("{\"destination\":\"/\",\"source\":1}"), "mounts: 'source' is not a string" },
	{ "key twice", ROOT ",\"root\":{\"path\":\"x\"}}", "the key 'root' appears twice" },
};

TEST(test_configs)
{
	for (size_t i = 0; i < ELEMENTS(configs); i++) {
		_cleanup_(oci_done) struct oci oci = OCI_EMPTY;

		CHECK(configs[i].name, oci_parse_config(configs[i].text, strlen(configs[i].text), &oci, &why),
		      configs[i].want);
	}
}

static const struct {
	const char *name, *text;
	bool has_mount, readonly;
	const char *covered_by;
	uint64_t capabilities;
	uint32_t uid, gid;
} taken[] = {
	{ "nothing", .text = ROOT "}" },
	{ "ro", MOUNTS(CGROUP("\"nosuid\",\"ro\"")), .has_mount = true, .readonly = true },
	{ "rw", MOUNTS(CGROUP("\"rw\",\"relatime\"")), .has_mount = true },
	{ "not quite ro", MOUNTS(CGROUP("\"roo\",\"ro=1\"")), .has_mount = true },
	{ "rro", MOUNTS(CGROUP("\"rro\"")), .has_mount = true, .readonly = true },
	{ "rw behind ro", MOUNTS(CGROUP("\"ro\",\"rw\"")), .has_mount = true },
	{ "ro behind rw", MOUNTS(CGROUP("\"rw\",\"ro\"")), .has_mount = true, .readonly = true },
	{ "rrw behind rro", MOUNTS(CGROUP("\"rro\",\"rrw\"")), .has_mount = true },
	{ "cgroup2, slashes", MOUNTS("{\"destination\":\"//sys/fs//cgroup/\",\"type\":\"cgroup2\",\"options\":[\"ro\"]}"),
	  .has_mount = true, .readonly = true },
	{ "below", .text = MOUNTS("{\"destination\":\"/sys/fs/cgroup/x\",\"type\":\"cgroup\"}") },
	{ "beside", .text = MOUNTS("{\"destination\":\"/sys/fs/cgroups\",\"type\":\"cgroup\"}") },
	{ "bind", .text = MOUNTS("{\"destination\":\"/sys/fs/cgroup\",\"type\":\"bind\"}") },
	{ "last counts", MOUNTS(CGROUP("\"ro\"") "," CGROUP("")), .has_mount = true },
	{ "covered by a bind", .text = MOUNTS(CGROUP("") ",{\"destination\":\"/sys/fs/cgroup\",\"type\":\"bind\"}") },
	{ "readonlyPaths", LINUX("\"readonlyPaths\":[\"/proc\",\"/sys/fs\"]"), .covered_by = "/sys/fs" },
	{ "maskedPaths", LINUX("\"maskedPaths\":[\"/sys/fs/cgroup/\"]"), .covered_by = "/sys/fs/cgroup/" },
	{ "root covered", LINUX("\"readonlyPaths\":[\"/\"]"), .covered_by = "/" },
	{ "below is no cover", .text = LINUX("\"maskedPaths\":[\"/sys/fs/cgroup/x\",\"/sys/f\",1]") },
	{ "ids", USER("\"uid\":1000,\"gid\":100"), .uid = 1000, .gid = 100 },
	{ "capabilities", CAPS("\"bounding\":[\"CAP_CHOWN\"],\"ambient\":[\"CAP_BPF\"]"),
	  .capabilities = UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_BPF },
	{ "last capability", CAPS("\"permitted\":[\"CAP_CHECKPOINT_RESTORE\"]"),
	  .capabilities = UINT64_C(1) << CAP_CHECKPOINT_RESTORE },
	{ "unknown capability", CAPS("\"effective\":[\"CAP_NEW\"]"), .capabilities = ALL_CAPS },
	{ "capability a number", CAPS("\"effective\":[21]"), .capabilities = ALL_CAPS },
	{ "capability in lower case", CAPS("\"effective\":[\"cap_chown\"]"), .capabilities = ALL_CAPS },
	{ "empty sets", .text = CAPS("\"effective\":[],\"bounding\":[]") },
};

TEST(test_taken)
{
	for (size_t i = 0; i < ELEMENTS(taken); i++) {
		_cleanup_(oci_done) struct oci oci = OCI_EMPTY;

		CHECK(taken[i].name, oci_parse_config(taken[i].text, strlen(taken[i].text), &oci, &why), NULL);
		check_string(taken[i].name, oci.rootfs, "rootfs");
		check_string(taken[i].name, oci.covered_by, taken[i].covered_by);
		if (oci.has_mount != taken[i].has_mount || oci.mount_readonly != taken[i].readonly ||
		    oci.capabilities != taken[i].capabilities || oci.process_uid != taken[i].uid ||
		    oci.process_gid != taken[i].gid)
			fail_msg("%s: mount %d, read-only %d, capabilities %llx, user %u:%u", taken[i].name,
				 oci.has_mount, oci.mount_readonly, (unsigned long long)oci.capabilities,
				 oci.process_uid, oci.process_gid);
	}
}

/* What config.json rules out: the last mount at /sys/fs/cgroup or above it counts. */
TEST(test_place)
{
#define PLACED(list)		  ROOT ",\"mounts\":[" list "],\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}"
#define OF(type, point)		  "{\"destination\":\"" point "\",\"type\":\"" type "\",\"source\":\"/src\"}"
#define OPTION(type, point, word) "{\"destination\":\"" point "\",\"type\":\"" type "\",\"options\":[\"" word "\"]}"
	static const struct {
		const char *text, *want; /* "": nothing is ruled out */
	} places[] = {
		{ PLACED(CGROUP("")), "" },
		{ PLACED(OF("sysfs", "/sys") "," CGROUP("")), "" },
		{ PLACED(OF("bind", "/sys") "," CGROUP("")), "" },
		{ PLACED(OF("bind", "/sys/fs/cgroup") "," CGROUP("")), "" },
		{ PLACED(CGROUP("") "," OF("tmpfs", "/sys/fs") "," CGROUP("")), "" },
		{ PLACED(CGROUP("") "," OF("bind", "/sys/fs/cgroup/x")), "" },
		{ PLACED(CGROUP("") "," OF("bind", "/data/../x")), "" },
		{ PLACED(""),
		  "has no mount of type 'cgroup' at '/sys/fs/cgroup', so there is nothing to make writable; add one" },
		{ PLACED(OF("sysfs", "/sys")), "has no mount of type 'cgroup'" },
		{ PLACED(OF("cgroup", "/cg")), "mounts type 'cgroup' at '/cg'; mount it at '/sys/fs/cgroup' instead" },
		{ PLACED(OF("bind", "/sys/fs/cgroup")), "binds '/src' at '/sys/fs/cgroup', so" },
		{ PLACED(OF("bind", "/sys/fs/cgroup")), "take that volume out and mount type 'cgroup' at /sys/fs/cgroup" },
		{ PLACED(CGROUP("") "," OF("bind", "/sys/fs/cgroup")), "take that volume out" },
		{ PLACED(OPTION("none", "/sys/fs/cgroup", "rbind")), "binds '' at '/sys/fs/cgroup', so" },
		{ PLACED(OPTION("cgroup", "/sys/fs/cgroup", "bind")), "binds '' at '/sys/fs/cgroup', so" },
		{ PLACED(OF("cgroup", "/cg") "," OF("bind", "/sys/fs/cgroup")), "binds '/src' at '/sys/fs/cgroup', so" },
		{ PLACED(CGROUP("") "," OF("tmpfs", "/sys//fs/cgroup/")), "mounts 'tmpfs' at '/sys//fs/cgroup/', so" },
		{ PLACED(CGROUP("") "," OF("bind", "/sys")), "binds '/src' at '/sys', so" },
		{ PLACED(CGROUP("") "," OF("sysfs", "/sys")), "mounts 'sysfs' at '/sys', so" },
		{ PLACED(CGROUP("") "," OF("tmpfs", "/sys/../sys/fs")), "mounts 'tmpfs' at '/sys/../sys/fs', so" },
		{ PLACED(OF("bind", "/")), "binds '/src' at '/', so" },
		{ MOUNTS(CGROUP("")),
		  "has no namespace of type 'mount', so the container would have the host's mounts; add one" },
	};

	for (size_t i = 0; i < ELEMENTS(places); i++) {
		_cleanup_(oci_done) struct oci oci = OCI_EMPTY;

		CHECK(places[i].text, oci_parse_config(places[i].text, strlen(places[i].text), &oci, &why), NULL);
		if (places[i].want[0] ? !strstr(oci.place_fault, places[i].want) : oci.place_fault[0] != '\0')
			fail_msg("%s: \"%s\", \"%s\" was expected", places[i].text, oci.place_fault, places[i].want);
		assert_int_equal(oci.has_mount, !places[i].want[0] || strstr(places[i].want, "has no namespace") != NULL);
	}
}

/* capability_names[] is in the order of the kernel's numbers. */
TEST(test_capability_numbers)
{
	static const struct {
		const char *name;
		int number;
	} cases[] = {
		{ "CAP_CHOWN", CAP_CHOWN },
		{ "CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH },
		{ "CAP_FOWNER", CAP_FOWNER },
		{ "CAP_NET_ADMIN", CAP_NET_ADMIN },
		{ "CAP_SYS_PTRACE", CAP_SYS_PTRACE },
		{ "CAP_SYS_ADMIN", CAP_SYS_ADMIN },
		{ "CAP_SETFCAP", CAP_SETFCAP },
		{ "CAP_PERFMON", CAP_PERFMON },
		{ "CAP_BPF", CAP_BPF },
		{ "CAP_LAST_CAP", -1 },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
		uint64_t want = cases[i].number < 0 ? UINT64_MAX : UINT64_C(1) << cases[i].number;
		char text[256];

		(void)snprintf(text, sizeof(text), CAPS("\"inheritable\":[\"%s\"]"), cases[i].name);
		assert_int_equal(oci_parse_config(text, strlen(text), &oci, NULL), 0);
		assert_int_equal(oci.capabilities, want);
	}
}

TEST(test_agreement)
{
	static const struct {
		const char *state, *config, *want; /* annotations of both */
	} cases[] = {
		{ NULL, NULL, NULL },
		{ "{}", NULL, NULL },
		{ "{\"a\":\"1\",\"b\":\"2\"}", "{\"b\":\"2\",\"a\":\"1\"}", NULL },
		{ "{\"a\":\"1\"}", "{\"a\":\"2\"}", "disagree on annotation 'a'" },
		{ "{\"a\":\"1\"}", NULL, "disagree on annotation 'a'" },
		{ "{\"a\":\"1\"}", "{\"b\":\"1\"}", "disagree on annotation 'a'" },
		{ NULL, "{\"a\":\"1\"}", "disagree: 0 annotations in the state, 1 in config.json" },
		{ "{\"a\":\"1\"}", "{\"a\":\"1\",\"b\":\"1\"}", "disagree: 1 annotations in the state, 2 in" },
		{ "{\"a\":\"1\"}", "{\"a\":1}", "disagree on annotation 'a'" },
		{ "{\"io.kubernetes.cri-o.ContainerID\":\"c1\"}", "{\"io.kubernetes.cri-o.ContainerID\":\"c1\"}", NULL },
		{ "{\"io.kubernetes.cri-o.ContainerID\":\"c2\"}", "{\"io.kubernetes.cri-o.ContainerID\":\"c2\"}",
		  "disagree on the container's id" },
	};
	char text[512];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(oci_done) struct oci oci = OCI_EMPTY;

		(void)snprintf(text, sizeof(text),
			       "{\"id\":\"c1\",\"status\":\"created\",\"pid\":5,\"bundle\":\"/b\","
			       "\"annotations\":%s}",
			       cases[i].state ? cases[i].state : "null");
		assert_int_equal(oci_parse_state(text, strlen(text), &oci, &why), 0);
		(void)snprintf(text, sizeof(text), ROOT ",\"annotations\":%s}",
			       cases[i].config ? cases[i].config : "null");
		CHECK(text, oci_parse_config(text, strlen(text), &oci, &why), cases[i].want);
	}
}

/* Without a state, config.json's annotations are taken; with one they are not looked at again. */
TEST(test_adopt)
{
	static const char text[] = ROOT ",\"annotations\":{\"a\":\"1\"}}";
	static const char bad[] = ROOT ",\"annotations\":{\"a\":1}}";
	_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
	_cleanup_(oci_done) struct oci other = OCI_EMPTY;

	assert_int_equal(oci_parse_config(text, strlen(text), &oci, &why), 0);
	assert_int_equal(oci.n_annotations, 0);
	CHECK("adopt", oci_adopt_annotations(&oci, &why), NULL);
	assert_int_equal(oci.n_annotations, 1);
	check_string("value", oci.annotations[0].value, "1");
	assert_int_equal(oci_parse_config(bad, strlen(bad), &other, &why), 0);
	CHECK("adopt", oci_adopt_annotations(&other, &why), "config.json: annotation 'a' is not a string");
}

static int read_bundle(const char *edits, uid_t owner, struct err *err)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(oci_done) struct oci oci = OCI_EMPTY;

	tree_new(&tree, "b/config.json = " ROOT "}");
	tree_edit(&tree, edits);
	return oci_read_config(format("%s/b", tree.root), owner, &oci, err);
}

TEST_AS_ROOT(test_bundle) /* chown */
{
	static const struct {
		const char *name, *edits, *want;
		uid_t owner;
	} cases[] = {
		{ "as it is", "", NULL, 0 },
		{ "no bundle", "- b", "cannot open the bundle '", 0 },
		{ "bundle a file", "- b\nb = x", "cannot open the bundle '", 0 },
		{ "no config.json", "- b/config.json", "cannot open 'config.json' in the bundle", 0 },
		{ "a link", "b/c = " ROOT "}\nb/config.json -> c", "cannot open 'config.json'", 0 },
		{ "a link out", "c = " ROOT "}\nb/config.json -> ../c", "cannot open 'config.json'", 0 },
		{ "a directory", "- b/config.json\nb/config.json/", "b/config.json' is not a regular file", 0 },
		{ "broken", "b/config.json = {", "config.json:", 0 },
		{ "bundle of another", "b : 1000 0", "b' belongs to uid 1000 (mode 0755); it must belong to root", 0 },
		{ "file of another", "b/config.json : 1000 0", "b/config.json' belongs to uid 1000", 0 },
		{ "of the allowed one", "b : 1000 0\nb/config.json : 1000 0", NULL, 1000 },
		{ "of root, though another is allowed", "", NULL, 1000 },
		{ "of a third one", "b : 1001 0", "b' belongs to uid 1001", 1000 },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		CHECK(cases[i].name, read_bundle(cases[i].edits, cases[i].owner, &why), cases[i].want);
	}
}

/* Only podman before 5.2 is blamed for what it does. */
TEST_AS_ROOT(test_podman)
{
	static const struct {
		const char *bundle, *edits, *want;
	} cases[] = {
		{ "userdata", "userdata : 1000 0", "userdata' belongs to uid 1000: podman before 5.2 gives bundles" },
		{ "userdata", "", NULL },
		{ "userdata", "userdata/config.json : 1000 0", "config.json' belongs to uid 1000 (mode 0644); it must" },
		{ "bundle", "bundle : 1000 0", "bundle' belongs to uid 1000 (mode 0755); it must" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(oci_done) struct oci oci = OCI_EMPTY;

		tree_new(&tree, format("%s/config.json = " ROOT "}", cases[i].bundle));
		tree_edit(&tree, cases[i].edits);
		CHECK(cases[i].edits, oci_read_config(format("%s/%s", tree.root, cases[i].bundle), 0, &oci, &why),
		      cases[i].want);
	}
}

TEST(test_modes)
{
	static const struct {
		const char *path;
		mode_t mode;
		const char *want;
	} cases[] = {
		{ "b", 0755, NULL },
		{ "b", 0775, "b' belongs to uid 0 (mode 0775); it must belong to root and be writable by nobody else" },
		{ "b", 01757, "b' belongs to uid 0 (mode 1757)" },
		{ "b/config.json", 0600, NULL },
		{ "b/config.json", 0664, "b/config.json' belongs to uid 0 (mode 0664)" },
		{ "b/config.json", 0602, "b/config.json' belongs to uid 0 (mode 0602)" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		_cleanup_(tree_free) struct tree tree;
		_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
		char path[128];

		tree_new(&tree, "b/config.json = " ROOT "}");
		assert_int_equal(fchmodat(tree.fd, cases[i].path, cases[i].mode, 0), 0);
		(void)snprintf(path, sizeof(path), "%s/b", tree.root);
		CHECK(cases[i].path, oci_read_config(path, geteuid(), &oci, &why), cases[i].want);
	}
}

TEST(test_size_and_kind)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_(oci_done) struct oci large = OCI_EMPTY, fifo = OCI_EMPTY;
	char path[128];

	tree_new(&tree, "b/config.json = {");
	(void)snprintf(path, sizeof(path), "%s/b/config.json", tree.root);
	assert_int_equal(truncate(path, OCI_CONFIG_MAX + 1), 0);
	(void)snprintf(path, sizeof(path), "%s/b", tree.root);
	CHECK("large", oci_read_config(path, geteuid(), &large, &why), "config.json: larger than 16777216 bytes");
	tree_edit(&tree, "- b/config.json");
	assert_int_equal(mkfifoat(tree.fd, "b/config.json", 0600), 0);
	CHECK("FIFO", oci_read_config(path, geteuid(), &fifo, &why), "b/config.json' is not a regular file");
}
