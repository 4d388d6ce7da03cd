/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List - the three forms of one table. Each returns false when it could not be written.
 *
 * Parts: list.c, list-text.c, list-json.c, list-metrics.c.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "cgdeleg/cli/list-table.h"

struct screen {
	size_t width, height; /* characters; 0: as wide and long as it becomes */
};

bool list_text(const struct table *table, const struct screen *screen, FILE *to);
bool list_json(const struct table *table, FILE *to);
bool list_metrics(const struct table *table, FILE *to);
