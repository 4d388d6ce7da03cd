/* SPDX-License-Identifier: Apache-2.0 */
/* Check - cmocka with its prerequisites, and assertions on sentences. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"

/* The failure r and the sentence that it comes with: `want` is a part of it. NULL: r must be success. */
static inline void check_result(const char *name, int r, const struct err *err, const char *want)
{
	if (!want && r < 0)
		fail_msg("%s: failed with \"%s\", success was expected", name, err->text);
	if (want && r >= 0)
		fail_msg("%s: success, \"%s\" was expected", name, want);
	if (want && !strstr(err->text, want))
		fail_msg("%s: the error is \"%s\", \"%s\" was expected", name, err->text, want);
	if (want && -r != err->code)
		fail_msg("%s: %d was returned and %d stored", name, r, err->code);
	if (want && (strchr(err->text, '\n') || err->text[strlen(err->text) - 1] == '.'))
		fail_msg("%s: \"%s\" is not one sentence without newline and full stop", name, err->text);
}

/* Strings of which either may be NULL. */
static inline void check_string(const char *name, const char *got, const char *want)
{
	if (!got != !want || (got && strcmp(got, want) != 0))
		fail_msg("%s: \"%s\", \"%s\" was expected", name, got ? got : "(none)", want ? want : "(none)");
}
