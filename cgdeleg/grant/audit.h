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
	int fd; /* the file, O_APPEND; -EBADF when it could not be opened */
};

#define AUDIT_CLOSED         \
	{                    \
		.fd = -EBADF \
	}

/* Opens it; makes the directory if it is missing. */
int audit_open(const char *directory, struct audit *ret, struct err *err);
void audit_done(struct audit *audit);

/* Appends record_compose() with one write(2); `sync` waits for the disk. */
int audit_write(const struct audit *audit, const struct record *record, const char *event, bool sync, struct err *err);
