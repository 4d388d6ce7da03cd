/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute - what is true now of one delegated cgroup. See attribute.h. */
#include "cgdeleg/kernel/attribute.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cgdeleg/kernel/devices.h"

#define ATTRIBUTE_VERSION 1

struct raw_attribute {
	int64_t version, since;
	const char *id, *instance, *handler, *profile, *namespace, *pod, *name, *line, *method, *leaf, *pressure,
		*devices;
	bool guarded, scope;
	yyjson_val *ceilings;
};

static const struct json_field fields[] = {
	{ "v", JSON_I64, offsetof(struct raw_attribute, version), true },
	{ "id", JSON_STRING, offsetof(struct raw_attribute, id), true },
	{ "instance", JSON_STRING, offsetof(struct raw_attribute, instance), true },
	{ "handler", JSON_STRING, offsetof(struct raw_attribute, handler), true },
	{ "profile", JSON_STRING, offsetof(struct raw_attribute, profile), true },
	{ "namespace", JSON_STRING, offsetof(struct raw_attribute, namespace), true },
	{ "pod", JSON_STRING, offsetof(struct raw_attribute, pod), true },
	{ "name", JSON_STRING, offsetof(struct raw_attribute, name), true },
	{ "line", JSON_STRING, offsetof(struct raw_attribute, line), true },
	{ "method", JSON_STRING, offsetof(struct raw_attribute, method), true },
	{ "leaf", JSON_STRING, offsetof(struct raw_attribute, leaf), true },
	{ "since", JSON_I64, offsetof(struct raw_attribute, since), true },
	{ "guarded", JSON_BOOL, offsetof(struct raw_attribute, guarded), true },
	{ "scope", JSON_BOOL, offsetof(struct raw_attribute, scope), true },
	{ "pressure", JSON_STRING, offsetof(struct raw_attribute, pressure), false },
	{ "devices", JSON_STRING, offsetof(struct raw_attribute, devices), false },
	{ "ceilings", JSON_OBJECT, offsetof(struct raw_attribute, ceilings), true },
};

static bool copy(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from) < size;
}

void ceiling_at_place(enum place place, const char *file, struct limit_value *value)
{
	/* The kernel keeps both as an int, whose largest has no successor; "max" is above it. */
	if (place == PLACE_SCOPE && strncmp(file, "cgroup.max.", strlen("cgroup.max.")) == 0 &&
	    value->number < INT32_MAX)
		value->number++;
}

int attribute_add(struct attribute *attribute, const char *file, const struct limit_type *type,
		  const struct limit_value *value, struct err *err)
{
	size_t used = strlen(attribute->ceilings);
	char text[LIMIT_TEXT_SIZE];
	int len = snprintf(attribute->ceilings + used, sizeof(attribute->ceilings) - used, "%s=%s\n", file,
			   limit_format(type, value, text, sizeof(text)));

	if (len >= 0 && (size_t)len < sizeof(attribute->ceilings) - used)
		return 0;
	attribute->ceilings[used] = '\0';
	return err_set(err, E2BIG,
		       "the ceilings take more than the %zu bytes that attribute " ATTRIBUTE_NAME
		       " has for them; name fewer devices or resources in the profile",
		       sizeof(attribute->ceilings));
}

bool attribute_next(const struct attribute *attribute, const char **at, struct attribute_ceiling *ret)
{
	const char *line = *at ? *at : attribute->ceilings;
	const char *equals = strchr(line, '='), *end = strchrnul(line, '\n');
	char text[LIMIT_TEXT_SIZE];

	if (!*line || !equals || equals > end)
		return false;
	*at = *end ? end + 1 : end;
	(void)snprintf(ret->file, sizeof(ret->file), "%.*s", (int)(equals - line), line);
	(void)snprintf(text, sizeof(text), "%.*s", (int)(end - equals - 1), equals + 1);
	ret->type = limit_type_find(ret->file);
	return ret->type && limit_parse(ret->type, text, &ret->value, NULL) == 0;
}

bool attribute_find(const struct attribute *attribute, const char *file, struct attribute_ceiling *ret)
{
	const char *at = NULL;

	while (attribute_next(attribute, &at, ret))
		if (strcmp(ret->file, file) == 0)
			return true;
	return false;
}

/* What attribute_next() could not read would be a ceiling that nobody holds. */
static int parse_ceilings(yyjson_val *object, struct attribute *ret, struct err *err)
{
	yyjson_obj_iter iter = yyjson_obj_iter_with(object);
	yyjson_val *key;
	int r;

	while ((key = yyjson_obj_iter_next(&iter)) != NULL) {
		const char *file = yyjson_get_str(key);
		const char *value = yyjson_get_str(yyjson_obj_iter_get_val(key));
		const struct limit_type *type = limit_type_find(file);
		struct limit_value parsed;

		if (!type || !value || limit_parse(type, value, &parsed, NULL) < 0)
			return err_set(err, EPROTO,
				       "attribute " ATTRIBUTE_NAME
				       " has a ceiling '%.64s' that cannot be read: another cgdeleg wrote it",
				       file);
		r = attribute_add(ret, file, type, &parsed, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* How the guards are put back. A record of an older cgdeleg has none of it. */
static int parse_guards(const struct raw_attribute *raw, struct attribute *ret, struct err *err)
{
	int n = raw->devices ? devices_parse(raw->devices, ret->rules) : 0;

	if (n < 0)
		return err_set(err, EPROTO,
			       "attribute " ATTRIBUTE_NAME
			       " has device rules that cannot be read: another cgdeleg wrote it");
	ret->n_rules = (size_t)n;
	ret->device_guard = raw->devices;
	ret->pressure = !raw->pressure ? TRI_UNKNOWN : strcmp(raw->pressure, "allow") == 0 ? TRI_YES : TRI_NO;
	return 0;
}

int attribute_parse(const char *text, size_t len, struct attribute *ret, struct err *err)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	struct raw_attribute raw = { 0 };
	int r;

	memset(ret, 0, offsetof(struct attribute, ceilings) + 1);
	r = json_parse(text, len, 2, "attribute " ATTRIBUTE_NAME, &doc, err);
	if (r < 0)
		return r;
	r = json_dispatch(yyjson_doc_get_root(doc), fields, ELEMENTS(fields), &raw, "attribute " ATTRIBUTE_NAME, err);
	if (r < 0)
		return r;
	ret->since = raw.since;
	ret->guarded = raw.guarded;
	ret->scope = raw.scope;
	r = parse_ceilings(raw.ceilings, ret, err);
	if (r >= 0)
		r = parse_guards(&raw, ret, err);
	if (r < 0)
		return r;
	ret->present = raw.version == ATTRIBUTE_VERSION && copy(ret->id, sizeof(ret->id), raw.id) &&
		       copy(ret->instance, sizeof(ret->instance), raw.instance) &&
		       copy(ret->handler, sizeof(ret->handler), raw.handler) &&
		       copy(ret->profile, sizeof(ret->profile), raw.profile) &&
		       copy(ret->namespace, sizeof(ret->namespace), raw.namespace) &&
		       copy(ret->pod, sizeof(ret->pod), raw.pod) && copy(ret->name, sizeof(ret->name), raw.name) &&
		       copy(ret->line, sizeof(ret->line), raw.line) &&
		       copy(ret->method, sizeof(ret->method), raw.method) &&
		       copy(ret->leaf, sizeof(ret->leaf), raw.leaf);
	if (!ret->present)
		return err_set(err, EPROTO,
			       "attribute " ATTRIBUTE_NAME
			       " is not of version %d or has an over-long value: another cgdeleg wrote it",
			       ATTRIBUTE_VERSION);
	return 0;
}

int attribute_read(int cgroup_fd, struct attribute *ret, struct err *err)
{
	char text[ATTRIBUTE_SIZE];
	ssize_t n;
	int r;

	memset(ret, 0, offsetof(struct attribute, ceilings) + 1);
	n = fgetxattr(cgroup_fd, ATTRIBUTE_NAME, text, sizeof(text));
	if (n < 0 && (errno == ENODATA || errno == ENOTSUP || errno == EPERM))
		return 0;
	if (n < 0)
		return err_set_errno(err, errno, "cannot read attribute " ATTRIBUTE_NAME);
	r = attribute_parse(text, (size_t)n, ret, err);
	ret->marked = true;
	return r;
}

static bool format_ceilings(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct attribute *attribute)
{
	yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, o, "ceilings");
	char text[LIMIT_TEXT_SIZE];
	struct attribute_ceiling ceiling;
	const char *at = NULL;

	while (object && attribute_next(attribute, &at, &ceiling)) {
		yyjson_mut_val *key = yyjson_mut_strcpy(doc, ceiling.file);
		yyjson_mut_val *value =
			yyjson_mut_strcpy(doc, limit_format(ceiling.type, &ceiling.value, text, sizeof(text)));

		if (!key || !value || !yyjson_mut_obj_add(object, key, value))
			return false;
	}
	return object && (!at || !*at);
}

static bool format_guards(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct attribute *attribute)
{
	char text[DEVICES_TEXT_SIZE];

	if (!yyjson_mut_obj_add_bool(doc, o, "guarded", attribute->guarded))
		return false;
	if (attribute->pressure != TRI_UNKNOWN &&
	    !yyjson_mut_obj_add_str(doc, o, "pressure", attribute->pressure == TRI_YES ? "allow" : "deny"))
		return false;
	return !attribute->device_guard || (devices_format(attribute->rules, attribute->n_rules, text, sizeof(text)) &&
					    yyjson_mut_obj_add_strcpy(doc, o, "devices", text));
}

int attribute_format(const struct attribute *attribute, char *buf, size_t size, struct err *err)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	_cleanup_free_ char *text = NULL;
	yyjson_mut_val *o;
	size_t len;
	bool ok;

	o = yyjson_mut_obj(doc);
	ok = o && yyjson_mut_obj_add_int(doc, o, "v", ATTRIBUTE_VERSION) &&
	     yyjson_mut_obj_add_str(doc, o, "id", attribute->id) &&
	     yyjson_mut_obj_add_str(doc, o, "instance", attribute->instance) &&
	     yyjson_mut_obj_add_str(doc, o, "handler", attribute->handler) &&
	     yyjson_mut_obj_add_str(doc, o, "profile", attribute->profile) &&
	     yyjson_mut_obj_add_str(doc, o, "namespace", attribute->namespace) &&
	     yyjson_mut_obj_add_str(doc, o, "pod", attribute->pod) &&
	     yyjson_mut_obj_add_str(doc, o, "name", attribute->name) &&
	     yyjson_mut_obj_add_str(doc, o, "line", attribute->line) &&
	     yyjson_mut_obj_add_str(doc, o, "method", attribute->method) &&
	     yyjson_mut_obj_add_str(doc, o, "leaf", attribute->leaf) &&
	     yyjson_mut_obj_add_int(doc, o, "since", attribute->since) && format_guards(doc, o, attribute) &&
	     yyjson_mut_obj_add_bool(doc, o, "scope", attribute->scope) && format_ceilings(doc, o, attribute);
	if (ok) {
		yyjson_mut_doc_set_root(doc, o);
		text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, &len);
	}
	if (!text)
		return err_set(err, ENOMEM, "attribute " ATTRIBUTE_NAME ": out of memory");
	if (!copy(buf, size, text))
		return err_set(err, E2BIG, "attribute " ATTRIBUTE_NAME ": longer than %zu bytes", size);
	return 0;
}

int attribute_write(int cgroup_fd, const char *text, struct err *err)
{
	char back[ATTRIBUTE_SIZE];
	ssize_t n;

	if (!text) {
		if (fremovexattr(cgroup_fd, ATTRIBUTE_NAME) < 0 && errno != ENODATA)
			return err_set_errno(err, errno, "cannot remove attribute " ATTRIBUTE_NAME);
		return 0;
	}
	if (fsetxattr(cgroup_fd, ATTRIBUTE_NAME, text, strlen(text), 0) < 0)
		return err_set_errno(err, errno, "cannot set attribute " ATTRIBUTE_NAME);
	n = fgetxattr(cgroup_fd, ATTRIBUTE_NAME, back, sizeof(back));
	if (n < 0 || (size_t)n != strlen(text) || memcmp(back, text, (size_t)n) != 0)
		return err_set(err, EIO, "attribute " ATTRIBUTE_NAME " does not read back as written");
	return 0;
}
