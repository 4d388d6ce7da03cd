/* SPDX-License-Identifier: Apache-2.0 */
/* Drift - a ceiling against what the kernel's file says now. See drift.h. */
#include "cgdeleg/node/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

int drift_open(int fd, const struct attribute *attribute, struct drift_places *ret, struct err *err)
{
	ret->fd[PLACE_ROOT] = fd;
	ret->fd[PLACE_SCOPE] = -EBADF;
	if (!attribute->scope)
		return 0;
	ret->fd[PLACE_SCOPE] = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->fd[PLACE_SCOPE] < 0 ? err_set_errno(err, errno, "cannot open the scope above the cgroup") : 0;
}

void drift_places_done(struct drift_places *places)
{
	places->fd[PLACE_SCOPE] = close_fd(places->fd[PLACE_SCOPE]);
}

bool drift_next(const struct attribute *attribute, enum place place, const char **at, struct drift *ret)
{
	ret->place = place;
	ret->above = false;
	if (!attribute_next(attribute, at, &ret->ceiling))
		return false;
	if (place == PLACE_SCOPE && strncmp(ret->ceiling.file, "cgroup.max.", strlen("cgroup.max.")) == 0 &&
	    ret->ceiling.value.number < INT32_MAX)
		ret->ceiling.value.number++;
	return true;
}

int drift_judge(struct drift *drift, const char *text, struct err *err)
{
	const struct attribute_ceiling *c = &drift->ceiling;
	int r = limit_parse_kernel(c->type, text, &drift->now, err);

	if (r < 0)
		return err_wrap(err, "cannot read '%s'", c->file);
	drift->above = !limit_within(c->type, &drift->now, &c->value);
	return 0;
}

int drift_read(const struct drift_places *places, struct drift *drift, struct err *err)
{
	char text[LIMIT_TEXT_SIZE];
	ssize_t n = file_read_record_at(places->fd[drift->place], drift->ceiling.file, text, sizeof(text));

	if (n < 0)
		return err_set_errno(err, (int)n, "cannot read '%s'", drift->ceiling.file);
	return drift_judge(drift, text, err);
}
