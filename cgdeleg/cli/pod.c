/* SPDX-License-Identifier: Apache-2.0 */
/* Pod - which pods a manifest describes. See pod.h. */
#include "cgdeleg/cli/pod.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define LISTS_MAX 4 /* lists in lists */

void notes_add(struct notes *notes, struct arena *arena, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < notes->n; i++)
		if (strcmp(notes->all[i], text) == 0)
			return;
	if (n < 0 || notes->n == POD_NOTES_MAX || !(notes->all[notes->n] = arena_strdup(arena, text)))
		return;
	notes->n++;
}

/* Where the pod template is, and how the controller names its pods. The suffixes are random: these are examples. */
static const struct kind {
	const char *kind, *group; /* group: a part of apiVersion, or "" */
	const char *path;	  /* of the template, an object with metadata and spec; "": the object itself */
	const char *suffix;
	bool exact; /* the suffix is what it will be */
} kinds[] = {
	{ "Pod", "", "", "", true },
	{ "PodTemplate", "", "template", "", false },
	{ "Deployment", "", "spec.template", "-6d4cf56db6-x7k2p", false },
	{ "ReplicaSet", "", "spec.template", "-x7k2p", false },
	{ "ReplicationController", "", "spec.template", "-x7k2p", false },
	{ "StatefulSet", "", "spec.template", "-0", true },
	{ "DaemonSet", "", "spec.template", "-x7k2p", false },
	{ "Job", "", "spec.template", "-x7k2p", false },
	{ "CronJob", "", "spec.jobTemplate.spec.template", "-29400000-x7k2p", false },
	/* GitHub's ARC, runner scale sets. */
	{ "AutoscalingRunnerSet", "actions.github.com", "spec.template", "-x7k2p-runner-q9wz4", false },
	{ "EphemeralRunnerSet", "actions.github.com", "spec.ephemeralRunnerSpec", "-runner-q9wz4", false },
	{ "EphemeralRunner", "actions.github.com", "spec", "", true },
	/* GitHub's ARC, the older controller: a runner's spec is a pod's with more in it. */
	{ "RunnerDeployment", "actions.summerwind.dev", "spec.template", "-x7k2p-q9wz4", false },
	{ "RunnerReplicaSet", "actions.summerwind.dev", "spec.template", "-q9wz4", false },
	{ "RunnerSet", "actions.summerwind.dev", "spec.template", "-x7k2p-0", false },
	{ "Runner", "actions.summerwind.dev", "", "", true },
	/* GitLab's operator: patches of the runner's pod. See gitlab_template(). */
	{ "Runner", "apps.gitlab.com", "", "-runner-6d4cf56db6-x7k2p", false },
};

struct walk {
	const char *file;
	const struct node *documents;
	struct arena *arena;
	pod_fn tell;
	void *userdata;
	size_t n_pods;
	char seen[160]; /* kinds without a pod, for the message */
};

/* The object, unless it is a list of objects; NULL at the end. */
static int each_object(struct walk *walk, const struct node *list, unsigned depth,
		       int (*tell)(struct walk *, const struct node *, struct err *), struct err *err)
{
	for (const struct node *object = list ? list->first : NULL; object; object = object->next) {
		const struct node *items = node_get(object, "items");
		int r = 0;

		if (items && items->kind == NODE_LIST && depth < LISTS_MAX)
			r = each_object(walk, items, depth + 1, tell, err);
		else if (object->kind == NODE_MAP)
			r = tell(walk, object, err);
		else if (object->kind == NODE_LIST && depth < LISTS_MAX)
			r = each_object(walk, object, depth + 1, tell, err);
		else if (object->kind != NODE_NULL)
			r = node_blame(walk->file, object, err, "an object was expected, as in 'kind: Pod'");
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct kind *kind_find(const struct node *object)
{
	static const struct kind other = { "", "", "spec.template", "-x7k2p", false };
	/* The values of ARC's Helm chart have no kind. */
	static const struct kind values = { "values", "", "template", "-x7k2p-runner-q9wz4", false };
	const char *kind = node_string(node_get(object, "kind"));
	const char *version = node_string(node_get(object, "apiVersion"));

	for (size_t i = 0; kind && i < ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].kind, kind) == 0 &&
		    (!kinds[i].group[0] || (version && strstr(version, kinds[i].group))))
			return &kinds[i];
	if (node_find(object, "spec.template.spec.containers"))
		return &other;
	return !kind && node_find(object, "template.spec.containers") ? &values : NULL;
}

static bool is_gitlab(const struct kind *kind)
{
	return strcmp(kind->group, "apps.gitlab.com") == 0;
}

/* A node of its own, which looks into `merged`. */
static struct node *wrap(struct arena *arena, const struct node *place, const struct node *merged)
{
	struct node *map = arena_alloc(arena, sizeof(*map)), *entry = arena_alloc(arena, sizeof(*entry));

	if (!map || !entry)
		return NULL;
	*entry = *merged;
	entry->key = "<<";
	entry->next = NULL;
	*map = (struct node) { .kind = NODE_MAP, .line = place->line, .column = place->column, .first = entry };
	return map;
}

/* One of spec.podSpec's patches as a layer; *ret is NULL where it is not read. */
static int gitlab_layer(struct walk *walk, const struct node *patch, struct pod_container *c, struct node **ret,
			struct err *err)
{
	const char *text = node_string(node_get(patch, "patch")), *type = node_string(node_get(patch, "patchType"));
	const struct node *documents;
	int r;

	*ret = NULL;
	if (!text || (type && strcmp(type, "json") == 0)) {
		notes_add(&c->notes, walk->arena, "a patch of podSpec is left out: it is a file or a JSON patch");
		return 0;
	}
	r = manifest_parse(walk->file, text, strlen(text), walk->arena, &documents, err);
	if (r < 0)
		return node_blame(walk->file, patch, err, "podSpec's patch: %.300s", err ? err->text : "it is not YAML");
	if (documents->first)
		*ret = wrap(walk->arena, patch, documents->first);
	return documents->first && !*ret ? err_set(err, ENOMEM, "out of memory") : 0;
}

/* All patches as one pod spec: of each member the last patch counts. */
static int gitlab_spec(struct walk *walk, const struct node *object, struct pod_container *c, struct err *err)
{
	const struct node *patches = node_find(object, "spec.podSpec");
	struct node layers = { .kind = NODE_LIST };

	for (const struct node *patch = patches ? patches->first : NULL; patch; patch = patch->next) {
		struct node *layer;
		int r = gitlab_layer(walk, patch, c, &layer, err);

		if (r < 0)
			return r;
		if (!layer)
			continue;
		layer->next = (struct node *)(uintptr_t)layers.first;
		layers.first = layer;
	}
	c->pod_spec = wrap(walk->arena, object, &layers);
	return c->pod_spec ? 0 : err_set(err, ENOMEM, "out of memory");
}

/* A pod's name is the object's, or with generateName begins with that. Of some kinds only an example is known. */
static void name_pod(struct walk *walk, const struct node *object, const struct kind *kind, struct pod_container *c)
{
	const char *name = node_string(node_find(object, "metadata.name"));
	const char *generate = node_string(node_find(object, "metadata.generateName"));
	const bool indexed = strcmp(kind->kind, "Job") == 0 && node_string(node_find(object, "spec.completionMode")) &&
			     strcmp(node_string(node_find(object, "spec.completionMode")), "Indexed") == 0;
	char pod[300];

	c->object = name ? name : generate;
	if (!c->object)
		return;
	(void)snprintf(pod, sizeof(pod), "%s%s%s%s", c->object, name ? "" : "x7k2p", indexed ? "-0" : "", kind->suffix);
	c->pod = arena_strdup(walk->arena, pod);
	if (c->pod && (!kind->exact || !name))
		notes_add(&c->notes, walk->arena,
			  "the pod's name is an example, '%.100s': a part of it is made at random", pod);
}

static const char *runtime_handler(const struct walk *walk, const char *runtime_class);

static void describe_pod(struct walk *walk, const struct node *object, const struct node *template,
			 const struct kind *kind, struct pod_container *c)
{
	const char *namespace = node_string(node_find(object, "metadata.namespace"));

	c->file = walk->file;
	c->kind = kind->kind[0] ? kind->kind : node_string(node_get(object, "kind"));
	c->pod_meta = node_get(template, "metadata");
	if (!c->pod_spec)
		c->pod_spec = node_get(template, "spec");
	c->namespace = namespace ? namespace : "default";
	if (!namespace)
		notes_add(&c->notes, walk->arena,
			  "the namespace is 'default': the manifest names none (--fact namespace=NAME)");
	name_pod(walk, object, kind, c);
	c->runtime_class = node_string(node_get(c->pod_spec, "runtimeClassName"));
	c->runtime_handler = c->runtime_class ? runtime_handler(walk, c->runtime_class) : NULL;
}

static int tell_container(struct walk *walk, const struct pod_container *pod, const struct node *spec,
			  const char *otherwise, struct err *err)
{
	struct pod_container c = *pod;

	c.spec = spec;
	c.container = node_string(node_get(spec, "name"));
	c.image = node_string(node_get(spec, "image"));
	if (!c.container)
		c.container = otherwise;
	if (!c.container)
		return node_blame(walk->file, spec, err, "a container without a name");
	walk->n_pods++;
	return walk->tell(&c, walk->userdata, err);
}

static int tell_list(struct walk *walk, const struct pod_container *pod, const char *member, struct err *err)
{
	const struct node *list = node_get(pod->pod_spec, member);
	int r = 0;

	if (list && list->kind != NODE_LIST)
		return node_blame(walk->file, list, err, "'%s' must be a list, each item with '- name: ...'", member);
	for (const struct node *item = list ? list->first : NULL; item && r >= 0; item = item->next)
		r = item->kind == NODE_MAP
			    ? tell_container(walk, pod, item, NULL, err)
			    : node_blame(walk->file, item, err, "a container was expected, as in '- name: build'");
	return r;
}

/* Runners may leave their container out: their controllers add one of this name. */
static int tell_pod(struct walk *walk, struct pod_container *pod, const struct kind *kind, struct err *err)
{
	const bool runner = strstr(kind->group, "summerwind") || is_gitlab(kind);
	int r;

	if (!pod->pod_spec || pod->pod_spec->kind != NODE_MAP)
		return node_blame(walk->file, pod->pod_spec, err, "%s '%s' has no pod spec",
				  pod->kind ? pod->kind : "an object", pod->object ? pod->object : "");
	r = tell_list(walk, pod, "initContainers", err);
	if (r < 0)
		return r;
	if (!node_get(pod->pod_spec, "containers"))
		return runner ? tell_container(walk, pod, pod->pod_spec, "runner", err)
			      : node_blame(walk->file, pod->pod_spec, err, "the pod spec has no containers");
	return tell_list(walk, pod, "containers", err);
}

static int tell_object(struct walk *walk, const struct node *object, struct err *err)
{
	const struct kind *kind = kind_find(object);
	const struct node *template = kind ? node_find(object, kind->path) : NULL;
	const char *name = node_string(node_get(object, "kind"));
	const size_t len = strlen(walk->seen);
	struct pod_container pod = { 0 };
	int r = 0;

	if (!kind) {
		(void)snprintf(walk->seen + len, sizeof(walk->seen) - len, "%s%.40s", len ? ", " : "",
			       name ? name : "an object without kind");
		return 0;
	}
	if (!template || template->kind != NODE_MAP)
		return node_blame(walk->file, object, err, "%s has no '%s'", kind->kind, kind->path);
	if (is_gitlab(kind))
		r = gitlab_spec(walk, object, &pod, err);
	if (r < 0)
		return r;
	describe_pod(walk, object, template, kind, &pod);
	return tell_pod(walk, &pod, kind, err);
}

/* The search for one RuntimeClass. */
struct search {
	struct walk walk; /* first, so that a walk is a search */
	const char *name, *found;
};

static int try_runtime_class(struct walk *walk, const struct node *object, struct err *err)
{
	struct search *search = (struct search *)walk;
	const char *kind = node_string(node_get(object, "kind")), *name = node_string(node_find(object, "metadata.name"));

	(void)err;
	if (kind && strcmp(kind, "RuntimeClass") == 0 && name && strcmp(name, search->name) == 0)
		search->found = node_string(node_get(object, "handler"));
	return 0;
}

static const char *runtime_handler(const struct walk *walk, const char *runtime_class)
{
	struct search search = { .walk = *walk, .name = runtime_class };

	(void)each_object(&search.walk, walk->documents, 0, try_runtime_class, NULL);
	return search.found;
}

int pods_each(const char *file, const struct node *documents, struct arena *arena, pod_fn tell, void *userdata,
	      struct err *err)
{
	struct walk walk = { .file = file, .documents = documents, .arena = arena, .tell = tell, .userdata = userdata };
	int r = each_object(&walk, documents, 0, tell_object, err);

	if (r >= 0 && walk.n_pods == 0)
		r = err_set(err, ENOENT, "%s: there is no pod in it%s%s", file, walk.seen[0] ? ", but: " : "",
			    walk.seen[0] ? walk.seen : "");
	return r;
}
