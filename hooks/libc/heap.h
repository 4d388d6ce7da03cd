/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heap - memory for a process that lives for a millisecond. heap-glibc.c tunes glibc's, heap-bump.c is one.
 *
 * Parts: heap-bump.c, heap-glibc.c.
 */
#pragma once

/* To be called before the first allocation that matters. */
void heap_prepare(void);
