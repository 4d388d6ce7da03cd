/* SPDX-License-Identifier: Apache-2.0 */
/* Journal - the two protocols. See journal.h. */
#include "base/journal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FACILITY 10 /* LOG_AUTHPRIV */

struct datagram {
	char bytes[JOURNAL_DATAGRAM_MAX];
	size_t len;
};

static bool connect_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	return snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) < (int)sizeof(address.sun_path) &&
	       connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

void journal_open(const char *native, const char *syslog, struct journal *ret)
{
	ret->kind = JOURNAL_NONE;
	ret->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ret->fd < 0)
		ret->fd = -EBADF;
	else if (connect_to(ret->fd, native))
		ret->kind = JOURNAL_NATIVE;
	else if (connect_to(ret->fd, syslog))
		ret->kind = JOURNAL_SYSLOG_ONLY;
}

void journal_done(struct journal *journal)
{
	journal->fd = close_fd(journal->fd);
}

/* NAME=value, or where the value has a newline: NAME, newline, its length in 8 bytes with the least first, the value. */
static void add(struct datagram *datagram, const char *name, const char *value)
{
	const size_t name_len = strlen(name), len = strlen(value);
	const bool by_length = memchr(value, '\n', len) != NULL;
	char *at = datagram->bytes + datagram->len;

	if (name_len + len + 10 > sizeof(datagram->bytes) - datagram->len)
		return;
	memcpy(at, name, name_len);
	at += name_len;
	*at++ = by_length ? '\n' : '=';
	for (unsigned shift = 0; by_length && shift < 64; shift += 8)
		*at++ = (char)(uint8_t)((uint64_t)len >> shift);
	memcpy(at, value, len);
	at += len;
	*at++ = '\n';
	datagram->len = (size_t)(at - datagram->bytes);
}

static void add_number(struct datagram *datagram, const char *name, int number)
{
	char text[12];

	(void)snprintf(text, sizeof(text), "%d", number);
	add(datagram, name, text);
}

static bool send_native(int fd, const struct journal_line *line, size_t n_fields)
{
	struct datagram datagram = { .len = 0 };

	add(&datagram, "MESSAGE", line->message);
	add_number(&datagram, "PRIORITY", line->priority);
	add_number(&datagram, "SYSLOG_FACILITY", FACILITY);
	add_number(&datagram, "SYSLOG_PID", line->pid);
	add(&datagram, "SYSLOG_IDENTIFIER", line->program);
	for (size_t i = 0; i < n_fields; i++)
		if (line->fields[i].value && line->fields[i].value[0])
			add(&datagram, line->fields[i].name, line->fields[i].value);
	return send(fd, datagram.bytes, datagram.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

void journal_send(const struct journal *journal, const struct journal_line *line)
{
	char text[JOURNAL_DATAGRAM_MAX];
	int len;

	if (journal->kind == JOURNAL_NATIVE) {
		/* journald would also take a sealed memfd; the message alone says enough. */
		if (!send_native(journal->fd, line, line->n_fields) && errno == EMSGSIZE)
			(void)send_native(journal->fd, line, 0);
		return;
	}
	if (journal->kind != JOURNAL_SYSLOG_ONLY)
		return;
	/* RFC 3164, as syslog(3) writes it to a local daemon, less the time, which the daemon knows. */
	len = snprintf(text, sizeof(text), "<%d>%s[%d]: %s", FACILITY * 8 + line->priority, line->program,
		       (int)line->pid, line->message);
	if (len >= (int)sizeof(text))
		len = (int)sizeof(text) - 1;
	(void)send(journal->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void journal_error(const char *program, const char *reason, const char *message)
{
	const struct journal_field field = { "CGDELEG_REASON", reason };
	const struct journal_line line = {
		.priority = 3, .program = program, .pid = getpid(), .message = message, .fields = &field, .n_fields = 1
	};
	struct journal journal;

	journal_open(JOURNAL_SOCKET, JOURNAL_SYSLOG, &journal);
	journal_send(&journal, &line);
	journal_done(&journal);
}
