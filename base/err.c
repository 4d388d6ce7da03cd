/* SPDX-License-Identifier: Apache-2.0 */
/* Err - the one error convention. See err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_printable(char c)
{
	return c >= 0x20 && c < 0x7f;
}

/* As text_escape(), but a backslash stays as it is, so that words that were escaped before are not escaped again. */
static void make_printable(char *text, size_t size)
{
	char raw[ERR_TEXT_SIZE];
	const char *at = text;
	size_t len = 0;

	while (is_printable(*at))
		at++;
	if (*at == '\0')
		return;
	memcpy(raw, text, size);
	for (const char *p = raw; *p && len + 5 < size; p++)
		len += (size_t)snprintf(text + len, size - len, is_printable(*p) ? "%c" : "\\x%02x", (unsigned char)*p);
}

static int err_store(struct err *err, int code, const char *suffix, const char *fmt, va_list ap) _printf_(4, 0);
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
	make_printable(err->text, sizeof(err->text));
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
	/* In English: no program here sets a locale. */
	r = err_store(err, code, strerror(abs(code)), fmt, ap);
	va_end(ap);
	return r;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char old[ERR_TEXT_SIZE];
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
	/* The text is cut to fit: the newest context stands in front and survives. */
	(void)snprintf(err->text + len, sizeof(err->text) - len, ": %.*s", (int)(sizeof(err->text) - len), old);
	return -err->code;
}

bool err_is_passing(int code)
{
	switch (abs(code)) {
	case ENOMEM:
	case EAGAIN:
	case EINTR:
	case EMFILE:
	case ENFILE:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}
