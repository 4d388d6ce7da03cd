/* SPDX-License-Identifier: Apache-2.0 */
/* Check, print - the facts, the decision and the plan of one container. See check-print.h. */
#include "cgdeleg/cli/check-print.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/grant/record.h"

static void line(const char *key, const char *value)
{
	char shown[1024];

	if (value && value[0])
		printf("  %-11s %s\n", key, text_escape(value, shown, sizeof(shown)));
}

static void ids(const char *key, uint32_t uid, uint32_t gid)
{
	if (uid != FACT_ID_UNKNOWN && gid != FACT_ID_UNKNOWN)
		printf("  %-11s %u:%u\n", key, uid, gid);
}

/* Those that are there, and the state of one that is neither there nor impossible. */
static void print_guards(const struct facts *f)
{
	static const char *const states[GUARD_FACT_MAX] = {
		[GUARD_FACT_UNKNOWN] = " (unknown)",
		[GUARD_FACT_THERE] = "",
		[GUARD_FACT_BROKEN] = " (broken)",
		[GUARD_FACT_NOT_LOADED] = " (not loaded)",
	};
	const char *device = states[f->device_guard], *grant = states[f->grant_guard];
	char text[64];

	(void)snprintf(text, sizeof(text), "%s%s%s%s%s", device ? "device" : "", device ? device : "",
		       device && grant ? ", " : "", grant ? "grant" : "", grant ? grant : "");
	line("guards", text[0] ? text : "none");
}

void check_print_facts(const struct trail *trail)
{
	const struct facts *f = &trail->facts;
	const struct identity *who = &trail->decision.who;

	puts("facts:");
	line("container", f->id);
	line("handler", f->handler);
	line("namespace", who->namespace);
	line("pod", who->pod);
	line("name", who->container);
	line("image", who->image);
	line("userns", userns_kind_name(f->userns));
	ids("its root", f->root_uid, f->root_gid);
	ids("process", f->process_uid, f->process_gid);
	line("cgroup", f->cgroup);
	line("unit", f->unit);
	line("controllers", f->controllers);
	line("mount", mount_state_name(f->mount));
	if (f->writable_by > WRITABLE_BY_NONE)
		line("writable by", writable_by_name(f->writable_by));
	line("covered by", f->covered_by);
	line("device BPF", device_bpf_state_name(f->device_bpf));
	print_guards(f);
	line("unrecognised", f->unrecognised);
}

void check_print_decision(const struct decision *d)
{
	printf("decision: %s", verdict_name(d->verdict));
	if (d->profile)
		printf(", profile %s", d->profile);
	if (d->rule)
		printf(", rule %s", d->rule);
	puts("");
	for (size_t i = 0; i < d->n_reasons; i++) {
		const struct reason *reason = &d->reasons[i];

		printf("  %s %s: %s", reason_kind_name(reason->kind), reason_code_name(reason->code), reason->text);
		if (reason->origin.file)
			printf(" (%s:%u)", reason->origin.file, reason->origin.line);
		puts("");
	}
}

void check_print_plan(const struct plan *plan)
{
	char text[LIMIT_TEXT_SIZE];

	for (size_t i = 0; i < plan->n_steps; i++)
		printf("  %2zu. %s\n", i + 1, step_describe(&plan->steps[i], text, sizeof(text)));
}

bool check_print_text(const struct trail *trail)
{
	const struct plan *plan = &trail->plan;

	check_print_facts(trail);
	if (trail->oci.pid == 0)
		puts("  (from config.json and this host alone; not known from these: the container's cgroup and who else is in\n"
		     "  it, what its engine still changes, what it inherits from its runtime, and what is granted by then)");
	check_print_decision(&trail->decision);
	puts(plan->n_steps > 0 ? "plan:"
	     : trail->decision.verdict == VERDICT_UNKNOWN
		     ? "plan: cannot be told from config.json alone; use --state while the container is being created"
		     : "plan: nothing to do");
	check_print_plan(plan);
	return fflush(stdout) == 0;
}

bool check_print_json(const struct trail *trail)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	_cleanup_free_ char *text = NULL;
	yyjson_mut_val *o = yyjson_mut_obj(doc);

	if (!o)
		return false;
	yyjson_mut_doc_set_root(doc, o);
	(void)yyjson_mut_obj_add_uint(doc, o, "version", 1);
	record_add(doc, o, &trail->record);
	if (trail->oci.pid == 0)
		(void)yyjson_mut_obj_add_str(doc, o, "known_from", "bundle");
	text = yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, NULL);
	return text && fputs(text, stdout) >= 0 && fflush(stdout) == 0;
}
