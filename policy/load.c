/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load - which files are the policy, and whether they can be trusted. See ruleset.h, load.h.
 *
 * Threat. Who can change what a link leads to decides what the policy is, and a link out of the directory would leave
 * the checks of it. So links are refused, but for those of a ConfigMap, whose files change all at once:
 *
 *     10.ini -> ..data/10.ini
 *     ..data -> ..2026_01_01_00_00_00.123456789
 *
 * The link ..data is read once and leads to a directory beside it, the generation, which is opened once, must be root's
 * alone as the others, and in which nothing is a link. Whatever changes meanwhile, the files are those of one generation:
 * all that are in it, also one whose own link is still to come. Rejected: to resolve links beneath the directory with
 * openat2(2). The kernel does not say which directories it came through, and two files could be of two generations.
 */
#include "policy/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"

#define GENERATION "..data"

struct loader {
	struct ruleset *rules;
	const char *path; /* of the directory, for messages */
	uid_t owner;	  /* who may own the files besides uid 0 */
	struct err *err;
	struct unread **unread_end; /* there may be thousands */
};

static int complain_file(struct ruleset *rules, const char *file, const char *fmt, ...) _printf_(3, 4);
static int complain_file(struct ruleset *rules, const char *file, const char *fmt, ...)
{
	struct origin origin = { .file = file };
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = ruleset_complain_va(rules, &origin, 0, fmt, ap);
	va_end(ap);
	return r;
}

/*
 * A file that is missing or not of the right kind is a fault of the policy, and a complaint. Anything else (no memory,
 * an I/O error, a call that is not permitted) is a fault of the machine: then nobody knows whom the policy names, and
 * the whole load fails.
 */
static int fail_file(struct loader *loader, const char *file, const char *what, int r)
{
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -ENXIO || r == -EISDIR)
		return complain_file(loader->rules, file, "cannot be %s: %s", what, strerror(-r));
	return err_set_errno(loader->err, r, "policy '%s' cannot be %s", file, what);
}

/* "<path>/<name>", or just "<path>", in the arena, since every origin points to it. NULL if memory ran out. */
static const char *join(struct loader *loader, const char *directory, const char *name)
{
	size_t size = strlen(loader->path) + strlen(directory) + strlen(name) + 3;
	char *joined = arena_alloc(loader->rules->arena, size);

	if (joined)
		(void)snprintf(joined, size, "%s%s%s%s%s", loader->path, *directory ? "/" : "", directory,
			       *name ? "/" : "", name);
	return joined;
}

/*
 * Can this file or directory be trusted? Whoever can write a policy file, or replace it in its directory, decides what
 * containers get. 1: yes; 0: no, and there is a complaint.
 */
static int is_trusted(struct loader *loader, const char *file, int fd, mode_t type)
{
	struct ruleset *rules = loader->rules;
	struct err why = { 0 };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		r = fail_file(loader, file, "examined", -errno);
	else if ((st.st_mode & S_IFMT) != type)
		r = complain_file(rules, file, "is not a %s", type == S_IFDIR ? "directory" : "regular file");
	else if (owner_check(&st, loader->owner, OWNER_MAY_READ, NULL, &why) < 0)
		r = complain_file(rules, file, "%s", why.text);
	else
		return 1;
	return r;
}

static int read_fd(struct loader *loader, const char *file, int fd)
{
	char *text = NULL;
	size_t len = 0;
	int r = is_trusted(loader, file, fd, S_IFREG);

	if (r <= 0)
		return r;
	r = file_slurp_regular(fd, POLICY_FILE_MAX, &text, &len);
	if (r == -EFBIG)
		return complain_file(loader->rules, file, "has more than %d bytes", POLICY_FILE_MAX);
	if (r < 0)
		return fail_file(loader, file, "read", r);
	if (arena_adopt(loader->rules->arena, text) < 0)
		return -ENOMEM;
	loader->rules->files[loader->rules->n_files++] = file;
	return ruleset_read(loader->rules, file, text, len);
}

/* A directory of the policy, and its generation. */
struct place {
	const char *name; /* below the policy's directory: "" or "policy.d" */
	int fd;
	int generation;	    /* -EBADF: there is none, or nothing needs it */
	bool no_generation; /* it was looked for */
};

static void place_done(struct place *place)
{
	(void)close_fd(place->fd);
	(void)close_fd(place->generation);
}

/* Is `name` in the directory a link of root's? Its text is then in `text`. */
static bool read_link(const struct loader *loader, int dirfd, const char *name, char *text, size_t size)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode) &&
	       owner_is_alone(&st, loader->owner, 0) && file_readlink_at(dirfd, name, text, size) >= 0;
}

/* Opens what ..data leads to, once. 0: it cannot be used, and there is a complaint. */
static int open_generation(struct loader *loader, struct place *place)
{
	const char *file = join(loader, place->name, GENERATION);
	char target[NAME_MAX + 1];
	int r;

	if (place->generation >= 0 || place->no_generation)
		return place->generation >= 0;
	if (!file)
		return -ENOMEM;
	place->no_generation = true;
	if (!read_link(loader, place->fd, GENERATION, target, sizeof(target)) || strchr(target, '/') ||
	    strcmp(target, ".") == 0 || strcmp(target, "..") == 0)
		return complain_file(loader->rules, file,
				     "is not a symbolic link that belongs to root and leads to a directory beside it");
	place->generation = file_open_beneath(place->fd, target, O_RDONLY | O_DIRECTORY);
	if (place->generation < 0)
		return fail_file(loader, file, "opened", place->generation);
	/* If it cannot be trusted, its files are read all the same, see load_all(). */
	r = is_trusted(loader, file, place->generation, S_IFDIR);
	return r < 0 ? r : 1;
}

/* -ENOENT: there is none; -ELOOP: it is a link that may not be; -EALREADY: there is a complaint. */
static int open_in(struct loader *loader, struct place *place, const char *name, int flags)
{
	const int fd = file_open_beneath(place->fd, name, flags);
	const size_t len = sizeof(GENERATION "/") - 1;
	char target[NAME_MAX + sizeof(GENERATION "/")];
	int r = 1;

	/* Without openat2(2) a link to a directory is no directory. */
	if (fd == -ELOOP || (fd == -ENOTDIR && (flags & O_DIRECTORY))) {
		if (!read_link(loader, place->fd, name, target, sizeof(target)))
			return fd;
		if (strncmp(target, GENERATION "/", len) != 0 || strcmp(target + len, name) != 0)
			return -ELOOP;
		r = open_generation(loader, place);
	} else if (fd != -ENOENT || place->generation < 0) {
		return fd;
	}
	return r < 0 ? r : r == 0 ? -EALREADY : file_open_beneath(place->generation, name, flags);
}

/* What open_in() did not open. */
static int fail_open(struct loader *loader, const char *file, const char *name, int r)
{
	if (r == -EALREADY)
		return 0;
	if (r != -ELOOP)
		return fail_file(loader, file, "opened", r);
	return complain_file(
		loader->rules, file,
		"is a symbolic link; put the file itself here, or links as a ConfigMap has them: this one to " GENERATION
		"/%s, and " GENERATION " to a directory beside it",
		name);
}

/* 1: it was there, whatever was wrong with it; 0: there is no such file. */
static int load_file(struct loader *loader, struct place *place, const char *name)
{
	const char *file = join(loader, place->name, name);
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (!file)
		return -ENOMEM;
	if (loader->rules->n_files == POLICY_FILES_MAX) {
		r = complain_file(loader->rules, file, "is one file too many: at most %d are read", POLICY_FILES_MAX);
		return r < 0 ? r : 1;
	}
	/* O_NONBLOCK: a fifo must not block the open before fstat() shows what it is. */
	fd = open_in(loader, place, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fail_open(loader, file, name, fd) : read_fd(loader, file, fd);
	return r < 0 ? r : 1;
}

/* Byte order: the same on every node, whatever its locale. */
static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char **list;
	size_t n;
};

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

static int add_name(struct names *names, const char *name)
{
	char **list = realloc(names->list, (names->n + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	names->list = list;
	list[names->n] = strdup(name);
	if (!list[names->n])
		return -ENOMEM;
	names->n++;
	return 0;
}

/* ".x.ini" is an editor's file; "x.ini~" and "x.ini.dpkg-new" are not in force. */
static bool is_policy_name(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".ini") == 0;
}

/* What is in the directory fd, or only the policy files. Takes over the descriptor. */
static int list_names(int fd, bool all, struct names *ret)
{
	_cleanup_dir_ DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = -errno;
		(void)close_fd(fd);
		return r;
	}
	for (errno = 0; r >= 0 && (entry = readdir(dir)); errno = 0)
		if (is_policy_name(entry->d_name) ||
		    (all && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0))
			r = add_name(ret, entry->d_name);
	return r >= 0 && errno != 0 ? -errno : r;
}

/* Names in byte order, with those of the generation. */
static int list_place(struct loader *loader, struct place *place, struct names *ret)
{
	int r = list_names(fcntl(place->fd, F_DUPFD_CLOEXEC, 3), true, ret);
	bool generations = false;

	for (size_t i = 0; i < ret->n; i++)
		generations |= strcmp(ret->list[i], GENERATION) == 0;
	if (r >= 0 && generations) {
		r = open_generation(loader, place);
		if (r > 0)
			r = list_names(fcntl(place->generation, F_DUPFD_CLOEXEC, 3), false, ret);
	}
	if (ret->n > 0)
		qsort(ret->list, ret->n, sizeof(*ret->list), compare_names);
	return r;
}

/* For finding.h: somebody may wait in vain for it to have an effect. */
static int keep_unread(struct loader *loader, const struct place *place, const char *name)
{
	struct unread *unread = arena_alloc(loader->rules->arena, sizeof(*unread));

	if (!unread)
		return -ENOMEM;
	*loader->unread_end = unread;
	loader->unread_end = &unread->next;
	unread->file = join(loader, place->name, name);
	return unread->file ? 0 : -ENOMEM;
}

static int load_names(struct loader *loader, struct place *place, const struct names *names)
{
	int r = 0;

	for (size_t i = 0; i < names->n && r >= 0; i++) {
		const char *name = names->list[i];

		if (i > 0 && strcmp(name, names->list[i - 1]) == 0)
			continue; /* the link, and the file in the generation */
		if (is_policy_name(name)) {
			r = load_file(loader, place, name);
			if (r == 0)
				r = fail_file(loader, join(loader, place->name, name), "opened", -ENOENT);
		} else if (place->generation < 0 || strncmp(name, "..", 2) != 0) {
			r = keep_unread(loader, place, name);
		}
	}
	return r;
}

static int load_drop_ins(struct loader *loader, struct place *above)
{
	_cleanup_(names_done) struct names names = { 0 };
	_cleanup_(place_done) struct place place = { "policy.d", -EBADF, -EBADF, false };
	const char *file = join(loader, place.name, "");
	int r;

	if (!file)
		return -ENOMEM;
	place.fd = open_in(loader, above, place.name, O_RDONLY | O_DIRECTORY);
	if (place.fd < 0)
		return place.fd == -ENOENT ? 0 : fail_open(loader, file, place.name, place.fd);
	r = is_trusted(loader, file, place.fd, S_IFDIR);
	if (r <= 0)
		return r;
	r = list_place(loader, &place, &names);
	if (r == -ENOMEM)
		return r;
	return r < 0 ? fail_file(loader, file, "listed", r) : load_names(loader, &place, &names);
}

/* Without policy.ini a file in policy.d must be there: a directory without both is more likely a mistake than a policy
 * that grants nothing. */
static int load_files(struct loader *loader, struct place *top)
{
	int r = load_file(loader, top, "policy.ini");

	/* A generation that has it, and the link to it is still to come. */
	if (r == 0 && faccessat(top->fd, GENERATION, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		r = open_generation(loader, top);
		if (r > 0)
			r = load_file(loader, top, "policy.ini");
	}
	if (r >= 0)
		r = load_drop_ins(loader, top);
	if (r < 0 || loader->rules->n_files > 0 || loader->rules->complaints)
		return r;
	return complain_file(
		loader->rules, join(loader, "", "policy.ini"),
		"is not there, and policy.d has no file that ends in .ini: write one of them; default.ini is one to start from");
}

static int load_all(struct loader *loader)
{
	_cleanup_(place_done) struct place top = { "", -EBADF, -EBADF, false };
	const char *file = join(loader, "", "");
	int r;

	if (!file)
		return -ENOMEM;
	top.fd = openat(AT_FDCWD, loader->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top.fd < 0)
		return fail_file(loader, file, "opened", -errno);
	r = is_trusted(loader, file, top.fd, S_IFDIR);
	/* A directory that cannot be trusted has broken the ruleset. Its files are read all the same, since they name
	 * the handlers whose containers are then refused. */
	if (r >= 0)
		r = load_files(loader, &top);
	return r < 0 ? r : ruleset_cross_check(loader->rules);
}

int ruleset_load(const char *path, uid_t owner, struct ruleset *ret, struct err *err)
{
	struct err why = { 0 };
	struct loader loader = { .rules = ret, .path = path, .owner = owner, .err = &why, .unread_end = &ret->unread };
	int r = ruleset_init(ret);

	if (r == 0)
		r = load_all(&loader);
	if (r >= 0)
		return 0;
	/* Only fail_file() writes a sentence; without one, memory ran out. */
	if (!why.text[0])
		return err_set(err, ENOMEM, "policy '%s': out of memory", path);
	if (err)
		*err = why;
	return r;
}

int ruleset_load_text(const char *file, const char *text, size_t len, struct ruleset *ret, struct err *err)
{
	int r = ruleset_init(ret);
	char *copy = r == 0 ? arena_strndup(ret->arena, text, len) : NULL;

	if (r == 0 && !copy)
		r = -ENOMEM;
	if (r == 0)
		ret->files[ret->n_files++] = file;
	if (r == 0)
		r = ruleset_read(ret, file, copy, len);
	if (r == 0)
		r = ruleset_cross_check(ret);
	return r < 0 ? err_set(err, ENOMEM, "policy '%s': out of memory", file) : 0;
}
