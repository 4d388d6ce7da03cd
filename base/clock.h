/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clock - what time it is.
 *
 * Deadlines and pauses use CLOCK_MONOTONIC, which nobody sets. Only times that a person reads, or that are compared
 * across boots, use CLOCK_REALTIME.
 */
#pragma once

#include <stdint.h>

int64_t clock_monotonic_ms(void); /* CLOCK_MONOTONIC, milliseconds */
int64_t clock_monotonic_us(void); /* ... microseconds */
int64_t clock_realtime_us(void);  /* CLOCK_REALTIME, microseconds since 1970 */
