/* SPDX-License-Identifier: Apache-2.0 */
/* Explain - one container's facts, decision and plan on standard output. */
#pragma once

#include <stdbool.h>

#include "cgdeleg/grant/run.h"

/* Both return false when memory ran out or standard output cannot be written. */
bool explain_text(const struct trail *trail);
bool explain_json(const struct trail *trail);
