/* SPDX-License-Identifier: Apache-2.0 */
/* Engine, Docker - daemon.json and the daemon's own options. See engine.h. Docker runs no hooks: only a wrapper can. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/node/engine-parts.h"

#define WORDS_MAX 64

/* "path" and "runtimeArgs"; NULL where there is no memory. */
static const char *const *read_words(struct engine_look *look, yyjson_val *arguments)
{
	const char **words = engine_alloc(look, (WORDS_MAX + 1) * sizeof(*words));
	yyjson_val *item;
	size_t i, n, count = 0;

	if (!words || !arguments)
		return words;
	yyjson_arr_foreach(arguments, i, n, item)
	{
		const char *text = yyjson_get_str(item);

		if (text && count < WORDS_MAX)
			words[count++] = engine_copy(look, text);
	}
	return words;
}

/* A runtime of containerd's kind has runtimeType, and its program in options.BinaryName. */
static void read_runtime(struct engine_look *look, const char *name, yyjson_val *entry)
{
	struct engine_runtime *runtime = engine_add_runtime(look, &look->engine->runtimes, name, look->engine->config, 0);
	const char *path = yyjson_get_str(yyjson_obj_get(entry, "path"));
	const char *type = yyjson_get_str(yyjson_obj_get(entry, "runtimeType"));
	const char *const *words = read_words(look, yyjson_obj_get(entry, "runtimeArgs"));

	if (!runtime || !words)
		return;
	if (!path)
		path = yyjson_get_str(yyjson_obj_get(yyjson_obj_get(entry, "options"), "BinaryName"));
	runtime->path = engine_copy(look, path);
	runtime->type = engine_copy(look, type);
	engine_read_wrapper(look, runtime, words);
}

static void read_members(struct engine_look *look, yyjson_val *root, const char **chosen)
{
	yyjson_val *runtimes = yyjson_obj_get(root, "runtimes"), *key, *entry;
	const char *userns = yyjson_get_str(yyjson_obj_get(root, "userns-remap"));
	const char *named = yyjson_get_str(yyjson_obj_get(root, "default-runtime"));
	size_t i, n;

	if (runtimes) {
		yyjson_obj_foreach(runtimes, i, n, key, entry)
		{
			read_runtime(look, yyjson_get_str(key), entry);
		}
	}
	if (userns && userns[0])
		look->engine->userns = engine_copy(look, userns);
	if (named && named[0])
		*chosen = engine_copy(look, named);
}

/* --add-runtime NAME=PATH, as often as there is one. */
static void read_options(struct engine_look *look, const char *const *words, const char **chosen)
{
	const char *named = engine_option(words, "--default-runtime", true);
	const char *userns = engine_option(words, "--userns-remap", true);

	for (; *words; words++) {
		const char *value = strncmp(*words, "--add-runtime=", 14) == 0 ? *words + 14
				    : strcmp(*words, "--add-runtime") == 0     ? words[1]
									       : NULL;
		const char *equals = value ? strchr(value, '=') : NULL;
		static const char *const no_words[] = { NULL };
		struct engine_runtime *runtime;
		const char *name;

		if (!equals)
			continue;
		name = engine_text(look, "%.*s", (int)(equals - value), value);
		runtime = name ? engine_add_runtime(look, &look->engine->runtimes, name, NULL, 0) : NULL;
		if (!runtime)
			return;
		runtime->path = equals + 1;
		engine_read_wrapper(look, runtime, no_words);
	}
	*chosen = named ?: *chosen;
	look->engine->userns = userns ?: look->engine->userns;
}

void engine_read_docker(struct engine_look *look, const char *const *words)
{
	const char *config = engine_option(words, "--config-file", true), *chosen = "runc";
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;

	look->engine->config = config ?: "/etc/docker/daemon.json";
	doc = engine_json(look, look->engine->config, config);
	if (doc)
		read_members(look, yyjson_doc_get_root(doc), &chosen);
	read_options(look, words, &chosen);
	(void)engine_add_runtime(look, &look->engine->runtimes, "runc", NULL, 0);
	for (struct engine_runtime *r = look->engine->runtimes; r; r = r->next)
		r->is_default = strcmp(r->name, chosen) == 0;
}
