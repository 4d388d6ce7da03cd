/* SPDX-License-Identifier: Apache-2.0 */
/* Engine, parts - what the readers of the configurations share. See engine.h. */
#pragma once

#include <sys/stat.h>

#include "base/json.h"
#include "base/toml.h"
#include "cgdeleg/node/engine.h"

#define ENGINE_FILE_MAX	 (4 * 1024 * 1024) /* bytes of one file */
#define ENGINE_FILES_MAX 256		   /* files of one configuration, or of one directory */

/* One engine that is being read. */
struct engine_look {
	int root_fd;
	const char *root;
	struct arena *arena;
	struct engine_conf *engine;
	struct engine_file **last_file;
	bool no_memory; /* then nothing of it counts */
};

/* Adds a fault; takes the sentence as err has it. */
void engine_fault(struct engine_look *look, const char *file, unsigned line, int code, const char *text);

/* The whole file, below the root, links as the machine itself would follow them: 0, -ENOENT, or another negative errno,
 * with its fault where `must` or where there is something that cannot be read. *ret is malloc()'s. */
int engine_slurp(struct engine_look *look, const char *path, bool must, char **ret, size_t *ret_len, struct stat *ret_st);

/* Reads a file of the configuration and adds it to the engine's files. NULL where it is missing or has a fault. */
struct toml_node *engine_toml(struct engine_look *look, const char *path, bool must);
yyjson_doc *engine_json(struct engine_look *look, const char *path, bool must);

/* What in a directory ends with `suffix`, hidden or not, in byte order, as paths. */
struct engine_word *engine_directory(struct engine_look *look, const char *directory, const char *suffix);

/* An absolute path; a relative one is ENGINE_PROGRAM_MISSING, since engines look for none of cgdeleg's programs. */
enum engine_program engine_program_state(const struct engine_look *look, const char *path);

/* Is there a regular file, or a link to one? */
bool engine_is_file(const struct engine_look *look, const char *path);

/* The first bytes of a file, or a negative errno: no fault of the configuration's. */
ssize_t engine_read_start(const struct engine_look *look, const char *path, char *buf, size_t size);

/* Text that lives as long as the engines; sets no_memory where there is none. */
char *engine_text(struct engine_look *look, const char *format, ...) _printf_(2, 3);
const char *engine_copy(struct engine_look *look, const char *text); /* NULL stays NULL */
void *engine_alloc(struct engine_look *look, size_t size);

/* Appends a copy. */
void engine_add_word(struct engine_look *look, struct engine_word **list, const char *text);

/* The strings of an array. */
struct engine_word *engine_words(struct engine_look *look, const struct toml_node *array);

/* Appends to the engine's runtimes, or finds the one of that name. */
struct engine_runtime *engine_add_runtime(struct engine_look *look, struct engine_runtime **list, const char *name,
					  const char *file, unsigned line);

struct origin engine_origin(const char *file, unsigned line);

/* engine-hooks.c: cgdeleg's hooks in a base spec, and in the engine's hooks_dirs. */
void engine_read_base_spec(struct engine_look *look, struct engine_runtime *runtime);
void engine_read_hooks_dirs(struct engine_look *look);

/* engine-wrapper.c: is the runtime's program cgdeleg-runtime (with `words`, which the engine gives it), or a script that
 * executes it? */
void engine_read_wrapper(struct engine_look *look, struct engine_runtime *runtime, const char *const *words);

/* The word after `option`, or NULL; `option=value`, too, where `joined`. */
const char *engine_option(const char *const *words, const char *option, bool joined);

/* engine-process.c: an engine that runs. */
struct engine_process {
	enum engine kind;
	pid_t pid;
	int64_t started;
	const char *program; /* or NULL: not to be read */
	const char *const *words;
	struct engine_process *next;
};

/* Those of root or this user in this machine's own pid namespace; *ret_hidden: there may be more. */
struct engine_process *engine_processes(struct engine_look *look, bool *ret_hidden);

/* One reader an engine; `words` are the command line, {NULL} where it does not run. */
void engine_read_containerd(struct engine_look *look, const char *const *words);
void engine_read_crio(struct engine_look *look, const char *const *words);
void engine_read_podman(struct engine_look *look, const char *const *words);
void engine_read_docker(struct engine_look *look, const char *const *words);
