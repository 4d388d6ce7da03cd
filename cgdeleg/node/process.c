/* SPDX-License-Identifier: Apache-2.0 */
/* Process - the first process of a granted container. The threat stands in process.h. */
#include "cgdeleg/node/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cgdeleg/kernel/cgroup.h"

const char *const namespace_names[NAMESPACES] = {
	[NAMESPACE_USER] = "user",
	[NAMESPACE_MOUNT] = "mnt",
	[NAMESPACE_CGROUP] = "cgroup",
};

/* As the attribute has it: the mount namespace's name, and field 22 of /proc/<pid>/stat. */
static int read_instance(int proc_fd, char ret[INSTANCE_SIZE])
{
	char stat[1024];
	const char *at;
	ssize_t n = file_readlink_at(proc_fd, "ns/mnt", ret, INSTANCE_SIZE / 2);

	if (n < 0)
		return (int)n;
	if (file_read_record_at(proc_fd, "stat", stat, sizeof(stat)) < 0)
		return -ESRCH;
	/* The command's name stands in parentheses and may hold blanks and parentheses itself. */
	at = strrchr(stat, ')');
	for (int field = 2; at && field < 22; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return -EBADMSG;
	(void)snprintf(ret + n, INSTANCE_SIZE - (size_t)n, "+%.*s", (int)strcspn(at, " "), at);
	return 0;
}

int process_check(const struct process *process, struct err *err)
{
	struct pollfd end = { .fd = process->pidfd, .events = POLLIN };
	char now[INSTANCE_SIZE];

	if (process->pid <= 1 || read_instance(process->proc_fd, now) < 0 || poll(&end, 1, 0) != 0)
		return err_set(err, ESRCH, "process %d has ended", process->pid);
	if (strcmp(now, process->instance) != 0)
		return err_set(err, ESRCH, "process %d has gone to another mount namespace", process->pid);
	return 0;
}

int process_open(const struct host *host, pid_t pid, struct process *ret, struct err *err)
{
	_cleanup_(process_done) struct process process = PROCESS_NONE;
	char name[24];

	if (pid <= 1)
		return err_set(err, ESRCH, "process %d is not a container's", pid);
	process.pidfd = host->machine->open_process(pid);
	if (process.pidfd < 0)
		return err_set_errno(err, process.pidfd, "cannot open process %d", pid);
	process.pid = pid;
	(void)snprintf(name, sizeof(name), "%d", pid);
	process.proc_fd = openat(host->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process.proc_fd < 0 || read_instance(process.proc_fd, process.instance) < 0)
		return err_set(err, ESRCH, "process %d has ended", pid);
	for (int kind = 0; kind < NAMESPACES; kind++) {
		(void)snprintf(name, sizeof(name), "ns/%s", namespace_names[kind]);
		process.namespaces[kind] = openat(process.proc_fd, name, O_RDONLY | O_CLOEXEC);
		if (process.namespaces[kind] < 0)
			return err_set_errno(err, errno, "cannot open '/proc/%d/%s'", pid, name);
	}
	if (process_check(&process, err) < 0)
		return -ESRCH;
	*ret = process;
	process = (struct process)PROCESS_NONE;
	return 0;
}

void process_done(struct process *process)
{
	process->pidfd = close_fd(process->pidfd);
	process->proc_fd = close_fd(process->proc_fd);
	for (int kind = 0; kind < NAMESPACES; kind++)
		process->namespaces[kind] = close_fd(process->namespaces[kind]);
	process->pid = 0;
}

/* Does /proc/<name> show that instance? */
static bool looks_like(const struct host *host, const char *name, const char *instance)
{
	_cleanup_close_ int fd = openat(host->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char now[INSTANCE_SIZE];
	ssize_t n;

	if (fd < 0)
		return false;
	/* Most processes differ in this already. */
	n = file_readlink_at(fd, "ns/mnt", now, sizeof(now));
	if (n < 0 || strncmp(now, instance, (size_t)n) != 0)
		return false;
	return read_instance(fd, now) >= 0 && strcmp(now, instance) == 0;
}

/* Is it the first process of its own pid namespace? */
static bool is_first(const struct process *process)
{
	char text[8192];
	const char *line, *last;

	if (file_read_record_at(process->proc_fd, "status", text, sizeof(text)) < 0)
		return false;
	line = strstr(text, "\nNSpid:");
	if (!line)
		return false;
	text[line - text + 1 + (ssize_t)strcspn(line + 1, "\n")] = '\0';
	last = strrchr(line, '\t');
	return last && strcmp(last, "\t1") == 0;
}

static int consider(const struct host *host, const char *name, const char *instance, struct process *best)
{
	_cleanup_(process_done) struct process process = PROCESS_NONE;
	struct process before = *best;
	uint64_t pid;

	if (text_to_u64(name, &pid) < 0 || pid <= 1 || pid > INT_MAX || !looks_like(host, name, instance) ||
	    process_open(host, (pid_t)pid, &process, NULL) < 0 || strcmp(process.instance, instance) != 0)
		return 0;
	if (best->pid > 0 && !is_first(&process))
		return 0;
	*best = process;
	process = before;
	return 0;
}

int process_find(const struct host *host, const char *instance, struct process *ret, struct err *err)
{
	/* A position of its own: host->proc_fd is shared. */
	_cleanup_close_ int fd = openat(host->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[32768] __attribute__((aligned(8)));
	ssize_t n;

	*ret = (struct process)PROCESS_NONE;
	if (fd < 0)
		return err_set_errno(err, errno, "cannot open '/proc'");
	if (!instance[0])
		return err_set(err, ESRCH, "the attribute does not say which process it is");
	while ((n = file_read_directory(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);

			at += entry->d_reclen;
			if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
				(void)consider(host, entry->d_name, instance, ret);
		}
	if (n < 0)
		return err_set_errno(err, (int)n, "cannot list '/proc'");
	return ret->pid > 0 ? 0
			    : err_set(err, ESRCH, "no process of this node is the one that the attribute names, '%s'",
				      instance);
}

int process_shares(const struct host *host, const struct process *process, enum namespace kind, struct err *err)
{
	char path[32];
	struct stat ours, theirs;

	(void)snprintf(path, sizeof(path), "self/ns/%s", namespace_names[kind]);
	if (fstatat(host->proc_fd, path, &ours, 0) < 0 || fstat(process->namespaces[kind], &theirs) < 0)
		return err_set_errno(err, errno, "cannot compare the %s namespaces", namespace_names[kind]);
	return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* The word after "NAME:" in the text; *at is moved on behind it. */
static const char *find_line(const char *text, const char *name)
{
	const size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1;
	return NULL;
}

static bool read_ids(const char *text, const char *name, uint32_t ret[4])
{
	const char *at = find_line(text, name);
	char *end = NULL;

	for (int i = 0; at && i < 4; i++, at = end)
		ret[i] = (uint32_t)strtoul(at, &end, 10);
	return at && *end == '\n';
}

int process_status(const struct process *process, struct process_status *ret, struct err *err)
{
	const struct {
		const char *name;
		uint64_t *to;
	} sets[] = { { "CapInh", &ret->inheritable },
		     { "CapPrm", &ret->permitted },
		     { "CapEff", &ret->effective },
		     { "CapBnd", &ret->bounding },
		     { "CapAmb", &ret->ambient } };
	char text[8192];
	const char *at;
	ssize_t n = file_read_record_at(process->proc_fd, "status", text, sizeof(text));
	bool ok = n > 0 && read_ids(text, "Uid", ret->uids) && read_ids(text, "Gid", ret->gids);

	for (size_t i = 0; ok && i < ELEMENTS(sets); i++) {
		at = find_line(text, sets[i].name);
		ok = at;
		*sets[i].to = at ? strtoull(at, NULL, 16) : 0;
	}
	at = ok ? find_line(text, "Groups") : NULL;
	if (!at)
		return err_set(err, n < 0 ? (int)-n : EBADMSG, "cannot read '/proc/%d/status'", process->pid);
	ret->has_groups = at[strspn(at, " \t")] != '\n';
	at = find_line(text, "NoNewPrivs");
	ret->no_new_privs = at && strtoul(at, NULL, 10) == 1;
	at = find_line(text, "Seccomp");
	ret->seccomp = at ? (unsigned)strtoul(at, NULL, 10) : 0;
	return 0;
}

int process_cgroup(const struct process *process, char *ret, size_t size, struct err *err)
{
	char text[2 * PATH_MAX];
	ssize_t n = file_read_record_at(process->proc_fd, "cgroup", text, sizeof(text));

	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '/proc/%d/cgroup'", process->pid);
	return cgroup_parse_path(text, ret, size, err);
}

bool map_next(const char **at, struct map_extent *ret)
{
	uint64_t *const numbers[] = { &ret->inside, &ret->outside, &ret->count };
	char *end = NULL;

	if (!**at)
		return false;
	for (size_t i = 0; i < ELEMENTS(numbers); i++, *at = end)
		*numbers[i] = strtoull(*at, &end, 10);
	*at = strchrnul(end, '\n');
	*at += **at == '\n';
	return true;
}

uint32_t map_root(const char *map)
{
	struct map_extent extent;

	while (map_next(&map, &extent))
		if (extent.inside == 0 && extent.count > 0)
			return (uint32_t)extent.outside;
	return UINT32_MAX;
}

bool map_reaches(const char *map, uint64_t outside)
{
	struct map_extent extent;

	while (map_next(&map, &extent))
		if (outside >= extent.outside && outside - extent.outside < extent.count)
			return true;
	return false;
}

int process_map(const struct process *process, const char *name, char *ret, struct err *err)
{
	ssize_t n = file_read_lines_at(process->proc_fd, name, ret, EXTENTS_SIZE);
	char *to = ret;

	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '/proc/%d/%s'", process->pid, name);
	for (const char *from = ret; *from; from++)
		if (*from != ' ' || (to > ret && to[-1] != ' ' && to[-1] != '\n'))
			*to++ = *from;
	*to = '\0';
	return 0;
}
