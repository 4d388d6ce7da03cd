/* SPDX-License-Identifier: Apache-2.0 */
/* Guard: the pins of this build, whole or not there, whenever the loader of another hook finishes. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/owner.h"
#include "bpf/guard.h"
#include "tests/unit/check.h"
#include "tests/unit/tree.h"

#define BUILD format("sys/fs/bpf/cgdeleg/%s", guard_build)

static struct {
	const struct tree *tree;
	const char *more; /* edits of what load() makes, NULL: nothing is there but what appears */
	bool foreign;	  /* the directory is somebody else's */
	int calls;	  /* of bpf_obj_get() so far */
	int appears;	  /* after so many the loader of another hook renames the directory; -1: never */
	int lasts;	  /* faccessat(2)'s errno; 0: it is asked */
} pins;

int __wrap_bpf_obj_get(const char *path);
int __wrap_bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size);
int __wrap_fstatfs64(int fd, struct statfs *ret);
int __real_fstatfs64(int fd, struct statfs *ret);
int __wrap_owner_check(const struct stat *st, uid_t owner, mode_t others, const char *name, struct err *err);
int __real_faccessat(int fd, const char *path, int mode, int flags);
int __wrap_faccessat(int fd, const char *path, int mode, int flags);

static void load(void)
{
	char lines[2048], *at = lines;

	at += sprintf(at, "%s/device_guard/device_guard =\n", BUILD);
	at += sprintf(at, "%s/device_guard/device_rules =\n", BUILD);
	at += sprintf(at, "%s/grant_guard/guard_grants =\n", BUILD);
	for (size_t i = 0; i < GUARD_PROGRAMS; i++)
		at += sprintf(at, "%s/grant_guard/%s =\n", BUILD, guard_program_names[i]);
	tree_edit(pins.tree, lines);
}

int __wrap_bpf_obj_get(const char *path)
{
	if (pins.calls++ == pins.appears)
		load();
	return open(path, O_RDONLY | O_CLOEXEC);
}

int __wrap_bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	char link[64], path[PATH_MAX];
	struct bpf_prog_info *program = info;

	(void)size;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	assert_true(file_readlink_at(AT_FDCWD, link, path, sizeof(path)) > 0);
	program->type = strstr(path, "/device_guard/") ? BPF_PROG_TYPE_CGROUP_DEVICE : BPF_PROG_TYPE_LSM;
	(void)snprintf(program->name, sizeof(program->name), "%s", strrchr(path, '/') + 1);
	return 0;
}

int __wrap_fstatfs64(int fd, struct statfs *ret)
{
	int r = __real_fstatfs64(fd, ret);

	ret->f_type = BPF_FS_MAGIC;
	return r;
}

int __wrap_owner_check(const struct stat *st, uid_t owner, mode_t others, const char *name, struct err *err)
{
	(void)st;
	(void)owner;
	(void)others;
	return pins.foreign ? err_set(err, EPERM, "'%s' is somebody else's", name) : 0;
}

int __wrap_faccessat(int fd, const char *path, int mode, int flags)
{
	if (pins.lasts == 0)
		return __real_faccessat(fd, path, mode, flags);
	errno = pins.lasts;
	return -1;
}

static int open_guards(int appears, struct guards *ret, struct err *err)
{
	_cleanup_(tree_free) struct tree tree;
	_cleanup_close_ int sys_fd = -EBADF;

	tree_new(&tree, "sys/fs/bpf/cgdeleg/");
	pins.tree = &tree;
	pins.calls = 0;
	pins.appears = appears;
	if (pins.more) {
		load();
		tree_edit(&tree, pins.more);
	}
	sys_fd = openat(tree.fd, "sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(sys_fd >= 0);
	return guards_open(sys_fd, WANT_BOTH_GUARDS, ret, err);
}

static bool is_whole(const struct guards *guards)
{
	return guards->device.program_fd >= 0 && guards->device.rules_fd >= 0 && grant_guard_is_whole(&guards->grant);
}

/* A build without guards has none to open. */
TEST(test_appears)
{
	if (!guard_build[0])
		skip();
	for (int appears = -1; appears < 12; appears++) {
		struct err err = { 0 };
		struct guards guards;
		int r = open_guards(appears, &guards, &err);

		check_result("open", r, &err, NULL);
		if (r != is_whole(&guards))
			fail_msg("the directory appears before call %d: %d, and the guards are %swhole", appears, r,
				 is_whole(&guards) ? "" : "not ");
		/* Each by itself is whole or not there. */
		assert_int_equal(guards.device.program_fd >= 0, guards.device.rules_fd >= 0);
		assert_int_equal(guards.grant.grants_fd >= 0, grant_guard_is_whole(&guards.grant));
		if (appears == 0)
			assert_int_equal(r, 1);
		guards_done(&guards);
	}
}

TEST(test_unknown)
{
	struct err err = { 0 };
	struct guards guards;

	if (!guard_build[0])
		skip();
	pins.lasts = ENOMEM;
	check_result("no memory", open_guards(-1, &guards, &err), &err, "Cannot allocate memory");
	pins.lasts = 0;
}

/* Pins that are whole, a kernel that cannot, what was not tried; and damage, which is none of these. */
TEST(test_pins)
{
	const struct {
		const char *edits;
		int want;
		const char *complaint, *cannot;
	} cases[] = {
		{ "#", 1, NULL, "" },
		{ format("- %s/grant_guard", BUILD), 0, NULL, "" },
		{ format("- %s/device_guard", BUILD), 0, NULL, "" },
		{ format("- %s", BUILD), 0, NULL, "" },
		{ format("- %s/grant_guard\n%s/grant_guard_cannot -> this kernel, alas", BUILD, BUILD), 1, NULL,
		  "this kernel, alas" },
		/* A note that is no link is none. */
		{ format("- %s/grant_guard\n%s/grant_guard_cannot = alas", BUILD, BUILD), -EINVAL, "cannot read", "" },
		{ format("- %s/grant_guard/guard_grants", BUILD), -EPERM, "run 'cgdeleg guard unload'", "" },
		{ format("- %s/grant_guard/guard_bpf", BUILD), -EPERM, "run 'cgdeleg guard unload'", "" },
		{ format("- %s/device_guard/device_guard", BUILD), -EPERM, "run 'cgdeleg guard unload'", "" },
		{ format("- %s/device_guard/device_rules", BUILD), -EPERM, "run 'cgdeleg guard unload'", "" },
		/* One program in the place of another. */
		{ format("- %s/grant_guard/guard_bpf\n%s/grant_guard/guard_bpf -> guard_file_open", BUILD, BUILD),
		  -EPERM, "run 'cgdeleg guard unload'", "" },
		{ format("- %s/device_guard/device_guard\n%s/device_guard/device_guard -> device_rules", BUILD, BUILD),
		  -EPERM, "run 'cgdeleg guard unload'", "" },
	};

	if (!guard_build[0])
		skip();
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct err err = { 0 };
		struct guards guards;
		int r;

		pins.more = cases[i].edits;
		r = open_guards(-1, &guards, &err);
		pins.more = NULL;
		if (r != cases[i].want || (cases[i].complaint && !strstr(err.text, cases[i].complaint)))
			fail_msg("%s: %d %s", cases[i].edits, r, err.text);
		check_string(cases[i].edits, guards.grant_cannot, cases[i].cannot);
		guards_done(&guards);
	}
}

/* Whoever was first in a bpffs that others may write: all that is in it counts for nothing, and the remedy is not to
 * give it to root. */
TEST(test_foreign)
{
	struct err err = { 0 };
	struct guards guards;

	if (!guard_build[0])
		skip();
	pins.more = "#";
	pins.foreign = true;
	check_result("foreign", open_guards(-1, &guards, &err), &err, "somebody else's; remove it");
	pins.more = NULL;
	pins.foreign = false;
	assert_true(guards.grant.grants_fd < 0 && guards.device.program_fd < 0);
}
