/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs - as OpenMetrics: how many runs of the hook ended without a grant, from the files of cgdeleg/grant/tally.h. See
 * list.h.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/list.h"
#include "cgdeleg/cli/openmetrics.h"
#include "cgdeleg/grant/tally.h"

/* What the hook makes such names of; anything else is not its file. */
#define WORD "abcdefghijklmnopqrstuvwxyz-"

static void put_run(int dirfd, const char *name, FILE *to)
{
	const char *verdict = name + strlen(TALLY_PREFIX);
	size_t len;
	struct stat st;

	if (strncmp(name, TALLY_PREFIX, strlen(TALLY_PREFIX)) != 0)
		return;
	len = strspn(verdict, WORD);
	if (len == 0 || verdict[len] != '.' || !verdict[len + 1] || verdict[len + 1 + strspn(verdict + len + 1, WORD)])
		return;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return;
	fprintf(to, "cgdeleg_runs_total{verdict=\"%.*s\",reason=\"%s\"} %lld\n", (int)len, verdict, verdict + len + 1,
		(long long)st.st_size);
}

void list_runs(const char *directory, FILE *to)
{
	_cleanup_dir_ DIR *dir = opendir(directory);
	const struct dirent *entry;

	openmetrics_family("runs", "counter",
			   "runs of the hook since boot that failed, or granted nothing although a container asked", to);
	while (dir && (entry = readdir(dir)) != NULL)
		put_run(dirfd(dir), entry->d_name, to);
}
