/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor, runtime - what engines, runtimes and the kernel need of each other. See doctor-engine.h, doctor-part.h.
 *
 * Source of the versions: Kubernetes' documentation of user namespaces (1.25 to 1.36), the release notes of containerd 1.7
 * and 2.0, runc 1.2, crun 1.9 and podman 5.2; the kernel's commit that reads BPF_PROG_QUERY's attribute by its size. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/query.h"
#include "cgdeleg/node/doctor-engine.h"
#include "cgdeleg/node/engine-finding.h"

/* A runtime's real program: behind cgdeleg-runtime, by its path, or as the engine finds it by its name. */
struct program {
	const char *name;    /* "runc", "crun", or whatever it is called */
	const char *version; /* NULL: it did not say */
};

static struct program ask_runtime(struct doctor *d, const struct engine_conf *engine, const struct engine_runtime *runtime)
{
	const char *path = runtime->hooks && runtime->hooks->runtime ? runtime->hooks->runtime : runtime->path;
	const char *slash;

	/* containerd's BinaryName is "runc" where it is not set. */
	if (!path || !path[0])
		path = engine->kind == ENGINE_CONTAINERD ? "runc" : runtime->name;
	if (path[0] != '/')
		path = engine_find_program(d->args.root, path, &d->arena);
	slash = path ? strrchr(path, '/') : NULL;
	return (struct program) { slash ? slash + 1 : runtime->name,
				  path ? engine_ask_version(d->args.root, path, &d->arena) : NULL };
}

static const char *ask_kubelet(struct doctor *d)
{
	const char *path = engine_find_program(d->args.root, "kubelet", &d->arena);

	return path ? engine_ask_version(d->args.root, path, &d->arena) : NULL;
}

/* runc and crun that can mount with a pod's ids; others are not judged. */
static void judge_runtime(struct doctor *d, const struct engine_conf *engine, const struct engine_runtime *runtime)
{
	const struct program program = ask_runtime(d, engine, runtime);
	const bool runc = strcmp(program.name, "runc") == 0, crun = strcmp(program.name, "crun") == 0;

	if (!program.version || (!runc && !crun) || engine_version_is_since(program.version, 1, runc ? 2 : 9, 0))
		return;
	doctor_say(d, DOCTOR_WARN,
		   "the runtime '%s' is %s %s, and a kubelet wants runc 1.2 or crun 1.9 for hostUsers: false",
		   runtime->name, program.name, program.version);
	doctor_advise(d, "upgrade %s", program.name);
}

static void judge_runtimes(struct doctor *d, const struct engine_conf *engine)
{
	char text[128];
	const unsigned kernel = doctor_kernel_release(d, text, sizeof(text));

	for (const struct engine_runtime *runtime = engine->runtimes; runtime; runtime = runtime->next)
		if (engine_hook_next(engine, runtime, NULL))
			judge_runtime(d, engine, runtime);
	if (kernel && kernel < RELEASE(6, 3)) {
		doctor_say(d, DOCTOR_WARN,
			   "Linux %s cannot mount tmpfs with a pod's ids, so pods with hostUsers: false do not start",
			   text);
		doctor_advise(d, "boot Linux 6.3 or newer");
	}
}

#define IGNORES "ignores hostUsers: false without a word: pods that ask for a user namespace run without one"

static void judge_containerd(struct doctor *d, const struct engine_conf *engine)
{
	const char *kubelet = ask_kubelet(d);
	char name[80], text[128];
	const unsigned kernel = doctor_kernel_release(d, text, sizeof(text));

	(void)doctor_engine_name(engine, name, sizeof(name));
	if (!engine->version) {
		doctor_say(d, DOCTOR_UNKNOWN, "containerd does not say its version");
	} else if (!engine_version_is_since(engine->version, 1, 7, 0)) {
		doctor_say(d, DOCTOR_FAIL, "%s " IGNORES, name);
		doctor_advise(d, "upgrade to containerd 2.0 or newer");
	} else if (engine_version_is_since(engine->version, 2, 0, 0)) {
		if (kubelet)
			judge_runtimes(d, engine);
	} else if (engine_version_is_since(kubelet, 1, 27, 0)) {
		doctor_say(d, DOCTOR_FAIL, "kubelet %s needs containerd 2.0 for user namespaces, and %s " IGNORES,
			   kubelet, name);
		doctor_advise(d, "upgrade to containerd 2.0 or newer");
	} else if (kernel && kernel < RELEASE(5, 15)) {
		doctor_say(d, DOCTOR_WARN, "%s wants Linux 5.15 for user namespaces, and this is %s", name, text);
		doctor_advise(d, "boot Linux 5.15 or newer");
	} else if (kubelet) {
		doctor_say(d, DOCTOR_NOTE,
			   "%s copies an image and changes its owner for each user namespace: pods start slowly", name);
		doctor_advise(d, "upgrade to containerd 2.0 or newer");
	}
}

static void judge_crio(struct doctor *d, const struct engine_conf *engine)
{
	if (engine->version && !engine_version_is_since(engine->version, 1, 25, 0)) {
		doctor_say(d, DOCTOR_FAIL, "CRI-O %s " IGNORES, engine->version);
		doctor_advise(d, "upgrade to CRI-O 1.25 or newer");
	} else if (ask_kubelet(d)) {
		judge_runtimes(d, engine);
	}
}

static void judge_podman(struct doctor *d, const struct engine_conf *engine)
{
	if (!engine->version || engine_version_is_since(engine->version, 5, 2, 0))
		return;
	doctor_say(d, DOCTOR_FAIL,
		   "podman %s gives the bundle of a container with a user namespace to that container's root, and the hook refuses it",
		   engine->version);
	doctor_advise(d, "upgrade to podman 5.2 or newer");
}

/* Does the policy do without user namespaces anywhere? */
static bool goes_without(const struct ruleset *rules)
{
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (const struct section *s = rules->sections[kind]; s; s = s->next) {
			const struct setting *setting = section_get(s, KEY_REQUIRE_USERNS);

			if (setting && strcmp(setting->value, "false") == 0)
				return true;
		}
	return false;
}

static void judge_docker(struct doctor *d, const struct engine_conf *engine)
{
	if (engine->userns || goes_without(d->rules))
		return;
	doctor_say(d, DOCTOR_FAIL,
		   "Docker makes no user namespaces, since userns-remap is off: every container that asks is refused");
	doctor_advise(d, "set \"userns-remap\": \"default\" in %s, and restart Docker", engine->config);
}

void doctor_check_userns(struct doctor *d)
{
	static void (*const judges[ENGINE_MAX])(struct doctor * d, const struct engine_conf *engine) = {
		[ENGINE_CONTAINERD] = judge_containerd,
		[ENGINE_CRIO] = judge_crio,
		[ENGINE_PODMAN] = judge_podman,
		[ENGINE_DOCKER] = judge_docker,
	};
	const struct engines *engines = doctor_engines(d);
	const size_t before = d->n;
	bool any = false;

	for (const struct engine_conf *engine = engines ? engines->first : NULL; engine; engine = engine->next)
		if (engine_is_ours(d->rules, engine) && !engine->without_cri) {
			judges[engine->kind](d, engine);
			any = true;
		}
	if (d->n > before)
		return;
	if (any)
		doctor_say(d, DOCTOR_OK, "every engine with the hook can make user namespaces");
	else
		doctor_say(d, DOCTOR_NOT_APPLICABLE, "no engine here has the hook, and the policy names none of them");
}

/* From 6.17 on, before 7.2, BPF_PROG_QUERY writes a field that the attribute of runc, until 1.5.1, has no room for. What
 * the kernel does counts, where it can be tried: distributions mend older ones. */
void doctor_check_query(struct doctor *d)
{
	const char *path = engine_find_program(d->args.root, "runc", &d->arena);
	const char *version = path ? engine_ask_version(d->args.root, path, &d->arena) : NULL;
	const int tried = d->host.cgroup_fd >= 0 ? query_overruns(d->host.cgroup_fd) : -EBADF;
	char text[128];
	const unsigned kernel = doctor_kernel_release(d, text, sizeof(text));

	if (tried < 0 && !kernel) {
		doctor_say(d, DOCTOR_UNKNOWN, "the kernel's release cannot be read");
	} else if (tried == 0 || (tried < 0 && (kernel < RELEASE(6, 17) || kernel >= RELEASE(7, 2)))) {
		doctor_say(d, DOCTOR_OK, "Linux %s does not write past the end", text);
	} else if (!path) {
		doctor_say(d, DOCTOR_NOT_APPLICABLE,
			   "Linux %s writes past the end, but there is no runc, and crun leaves enough room", text);
	} else if (!version) {
		doctor_say(d, DOCTOR_UNKNOWN,
			   "Linux %s writes past the end with runc up to 1.5.1, and this runc does not say its version",
			   text);
	} else if (engine_version_is_since(version, 1, 5, 2)) {
		doctor_say(d, DOCTOR_OK, "Linux %s writes past the end, and runc %s leaves enough room", text, version);
	} else if (tried < 0 && !d->args.privileged) {
		doctor_say(d, DOCTOR_UNKNOWN, "Linux %s may write past the end with runc %s: only root can try", text,
			   version);
	} else {
		doctor_say(d, DOCTOR_NOTE, "Linux %s writes past the end of what runc %s gives to BPF_PROG_QUERY", text,
			   version);
		doctor_advise(d, "use crun, runc after 1.5.1, or Linux 7.2 or newer, if runc crashes");
	}
}
