/* SPDX-License-Identifier: Apache-2.0 */
/* Guard load - from the embedded objects to pins. See guard-load.h. */
#include "bpf/guard-load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "bpf/cannot.h"
#include "bpf/guard-kernel.h"
#include "bpf/guard-objects.h"
#include "bpf/guard.h"

#define UNFINISHED  "unfinished" /* a directory of pins that does not have its final name yet */
#define TREE_LEVELS 2		 /* of directories below GUARD_DIRECTORY: a build, a guard */

static void cleanup_object(struct bpf_object **object)
{
	bpf_object__close(*object);
}

/* The first warning says what is wrong; the rest is the verifier's log. */
static char first_warning[200];

static int keep_first_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && !first_warning[0]) {
		(void)vsnprintf(first_warning, sizeof(first_warning), format, args);
		first_warning[strcspn(first_warning, "\n")] = '\0';
	}
	return 0;
}

/* Opens the object, prepares it for this kernel, loads it, and proves that the kernel runs it. 0, KERNEL_CANNOT or
 * a negative errno: what the verifier says is one of those, since it can also be the word of a security module. */
static int load_object(const struct guard_object *row, struct bpf_object **ret, struct err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = row->name);
	size_t size = 0;
	const void *elf = row->elf(&size);
	int r = 0;

	first_warning[0] = '\0';
	(void)libbpf_set_print(keep_first_warning);
	*ret = bpf_object__open_mem(elf, size, &opts);
	if (!*ret)
		return err_set_errno(err, errno, "cannot read the object %s: %s", row->name, first_warning);
	if (row->prepare)
		r = row->prepare(*ret, err);
	if (r == 0 && bpf_object__load(*ret) < 0) {
		r = err_set_errno(err, errno, "the kernel rejected %s (%s)", row->name, first_warning);
		/* Only programs that are attached to functions of the kernel are prepared. */
		if (row->prepare)
			r = guard_kernel_explain(r, err);
	}
	return r != 0 || !row->prove ? r : row->prove(*ret, err);
}

static int pin_one(int fd, const char *name, struct err *err)
{
	if (bpf_obj_pin(fd, name) < 0)
		return err_set_errno(err, errno, "cannot pin '%s' in '" GUARD_DIRECTORY "'", name);
	return 0;
}

/* Pins by relative names in the working directory, which was checked. */
static int pin_object(const struct bpf_object *object, struct err *err)
{
	struct bpf_program *program;
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_program(program, object)
	{
		if (r >= 0)
			r = pin_one(bpf_program__fd(program), bpf_program__name(program), err);
	}
	bpf_object__for_each_map(map, object)
	{
		/* Internal maps are constants of the programs: nobody opens them. */
		if (r >= 0 && !bpf_map__is_internal(map))
			r = pin_one(bpf_map__fd(map), bpf_map__name(map), err);
	}
	return r;
}

static int need_objects(struct err *err)
{
	if (guard_objects[0].name)
		return 0;
	return err_set(err, ENOTSUP, "this build has no BPF guards: build it with clang and bpftool installed");
}

int guard_try(struct guard_load *ret, struct err *err)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = need_objects(err);
	if (r < 0)
		return r;
	for (const struct guard_object *row = guard_objects; row->name && ret->n < GUARD_OBJECTS_MAX; row++) {
		_cleanup_(cleanup_object) struct bpf_object *object = NULL;
		struct guard_loaded *loaded = &ret->objects[ret->n++];

		loaded->name = row->name;
		loaded->cannot = load_object(row, &object, &loaded->err) == KERNEL_CANNOT;
	}
	return 0;
}

/* The directory of all builds; made if it is missing; locked until it is closed. */
static int open_locked(int sys_fd, struct err *err)
{
	_cleanup_close_ int bpffs = file_open_beneath(sys_fd, "fs/bpf", O_RDONLY | O_DIRECTORY);
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (bpffs < 0)
		return err_set_errno(err, bpffs, "cannot open '/sys/fs/bpf'");
	if (!file_is_in(bpffs, BPF_FS_MAGIC))
		return err_set(
			err, ENODEV,
			"no bpffs is mounted at '/sys/fs/bpf', where the BPF guards are pinned; run 'mount -t bpf -o mode=0700 bpf /sys/fs/bpf'");
	if (mkdirat(bpffs, "cgdeleg", 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, errno, "cannot make '" GUARD_DIRECTORY "'");
	fd = file_open_beneath(bpffs, "cgdeleg", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return err_set_errno(err, fd, "cannot open '" GUARD_DIRECTORY "'");
	r = guard_directory_check(fd, GUARD_DIRECTORY, err);
	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX) < 0)
		return err_set_errno(err, errno, "cannot lock '" GUARD_DIRECTORY "'");
	return TAKE_FD(fd);
}

/* Removes `name`, whatever it is: a pin, a note, or a directory with what is in it. Those of an older build lie one level
 * higher. */
static int remove_tree(int fd, const char *name, int levels, struct err *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	int below, r = 0;

	if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR || levels == 0)
		return err_set_errno(err, errno, "cannot remove '%s' in '" GUARD_DIRECTORY "'", name);
	below = file_open_beneath(fd, name, O_RDONLY | O_DIRECTORY);
	dir = below < 0 ? NULL : fdopendir(below); /* which owns it from here on */
	if (!dir)
		return err_set_errno(err, below < 0 ? below : errno, "cannot list '%s' in '" GUARD_DIRECTORY "'", name);
	for (struct dirent *entry; r >= 0 && (entry = readdir(dir)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = remove_tree(below, entry->d_name, levels - 1, err);
	if (r >= 0 && unlinkat(fd, name, AT_REMOVEDIR) < 0)
		r = err_set_errno(err, errno, "cannot remove '%s' in '" GUARD_DIRECTORY "'", name);
	return r;
}

/* In `fd`, GUARD_DIRECTORY. The pins are made by names relative to the working directory. */
static int pin_beside(int fd, const struct bpf_object *object, struct err *err)
{
	_cleanup_close_ int fresh = -EBADF;
	int r = remove_tree(fd, UNFINISHED, TREE_LEVELS, err);

	if (r < 0)
		return r;
	if (mkdirat(fd, UNFINISHED, 0700) < 0)
		return err_set_errno(err, errno, "cannot make '" GUARD_DIRECTORY "/" UNFINISHED "'");
	fresh = file_open_beneath(fd, UNFINISHED, O_RDONLY | O_DIRECTORY);
	if (fresh < 0 || fchdir(fresh) < 0)
		return err_set_errno(err, fresh < 0 ? fresh : errno,
				     "cannot change to '" GUARD_DIRECTORY "/" UNFINISHED "'");
	r = pin_object(object, err);
	if (chdir("/") < 0 && r >= 0)
		r = err_set_errno(err, errno, "cannot change to '/'");
	return r;
}

/* Complete or absent: `name` is the guard's in the build's directory `build`. */
static int publish(int fd, int build, const char *name, const struct bpf_object *object, struct err *err)
{
	int r = pin_beside(fd, object, err);

	if (r >= 0 && renameat2(fd, UNFINISHED, build, name, RENAME_NOREPLACE) < 0)
		r = err_set_errno(err, errno, "cannot rename the new directory of pins to '" GUARD_DIRECTORY "/%s/%s'",
				  guard_build, name);
	if (r < 0)
		(void)remove_tree(fd, UNFINISHED, TREE_LEVELS, NULL);
	return r;
}

/* 1: nothing was to be done. */
static int load_one(int fd, int build, const struct guard_object *row, struct guard_loaded *ret, struct err *err)
{
	_cleanup_(cleanup_object) struct bpf_object *object = NULL;
	char name[64], why[GUARD_CANNOT_SIZE];
	int r;

	(void)snprintf(name, sizeof(name), "%s" GUARD_CANNOT_SUFFIX, row->name);
	ret->name = row->name;
	if (file_readlink_at(build, name, why, sizeof(why)) >= 0) {
		ret->cannot = true;
		(void)err_set(&ret->err, ENOTSUP, "%s", why);
		return 1;
	}
	if (faccessat(build, row->name, F_OK, 0) == 0)
		return 1;
	r = load_object(row, &object, &ret->err);
	ret->cannot = r == KERNEL_CANNOT;
	if (ret->cannot) {
		(void)snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1, ret->err.text);
		return symlinkat(why, build, name) == 0
			       ? 0
			       : err_set_errno(err, errno, "cannot make '" GUARD_DIRECTORY "/%s/%s'", guard_build, name);
	}
	if (r == 0)
		r = publish(fd, build, row->name, object, &ret->err);
	if (r < 0 && err)
		*err = ret->err;
	return r;
}

int guard_load(int sys_fd, struct guard_load *ret, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_close_ int build = -EBADF;
	int r, first = 0;

	memset(ret, 0, sizeof(*ret));
	r = need_objects(err);
	if (r < 0)
		return r;
	fd = open_locked(sys_fd, err);
	if (fd < 0)
		return fd;
	if (mkdirat(fd, guard_build, 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, errno, "cannot make '" GUARD_DIRECTORY "/%s'", guard_build);
	build = file_open_beneath(fd, guard_build, O_RDONLY | O_DIRECTORY);
	if (build < 0)
		return err_set_errno(err, build, "cannot open '" GUARD_DIRECTORY "/%s'", guard_build);
	ret->there = true;
	for (const struct guard_object *row = guard_objects; row->name && ret->n < GUARD_OBJECTS_MAX; row++) {
		r = load_one(fd, build, row, &ret->objects[ret->n++], first < 0 ? NULL : err);
		ret->there = ret->there && r == 1;
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

int guard_unload(int sys_fd, const char *keep, size_t *ret_removed, struct err *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	_cleanup_close_ int fd = open_locked(sys_fd, err);
	int copy, r = 0;

	*ret_removed = 0;
	if (fd < 0)
		return fd;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir)
		return err_set_errno(err, errno, "cannot list '" GUARD_DIRECTORY "'");
	for (struct dirent *entry; r >= 0 && (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.' || (keep && strcmp(entry->d_name, keep) == 0))
			continue;
		r = remove_tree(fd, entry->d_name, TREE_LEVELS, err);
		*ret_removed += r >= 0;
	}
	return r;
}
