/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answer - what the kernel said to one act: a line "ACT<tab>ok", or "ACT<tab>EACCES". A count is a line
 * "NAME<tab>=NUMBER". Programs of this directory print nothing else on standard output; they end with 0
 * whatever the kernel said, and with another status when they could not ask.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* `result`: what a system call returned; below 0 errno is the answer. Returns `result`. */
static inline long answer(const char *act, long result)
{
	const char *name = result < 0 ? strerrorname_np(errno) : "ok";

	printf("%s\t%s\n", act, name ? name : "errno");
	fflush(stdout);
	return result;
}

/* The same of an act whose name is printf's. */
__attribute__((format(printf, 2, 3))) static inline void answer_of(long result, const char *format, ...)
{
	const int saved = errno;
	char act[512];
	va_list args;

	va_start(args, format);
	vsnprintf(act, sizeof(act), format, args);
	va_end(args);
	errno = saved;
	answer(act, result);
}

static inline void count(const char *name, long number)
{
	printf("%s\t=%ld\n", name, number);
	fflush(stdout);
}

/* The rig is broken: nothing was asked. */
static inline void cannot(const char *what)
{
	perror(what);
	exit(2);
}

/* A whole number of the command line. */
static inline long number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end) {
		errno = EINVAL;
		cannot(text);
	}
	return n;
}

/* Opens a file for writing and writes the text in one call: 0, or -1 with errno. */
static inline int put_at(int dir, const char *path, const char *text)
{
	int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int saved;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	saved = errno;
	close(fd);
	errno = saved;
	return n < 0 ? -1 : 0;
}

/* The one descriptor that somebody outside lends to whoever connects to the socket (lend.c). */
static inline int borrow(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (s < 0 || connect(s, (struct sockaddr *)&address, sizeof(address)) < 0)
		cannot(path);
	if (recvmsg(s, &message, MSG_CMSG_CLOEXEC) < 1 || !CMSG_FIRSTHDR(&message))
		cannot("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	close(s);
	return fd;
}
