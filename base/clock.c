/* SPDX-License-Identifier: Apache-2.0 */
/* Clock - what time it is. See clock.h. */
#include "base/clock.h"

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
