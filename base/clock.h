/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clock - what time it is.
 *
 * Deadlines and pauses are on CLOCK_MONOTONIC, which nobody sets; only what a person reads, or what is compared with
 * another boot's, is on CLOCK_REALTIME.
 */
#pragma once

#include <stdint.h>

int64_t clock_monotonic_ms(void); /* CLOCK_MONOTONIC, milliseconds */
int64_t clock_monotonic_us(void); /* ... microseconds */
int64_t clock_realtime_us(void);  /* CLOCK_REALTIME, microseconds since 1970 */
