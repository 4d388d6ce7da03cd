/* SPDX-License-Identifier: Apache-2.0 */
/* Throw-away - a container that is started only to be verified. See throw-away.h. */
#include "cgdeleg/cli/throw-away.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/cli/client.h"
#include "cgdeleg/node/engine.h"

#define PATIENCE_MS 300000 /* for one call: it may pull an image */
#define WORDS_MAX   (2 * OPTION_LIST_MAX + 32)
#define ASKS	    "cgdeleg.io/writable"
/* The host ids of a pod with a user namespace, which its client chooses; a kubelet begins far below. */
#define POD_IDS	  UINT32_C(4194304000)
#define POD_RANGE 65536

struct words {
	const char *all[WORDS_MAX + 1];
	size_t n;
};

static void add(struct words *words, const char *word)
{
	if (words->n < WORDS_MAX)
		words->all[words->n++] = word;
}

/* The engine and its runtime whose containers run the hook with --handler NAME. A running one is better. */
static int find_engine(const char *handler, struct throw_away *ret, struct err *err)
{
	_cleanup_(engines_done) struct engines engines = { 0 };
	const struct engine_conf *best = NULL;
	char shown[256];
	int r = engines_read("/", ENGINES_ALL, &engines, err);

	if (r < 0)
		return r;
	for (const struct engine_conf *engine = engines.first; engine; engine = engine->next)
		for (const struct engine_runtime *runtime = engine->runtimes; runtime; runtime = runtime->next)
			for (const struct engine_hook *hook = NULL; (hook = engine_hook_next(engine, runtime, hook));) {
				if (!hook->handler || strcmp(hook->handler, handler) != 0 ||
				    (best && (best->pid > 0 || engine->pid == 0)))
					continue;
				best = engine;
				/* A descriptor in hooks.d stands for all runtimes: then the default one is used. */
				(void)snprintf(ret->runtime, sizeof(ret->runtime), "%s",
					       hook->way == ENGINE_DESCRIPTOR && engine->kind == ENGINE_PODMAN
						       ? ""
						       : runtime->name);
				ret->systemd =
					runtime->systemd_cgroup ||
					(engine->kind == ENGINE_CRIO &&
					 !(engine->cgroup_manager && strcmp(engine->cgroup_manager, "cgroupfs") == 0));
			}
	if (!best)
		return err_set(
			err, ENOENT,
			"no engine of this node runs the hook with --handler %s; cgdeleg doctor says which hooks the engines run",
			text_escape(handler, shown, sizeof(shown)));
	ret->kind = best->kind;
	ret->annotates = best->kind != ENGINE_DOCKER || best->major == 0 || best->major >= 24;
	(void)snprintf(ret->endpoint, sizeof(ret->endpoint), "unix://%s", best->socket ? best->socket : "");
	return 0;
}

/* podman and docker: one command. */
static int run_container(const struct throw_away_args *args, struct throw_away *c, struct err *err)
{
	const bool podman = c->kind == ENGINE_PODMAN;
	struct words words = { 0 };
	int r;

	add(&words, podman ? "podman" : "docker");
	for (const char *const *word =
		     (const char *const[]) { "run", "--detach", "--rm", "--network", "none", "--name", c->name, NULL };
	     *word; word++)
		add(&words, *word);
	if (c->annotates) {
		add(&words, "--annotation");
		add(&words, ASKS "=true");
	}
	if (c->runtime[0]) {
		add(&words, "--runtime");
		add(&words, c->runtime);
	}
	for (size_t i = 0; i < args->annotations->n; i++) {
		add(&words, "--annotation");
		add(&words, args->annotations->all[i]);
	}
	/* Docker's daemon decides on user namespaces; podman wants to be told of each. */
	if (podman && args->options->n == 0)
		add(&words, "--userns=auto");
	for (size_t i = 0; i < args->options->n; i++)
		add(&words, args->options->all[i]);
	add(&words, args->image);
	add(&words, "sleep");
	add(&words, THROW_AWAY_SECONDS);
	c->made = true;
	r = client_run(words.all, clock_monotonic_ms() + PATIENCE_MS, c->id, sizeof(c->id), err);
	if (r < 0)
		c->id[0] = '\0';
	return r;
}

static int call_crictl(const struct throw_away *c, const char *const *more, char *out, size_t size, struct err *err)
{
	struct words words = { 0 };

	for (const char *const *word =
		     (const char *const[]) { "crictl", "--runtime-endpoint", c->endpoint, "--image-endpoint",
					     c->endpoint, "--timeout", "300s", NULL };
	     *word; word++)
		add(&words, *word);
	for (; *more; more++)
		add(&words, *more);
	return client_run(words.all, clock_monotonic_ms() + PATIENCE_MS, out, size, err);
}

/* A user namespace of its own, as a kubelet asks for with hostUsers: false. */
static void add_userns(yyjson_mut_doc *doc, yyjson_mut_val *config)
{
	static const char *const names[] = { "uids", "gids" };
	yyjson_mut_val *linux_part = yyjson_mut_obj_get(config, "linux"), *context, *options, *userns;

	if (!linux_part)
		linux_part = yyjson_mut_obj_add_obj(doc, config, "linux");
	context = yyjson_mut_obj_add_obj(doc, linux_part, "security_context");
	options = yyjson_mut_obj_add_obj(doc, context, "namespace_options");
	(void)yyjson_mut_obj_add_int(doc, options, "pid", 1); /* CONTAINER */
	userns = yyjson_mut_obj_add_obj(doc, options, "userns_options");
	(void)yyjson_mut_obj_add_int(doc, userns, "mode", 0); /* POD */
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, yyjson_mut_obj_add_arr(doc, userns, names[i]));

		(void)yyjson_mut_obj_add_uint(doc, one, "host_id", POD_IDS);
		(void)yyjson_mut_obj_add_uint(doc, one, "container_id", 0);
		(void)yyjson_mut_obj_add_uint(doc, one, "length", POD_RANGE);
	}
}

static void fill_pod(yyjson_mut_doc *doc, yyjson_mut_val *config, const struct throw_away_args *args,
		     const struct throw_away *c)
{
	yyjson_mut_val *metadata = yyjson_mut_obj_add_obj(doc, config, "metadata"), *annotations, *linux_part;

	(void)yyjson_mut_obj_add_str(doc, metadata, "name", c->name);
	(void)yyjson_mut_obj_add_str(doc, metadata, "uid", c->name);
	(void)yyjson_mut_obj_add_str(doc, metadata, "namespace", args->namespace ? args->namespace : "default");
	(void)yyjson_mut_obj_add_str(doc, config, "log_directory", c->directory);
	annotations = yyjson_mut_obj_add_obj(doc, config, "annotations");
	(void)yyjson_mut_obj_add_str(doc, annotations, ASKS, "true");
	for (size_t i = 0; i < args->annotations->n; i++) {
		const char *word = args->annotations->all[i], *equals = strchr(word, '=');

		if (equals)
			(void)yyjson_mut_obj_add(annotations, yyjson_mut_strncpy(doc, word, (size_t)(equals - word)),
						 yyjson_mut_str(doc, equals + 1));
	}
	linux_part = yyjson_mut_obj_add_obj(doc, config, "linux");
	if (c->systemd)
		(void)yyjson_mut_obj_add_str(doc, linux_part, "cgroup_parent", "system.slice");
	add_userns(doc, config);
}

static void fill_container(yyjson_mut_doc *doc, yyjson_mut_val *config, const struct throw_away_args *args)
{
	yyjson_mut_val *command;

	(void)yyjson_mut_obj_add_str(doc, yyjson_mut_obj_add_obj(doc, config, "metadata"), "name", "verify");
	(void)yyjson_mut_obj_add_str(doc, yyjson_mut_obj_add_obj(doc, config, "image"), "image", args->image);
	command = yyjson_mut_obj_add_arr(doc, config, "command");
	(void)yyjson_mut_arr_add_str(doc, command, "sleep");
	(void)yyjson_mut_arr_add_str(doc, command, THROW_AWAY_SECONDS);
	(void)yyjson_mut_obj_add_str(doc, config, "log_path", "verify.log");
	add_userns(doc, config);
}

/* Writes pod.json or container.json; its path goes to `path`. */
static int write_config(const struct throw_away_args *args, const struct throw_away *c, bool pod, char path[PATH_MAX],
			struct err *err)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *config = yyjson_mut_obj(doc);
	yyjson_write_err fault;

	yyjson_mut_doc_set_root(doc, config);
	if (pod)
		fill_pod(doc, config, args, c);
	else
		fill_container(doc, config, args);
	(void)snprintf(path, PATH_MAX, "%s/%s.json", c->directory, pod ? "pod" : "container");
	return yyjson_mut_write_file(path, doc, YYJSON_WRITE_PRETTY, NULL, &fault)
		       ? 0
		       : err_set(err, EIO, "cannot write '%s': %s", path, fault.msg);
}

#define CRICTL(c, out, err, ...) call_crictl(c, (const char *const[]) { __VA_ARGS__, NULL }, out, sizeof(out), err)

/* The same steps as a kubelet's, by the administrator's tool for them. */
static int run_pod(const struct throw_away_args *args, struct throw_away *c, struct err *err)
{
	char pod[PATH_MAX], container[PATH_MAX], ignored[256];
	int r = 0;

	(void)snprintf(c->directory, sizeof(c->directory), "/run/cgdeleg-verify.XXXXXX");
	if (!mkdtemp(c->directory)) {
		c->directory[0] = '\0';
		return err_set_errno(err, errno, "cannot make a directory in '/run'");
	}
	if (CRICTL(c, ignored, NULL, "inspecti", "-q", args->image) < 0)
		r = CRICTL(c, ignored, err, "pull", args->image);
	if (r >= 0)
		r = write_config(args, c, true, pod, err);
	if (r >= 0)
		r = write_config(args, c, false, container, err);
	if (r >= 0)
		r = CRICTL(c, c->pod, err, "runp", "--runtime", c->runtime, pod);
	if (r < 0) {
		c->pod[0] = '\0';
		return r;
	}
	r = CRICTL(c, c->id, err, "create", c->pod, container, pod);
	if (r < 0)
		c->id[0] = '\0';
	return r < 0 ? r : CRICTL(c, ignored, err, "start", c->id);
}

int throw_away_start(const struct throw_away_args *args, struct throw_away *ret, struct err *err)
{
	int r;

	*ret = (struct throw_away) { 0 };
	(void)snprintf(ret->name, sizeof(ret->name), "cgdeleg-verify-%d-%lld", (int)getpid(),
		       (long long)(clock_realtime_us() % 1000000));
	r = find_engine(args->handler, ret, err);
	if (r < 0)
		return r;
	return ret->kind == ENGINE_CONTAINERD || ret->kind == ENGINE_CRIO ? run_pod(args, ret, err)
									  : run_container(args, ret, err);
}

int throw_away_remove(struct throw_away *c, struct err *err)
{
	static const char *const files[] = { "pod.json", "container.json", "verify.log" };
	char ignored[256];
	int r = 0;

	if (c->made) {
		const char *const podman[] = { "podman", "rm", "--force", "--ignore", "--time", "0", c->name, NULL };
		const char *const docker[] = { "docker", "rm", "--force", c->name, NULL };

		r = client_run(c->kind == ENGINE_PODMAN ? podman : docker, clock_monotonic_ms() + PATIENCE_MS, ignored,
			       sizeof(ignored), err);
		/* Docker says so of one that is not there, and of one that --rm removes already. */
		if (r < 0 && (strstr(err->text, "No such container") || strstr(err->text, "already in progress")))
			r = 0;
	}
	if (c->pod[0])
		r = CRICTL(c, ignored, err, "rmp", "--force", c->pod);
	for (size_t i = 0; c->directory[0] && i < ELEMENTS(files); i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", c->directory, files[i]);
		(void)unlink(path);
	}
	if (c->directory[0])
		(void)rmdir(c->directory);
	if (r < 0)
		(void)err_wrap(err, "the container '%s' could not be removed", c->name);
	return r;
}
