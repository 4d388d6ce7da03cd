/* SPDX-License-Identifier: Apache-2.0 */
/* Engine, hooks - cgdeleg's hook in a base spec and in the descriptors of hooks.d. See engine.h. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/node/engine-parts.h"

#define HOOK	  "cgdeleg-hook"
#define WORDS_MAX 64

/* Its file may have a version behind its name. */
static bool is_ours(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return path && strncmp(slash ? slash + 1 : path, HOOK, strlen(HOOK)) == 0;
}

/* Without `args` a runtime gives the program its path alone. */
static const char *const *read_words(struct engine_look *look, yyjson_val *entry, const char *program)
{
	yyjson_val *args = yyjson_obj_get(entry, "args"), *item;
	const char **words = engine_alloc(look, (WORDS_MAX + 1) * sizeof(*words));
	size_t i, n, count = 0;

	if (!words)
		return NULL;
	if (!args) {
		words[0] = program;
		return words;
	}
	yyjson_arr_foreach(args, i, n, item)
	{
		if (count < WORDS_MAX)
			words[count++] = engine_copy(look, yyjson_get_str(item) ?: "");
	}
	return words;
}

/* `entry`: an object with path, args and timeout, as config.json's hooks have them. */
static struct engine_hook *add_hook(struct engine_look *look, struct engine_hook **list, yyjson_val *entry,
				    const char *file, const char *stage)
{
	struct engine_hook *hook = engine_alloc(look, sizeof(*hook));

	if (!hook)
		return NULL;
	hook->place = engine_origin(file, 0);
	hook->program = engine_copy(look, yyjson_get_str(yyjson_obj_get(entry, "path")));
	hook->words = read_words(look, entry, hook->program);
	hook->stage = engine_copy(look, stage);
	hook->timeout = yyjson_get_sint(yyjson_obj_get(entry, "timeout"));
	if (look->no_memory)
		return NULL;
	hook->handler = engine_option(hook->words, "--handler", false);
	while (*list)
		list = &(*list)->next;
	return *list = hook;
}

/* A file of JSON that is none of the configuration's own. */
static yyjson_doc *read_json(struct engine_look *look, const char *path)
{
	_cleanup_free_ char *text = NULL;
	yyjson_doc *doc = NULL;
	struct err err;
	size_t len;

	if (engine_slurp(look, path, false, &text, &len, NULL) < 0)
		return NULL;
	if (json_parse(text, len, 64, path, &doc, &err) < 0) {
		engine_fault(look, path, 0, err.code, err.text);
		look->no_memory |= err.code == ENOMEM;
	}
	return doc;
}

void engine_read_base_spec(struct engine_look *look, struct engine_runtime *runtime)
{
	_cleanup_(cleanup_json) yyjson_doc *doc =
		engine_json(look, runtime->base_spec, true); /* read once, as config.toml */
	yyjson_val *hooks = yyjson_obj_get(yyjson_doc_get_root(doc), "hooks"), *stage, *list, *entry;
	size_t i, n, j, m;

	runtime->unread = !doc;
	if (!hooks)
		return;
	yyjson_obj_foreach(hooks, i, n, stage, list)
	{
		yyjson_arr_foreach(list, j, m, entry)
		{
			struct engine_hook *hook;

			if (!is_ours(yyjson_get_str(yyjson_obj_get(entry, "path"))))
				continue;
			hook = add_hook(look, &runtime->hooks, entry, runtime->base_spec, yyjson_get_str(stage));
			if (hook) {
				hook->way = ENGINE_BASE_SPEC;
				hook->always = true;
			}
		}
	}
}

static void read_when(struct engine_look *look, struct engine_hook *hook, yyjson_val *when)
{
	yyjson_val *annotations = yyjson_obj_get(when, "annotations"), *key, *value;
	size_t i, n;

	hook->narrowed = yyjson_obj_get(when, "commands") || yyjson_obj_get(when, "hasBindMounts");
	if (annotations) {
		yyjson_obj_foreach(annotations, i, n, key, value)
		{
			engine_add_word(look, &hook->keys, yyjson_get_str(key));
		}
	}
	hook->always = yyjson_get_bool(yyjson_obj_get(when, "always")) && !hook->keys && !hook->narrowed;
}

/* One hook for each of its stages; without stages it would be refused. */
static void read_descriptor(struct engine_look *look, const char *path)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = read_json(look, path);
	yyjson_val *root = yyjson_doc_get_root(doc), *entry = yyjson_obj_get(root, "hook"), *stages, *stage;
	size_t i, n;

	stages = yyjson_obj_get(root, "stages");
	if (!is_ours(yyjson_get_str(yyjson_obj_get(entry, "path"))))
		return;
	if (!yyjson_equals_str(yyjson_obj_get(root, "version"), "1.0.0"))
		engine_fault(look, path, 0, EINVAL,
			     "a descriptor needs \"version\": \"1.0.0\"; engines read another as an older form");
	if (yyjson_arr_size(stages) == 0) {
		engine_fault(look, path, 0, EINVAL,
			     "a descriptor needs \"stages\": [\"createRuntime\"], or the engine refuses it");
		return;
	}
	yyjson_arr_foreach(stages, i, n, stage)
	{
		struct engine_hook *hook = add_hook(look, &look->engine->hooks, entry, path, yyjson_get_str(stage) ?: "");

		if (!hook)
			return;
		hook->way = ENGINE_DESCRIPTOR;
		read_when(look, hook, yyjson_obj_get(root, "when"));
	}
}

/* Is there a file of that name in a later directory? Then the engine reads that one. */
static bool is_masked(struct engine_look *look, const struct engine_word *directory, const char *name)
{
	for (const struct engine_word *later = directory->next; later; later = later->next) {
		const char *path = engine_text(look, "%s%s", later->text, name);

		if (path && engine_is_file(look, path))
			return true;
	}
	return false;
}

void engine_read_hooks_dirs(struct engine_look *look)
{
	for (const struct engine_word *directory = look->engine->hooks_dirs; directory; directory = directory->next)
		for (const struct engine_word *w = engine_directory(look, directory->text, ".json"); w; w = w->next)
			if (!is_masked(look, directory, strrchr(w->text, '/')))
				read_descriptor(look, w->text);
}
