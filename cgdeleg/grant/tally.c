/* SPDX-License-Identifier: Apache-2.0 */
/* Tally - how many runs ended without a grant. See tally.h. */
#include "cgdeleg/grant/tally.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"

void tally_add(const char *directory, uid_t owner, const struct record *record)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int dirfd = openat(AT_FDCWD, directory, flags), fd = -EBADF;
	char name[80];

	if (dirfd < 0 && errno == ENOENT && (mkdir(directory, 0700) == 0 || errno == EEXIST))
		dirfd = openat(AT_FDCWD, directory, flags);
	if (dirfd < 0 || owner_check_fd(dirfd, S_IFDIR, owner, directory, NULL) < 0)
		return;
	(void)snprintf(name, sizeof(name), TALLY_PREFIX "%s.%s", verdict_name(record->decision->verdict),
		       record_reason(record));
	fd = openat(dirfd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd >= 0)
		(void)file_write_fd(fd, ".", 1);
}
