/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Err - the one error convention.
 *
 * A function that can fail returns 0 or a negative errno, and its last parameter is a `struct err *`. On success the
 * err is untouched. On failure it holds one whole sentence that names the object and the value and, if the reader can
 * do something about it, the remedy. The caller owns it and it has a fixed size, so it can neither leak nor fail
 * itself. The text is printable ASCII whatever went into it: other bytes are written as \xHH, so that it can go
 * unchanged to a terminal, a log and a record.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

#define ERR_TEXT_SIZE 768

struct err {
	int code;		  /* positive errno; EINVAL if the input is at fault and not the kernel */
	char text[ERR_TEXT_SIZE]; /* one sentence, no newline, no trailing full stop; longer ones are cut */
};

/* Stores `code` (its sign is ignored, 0 becomes EINVAL) and the sentence. Returns -code. A NULL err is
 * allowed: the caller wants only the number. */
int err_set(struct err *err, int code, const char *fmt, ...) _printf_(3, 4);

/* As err_set(), with ": " and the text of the errno after the sentence. */
int err_set_errno(struct err *err, int code, const char *fmt, ...) _printf_(3, 4);

/* Puts "<prefix>: " in front of the sentence. Returns -err->code. */
int err_wrap(struct err *err, const char *fmt, ...) _printf_(2, 3);

/* Is `code` (its sign is ignored) a lack of memory, descriptors, processes or time, which may soon be over? With any
 * other code the same call would fail again. */
bool err_is_passing(int code);
