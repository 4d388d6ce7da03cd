/* SPDX-License-Identifier: Apache-2.0 */
/* Watch, files - the inotify watches, by number. See watch.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "cgdeleg/node/watch-parts.h"

struct watch_file *watch_file_find(const struct watch *watch, int wd)
{
	struct watch_file *file = watch->buckets[(unsigned)wd % WATCH_BUCKETS];

	while (file && file->wd != wd)
		file = file->chain;
	return file;
}

struct watch_file *watch_file_of(const struct watched *w, const struct limit_state *limit)
{
	struct watch_file *file = w->files;

	while (file && (file->place != limit->place || strcmp(file->file, limit->ceiling.file) != 0))
		file = file->next;
	return file;
}

/* `name` in the directory `fd`; "": the directory itself, for its attributes. */
static int add(struct watch *watch, struct watched *w, enum place place, int fd, const char *name)
{
	char path[64 + LIMIT_FILE_SIZE];
	struct watch_file *file, **bucket;
	int wd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", fd, name);
	wd = inotify_add_watch(watch->inotify_fd, path, name[0] ? IN_MODIFY : IN_ATTRIB);
	if (wd < 0)
		return -errno;
	if (watch_file_find(watch, wd))
		return 0;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	*file = (struct watch_file) { .wd = wd, .owner = w, .place = place, .next = w->files };
	(void)snprintf(file->file, sizeof(file->file), "%s", name);
	w->files = file;
	bucket = &watch->buckets[(unsigned)wd % WATCH_BUCKETS];
	file->chain = *bucket;
	*bucket = file;
	return 0;
}

int watch_files_add(struct watch *watch, struct watched *w, const struct inspect *limits)
{
	struct limit_state limit = { 0 };
	int r = 0;

	if (!limits)
		return add(watch, w, PLACE_ROOT, w->fd, "");
	watch_files_drop(watch, w);
	while (r >= 0 && inspect_next(limits, &limit)) {
		r = add(watch, w, limit.place, limits->place_fd[limit.place], limit.ceiling.file);
		if (r == -ENOENT)
			r = 0; /* skipped at the grant */
	}
	return r;
}

void watch_files_drop(struct watch *watch, struct watched *w)
{
	while (w->files) {
		struct watch_file *file = w->files, **at = &watch->buckets[(unsigned)file->wd % WATCH_BUCKETS];

		while (*at != file)
			at = &(*at)->chain;
		*at = file->chain;
		w->files = file->next;
		watch->counts.contested -= file->contested;
		(void)inotify_rm_watch(watch->inotify_fd, file->wd);
		free(file);
	}
}
