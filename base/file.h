/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File - bounded reading, whole writing, and opening that follows nothing.
 *
 * Everything is relative to a directory descriptor. Every read has a limit; reaching it is an error, and the text is
 * never cut. No function here retries a write: a short write to a kernel file is a fault that must be seen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Reads fd to its end into buf, and adds a NUL. `size` counts the NUL. Returns the number of bytes read, -EFBIG if
 * there are more than size - 1, or another negative errno. EINTR is retried. */
ssize_t file_read_fd(int fd, char *buf, size_t size);

/* As file_read_fd(), for the file `path` beneath `dirfd`; a link as the last component is not followed. */
ssize_t file_read_at(int dirfd, const char *path, char *buf, size_t size);

/* As file_read_at(), for files (seq_file) of which every read(2) gives as many whole lines as fit, none longer than
 * FILE_SHORT_LINE: if the text leaves room for another line in the kernel's smallest buffer, a page, it is complete.
 * Saves the read that only finds the end. */
ssize_t file_read_lines_at(int dirfd, const char *path, char *buf, size_t size);

#define FILE_SHORT_LINE 64 /* bytes */

/* As file_read_at(), with one read(2): for files of procfs, sysfs and cgroupfs whose text the kernel makes in one piece
 * (single_open() of seq_file). Such a read leaves only what did not fit. */
ssize_t file_read_record_at(int dirfd, const char *path, char *buf, size_t size);

/* As file_read_record_at(), for an open descriptor, from the beginning of the file. */
ssize_t file_read_record(int fd, char *buf, size_t size);

/* Reads fd to its end into a new buffer, which the caller frees, and adds FILE_PADDING NULs. At most `max` bytes,
 * otherwise -EFBIG. ret_len may be NULL. file_slurp_regular() is for regular files: it takes a short read for the end;
 * file_slurp() reads until there is nothing more. */
#define FILE_PADDING 8 /* bytes; yyjson needs 4 to read in place */
int file_slurp_regular(int fd, size_t max, char **ret, size_t *ret_len);
int file_slurp(int fd, size_t max, char **ret, size_t *ret_len);

/* Writes text with one write(2). -EIO if the kernel takes only a part of it or nothing. */
int file_write_fd(int fd, const char *text, size_t len);

/* As file_write_fd(), for an existing file beneath dirfd; links are not followed, nothing is created. */
int file_write_at(int dirfd, const char *path, const char *text);

/* openat2(2) beneath dirfd with RESOLVE_BENEATH, NO_SYMLINKS and NO_MAGICLINKS, and O_CLOEXEC. A leading
 * '/' is taken as relative to dirfd; "" and "/" mean dirfd itself. Returns a descriptor or -errno. */
int file_open_beneath(int dirfd, const char *path, int flags);

/* getdents64(2): as many struct dirent64 as fit, 0 at the end, and only that is the end: with a signal pending (a stop, a
 * freezer) the kernel returns what it has so far. Not every C library has the call. */
ssize_t file_read_directory(int fd, void *buf, size_t size);

/* Is it in a file system of that type (statfs(2), <linux/magic.h>)? */
bool file_is_in(int fd, unsigned long magic);

/* readlinkat(2), with a NUL; -ENAMETOOLONG if it does not fit. */
ssize_t file_readlink_at(int dirfd, const char *path, char *buf, size_t size);
