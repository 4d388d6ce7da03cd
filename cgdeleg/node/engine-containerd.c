/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine, containerd - config.toml with its imports, as containerd 1.7 to 2.3 read them. See engine.h.
 *
 * Source: cmd/containerd/server/config (v1.7.24, v2.0.0 to v2.3.0) and plugins/cri/runtime (its migration). 2.x merges the
 * plugins of an imported file into what is there; 1.x takes each plugin whole from the last file that has it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/node/engine-parts.h"

#define OLD_CRI	    "io.containerd.grpc.v1.cri"
#define NEW_CRI	    "io.containerd.cri.v1.runtime"
#define FIRST_CRI   "cri" /* of version 1 */
#define NEW_VERSION 3	  /* from this on NEW_CRI; containerd 2.0 */
#define CONF_D	    "conf.d"

struct containerd {
	struct engine_look *look;
	struct toml_node *merged;
	struct engine_word *pending; /* paths of files to read, in order */
	bool modern;		     /* 2.x */
};

/* 1.x and 2.x read the same file differently. Where the program does not say, its file does: version 3 is 2.x's own. */
static bool is_modern(const struct engine_conf *engine, int64_t version)
{
	return engine->version ? engine->major >= 2 : version >= NEW_VERSION;
}

static void note_misplaced(struct containerd *c, const struct toml_node *file, const char *plugin)
{
	const struct toml_node *table = toml_get(toml_get(file, "plugins"), plugin);
	const struct toml_node *runtimes = toml_get(toml_get(table, "containerd"), "runtimes");

	for (const struct toml_node *t = runtimes && runtimes->type == TOML_TABLE ? runtimes->first : NULL; t; t = t->next)
		(void)engine_add_runtime(c->look, &c->look->engine->misplaced, t->key, t->file, t->line);
}

/* Calls the CRI plugin by its new name, whatever the file's version calls it: containerd's migration. */
static void migrate(struct containerd *c, struct toml_node *file, int64_t version)
{
	const char *name = version < 2 ? FIRST_CRI : version < NEW_VERSION || !c->modern ? OLD_CRI : NEW_CRI;
	struct toml_node *plugins = toml_get(file, "plugins"), *cri = toml_get(plugins, name);
	struct toml_node *fresh = toml_get(plugins, NEW_CRI);

	if (version >= NEW_VERSION && c->modern) {
		note_misplaced(c, file, OLD_CRI);
		return;
	}
	if (!c->modern)
		note_misplaced(c, file, NEW_CRI);
	if (fresh && c->modern && cri)
		toml_merge(cri, fresh, "containerd");
	if (fresh && (cri || !c->modern))
		fresh->key = "";
	if (cri)
		cri->key = NEW_CRI;
}

static bool names_cri(const struct toml_node *disabled)
{
	static const char *const names[] = { FIRST_CRI, OLD_CRI, NEW_CRI };

	for (const struct toml_node *t = disabled && disabled->type == TOML_ARRAY ? disabled->first : NULL; t; t = t->next)
		for (size_t i = 0; t->type == TOML_STRING && i < ELEMENTS(names); i++)
			if (strcmp(t->text, names[i]) == 0)
				return true;
	return false;
}

/* Takes "." and "..", and double slashes, out of an absolute path, in place: Go's filepath.Clean(). */
static void clean(char *path)
{
	char *to = path, *at = path;

	while (*at) {
		const size_t len = strcspn(at + 1, "/") + 1; /* with its slash */

		if (len == 3 && memcmp(at, "/..", 3) == 0) {
			while (to > path && *--to != '/')
				;
		} else if (len > 1 && !(len == 2 && at[1] == '.')) {
			memmove(to, at, len);
			to += len;
		}
		at += len;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

/* A pattern matches in the last part of a path only. */
static void import(struct containerd *c, const struct toml_node *node, const char *from)
{
	const int parent = node->text[0] == '/' ? 0 : (int)(strrchr(from, '/') - from);
	char *path = engine_text(c->look, "%.*s%s%s", parent, from, node->text[0] == '/' ? "" : "/", node->text);
	char *last;

	if (!path)
		return;
	clean(path);
	last = strrchr(path, '/');
	if (!strchr(path, '*')) {
		engine_add_word(c->look, &c->pending, path);
		return;
	}
	if (strchr(path, '*') < last) {
		engine_fault(c->look, node->file, node->line, EOPNOTSUPP,
			     "imports has a '*' in the name of a directory, which cgdeleg does not follow");
		return;
	}
	*last = '\0';
	for (const struct engine_word *w = engine_directory(c->look, path, ""); w; w = w->next)
		if (engine_path_match(last + 1, strrchr(w->text, '/') + 1))
			engine_add_word(c->look, &c->pending, w->text);
}

static bool is_read(const struct engine_look *look, const char *path)
{
	for (const struct engine_file *file = look->engine->files; file; file = file->next)
		if (strcmp(file->path, path) == 0)
			return true;
	return false;
}

static void read_file(struct containerd *c, const char *path, bool must)
{
	struct engine_file **at = c->look->last_file;
	struct toml_node *file = engine_toml(c->look, path, must), *imports, *number;
	int64_t version = 1;

	if (!file)
		return;
	number = toml_get(file, "version");
	if (number && number->type == TOML_INTEGER)
		version = number->number;
	(*at)->version = version;
	if (!c->merged)
		c->modern = is_modern(c->look->engine, version);
	if (!c->modern && version >= NEW_VERSION)
		engine_fault(c->look, path, 0, EINVAL, "containerd 1.x reads no file of version 3, and does not start");
	c->look->engine->without_cri |= names_cri(toml_get(file, "disabled_plugins"));
	imports = toml_get(file, "imports");
	migrate(c, file, version);
	for (const struct toml_node *t = imports && imports->type == TOML_ARRAY ? imports->first : NULL; t; t = t->next)
		if (t->type == TOML_STRING)
			import(c, t, path);
	if (c->merged)
		toml_merge(c->merged, file, c->modern ? "" : "plugins");
	else
		c->merged = file;
}

static void read_runtime(struct containerd *c, const struct toml_node *table)
{
	struct engine_runtime *runtime =
		engine_add_runtime(c->look, &c->look->engine->runtimes, table->key, table->file, table->line);
	const struct toml_node *options = toml_get(table, "options");
	static const char *const no_words[] = { NULL };

	if (!runtime)
		return;
	runtime->type = toml_string(table, "runtime_type");
	runtime->path = toml_string(options, "BinaryName");
	runtime->systemd_cgroup = toml_is_true(options, "SystemdCgroup");
	runtime->base_spec = toml_string(table, "base_runtime_spec");
	runtime->makes_writable = toml_is_true(table, "cgroup_writable");
	runtime->annotations = engine_words(c->look, toml_get(table, "pod_annotations"));
	if (runtime->base_spec && runtime->base_spec[0])
		engine_read_base_spec(c->look, runtime);
	engine_read_wrapper(c->look, runtime, no_words);
}

/* Without one in the files, and in 2.x always, there is the built-in one. */
static void read_runtimes(struct containerd *c)
{
	const struct toml_node *cri = toml_get(toml_get(toml_get(c->merged, "plugins"), NEW_CRI), "containerd");
	const struct toml_node *runtimes = toml_get(cri, "runtimes");
	const char *chosen = toml_string(cri, "default_runtime_name") ?: "runc";

	for (const struct toml_node *t = runtimes && runtimes->type == TOML_TABLE ? runtimes->first : NULL; t; t = t->next)
		if (t->type == TOML_TABLE)
			read_runtime(c, t);
	if (!c->look->engine->runtimes || c->modern)
		(void)engine_add_runtime(c->look, &c->look->engine->runtimes, "runc", NULL, 0);
	for (struct engine_runtime *r = c->look->engine->runtimes; r; r = r->next)
		r->is_default = strcmp(r->name, chosen) == 0;
}

static void note_unimported(struct containerd *c)
{
	const char *config = c->look->engine->config, *slash = strrchr(config, '/');
	const char *directory = engine_text(c->look, "%.*s/" CONF_D, (int)(slash - config), config);

	for (const struct engine_word *w = directory ? engine_directory(c->look, directory, ".toml") : NULL; w;
	     w = w->next)
		if (!is_read(c->look, w->text))
			engine_add_word(c->look, &c->look->engine->unimported, w->text);
}

void engine_read_containerd(struct engine_look *look, const char *const *words)
{
	const char *named = engine_option(words, "--config", true) ?: engine_option(words, "-c", true);
	struct containerd c = { .look = look };
	unsigned n_files = 0;

	/* A relative path counts from a directory that it had when it was started. */
	look->engine->config = named && named[0] == '/' ? named : "/etc/containerd/config.toml";
	if (named && named[0] != '/')
		engine_fault(look, NULL, 0, EOPNOTSUPP, "containerd was started with a relative path after --config");
	c.modern = is_modern(look->engine, 0);
	engine_add_word(look, &c.pending, look->engine->config);
	for (const struct engine_word *w = c.pending; w && n_files < ENGINE_FILES_MAX; w = w->next, n_files++)
		if (!is_read(look, w->text))
			read_file(&c, w->text, named || n_files > 0);
	read_runtimes(&c);
	note_unimported(&c);
}
