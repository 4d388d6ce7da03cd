/* SPDX-License-Identifier: Apache-2.0 */
/* Err - the one error convention. See err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int err_store(struct err *err, int code, const char *suffix, const char *fmt, va_list ap)
{
	size_t len;

	code = code ? abs(code) : EINVAL;
	if (!err)
		return -code;

	err->code = code;
	if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0)
		err->text[0] = '\0';
	len = strlen(err->text);
	if (suffix)
		(void)snprintf(err->text + len, sizeof(err->text) - len, ": %s", suffix);
	return -code;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = err_store(err, code, NULL, fmt, ap);
	va_end(ap);
	return r;
}

int err_set_errno(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	/* strerrordesc_np, unlike strerror, neither allocates nor looks at the locale. */
	r = err_store(err, code, strerrordesc_np(abs(code)), fmt, ap);
	va_end(ap);
	return r;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	size_t len;
	va_list ap;

	if (!err)
		return -EINVAL;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0)
		err->text[0] = '\0';
	va_end(ap);
	len = strlen(err->text);
	/* What does not fit is cut: the newest context stands in front and survives. */
	(void)snprintf(err->text + len, sizeof(err->text) - len, ": %.*s",
		       (int)(sizeof(err->text) - len), old);
	return -err->code;
}
