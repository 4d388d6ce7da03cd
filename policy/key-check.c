/* SPDX-License-Identifier: Apache-2.0 */
/* Key check - is a value of its key's kind? Closed grammars: what no row describes is refused. See key-check.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/annotation.h"
#include "policy/host-option.h"
#include "policy/key-check.h"
#include "policy/nearest.h"

const char *value_advice(const struct check *c)
{
	const bool list = c->key->kind == KEY_NAMES || c->key->kind == KEY_CONTROLLERS || c->key->kind == KEY_ANNOTATIONS;

	if (strpbrk(c->value, "\"'`"))
		return "; write it without quotes";
	if (list && strpbrk(c->value, ",;|"))
		return "; blanks separate the words of a list, not commas";
	if (list && strpbrk(c->value, "*?[]!^"))
		return "; this list takes no patterns: write each name";
	if (c->key->id == KEY_PROFILE && strpbrk(c->value, " ,"))
		return "; only 'profiles' takes several names";
	return "";
}

static int check_name(const struct check *c)
{
	if (text_is_name(c->value))
		return 0;
	return err_set(c->err, EINVAL,
		       "'%.64s' is not a name: 1 to 63 letters, digits, '_', '.' and '-', not starting with '.' or '-'%s",
		       c->value, value_advice(c));
}

/* Every word of a list by the same check; a list without words is no value. */
static int check_each(const struct check *c, int (*check)(const struct check *c))
{
	const char *list = c->value;
	char word[256];
	int r;

	/* Most lists: no word of them need be copied. */
	if (c->key->kind == KEY_PATTERNS ? patterns_are_plain(list) : c->key->kind == KEY_NAMES && text_is_name(list))
		return 0;

	while ((r = text_next_word(&list, word, sizeof(word))) != 0) {
		struct check one = { c->key, c->name, word, c->arena, c->ret, c->err };

		if (r < 0)
			return err_set(c->err, EINVAL, "a word of '%s' has more than %zu bytes", c->name,
				       sizeof(word) - 1);
		r = check(&one);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_mount_options(const struct check *c)
{
	static const char *const alone[] = { "none", "found" };

	if (strchr(c->value, ','))
		return err_set(c->err, EINVAL, "'%.64s' is not a value of '%s'; write blanks between options, not commas",
			       c->value, c->name);
	for (size_t i = 0; i < ELEMENTS(alone); i++)
		if (text_has_word(c->value, alone[i]) && strcmp(c->value, alone[i]) != 0)
			return err_set(c->err, EINVAL, "'%s' of '%s' must stand alone, without the name of an option",
				       alone[i], c->name);
	if (strlen(c->value) >= HOST_OPTIONS_SIZE)
		return err_set(c->err, EINVAL, "'%s' has more than %d bytes; name each option once", c->name,
			       HOST_OPTIONS_SIZE - 1);
	return check_each(c, check_word);
}

static int check_annotation(const struct check *c)
{
	struct nearest nearest = nearest_to(c->value);
	char hint[160];

	if (annotation_is_known(c->value))
		return 0;
	annotation_nearest(&nearest);
	if (value_advice(c)[0])
		return err_set(c->err, EINVAL, "'%.128s' is not an annotation that can be approved%s", c->value,
			       value_advice(c));
	if (strchr(c->value, '='))
		return err_set(
			c->err, EINVAL,
			"'%.128s' is not an annotation that can be approved; write the key alone; the value comes from the container",
			c->value);
	return err_set(c->err, EINVAL, "'%.128s' is not an annotation that can be approved%s", c->value,
		       nearest_hint(&nearest, hint, sizeof(hint)));
}

static int check_limit(const struct check *c)
{
	const char *file = c->key->kind == KEY_BUDGET ? c->key->name + strlen("budget.") : c->name;
	const struct limit_type *type = limit_type_find(file);

	if (!type)
		return err_set(c->err, EINVAL, "'%.64s' is not a limit", c->name);
	return limit_parse(type, c->value, c->arena, c->ret, c->err);
}

static int check_count(const struct check *c)
{
	const struct limit_type *type = limit_type_find("pids.max");
	char advice[128];

	if (limit_parse(type, c->value, NULL, c->ret, NULL) == 0)
		return 0;
	return err_set(c->err, EINVAL, "'%.64s' is not a value of '%s', which is a number or max%s", c->value, c->name,
		       limit_advice(type, c->value, advice, sizeof(advice)));
}

static const struct {
	int (*check)(const struct check *c);
	bool is_list; /* checked word by word */
} kinds[] = {
	[KEY_BOOL] = { check_bool },
	[KEY_WORD] = { check_word },
	[KEY_LADDER] = { check_word },
	[KEY_NAME] = { check_name },
	[KEY_NAMES] = { check_name, .is_list = true },
	[KEY_LEAF] = { check_leaf },
	[KEY_CONTROLLERS] = { check_controller, .is_list = true },
	[KEY_MOUNT_OPTIONS] = { check_mount_options },
	[KEY_PATTERNS] = { check_pattern, .is_list = true },
	[KEY_ANNOTATIONS] = { check_annotation, .is_list = true },
	[KEY_LIMIT_VALUE] = { check_limit },
	[KEY_COUNT] = { check_count },
	[KEY_BUDGET] = { check_limit },
};

bool key_is_list(const struct key *key, const char *name)
{
	const struct limit_type *type = key->id == KEY_LIMIT ? limit_type_find(name) : NULL;

	return kinds[key->kind].is_list || (type && type->kind == LIMIT_LINES);
}

int key_check(const struct key *key, const char *name, const char *value, struct arena *arena, struct limit_value *ret,
	      struct err *err)
{
	struct check c = { key, name, value, arena, ret, err };

	while (text_is_blank(*value))
		value++;
	if (!*value)
		return err_set(err, EINVAL, "'%s' has no value: %s", name, key->help);
	return kinds[key->kind].is_list ? check_each(&c, kinds[key->kind].check) : kinds[key->kind].check(&c);
}
