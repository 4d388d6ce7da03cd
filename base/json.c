/* SPDX-License-Identifier: Apache-2.0 */
/* JSON - reading by field table, over yyjson. See json.h. */
#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static int compare_keys(const void *a, const void *b)
{
	yyjson_val *x = *(yyjson_val *const *)a;
	yyjson_val *y = *(yyjson_val *const *)b;
	size_t nx = yyjson_get_len(x);
	size_t ny = yyjson_get_len(y);

	if (nx != ny)
		return nx < ny ? -1 : 1;
	return memcmp(yyjson_get_str(x), yyjson_get_str(y), nx);
}

static int complain_twice(yyjson_val *key, const char *what, struct err *err)
{
	return err_set(err, EBADMSG, "%s: the key '%s' appears twice in one object", what, yyjson_get_str(key));
}

/* Objects are many and small: few keys are compared with one another, more are sorted. */
static int check_keys(yyjson_val *obj, const char *what, struct err *err)
{
	_cleanup_free_ yyjson_val **many = NULL;
	yyjson_val *few[12], **keys = few, *key, *value;
	const bool sorted = yyjson_obj_size(obj) > ELEMENTS(few);
	size_t i, n;

	if (sorted)
		keys = many = calloc(yyjson_obj_size(obj), sizeof(*keys));
	if (!keys)
		return err_set(err, ENOMEM, "%s: out of memory", what);
	yyjson_obj_foreach(obj, i, n, key, value)
	{
		(void)value;
		if (strlen(yyjson_get_str(key)) != yyjson_get_len(key))
			return err_set(err, EBADMSG, "%s: a key has a NUL byte inside: '%s'", what, yyjson_get_str(key));
		keys[i] = key;
		for (size_t k = sorted ? i : 0; k < i; k++)
			if (compare_keys(&keys[k], &keys[i]) == 0)
				return complain_twice(key, what, err);
	}
	if (sorted)
		qsort(keys, n, sizeof(*keys), compare_keys);
	for (i = sorted ? 1 : n; i < n; i++)
		if (compare_keys(&keys[i - 1], &keys[i]) == 0)
			return complain_twice(keys[i], what, err);
	return 0;
}

/* Of an object or array. Recursive, but never deeper than the depth that is left. */
static int check_container(yyjson_val *container, unsigned depth_left, const char *what, struct err *err)
{
	yyjson_val *key, *item;
	size_t i, n;
	int r = 0;

	if (depth_left == 0)
		return err_set(err, EBADMSG, "%s: nested too deeply", what);
	if (yyjson_is_arr(container)) {
		yyjson_arr_foreach(container, i, n, item)
		{
			if (yyjson_is_ctn(item))
				r = check_container(item, depth_left - 1, what, err);
			if (r < 0)
				return r;
		}
		return 0;
	}
	r = check_keys(container, what, err);
	if (r < 0)
		return r;
	yyjson_obj_foreach(container, i, n, key, item)
	{
		(void)key;
		if (yyjson_is_ctn(item))
			r = check_container(item, depth_left - 1, what, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int report_syntax(const char *text, size_t len, const yyjson_read_err *fault, const char *what, struct err *err)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < fault->pos && i < len; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return err_set(err, fault->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? ENOMEM : EBADMSG,
		       "%s:%zu:%zu: not valid JSON: %s", what, line, column, fault->msg);
}

struct input {
	char *text;
	size_t len;
	const char *what; /* for messages */
	unsigned max_depth;
	yyjson_read_flag flags;
};

static int parse(const struct input *input, yyjson_doc **ret, struct err *err)
{
	const char *what = input->what;
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	yyjson_read_err fault;
	int r;

	if (input->len == 0)
		return err_set(err, EBADMSG, "%s: empty, a JSON object was expected", what);
	doc = yyjson_read_opts(input->text, input->len, input->flags, NULL, &fault);
	if (!doc)
		return report_syntax(input->text, input->len, &fault, what, err);
	if (!yyjson_is_obj(yyjson_doc_get_root(doc)))
		return err_set(err, EBADMSG, "%s: a JSON object was expected", what);
	r = check_container(yyjson_doc_get_root(doc), input->max_depth, what, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(doc);
	return 0;
}

/* The text is only read: yyjson's interface wants the cast. */
int json_parse(const char *text, size_t len, unsigned max_depth, const char *what, yyjson_doc **ret, struct err *err)
{
	return parse(&(struct input) { (char *)(uintptr_t)text, len, what, max_depth, YYJSON_READ_NOFLAG }, ret, err);
}

int json_parse_verbatim(const char *text, size_t len, unsigned max_depth, const char *what, yyjson_doc **ret,
			struct err *err)
{
	return parse(&(struct input) { (char *)(uintptr_t)text, len, what, max_depth, YYJSON_READ_NUMBER_AS_RAW }, ret,
		     err);
}

int json_parse_taken(char *text, size_t len, unsigned max_depth, const char *what, yyjson_doc **ret, struct err *err)
{
	const int r = parse(&(struct input) { text, len, what, max_depth, YYJSON_READ_INSITU }, ret, err);

	if (r < 0)
		free(text);
	else
		(*ret)->str_pool = text; /* where yyjson keeps the copy that it makes of other texts */
	return r;
}

static const char *const type_names[JSON_TYPE_MAX] = {
	[JSON_STRING] = "a string",  [JSON_I64] = "an integer", [JSON_BOOL] = "true or false",
	[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
};

/* Stores one value; false if it does not have the type of the field. */
static bool store(yyjson_val *value, const struct json_field *field, void *base)
{
	char *at = (char *)base + field->offset;

	switch (field->type) {
	case JSON_STRING:
		if (!yyjson_is_str(value) || strlen(yyjson_get_str(value)) != yyjson_get_len(value))
			return false;
		*(const char **)(void *)at = yyjson_get_str(value);
		return true;
	case JSON_I64:
		if (!yyjson_is_int(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX))
			return false;
		*(int64_t *)(void *)at = yyjson_get_sint(value);
		return true;
	case JSON_BOOL:
		if (!yyjson_is_bool(value))
			return false;
		*(bool *)at = yyjson_get_bool(value);
		return true;
	case JSON_OBJECT:
	case JSON_ARRAY:
		if (field->type == JSON_OBJECT ? !yyjson_is_obj(value) : !yyjson_is_arr(value))
			return false;
		*(yyjson_val **)(void *)at = value;
		return true;
	case JSON_TYPE_MAX:
		break;
	}
	return false;
}

int json_dispatch(yyjson_val *obj, const struct json_field *fields, size_t n_fields, void *base, const char *what,
		  struct err *err)
{
	for (const struct json_field *f = fields; f < fields + n_fields; f++) {
		yyjson_val *value = yyjson_obj_get(obj, f->name);

		if (!value || yyjson_is_null(value)) {
			if (f->mandatory)
				return err_set(err, EBADMSG, "%s: '%s' is missing, %s was expected", what, f->name,
					       type_names[f->type]);
			continue;
		}
		if (!store(value, f, base))
			return err_set(err, EBADMSG, "%s: '%s' is not %s", what, f->name, type_names[f->type]);
	}
	return 0;
}
