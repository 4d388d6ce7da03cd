/* SPDX-License-Identifier: Apache-2.0 */
/* Key check - is a value of its key's kind? Closed grammars: what no row describes is refused. See keys.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "policy/annotation.h"
#include "policy/keys.h"
#include "policy/nearest.h"

/* cgroup v2's controllers that can be enabled; perf_event and freezer need no enabling. */
static const char *const controllers[] = { "cpu",  "cpuset",  "memory", "io",	"pids",
					   "rdma", "hugetlb", "misc",	"dmem", NULL };

/* The first word of the names that kernel files have (a file is "<word>.<more>"). Linux promises no
 * others: Documentation/admin-guide/cgroup-v2.rst, "Avoid Name Collisions". */
static const char *const file_prefixes[] = { "cgroup",	   "irq",     "debug",	 "net_cls", "net_prio",
					     "perf_event", "freezer", "devices", NULL };

struct check {
	const struct key *key;
	const char *name; /* as written */
	const char *value;
	struct arena *arena;
	struct limit_value *ret; /* of what is a limit */
	struct err *err;
};

static int check_bool(const struct check *c)
{
	bool unused;

	if (text_to_bool(c->value, &unused) == 0)
		return 0;
	return err_set(c->err, EINVAL, "'%.64s' is not a value of '%s'; write true or false", c->value, c->name);
}

static int check_word(const struct check *c)
{
	const char *const *words = c->key->kind == KEY_CONTROLLERS ? controllers : c->key->words;
	struct nearest nearest = nearest_to(c->value);
	char list[160], hint[96];
	size_t len = 0;

	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], c->value) == 0)
			return 0;
	list[0] = '\0'; /* then "a, b or c" */
	for (size_t i = 0; words[i] && len < sizeof(list); i++) {
		nearest_try(&nearest, words[i]);
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					i == 0	       ? ""
					: words[i + 1] ? ", "
						       : " or ",
					words[i]);
	}
	return err_set(c->err, EINVAL, "'%.64s' is not a value of '%s'; write %s%s", c->value, c->name, list,
		       nearest_hint(&nearest, hint, sizeof(hint)));
}

static int check_name(const struct check *c)
{
	if (text_is_name(c->value))
		return 0;
	return err_set(c->err, EINVAL,
		       "'%.64s' is not a name: 1 to 63 letters, digits, '_', '.' and '-', not starting with '.' or '-'",
		       c->value);
}

/* Every word of a list by the same check; a list without words is no value. */
static int check_each(const struct check *c, int (*check)(const struct check *c))
{
	const char *list = c->value;
	char word[256];
	int r;

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

static bool has_prefix_of(const char *name, const char *const *words)
{
	size_t len = strcspn(name, ".");

	for (; *words; words++)
		if (strlen(*words) == len && name[len] && strncmp(*words, name, len) == 0)
			return true;
	return false;
}

static int check_leaf(const struct check *c)
{
	if (!text_is_name(c->value))
		return check_name(c);
	if (has_prefix_of(c->value, controllers) || has_prefix_of(c->value, file_prefixes))
		return err_set(c->err, EINVAL,
			       "'%.64s' could be the name of a kernel file; call the leaf 'init' or 'init.scope'",
			       c->value);
	return 0;
}

/* Namespaces, names and images are ASCII; anything else in a pattern is a slip that would match
 * nothing, or a quoting that nobody removes. */
static int check_pattern(const struct check *c)
{
	bool opened = false, closed = false; /* by the first '[', and after it */
	size_t len = 0;

	for (; text_is_alnum(c->value[len]) || (c->value[len] && strchr("-*_.:/@+?[]!^", c->value[len])); len++)
		if (c->value[len] == '[')
			opened = true;
		else if (c->value[len] == ']')
			closed = opened;

	if (c->value[len])
		return err_set(
			c->err, EINVAL,
			"'%.64s' has a '%c', which no name contains: write patterns without quotes, with blanks between them",
			c->value, c->value[len]);
	if (opened && !closed)
		return err_set(c->err, EINVAL, "'%.64s' has a '[' without a ']'", c->value);
	return 0;
}

static int check_annotation(const struct check *c)
{
	struct nearest nearest = nearest_to(c->value);
	char hint[160];

	if (annotation_is_known(c->value))
		return 0;
	annotation_nearest(&nearest);
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
	if (limit_parse(limit_type_find("pids.max"), c->value, NULL, c->ret, NULL) == 0)
		return 0;
	return err_set(c->err, EINVAL, "'%.64s' is not a value of '%s'; write a number or max", c->value, c->name);
}

static const struct {
	int (*check)(const struct check *c);
	bool is_list; /* checked word by word */
} kinds[] = {
	[KEY_BOOL] = { check_bool },
	[KEY_WORD] = { check_word },
	[KEY_NAME] = { check_name },
	[KEY_NAMES] = { check_name, .is_list = true },
	[KEY_LEAF] = { check_leaf },
	[KEY_CONTROLLERS] = { check_word, .is_list = true },
	[KEY_PATTERNS] = { check_pattern, .is_list = true },
	[KEY_ANNOTATIONS] = { check_annotation, .is_list = true },
	[KEY_LIMIT_VALUE] = { check_limit },
	[KEY_COUNT] = { check_count },
	[KEY_BUDGET] = { check_limit },
};

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
