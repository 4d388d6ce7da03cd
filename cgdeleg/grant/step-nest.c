/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step - nesting: a leaf, the container's processes in it, controllers enabled above it.
 *
 * cgroup v2 forbids domain controllers in the children of a cgroup that itself holds processes, so a
 * payload that only wants a child with a limit needs its own processes out of the way first.
 *
 * The leaf is made, and the controllers are enabled, with the owner's file system ids: kernfs gives a new
 * cgroup, and every file that appears in it later, to the ids of whoever made them appear
 * (cgroup_kn_set_ugid()). So all of the leaf is the container's, exactly as if it had made it, with one
 * mkdir in place of sixty chowns and without a moment in which only half of it is. See step.h.
 */
#include "cgdeleg/grant/step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/privilege.h"
#include "base/text.h"

#define MOVE_ROUNDS 8 /* a process may fork while it is being moved; its child is then found next time */

static int open_leaf(const struct apply *apply, const char *name, struct err *err)
{
	int fd = file_open_beneath(apply->target->cgroup_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

	if (fd < 0)
		return err_set_errno(err, fd, "cannot open the leaf '%s'", name);
	return fd;
}

static int check_owner(int fd, const char *name, const struct step *step, struct err *err)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set_errno(err, errno, "cannot stat '%s' of the leaf", name);
	if (st.st_uid != step->uid || st.st_gid != step->gid)
		return err_set(err, EIO, "'%s' of the leaf belongs to %u:%u, %u:%u was expected", name, st.st_uid,
			       st.st_gid, step->uid, step->gid);
	return 0;
}

/* Runs `make` with the owner's file system ids and comes back to root's in every case. */
static int as_owner(const struct step *step, int (*make)(int fd, const char *text), int fd, const char *text,
		    struct err *err)
{
	struct err back = { 0 };
	int made, r;

	r = privilege_make_as(step->uid, step->gid, err);
	made = r < 0 ? r : make(fd, text);
	if (privilege_make_as_root(step->uid, step->gid, &back) < 0) {
		*err = back;
		return -back.code;
	}
	return made;
}

static int make_directory(int fd, const char *name)
{
	mode_t mask = umask(022); /* the mode that a mkdir by the container would have left */
	int r = mkdirat(fd, name, 0777) < 0 ? -errno : 0;

	(void)umask(mask);
	return r;
}

static int enable(int fd, const char *text)
{
	return file_write_at(fd, "cgroup.subtree_control", text);
}

int leaf_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	int r;

	if (fstatat(apply->target->cgroup_fd, step->file, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, EEXIST, "the leaf '%s' is there already", step->file);
	undo->changed = true;
	r = as_owner(step, make_directory, apply->target->cgroup_fd, step->file, err);
	if (r < 0)
		return err_set_errno(err, r, "cannot make the leaf '%s'", step->file);
	fd = open_leaf(apply, step->file, err);
	if (fd < 0)
		return fd;
	r = check_owner(fd, ".", step, err);
	return r < 0 ? r : check_owner(fd, "cgroup.procs", step, err);
}

int leaf_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	if (unlinkat(apply->target->cgroup_fd, undo->step->file, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_set_errno(err, errno, "cannot remove the leaf '%s'", undo->step->file);
	return 0;
}

/* Moves whatever is in `from` into `to`, until `from` is seen empty. With `only` above 0, any other
 * process there is a fault: somebody has joined since it was looked at. */
static int move_all(int from, int to, pid_t only, struct err *err)
{
	pid_t pids[CGROUP_PIDS_MAX];

	for (int round = 0; round < MOVE_ROUNDS; round++) {
		ssize_t n = cgroup_read_procs(from, pids, CGROUP_PIDS_MAX);

		if (n < 0)
			return err_set_errno(err, (int)n, "cannot read the container's cgroup.procs");
		if (n == 0)
			return 0;
		for (ssize_t i = 0; i < n; i++) {
			int r;

			if (only > 0 && pids[i] != only)
				return err_set(err, EBUSY, "process %d has come into the container's cgroup", pids[i]);
			r = cgroup_attach(to, pids[i]);
			if (r < 0 && r != -ESRCH)
				return err_set_errno(err, r, "cannot move process %d", pids[i]);
		}
	}
	return err_set(err, EBUSY, "the container's processes do not stay moved");
}

int move_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	_cleanup_close_ int leaf = open_leaf(apply, step->file, err);

	if (leaf < 0)
		return leaf;
	undo->changed = true;
	return move_all(apply->target->cgroup_fd, leaf, apply->target->pid, err);
}

int move_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	_cleanup_close_ int leaf = open_leaf(apply, undo->step->file, err);

	return leaf < 0 ? leaf : move_all(leaf, apply->target->cgroup_fd, 0, err);
}

static int read_enabled(const struct apply *apply, char *buf, size_t size, struct err *err)
{
	ssize_t n = file_read_record_at(apply->target->cgroup_fd, "cgroup.subtree_control", buf, size);

	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read cgroup.subtree_control");
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* "+cpu +memory" of the words of `list` that are not in `except`; "" when there are none. */
static const char *signed_words(char sign, const char *list, const char *except, char *buf, size_t size)
{
	char word[32];
	size_t used = 0;

	buf[0] = '\0';
	while (text_next_word(&list, word, sizeof(word)) > 0)
		if (!text_has_word(except, word) && used + strlen(word) + 3 < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%c%s", used ? " " : "", sign, word);
	return buf;
}

/* One file of each controller in the leaf, as a sample that the ids were the owner's. */
static int check_new_files(const struct apply *apply, const struct step *step, struct err *err)
{
	_cleanup_close_ int leaf = -EBADF;
	const char *list = step->file;
	char word[32], file[48];

	if (!apply->decision->nest)
		return 0;
	leaf = file_open_beneath(apply->target->cgroup_fd, apply->decision->nest, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (leaf == -ENOENT)
		return 0; /* nested by the runtime, in a leaf of another name */
	if (leaf < 0)
		return err_set_errno(err, leaf, "cannot open the leaf '%s'", apply->decision->nest);
	while (text_next_word(&list, word, sizeof(word)) > 0) {
		int r;

		(void)snprintf(file, sizeof(file), "%s.max", word);
		if (faccessat(leaf, file, F_OK, 0) < 0)
			continue;
		r = check_owner(leaf, file, step, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int controllers_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	char text[512], now[512];
	const char *list = step->file;
	char word[32];
	int r;

	r = read_enabled(apply, now, sizeof(now), err);
	if (r < 0)
		return r;
	undo->text = strdup(now);
	if (!undo->text)
		return err_set(err, ENOMEM, "out of memory");
	if (signed_words('+', step->file, now, text, sizeof(text))[0] == '\0')
		return 0;
	undo->changed = true;
	r = as_owner(step, enable, apply->target->cgroup_fd, text, err);
	if (r < 0)
		return err_set_errno(err, r, "cannot enable '%s' in cgroup.subtree_control", text);
	r = read_enabled(apply, now, sizeof(now), err);
	if (r < 0)
		return r;
	while (text_next_word(&list, word, sizeof(word)) > 0)
		if (!text_has_word(now, word))
			return err_set(err, EIO, "'%s' is not enabled after enabling it", word);
	return check_new_files(apply, step, err);
}

int controllers_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	char text[512];
	int r;

	if (signed_words('-', undo->step->file, undo->text, text, sizeof(text))[0] == '\0')
		return 0;
	r = file_write_at(apply->target->cgroup_fd, "cgroup.subtree_control", text);
	if (r < 0)
		return err_set_errno(err, r, "cannot disable '%s' in cgroup.subtree_control", text);
	return 0;
}
