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

static struct {
	const struct tree *tree;
	int calls;   /* of bpf_obj_get() so far */
	int appears; /* after so many the loader of another hook renames the directory; -1: never */
	int lasts;   /* faccessat(2)'s errno; 0: it is asked */
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
	char lines[1024], *at = lines;

	at += sprintf(at, "sys/fs/bpf/cgdeleg/%s/device_guard =\n", guard_build);
	at += sprintf(at, "sys/fs/bpf/cgdeleg/%s/device_rules =\n", guard_build);
	at += sprintf(at, "sys/fs/bpf/cgdeleg/%s/guard_grants =\n", guard_build);
	for (size_t i = 0; i < GUARD_PROGRAMS; i++)
		at += sprintf(at, "sys/fs/bpf/cgdeleg/%s/%s =\n", guard_build, guard_program_names[i]);
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
	program->type = strstr(path, "/device_guard") ? BPF_PROG_TYPE_CGROUP_DEVICE : BPF_PROG_TYPE_LSM;
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
	(void)name;
	(void)err;
	return 0;
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
	sys_fd = openat(tree.fd, "sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(sys_fd >= 0);
	return guards_open(sys_fd, ret, err);
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
		if (r == 0)
			assert_true(guards.device.rules_fd < 0 && guards.grant.grants_fd < 0);
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
