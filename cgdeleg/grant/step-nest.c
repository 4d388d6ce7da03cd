/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step - nesting: a leaf, the container's processes in it, controllers enabled above it.
 *
 * cgroup v2 forbids domain controllers in the children of a cgroup that itself holds processes, so a
 * payload that only wants a child with a limit needs its own processes out of the way first.
 *
 * The leaf is made, and the controllers are enabled, with the owner's file system ids: kernfs gives a new cgroup, and
 * every file that appears in it later, to the ids of the process that makes them appear (cgroup_kn_set_ugid()). So the
 * container owns all of the leaf, exactly as if it had made it, after one mkdir in place of sixty chowns, and never
 * only half of it. See step.h.
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

static int check_owner(int fd, const char *name, struct ids owner, struct err *err)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set_errno(err, errno, "cannot stat '%s' of the leaf", name);
	if (st.st_uid != owner.uid || st.st_gid != owner.gid)
		return err_set(err, EIO, "'%s' of the leaf belongs to %u:%u, %u:%u was expected", name, st.st_uid,
			       st.st_gid, owner.uid, owner.gid);
	return 0;
}

/* Runs `make` with the owner's file system ids, and returns to root's in every case. */
static int as_owner(struct ids owner, int (*make)(int fd, const char *text), int fd, const char *text, struct err *err)
{
	struct err back = { 0 };
	int made, r;

	r = privilege_make_as(owner.uid, owner.gid, err);
	made = r < 0 ? r : make(fd, text);
	if (privilege_make_as_root(owner.uid, owner.gid, &back) < 0) {
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
	const struct ids owner = step->leaf.owner;
	const char *name = step->leaf.name;
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	int r;

	if (fstatat(apply->target->cgroup_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, EEXIST, "the leaf '%s' exists already", name);
	undo->changed = true;
	r = as_owner(owner, make_directory, apply->target->cgroup_fd, name, err);
	if (r < 0)
		return err_set_errno(err, r, "cannot make the leaf '%s'", name);
	fd = open_leaf(apply, name, err);
	if (fd < 0)
		return fd;
	r = check_owner(fd, ".", owner, err);
	return r < 0 ? r : check_owner(fd, "cgroup.procs", owner, err);
}

int leaf_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	const char *name = undo->step->leaf.name;

	if (unlinkat(apply->target->cgroup_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_set_errno(err, errno, "cannot remove the leaf '%s'", name);
	return 0;
}

/* Moves whatever is in `from` into `to`, until `from` is empty. With `only` above 0, any other process there is a
 * fault: it has joined since the facts were gathered. */
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
				return err_set(err, EBUSY, "process %d has entered the container's cgroup", pids[i]);
			r = cgroup_attach(to, pids[i]);
			if (r < 0 && r != -ESRCH)
				return err_set_errno(err, r, "cannot move process %d", pids[i]);
		}
	}
	return err_set(err, EBUSY, "processes keep reappearing in the container's cgroup");
}

int move_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	_cleanup_close_ int leaf = open_leaf(apply, step->leaf.name, err);

	if (leaf < 0)
		return leaf;
	undo->changed = true;
	return move_all(apply->target->cgroup_fd, leaf, apply->target->pid, err);
}

int move_undo(const struct apply *apply, struct undo *undo, struct err *err)
{
	_cleanup_close_ int leaf = open_leaf(apply, undo->step->leaf.name, err);

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

/* "+cpu +memory" from the words of `list` that are not in `except`; "" if there are none. */
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
	const char *list = step->controllers.list, *name = step->controllers.leaf;
	char word[32], file[48];

	leaf = file_open_beneath(apply->target->cgroup_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (leaf == -ENOENT)
		return 0; /* the runtime has nested, in a leaf with another name */
	if (leaf < 0)
		return err_set_errno(err, leaf, "cannot open the leaf '%s'", name);
	while (text_next_word(&list, word, sizeof(word)) > 0) {
		int r;

		(void)snprintf(file, sizeof(file), "%s.max", word);
		if (faccessat(leaf, file, F_OK, 0) < 0)
			continue;
		r = check_owner(leaf, file, step->controllers.owner, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int controllers_run(const struct apply *apply, const struct step *step, struct undo *undo, struct err *err)
{
	char text[512], now[512];
	const char *list = step->controllers.list;
	char word[32];
	int r = read_enabled(apply, now, sizeof(now), err);

	if (r < 0)
		return r;
	undo->text = strdup(now);
	if (!undo->text)
		return err_set(err, ENOMEM, "out of memory");
	if (signed_words('+', list, now, text, sizeof(text))[0] == '\0')
		return 0;
	undo->changed = true;
	r = as_owner(step->controllers.owner, enable, apply->target->cgroup_fd, text, err);
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

	if (signed_words('-', undo->step->controllers.list, undo->text, text, sizeof(text))[0] == '\0')
		return 0;
	r = file_write_at(apply->target->cgroup_fd, "cgroup.subtree_control", text);
	if (r < 0)
		return err_set_errno(err, r, "cannot disable '%s' in cgroup.subtree_control", text);
	return 0;
}
