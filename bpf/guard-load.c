/* SPDX-License-Identifier: Apache-2.0 */
/* Guard load - from the embedded objects to pins. See guard-load.h. */
#include "bpf/guard-load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "bpf/guard-objects.h"
#include "bpf/guard.h"

#define UNFINISHED "unfinished" /* a directory of pins that does not have its final name yet */

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

bool guard_refusal_lasts(int r, bool loaded)
{
	/* Proving: the kernel does not run the programs. */
	if (loaded)
		return r == -ENOTSUP;
	/* Loading: whatever the verifier says lasts, but not a lack of memory or the like. */
	return !err_is_passing(r);
}

/* Opens the object, prepares it for this kernel, loads it, and proves that the kernel runs it. */
static int load_object(const struct guard_object *row, struct bpf_object **ret, bool *ret_lasts, struct err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = row->name);
	size_t size = 0;
	const void *elf = row->elf(&size);
	int r = 0;

	first_warning[0] = '\0';
	(void)libbpf_set_print(keep_first_warning);
	*ret = bpf_object__open_mem(elf, size, &opts);
	if (!*ret)
		r = err_set_errno(err, errno, "cannot read the object %s: %s", row->name, first_warning);
	else if (row->prepare)
		r = row->prepare(*ret, err);
	if (r >= 0 && bpf_object__load(*ret) < 0)
		r = err_set_errno(err, errno, "the kernel rejected %s (%s)", row->name, first_warning);
	*ret_lasts = guard_refusal_lasts(r, false);
	if (r < 0 || !row->prove)
		return r;
	r = row->prove(*ret, err);
	*ret_lasts = guard_refusal_lasts(r, true);
	return r;
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

/* Loads every object, and pins them if `pin`. The first is the device guard: without it everything fails. If another
 * one fails, the directory gets its final name, and nobody tries again, only if the failure lasts on this kernel. */
static int load_all(bool pin, struct guard_load *ret, struct err *err)
{
	for (const struct guard_object *row = guard_objects; row->name && ret->n < GUARD_OBJECTS_MAX; row++) {
		_cleanup_(cleanup_object) struct bpf_object *object = NULL;
		struct err *why = &ret->objects[ret->n].err;
		bool lasts = false;
		int r;

		ret->objects[ret->n++].name = row->name;
		r = load_object(row, &object, &lasts, why);
		if (r >= 0 && pin) {
			lasts = false;
			r = pin_object(object, why);
		}
		if (r < 0 && (row == guard_objects || (pin && !lasts))) {
			if (err)
				*err = *why;
			return r;
		}
	}
	return 0;
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
	return r < 0 ? r : load_all(false, ret, err);
}

/* The directory of all builds; made if it is missing; locked until it is closed. */
static int open_locked(int sys_fd, struct err *err)
{
	_cleanup_close_ int bpffs = file_open_beneath(sys_fd, "fs/bpf", O_RDONLY | O_DIRECTORY);
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (bpffs < 0)
		return err_set_errno(err, bpffs, "cannot open '/sys/fs/bpf'");
	if (mkdirat(bpffs, "cgdeleg", 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, errno,
				     "cannot make '" GUARD_DIRECTORY "' (is a bpffs mounted at '/sys/fs/bpf'?)");
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

/* Removes one directory of pins, which has no subdirectories. */
static int remove_build(int fd, const char *name, struct err *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	int below = file_open_beneath(fd, name, O_RDONLY | O_DIRECTORY);

	if (below == -ENOENT)
		return 0;
	dir = below < 0 ? NULL : fdopendir(below); /* which owns it from here on */
	if (!dir)
		return err_set_errno(err, below < 0 ? below : errno, "cannot list '" GUARD_DIRECTORY "/%s'", name);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] != '.' && unlinkat(below, entry->d_name, 0) < 0)
			return err_set_errno(err, errno, "cannot remove '%s' in '" GUARD_DIRECTORY "/%s'",
					     entry->d_name, name);
	if (unlinkat(fd, name, AT_REMOVEDIR) < 0)
		return err_set_errno(err, errno, "cannot remove '" GUARD_DIRECTORY "/%s'", name);
	return 0;
}

static int load_into(int fd, struct guard_load *ret, struct err *err)
{
	_cleanup_close_ int fresh = -EBADF;
	int r = remove_build(fd, UNFINISHED, err);

	if (r < 0)
		return r;
	if (mkdirat(fd, UNFINISHED, 0700) < 0)
		return err_set_errno(err, errno, "cannot make '" GUARD_DIRECTORY "/" UNFINISHED "'");
	fresh = file_open_beneath(fd, UNFINISHED, O_RDONLY | O_DIRECTORY);
	if (fresh < 0 || fchdir(fresh) < 0)
		return err_set_errno(err, fresh < 0 ? fresh : errno,
				     "cannot change to '" GUARD_DIRECTORY "/" UNFINISHED "'");
	r = load_all(true, ret, err);
	if (chdir("/") < 0 && r >= 0)
		r = err_set_errno(err, errno, "cannot change to '/'");
	if (r >= 0 && renameat2(fd, UNFINISHED, fd, guard_build, RENAME_NOREPLACE) < 0)
		r = err_set_errno(err, errno, "cannot rename the new directory of pins to '" GUARD_DIRECTORY "/%s'",
				  guard_build);
	if (r < 0)
		(void)remove_build(fd, UNFINISHED, NULL);
	return r;
}

int guard_load(int sys_fd, struct guard_load *ret, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = need_objects(err);
	if (r < 0)
		return r;
	fd = open_locked(sys_fd, err);
	if (fd < 0)
		return fd;
	ret->there = faccessat(fd, guard_build, F_OK, 0) == 0;
	return ret->there ? 0 : load_into(fd, ret, err);
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
		r = remove_build(fd, entry->d_name, err);
		*ret_removed += r >= 0;
	}
	return r;
}
