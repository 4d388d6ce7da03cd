/* SPDX-License-Identifier: Apache-2.0 */
/* Clock - what time it is. See clock.h. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

/* Neither clock can fail: every Linux has both. */
static int64_t read_us(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_realtime_us(void)
{
	return read_us(CLOCK_REALTIME);
}

/*
 * gmtime_r(3) opens /etc/localtime, and this may run inside the container's mount namespace, where the hook opens
 * nothing by name except the cgroup mount. So the calendar is computed here: days since 0000-03-01, in eras of 400
 * years, as in the proleptic Gregorian calendar of ISO 8601.
 */
void clock_format(int64_t us, char *buf, size_t size)
{
	int64_t seconds = us / 1000000;
	int64_t days = seconds / 86400 + 719468;
	int64_t era = days / 146097;
	int64_t day_of_era = days % 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
	int64_t year = year_of_era + era * 400 + (month >= 10);

	seconds %= 86400;
	(void)snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", (int)year,
		       (int)(month < 10 ? month + 3 : month - 9), (int)(day_of_year - (153 * month + 2) / 5 + 1),
		       (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60), (int)(us % 1000000));
}
