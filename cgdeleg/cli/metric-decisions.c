/* SPDX-License-Identifier: Apache-2.0 */
/* Metric, decisions - how many runs of the hook there were, from the files of cgdeleg/grant/tally.h. See metric.h. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/metric.h"
#include "cgdeleg/grant/tally.h"

/* What the hook makes the names of the tally's files of; anything else is not its file. */
#define WORD "abcdefghijklmnopqrstuvwxyz-"

/* One file of the tally: its size is the count. */
static bool put_decision(struct metric_writer *writer, int dirfd, const char *name)
{
	char words[128];
	const char *values[] = { words, NULL };
	size_t len, rest;
	struct stat st;

	if (strncmp(name, TALLY_PREFIX, strlen(TALLY_PREFIX)) != 0 || strlen(name) >= sizeof(words))
		return false;
	(void)snprintf(words, sizeof(words), "%s", name + strlen(TALLY_PREFIX));
	len = strspn(words, WORD);
	if (len == 0 || words[len] != '.')
		return false;
	rest = strspn(words + len + 1, WORD);
	if (rest == 0 || words[len + 1 + rest])
		return false;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	words[len] = '\0';
	values[1] = words + len + 1;
	metric_put(writer, (double)st.st_size, values);
	return true;
}

void metric_put_decisions(struct metric_writer *writer, const char *directory)
{
	_cleanup_dir_ DIR *dir = opendir(directory);
	const struct dirent *entry;
	size_t n = 0;

	metric_begin(writer, METRIC_DECISIONS);
	while (dir && n < METRIC_DECISIONS_MAX && (entry = readdir(dir)) != NULL)
		n += put_decision(writer, dirfd(dir), entry->d_name);
}
