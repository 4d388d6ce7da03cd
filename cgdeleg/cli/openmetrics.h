/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenMetrics - the lines that all exports of `cgdeleg` have in common: the head of a family, and a label.
 *
 * Read by OpenMetrics 1.0 parsers and by those of the older Prometheus text format. Every family is one block: TYPE,
 * UNIT, HELP, samples.
 */
#pragma once

#include <stdio.h>

/* TYPE, UNIT and HELP of the family cgdeleg_<metric>. The unit is the name's last word where that is one. */
void openmetrics_family(const char *metric, const char *type, const char *help, FILE *to);

/* name="value". The value is printable ASCII; what is special within quotes is escaped. */
void openmetrics_label(const char *name, const char *value, FILE *to);
