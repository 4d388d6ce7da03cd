/* SPDX-License-Identifier: Apache-2.0 */
/* Heap - glibc's. See heap.h. */
#include "hooks/libc/heap.h"

#include <malloc.h>

void heap_prepare(void)
{
	/* One step that holds a whole run, in place of many small ones; pages count when used. */
	(void)mallopt(M_TOP_PAD, 1024 * 1024);
	(void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
}
