/* SPDX-License-Identifier: Apache-2.0 */
/* Engine, conf - the files of a configuration, below the root of a machine, and lists of what is in them. See engine.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "cgdeleg/node/engine-parts.h"

#define JSON_DEPTH 64

struct origin engine_origin(const char *file, unsigned line)
{
	return (struct origin) { .file = file, .line = line };
}

void *engine_alloc(struct engine_look *look, size_t size)
{
	void *memory = arena_alloc(look->arena, size);

	look->no_memory |= !memory;
	return memory;
}

char *engine_text(struct engine_look *look, const char *format, ...)
{
	char *kept = NULL, *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n >= 0) {
		kept = arena_strndup(look->arena, text, (size_t)n);
		free(text);
	}
	look->no_memory |= !kept;
	return kept;
}

const char *engine_copy(struct engine_look *look, const char *text)
{
	const char *kept = text ? arena_strdup(look->arena, text) : NULL;

	look->no_memory |= text && !kept;
	return kept;
}

void engine_fault(struct engine_look *look, const char *file, unsigned line, int code, const char *text)
{
	struct engine_fault *fault = engine_alloc(look, sizeof(*fault)), **at = &look->engine->faults;
	const char *kept = engine_copy(look, text), *path = engine_copy(look, file);

	if (look->no_memory)
		return;
	*fault = (struct engine_fault) { .place = engine_origin(path, line), .code = code, .text = kept };
	while (*at)
		at = &(*at)->next;
	*at = fault;
}

void engine_add_word(struct engine_look *look, struct engine_word **list, const char *text)
{
	struct engine_word *word = engine_alloc(look, sizeof(*word));

	while (*list)
		list = &(*list)->next;
	if (!word)
		return;
	word->text = engine_copy(look, text);
	if (word->text)
		*list = word;
}

struct engine_word *engine_words(struct engine_look *look, const struct toml_node *array)
{
	struct engine_word *words = NULL;

	for (const struct toml_node *t = array && array->type == TOML_ARRAY ? array->first : NULL; t; t = t->next)
		if (t->type == TOML_STRING)
			engine_add_word(look, &words, t->text);
	return words;
}

struct engine_runtime *engine_add_runtime(struct engine_look *look, struct engine_runtime **list, const char *name,
					  const char *file, unsigned line)
{
	struct engine_runtime *runtime;

	for (; *list; list = &(*list)->next)
		if (strcmp((*list)->name, name) == 0)
			return *list;
	runtime = engine_alloc(look, sizeof(*runtime));
	if (!runtime)
		return NULL;
	runtime->name = engine_copy(look, name);
	runtime->place = engine_origin(file, line);
	if (!runtime->name)
		return NULL;
	return *list = runtime;
}

/* Links lead where they lead in the machine itself, and never out of it. */
static int open_in_root(const struct engine_look *look, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT };
	int fd = (int)syscall(SYS_openat2, look->root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

bool engine_is_file(const struct engine_look *look, const char *path)
{
	_cleanup_close_ int fd = open_in_root(look, path, O_PATH);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* On this machine itself the program must be root's; in a described one, whoever describes it stands for root. */
enum engine_program engine_program_state(const struct engine_look *look, const char *path)
{
	_cleanup_close_ int fd = path[0] == '/' ? open_in_root(look, path, O_PATH) : -ENOENT;
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? ENGINE_PROGRAM_MISSING : ENGINE_PROGRAM_UNSEEN;
	if (fstat(fd, &st) < 0)
		return ENGINE_PROGRAM_UNSEEN;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return ENGINE_PROGRAM_NOT_EXECUTABLE;
	return owner_is_alone(&st, strcmp(look->root, "/") == 0 ? 0 : geteuid(), OWNER_MAY_READ)
		       ? ENGINE_PROGRAM_FINE
		       : ENGINE_PROGRAM_NOT_ALONE;
}

ssize_t engine_read_start(const struct engine_look *look, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = open_in_root(look, path, O_RDONLY | O_NONBLOCK);
	ssize_t n = fd < 0 ? fd : read(fd, buf, size);

	return fd >= 0 && n < 0 ? -errno : n;
}

static int fail(struct engine_look *look, const char *path, int code)
{
	struct err err;

	(void)err_set_errno(&err, code, "cannot read '%s'", path);
	engine_fault(look, path, 0, -code, err.text);
	return code;
}

int engine_slurp(struct engine_look *look, const char *path, bool must, char **ret, size_t *ret_len, struct stat *ret_st)
{
	_cleanup_close_ int fd = open_in_root(look, path, O_RDONLY | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd == -ENOENT && !must)
		return fd;
	if (fd < 0)
		return fail(look, path, fd);
	if (fstat(fd, &st) < 0)
		return fail(look, path, -errno);
	if (!S_ISREG(st.st_mode))
		return fail(look, path, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL);
	r = file_slurp_regular(fd, ENGINE_FILE_MAX, ret, ret_len);
	if (r < 0)
		return fail(look, path, r);
	if (ret_st)
		*ret_st = st;
	return 0;
}

/* The file as one of the configuration. Its path lives as long as the engines. */
static int read_conf(struct engine_look *look, const char *path, bool must, char **ret, size_t *ret_len,
		     struct engine_file **ret_file)
{
	struct stat st = { 0 };
	int r = engine_slurp(look, path, must, ret, ret_len, &st);
	struct engine_file *file;

	if (r < 0)
		return r;
	file = engine_alloc(look, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->path = engine_copy(look, path);
	file->changed = st.st_mtim.tv_sec;
	if (!file->path)
		return -ENOMEM;
	*look->last_file = file;
	look->last_file = &file->next;
	*ret_file = file;
	return 0;
}

struct toml_node *engine_toml(struct engine_look *look, const char *path, bool must)
{
	_cleanup_free_ char *text = NULL;
	struct toml_node *node = NULL;
	struct engine_file *file;
	struct err err;
	size_t len = 0;
	int r;

	if (read_conf(look, path, must, &text, &len, &file) < 0)
		return NULL;
	r = toml_parse(look->arena, file->path, text, len, &node, &err);
	if (r < 0) {
		engine_fault(look, path, 0, EINVAL, err.text);
		look->no_memory |= r == -ENOMEM;
		return NULL;
	}
	return node;
}

yyjson_doc *engine_json(struct engine_look *look, const char *path, bool must)
{
	_cleanup_free_ char *text = NULL;
	yyjson_doc *doc = NULL;
	struct engine_file *file;
	struct err err;
	size_t len = 0;
	int r;

	if (read_conf(look, path, must, &text, &len, &file) < 0)
		return NULL;
	r = json_parse(text, len, JSON_DEPTH, path, &doc, &err);
	if (r < 0) {
		engine_fault(look, path, 0, EINVAL, err.text);
		look->no_memory |= r == -ENOMEM;
	}
	return doc;
}

static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

struct engine_word *engine_directory(struct engine_look *look, const char *directory, const char *suffix)
{
	_cleanup_close_ int fd = open_in_root(look, directory, O_RDONLY | O_DIRECTORY);
	struct engine_word *words = NULL;
	struct dirent **names = NULL;
	char own[32];
	int n, taken = 0;

	if (fd == -ENOENT)
		return NULL;
	(void)snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	n = fd < 0 ? fd : scandir(own, &names, NULL, compare);
	if (n < 0) {
		(void)fail(look, directory, fd < 0 ? fd : -errno);
		return NULL;
	}
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		const size_t len = strlen(name), end = strlen(suffix);

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && len >= end &&
		    strcmp(name + len - end, suffix) == 0 && taken++ < ENGINE_FILES_MAX) {
			const char *path = engine_text(look, "%s/%s", directory, name);

			if (path)
				engine_add_word(look, &words, path);
		}
		free(names[i]);
	}
	free(names);
	return words;
}
