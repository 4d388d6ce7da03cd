/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Systemd - the call, made by the helper. See systemd.h.
 *
 * A separate program, because libsystemd cannot be linked statically, and because loading it costs more than a whole
 * grant without it: only a run that really changes a unit pays for that.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/spawn.h"
#include "cgdeleg/kernel/systemd.h"

#define FIXED_WORDS	3   /* its name, the unit's, its deadline */
#define HELPER_GRACE_MS 300 /* so that the helper can report that there was no answer */

/* The errnos of systemd_set(). */
static int code_of(int status)
{
	switch (status) {
	case UNIT_EXIT_REFUSED:
		return EPERM;
	case UNIT_EXIT_TIMEOUT:
		return ETIMEDOUT;
	case UNIT_EXIT_NO_BUS:
		return ECONNREFUSED;
	default:
		return EIO;
	}
}

int systemd_set(const char *helpers, const char *unit, const struct unit_words *words, int64_t deadline_ms, struct err *err)
{
	const char *argv[FIXED_WORDS + UNIT_WORDS_MAX + 1] = { "cgdeleg-unit", unit };
	const int64_t its_deadline_ms = deadline_ms - HELPER_GRACE_MS;
	struct spawn_result result = { 0 };
	char milliseconds[24];
	int r;

	if (its_deadline_ms <= clock_monotonic_ms())
		return err_set(err, ETIMEDOUT, "no time is left to change limits through systemd for '%s'", unit);
	(void)snprintf(milliseconds, sizeof(milliseconds), "%lld", (long long)its_deadline_ms);
	argv[2] = milliseconds;
	memcpy(argv + FIXED_WORDS, words->words, words->n * sizeof(words->words[0]));
	r = spawn_helper(helpers, argv, 0, deadline_ms, &result, err);
	if (r == -ETIMEDOUT)
		return err_set(
			err, ETIMEDOUT,
			"limits of '%s' through systemd: the helper did not finish in time; this machine or systemd is too busy",
			unit);
	if (r < 0 || result.status == 0)
		return r;
	return err_set(err, code_of(result.status), "limits of '%s' through systemd: %s", unit,
		       result.said[0] ? result.said : "the helper failed without a message");
}
