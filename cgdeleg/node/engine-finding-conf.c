/* SPDX-License-Identifier: Apache-2.0 */
/* Engine finding, conf - files that an engine would refuse or ignores, and what it does by itself. See
 * engine-finding-part.h. */
#include <errno.h>
#include <string.h>

#include "cgdeleg/node/engine-finding-part.h"

/* Docker reads its runtimes again at a SIGHUP, and podman has nothing that runs. */
static void find_stale(const struct engine_listener *to, const struct engine_conf *engine)
{
	if (!engine->started || (engine->kind != ENGINE_CONTAINERD && engine->kind != ENGINE_CRIO))
		return;
	/* The clock of the start counts whole seconds. */
	for (const struct engine_file *file = engine->files; file; file = file->next)
		if (file->changed > engine->started + 1) {
			const struct origin place = { .file = file->path };

			engine_tell(to, FINDING_ENGINE_STALE, &place, "restart the engine: containers go on running",
				    "%s was started before this file was changed last, and does not know what stands in it",
				    engine_names[engine->kind]);
		}
}

/* 2.3.0 to 2.3.4 do not start where an imported file has a higher version than the first. */
static void find_versions(const struct engine_listener *to, const struct engine_conf *engine)
{
	const struct engine_file *main_file = engine->files;
	const bool dies = engine->major == 2 && engine->minor == 3;

	for (const struct engine_file *file = main_file; dies && file; file = file->next)
		if (file->version > main_file->version && main_file->version > 0) {
			const struct origin place = { .file = file->path };

			engine_tell(
				to, FINDING_ENGINE_CONFIGURATION, &place, "write the version of the first file into it",
				"the file has version %d and imports it from a file of version %d, with which containerd 2.3.0 to 2.3.4 do not start",
				(int)file->version, (int)main_file->version);
		}
}

void find_configuration(const struct engine_listener *to, const struct engine_conf *engine)
{
	const char *name = engine_names[engine->kind];

	/* What this user may not read, or cgdeleg does not follow, says nothing of the engine. */
	for (const struct engine_fault *fault = engine->faults; fault; fault = fault->next)
		if (fault->code != EACCES && fault->code != EPERM && fault->code != EOPNOTSUPP)
			engine_tell(to, FINDING_ENGINE_CONFIGURATION, &fault->place,
				    "mend the file, and restart the engine", "%s cannot use its configuration: %s",
				    name, fault->text);
	for (const struct engine_runtime *runtime = engine->misplaced; runtime; runtime = runtime->next)
		engine_tell(
			to, FINDING_ENGINE_IGNORES, &runtime->place,
			"write the table's name as the file's version has it: io.containerd.grpc.v1.cri in version 2, io.containerd.cri.v1.runtime since version 3",
			"%s ignores the runtime '%s': its table has the name of another version of the configuration",
			name, runtime->name);
	for (const struct engine_word *word = engine->unimported; word; word = word->next) {
		const struct origin place = { .file = word->text };

		engine_tell(to, FINDING_ENGINE_IGNORES, &place,
			    "add the directory to the imports of its main file, or move the file",
			    "%s does not read this file: no imports line names it", name);
	}
	find_versions(to, engine);
	find_stale(to, engine);
}

/* Of a runtime: the section of the hook that runs for all its containers, or NULL. */
static const struct section *section_for_all(const struct engine_listener *to, const struct engine_conf *engine,
					     const struct engine_runtime *runtime)
{
	for (const struct engine_hook *hook = NULL; (hook = engine_hook_next(engine, runtime, hook));)
		if (hook->handler && engine_hook_acts(hook)) {
			const struct section *handler = ruleset_find(to->rules, SECTION_HANDLER, hook->handler);

			if (handler)
				return handler;
		}
	return NULL;
}

/* A grant to all is a bound on all, too. */
static void find_unbounded_runtime(const struct engine_listener *to, const struct engine_conf *engine,
				   const struct engine_runtime *runtime)
{
	const struct section *handler = section_for_all(to, engine, runtime);
	const char *what = engine->kind == ENGINE_CONTAINERD ? "cgroup_writable of containerd" : "CRI-O's own annotation";

	if (!runtime->makes_writable || runtime->unread || (handler && handler_is_for_all(to->rules, handler)))
		return;
	engine_tell(to, FINDING_WRITABLE_ELSEWHERE, &runtime->place,
		    "switch it off, or run the hook for every container of the runtime and set writable_mount = bound",
		    "%s makes cgroups of the runtime '%s' writable, and nothing bounds %s", what, runtime->name,
		    handler ? "those that do not ask cgdeleg" : "them: the hook does not run there");
}

/* Everybody who leaves out --runtime gets the default one. */
static void find_bypass(const struct engine_listener *to, const struct engine_conf *engine,
			const struct engine_runtime *runtime)
{
	if (!runtime->is_default || runtime->hooks || engine->kind != ENGINE_DOCKER)
		return;
	engine_tell(to, FINDING_DEFAULT_RUNTIME,
		    runtime->place.file ? &runtime->place : &(struct origin) { .file = engine->config },
		    "to bound all containers, set \"default-runtime\" to the one with cgdeleg-runtime",
		    "Docker's default runtime '%s' goes past cgdeleg-runtime%s", runtime->name,
		    engine->userns ? ", and with userns-remap the cgroups of its containers are writable without bounds"
				   : "");
}

void find_writable(const struct engine_listener *to, const struct engine_conf *engine)
{
	for (const struct engine_runtime *runtime = engine->runtimes; runtime; runtime = runtime->next) {
		find_unbounded_runtime(to, engine, runtime);
		find_bypass(to, engine, runtime);
	}
}
