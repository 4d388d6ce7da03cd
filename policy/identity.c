/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity - who a container is, from keys that only its engine writes. See annotation.h.
 *
 * Annotations of the pod's author and of the engine end up in one map, so a key is a fact only if the
 * engine writes it *after* it has copied the author's, for this kind of container, in every version.
 *
 * containerd (internal/cri/server/container_create.go, 2.x, the same in 1.7): copies the annotations
 * that pod_annotations and container_annotations allow, then writes io.kubernetes.cri.* with
 * DefaultCRIAnnotations(): namespace, pod, container, image (the pod's spelling: "busybox" stays
 * "busybox") and type are all there for a container, and always containerd's.
 *
 * CRI-O (internal/factory/container/container.go, SpecAddAnnotations, read in 1.24 and of 2026-08): copies
 * the pod's annotations, then writes its own, then the kubelet's container annotations, then the labels
 * that the kubelet sets on the container (io.kubernetes.pod.namespace, io.kubernetes.pod.name,
 * io.kubernetes.container.name), as annotations, last. Traps: io.kubernetes.cri-o.Namespace and
 * io.kubernetes.cri-o.ContainerName look right, but are written for sandboxes only: on a container they
 * are what the pod's author put there. And the labels come from the CRI client. So the labels count only
 * if io.kubernetes.cri-o.Name, which CRI-O always writes itself from the same metadata as
 * "k8s_<container>_<pod>_<namespace>_<uid>_<attempt>", says the same. io.kubernetes.cri-o.ImageName is
 * a name that the image has in the node's store; io.kubernetes.cri-o.Image may be a bare id.
 *
 * podman and Docker: --annotation sets any key, and podman applies the user's last. Nothing is a fact there, not even
 * the claim to be an infra container: a container that passes through keeps what its runtime gave it, without ceilings.
 */
#include <string.h>

#include "policy/annotation.h"

struct identity_keys {
	const char *namespace, *pod, *container, *image; /* NULL: nothing states it */
	const char *type;				 /* its value "sandbox" is a pause container */
	const char *name;				 /* must confirm the first three */
};

static const struct identity_keys engines[ENGINE_MAX] = {
	[ENGINE_CONTAINERD] = { .namespace = "io.kubernetes.cri.sandbox-namespace",
				.pod = "io.kubernetes.cri.sandbox-name",
				.container = "io.kubernetes.cri.container-name",
				.image = "io.kubernetes.cri.image-name",
				.type = "io.kubernetes.cri.container-type" },
	[ENGINE_CRIO] = { .namespace = "io.kubernetes.pod.namespace",
			  .pod = "io.kubernetes.pod.name",
			  .container = "io.kubernetes.container.name",
			  .image = "io.kubernetes.cri-o.ImageName",
			  .type = "io.kubernetes.cri-o.ContainerType",
			  .name = "io.kubernetes.cri-o.Name" },
	[ENGINE_PODMAN] = { 0 },
	[ENGINE_DOCKER] = { 0 },
};

const char *const engine_names[ENGINE_MAX + 1] = {
	[ENGINE_CONTAINERD] = "containerd",
	[ENGINE_CRIO] = "crio",
	[ENGINE_PODMAN] = "podman",
	[ENGINE_DOCKER] = "docker",
};

enum engine engine_find(const char *name)
{
	for (int i = 0; i < ENGINE_MAX; i++)
		if (strcmp(engine_names[i], name) == 0)
			return (enum engine)i;
	return ENGINE_INVALID;
}

bool identity_is_stated(enum engine engine)
{
	return engine >= 0 && engine < ENGINE_MAX && engines[engine].namespace;
}

/* An engine that does not know a value writes an empty one: that is unknown, and not the name "". */
static const char *stated(const struct facts *facts, const char *key)
{
	const char *value = key ? facts_annotation(facts, key) : NULL;

	return value && *value ? value : NULL;
}

/* Does *name begin with `part` and a '_'? Moves *name past them. A part with a '_' could pretend to be two. */
static bool take_part(const char **name, const char *part)
{
	size_t len = part ? strlen(part) : 0;

	if (len == 0 || strchr(part, '_') || strncmp(*name, part, len) != 0 || (*name)[len] != '_')
		return false;
	*name += len + 1;
	return true;
}

void identity_read(enum engine engine, const struct facts *facts, struct identity *ret)
{
	const struct identity_keys *from;
	const char *type, *name;

	*ret = (struct identity) { 0 };
	if (engine < 0 || engine >= ENGINE_MAX)
		return;
	from = &engines[engine];
	type = stated(facts, from->type);
	ret->sandbox = type && strcmp(type, "sandbox") == 0;
	ret->namespace = stated(facts, from->namespace);
	ret->pod = stated(facts, from->pod);
	ret->container = stated(facts, from->container);
	ret->image = stated(facts, from->image);
	name = from->name ? stated(facts, from->name) : NULL;
	if (from->name && !(name && take_part(&name, "k8s") && take_part(&name, ret->container) &&
			    take_part(&name, ret->pod) && take_part(&name, ret->namespace)))
		ret->namespace = ret->pod = ret->container = NULL;
}
