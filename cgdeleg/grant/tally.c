/* SPDX-License-Identifier: Apache-2.0 */
/* Tally - how many runs there were, by verdict and reason. See tally.h. */
#include "cgdeleg/grant/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"

void tally_add(int dirfd, const char *directory, uid_t owner, const struct record *record)
{
	_cleanup_close_ int own = dirfd < 0 ? owner_open_directory(directory, owner, true, NULL) : -EBADF, fd = -EBADF;
	char name[80];

	if (dirfd < 0 && own < 0)
		return;
	(void)snprintf(name, sizeof(name), TALLY_PREFIX "%s.%s", verdict_name(record->decision->verdict),
		       record_reason(record));
	fd = openat(dirfd < 0 ? own : dirfd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		    0600);
	if (fd >= 0)
		(void)file_write_fd(fd, ".", 1);
}
