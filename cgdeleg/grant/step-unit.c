/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step - ceilings of a cgroup that systemd manages, through systemd.
 *
 * When systemd changes one property of a unit, it writes all files that it has properties for, each with the value that
 * it remembers. That would remove what a runtime has written only to the files. So this step reads all these files
 * first, also passes on the values that limit anything, and checks afterwards that none is above what it was. Shares
 * and guarantees (weights, memory.low) are systemd's business. See step.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cgdeleg/grant/step.h"
#include "cgdeleg/kernel/systemd.h"

#define FILES_MAX	 12   /* that systemd has properties for, and some to spare */
#define SET_RESERVE_MS	 4000 /* of the hook's time, left for taking everything back */
#define UNDO_EXTRA_MS	 700  /* what an undo may take after the deadline: the alarm comes 1 s after it */
#define WITHOUT_DEADLINE 5000

struct unit_change {
	int mount_ns; /* the hook's own; an undo may start in the container's */
	int root;     /* the hook's root directory there; entering a mount namespace replaces it */
	struct unit_file {
		const struct limit_type *type; /* NULL: there is no such file here, or it has not been read yet */
		bool lowered;
		struct limit_value before, wanted;
	} files[FILES_MAX]; /* in the order of systemd_type() */
	struct arena arena; /* owns the lists of their values */
};

void unit_change_free(struct unit_change *change)
{
	if (!change)
		return;
	(void)close_fd(change->mount_ns);
	(void)close_fd(change->root);
	arena_done(&change->arena);
	free(change);
}

static void cleanup_change(struct unit_change **change)
{
	unit_change_free(*change);
}

static int64_t deadline(const struct apply *apply, int64_t offset_ms)
{
	return apply->deadline_ms ? apply->deadline_ms + offset_ms : clock_monotonic_ms() + WITHOUT_DEADLINE;
}

/* Each allows what the other allows: a device that is not listed is one without a limit. */
static bool is_same(const struct limit_type *type, const struct limit_value *a, const struct limit_value *b)
{
	return limit_within(type, a, b) && limit_within(type, b, a);
}

/* The value of a file, and the value that it shall have. `ceiling` NULL: the value stays, and the file may be
 * missing. */
static int read_file(int fd, const struct limit_type *type, const struct ceiling *ceiling, struct arena *arena,
		     struct unit_file *ret, struct err *err)
{
	const struct limit_value none = { 0 };
	struct limit_value free_lines;
	struct err unread = { 0 };
	int r = limit_read(fd, type->key, type, arena, &ret->before, &unread);

	if (r == -ENOENT && !ceiling)
		return 0; /* the controller is not there */
	if (r < 0 && err)
		*err = unread;
	if (r < 0)
		return r;
	ret->type = type;
	ret->wanted = ret->before;
	r = ceiling ? limit_smaller(type, &ret->before, &ceiling->value, arena, &ret->wanted, err) : 0;
	if (r <= 0)
		return r;
	ret->lowered = true;
	r = limit_check_common(type->key, type, &ret->before, &ret->wanted, err);
	/* Every line of `wanted` that `before` does not have, without limits: an undo must set that in systemd too. */
	if (r >= 0)
		r = limit_pick_lines(type, &none, &ret->wanted, arena, &free_lines, err);
	return r < 0 ? r : limit_add_lines(type, &ret->before, &free_lines, arena, err);
}

/* Reads the files that have a ceiling, or those that have none. Returns whether one must be lowered. */
static int read_files(int fd, const struct unit_ceilings *unit, bool with_ceiling, struct unit_change *change,
		      struct err *err)
{
	const struct limit_type *type;
	bool lowered = false;

	for (size_t i = 0; (type = systemd_type(i)) != NULL; i++) {
		const struct ceiling *ceiling = NULL;
		int r = 0;

		for (size_t c = 0; c < unit->n && !ceiling; c++)
			if (unit->ceilings[c]->type == type)
				ceiling = unit->ceilings[c];
		if (with_ceiling == !!ceiling)
			r = read_file(fd, type, ceiling, &change->arena, &change->files[i], err);
		if (r < 0)
			return r;
		lowered |= change->files[i].lowered;
	}
	return lowered;
}

static int tell_systemd(const struct host *host, const char *unit, const struct unit_change *change, bool back,
			int64_t deadline_ms, struct err *err)
{
	struct unit_words words = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < FILES_MAX; i++) {
		const struct unit_file *file = &change->files[i];
		const struct limit_value *value = back ? &file->before : &file->wanted;

		/* A value that limits nothing and stays is left to systemd. */
		if (file->type && (systemd_holds(file->type, value) || (back && file->lowered)))
			r = systemd_add_words(&words, file->type, value, err);
	}
	return r < 0 ? r : systemd_set(host->helpers, unit, &words, deadline_ms, err);
}

/* Checks that none is above what it was, and that every ceiling holds. What systemd may not have acted on has a step of
 * its own. */
static int check_files(int fd, const char *unit, const struct unit_change *change, struct err *err)
{
	for (size_t i = 0; i < FILES_MAX; i++) {
		const struct unit_file *file = &change->files[i];
		_cleanup_(limit_before_done) struct limit_before scratch = { .skip_unknown = true };
		struct limit_value now;
		int r;

		if (!file->type)
			continue;
		r = limit_lower(fd, file->type->key, file->type, &file->before, &scratch, err);
		if (r < 0)
			return r;
		if (!file->lowered || !systemd_vouches(file->type, &file->wanted))
			continue;
		r = limit_read(fd, file->type->key, file->type, &scratch.arena, &now, err);
		if (r < 0)
			return r;
		if (!limit_within(file->type, &now, &file->wanted))
			return err_set(err, EIO,
				       "systemd accepted the limits of '%s', but '%s' is still above its ceiling", unit,
				       file->type->key);
	}
	return 0;
}

/* A set that reads back as written need not be in force. */
static int check_sets(int fd, const struct unit_ceilings *unit, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < unit->n; i++) {
		const struct ceiling *c = unit->ceilings[i];

		r = limit_check_effective(fd, c->file, c->type, &c->value, err);
	}
	return r;
}

/* The descriptor of /proc is the host's: it names the namespace that this process is in now. */
static int come_back(const struct apply *apply, const struct unit_change *change, struct err *err)
{
	struct stat ns, own_ns, root, own_root;

	if (fstatat(apply->host->proc_fd, "self/ns/mnt", &ns, 0) < 0 || fstat(change->mount_ns, &own_ns) < 0 ||
	    stat("/", &root) < 0 || fstat(change->root, &own_root) < 0)
		return err_set_errno(err, errno, "cannot tell which mount namespace the hook is in");
	if (ns.st_ino == own_ns.st_ino && ns.st_dev == own_ns.st_dev && root.st_ino == own_root.st_ino &&
	    root.st_dev == own_root.st_dev)
		return 0;
	if (setns(change->mount_ns, CLONE_NEWNS) < 0 || fchdir(change->root) < 0 || chroot(".") < 0)
		return err_set_errno(err, errno, "cannot return from the container's mount namespace");
	return 0;
}

int unit_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	const struct unit_ceilings *unit = step->unit.ceilings;
	const int fd = step_place_fd(apply, step);
	_cleanup_(cleanup_change) struct unit_change *change = calloc(1, sizeof(*change));
	int r;

	if (!change)
		return err_set(err, ENOMEM, "out of memory");
	change->mount_ns = change->root = -EBADF;
	r = read_files(fd, unit, true, change, err);
	if (r <= 0)
		return r < 0 ? r : check_sets(fd, unit, err);
	/* The hook executes programs only in the host's mount namespace. */
	change->mount_ns = openat(apply->host->proc_fd, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (change->mount_ns < 0)
		return err_set_errno(err, errno, "cannot open the hook's own mount namespace");
	change->root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (change->root < 0)
		return err_set_errno(err, errno, "cannot open the hook's root directory");
	r = read_files(fd, unit, false, change, err);
	if (r < 0)
		return r;
	undo->changed = true;
	undo->unit = TAKE_PTR(change);
	r = tell_systemd(apply->host, step->unit.name, undo->unit, false, deadline(apply, -SET_RESERVE_MS), err);
	if (r >= 0)
		r = check_files(fd, step->unit.name, undo->unit, err);
	return r < 0 ? r : check_sets(fd, unit, err);
}

/* Writes the file directly, if systemd's rounding left another value, or systemd no longer answers. */
static int restore_files(int fd, const struct unit_change *change, struct err *err)
{
	_cleanup_(arena_done) struct arena arena = { 0 };
	int first = 0;

	for (size_t i = 0; i < FILES_MAX; i++) {
		const struct unit_file *file = &change->files[i];
		struct limit_before before = { .changed = true, .value = file->before };
		struct limit_value now;
		int r = file->type ? limit_read(fd, file->type->key, file->type, &arena, &now, err) : 0;

		if (r == 0 && file->type && !is_same(file->type, &now, &file->before))
			r = limit_restore(fd, file->type->key, file->type, &before, err);
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

/* Does every file have its old value? */
static int is_as_before(int fd, const struct unit_change *change, struct err *err)
{
	_cleanup_(arena_done) struct arena arena = { 0 };

	for (size_t i = 0; i < FILES_MAX; i++) {
		const struct unit_file *file = &change->files[i];
		struct limit_value now;
		int r = file->type ? limit_read(fd, file->type->key, file->type, &arena, &now, err) : 0;

		if (r < 0)
			return r;
		if (file->type && !is_same(file->type, &now, &file->before))
			return 0;
	}
	return 1;
}

int unit_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	const int fd = step_place_fd(apply, undo->step);
	struct err ignored = { 0 };
	int r, restored;

	/* A call that was refused or not answered has left the files as they were: there is nothing to undo. If systemd
	 * acts on it after all, it only lowers limits of a container that will not be created. */
	r = is_as_before(fd, undo->unit, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = come_back(apply, undo->unit, err);
	if (r < 0)
		return r;
	r = tell_systemd(apply->host, undo->step->unit.name, undo->unit, true, deadline(apply, UNDO_EXTRA_MS), err);
	restored = restore_files(fd, undo->unit, r < 0 ? &ignored : err);
	return r < 0 ? r : restored;
}
