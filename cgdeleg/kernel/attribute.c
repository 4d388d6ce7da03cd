/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute - what is true now of one delegated cgroup. See attribute.h. */
#include "cgdeleg/kernel/attribute.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cgdeleg/kernel/devices.h"
#include "cgdeleg/kernel/id-ranges.h"

#define ATTRIBUTE_VERSION 1
#define WHAT		  "attribute " ATTRIBUTE_NAME

/* An attribute while it is read or written, with the members that JSON holds in another form. */
struct raw {
	struct attribute attribute;
	int64_t version;
	const char *pressure, *devices, *writable_by; /* NULL: not there. An older cgdeleg wrote none */
	yyjson_val *ceilings;
};

#define RAW(member)	  offsetof(struct raw, member)
#define ATTRIBUTE(member) offsetof(struct raw, attribute.member)

/* Read and written by this one table, in this order. */
static const struct row {
	struct json_field json;
	size_t most; /* JSON_STRING: bytes; longer ones are cut when written and refused when read; 0: any */
} rows[] = {
	{ { "v", JSON_I64, RAW(version), true }, 0 },
	{ { "id", JSON_STRING, ATTRIBUTE(id), true }, 1024 },
	{ { "instance", JSON_STRING, ATTRIBUTE(instance), true }, 95 },
	{ { "handler", JSON_STRING, ATTRIBUTE(handler), true }, 63 },
	{ { "profile", JSON_STRING, ATTRIBUTE(profile), true }, 63 },
	{ { "rule", JSON_STRING, ATTRIBUTE(rule), false }, 63 },
	{ { "namespace", JSON_STRING, ATTRIBUTE(namespace), true }, 253 },
	{ { "pod", JSON_STRING, ATTRIBUTE(pod), true }, 253 },
	{ { "name", JSON_STRING, ATTRIBUTE(name), true }, 253 },
	{ { "line", JSON_STRING, ATTRIBUTE(line), true }, 255 },
	{ { "method", JSON_STRING, ATTRIBUTE(method), true }, 15 },
	{ { "leaf", JSON_STRING, ATTRIBUTE(leaf), true }, 63 },
	{ { "writable_by", JSON_STRING, RAW(writable_by), false }, 0 },
	{ { "since", JSON_I64, ATTRIBUTE(since), true }, 0 },
	{ { "guarded", JSON_BOOL, ATTRIBUTE(guarded), true }, 0 },
	{ { "pressure", JSON_STRING, RAW(pressure), false }, 0 },
	{ { "devices", JSON_STRING, RAW(devices), false }, 0 },
	{ { "scope", JSON_BOOL, ATTRIBUTE(scope), true }, 0 },
	{ { "uids", JSON_STRING, ATTRIBUTE(uids), false }, ID_RANGES_TEXT_SIZE - 1 },
	{ { "gids", JSON_STRING, ATTRIBUTE(gids), false }, ID_RANGES_TEXT_SIZE - 1 },
	{ { "ceilings", JSON_OBJECT, RAW(ceilings), true }, 0 },
};

static const char **string_of(struct raw *raw, const struct row *row)
{
	return (const char **)(void *)((char *)raw + row->json.offset);
}

void ceiling_at_place(enum place place, const char *file, struct limit_value *value)
{
	/* The kernel keeps both as an int, whose largest has no successor; "max" is above it. */
	if (place == PLACE_SCOPE && strncmp(file, "cgroup.max.", strlen("cgroup.max.")) == 0 && value->number < INT32_MAX)
		value->number++;
}

void attribute_done(struct attribute *attribute)
{
	arena_done(&attribute->arena);
}

const struct ceiling *attribute_find(const struct attribute *attribute, const char *file)
{
	for (size_t i = 0; i < attribute->n_ceilings; i++)
		if (strcmp(attribute->ceilings[i].file, file) == 0)
			return &attribute->ceilings[i];
	return NULL;
}

static int no_memory(struct err *err)
{
	return err_set(err, ENOMEM, WHAT ": out of memory");
}

/* One unreadable ceiling is an error: if it were skipped, nobody would enforce it. */
static int parse_ceilings(yyjson_val *object, struct attribute *ret, struct err *err)
{
	struct ceiling *ceilings = arena_alloc(&ret->arena, (yyjson_obj_size(object) + 1) * sizeof(*ceilings));
	yyjson_obj_iter iter = yyjson_obj_iter_with(object);
	yyjson_val *key;

	ret->ceilings = ceilings;
	while (ceilings && (key = yyjson_obj_iter_next(&iter)) != NULL) {
		const char *value = yyjson_get_str(yyjson_obj_iter_get_val(key));
		struct ceiling *ceiling = &ceilings[ret->n_ceilings++];
		int r = -EINVAL;

		ceiling->file = arena_strdup(&ret->arena, yyjson_get_str(key));
		ceiling->type = limit_type_find(yyjson_get_str(key));
		if (ceiling->type && value)
			r = limit_parse(ceiling->type, value, &ret->arena, &ceiling->value, NULL);
		if (r == -ENOMEM || !ceiling->file)
			return no_memory(err);
		if (r < 0)
			return err_set(err, EPROTO,
				       WHAT
				       " has a ceiling '%.64s' that cannot be read: another version of cgdeleg wrote it",
				       yyjson_get_str(key));
	}
	return ceilings ? 0 : no_memory(err);
}

/* What `cgdeleg watch` needs to attach the guards again. */
static int parse_guards(const struct raw *raw, struct attribute *ret, struct err *err)
{
	struct device_rule rules[DEVICE_GUARD_RULES_MAX];
	struct device_rule *copy;
	int n = raw->devices ? devices_parse(raw->devices, rules) : 0;

	if (n < 0)
		return err_set(err, EPROTO,
			       WHAT " has device rules that cannot be read: another version of cgdeleg wrote it");
	copy = arena_alloc(&ret->arena, (size_t)n * sizeof(*copy));
	if (!copy)
		return no_memory(err);
	memcpy(copy, rules, (size_t)n * sizeof(*copy));
	ret->rules = copy;
	ret->n_rules = (size_t)n;
	ret->device_guard = raw->devices;
	ret->writable_by = writable_by_find(raw->writable_by);
	ret->pressure = !raw->pressure ? TRI_UNKNOWN : strcmp(raw->pressure, "allow") == 0 ? TRI_YES : TRI_NO;
	return 0;
}

/* Takes the strings out of the document, which ends. */
static int keep_strings(struct raw *raw, struct err *err)
{
	bool fits = raw->version == ATTRIBUTE_VERSION;

	for (const struct row *row = rows; row < rows + ELEMENTS(rows); row++) {
		const char **string = string_of(raw, row);

		if (row->most == 0)
			continue;
		fits = fits && strlen(*string) <= row->most;
		*string = arena_strdup(&raw->attribute.arena, *string);
		if (!*string)
			return no_memory(err);
	}
	if (!fits)
		return err_set(err, EPROTO,
			       WHAT " is not of version %d or has an over-long value: another version of cgdeleg wrote it",
			       ATTRIBUTE_VERSION);
	return 0;
}

/* One that is not there: no string of it is NULL. */
static void make_empty(struct raw *raw)
{
	for (const struct row *row = rows; row < rows + ELEMENTS(rows); row++)
		if (row->most > 0)
			*string_of(raw, row) = "";
}

int attribute_parse(const char *text, size_t len, struct attribute *ret, struct err *err)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	struct raw raw = { 0 };
	int r;

	make_empty(&raw);
	r = json_parse(text, len, 2, WHAT, &doc, err);
	for (size_t i = 0; r >= 0 && i < ELEMENTS(rows); i++)
		r = json_dispatch(yyjson_doc_get_root(doc), &rows[i].json, 1, &raw, WHAT, err);
	if (r >= 0)
		r = parse_ceilings(raw.ceilings, &raw.attribute, err);
	if (r >= 0)
		r = parse_guards(&raw, &raw.attribute, err);
	if (r >= 0)
		r = keep_strings(&raw, err);
	if (r < 0) {
		attribute_done(&raw.attribute);
		raw = (struct raw) { 0 };
		make_empty(&raw);
	}
	*ret = raw.attribute;
	ret->present = r >= 0;
	return r;
}

int attribute_read(int cgroup_fd, struct attribute *ret, struct err *err)
{
	char text[ATTRIBUTE_SIZE];
	struct raw none = { 0 };
	ssize_t n;
	int r;

	make_empty(&none);
	*ret = none.attribute;
	n = fgetxattr(cgroup_fd, ATTRIBUTE_NAME, text, sizeof(text));
	if (n < 0 && errno == ENODATA)
		return 0;
	ret->marked = true;
	if (n < 0)
		return err_set_errno(err, errno, "cannot read attribute " ATTRIBUTE_NAME);
	r = attribute_parse(text, (size_t)n, ret, err);
	ret->marked = true;
	return r;
}

static bool add_ceilings(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct attribute *attribute)
{
	char text[LIMIT_TEXT_SIZE];

	for (size_t i = 0; object && i < attribute->n_ceilings; i++) {
		const struct ceiling *ceiling = &attribute->ceilings[i];

		(void)limit_format(ceiling->type, &ceiling->value, text, sizeof(text));
		if (!yyjson_mut_obj_add(object, yyjson_mut_strcpy(doc, ceiling->file), yyjson_mut_strcpy(doc, text)))
			return false;
	}
	return object;
}

/* A string that is too long is cut between two characters: what JSON holds must stay UTF-8. */
static bool add_string(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct row *row, const char *text)
{
	size_t len;

	if (!text && !row->json.mandatory)
		return true;
	text = text ? text : "";
	len = row->most ? strnlen(text, row->most) : strlen(text);
	while (len > 0 && text[len] && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return yyjson_mut_obj_add_strncpy(doc, o, row->json.name, text, len);
}

static bool add_row(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct row *row, const struct raw *raw)
{
	const void *member = (const char *)raw + row->json.offset;

	switch (row->json.type) {
	case JSON_STRING:
		return add_string(doc, o, row, *(const char *const *)member);
	case JSON_I64:
		return yyjson_mut_obj_add_int(doc, o, row->json.name, *(const int64_t *)member);
	case JSON_BOOL:
		return yyjson_mut_obj_add_bool(doc, o, row->json.name, *(const bool *)member);
	default:
		return add_ceilings(doc, yyjson_mut_obj_add_obj(doc, o, row->json.name), &raw->attribute);
	}
}

int attribute_format(const struct attribute *attribute, char *buf, size_t size, struct err *err)
{
	static const char *const pressures[] = { [TRI_NO] = "deny", [TRI_YES] = "allow" };
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	_cleanup_free_ char *text = NULL;
	char devices[DEVICES_TEXT_SIZE];
	struct raw raw = { *attribute,
			   ATTRIBUTE_VERSION,
			   pressures[attribute->pressure],
			   NULL,
			   attribute->writable_by > WRITABLE_BY_NONE ? writable_by_name(attribute->writable_by) : NULL,
			   NULL };
	yyjson_mut_val *o = yyjson_mut_obj(doc);
	size_t len;
	bool ok = o;

	/* As by a cgdeleg that did not keep it. */
	for (const struct row *row = rows; row < rows + ELEMENTS(rows); row++)
		if (row->most > 0 && !row->json.mandatory && *string_of(&raw, row) && !**string_of(&raw, row))
			*string_of(&raw, row) = NULL;
	if (attribute->device_guard) {
		ok = ok && devices_format(attribute->rules, attribute->n_rules, devices, sizeof(devices));
		raw.devices = devices;
	}
	for (size_t i = 0; ok && i < ELEMENTS(rows); i++)
		ok = add_row(doc, o, &rows[i], &raw);
	if (ok) {
		yyjson_mut_doc_set_root(doc, o);
		text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, &len);
	}
	if (!text)
		return no_memory(err);
	if (len >= size)
		return err_set(err, E2BIG,
			       WHAT " would be longer than %zu bytes; name fewer devices or resources in the profile",
			       size);
	memcpy(buf, text, len + 1);
	return 0;
}

int attribute_write(int cgroup_fd, const char *text, bool fresh, struct err *err)
{
	char back[ATTRIBUTE_SIZE];
	ssize_t n;

	if (!text) {
		if (fremovexattr(cgroup_fd, ATTRIBUTE_NAME) < 0 && errno != ENODATA)
			return err_set_errno(err, errno, "cannot remove attribute " ATTRIBUTE_NAME);
		return 0;
	}
	if (fsetxattr(cgroup_fd, ATTRIBUTE_NAME, text, strlen(text), fresh ? XATTR_CREATE : 0) < 0)
		return err_set_errno(err, errno, "cannot set attribute " ATTRIBUTE_NAME);
	n = fgetxattr(cgroup_fd, ATTRIBUTE_NAME, back, sizeof(back));
	if (n < 0 || (size_t)n != strlen(text) || memcmp(back, text, (size_t)n) != 0)
		return err_set(err, EIO, "attribute " ATTRIBUTE_NAME " does not read back as written");
	return 0;
}
