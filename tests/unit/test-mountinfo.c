/* SPDX-License-Identifier: Apache-2.0 */
/* Mountinfo: the topmost mount at a place, and every way in which it is not the one that is wanted. */
#include <inttypes.h>
#include <limits.h>

#include "base/text.h"
#include "cgdeleg/kernel/mount.h"
#include "tests/unit/check.h"

#define POINT "/r/sys/fs/cgroup"
#define OTHER "21 1 8:1 / / rw,relatime - ext4 /dev/root rw\n"
#define AT(id, root, point, options, type) \
	id " 21 0:29 " root " " point " " options " - " type " cgroup rw,nsdelegate,memory_recursiveprot\n"
#define CGROUP2(id, root, options) AT(id, root, POINT, options, "cgroup2")

static const struct {
	const char *name, *text, *want; /* want NULL: found */
	uint64_t id;
	const char *root;
	bool readonly, nsdelegate;
	unsigned layers;
} cases[] = {
	{ "ro", OTHER CGROUP2("22", "/ci/box", "ro,nosuid"), .id = 22, .root = "/ci/box", .readonly = true,
	  .nsdelegate = true, .layers = 1 },
	{ "rw", OTHER CGROUP2("22", "/ci/box", "rw,nosuid"), .id = 22, .root = "/ci/box", .nsdelegate = true, .layers = 1 },
	{ "ro is a word", CGROUP2("22", "/x", "rw,norow,errors=ro"), .id = 22, .root = "/x", .nsdelegate = true,
	  .layers = 1 },
	{ "ro is last", CGROUP2("22", "/x", "nosuid,ro"), .id = 22, .root = "/x", .readonly = true, .nsdelegate = true,
	  .layers = 1 },
	{ "no last newline", "22 21 0:29 /x " POINT " ro - cgroup2 cgroup rw", .id = 22, .root = "/x", .readonly = true,
	  .layers = 1 },
	{ "nsdelegate is a word", "22 21 0:29 /x " POINT " ro - cgroup2 c rw,nsdelegates\n", .id = 22, .root = "/x",
	  .readonly = true, .layers = 1 },
	{ "no super options", "22 21 0:29 /x " POINT " ro - cgroup2 cgroup\n", .id = 22, .root = "/x", .readonly = true,
	  .layers = 1 },
	{ "empty source", "22 21 0:29 /x " POINT " ro - cgroup2  rw,nsdelegate\n", .id = 22, .root = "/x",
	  .readonly = true, .nsdelegate = true, .layers = 1 },
	{ "optional fields", "22 21 0:29 /x " POINT " ro shared:1 master:2 unbindable - cgroup2 c rw\n", .id = 22,
	  .root = "/x", .readonly = true, .layers = 1 },
	{ "two layers", CGROUP2("22", "/x", "ro") CGROUP2("30", "/x", "rw"), .id = 30, .root = "/x", .nsdelegate = true,
	  .layers = 2 },
	{ "another root on top", CGROUP2("22", "/x", "ro") CGROUP2("30", "/", "ro"), .id = 30, .root = "/",
	  .readonly = true, .nsdelegate = true, .layers = 2 },
	{ "escapes in the root", CGROUP2("22", "/a\\040b\\011c\\012d\\134e", "ro"), .id = 22, .root = "/a b\tc\nd\\e",
	  .readonly = true, .nsdelegate = true, .layers = 1 },
	{ "a backslash alone", CGROUP2("22", "/a\\04", "ro"), .id = 22, .root = "/a\\04", .readonly = true,
	  .nsdelegate = true, .layers = 1 },
	{ "no octal digits", CGROUP2("22", "/a\\480", "ro"), .id = 22, .root = "/a\\480", .readonly = true,
	  .nsdelegate = true, .layers = 1 },
	{ "elsewhere too", AT("20", "/", "/sys/fs/cgroup", "ro", "cgroup2") CGROUP2("22", "/x", "ro"), .id = 22,
	  .root = "/x", .readonly = true, .nsdelegate = true, .layers = 1 },
	{ "uncovered again", AT("22", "/", POINT, "ro", "tmpfs") CGROUP2("23", "/x", "ro"), .id = 23, .root = "/x",
	  .readonly = true, .nsdelegate = true, .layers = 1 },
	{ "none", OTHER, .want = "the container has no cgroup2 mount at '" POINT "'; its config.json must mount" },
	{ "empty", "", .want = "the container has no cgroup2 mount at" },
	{ "only elsewhere", AT("20", "/", "/sys/fs/cgroup", "ro", "cgroup2"), .want = "has no cgroup2 mount at" },
	{ "longer point", AT("20", "/", POINT "/x", "ro", "cgroup2"), .want = "has no cgroup2 mount at" },
	{ "cgroup v1", AT("22", "/x", POINT, "ro", "cgroup"), .want = "what is mounted at '" POINT "' is not cgroup2" },
	{ "covered", CGROUP2("22", "/x", "ro") AT("23", "/", POINT, "ro", "tmpfs"), .want = "is not cgroup2" },
	{ "NUL in the root", CGROUP2("22", "/a\\000b", "ro"), .want = "cannot read the mount at '" POINT "'" },
	{ "too few fields", "22 21 0:29 /x " POINT "\n", .want = "mountinfo: cannot read the line '22 21" },
	{ "no hyphen", "22 21 0:29 /x " POINT " ro cgroup2 cgroup rw\n", .want = "cannot read the line" },
	{ "no type", "22 21 0:29 /x " POINT " ro -\n", .want = "cannot read the line" },
	{ "blanks doubled", "22  21 0:29 /x " POINT " ro - cgroup2 c rw\n", .want = "cannot read the line" },
	{ "empty line", OTHER "\n" CGROUP2("22", "/x", "ro"), .want = "cannot read the line ''" },
	{ "garbage after the mount", CGROUP2("22", "/x", "ro") "garbage", .want = "cannot read the line 'garbage'" },
};

TEST(test_cases)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct cgroup_mount mount;
		int r = mount_parse(cases[i].text, POINT, &mount, &why);

		check_result(cases[i].name, r, &why, cases[i].want);
		if (cases[i].want)
			continue;
		check_string(cases[i].name, mount.root, cases[i].root);
		check_string(cases[i].name, mount.point, POINT);
		if (mount.id != cases[i].id || mount.readonly != cases[i].readonly ||
		    text_has_word(mount.options, "nsdelegate") != cases[i].nsdelegate || mount.layers != cases[i].layers)
			fail_msg("%s: id %" PRIu64 ", read-only %d, nsdelegate %d, layers %u", cases[i].name, mount.id,
				 mount.readonly, text_has_word(mount.options, "nsdelegate"), mount.layers);
	}
}

#define LINE(id, point, flags, type, super) id " 21 0:29 / " point " " flags " - " type " cgroup " super "\n"
#define THERE				    LINE("22", POINT, "ro", "cgroup2", "rw,nsdelegate")
#define FORTY				    "a_word_of_forty_bytes_that_no_kernel_has,"

/* The options as words, and the host's own mount, which stands in the same table. */
static const struct {
	const char *name, *text, *options, *point, *flags; /* options NULL: an error */
} hosts[] = {
	{ "none", THERE, "rw nsdelegate", "", "" },
	{ "one", LINE("20", "/sys/fs/cgroup", "rw,nosuid,nodev", "cgroup2", "rw") THERE, "rw nsdelegate",
	  "/sys/fs/cgroup", "rw nosuid nodev" },
	{ "hybrid",
	  LINE("20", "/sys/fs/cgroup", "rw", "tmpfs", "rw") LINE("21", "/sys/fs/cgroup/unified", "rw", "cgroup2", "rw")
		  THERE,
	  "rw nsdelegate", "/sys/fs/cgroup/unified", "rw" },
	{ "the last is on top",
	  LINE("20", "/sys/fs/cgroup", "rw", "cgroup2", "rw") LINE("21", "/sys/fs/cgroup", "ro,noexec", "cgroup2", "rw")
		  THERE,
	  "rw nsdelegate", "/sys/fs/cgroup", "ro noexec" },
	{ "elsewhere",
	  LINE("20", "/sys/fs/cgroup/", "rw", "cgroup2", "rw") LINE("21", "/sys/fs/cgroupx", "rw", "cgroup2", "rw") THERE,
	  "rw nsdelegate", "", "" },
	{ "a longer point", LINE("20", "/sys/fs/cgroup/unified/x", "rw", "cgroup2", "rw") THERE, "rw nsdelegate", "", "" },
	{ "v1", LINE("20", "/sys/fs/cgroup", "rw", "cgroup", "rw") THERE, "rw nsdelegate", "", "" },
	{ "what has a value, and what is no word",
	  LINE("22", POINT, "ro", "cgroup2",
	       "rw,,seclabel,context=\"u:r:t\",a\\054nsdelegate,ns-delegate,memory_recursiveprot"),
	  "rw seclabel memory_recursiveprot", "", "" },
	{ "empty", LINE("22", POINT, "ro", "cgroup2", ","), "", "", "" },
	{ "as much as fits", LINE("22", POINT, "ro", "cgroup2", FORTY FORTY FORTY FORTY FORTY FORTY "nsdeleg"),
	  NULL /* below */, "", "" },
	{ "too much", LINE("22", POINT, "ro", "cgroup2", FORTY FORTY FORTY FORTY FORTY FORTY "nsdelegate"), NULL, NULL,
	  NULL },
};

TEST(test_hosts)
{
	for (size_t i = 0; i < ELEMENTS(hosts); i++) {
		struct cgroup_mount mount;
		const int r = mount_parse(hosts[i].text, POINT, &mount, &why);

		check_result(hosts[i].name, r, &why, hosts[i].point ? NULL : "cannot read the mount at");
		if (r < 0)
			continue;
		if (hosts[i].options)
			check_string(hosts[i].name, mount.options, hosts[i].options);
		check_string(hosts[i].name, mount.host_point, hosts[i].point);
		check_string(hosts[i].name, mount.host_flags, hosts[i].flags);
	}
}

/* The kernel writes the point with escapes, and the caller has it without. */
TEST(test_escaped_point)
{
	struct cgroup_mount mount;

	CHECK("escaped", mount_parse(AT("22", "/x", "/my\\040root/sys", "ro", "cgroup2"), "/my root/sys", &mount, &why),
	      NULL);
	CHECK("not escaped",
	      mount_parse(AT("22", "/x", "/my\\040root/sys", "ro", "cgroup2"), "/my\\040root/sys", &mount, &why),
	      "has no cgroup2 mount");
}

#define OWN		CGROUP2("22", "/x", "ro")
#define BELOW(root, at) AT("40", root, "/r" at, "ro", "cgroup2")

/* What else below the root filesystem /r shows cgroups, and what shows none or is elsewhere. */
static const struct {
	const char *name, *text;
	unsigned n;
	bool hidden;
	const char *type, *point, *root;
} others[] = {
	{ "its own alone", OWN, .n = 0 },
	{ "its own twice", OWN CGROUP2("30", "/x", "rw"), .n = 0 },
	{ "its own three times", OWN CGROUP2("30", "/x", "rw") CGROUP2("31", "/x", "ro"), .n = 0 },
	{ "the host's", AT("20", "/", "/sys/fs/cgroup", "rw", "cgroup2") OWN, .n = 0 },
	{ "the host's v1", AT("20", "/", "/sys/fs/cgroup/cpu", "rw", "cgroup") OWN, .n = 0 },
	{ "a name that begins alike", AT("20", "/", "/r2/sys/fs/cgroup", "rw", "cgroup2") OWN, .n = 0 },
	{ "a name that begins alike, escaped", AT("20", "/", "/r\\0402/sys/fs/cgroup", "rw", "cgroup2") OWN, .n = 0 },
	{ "above the root", AT("20", "/", "/", "rw", "cgroup2") OWN, .n = 0 },
	{ "other types",
	  OWN AT("40", "/", "/r/sys", "rw", "sysfs") AT("41", "/", "/r/x", "rw", "tmpfs")
		  AT("42", "/", "/r/y", "rw", "cgroup2x") AT("43", "/", "/r/z", "rw", "fuse.cgroup"),
	  .n = 0 },
	{ "a tree", OWN BELOW("/", "/mnt"), 1, false, "cgroup2", "/mnt", "/" },
	{ "read-write", OWN AT("40", "/", "/r/mnt", "rw", "cgroup2"), 1, false, "cgroup2", "/mnt", "/" },
	{ "before its own", BELOW("/", "/mnt") OWN, 1, false, "cgroup2", "/mnt", "/" },
	{ "a subtree", OWN BELOW("/machine.slice", "/a/b"), 1, false, "cgroup2", "/a/b", "/machine.slice" },
	{ "one file", OWN BELOW("/ci/memory.max", "/limit"), 1, false, "cgroup2", "/limit", "/ci/memory.max" },
	{ "its own elsewhere", OWN BELOW("/x", "/mnt"), 1, false, "cgroup2", "/mnt", "/x" },
	{ "v1", OWN AT("40", "/", "/r/cpu", "rw", "cgroup"), 1, false, "cgroup", "/cpu", "/" },
	{ "v1 with a name", OWN "40 21 0:33 / /r/s rw - cgroup systemd rw,xattr,name=systemd\n", 1, false, "cgroup",
	  "/s", "/" },
	{ "cpuset", OWN "40 21 0:33 / /r/dev/cpuset rw - cpuset none rw\n", 1, false, "cpuset", "/dev/cpuset", "/" },
	{ "within its own", OWN BELOW("/", "/sys/fs/cgroup/up"), 1, false, "cgroup2", "/sys/fs/cgroup/up", "/" },
	{ "beside its own", OWN BELOW("/", "/sys/fs/cgroup2"), 1, false, "cgroup2", "/sys/fs/cgroup2", "/" },
	{ "the host's /sys", BELOW("/", "/host/sys/fs/cgroup") OWN, 1, false, "cgroup2", "/host/sys/fs/cgroup", "/" },
	{ "a hybrid host's",
	  OWN AT("40", "/", "/r/h/cpu", "rw", "cgroup") AT("41", "/", "/r/h/unified", "rw", "cgroup2")
		  AT("42", "/", "/r/h/pids", "rw", "cgroup"),
	  3, false, "cgroup", "/h/cpu", "/" },
	{ "the root itself", AT("20", "/", "/r", "rw", "cgroup2") OWN, 1, false, "cgroup2", "/", "/" },
	{ "under its own", CGROUP2("20", "/", "rw") OWN, 1, true, "cgroup2", "/sys/fs/cgroup", "/" },
	{ "under its own, v1", AT("20", "/", POINT, "rw", "cgroup") OWN, 1, true, "cgroup", "/sys/fs/cgroup", "/" },
	{ "under its own, of another device", "20 21 0:30 /x " POINT " rw - cgroup2 c rw\n" OWN, 1, true, "cgroup2",
	  "/sys/fs/cgroup", "/x" },
	{ "between its own", OWN CGROUP2("30", "/y", "rw") CGROUP2("31", "/x", "rw"), 1, true, "cgroup2",
	  "/sys/fs/cgroup", "/y" },
	{ "covered by another", OWN BELOW("/", "/mnt") AT("41", "/", "/r/mnt", "rw", "tmpfs"), 1, false, "cgroup2",
	  "/mnt", "/" },
	{ "below what is covered", BELOW("/", "/a/b") AT("41", "/", "/r/a", "rw", "tmpfs") OWN, 1, false, "cgroup2",
	  "/a/b", "/" },
	{ "shared and slave", OWN "40 21 0:29 / /r/m rw shared:4 master:2 - cgroup2 c rw\n", 1, false, "cgroup2", "/m",
	  "/" },
	{ "above the hook's own namespace", OWN BELOW("/../..", "/up"), 1, false, "cgroup2", "/up", "/../.." },
	{ "escaped", OWN BELOW("/a\\040b", "/my\\011dir"), 1, false, "cgroup2", "/my\tdir", "/a b" },
};

TEST(test_others)
{
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		struct cgroup_mount mount;

		CHECK(others[i].name, mount_parse(others[i].text, POINT, &mount, &why), NULL);
		if (mount.other.n != others[i].n)
			fail_msg("%s: %u others", others[i].name, mount.other.n);
		if (others[i].n == 0)
			continue;
		check_string(others[i].name, mount.other.type, others[i].type);
		check_string(others[i].name, mount.other.point, others[i].point);
		check_string(others[i].name, mount.other.root, others[i].root);
		assert_int_equal(mount.other.hidden, others[i].hidden);
	}
}

/* Root filesystems whose path the kernel writes with escapes, or that is the host's own root. */
TEST(test_other_roots)
{
	static const struct {
		const char *point, *text;
		unsigned n;
	} roots[] = {
		{ "/my root/sys/fs/cgroup",
		  AT("22", "/x", "/my\\040root/sys/fs/cgroup", "ro", "cgroup2")
			  AT("40", "/", "/my\\040root/m", "rw", "cgroup2"),
		  1 },
		{ "/my root/sys/fs/cgroup",
		  AT("22", "/x", "/my\\040root/sys/fs/cgroup", "ro", "cgroup2")
			  AT("40", "/", "/my\\040root2/m", "rw", "cgroup2") AT("41", "/", "/my/m", "rw", "cgroup2"),
		  0 },
		{ "/a\\b/sys/fs/cgroup",
		  AT("22", "/x", "/a\\134b/sys/fs/cgroup", "ro", "cgroup2") AT("40", "/", "/a\\134b/m", "rw", "cgroup2"),
		  1 },
		{ "/sys/fs/cgroup",
		  AT("22", "/x", "/sys/fs/cgroup", "ro", "cgroup2") AT("40", "/", "/m", "rw", "cgroup2"), 1 },
		{ "/sys/fs/cgroup", AT("22", "/x", "/sys/fs/cgroup", "ro", "cgroup2"), 0 },
	};

	for (size_t i = 0; i < ELEMENTS(roots); i++) {
		struct cgroup_mount mount;

		CHECK(roots[i].text, mount_parse(roots[i].text, roots[i].point, &mount, &why), NULL);
		assert_int_equal(mount.other.n, roots[i].n);
	}
}

/* No name is so long that it is not seen. */
TEST(test_other_is_long)
{
	_cleanup_free_ char *text = malloc(3 * PATH_MAX);
	struct cgroup_mount mount;
	int len = snprintf(text, PATH_MAX, "%s40 21 0:29 / /r/", OWN);

	memset(text + len, 'a', 2 * PATH_MAX);
	(void)snprintf(text + len + 2 * PATH_MAX, PATH_MAX - len, " rw - cgroup2 c rw\n");
	CHECK("long", mount_parse(text, POINT, &mount, &why), NULL);
	assert_int_equal(mount.other.n, 1);
	assert_int_equal(strlen(mount.other.point), sizeof(mount.other.point) - 1);
}

static int parse_root_of(size_t len, struct cgroup_mount *mount, struct err *err)
{
	_cleanup_free_ char *text = malloc(len + 256);
	_cleanup_free_ char *root = malloc(len + 1);

	memset(root, 'a', len);
	root[0] = '/';
	root[len] = '\0';
	(void)snprintf(text, len + 256, "22 21 0:29 %s " POINT " ro - cgroup2 c rw\n", root);
	return mount_parse(text, POINT, mount, err);
}

TEST(test_lengths)
{
	struct cgroup_mount mount;
	char point[PATH_MAX + 1];

	CHECK("longest", parse_root_of(PATH_MAX - 1, &mount, &why), NULL);
	assert_int_equal(strlen(mount.root), PATH_MAX - 1);
	CHECK("too long", parse_root_of(PATH_MAX, &mount, &why), "cannot read the mount at");
	CHECK("far too long", parse_root_of(1024 * 1024, &mount, &why), "cannot read the mount");
	memset(point, 'p', sizeof(point));
	point[PATH_MAX] = '\0';
	CHECK("point", mount_parse(OTHER, point, &mount, &why), "is too long");
}

TEST(test_method_names)
{
	check_string("keep", mount_method_name(MOUNT_KEEP), "keep");
	check_string("clear", mount_method_name(MOUNT_CLEAR_FLAG), "clear-flag");
	check_string("clone", mount_method_name(MOUNT_CLONE_ON_TOP), "clone-on-top");
}
