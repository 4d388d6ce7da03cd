/* SPDX-License-Identifier: Apache-2.0 */
/* Mountinfo: the topmost mount at a place, and every way in which it is not the one that is wanted. */
#include <inttypes.h>
#include <limits.h>

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
		    mount.nsdelegate != cases[i].nsdelegate || mount.layers != cases[i].layers)
			fail_msg("%s: id %" PRIu64 ", read-only %d, nsdelegate %d, layers %u", cases[i].name, mount.id,
				 mount.readonly, mount.nsdelegate, mount.layers);
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
