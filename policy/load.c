/* SPDX-License-Identifier: Apache-2.0 */
/* Load - which files are the policy, and whether they can be trusted. See ruleset.h, load.h. */
#include "policy/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"

struct loader {
	struct ruleset *rules;
	const char *path; /* of the directory, for messages */
	uid_t owner;	  /* who may own the files besides uid 0 */
	struct err *err;
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

static int load_file(struct loader *loader, int dirfd, const char *directory, const char *name)
{
	const char *file = join(loader, directory, name);
	_cleanup_close_ int fd = -EBADF;

	if (!file)
		return -ENOMEM;
	if (loader->rules->n_files == POLICY_FILES_MAX)
		return complain_file(loader->rules, file, "is one file too many: at most %d are read", POLICY_FILES_MAX);
	/* O_NONBLOCK: a fifo must not block the open before fstat() shows what it is. */
	fd = file_open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd == -ELOOP)
		return complain_file(loader->rules, file, "is a symbolic link; put the file itself here");
	if (fd < 0)
		return fail_file(loader, file, "opened", fd);
	return read_fd(loader, file, fd);
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

/* The policy files in the directory fd, in byte order. Takes over the descriptor. */
static int list_names(int fd, struct names *ret)
{
	_cleanup_dir_ DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = -errno;
		(void)close_fd(fd);
		return r;
	}
	for (errno = 0; r >= 0 && (entry = readdir(dir)); errno = 0) {
		size_t len = strlen(entry->d_name);

		/* ".x.ini" is an editor's file; "x.ini~" and "x.ini.dpkg-new" are not in force. */
		if (entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".ini") == 0)
			r = add_name(ret, entry->d_name);
	}
	if (r >= 0 && errno != 0)
		r = -errno;
	if (ret->n > 0)
		qsort(ret->list, ret->n, sizeof(*ret->list), compare_names);
	return r;
}

static int load_drop_ins(struct loader *loader, int dirfd)
{
	_cleanup_(names_done) struct names names = { 0 };
	_cleanup_close_ int fd = -EBADF;
	const char *file = join(loader, "policy.d", "");
	int r;

	if (!file)
		return -ENOMEM;
	fd = file_open_beneath(dirfd, "policy.d", O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fail_file(loader, file, "opened", fd);
	r = is_trusted(loader, file, fd, S_IFDIR);
	if (r <= 0)
		return r;
	r = list_names(fcntl(fd, F_DUPFD_CLOEXEC, 3), &names);
	if (r < 0)
		return fail_file(loader, file, "listed", r);
	for (size_t i = 0; i < names.n; i++) {
		r = load_file(loader, fd, "policy.d", names.list[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_all(struct loader *loader)
{
	_cleanup_close_ int fd = -EBADF;
	const char *file = join(loader, "", "");
	int r;

	if (!file)
		return -ENOMEM;
	fd = openat(AT_FDCWD, loader->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_file(loader, file, "opened", -errno);
	r = is_trusted(loader, file, fd, S_IFDIR);
	/* A directory that cannot be trusted has broken the ruleset. Its files are read all the same, since they name
	 * the handlers whose containers are then refused. */
	if (r >= 0)
		r = load_file(loader, fd, "", "policy.ini");
	if (r >= 0)
		r = load_drop_ins(loader, fd);
	return r < 0 ? r : ruleset_cross_check(loader->rules);
}

int ruleset_load(const char *path, uid_t owner, struct ruleset *ret, struct err *err)
{
	struct err why = { 0 };
	struct loader loader = { .rules = ret, .path = path, .owner = owner, .err = &why };
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
