/* SPDX-License-Identifier: Apache-2.0 */
/* Deaths - counts of memory.events, and what follows from how they grew. See deaths.h. */
#include "cgdeleg/node/deaths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/kernel/cgroup.h"
#include "policy/limit.h"

struct look {
	struct deaths *deaths;
	size_t visits; /* that are left */
	bool local_only, scope;
};

/* The number in the line that begins with `key`. */
static uint64_t count_of(const char *text, const char *key)
{
	const size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtoull(line + len + 1, NULL, 10);
	}
	return 0;
}

static bool read_counts(int fd, const char *path, struct death_counts *ret)
{
	char text[512];

	*ret = (struct death_counts) { 0 };
	if (file_read_record_at(fd, path, text, sizeof(text)) < 0)
		return false;
	*ret = (struct death_counts) { .kills = count_of(text, "oom_kill"), .ooms = count_of(text, "oom") };
	return true;
}

bool deaths_count(int fd, struct death_counts *ret)
{
	return read_counts(fd, "memory.events", ret);
}

static uint64_t read_most(int fd)
{
	uint64_t most;
	char text[32];

	if (file_read_record_at(fd, "memory.max", text, sizeof(text)) < 0)
		return LIMIT_MAX;
	text[strcspn(text, "\n")] = '\0';
	return text_to_u64(text, &most) < 0 ? LIMIT_MAX : most;
}

/* Its place in the table, or a negative errno. */
static int add(struct look *look, int fd, const char *name, int up, unsigned above)
{
	struct deaths *d = look->deaths;
	struct death_cgroup *c = &d->cgroups[d->n];
	struct stat st;

	if (d->n == DEATHS_KEPT || fstat(fd, &st) < 0) {
		d->cut = true;
		return -E2BIG;
	}
	*c = (struct death_cgroup) { .id = st.st_ino, .up = up, .above = above, .most = read_most(fd) };
	c->own = !name && (above == 0 || (above == 1 && look->scope));
	c->name = name ? strdup(name) : NULL;
	if (name && !c->name)
		return -ENOMEM;
	(void)read_counts(fd, "memory.events.local", &c->local);
	return (int)d->n++;
}

static int look_below(struct look *look, int fd, int up, unsigned depth);

/* One without memory controller has no counts, and none below it has. */
static int look_child(struct look *look, int parent_fd, const char *name, int up, unsigned depth)
{
	_cleanup_close_ int fd = -EBADF;
	char path[NAME_MAX + sizeof("/memory.events")];
	struct death_counts counts;
	int at;

	(void)snprintf(path, sizeof(path), "%s/memory.events", name);
	if (!read_counts(parent_fd, path, &counts) || (!look->local_only && !counts.kills && !counts.ooms))
		return 0;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		look->deaths->cut = look->deaths->cut || (errno != ENOENT && errno != ENODEV);
		return 0;
	}
	at = add(look, fd, name, up, 0);
	if (at < 0)
		return at == -E2BIG ? 0 : at;
	if (depth < DEATHS_DEPTH)
		return look_below(look, fd, at, depth + 1);
	look->deaths->cut = true;
	return 0;
}

static int look_below(struct look *look, int fd, int up, unsigned depth)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	while ((n = file_read_directory(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);
			int r;

			at += entry->d_reclen;
			if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			if (look->visits == 0) {
				look->deaths->cut = true;
				return 0;
			}
			look->visits--;
			look->deaths->n_visited++;
			r = look_child(look, fd, entry->d_name, up, depth);
			if (r < 0)
				return r;
		}
	look->deaths->cut = look->deaths->cut || (n < 0 && n != -ENOENT);
	return 0;
}

/* Those above, to the host's root, which has no limit. Only host root makes these. */
static int look_above(struct look *look, const struct host *host, int fd)
{
	_cleanup_close_ int below = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	for (unsigned level = 1; below >= 0 && level <= CGROUP_DEPTH_MAX; level++) {
		const int up = openat(below, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct stat st;
		int at;

		(void)close_fd(below);
		below = up;
		if (up < 0 || fstat(up, &st) < 0 || st.st_ino == host->root_id)
			return 0;
		at = add(look, up, NULL, -1, level);
		if (at < 0)
			return at == -E2BIG ? 0 : at;
		look->deaths->cgroups[at - 1].up = at;
	}
	return 0;
}

int deaths_look(const struct host *host, int fd, const struct deaths_bounds *bounds, struct deaths *ret, struct err *err)
{
	/* A position of its own: the caller's descriptor is shared. */
	_cleanup_close_ int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct look look = {
		.deaths = ret, .visits = bounds->visits, .local_only = bounds->local_only, .scope = bounds->scope
	};
	void *smaller;
	int r;

	*ret = (struct deaths) { .cgroups = calloc(DEATHS_KEPT, sizeof(*ret->cgroups)) };
	if (!ret->cgroups)
		return err_set(err, ENOMEM, "out of memory");
	ret->known = own >= 0 && deaths_count(own, &ret->all);
	if (!ret->known)
		return 0;
	r = add(&look, own, NULL, -1, 0);
	if (r >= 0)
		r = look_above(&look, host, own);
	if (r >= 0 && (bounds->local_only || ret->all.kills || ret->all.ooms))
		r = look_below(&look, own, 0, 1);
	/* Each grant keeps one from look to look. */
	smaller = ret->n > 0 ? realloc(ret->cgroups, ret->n * sizeof(*ret->cgroups)) : NULL;
	ret->cgroups = smaller ? smaller : ret->cgroups;
	return r < 0 ? err_set_errno(err, r, "cannot look at what was killed") : 0;
}

void deaths_done(struct deaths *deaths)
{
	for (size_t i = 0; i < deaths->n; i++)
		free(deaths->cgroups[i].name);
	free(deaths->cgroups);
	*deaths = (struct deaths) { 0 };
}

/* A count never falls; where it seems to, the file could not be read the last time. */
static uint64_t grown(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

struct death_counts deaths_since(const struct deaths *before, const struct deaths *now, size_t cgroup)
{
	const struct death_cgroup *c = &now->cgroups[cgroup];

	for (size_t i = 0; i < before->n; i++)
		if (before->cgroups[i].id == c->id)
			return (struct death_counts) { grown(before->cgroups[i].local.kills, c->local.kills),
						       grown(before->cgroups[i].local.ooms, c->local.ooms) };
	/* Those above were there before; what they have counted until then has nothing to do with this container. Nor is it
	 * known since when one has its count that the look before may have left out. */
	if (c->above || before->cut)
		return (struct death_counts) { 0 };
	return c->local;
}

int deaths_limit(const struct deaths *before, const struct deaths *now, size_t victim)
{
	int at = (int)victim;

	while (at >= 0 && deaths_since(before, now, (size_t)at).ooms == 0)
		at = now->cgroups[at].up;
	return at < 0 ? DEATHS_MACHINE : at;
}

uint64_t deaths_elsewhere(const struct deaths *before, const struct deaths *now, int *ret_limit)
{
	struct death_counts sum = { 0 };

	for (size_t i = 0; i < now->n; i++) {
		const struct death_counts c = deaths_since(before, now, i);

		sum.kills += now->cgroups[i].above ? 0 : c.kills;
		sum.ooms += now->cgroups[i].above ? 0 : c.ooms;
	}
	*ret_limit = grown(before->all.ooms, now->all.ooms) > sum.ooms ? DEATHS_UNKNOWN : deaths_limit(before, now, 0);
	return grown(sum.kills, grown(before->all.kills, now->all.kills));
}

static const char *escape_path(const char *path, char *buf, size_t size)
{
	(void)text_escape(path, buf, size);
	if (strlen(buf) + 4 >= size && size > 4) /* an escape takes four bytes */
		memcpy(buf + size - 8, "...", 4);
	return buf;
}

/* From the host's root: the delegated cgroup's path less `levels`. */
static const char *path_above(const char *path, unsigned levels, char *buf, size_t size)
{
	char own[PATH_MAX];

	(void)snprintf(own, sizeof(own), "%s", path);
	for (; levels > 0; levels--) {
		char *slash = strrchr(own, '/');

		own[slash ? slash - own : 0] = '\0';
	}
	return escape_path(own[0] ? own : "/", buf, size);
}

const char *deaths_path(const struct deaths *deaths, size_t cgroup, const char *path, char *buf, size_t size)
{
	char whole[(DEATHS_DEPTH + 1) * (NAME_MAX + 1)];
	size_t at = sizeof(whole) - 1;

	if (deaths->cgroups[cgroup].above && !deaths->cgroups[cgroup].own)
		return path_above(path, deaths->cgroups[cgroup].above, buf, size);
	whole[at] = '\0';
	for (const struct death_cgroup *c = &deaths->cgroups[cgroup]; c->name; c = &deaths->cgroups[c->up]) {
		const size_t len = strlen(c->name);

		at -= len;
		memcpy(whole + at, c->name, len);
		whole[--at] = '/';
	}
	return escape_path(whole[at] ? whole + at : "/", buf, size);
}

static void describe_limit(const struct deaths *deaths, const char *path, int limit, char *buf, size_t size)
{
	const struct death_cgroup *c = limit >= 0 ? &deaths->cgroups[limit] : NULL;
	char shown[DEATHS_PATH_SIZE], most[64] = "";

	if (c && c->most != LIMIT_MAX)
		(void)snprintf(most, sizeof(most), " (memory.max %llu)", (unsigned long long)c->most);
	if (limit == DEATHS_MACHINE)
		(void)snprintf(buf, size, "because the machine's memory ran out");
	else if (limit == DEATHS_NOT_OWN)
		(void)snprintf(buf, size,
			       "not by a limit of the container: by one above it, or because the machine's memory ran out");
	else if (!c)
		(void)snprintf(buf, size,
			       "because the memory limit of a cgroup below it was reached, which is gone by now");
	else if (c->own)
		(void)snprintf(buf, size, "because the container's own memory limit was reached%s", most);
	else
		(void)snprintf(buf, size, "because the memory limit of %s '%s' was reached%s",
			       c->above ? "the cgroup above it," : "its cgroup",
			       deaths_path(deaths, (size_t)limit, path, shown, sizeof(shown)), most);
}

const char *deaths_describe(const struct deaths *deaths, const char *path, uint64_t kills, int victim, int limit,
			    char *buf, size_t size)
{
	char shown[DEATHS_PATH_SIZE], why[DEATHS_PATH_SIZE + 128], where[DEATHS_PATH_SIZE + 64];

	describe_limit(deaths, path, limit, why, sizeof(why));
	if (victim < 0)
		(void)snprintf(where, sizeof(where), "in cgroups below it that are gone by now, or were not looked at,");
	else
		(void)snprintf(where, sizeof(where), "in its cgroup '%s'",
			       deaths_path(deaths, (size_t)victim, path, shown, sizeof(shown)));
	(void)snprintf(buf, size, "%llu process%s %s %s killed, %s", (unsigned long long)kills, kills == 1 ? "" : "es",
		       where, kills == 1 ? "was" : "were", why);
	return buf;
}
