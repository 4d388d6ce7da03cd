/* SPDX-License-Identifier: Apache-2.0 */
/* Verify - the table of claims, and what is looked at once for all of them. See verify.h. */
#include "cgdeleg/node/verify.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/grant/gather.h"
#include "cgdeleg/node/verify-part.h"

/* Once, or for each ceiling: of the cgroup and of the scope above it, or of the cgroup alone. */
enum each { ONCE, EACH_CEILING, EACH_OWN_CEILING };

#define IS_FAULT "end the container and start it again, and find out who did this"
#define WATCHED	 "run cgdeleg watch, which puts it back"

static const struct {
	const char *id, *what;
	claim_try try;
	enum each each;
	bool visit; /* rests on what the child does */
	const char *remedy;
} rows[] = {
	{ "attribute", "the attribute is whole, and still this container's", claim_attribute, ONCE, false, IS_FAULT },
	{ "process", "the container's first process is the one that got the grant", claim_process, ONCE, false,
	  "the container was ended or replaced; run cgdeleg list" },
	{ "place", "that process is in the delegated cgroup or below it", claim_place, ONCE, false, IS_FAULT },
	{ "namespaces", "its mount, cgroup and user namespaces are its own", claim_namespaces, ONCE, false, IS_FAULT },
	{ "ids.attribute", "its id maps have the host ids that the attribute has", claim_ids_attribute, ONCE, false,
	  IS_FAULT },
	{ "ids.config", "its id maps are as config.json declares", claim_ids_config, ONCE, false, IS_FAULT },
	{ "ids.inside", "a process inside has the same id maps", claim_ids_inside, ONCE, true, IS_FAULT },
	{ "owner.cgroup", "the cgroup and its delegated files belong to the container", claim_owner_cgroup, ONCE, false,
	  IS_FAULT },
	{ "owner.limits", "all limit files belong to root alone", claim_owner_limits, ONCE, false, IS_FAULT },
	{ "owner.above", "all cgroups above belong to root", claim_owner_above, ONCE, false, IS_FAULT },
	{ "mount.own", "/sys/fs/cgroup in the container is its own cgroup, and writable", claim_mount, ONCE, true,
	  IS_FAULT },
	{ "mount.other", "no mount in the container shows cgroups of others", claim_mount_other, ONCE, true, IS_FAULT },
	{ "ceiling", "is within its ceiling", claim_ceiling, EACH_CEILING, false, WATCHED },
	{ "refused", "cannot be written from inside", claim_refused, EACH_OWN_CEILING, true, IS_FAULT },
	{ "bounded.descendants", "the number of its cgroups is bounded", claim_descendants, ONCE, true, WATCHED },
	{ "bounded.depth", "the depth of its cgroups is bounded", claim_depth, ONCE, true, WATCHED },
	{ "guard.device", "the device guard is attached, and the kernel asks it", claim_device_guard, ONCE, true, WATCHED },
	{ "guard.grant", "the grant guard is attached, and the kernel asks it", claim_grant_guard, ONCE, true, WATCHED },
	{ "exec", "a process that exec starts lands in the container's cgroup", claim_exec, ONCE, true,
	  "see which cgroups are frozen: cat cgroup.events" },
};

const char *claim_state_name(enum claim_state state)
{
	static const char *const names[CLAIM_STATES] = { "proven", "failed", "unknown", "not-made" };

	return names[state];
}

/* "ceiling.scope:memory.max" */
static void name_claim(size_t row, const struct limit_state *limit, char *id, size_t id_size, char *what, size_t size)
{
	const char *file = limit ? limit->ceiling.file : "FILE";
	const char *place = limit && limit->place == PLACE_SCOPE ? "scope:" : "";

	if (rows[row].each == ONCE) {
		(void)snprintf(id, id_size, "%s", rows[row].id);
		(void)snprintf(what, size, "%s", rows[row].what);
		return;
	}
	(void)snprintf(id, id_size, "%s.%s%s", rows[row].id, place, file);
	(void)snprintf(what, size, "%s%s %s", file, place[0] ? " of the scope" : "", rows[row].what);
}

bool verify_wants(const struct verify *v, const char *id)
{
	const char *only = v->args->only;
	char pattern[128];

	if (!only)
		return true;
	while (*only) {
		const size_t len = strcspn(only, ",");

		(void)snprintf(pattern, sizeof(pattern), "%.*s", (int)len, only);
		if (fnmatch(pattern, id, 0) == 0)
			return true;
		only += len + (only[len] == ',');
	}
	return false;
}

static void tell_claim(struct verify *v, size_t row, struct limit_state *limit, claim_fn tell, void *userdata)
{
	struct outcome outcome = { .state = CLAIM_UNKNOWN };
	char id[LIMIT_FILE_SIZE + 32], what[LIMIT_FILE_SIZE + 96];
	struct claim claim = { .id = id, .what = what, .how = outcome.how.text };

	name_claim(row, limit, id, sizeof(id), what, sizeof(what));
	if (!verify_wants(v, id))
		return;
	if (v->attribute->present || rows[row].try == claim_attribute)
		rows[row].try(v, limit, &outcome);
	else
		OUTCOME(&outcome, CLAIM_UNKNOWN, "the attribute cannot be read");
	claim.state = outcome.state;
	claim.remedy = outcome.state == CLAIM_FAILED ? rows[row].remedy : NULL;
	tell(&claim, userdata);
}

void verify_describe(claim_fn tell, void *userdata)
{
	for (size_t row = 0; row < ELEMENTS(rows); row++) {
		char id[LIMIT_FILE_SIZE + 32], what[LIMIT_FILE_SIZE + 96];
		const struct claim claim = { .id = id, .what = what, .state = CLAIM_UNKNOWN };

		name_claim(row, NULL, id, sizeof(id), what, sizeof(what));
		tell(&claim, userdata);
	}
}

/* Does a claim that is wanted rest on what the child does? */
static bool needs_visit(const struct verify *v)
{
	struct limit_state limit = { 0 };
	char id[LIMIT_FILE_SIZE + 32], what[LIMIT_FILE_SIZE + 96];

	for (size_t row = 0; row < ELEMENTS(rows); row++) {
		name_claim(row, NULL, id, sizeof(id), what, sizeof(what));
		if (rows[row].visit && rows[row].each == ONCE && verify_wants(v, id))
			return true;
	}
	while (inspect_next(&v->inspect, &limit)) {
		(void)snprintf(id, sizeof(id), REFUSED_PREFIX "%s", limit.ceiling.file);
		if (verify_wants(v, id))
			return true;
	}
	return false;
}

/* What the host knows of the container's first process; what cannot be read stays empty. */
static void look_at_process(struct verify *v)
{
	_cleanup_close_ int fd = -EBADF;

	v->root_uid = v->root_gid = UINT32_MAX;
	if (process_find(v->host, v->attribute->instance, &v->init, &v->init_why) < 0)
		return;
	v->userns = process_shares(v->host, &v->init, NAMESPACE_USER, NULL) == 0;
	if (process_cgroup(&v->init, v->now, sizeof(v->now), NULL) < 0)
		v->now[0] = '\0';
	if (process_map(&v->init, "uid_map", v->uid_map, NULL) < 0)
		v->uid_map[0] = '\0';
	if (process_map(&v->init, "gid_map", v->gid_map, NULL) < 0)
		v->gid_map[0] = '\0';
	v->root_uid = map_root(v->uid_map);
	v->root_gid = map_root(v->gid_map);
	fd = openat(v->init.proc_fd, "mountinfo", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_slurp(fd, MOUNTINFO_MAX, &v->mounts, NULL) < 0)
		v->mounts = NULL;
	if (process_check(&v->init, &v->init_why) < 0)
		process_done(&v->init);
}

static void cleanup_verify(struct verify **verify)
{
	struct verify *v = *verify;

	if (!v)
		return;
	process_done(&v->init);
	inspect_done(&v->inspect);
	guards_done(&v->pinned);
	free(v->mounts);
	free(v);
}

int verify_grant(const struct host *host, const struct found *found, const struct verify_args *args, claim_fn tell,
		 void *userdata, struct err *err)
{
	_cleanup_(cleanup_verify) struct verify *v = calloc(1, sizeof(*v));
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *mounts = NULL;
	int r;

	if (!v)
		return err_set(err, ENOMEM, "out of memory");
	v->host = host;
	v->found = found;
	v->attribute = &found->attribute;
	v->args = args;
	v->pinned = (struct guards)GUARDS_NONE;
	v->init = (struct process)PROCESS_NONE;
	v->inspect = (struct inspect)INSPECT_CLOSED;
	r = inspect_open(host->sys_fd, found->fd, found->id, v->attribute, &v->inspect, err);
	if (r < 0)
		return r;
	if (guards_open(host->sys_fd, WANT_BOTH_GUARDS, &v->pinned, NULL) < 0)
		v->pinned = (struct guards)GUARDS_NONE;
	fd = openat(host->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_slurp(fd, MOUNTINFO_MAX, &mounts, NULL) < 0 || mount_find_host(mounts, &v->mount, NULL) < 0)
		v->mount.options[0] = '\0';
	if (v->attribute->present) {
		look_at_process(v);
		if (needs_visit(v))
			verify_visit(v);
	}
	for (size_t row = 0; row < ELEMENTS(rows); row++) {
		struct limit_state limit = { 0 };

		if (rows[row].each == ONCE)
			tell_claim(v, row, NULL, tell, userdata);
		else
			while (inspect_next(&v->inspect, &limit))
				if (limit.place == PLACE_ROOT || rows[row].each == EACH_CEILING)
					tell_claim(v, row, &limit, tell, userdata);
	}
	return 0;
}
