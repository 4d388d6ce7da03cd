/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expect - whether the hook is among config.json's hooks, and would run as it must. See expect.h.
 *
 * An engine may still add it, by a hooks directory or a wrapper around the runtime: that it is missing is only noted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/cli/expect.h"
#include "hooks/hook-args.h"

#define HOOK "cgdeleg-hook"

struct ours {
	const char *stage;
	yyjson_val *args;
};

/* Its file may have a version behind its name. */
static bool is_ours(yyjson_val *entry)
{
	const char *path = yyjson_get_str(yyjson_obj_get(entry, "path"));
	const char *slash = path ? strrchr(path, '/') : NULL;

	return path && strncmp(slash ? slash + 1 : path, HOOK, strlen(HOOK)) == 0;
}

/* prestart, which the specification has deprecated, comes at the same moment as createRuntime. */
static bool is_right(const char *stage)
{
	return strcmp(stage, "createRuntime") == 0 || strcmp(stage, "prestart") == 0;
}

/* The last under a right stage, or else the last of all; *ret_n: how many under right ones. */
static struct ours find(yyjson_val *hooks, size_t *ret_n)
{
	yyjson_val *key, *list, *entry;
	struct ours found = { 0 };
	size_t i, n, j, m;

	*ret_n = 0;
	if (!hooks)
		return found;
	yyjson_obj_foreach(hooks, i, n, key, list)
	{
		const char *stage = yyjson_get_str(key);

		yyjson_arr_foreach(list, j, m, entry)
		{
			if (!is_ours(entry) || (!is_right(stage) && *ret_n > 0))
				continue;
			*ret_n += is_right(stage);
			found = (struct ours) { stage, yyjson_obj_get(entry, "args") };
		}
	}
	return found;
}

/* The word after `option`, or NULL. */
static const char *value_of(yyjson_val *args, const char *option)
{
	for (size_t i = 0; i + 1 < yyjson_arr_size(args); i++)
		if (yyjson_equals_str(yyjson_arr_get(args, i), option))
			return yyjson_get_str(yyjson_arr_get(args, i + 1));
	return NULL;
}

static int check_words(yyjson_val *args, struct err *err)
{
	char *words[64] = { NULL };
	struct hook_args read;
	yyjson_val *item;
	size_t i, n;

	if (yyjson_arr_size(args) >= ELEMENTS(words))
		return err_set(err, EBADMSG, "config.json: hooks: " HOOK " has too many args");
	if (args) {
		yyjson_arr_foreach(args, i, n, item)
		{
			words[i] = (char *)(uintptr_t)yyjson_get_str(item);
			if (!words[i])
				return err_set(err, EBADMSG,
					       "config.json: hooks: args[%zu] of " HOOK " is not a string", i);
		}
	}
	return hook_args_name(words, err) < 0 ? -err->code : hook_args_read(words, &read, err);
}

int expect_hooks(const struct oci *oci, const char *handler, char *ret_note, size_t size, struct err *err)
{
	size_t n_right;
	const struct ours ours = find(yyjson_obj_get(yyjson_doc_get_root(oci->config_doc), "hooks"), &n_right);
	const char *told = value_of(ours.args, "--handler");
	char shown[100];
	int r;

	ret_note[0] = '\0';
	if (!ours.stage) {
		(void)snprintf(ret_note, size,
			       "config.json does not have " HOOK
			       " among its hooks; unless the engine or a wrapper adds it, nothing is granted or refused");
		return 0;
	}
	if (n_right == 0)
		return err_set(err, EBADMSG,
			       "config.json: hooks: " HOOK " is under '%s', where it cannot act; move it to createRuntime",
			       text_escape(ours.stage, shown, sizeof(shown)));
	r = check_words(ours.args, err);
	if (r < 0)
		return err_wrap(err, "config.json: hooks.%s", ours.stage);
	if (n_right > 1)
		(void)snprintf(ret_note, size, "config.json has " HOOK " %zu times among its hooks: leave one", n_right);
	else if (told && strcmp(told, handler) != 0)
		(void)snprintf(ret_note, size,
			       "config.json runs " HOOK
			       " with --handler '%s', and this answer is for another handler: check with that one",
			       text_escape(told, shown, sizeof(shown)));
	return 0;
}

bool expect_handler(const struct oci *oci, char *buf, size_t size)
{
	size_t n_right;
	const struct ours ours = find(yyjson_obj_get(yyjson_doc_get_root(oci->config_doc), "hooks"), &n_right);
	const char *told = value_of(ours.args, "--handler");

	(void)snprintf(buf, size, "%s", told ? told : "");
	return told != NULL;
}
