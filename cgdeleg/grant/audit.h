/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit - what was decided, append-only: one line of JSON for each run.
 *
 * A pass-through writes nothing, unless the container asks. With audit_sync an intent record, synced to disk, comes before
 * the grant. (What is true now is in the attribute on the cgroup.)
 */
#pragma once

#include <errno.h>
#include <stdbool.h>

#include "base/err.h"
#include "cgdeleg/grant/record.h"

#define AUDIT_DIRECTORY "/var/log/cgdeleg"
#define AUDIT_FILE	"audit.jsonl"

struct audit {
	int dirfd; /* its directory; -EBADF when it could not be opened */
	int fd;	   /* the file, O_APPEND; -EBADF when it could not be opened */
};

#define AUDIT_CLOSED                          \
	{                                     \
		.dirfd = -EBADF, .fd = -EBADF \
	}

/*
 * Opens it; makes the directory (0700) and the file (0600) if they are missing.
 *
 * Threat. Whoever may write the file, or the directory that it is in, can take records out or make some up, or have root
 * append to a file of his choice. So both must belong to root, or to `owner` (0: to root alone), and be writable by nobody
 * else, and neither may be a link. Others may read them: 0750 and 0640 with a group, as logrotate's `create` and packages
 * make them. A hard link to the file is not refused: only root can make one in such a directory, and backups do.
 */
int audit_open(const char *directory, uid_t owner, struct audit *ret, struct err *err);
void audit_done(struct audit *audit);

/* Appends record_compose() with one write(2); `sync` waits for the disk. */
int audit_write(const struct audit *audit, const struct record *record, const char *event, bool sync, struct err *err);
