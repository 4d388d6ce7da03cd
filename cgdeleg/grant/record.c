/* SPDX-License-Identifier: Apache-2.0 */
/* Record - one run as JSON. See record.h. */
#include "cgdeleg/grant/record.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

static const char *const userns_names[USERNS_KIND_MAX] = {
	[USERNS_UNKNOWN] = "unknown",
	[USERNS_NONE] = "none",
	[USERNS_HOST_IDS] = "host-ids",
	[USERNS_PRIVATE] = "private",
};

static const char *const device_names[DEVICE_BPF_STATE_MAX] = {
	[DEVICE_BPF_UNKNOWN] = "unknown",
	[DEVICE_BPF_ABSENT] = "absent",
	[DEVICE_BPF_MULTI] = "multi",
	[DEVICE_BPF_REPLACEABLE] = "replaceable",
};

static const char *const mount_names[MOUNT_STATE_MAX] = {
	[MOUNT_UNKNOWN] = "unknown",
	[MOUNT_READONLY] = "read-only",
	[MOUNT_WILL_BE_RO] = "will-be-read-only",
	[MOUNT_WRITABLE] = "writable",
};

const char *userns_kind_name(enum userns_kind kind)
{
	return userns_names[kind];
}

const char *device_bpf_state_name(enum device_bpf_state state)
{
	return device_names[state];
}

const char *mount_state_name(enum mount_state state)
{
	return mount_names[state];
}

const char *record_reason(const struct record *record)
{
	if (record->stage)
		return record->stage;
	return record->decision->n_reasons ? reason_code_name(record->decision->reasons[0].code) : "unknown";
}

static void add(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *key, const char *text)
{
	char shown[1024];

	if (text)
		(void)yyjson_mut_obj_add_strcpy(doc, o, key, text_escape(text, shown, sizeof(shown)));
}

static void add_origin(yyjson_mut_doc *doc, yyjson_mut_val *o, const char *key, const struct origin *origin)
{
	char text[512];

	if (!origin->file)
		return;
	add(doc, o, key, origin_format(origin, text, sizeof(text)));
}

static void add_facts(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct facts *facts)
{
	add(doc, o, "id", facts->id);
	add(doc, o, "handler", facts->handler);
	add(doc, o, "cgroup", facts->cgroup);
	add(doc, o, "unit", facts->unit);
	(void)yyjson_mut_obj_add_str(doc, o, "userns", userns_kind_name(facts->userns));
	(void)yyjson_mut_obj_add_str(doc, o, "device_bpf", device_bpf_state_name(facts->device_bpf));
	(void)yyjson_mut_obj_add_str(doc, o, "mount", mount_state_name(facts->mount));
	if (facts->writable_by > WRITABLE_BY_NONE)
		(void)yyjson_mut_obj_add_str(doc, o, "writable_by", writable_by_name(facts->writable_by));
	(void)yyjson_mut_obj_add_bool(doc, o, "device_guard", facts->device_guard == GUARD_FACT_THERE);
	(void)yyjson_mut_obj_add_bool(doc, o, "guard", facts->grant_guard == GUARD_FACT_THERE);
	if (facts->seccomp_bpf != TRI_UNKNOWN)
		(void)yyjson_mut_obj_add_bool(doc, o, "seccomp_bpf", facts->seccomp_bpf == TRI_YES);
	(void)yyjson_mut_obj_add_bool(doc, o, "nsdelegate",
				      facts->host.options && text_has_word(facts->host.options, "nsdelegate"));
	if (facts->unrecognised && facts->unrecognised[0])
		add(doc, o, "unrecognised", facts->unrecognised);
}

static void add_reasons(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct decision *decision)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, o, "reasons");

	for (size_t i = 0; i < decision->n_reasons; i++) {
		const struct reason *reason = &decision->reasons[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

		(void)yyjson_mut_obj_add_str(doc, item, "kind", reason_kind_name(reason->kind));
		(void)yyjson_mut_obj_add_str(doc, item, "code", reason_code_name(reason->code));
		add_origin(doc, item, "at", &reason->origin);
		/* Already printable: it was escaped where it was made. */
		(void)yyjson_mut_obj_add_strcpy(doc, item, "text", reason->text);
	}
}

static void add_decision(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct decision *decision)
{
	(void)yyjson_mut_obj_add_str(doc, o, "verdict", verdict_name(decision->verdict));
	add(doc, o, "profile", decision->profile);
	add(doc, o, "rule", decision->rule);
	add_origin(doc, o, "policy", &decision->origin);
	add(doc, o, "namespace", decision->who.namespace);
	add(doc, o, "pod", decision->who.pod);
	add(doc, o, "container", decision->who.container);
	add(doc, o, "image", decision->who.image);
	if (decision->verdict == VERDICT_GRANT) {
		(void)yyjson_mut_obj_add_uint(doc, o, "uid", decision->owner_uid);
		(void)yyjson_mut_obj_add_uint(doc, o, "gid", decision->owner_gid);
	}
	add_reasons(doc, o, decision);
}

void record_add(yyjson_mut_doc *doc, yyjson_mut_val *o, const struct record *record)
{
	char line[LIMIT_TEXT_SIZE];
	yyjson_mut_val *list;

	add_facts(doc, o, record->facts);
	add_decision(doc, o, record->decision);
	list = yyjson_mut_obj_add_arr(doc, o, "plan");
	for (size_t i = 0; i < record->plan->n_steps; i++)
		(void)yyjson_mut_arr_add_strcpy(doc, list, step_describe(&record->plan->steps[i], line, sizeof(line)));
}

char *record_compose(const struct record *record, const char *event)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *o = yyjson_mut_obj(doc);
	const struct outcome *outcome = record->outcome;
	char time[CLOCK_TEXT_SIZE], line[LIMIT_TEXT_SIZE];

	if (!o)
		return NULL;
	yyjson_mut_doc_set_root(doc, o);
	clock_format(record->started_us, time, sizeof(time));
	(void)yyjson_mut_obj_add_str(doc, o, "time", time);
	(void)yyjson_mut_obj_add_str(doc, o, "event", event);
	(void)yyjson_mut_obj_add_int(doc, o, "hook_pid", record->pid);
	(void)yyjson_mut_obj_add_int(doc, o, "duration_us", record->duration_us);
	record_add(doc, o, record);
	(void)yyjson_mut_obj_add_str(doc, o, "reason", record_reason(record));
	(void)yyjson_mut_obj_add_str(doc, o, "outcome", outcome_name(outcome->kind));
	(void)yyjson_mut_obj_add_uint(doc, o, "steps_done", outcome->n_done);
	(void)yyjson_mut_obj_add_uint(doc, o, "steps_changed", outcome->n_changed);
	(void)yyjson_mut_obj_add_uint(doc, o, "steps_skipped", outcome->n_skipped);
	if (outcome->failed)
		add(doc, o, "failed_step", step_describe(outcome->failed, line, sizeof(line)));
	if (outcome->kind == OUTCOME_UNDO_FAILED)
		(void)yyjson_mut_obj_add_str(doc, o, "undo_error", outcome->undo_err.text);
	if (record->err->text[0])
		(void)yyjson_mut_obj_add_str(doc, o, "error", record->err->text);
	return yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, NULL);
}
