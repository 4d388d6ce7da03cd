/* SPDX-License-Identifier: Apache-2.0 */
/* Columns, guards - the readers of cells that come from the BPF guards: for the table in list-columns.c. */
#pragma once

#include "cgdeleg/cli/list-columns.h"

/* Which guards are attached now, as words; "... missing" for one that the record has and the kernel has not. The
 * number is how many are missing. */
void read_guard(const struct column *column, struct sample *sample, struct cell *ret);

/* How often the device guard has refused, and the last time in words: "c 10:237 rw sh". */
void read_device_refusals(const struct column *column, struct sample *sample, struct cell *ret);
void read_last_refusal(const struct column *column, struct sample *sample, struct cell *ret);

/* How often the grant guard has refused: the number is all, the text by rule. */
void read_guard_refusals(const struct column *column, struct sample *sample, struct cell *ret);
void read_guard_rules(const struct column *column, struct sample *sample, struct cell *ret);
