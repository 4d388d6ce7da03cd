/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine, CRI-O - crio.conf, then every file below crio.conf.d in byte order. See engine.h.
 *
 * Source: pkg/config of CRI-O 1.37. A later file's table of a runtime or workload takes the place of an earlier one's.
 */
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/node/engine-parts.h"

static const char *const writable_keys[] = { "cgroup2-mount-hierarchy-rw.crio.io",
					     "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw" };

/* Workloads apply to every runtime: to the pods that name one in an annotation. */
static bool allows_writable(const struct toml_node *table)
{
	const struct toml_node *allowed = toml_get(table, "allowed_annotations");

	for (const struct toml_node *t = allowed && allowed->type == TOML_ARRAY ? allowed->first : NULL; t; t = t->next)
		for (size_t i = 0; t->type == TOML_STRING && i < ELEMENTS(writable_keys); i++)
			if (strcmp(t->text, writable_keys[i]) == 0)
				return true;
	return false;
}

static bool a_workload_allows(const struct toml_node *runtime)
{
	const struct toml_node *workloads = toml_get(runtime, "workloads");

	for (const struct toml_node *t = workloads && workloads->type == TOML_TABLE ? workloads->first : NULL; t;
	     t = t->next)
		if (allows_writable(t))
			return true;
	return false;
}

static void read_runtime(struct engine_look *look, const struct toml_node *table)
{
	struct engine_runtime *runtime =
		engine_add_runtime(look, &look->engine->runtimes, table->key, table->file, table->line);
	static const char *const no_words[] = { NULL };

	if (!runtime)
		return;
	runtime->type = toml_string(table, "runtime_type");
	runtime->path = toml_string(table, "runtime_path");
	runtime->annotations = engine_words(look, toml_get(table, "allowed_annotations"));
	runtime->makes_writable = allows_writable(table);
	engine_read_wrapper(look, runtime, no_words);
}

static void read_merged(struct engine_look *look, const struct toml_node *config)
{
	const struct toml_node *crio = toml_get(toml_get(config, "crio"), "runtime"),
			       *runtimes = toml_get(crio, "runtimes");
	const struct toml_node *hooks_dir = toml_get(crio, "hooks_dir");
	const char *chosen = toml_string(crio, "default_runtime");
	const bool for_all = a_workload_allows(crio);

	/* crun since 1.31; before, runc. Where the files name none there is no way to tell. */
	if (!chosen || !chosen[0])
		chosen = look->engine->major == 1 && look->engine->minor < 31 ? "runc" : "crun";
	for (const struct toml_node *t = runtimes && runtimes->type == TOML_TABLE ? runtimes->first : NULL; t; t = t->next)
		if (t->type == TOML_TABLE)
			read_runtime(look, t);
	if (!engine_runtime_find(look->engine, chosen))
		(void)engine_add_runtime(look, &look->engine->runtimes, chosen, NULL, 0);
	for (struct engine_runtime *r = look->engine->runtimes; r; r = r->next) {
		r->is_default = strcmp(r->name, chosen) == 0;
		r->makes_writable |= for_all;
	}
	look->engine->cgroup_manager = toml_string(crio, "cgroup_manager");
	look->engine->hooks_dirs = engine_words(look, hooks_dir);
	if (!hooks_dir)
		engine_add_word(look, &look->engine->hooks_dirs, "/usr/share/containers/oci/hooks.d");
}

void engine_read_crio(struct engine_look *look, const char *const *words)
{
	const char *config = engine_option(words, "--config", true) ?: engine_option(words, "-c", true);
	const char *directory = engine_option(words, "--config-dir", true) ?: engine_option(words, "-d", true);
	const char *hooks_dir = engine_option(words, "--hooks-dir", true);
	struct toml_node *merged, *next;

	look->engine->config = config ?: "/etc/crio/crio.conf";
	merged = engine_toml(look, look->engine->config, config);
	for (const struct engine_word *w = engine_directory(look, directory ?: "/etc/crio/crio.conf.d", ""); w;
	     w = w->next) {
		next = engine_toml(look, w->text, true);
		if (next && merged)
			toml_merge(merged, next, "runtimes workloads");
		else if (next)
			merged = next;
	}
	read_merged(look, merged);
	if (hooks_dir) {
		look->engine->hooks_dirs = NULL;
		engine_add_word(look, &look->engine->hooks_dirs, hooks_dir);
	}
	engine_read_hooks_dirs(look);
}
