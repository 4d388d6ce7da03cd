/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clock - what time it is.
 *
 * Deadlines and pauses use CLOCK_MONOTONIC, which nobody sets. Only times that a person reads, or that are compared
 * across boots, use CLOCK_REALTIME.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int64_t clock_monotonic_ms(void); /* CLOCK_MONOTONIC, milliseconds */
int64_t clock_monotonic_us(void); /* ... microseconds */
int64_t clock_realtime_us(void);  /* CLOCK_REALTIME, microseconds since 1970 */

#define CLOCK_TEXT_SIZE 64

/* "2026-11-29T03:15:00.123456Z": RFC 3339, for microseconds since 1970. */
void clock_format(int64_t us, char *buf, size_t size);
