/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pod - the containers of the pods that a manifest describes, and the config.json that an engine would make of each.
 *
 * A Pod, whatever has a pod template (Deployment, StatefulSet, DaemonSet, Job, CronJob, and so on), the runners of GitHub's
 * ARC and of GitLab's operator, and lists of all these. A RuntimeClass in the same file says which handler runs a pod.
 *
 * config.json is made as containerd and CRI-O make it (internal/cri/server/container_create_linux.go,
 * internal/factory/container), as far as the hook reads it: mounts, namespaces, id maps, user, capabilities, devices,
 * annotations. So everything after it is the hook's own code. What depends on the cluster or the node is assumed, and
 * each assumption is one sentence in `notes`.
 *
 * Parts: pod.c, pod-config.c.
 */
#pragma once

#include <stdint.h>

#include "cgdeleg/cli/manifest.h"
#include "policy/annotation.h"

#define POD_NOTES_MAX 24

/* Sentences; they belong to an arena. */
struct notes {
	size_t n;
	const char *all[POD_NOTES_MAX];
};

/* Adds one where there is room and memory; one that is there already is not added again. */
void notes_add(struct notes *notes, struct arena *arena, const char *fmt, ...) _printf_(3, 4);

/* One container of one pod. Strings belong to the manifest, or to its arena. */
struct pod_container {
	const char *file;		     /* the manifest's name */
	const struct node *spec;	     /* the container's; NULL: nothing is said about it */
	const struct node *pod_spec;	     /* NULL: nothing is said about the pod */
	const struct node *pod_meta;	     /* the template's metadata */
	const char *kind;		     /* "Pod", "Deployment" */
	const char *object;		     /* the name of the object with that kind; NULL: none */
	const char *namespace;		     /* NULL: not said */
	const char *pod, *container, *image; /* NULL: not known */
	const char *runtime_class;	     /* NULL: none */
	const char *runtime_handler; /* of the RuntimeClass with that name in the same file; NULL: there is none */
	struct notes notes;
};

typedef int (*pod_fn)(struct pod_container *container, void *userdata, struct err *err);

/* Calls `tell` for each container of each pod, init containers first. -ENOENT with a sentence if there is no pod in it;
 * what `tell` returns below 0 ends it. */
int pods_each(const char *file, const struct node *documents, struct arena *arena, pod_fn tell, void *userdata,
	      struct err *err);

/*
 * The config.json of a container, from malloc(); *ret_len is its length. `engine`: ENGINE_INVALID is as containerd.
 * -EINVAL with place and sentence where Kubernetes would reject the manifest for a reason that matters here.
 */
int pod_config(struct pod_container *container, enum engine engine, struct arena *arena, char **ret, size_t *ret_len,
	       struct err *err);

/* The bits of "ALL", or of a name with or without CAP_, in any case; 0: it is no capability. */
uint64_t pod_capability(const char *name);
#define POD_CAPABILITIES_ALL ((UINT64_C(1) << 41) - 1)
