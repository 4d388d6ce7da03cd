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

#define LEDGER_VERSION 1

struct raw_ledger {
	int64_t version, since;
	const char *id, *instance, *handler, *profile, *line, *method, *leaf;
	bool guarded;
};

static const struct json_field fields[] = {
	{ "v", JSON_I64, offsetof(struct raw_ledger, version), true },
	{ "id", JSON_STRING, offsetof(struct raw_ledger, id), true },
	{ "instance", JSON_STRING, offsetof(struct raw_ledger, instance), true },
	{ "handler", JSON_STRING, offsetof(struct raw_ledger, handler), true },
	{ "profile", JSON_STRING, offsetof(struct raw_ledger, profile), true },
	{ "line", JSON_STRING, offsetof(struct raw_ledger, line), true },
	{ "method", JSON_STRING, offsetof(struct raw_ledger, method), true },
	{ "leaf", JSON_STRING, offsetof(struct raw_ledger, leaf), true },
	{ "since", JSON_I64, offsetof(struct raw_ledger, since), true },
	{ "guarded", JSON_BOOL, offsetof(struct raw_ledger, guarded), true },
};

static bool copy(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from) < size;
}

int ledger_parse(const char *text, size_t len, struct ledger *ret, struct err *err)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	struct raw_ledger raw = { 0 };
	int r;

	memset(ret, 0, sizeof(*ret));
	r = json_parse(text, len, 2, "attribute " LEDGER_ATTRIBUTE, &doc, err);
	if (r < 0)
		return r;
	r = json_dispatch(yyjson_doc_get_root(doc), fields, ELEMENTS(fields), &raw,
			  "attribute " LEDGER_ATTRIBUTE, err);
	if (r < 0)
		return r;
	ret->since = raw.since;
	ret->guarded = raw.guarded;
	ret->present = raw.version == LEDGER_VERSION && copy(ret->id, sizeof(ret->id), raw.id) &&
		       copy(ret->instance, sizeof(ret->instance), raw.instance) &&
		       copy(ret->handler, sizeof(ret->handler), raw.handler) &&
		       copy(ret->profile, sizeof(ret->profile), raw.profile) &&
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

	memset(ret, 0, sizeof(*ret));
	n = fgetxattr(cgroup_fd, LEDGER_ATTRIBUTE, text, sizeof(text));
	if (n < 0 && (errno == ENODATA || errno == ENOTSUP || errno == EPERM))
		return 0;
	if (n < 0)
		return err_set_errno(err, errno, "cannot read attribute " LEDGER_ATTRIBUTE);
	r = ledger_parse(text, (size_t)n, ret, err);
	ret->marked = true;
	return r;
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
	     yyjson_mut_obj_add_str(doc, o, "line", ledger->line) &&
	     yyjson_mut_obj_add_str(doc, o, "method", ledger->method) &&
	     yyjson_mut_obj_add_str(doc, o, "leaf", ledger->leaf) &&
	     yyjson_mut_obj_add_int(doc, o, "since", ledger->since) &&
	     yyjson_mut_obj_add_bool(doc, o, "guarded", ledger->guarded);
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
