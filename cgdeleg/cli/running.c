/* SPDX-License-Identifier: Apache-2.0 */
/* Running - a container of this node, by its id. See running.h. */
#include "cgdeleg/cli/running.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cgdeleg/cli/expect.h"

/* Where engines have their runtimes keep what they know: --root, below which each container has a directory. */
static const char *const roots[] = {
	"/run/runc",
	"/run/crun",
	"/run/youki",
	"/run/containerd/runc/*",
	"/run/docker/runtime-runc/*",
	"/run/docker/runtime-*/*",
};

/* runc's and youki's file, crun's. */
static const char *const files[] = { "state.json", "status" };

/* What engines allow in an id. */
#define IN_IDS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-."

/* The name of the directory that the file is in. */
static void id_of(const char *path, char *ret, size_t size)
{
	const char *end = strrchr(path, '/'), *begin = end;

	while (begin > path && begin[-1] != '/')
		begin--;
	(void)snprintf(ret, size, "%.*s", (int)(end - begin), begin);
}

/* runc keeps the bundle among the labels of its own configuration. */
static const char *bundle_of(yyjson_val *state)
{
	const char *bundle = yyjson_get_str(yyjson_obj_get(state, "bundle"));
	yyjson_val *labels = yyjson_obj_get(yyjson_obj_get(state, "config"), "labels"), *label;
	size_t i, n;

	if (bundle || !labels)
		return bundle;
	yyjson_arr_foreach(labels, i, n, label)
	{
		const char *text = yyjson_get_str(label);

		if (text && strncmp(text, "bundle=", strlen("bundle=")) == 0)
			return text + strlen("bundle=");
	}
	return NULL;
}

static int read_state(const char *path, struct running *ret, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	_cleanup_free_ char *text = NULL;
	const char *bundle;
	yyjson_val *pid;
	size_t len;
	int r;

	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '%s'", path);
	r = file_slurp(fd, OCI_CONFIG_MAX, &text, &len);
	if (r < 0)
		return err_set_errno(err, r, "cannot read '%s'", path);
	r = json_parse(text, len, OCI_DEPTH_MAX, path, &doc, err);
	if (r < 0)
		return r;
	bundle = bundle_of(yyjson_doc_get_root(doc));
	pid = yyjson_obj_get(yyjson_doc_get_root(doc), "pid");
	if (!pid)
		pid = yyjson_obj_get(yyjson_doc_get_root(doc), "init_process_pid");
	if (!bundle || strlen(bundle) >= sizeof(ret->bundle))
		return err_set(err, EBADMSG, "'%s' does not say where the bundle is", path);
	(void)snprintf(ret->bundle, sizeof(ret->bundle), "%s", bundle);
	ret->pid = (pid_t)yyjson_get_int(pid);
	return 0;
}

/* The paths of all state files whose container's id begins so. */
static int find_states(const char *root, const char *runtime_root, const char *id, glob_t *found)
{
	const size_t n = runtime_root ? 1 : ELEMENTS(roots);
	char pattern[2 * PATH_MAX];
	int flags = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ELEMENTS(files); k++) {
			(void)snprintf(pattern, sizeof(pattern), "%s%s/%s*/%s", strcmp(root, "/") == 0 ? "" : root,
				       runtime_root ? runtime_root : roots[i], id, files[k]);
			if (glob(pattern, flags, NULL, found) == GLOB_NOSPACE)
				return -ENOMEM;
			flags = GLOB_APPEND;
		}
	return 0;
}

/* The one that is meant: whose id is the whole of `id`, or the only one. */
static int choose(const glob_t *found, const char *id, const char **ret, struct err *err)
{
	char name[OCI_ID_MAX], other[OCI_ID_MAX];

	*ret = NULL;
	for (size_t i = 0; i < found->gl_pathc; i++) {
		id_of(found->gl_pathv[i], name, sizeof(name));
		if (strcmp(name, id) == 0) {
			*ret = found->gl_pathv[i];
			return 0;
		}
		if (*ret) {
			id_of(*ret, other, sizeof(other));
			if (strcmp(name, other) != 0)
				return err_set(err, ENOTUNIQ, "'%s' is the beginning of more than one id: %s, %s", id,
					       other, name);
		}
		*ret = found->gl_pathv[i];
	}
	if (*ret)
		return 0;
	return err_set(err, ENOENT, "there is no container '%s' on this node%s", id,
		       geteuid() == 0 ? ", as far as runc, crun and youki know"
				      : " that you may see: run this command as root");
}

int running_find(const char *root, const char *runtime_root, const char *id, struct running *ret, struct err *err)
{
	glob_t found = { 0 };
	char shown[100];
	const char *path;
	int r;

	/* Nothing that a pattern of glob(3) would read, or that leads elsewhere. */
	if (!*id || *id == '.' || id[strspn(id, IN_IDS)] || strlen(id) >= OCI_ID_MAX)
		return err_set(err, EINVAL, "'%s' is not the id of a container", text_escape(id, shown, sizeof(shown)));
	r = find_states(root, runtime_root, id, &found) < 0 ? err_set(err, ENOMEM, "out of memory")
							    : choose(&found, id, &path, err);
	if (r >= 0) {
		id_of(path, ret->id, sizeof(ret->id));
		r = read_state(path, ret, err);
	}
	globfree(&found);
	return r;
}

static int read_map(const struct host *host, pid_t pid, struct id_map *map, struct target *target, struct facts *facts)
{
	char path[64], text[16384];
	struct id_extent extent;
	const char *at = text;

	(void)snprintf(path, sizeof(path), "%d/%s", pid, map->name);
	if (file_read_at(host->proc_fd, path, text, sizeof(text)) < 0)
		return -ENOENT;
	while (*at) {
		uint64_t *const parts[] = { &extent.inside, &extent.outside, &extent.count };
		char *end = NULL;

		for (size_t i = 0; i < ELEMENTS(parts); i++, at = end) {
			*parts[i] = strtoull(at, &end, 10);
			if (end == at)
				return -EBADMSG;
		}
		gather_extent(&extent, map, target, facts);
		at += strspn(at, "\n");
	}
	return at == text ? -EBADMSG : 0;
}

int running_look(const struct host *host, const struct oci *oci, struct target *target, struct facts *facts,
		 struct err *err)
{
	struct id_map uids = ID_MAP("uid_map", oci->process_uid, &target->uids);
	struct id_map gids = ID_MAP("gid_map", oci->process_gid, &target->gids);
	const int r = expect_container(host, oci, target, facts, err);

	if (r < 0 || facts->userns != USERNS_UNKNOWN || oci->pid <= 1)
		return r;
	if (read_map(host, oci->pid, &uids, target, facts) < 0 || read_map(host, oci->pid, &gids, target, facts) < 0)
		return 0;
	facts->userns = USERNS_PRIVATE;
	gather_ids(&uids, &gids, facts);
	return 0;
}
