/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal - one line to the node's log: by journald's native protocol with fields of its own, or else by syslog's.
 *
 * libsystemd cannot be linked statically, so the protocol is here. It is public and frozen: systemd's
 * docs/JOURNAL_NATIVE_PROTOCOL.md. Nothing here fails and nothing waits: a line that cannot be sent is lost, and so is
 * one that a full socket does not take.
 *
 * Threat. Values come from whoever creates containers. A newline in one must not begin another field: journald takes
 * such a value by its length, and what goes to syslog has no field but the message. Callers bound the values; should a
 * datagram still be too large for the socket, the message goes alone.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define JOURNAL_SYSLOG "/dev/log"

#define JOURNAL_DATAGRAM_MAX 8192 /* bytes; a field that would not fit is left out */

enum journal_kind { JOURNAL_NONE, JOURNAL_NATIVE, JOURNAL_SYSLOG_ONLY };

struct journal {
	int fd; /* a datagram socket; -EBADF: none */
	enum journal_kind kind;
};

#define JOURNAL_CLOSED       \
	{                    \
		.fd = -EBADF \
	}

struct journal_field {
	const char *name;  /* capitals, digits and '_' */
	const char *value; /* any bytes but NUL; NULL or "": the field is left out */
};

struct journal_line {
	int priority;	     /* of syslog: 3 error, 4 warning, 5 notice */
	const char *program; /* "cgdeleg-hook" */
	pid_t pid;
	const char *message; /* printable ASCII */
	const struct journal_field *fields;
	size_t n_fields;
};

/* Connects to the socket `native`, or else to `syslog`. From then on it works in any mount namespace. */
void journal_open(const char *native, const char *syslog, struct journal *ret);
void journal_done(struct journal *journal);

/* Facility authpriv. */
void journal_send(const struct journal *journal, const struct journal_line *line);

/* The same for a program that has nothing else to say: opens, sends an error without fields but CGDELEG_REASON, closes. */
void journal_error(const char *program, const char *reason, const char *message);
