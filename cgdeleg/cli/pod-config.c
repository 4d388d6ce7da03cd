/* SPDX-License-Identifier: Apache-2.0 */
/* Pod, config - the config.json that an engine makes of a pod's container. See pod.h. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/cli/pod.h"

/* The host ids that a kubelet might give a pod; which it will be nobody knows. */
#define EXAMPLE_ID   100000
#define EXAMPLE_SIZE 65536

/* What one config.json is made from. */
struct maker {
	struct pod_container *c;
	enum engine engine;
	struct arena *arena;
	yyjson_mut_doc *doc;
	bool privileged, userns;
	uint64_t uid, gid;
	struct err *err;
};

/* The container's own setting, or else the pod's. */
static const struct node *security(const struct maker *m, const char *name)
{
	const struct node *own = node_get(node_get(m->c->spec, "securityContext"), name);

	return own ? own : node_get(node_get(m->c->pod_spec, "securityContext"), name);
}

static int read_bool(struct maker *m, const struct node *node, const char *name, bool *ret)
{
	if (node && node->kind != NODE_BOOL)
		return node_blame(m->c->file, node, m->err, "%s must be true or false, without quotes", name);
	if (node)
		*ret = node_is(node, true);
	return 0;
}

static int read_id(struct maker *m, const char *name, uint64_t *ret)
{
	const struct node *node = security(m, name);

	if (node && (node->kind != NODE_NUMBER || text_to_u64(node->text, ret) < 0 || *ret >= UINT32_MAX))
		return node_blame(m->c->file, node, m->err, "%s must be a number from 0 to 4294967294", name);
	return 0;
}

/* What Kubernetes refuses beside hostUsers: false. */
static int check_host(struct maker *m)
{
	static const char *const members[] = { "hostNetwork", "hostPID", "hostIPC" };

	for (size_t i = 0; i < ELEMENTS(members); i++) {
		const struct node *node = node_get(m->c->pod_spec, members[i]);
		bool shared = false;
		int r = read_bool(m, node, members[i], &shared);

		if (r < 0)
			return r;
		if (shared && m->userns)
			return node_blame(m->c->file, node, m->err,
					  "Kubernetes rejects %s: true beside hostUsers: false; take one of them out",
					  members[i]);
	}
	return 0;
}

static int read_security(struct maker *m)
{
	const struct node *host_users = node_get(m->c->pod_spec, "hostUsers");
	bool host = m->c->pod_spec != NULL; /* where no pod is described, the best is assumed */
	int r = read_bool(m, host_users, "hostUsers", &host);

	m->userns = !host;
	if (r >= 0)
		r = read_bool(m, node_get(node_get(m->c->spec, "securityContext"), "privileged"), "privileged",
			      &m->privileged);
	if (r >= 0)
		r = check_host(m);
	if (r >= 0)
		r = read_id(m, "runAsUser", &m->uid);
	if (r >= 0)
		r = read_id(m, "runAsGroup", &m->gid);
	if (r >= 0 && !security(m, "runAsUser"))
		notes_add(&m->c->notes, m->arena, "the image starts its process as root (--fact user=UID for another)");
	return r;
}

/* Every capability, by the bits of linux/capability.h. */
static const char *const capabilities[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

#define CAP(name) (UINT64_C(1) << CAP_##name)
#define CAPS_ALL  POD_CAPABILITIES_ALL

_Static_assert(ELEMENTS(capabilities) == 41, "POD_CAPABILITIES_ALL");

/* What containers have where nothing is said: containerd's (oci/spec.go), CRI-O's (pkg/config). */
#define CAPS_BOTH                                                                                                \
	(CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FSETID) | CAP(FOWNER) | CAP(SETUID) | CAP(SETGID) | CAP(SETPCAP) | \
	 CAP(NET_BIND_SERVICE) | CAP(KILL))
#define CAPS_CONTAINERD (CAPS_BOTH | CAP(MKNOD) | CAP(NET_RAW) | CAP(SETFCAP) | CAP(SYS_CHROOT) | CAP(AUDIT_WRITE))

uint64_t pod_capability(const char *name)
{
	if (strcasecmp(name, "ALL") == 0)
		return CAPS_ALL;
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < ELEMENTS(capabilities); i++)
		if (strcasecmp(name, capabilities[i]) == 0)
			return UINT64_C(1) << i;
	return 0;
}

static int capability_list(struct maker *m, const char *path, uint64_t *ret)
{
	const struct node *list = node_find(m->c->spec, path);

	*ret = 0;
	if (list && list->kind != NODE_LIST)
		return node_blame(m->c->file, list, m->err, "%s must be a list", path);
	for (const struct node *item = list ? list->first : NULL; item; item = item->next) {
		if (item->kind != NODE_STRING || !pod_capability(item->text))
			return node_blame(m->c->file, item, m->err, "'%.40s' is no capability",
					  item->text ? item->text : "");
		*ret |= pod_capability(item->text);
	}
	return 0;
}

/* ALL is applied first, then single ones, as both engines do it. */
static int add_process(struct maker *m, yyjson_mut_val *root)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	uint64_t bits = m->engine == ENGINE_CRIO ? CAPS_BOTH : CAPS_CONTAINERD, add, drop;
	yyjson_mut_val *process = yyjson_mut_obj_add_obj(m->doc, root, "process");
	yyjson_mut_val *user = yyjson_mut_obj_add_obj(m->doc, process, "user");
	yyjson_mut_val *all = yyjson_mut_obj_add_obj(m->doc, process, "capabilities");
	int r = capability_list(m, "securityContext.capabilities.add", &add);

	if (r >= 0)
		r = capability_list(m, "securityContext.capabilities.drop", &drop);
	if (r < 0)
		return r;
	(void)yyjson_mut_obj_add_uint(m->doc, user, "uid", m->uid);
	(void)yyjson_mut_obj_add_uint(m->doc, user, "gid", m->gid);
	if (add == CAPS_ALL)
		bits = drop == CAPS_ALL ? 0 : CAPS_ALL & ~drop;
	else
		bits = drop == CAPS_ALL ? add : (bits | add) & ~drop;
	if (m->privileged)
		bits = CAPS_ALL;
	for (size_t s = 0; s < ELEMENTS(sets); s++) {
		yyjson_mut_val *set = yyjson_mut_obj_add_arr(m->doc, all, sets[s]);

		for (size_t i = 0; i < ELEMENTS(capabilities); i++) {
			char name[32];

			(void)snprintf(name, sizeof(name), "CAP_%s", capabilities[i]);
			if (bits >> i & 1)
				(void)yyjson_mut_arr_add_strcpy(m->doc, set, name);
		}
	}
	return 0;
}

static void add_mount(struct maker *m, yyjson_mut_val *list, const char *type, const char *source, const char *point,
		      const char *option)
{
	yyjson_mut_val *mount = yyjson_mut_arr_add_obj(m->doc, list);
	yyjson_mut_val *options;

	(void)yyjson_mut_obj_add_strcpy(m->doc, mount, "destination", point);
	(void)yyjson_mut_obj_add_strcpy(m->doc, mount, "type", type);
	(void)yyjson_mut_obj_add_strcpy(m->doc, mount, "source", source);
	options = yyjson_mut_obj_add_arr(m->doc, mount, "options");
	if (strcmp(type, "bind") == 0)
		(void)yyjson_mut_arr_add_str(m->doc, options, "rbind");
	(void)yyjson_mut_arr_add_str(m->doc, options, option);
}

/* The volume's hostPath; NULL: it is of another kind. */
static int find_volume(struct maker *m, const char *name, const struct node *mount, const char **ret_path)
{
	const struct node *list = node_get(m->c->pod_spec, "volumes");

	*ret_path = NULL;
	for (const struct node *v = list && list->kind == NODE_LIST ? list->first : NULL; v; v = v->next) {
		const char *own = node_string(node_get(v, "name"));

		if (!own || strcmp(own, name) != 0)
			continue;
		*ret_path = node_string(node_find(v, "hostPath.path"));
		return 0;
	}
	/* Of a StatefulSet they may be claims, and a runner's controller adds some of its own. */
	if (strcmp(m->c->kind ? m->c->kind : "", "Pod") != 0)
		return 0;
	return node_blame(m->c->file, mount, m->err, "the pod has no volume '%.60s'", name);
}

static int add_volumes(struct maker *m, yyjson_mut_val *list)
{
	const struct node *mounts = node_get(m->c->spec, "volumeMounts");

	if (mounts && mounts->kind != NODE_LIST)
		return node_blame(m->c->file, mounts, m->err, "volumeMounts must be a list");
	for (const struct node *mount = mounts ? mounts->first : NULL; mount; mount = mount->next) {
		const char *name = node_string(node_get(mount, "name")), *path;
		const char *point = node_string(node_get(mount, "mountPath"));
		char source[200];
		bool readonly = false;
		int r;

		if (!name || !point)
			return node_blame(m->c->file, mount, m->err, "a volume mount needs a name and a mountPath");
		r = find_volume(m, name, mount, &path);
		if (r >= 0)
			r = read_bool(m, node_get(mount, "readOnly"), "readOnly", &readonly);
		if (r < 0)
			return r;
		(void)snprintf(source, sizeof(source), "/var/lib/kubelet/pods/uid/volumes/%.100s", name);
		add_mount(m, list, "bind", path ? path : source, point, readonly ? "ro" : "rw");
	}
	return 0;
}

/* CRI-O's own annotation makes the mount read-write, where its runtime handler allows it. */
static bool crio_writable(const struct maker *m)
{
	static const char *const names[] = { "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw",
					     "cgroup2-mount-hierarchy-rw.crio.io" };

	for (size_t i = 0; m->engine == ENGINE_CRIO && i < ELEMENTS(names); i++) {
		const char *value = node_string(node_get(node_get(m->c->pod_meta, "annotations"), names[i]));

		if (value && strcmp(value, "true") == 0)
			return true;
	}
	return false;
}

static int add_mounts(struct maker *m, yyjson_mut_val *root)
{
	static const char *const plain[][2] = {
		{ "proc", "/proc" }, { "tmpfs", "/dev" }, { "devpts", "/dev/pts" }, { "mqueue", "/dev/mqueue" }
	};
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(m->doc, root, "mounts");

	for (size_t i = 0; i < ELEMENTS(plain); i++)
		add_mount(m, list, plain[i][0], plain[i][0], plain[i][1], "nosuid");
	add_mount(m, list, "sysfs", "sysfs", "/sys", m->privileged ? "rw" : "ro");
	add_mount(m, list, "cgroup", "cgroup", "/sys/fs/cgroup", m->privileged || crio_writable(m) ? "rw" : "ro");
	return add_volumes(m, list);
}

static void add_map(struct maker *m, yyjson_mut_val *linux_, const char *name)
{
	yyjson_mut_val *extent = yyjson_mut_arr_add_obj(m->doc, yyjson_mut_obj_add_arr(m->doc, linux_, name));

	(void)yyjson_mut_obj_add_uint(m->doc, extent, "containerID", 0);
	(void)yyjson_mut_obj_add_uint(m->doc, extent, "hostID", EXAMPLE_ID);
	(void)yyjson_mut_obj_add_uint(m->doc, extent, "size", EXAMPLE_SIZE);
}

static void add_linux(struct maker *m, yyjson_mut_val *root)
{
	static const char *const types[] = { "pid", "ipc", "uts", "mount", "cgroup", "user" };
	yyjson_mut_val *linux_ = yyjson_mut_obj_add_obj(m->doc, root, "linux");
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(m->doc, linux_, "namespaces");
	yyjson_mut_val *device;

	for (size_t i = 0; i < ELEMENTS(types); i++)
		if ((m->userns || strcmp(types[i], "user") != 0) && (!m->privileged || strcmp(types[i], "cgroup") != 0))
			(void)yyjson_mut_obj_add_str(m->doc, yyjson_mut_arr_add_obj(m->doc, list), "type", types[i]);
	if (m->userns) {
		add_map(m, linux_, "uidMappings");
		add_map(m, linux_, "gidMappings");
		notes_add(&m->c->notes, m->arena, "its host ids are an example, from %d on: the engine chooses them",
			  EXAMPLE_ID);
	}
	list = yyjson_mut_obj_add_arr(m->doc, yyjson_mut_obj_add_obj(m->doc, linux_, "resources"), "devices");
	device = yyjson_mut_arr_add_obj(m->doc, list);
	(void)yyjson_mut_obj_add_bool(m->doc, device, "allow", m->privileged);
	(void)yyjson_mut_obj_add_str(m->doc, device, "access", "rwm");
}

/* What the engine itself states, in its own keys: identity.c says which. */
static void add_identity(struct maker *m, yyjson_mut_val *annotations)
{
	static const struct {
		enum engine engine;
		const char *namespace, *pod, *container, *image, *type;
	} keys[] = {
		{ ENGINE_CONTAINERD, "io.kubernetes.cri.sandbox-namespace", "io.kubernetes.cri.sandbox-name",
		  "io.kubernetes.cri.container-name", "io.kubernetes.cri.image-name", "io.kubernetes.cri.container-type" },
		{ ENGINE_CRIO, "io.kubernetes.pod.namespace", "io.kubernetes.pod.name", "io.kubernetes.container.name",
		  "io.kubernetes.cri-o.ImageName", "io.kubernetes.cri-o.ContainerType" },
	};
	const struct pod_container *c = m->c;
	char name[1024];

	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		const struct {
			const char *key, *value;
		} all[] = { { keys[i].namespace, c->namespace },
			    { keys[i].pod, c->pod },
			    { keys[i].container, c->container },
			    { keys[i].image, c->image },
			    { keys[i].type, "container" } };

		if (keys[i].engine != m->engine)
			continue;
		for (size_t k = 0; k < ELEMENTS(all); k++)
			if (all[k].value)
				(void)yyjson_mut_obj_add_strcpy(m->doc, annotations, all[k].key, all[k].value);
	}
	if (m->engine != ENGINE_CRIO || !c->container || !c->pod || !c->namespace)
		return;
	(void)snprintf(name, sizeof(name), "k8s_%s_%s_%s_uid_0", c->container, c->pod, c->namespace);
	(void)yyjson_mut_obj_add_strcpy(m->doc, annotations, "io.kubernetes.cri-o.Name", name);
}

/* Of the pod's, those that are cgdeleg's: an engine passes on what its configuration names. */
static int add_annotations(struct maker *m, yyjson_mut_val *root)
{
	const struct node *list = node_get(m->c->pod_meta, "annotations");
	yyjson_mut_val *annotations = yyjson_mut_obj_add_obj(m->doc, root, "annotations");

	add_identity(m, annotations);
	if (list && list->kind != NODE_MAP)
		return node_blame(m->c->file, list, m->err, "annotations must be a mapping: KEY: \"VALUE\"");
	for (const struct node *a = list ? list->first : NULL; a; a = a->next) {
		if (!annotation_is_ours(a->key))
			continue;
		if (a->kind != NODE_STRING)
			return node_blame(
				m->c->file, a, m->err,
				"annotation '%.60s' is not a string, so Kubernetes rejects it; write its value in quotes",
				a->key);
		(void)yyjson_mut_obj_add_strcpy(m->doc, annotations, a->key, a->text);
		notes_add(&m->c->notes, m->arena,
			  "the engine passes the pod's annotations of cgdeleg on (containerd: pod_annotations)");
	}
	return 0;
}

static int make_config(struct maker *m)
{
	yyjson_mut_val *root = yyjson_mut_obj(m->doc), *rootfs;
	int r;

	yyjson_mut_doc_set_root(m->doc, root);
	(void)yyjson_mut_obj_add_str(m->doc, root, "ociVersion", "1.1.0");
	rootfs = yyjson_mut_obj_add_obj(m->doc, root, "root");
	(void)yyjson_mut_obj_add_str(m->doc, rootfs, "path", "rootfs");
	r = add_process(m, root);
	if (r >= 0)
		r = add_mounts(m, root);
	if (r >= 0)
		r = add_annotations(m, root);
	add_linux(m, root);
	return r;
}

int pod_config(struct pod_container *container, enum engine engine, struct arena *arena, char **ret, size_t *ret_len,
	       struct err *err)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	struct maker m = { .c = container, .engine = engine, .arena = arena, .doc = doc, .err = err };
	int r;

	if (!doc)
		return err_set(err, ENOMEM, "out of memory");
	if (m.engine == ENGINE_INVALID)
		m.engine = ENGINE_CONTAINERD;
	r = read_security(&m);
	if (r >= 0)
		r = make_config(&m);
	if (r < 0)
		return r;
	*ret = yyjson_mut_write(doc, YYJSON_WRITE_NOFLAG, ret_len);
	return *ret ? 0 : err_set(err, ENOMEM, "out of memory");
}
