/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch, record - what is said of a grant is also an audit record, so that `cgdeleg why` finds it. See watch.h.
 *
 * The file is the hook's, and is opened anew for each record, since it is rotated. Whoever raises a limit or has processes
 * killed can cause records: how many is bounded where they are made, as the lines are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/grant/audit.h"
#include "cgdeleg/node/watch-parts.h"

static void add(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *key, const char *text)
{
	char shown[1024];

	if (text && text[0])
		(void)yyjson_mut_obj_add_strcpy(doc, o, key, text_escape(text, shown, sizeof(shown)));
}

static void add_grant(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct watched *w)
{
	_cleanup_(attribute_done) struct attribute attribute = { 0 };

	(void)attribute_read(w->fd, &attribute, NULL);
	add(doc, o, "cgroup", w->path);
	if (!attribute.present)
		return;
	add(doc, o, "id", attribute.id);
	add(doc, o, "handler", attribute.handler);
	add(doc, o, "profile", attribute.profile);
	add(doc, o, "namespace", attribute.namespace);
	add(doc, o, "pod", attribute.pod);
	add(doc, o, "container", attribute.name);
}

/* Victim and limit are escaped already. */
static void add_death(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct watch_death *death)
{
	(void)yyjson_mut_obj_add_uint(doc, o, "oom_kills", death->kills);
	if (death->victim)
		(void)yyjson_mut_obj_add_strcpy(doc, o, "victim", death->victim);
	(void)yyjson_mut_obj_add_str(doc, o, "limit_of", death->limit_of);
	if (death->limit)
		(void)yyjson_mut_obj_add_strcpy(doc, o, "limit", death->limit);
	if (death->most != LIMIT_MAX)
		(void)yyjson_mut_obj_add_uint(doc, o, "memory_max_bytes", death->most);
}

/* NULL: out of memory. */
static char *compose(const struct watched *w, const char *event, const char *text, const struct watch_death *death)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *o = yyjson_mut_obj(doc);
	char time[CLOCK_TEXT_SIZE];

	if (!o)
		return NULL;
	yyjson_mut_doc_set_root(doc, o);
	clock_format(clock_realtime_us(), time, sizeof(time));
	(void)yyjson_mut_obj_add_str(doc, o, "time", time);
	(void)yyjson_mut_obj_add_str(doc, o, "event", event);
	add_grant(doc, o, w);
	if (death)
		add_death(doc, o, death);
	(void)yyjson_mut_obj_add_strcpy(doc, o, "text", text);
	return yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, NULL);
}

/* As the hook does it: with a newline after what a full disk leaves of one. */
static int append(const char *directory, const char *line, struct err *err)
{
	_cleanup_(audit_done) struct audit audit = AUDIT_CLOSED;
	int r = audit_open(directory, 0, &audit, err);

	if (r < 0)
		return r;
	r = file_write_fd(audit.fd, line, strlen(line));
	if (r == -EIO)
		(void)file_write_fd(audit.fd, "\n", 1);
	return r < 0 ? err_set_errno(err, r, "cannot append to the audit record in '%s'", directory) : 0;
}

void watch_record(struct watch *watch, const struct watched *w, const char *event, const char *text,
		  const struct watch_death *death)
{
	_cleanup_free_ char *line = NULL;
	struct err err = { 0 };

	if (!watch->args.audit)
		return;
	line = compose(w, event, text, death);
	if (!line)
		(void)err_set(&err, ENOMEM, "cannot make an audit record: out of memory");
	else
		(void)append(watch->args.audit, line, &err);
	/* Said once, until another fault or none comes. */
	if (err.text[0] && strcmp(err.text, watch->unrecorded.text) != 0)
		watch_say(watch, LOG_WARNING, "%s", err.text);
	watch->unrecorded = err;
}

void watch_note(struct watch *watch, const struct watched *w, const char *event, int priority, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	watch_say(watch, priority, "%s: %s", w->name, text);
	watch_record(watch, w, event, text, NULL);
}
