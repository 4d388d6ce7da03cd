/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz - what every target has: libFuzzer's function, and what must hold of an input. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool holds)
{
	if (!holds)
		abort();
}
