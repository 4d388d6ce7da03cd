/* SPDX-License-Identifier: Apache-2.0 */
/* OCI - what the runtime says: config.json. See oci.h. */
#include "cgdeleg/grant/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "base/text.h"

struct raw_config {
	yyjson_val *root, *process, *mounts, *linux_, *annotations;
};

struct raw_process {
	yyjson_val *user, *capabilities;
};

struct raw_user {
	int64_t uid, gid;
};

struct raw_namespace {
	const char *type, *path;
};

struct raw_linux {
	yyjson_val *readonly_paths, *masked_paths, *namespaces, *uid_mappings, *gid_mappings;
	yyjson_val *resources, *seccomp;
};

static const struct json_field config_fields[] = {
	{ "root", JSON_OBJECT, offsetof(struct raw_config, root), true },
	{ "process", JSON_OBJECT, offsetof(struct raw_config, process), false },
	{ "mounts", JSON_ARRAY, offsetof(struct raw_config, mounts), false },
	{ "linux", JSON_OBJECT, offsetof(struct raw_config, linux_), false },
	{ "annotations", JSON_OBJECT, offsetof(struct raw_config, annotations), false },
};

static const struct json_field root_fields[] = {
	{ "path", JSON_STRING, 0, true },
};

static const struct json_field process_fields[] = {
	{ "user", JSON_OBJECT, offsetof(struct raw_process, user), false },
	{ "capabilities", JSON_OBJECT, offsetof(struct raw_process, capabilities), false },
};

static const struct json_field user_fields[] = {
	{ "uid", JSON_I64, offsetof(struct raw_user, uid), false },
	{ "gid", JSON_I64, offsetof(struct raw_user, gid), false },
};

static const struct json_field namespace_fields[] = {
	{ "type", JSON_STRING, offsetof(struct raw_namespace, type), true },
	{ "path", JSON_STRING, offsetof(struct raw_namespace, path), false },
};

static const struct json_field linux_fields[] = {
	{ "readonlyPaths", JSON_ARRAY, offsetof(struct raw_linux, readonly_paths), false },
	{ "maskedPaths", JSON_ARRAY, offsetof(struct raw_linux, masked_paths), false },
	{ "namespaces", JSON_ARRAY, offsetof(struct raw_linux, namespaces), false },
	{ "uidMappings", JSON_ARRAY, offsetof(struct raw_linux, uid_mappings), false },
	{ "gidMappings", JSON_ARRAY, offsetof(struct raw_linux, gid_mappings), false },
	{ "resources", JSON_OBJECT, offsetof(struct raw_linux, resources), false },
	{ "seccomp", JSON_OBJECT, offsetof(struct raw_linux, seccomp), false },
};

static const struct json_field resources_fields[] = {
	{ "devices", JSON_ARRAY, 0, false },
};

/* In the order of their numbers (linux/capability.h). */
static const char *const capability_names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

/* A name that is not in the table counts as every capability: better one refusal too many. */
static uint64_t capability_bit(yyjson_val *name)
{
	for (size_t i = 0; i < ELEMENTS(capability_names); i++)
		if (yyjson_equals_str(name, capability_names[i]))
			return UINT64_C(1) << i;
	return UINT64_MAX;
}

static void read_capabilities(yyjson_val *capabilities, struct oci *oci)
{
	yyjson_val *key, *set, *name;
	size_t i, n, j, m;

	if (!capabilities) /* yyjson's loops use the pointer before they check it */
		return;
	yyjson_obj_foreach(capabilities, i, n, key, set)
	{
		uint64_t all = 0;

		yyjson_arr_foreach(set, j, m, name) all |= capability_bit(name);
		oci->capabilities |= all;
		if (yyjson_equals_str(key, "ambient"))
			oci->ambient = all;
	}
}

/*
 * runc reads the names of members in any case, as Go does; crun only as they are written in the specification. What one
 * of them reads and the hook does not see would be a fact that it decides without.
 */
static int refuse_folded(yyjson_val *obj, const struct json_field *fields, size_t n_fields, const char *what,
			 struct err *err)
{
	yyjson_val *key, *value;
	size_t i, n;

	if (!obj)
		return 0;
	yyjson_obj_foreach(obj, i, n, key, value)
	{
		const char *name = yyjson_get_str(key);

		(void)value;
		for (size_t f = 0; f < n_fields; f++)
			if (strcasecmp(name, fields[f].name) == 0 && strcmp(name, fields[f].name) != 0)
				return err_set(err, EBADMSG, OCI_FOLDED, what, name, fields[f].name, fields[f].name);
	}
	return 0;
}

int oci_dispatch(yyjson_val *obj, const struct json_field *fields, size_t n_fields, void *base, const char *what,
		 struct err *err)
{
	int r = json_dispatch(obj, fields, n_fields, base, what, err);

	return r < 0 ? r : refuse_folded(obj, fields, n_fields, what, err);
}

static int read_process(yyjson_val *process, struct oci *oci, struct err *err)
{
	struct raw_process raw = { 0 };
	struct raw_user user = { 0 };
	int r = oci_dispatch(process, process_fields, ELEMENTS(process_fields), &raw, "config.json: process", err);

	if (r < 0)
		return r;
	r = oci_dispatch(raw.user, user_fields, ELEMENTS(user_fields), &user, "config.json: process.user", err);
	if (r < 0)
		return r;
	if (user.uid < 0 || user.uid >= UINT32_MAX || user.gid < 0 || user.gid >= UINT32_MAX)
		return err_set(err, EBADMSG, "config.json: process.user: uid or gid out of range");
	oci->process_uid = (uint32_t)user.uid;
	oci->process_gid = (uint32_t)user.gid;
	read_capabilities(raw.capabilities, oci);
	return 0;
}

/* Actions that let the call through. */
static bool is_allowing(yyjson_val *action)
{
	return yyjson_equals_str(action, "SCMP_ACT_ALLOW") || yyjson_equals_str(action, "SCMP_ACT_LOG");
}

/* Does the profile let bpf(2) through? Conditions on arguments are ignored: that counts as through. */
static enum tristate read_seccomp(yyjson_val *seccomp)
{
	yyjson_val *list = yyjson_obj_get(seccomp, "syscalls");
	bool named = false, allowed = false;
	yyjson_val *item;
	size_t i, n;

	if (!seccomp)
		return TRI_UNKNOWN;
	if (list) {
		yyjson_arr_foreach(list, i, n, item)
		{
			if (!oci_has_option(yyjson_obj_get(item, "names"), "bpf"))
				continue;
			named = true;
			allowed = allowed || is_allowing(yyjson_obj_get(item, "action"));
		}
	}
	if (!named)
		allowed = is_allowing(yyjson_obj_get(seccomp, "defaultAction"));
	return allowed ? TRI_YES : TRI_NO;
}

yyjson_val *oci_namespace(const struct oci *oci, const char *type)
{
	yyjson_val *item;
	size_t i, n;

	if (!oci->namespaces)
		return NULL;
	yyjson_arr_foreach(oci->namespaces, i, n, item)
	{
		if (yyjson_equals_str(yyjson_obj_get(item, "type"), type))
			return item;
	}
	return NULL;
}

static int read_namespaces(yyjson_val *namespaces, struct oci *oci, struct err *err)
{
	yyjson_val *item;
	size_t i, n;

	oci->namespaces = namespaces;
	if (namespaces) {
		yyjson_arr_foreach(namespaces, i, n, item)
		{
			struct raw_namespace raw = { 0 };
			int r = oci_dispatch(item, namespace_fields, ELEMENTS(namespace_fields), &raw,
					     "config.json: linux.namespaces", err);

			if (r < 0)
				return r;
		}
	}
	if (!oci_namespace(oci, "mount"))
		(void)snprintf(
			oci->place_fault, sizeof(oci->place_fault),
			"config.json has no namespace of type 'mount', so the container would have the host's mounts; add one");
	return 0;
}

static int read_linux(yyjson_val *linux_, struct oci *oci, struct err *err)
{
	struct raw_linux raw = { 0 };
	int r = oci_dispatch(linux_, linux_fields, ELEMENTS(linux_fields), &raw, "config.json: linux", err);

	if (r < 0)
		return r;
	r = read_namespaces(raw.namespaces, oci, err);
	if (r < 0)
		return r;
	oci->uid_mappings = raw.uid_mappings;
	oci->gid_mappings = raw.gid_mappings;
	oci->seccomp_bpf = read_seccomp(raw.seccomp);
	oci->covered_by = oci_find_cover(raw.readonly_paths);
	if (!oci->covered_by)
		oci->covered_by = oci_find_cover(raw.masked_paths);
	return oci_dispatch(raw.resources, resources_fields, ELEMENTS(resources_fields), &oci->devices,
			    "config.json: linux.resources", err);
}

/* The annotations of the state decide, and the engine wrote those of config.json: they must be the same. */
static int compare_annotations(const struct oci *oci, yyjson_val *annotations, struct err *err)
{
	/* The iterator remembers its place: two maps in the same order are compared in one pass. */
	yyjson_obj_iter iter = yyjson_obj_iter_with(annotations);
	yyjson_val *id;
	char shown[80];

	for (size_t i = 0; i < oci->n_annotations; i++) {
		const struct annotation *a = &oci->annotations[i];

		if (!annotations || !yyjson_equals_str(yyjson_obj_iter_get(&iter, a->key), a->value))
			return err_set(err, EBADMSG, "state and config.json disagree on annotation '%s'",
				       text_escape(a->key, shown, sizeof(shown)));
	}
	if (yyjson_obj_size(annotations) != oci->n_annotations)
		return err_set(err, EBADMSG,
			       "state and config.json disagree: %zu annotations in the state, %zu in config.json",
			       oci->n_annotations, yyjson_obj_size(annotations));
	/* config.json itself has no id; some engines write one into an annotation. */
	id = yyjson_obj_get(annotations, "io.kubernetes.cri-o.ContainerID");
	if (id && !yyjson_equals_str(id, oci->id))
		return err_set(err, EBADMSG, "state and config.json disagree on the container's id");
	return 0;
}

static int read_config(struct oci *oci, struct err *err)
{
	struct raw_config raw = { 0 };
	int r = oci_dispatch(yyjson_doc_get_root(oci->config_doc), config_fields, ELEMENTS(config_fields), &raw,
			     "config.json", err);

	if (r < 0)
		return r;
	r = oci_dispatch(raw.root, root_fields, ELEMENTS(root_fields), &oci->rootfs, "config.json: root", err);
	if (r < 0)
		return r;
	r = read_process(raw.process, oci, err);
	if (r < 0)
		return r;
	r = oci_read_mounts(raw.mounts, oci, err);
	if (r < 0)
		return r;
	r = read_linux(raw.linux_, oci, err);
	if (r < 0 || !oci->state_doc)
		return r;
	return compare_annotations(oci, raw.annotations, err);
}

/* Takes the text, as json_parse_taken() does. */
static int take_config(char *text, size_t len, struct oci *oci, struct err *err)
{
	const int r = json_parse_taken(text, len, OCI_DEPTH_MAX, "config.json", &oci->config_doc, err);

	return r < 0 ? r : read_config(oci, err);
}

int oci_parse_config(const char *text, size_t len, struct oci *oci, struct err *err)
{
	char *copy = calloc(1, len + FILE_PADDING);

	if (!copy)
		return err_set(err, ENOMEM, "config.json: out of memory");
	memcpy(copy, text, len);
	return take_config(copy, len, oci, err);
}

/*
 * podman before 5.2 gives its bundles to the root of the container's user namespace, and opens every directory above them to
 * all (--x--x--x). So a process of that user in another container with the same ids, or on the host, could put another
 * config.json there between podman and us. Such a bundle cannot be told from one that somebody has prepared: refused.
 */
static int check_bundle(int fd, const char *path, uid_t owner, struct err *err)
{
	static const char podman[] = "/userdata"; /* the last directory of its bundles */
	const size_t len = strlen(path), tail = sizeof(podman) - 1;
	struct err why = { 0 };
	struct stat st;
	int r = owner_check_fd(fd, S_IFDIR, owner, path, &why);

	if (r >= 0)
		return 0;
	if (len > tail && strcmp(path + len - tail, podman) == 0 && fstat(fd, &st) == 0 && st.st_uid != 0)
		return err_set(
			err, why.code,
			"the bundle '%s' belongs to uid %u: podman before 5.2 gives bundles to the container's root, who could change config.json; use podman 5.2 or newer",
			path, st.st_uid);
	return err_set(err, why.code, "%s", why.text);
}

int oci_open_bundle(const char *path, uid_t owner, int *ret_bundle_fd, int *ret_config_fd, struct err *err)
{
	char config[PATH_MAX + sizeof("/config.json")];
	int r;

	*ret_bundle_fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_bundle_fd < 0)
		return err_set_errno(err, errno, "cannot open the bundle '%s'", path);
	r = check_bundle(*ret_bundle_fd, path, owner, err);
	if (r < 0)
		return r;
	*ret_config_fd = file_open_beneath(*ret_bundle_fd, "config.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (*ret_config_fd < 0)
		return err_set_errno(err, *ret_config_fd, "cannot open 'config.json' in the bundle '%s'", path);
	(void)snprintf(config, sizeof(config), "%s/config.json", path);
	return owner_check_fd(*ret_config_fd, S_IFREG, owner, config, err);
}

int oci_read_config(const char *path, uid_t owner, struct oci *oci, struct err *err)
{
	_cleanup_close_ int fd = -EBADF;
	char *text = NULL;
	size_t len = 0;
	int r = oci_open_bundle(path, owner, &oci->bundle_fd, &fd, err);

	if (r < 0)
		return r;
	r = file_slurp_regular(fd, OCI_CONFIG_MAX, &text, &len);
	if (r == -EFBIG)
		return err_set(err, EFBIG, "config.json: larger than %d bytes", OCI_CONFIG_MAX);
	if (r < 0)
		return err_set_errno(err, r, "cannot read config.json");
	return take_config(text, len, oci, err);
}
