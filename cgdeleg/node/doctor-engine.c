/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, engine - which engines there are, and whether cgdeleg's hook stands in them as it must. See doctor.h,
 * doctor-part.h. What is amiss in a configuration is said by engine-finding.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/node/doctor-engine.h"
#include "cgdeleg/node/engine-finding.h"

const struct engines *doctor_engines(struct doctor *d)
{
	struct err err;

	if (d->engines)
		return d->engines;
	d->engines = arena_alloc(&d->arena, sizeof(*d->engines));
	if (!d->engines || engines_read(d->args.root, ENGINES_ALL, d->engines, &err) < 0)
		d->lost = true;
	return d->engines;
}

const char *doctor_engine_name(const struct engine_conf *engine, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s%s", engine_names[engine->kind], engine->version ? " " : "",
		       engine->version ? engine->version : "");
	return buf;
}

static void check_found(struct doctor *d)
{
	const struct engines *engines = doctor_engines(d);
	char list[400] = "", name[80];
	size_t used = 0;

	for (const struct engine_conf *engine = engines ? engines->first : NULL; engine && used < sizeof(list);
	     engine = engine->next)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s%s", used ? ", " : "",
					 doctor_engine_name(engine, name, sizeof(name)), engine->pid ? " (runs)" : "");
	if (engines && engines->processes_unread)
		doctor_say(d, DOCTOR_UNKNOWN, "this user does not see which engines run; installed: %s",
			   list[0] ? list : "none");
	else if (list[0])
		doctor_say(d, DOCTOR_OK, "%s", list);
	else
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "there is no containerd, CRI-O, podman or Docker here");
}

static void check_listens(struct doctor *d)
{
	const struct engines *engines = doctor_engines(d);
	char name[80];

	for (const struct engine_conf *engine = engines ? engines->first : NULL; engine; engine = engine->next) {
		if (!engine->pid || !engine->socket)
			continue;
		(void)doctor_engine_name(engine, name, sizeof(name));
		if (engine->listens == ENGINE_LISTENS)
			doctor_say(d, DOCTOR_OK, "%s answers on %s", name, engine->socket);
		else if (engine->listens == ENGINE_LISTENS_UNKNOWN)
			doctor_say(d, DOCTOR_UNKNOWN, "this user may not connect to %s of %s", engine->socket, name);
		else {
			doctor_say(d, DOCTOR_WARN, "%s runs, and nobody answers on %s", name, engine->socket);
			doctor_advise(d, "look into its journal, and restart it");
		}
	}
	if (d->n == 0 || d->answers[d->n - 1].check != d->current)
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "no engine runs as a daemon");
}

/* The findings that a check is about. */
struct group {
	const char *check; /* its id */
	const char *fine;  /* what it says where there are none */
	enum finding_id kinds[4];
	size_t n;
	bool policy; /* they compare with the policy */
};

static const struct group groups[] = {
	{ "engine.configuration",
	  "every file of the engines' configurations can be used",
	  { FINDING_ENGINE_CONFIGURATION },
	  1,
	  false },
	{ "engine.ignored", "no file or table of a configuration is passed over", { FINDING_ENGINE_IGNORES }, 1, false },
	{ "engine.restart", "no configuration has changed since its engine was started", { FINDING_ENGINE_STALE }, 1, false },
	{ "engine.hook",
	  "every hook is there, root's alone, and has the words that it needs",
	  { FINDING_HOOK_PROGRAM, FINDING_HOOK_UNUSABLE, FINDING_HOOK_TIMEOUT, FINDING_HOOK_TWICE },
	  4,
	  false },
	{ "engine.wired",
	  "an engine runs the hook for every handler that the policy has for it",
	  { FINDING_HANDLER_UNWIRED },
	  1,
	  true },
	{ "engine.handler",
	  "every hook has a handler of the policy, and of its own engine",
	  { FINDING_HOOK_HANDLER_UNKNOWN, FINDING_HOOK_ENGINE_OTHER },
	  2,
	  true },
	{ "engine.default-runtime", "no default runtime goes past cgdeleg-runtime", { FINDING_DEFAULT_RUNTIME }, 1, true },
	{ "engine.descriptor",
	  "every container that a handler is for matches its descriptor",
	  { FINDING_DESCRIPTOR_NARROW },
	  1,
	  true },
	{ "engine.annotations", "every approved annotation reaches the hook", { FINDING_ANNOTATION_STOPPED }, 1, true },
	{ "engine.writable", "no engine makes cgroups writable that nothing bounds", { FINDING_WRITABLE_ELSEWHERE }, 1, true },
};

struct selection {
	struct doctor *doctor;
	const struct group *group;
};

static void take(const struct finding *finding, void *userdata)
{
	static const enum doctor_result results[FINDING_SEVERITY_MAX] = {
		[FINDING_NOTE] = DOCTOR_NOTE, [FINDING_RISK] = DOCTOR_WARN, [FINDING_FAULT] = DOCTOR_FAIL
	};
	const struct selection *selection = userdata;
	char place[300];
	size_t i = 0;

	while (i < selection->group->n && !finding_is(finding, selection->group->kinds[i]))
		i++;
	if (i == selection->group->n)
		return;
	if (finding->place.file)
		doctor_say(selection->doctor, results[finding->severity], "%s: %s",
			   origin_format(&finding->place, place, sizeof(place)), finding->text);
	else
		doctor_say(selection->doctor, results[finding->severity], "%s", finding->text);
	if (finding->remedy)
		doctor_advise(selection->doctor, "%s", finding->remedy);
}

/* Is there a hook of cgdeleg's, or is one to be expected? Otherwise nothing here is about this node. */
static bool concerns(struct doctor *d, const struct engines *engines)
{
	for (const struct engine_conf *engine = engines->first; engine; engine = engine->next)
		if (engine_is_ours(d->rules, engine))
			return true;
	doctor_say(d, DOCTOR_NOT_APPLICABLE, "no engine here has the hook, and the policy names none of them");
	return false;
}

/* The findings of the check, or that there is none. */
static void check_group(struct doctor *d)
{
	const struct engines *engines = doctor_engines(d);
	struct selection selection = { d, groups };
	const size_t before = d->n;

	if (!engines)
		return;
	while (strcmp(selection.group->check, d->current->id) != 0)
		selection.group++;
	if (selection.group->policy && (d->policy == POLICY_BROKEN || d->policy == POLICY_UNREADABLE)) {
		doctor_say(d, DOCTOR_UNKNOWN, "the policy cannot be used, see cgdeleg.policy");
		return;
	}
	if (!concerns(d, engines))
		return;
	for (const struct engine_conf *engine = engines->first; engine; engine = engine->next)
		for (const struct engine_fault *fault = engine->faults; fault && engine_is_ours(d->rules, engine);
		     fault = fault->next)
			if (fault->code == EACCES || fault->code == EPERM)
				doctor_say(d, DOCTOR_UNKNOWN, "this user may not read all of the configuration of %s: %s",
					   engine_names[engine->kind], fault->text);
	engine_findings(d->rules, engines, take, &selection);
	if (d->n == before)
		doctor_say(d, DOCTOR_OK, "%s", selection.group->fine);
}

const struct doctor_check doctor_engine_checks[] = {
	{ "engine.found", "an engine runs the hook only if its own configuration names it", check_found },
	{ "engine.listens", "an engine that does not answer creates no containers", check_listens },
	{ "engine.configuration", "an engine does not start, or creates no containers, with a file that it cannot use",
	  check_group },
	{ "engine.ignored", "an engine ignores some settings without a message, and they look as if they were in force",
	  check_group },
	{ "engine.restart", "containerd and CRI-O read their configuration when they start, and never again", check_group },
	{ "engine.hook", "no container starts if its hook cannot be executed or has wrong arguments", check_group },
	{ "engine.wired", "without the hook a container gets no grant, and no bounds", check_group },
	{ "engine.handler", "a hook whose handler the policy does not have leaves all its containers alone", check_group },
	{ "engine.default-runtime", "whoever names no runtime gets the default one, with or without the hook",
	  check_group },
	{ "engine.descriptor", "hooks.d decides by a descriptor's patterns which containers the hook sees", check_group },
	{ "engine.annotations", "an annotation that the engine does not pass on asks for nothing", check_group },
	{ "engine.writable", "a writable cgroup without bounds can use up the kernel's memory", check_group },
	{ "engine.userns",
	  "an engine that cannot make the user namespace that a pod asks for fails, or runs the pod as the host's root",
	  doctor_check_userns },
	{ "runtime.bpf-query", "some kernels write past the end of the memory that runc gives them, which can end runc",
	  doctor_check_query },
	{ 0 },
};
