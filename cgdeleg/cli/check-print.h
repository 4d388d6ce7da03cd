/* SPDX-License-Identifier: Apache-2.0 */
/* Check, print - the facts, the decision and the plan of one container, on standard output. */
#pragma once

#include <stdbool.h>

#include "cgdeleg/grant/run.h"

/* Both return false when memory ran out or standard output cannot be written. */
bool check_print_text(const struct trail *trail);
bool check_print_json(const struct trail *trail);
