/* SPDX-License-Identifier: Apache-2.0 */
/* Verify - the claims that the host sees by itself. See verify.h. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "base/text.h"
#include "cgdeleg/kernel/cgroup.h"
#include "cgdeleg/kernel/limits.h"
#include "cgdeleg/node/verify-part.h"

void claim_attribute(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	struct attribute again = { 0 };
	struct err err = { 0 };
	int r;

	(void)limit;
	if (v->found->fault.text[0]) {
		OUTCOME(ret, CLAIM_FAILED, "%s", v->found->fault.text);
		return;
	}
	/* Once more, from the descriptor that everything else here uses. */
	r = attribute_read(v->found->fd, &again, &err);
	if (r < 0 || !again.present)
		OUTCOME(ret, CLAIM_FAILED, "%s", r < 0 ? err.text : "it is gone");
	else if (strcmp(again.id, v->attribute->id) != 0 || strcmp(again.instance, v->attribute->instance) != 0)
		OUTCOME(ret, CLAIM_FAILED, "it is now that of another container, '%s'", again.id);
	else
		OUTCOME(ret, CLAIM_PROVEN, "read from the cgroup: container '%s', granted by %s", again.id,
			again.line[0] ? again.line : "an unknown line");
	attribute_done(&again);
}

void claim_process(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	struct err err = { 0 };

	(void)limit;
	if (v->init.pid == 0)
		OUTCOME(ret, CLAIM_FAILED, "%s", v->init_why.text);
	else if (process_check(&v->init, &err) < 0)
		OUTCOME(ret, CLAIM_FAILED, "%s", err.text);
	else
		OUTCOME(ret, CLAIM_PROVEN,
			"process %d has the mount namespace and the time of start of the attribute, '%s'", v->init.pid,
			v->attribute->instance);
}

/* False, and unknown, where the container's first process is not there to be asked. */
static bool has_init(const struct verify *v, struct outcome *ret)
{
	struct err err = { 0 };

	if (v->init.pid > 0 && process_check(&v->init, &err) >= 0)
		return true;
	OUTCOME(ret, CLAIM_UNKNOWN, "%s", v->init.pid == 0 ? v->init_why.text : err.text);
	return false;
}

void claim_place(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	(void)limit;
	if (!has_init(v, ret))
		return;
	if (!v->now[0])
		OUTCOME(ret, CLAIM_UNKNOWN, "the cgroup of process %d cannot be read", v->init.pid);
	else if (cgroup_is_within(v->now, v->found->path))
		OUTCOME(ret, CLAIM_PROVEN, "/proc/%d/cgroup is '%s'", v->init.pid, v->now);
	else
		OUTCOME(ret, CLAIM_FAILED, "process %d is in '%s' and not in '%s'", v->init.pid, v->now, v->found->path);
}

void claim_namespaces(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	/* "0-4294967294": every id of the host, so no user namespace of its own. */
	const bool claims_userns = v->attribute->uids[0] && strncmp(v->attribute->uids, "0-", 2) != 0;

	(void)limit;
	if (!has_init(v, ret))
		return;
	for (int kind = 0; kind < NAMESPACES; kind++) {
		struct err err = { 0 };
		const int r = process_shares(v->host, &v->init, (enum namespace)kind, &err);

		if (r < 0) {
			OUTCOME(ret, CLAIM_UNKNOWN, "%s", err.text);
			return;
		}
		if (r > 0 && (kind != NAMESPACE_USER || claims_userns)) {
			OUTCOME(ret, CLAIM_FAILED, "process %d is in the host's %s namespace", v->init.pid,
				namespace_names[kind]);
			return;
		}
	}
	OUTCOME(ret, CLAIM_PROVEN, "the namespaces of process %d differ from the host's: mnt, cgroup%s", v->init.pid,
		v->userns ? ", user" : "; the grant was made without a user namespace");
}

static bool has_owner(int fd, const char *name, uint32_t uid, uint32_t gid, struct outcome *ret)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0) {
		OUTCOME(ret, CLAIM_UNKNOWN, "cannot stat '%s': %s", name, strerror(errno));
		return false;
	}
	if (st.st_uid == uid && st.st_gid == gid)
		return true;
	OUTCOME(ret, CLAIM_FAILED, "%s%s%s belongs to %u:%u, %u:%u was expected", name[0] ? "'" : "its directory", name,
		name[0] ? "'" : "", st.st_uid, st.st_gid, uid, gid);
	return false;
}

static int list_again(const struct verify *v, struct cgroup_listing *ret)
{
	_cleanup_close_ int fd = openat(v->found->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : cgroup_list(fd, ret);
}

void claim_owner_cgroup(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	_cleanup_(cgroup_listing_done) struct cgroup_listing listing = { 0 };
	struct cgroup_delegated delegated;
	struct process_status status;
	struct err err = { 0 };
	struct stat st;
	size_t n = 0;

	(void)limit;
	if (v->attribute->writable_by > WRITABLE_BY_NONE) {
		OUTCOME(ret, CLAIM_NOT_MADE, "nothing was given to this container: it was only bounded");
		return;
	}
	if (!has_init(v, ret))
		return;
	if (fstat(v->found->fd, &st) < 0 || list_again(v, &listing) < 0 ||
	    cgroup_delegated(v->host, &listing, &delegated, &err) < 0) {
		OUTCOME(ret, CLAIM_UNKNOWN, "cannot list the cgroup%s%s", err.text[0] ? ": " : "", err.text);
		return;
	}
	/* The container's root, or with owner = process the user that its first process was started as. */
	if ((st.st_uid != v->root_uid || st.st_gid != v->root_gid) &&
	    (process_status(&v->init, &status, NULL) < 0 || st.st_uid == 0 || st.st_uid != status.uids[0] ||
	     st.st_gid != status.gids[0])) {
		OUTCOME(ret, CLAIM_FAILED, "its directory belongs to %u:%u, the container's root is %u:%u", st.st_uid,
			st.st_gid, v->root_uid, v->root_gid);
		return;
	}
	for (; delegated.recognised[n]; n++)
		if (!has_owner(v->found->fd, delegated.recognised[n], st.st_uid, st.st_gid, ret))
			return;
	OUTCOME(ret, CLAIM_PROVEN, "the directory and its %zu delegated files belong to %u:%u", n, st.st_uid, st.st_gid);
}

void claim_owner_limits(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	_cleanup_(cgroup_listing_done) struct cgroup_listing listing = { 0 };
	const struct machine *machine = v->host->machine;
	size_t n = 0;

	(void)limit;
	if (list_again(v, &listing) < 0) {
		OUTCOME(ret, CLAIM_UNKNOWN, "cannot list the cgroup");
		return;
	}
	for (const char *const *name = listing.files; *name; name++) {
		struct stat st;

		if (!limit_type_find(*name))
			continue;
		if (fstatat(v->found->fd, *name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			OUTCOME(ret, CLAIM_UNKNOWN, "cannot stat '%s': %s", *name, strerror(errno));
			return;
		}
		if (st.st_gid != machine->group || !owner_is_alone(&st, machine->owner, OWNER_MAY_READ)) {
			OUTCOME(ret, CLAIM_FAILED, "'%s' belongs to %u:%u (mode %04o) and not to root alone", *name,
				st.st_uid, st.st_gid, st.st_mode & 07777);
			return;
		}
		n++;
	}
	OUTCOME(ret, CLAIM_PROVEN, "all %zu of them belong to root, and nobody else may write them", n);
}

void claim_owner_above(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	_cleanup_close_ int fd = openat(v->found->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t n = 0;

	(void)limit;
	for (;; n++) {
		struct stat st;
		int above;

		if (fd < 0 || fstat(fd, &st) < 0 || n > CGROUP_DEPTH_MAX) {
			OUTCOME(ret, CLAIM_UNKNOWN, "cannot open the cgroups above: %s", strerror(errno));
			return;
		}
		if (st.st_uid != v->host->machine->owner) {
			OUTCOME(ret, CLAIM_FAILED, "the cgroup %zu above it belongs to uid %u", n + 1, st.st_uid);
			return;
		}
		if (st.st_ino == v->host->root_id)
			break;
		above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close_fd(fd);
		fd = above;
	}
	OUTCOME(ret, CLAIM_PROVEN, "the %zu cgroups above it belong to root", n + 1);
}

void claim_ceiling(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	const struct ceiling *c = &limit->ceiling;
	char ceiling[LIMIT_TEXT_SIZE], now[LIMIT_TEXT_SIZE];
	struct err err = { 0 };
	int r = inspect_read(&v->inspect, limit, &err);

	(void)limit_format(c->type, &c->value, ceiling, sizeof(ceiling));
	if (r == -ENOENT) {
		OUTCOME(ret, CLAIM_FAILED, "there is no file '%s' any more, so nothing enforces the ceiling %s",
			c->file, ceiling);
		return;
	}
	if (r >= 0)
		r = limit_check_effective(v->inspect.place_fd[limit->place], c->file, c->type, &c->value, &err);
	if (r == -ERANGE) {
		OUTCOME(ret, CLAIM_FAILED, "%s", err.text);
		return;
	}
	if (r < 0) {
		OUTCOME(ret, CLAIM_UNKNOWN, "%s", err.text);
		return;
	}
	(void)limit_format(c->type, &limit->now, now, sizeof(now));
	OUTCOME(ret, limit->above ? CLAIM_FAILED : CLAIM_PROVEN, "the file has %.200s, the ceiling is %.200s", now,
		ceiling);
}

/* A path of mountinfo, in which \ooo stands for a blank and the like. */
static void decode(const char *from, size_t len, char *to, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < len && used + 1 < size; i++) {
		if (from[i] == '\\' && len - i >= 4) {
			to[used++] = (char)((from[i + 1] - '0') << 6 | (from[i + 2] - '0') << 3 | (from[i + 3] - '0'));
			i += 3;
		} else {
			to[used++] = from[i];
		}
	}
	to[used] = '\0';
}

/* The n-th blank-separated field of a line; its length in *len. */
static const char *find_field(const char *line, unsigned n, size_t *len)
{
	for (; n > 0; n--) {
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	*len = strcspn(line, " \n");
	return line;
}

/* Does a line of mountinfo show cgroups that are not the container's? Then *point is where. */
static bool shows_others(const char *line, const char *own, char *point, size_t size)
{
	const char *end = strchrnul(line, '\n');
	const char *type = memmem(line, (size_t)(end - line), " - ", 3);
	char root[PATH_MAX];
	size_t len;
	const char *field;

	if (!type)
		return false;
	type += 3;
	if (strncmp(type, "cgroup2 ", 8) != 0 && strncmp(type, "cgroup ", 7) != 0 && strncmp(type, "cpuset ", 7) != 0)
		return false;
	field = find_field(line, 3, &len);
	decode(field, len, root, sizeof(root));
	field = find_field(line, 4, &len);
	decode(field, len, point, size);
	return type[6] != '2' || !cgroup_is_within(root, own);
}

void claim_mount_other(struct verify *v, struct limit_state *limit, struct outcome *ret)
{
	char point[256];
	size_t n = 0;

	(void)limit;
	if (!has_init(v, ret))
		return;
	if (!v->mounts) {
		OUTCOME(ret, CLAIM_UNKNOWN, "the mounts of process %d cannot be read", v->init.pid);
		return;
	}
	for (const char *line = v->mounts; *line; n++) {
		if (shows_others(line, v->found->path, point, sizeof(point))) {
			OUTCOME(ret, CLAIM_FAILED,
				"the mount at '%s' in the container shows cgroups that are not its own", point);
			return;
		}
		line = strchrnul(line, '\n');
		line += *line == '\n';
	}
	if (!v->all_mounts)
		OUTCOME(ret, CLAIM_UNKNOWN, "process %d shows none, and may hide some; nobody went inside to see all: %s",
			v->init.pid, v->visit.why);
	else
		OUTCOME(ret, CLAIM_PROVEN, "none of the %zu mounts in its mount namespace does", n);
}
