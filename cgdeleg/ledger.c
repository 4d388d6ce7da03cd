/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger - what is true now of one delegated cgroup. See ledger.h. */
#include "cgdeleg/ledger.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cgdeleg/devices.h"

#define LEDGER_VERSION 1

struct raw_ledger {
	int64_t version, since;
	const char *id, *instance, *handler, *profile, *namespace, *pod, *name, *line, *method,
		*leaf, *pressure, *devices;
	bool guarded, scope;
	yyjson_val *ceilings;
};

static const struct json_field fields[] = {
	{ "v", JSON_I64, offsetof(struct raw_ledger, version), true },
	{ "id", JSON_STRING, offsetof(struct raw_ledger, id), true },
	{ "instance", JSON_STRING, offsetof(struct raw_ledger, instance), true },
	{ "handler", JSON_STRING, offsetof(struct raw_ledger, handler), true },
	{ "profile", JSON_STRING, offsetof(struct raw_ledger, profile), true },
	{ "namespace", JSON_STRING, offsetof(struct raw_ledger, namespace), true },
	{ "pod", JSON_STRING, offsetof(struct raw_ledger, pod), true },
	{ "name", JSON_STRING, offsetof(struct raw_ledger, name), true },
	{ "line", JSON_STRING, offsetof(struct raw_ledger, line), true },
	{ "method", JSON_STRING, offsetof(struct raw_ledger, method), true },
	{ "leaf", JSON_STRING, offsetof(struct raw_ledger, leaf), true },
	{ "since", JSON_I64, offsetof(struct raw_ledger, since), true },
	{ "guarded", JSON_BOOL, offsetof(struct raw_ledger, guarded), true },
	{ "scope", JSON_BOOL, offsetof(struct raw_ledger, scope), true },
	{ "pressure", JSON_STRING, offsetof(struct raw_ledger, pressure), false },
	{ "devices", JSON_STRING, offsetof(struct raw_ledger, devices), false },
	{ "ceilings", JSON_OBJECT, offsetof(struct raw_ledger, ceilings), true },
};

static bool copy(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from) < size;
}

int ledger_add(struct ledger *ledger, const char *file, const struct limit_type *type,
	       const struct limit_value *value, struct err *err)
{
	size_t used = strlen(ledger->ceilings);
	char text[LIMIT_TEXT_SIZE];
	int len = snprintf(ledger->ceilings + used, sizeof(ledger->ceilings) - used, "%s=%s\n",
			   file, limit_format(type, value, text, sizeof(text)));

	if (len >= 0 && (size_t)len < sizeof(ledger->ceilings) - used)
		return 0;
	ledger->ceilings[used] = '\0';
	return err_set(err, E2BIG,
		       "the ceilings take more than the %zu bytes that attribute " LEDGER_ATTRIBUTE
		       " has for them; name fewer devices or resources in the profile",
		       sizeof(ledger->ceilings));
}

bool ledger_next(const struct ledger *ledger, const char **at, struct ledger_ceiling *ret)
{
	const char *line = *at ? *at : ledger->ceilings;
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

bool ledger_find(const struct ledger *ledger, const char *file, struct ledger_ceiling *ret)
{
	const char *at = NULL;

	while (ledger_next(ledger, &at, ret))
		if (strcmp(ret->file, file) == 0)
			return true;
	return false;
}

/* What ledger_next() could not read would be a ceiling that nobody holds. */
static int parse_ceilings(yyjson_val *object, struct ledger *ret, struct err *err)
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
			return err_set(
				err, EPROTO,
				"attribute " LEDGER_ATTRIBUTE
				" has a ceiling '%.64s' that cannot be read: another cgdeleg "
				"wrote it",
				file);
		r = ledger_add(ret, file, type, &parsed, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* How the guards are put back. A record of an older cgdeleg has none of it. */
static int parse_guards(const struct raw_ledger *raw, struct ledger *ret, struct err *err)
{
	int n = raw->devices ? devices_parse(raw->devices, ret->rules) : 0;

	if (n < 0)
		return err_set(err, EPROTO,
			       "attribute " LEDGER_ATTRIBUTE
			       " has device rules that cannot be read: another cgdeleg wrote it");
	ret->n_rules = (size_t)n;
	ret->device_guard = raw->devices;
	ret->pressure = !raw->pressure			      ? TRI_UNKNOWN
			: strcmp(raw->pressure, "allow") == 0 ? TRI_YES
							      : TRI_NO;
	return 0;
}

int ledger_parse(const char *text, size_t len, struct ledger *ret, struct err *err)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	struct raw_ledger raw = { 0 };
	int r;

	memset(ret, 0, offsetof(struct ledger, ceilings) + 1);
	r = json_parse(text, len, 2, "attribute " LEDGER_ATTRIBUTE, &doc, err);
	if (r < 0)
		return r;
	r = json_dispatch(yyjson_doc_get_root(doc), fields, ELEMENTS(fields), &raw,
			  "attribute " LEDGER_ATTRIBUTE, err);
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
	ret->present = raw.version == LEDGER_VERSION && copy(ret->id, sizeof(ret->id), raw.id) &&
		       copy(ret->instance, sizeof(ret->instance), raw.instance) &&
		       copy(ret->handler, sizeof(ret->handler), raw.handler) &&
		       copy(ret->profile, sizeof(ret->profile), raw.profile) &&
		       copy(ret->namespace, sizeof(ret->namespace), raw.namespace) &&
		       copy(ret->pod, sizeof(ret->pod), raw.pod) &&
		       copy(ret->name, sizeof(ret->name), raw.name) &&
		       copy(ret->line, sizeof(ret->line), raw.line) &&
		       copy(ret->method, sizeof(ret->method), raw.method) &&
		       copy(ret->leaf, sizeof(ret->leaf), raw.leaf);
	if (!ret->present)
		return err_set(err, EPROTO,
			       "attribute " LEDGER_ATTRIBUTE
			       " is not of version %d or has an over-long "
			       "value: another cgdeleg wrote it",
			       LEDGER_VERSION);
	return 0;
}

int ledger_read(int cgroup_fd, struct ledger *ret, struct err *err)
{
	char text[LEDGER_SIZE];
	ssize_t n;
	int r;

	memset(ret, 0, offsetof(struct ledger, ceilings) + 1);
	n = fgetxattr(cgroup_fd, LEDGER_ATTRIBUTE, text, sizeof(text));
	if (n < 0 && (errno == ENODATA || errno == ENOTSUP || errno == EPERM))
		return 0;
	if (n < 0)
		return err_set_errno(err, errno, "cannot read attribute " LEDGER_ATTRIBUTE);
	r = ledger_parse(text, (size_t)n, ret, err);
	ret->marked = true;
	return r;
}

static bool format_ceilings(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct ledger *ledger)
{
	yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, o, "ceilings");
	char text[LIMIT_TEXT_SIZE];
	struct ledger_ceiling ceiling;
	const char *at = NULL;

	while (object && ledger_next(ledger, &at, &ceiling)) {
		yyjson_mut_val *key = yyjson_mut_strcpy(doc, ceiling.file);
		yyjson_mut_val *value = yyjson_mut_strcpy(
			doc, limit_format(ceiling.type, &ceiling.value, text, sizeof(text)));

		if (!key || !value || !yyjson_mut_obj_add(object, key, value))
			return false;
	}
	return object && (!at || !*at);
}

static bool format_guards(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct ledger *ledger)
{
	char text[DEVICES_TEXT_SIZE];

	if (!yyjson_mut_obj_add_bool(doc, o, "guarded", ledger->guarded))
		return false;
	if (ledger->pressure != TRI_UNKNOWN &&
	    !yyjson_mut_obj_add_str(doc, o, "pressure",
				    ledger->pressure == TRI_YES ? "allow" : "deny"))
		return false;
	return !ledger->device_guard ||
	       (devices_format(ledger->rules, ledger->n_rules, text, sizeof(text)) &&
		yyjson_mut_obj_add_strcpy(doc, o, "devices", text));
}

int ledger_format(const struct ledger *ledger, char *buf, size_t size, struct err *err)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	_cleanup_free_ char *text = NULL;
	yyjson_mut_val *o;
	size_t len;
	bool ok;

	o = yyjson_mut_obj(doc);
	ok = o && yyjson_mut_obj_add_int(doc, o, "v", LEDGER_VERSION) &&
	     yyjson_mut_obj_add_str(doc, o, "id", ledger->id) &&
	     yyjson_mut_obj_add_str(doc, o, "instance", ledger->instance) &&
	     yyjson_mut_obj_add_str(doc, o, "handler", ledger->handler) &&
	     yyjson_mut_obj_add_str(doc, o, "profile", ledger->profile) &&
	     yyjson_mut_obj_add_str(doc, o, "namespace", ledger->namespace) &&
	     yyjson_mut_obj_add_str(doc, o, "pod", ledger->pod) &&
	     yyjson_mut_obj_add_str(doc, o, "name", ledger->name) &&
	     yyjson_mut_obj_add_str(doc, o, "line", ledger->line) &&
	     yyjson_mut_obj_add_str(doc, o, "method", ledger->method) &&
	     yyjson_mut_obj_add_str(doc, o, "leaf", ledger->leaf) &&
	     yyjson_mut_obj_add_int(doc, o, "since", ledger->since) &&
	     format_guards(doc, o, ledger) &&
	     yyjson_mut_obj_add_bool(doc, o, "scope", ledger->scope) &&
	     format_ceilings(doc, o, ledger);
	if (ok) {
		yyjson_mut_doc_set_root(doc, o);
		text = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, &len);
	}
	if (!text)
		return err_set(err, ENOMEM, "attribute " LEDGER_ATTRIBUTE ": out of memory");
	if (!copy(buf, size, text))
		return err_set(err, E2BIG, "attribute " LEDGER_ATTRIBUTE ": longer than %zu bytes",
			       size);
	return 0;
}

int ledger_write(int cgroup_fd, const char *text, struct err *err)
{
	char back[LEDGER_SIZE];
	ssize_t n;

	if (!text) {
		if (fremovexattr(cgroup_fd, LEDGER_ATTRIBUTE) < 0 && errno != ENODATA)
			return err_set_errno(err, errno,
					     "cannot remove attribute " LEDGER_ATTRIBUTE);
		return 0;
	}
	if (fsetxattr(cgroup_fd, LEDGER_ATTRIBUTE, text, strlen(text), 0) < 0)
		return err_set_errno(err, errno, "cannot set attribute " LEDGER_ATTRIBUTE);
	n = fgetxattr(cgroup_fd, LEDGER_ATTRIBUTE, back, sizeof(back));
	if (n < 0 || (size_t)n != strlen(text) || memcmp(back, text, (size_t)n) != 0)
		return err_set(err, EIO,
			       "attribute " LEDGER_ATTRIBUTE " does not read back as written");
	return 0;
}
