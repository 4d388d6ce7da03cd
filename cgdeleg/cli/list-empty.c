/* SPDX-License-Identifier: Apache-2.0 */
/* List, empty - what an administrator would ask of a table without rows, or without numbers. See list.h. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "bpf/cgroup2.h"
#include "cgdeleg/cli/list.h"
#include "cgdeleg/grant/tally.h"

/* How many runs of the hook ended with this verdict since the node was booted. */
static uint64_t count_runs(const char *directory, const char *verdict)
{
	_cleanup_dir_ DIR *dir = opendir(directory);
	const struct dirent *entry;
	char prefix[64];
	uint64_t n = 0;
	struct stat st;

	(void)snprintf(prefix, sizeof(prefix), "%s%s.", TALLY_PREFIX, verdict);
	while (dir && (entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			n += (uint64_t)st.st_size;
	return n;
}

/* "3 refused, 1 failed"; *ret_all is the sum. */
static void describe_runs(const char *directory, uint64_t *ret_all, char *buf, size_t size)
{
	static const struct {
		const char *verdict, *text;
	} kinds[] = {
		{ "refuse", "refused" },
		{ "readonly", "run read-only" },
		{ "pass", "let pass" },
		{ "error", "failed" },
	};
	size_t used = 0;

	*ret_all = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < ELEMENTS(kinds) && used < size; i++) {
		const uint64_t n = count_runs(directory, kinds[i].verdict);

		*ret_all += n;
		if (n > 0)
			used += (size_t)snprintf(buf + used, size - used, "%s%llu %s", used > 0 ? ", " : "",
						 (unsigned long long)n, kinds[i].text);
	}
}

const char *table_explain_empty(const struct table *table, const char *run, char *buf, size_t size)
{
	char unopened[64] = "", runs[256];
	uint64_t n;

	if (table->seen.n_unopened > 0)
		(void)snprintf(unopened, sizeof(unopened), ", and %zu could not be opened", table->seen.n_unopened);
	describe_runs(run, &n, runs, sizeof(runs));
	if (n > 0)
		(void)snprintf(
			buf, size,
			"none of the %zu cgroups of this node is delegated%s; since boot %llu runs of the hook ended without a grant (%s), and their audit records say why",
			table->seen.n_cgroups, unopened, (unsigned long long)n, runs);
	else
		(void)snprintf(
			buf, size,
			"none of the %zu cgroups of this node is delegated%s; since boot no container has asked the hook for one, so cgdeleg doctor may know whether the engines call it",
			table->seen.n_cgroups, unopened);
	return buf;
}

/* The columns that are shown and whose controller cgroup2 does not have: "MEMORY, PIDS". */
static void list_missing(const struct table *table, const char *controllers, char *buf, size_t size)
{
	static const char *const optional[] = { "memory", "pids" };
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < table->n_columns && used < size; i++) {
		const char *file = table->columns[i]->file;

		for (size_t k = 0; file && k < ELEMENTS(optional); k++)
			if (strncmp(file, optional[k], strlen(optional[k])) == 0 &&
			    table->columns[i]->kind != COLUMN_PERCENT && !text_has_word(controllers, optional[k]))
				used += (size_t)snprintf(buf + used, size - used, "%s%s", used > 0 ? ", " : "",
							 table->columns[i]->title);
	}
}

const char *table_explain_missing(const struct host *host, const struct table *table, char *buf, size_t size)
{
	static const char hybrid[] =
		"this host is hybrid, and cgroup v1 has the others: boot it with systemd.unified_cgroup_hierarchy=1";
	static const char off[] = "look for cgroup_disable= and cgroup_no_v1= in /proc/cmdline";
	char controllers[1024], missing[256];
	struct stat here, beside;
	bool is_hybrid;

	buf[0] = '\0';
	if (file_read_record_at(host->cgroup_fd, "cgroup.controllers", controllers, sizeof(controllers)) < 0)
		return buf;
	controllers[strcspn(controllers, "\n")] = '\0';
	list_missing(table, controllers, missing, sizeof(missing));
	is_hybrid = fstat(host->cgroup_fd, &here) == 0 && fstatat(host->sys_fd, cgroup2_places[1], &beside, 0) == 0 &&
		    here.st_dev == beside.st_dev && here.st_ino == beside.st_ino;
	if (missing[0])
		(void)snprintf(buf, size, "%s cannot be known: of the controllers, cgroup2 has %s here; %s", missing,
			       controllers[0] ? controllers : "none", is_hybrid ? hybrid : off);
	return buf;
}
