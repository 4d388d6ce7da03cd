/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine, podman - containers.conf as root's podman reads it, and hooks.d. See engine.h.
 *
 * Source: pkg/config of containers/common (podman 4 and 5) and storage/pkg/configfile (podman 6). What only one call of
 * podman knows is not here: its options, CONTAINERS_CONF, its modules, and the file in the home directory of who calls it.
 */
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/node/engine-parts.h"

#define VENDOR "/usr/share/containers/containers.conf"
#define ADMIN  "/etc/containers/containers.conf"

/* Of two files with the same name in two directories only the later one is read. */
static void add_drop_ins(struct engine_look *look, struct engine_word **list, const char *directory)
{
	for (const struct engine_word *w = engine_directory(look, directory, ".conf"); w; w = w->next) {
		const char *name = strrchr(w->text, '/');
		struct engine_word **at = list, *fresh = engine_alloc(look, sizeof(*fresh));

		if (!fresh)
			return;
		fresh->text = w->text;
		while (*at && strcmp(strrchr((*at)->text, '/'), name) < 0)
			at = &(*at)->next;
		fresh->next = *at && strcmp(strrchr((*at)->text, '/'), name) == 0 ? (*at)->next : *at;
		*at = fresh;
	}
}

static struct toml_node *add_file(struct engine_look *look, struct toml_node *merged, const char *path)
{
	struct toml_node *next = engine_toml(look, path, false), *list;

	if (!next)
		return merged;
	/* hooks_dir = ["a", {append = true}] is added to what is there, and so are all after it. */
	list = toml_get(toml_get(next, "engine"), "hooks_dir");
	for (const struct toml_node *t = list && list->type == TOML_ARRAY ? list->first : NULL; t; t = t->next)
		if (t->type == TOML_TABLE && toml_is_true(t, "append"))
			list = NULL;
	if (list)
		look->engine->hooks_dirs = NULL;
	list = toml_get(toml_get(next, "engine"), "hooks_dir");
	for (const struct engine_word *w = engine_words(look, list); w; w = w->next)
		engine_add_word(look, &look->engine->hooks_dirs, w->text);
	if (!merged)
		return next;
	toml_merge(merged, next, "");
	return merged;
}

static struct toml_node *read_files(struct engine_look *look)
{
	const bool newer = look->engine->major >= 6;
	struct engine_word *drop_ins = NULL;
	struct toml_node *merged = NULL;

	if (newer) {
		merged = add_file(look, merged, ADMIN);
		if (!look->engine->files)
			merged = add_file(look, merged, VENDOR);
		add_drop_ins(look, &drop_ins, VENDOR ".d");
		add_drop_ins(look, &drop_ins, "/usr/share/containers/containers.rootful.conf.d");
	} else {
		merged = add_file(look, add_file(look, merged, VENDOR), ADMIN);
	}
	add_drop_ins(look, &drop_ins, ADMIN ".d");
	if (newer)
		add_drop_ins(look, &drop_ins, "/etc/containers/containers.rootful.conf.d");
	for (const struct engine_word *w = drop_ins; w; w = w->next)
		merged = add_file(look, merged, w->text);
	return merged;
}

static void read_runtimes(struct engine_look *look, const struct toml_node *config)
{
	const struct toml_node *engine = toml_get(config, "engine"), *runtimes = toml_get(engine, "runtimes");
	const char *chosen = toml_string(engine, "runtime") ?: "crun";
	static const char *const no_words[] = { NULL };
	struct engine_runtime *runtime;

	for (const struct toml_node *t = runtimes && runtimes->type == TOML_TABLE ? runtimes->first : NULL; t;
	     t = t->next) {
		runtime = engine_add_runtime(look, &look->engine->runtimes, t->key, t->file, t->line);
		if (!runtime)
			return;
		/* The first of these paths that is there. */
		for (const struct engine_word *w = engine_words(look, t); w && !runtime->path; w = w->next)
			runtime->path = engine_is_file(look, w->text) ? w->text : NULL;
		engine_read_wrapper(look, runtime, no_words);
	}
	runtime = engine_add_runtime(look, &look->engine->runtimes, chosen, NULL, 0);
	if (runtime)
		runtime->is_default = true;
}

void engine_read_podman(struct engine_look *look, const char *const *words)
{
	const struct toml_node *config;

	(void)words;
	look->engine->config = ADMIN;
	config = read_files(look);
	read_runtimes(look, config);
	look->engine->cgroup_manager = toml_string(toml_get(config, "engine"), "cgroup_manager");
	if (!toml_get(toml_get(config, "engine"), "hooks_dir"))
		engine_add_word(look, &look->engine->hooks_dirs, "/usr/share/containers/oci/hooks.d");
	engine_read_hooks_dirs(look);
}
