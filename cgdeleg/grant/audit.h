/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit - what was decided, append-only: one line of JSON for each run, and one line to syslog.
 *
 * A pass-through writes nothing. With audit_sync an intent record, synced to disk, comes before the grant. (What is
 * true now is in the attribute on the cgroup.)
 */
#pragma once

#include <errno.h>
#include <stdbool.h>

#include "base/err.h"
#include "cgdeleg/grant/record.h"

#define AUDIT_DIRECTORY "/var/log/cgdeleg"
#define AUDIT_FILE	"audit.jsonl"

struct audit {
	int fd;	       /* the file, O_APPEND; -EBADF when it could not be opened */
	int syslog_fd; /* connected to /dev/log; -EBADF if there is none */
};

#define AUDIT_CLOSED                              \
	{                                         \
		.fd = -EBADF, .syslog_fd = -EBADF \
	}

/* Opens both; makes the directory if it is missing. Goes on without a syslog socket. */
int audit_open(const char *directory, struct audit *ret, struct err *err);
void audit_done(struct audit *audit);

/* Appends record_compose() with one write(2); `sync` waits for the disk. */
int audit_write(const struct audit *audit, const struct record *record, const char *event, bool sync, struct err *err);

/* One line for people, best effort, never waits. */
void audit_syslog(const struct audit *audit, const struct record *record);

/* One line to syslog about a run that ends before there is anything to record: a command line or a state that cannot be
 * read. Some runtimes drop what a hook says on standard error. Best effort, never waits. */
void audit_say(const char *text);
