/* SPDX-License-Identifier: Apache-2.0 */
/* Check, print - the facts, the decision and the plan of one container, on standard output. */
#pragma once

#include <stdbool.h>

#include "cgdeleg/grant/run.h"

/* The parts of check_print_text(), each with its title; of the plan, the steps only. */
void check_print_facts(const struct trail *trail);
void check_print_decision(const struct decision *decision);
void check_print_plan(const struct plan *plan);

/* Both return false when memory ran out or standard output cannot be written. */
bool check_print_text(const struct trail *trail);
bool check_print_json(const struct trail *trail);
