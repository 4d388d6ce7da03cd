/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleanup - everything that is acquired is released at the end of its scope.
 *
 * File descriptors start at -EBADF, so that one that was never opened cannot be mistaken for an open one. TAKE_FD() and
 * TAKE_PTR() move ownership; the old name must not be used afterwards.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Closes and forgets; keeps errno; accepts any negative value. Always returns -EBADF. */
static inline int close_fd(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
	}
	return -EBADF;
}

static inline void cleanup_close(int *fd)
{
	*fd = close_fd(*fd);
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

#define _cleanup_(f)	__attribute__((cleanup(f)))
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_dir_	_cleanup_(cleanup_dir)
#define _cleanup_free_	_cleanup_(cleanup_free)

#define TAKE_FD(fd)             \
	({                      \
		int _fd = (fd); \
		(fd) = -EBADF;  \
		_fd;            \
	})

#define TAKE_PTR(p)                     \
	({                              \
		__typeof__(p) _p = (p); \
		(p) = NULL;             \
		_p;                     \
	})

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
