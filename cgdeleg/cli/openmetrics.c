/* SPDX-License-Identifier: Apache-2.0 */
/* OpenMetrics - heads of families, and labels. See openmetrics.h. */
#include "cgdeleg/cli/openmetrics.h"

#include <string.h>

#include "base/cleanup.h"

void openmetrics_family(const char *metric, const char *type, const char *help, FILE *to)
{
	static const char *const units[] = { "bytes", "seconds", "ratio", "cores" };
	const char *last = strrchr(metric, '_');

	fprintf(to, "# TYPE cgdeleg_%s %s\n", metric, type);
	for (size_t i = 0; last && i < ELEMENTS(units); i++)
		if (strcmp(last + 1, units[i]) == 0)
			fprintf(to, "# UNIT cgdeleg_%s %s\n", metric, units[i]);
	fprintf(to, "# HELP cgdeleg_%s %s\n", metric, help);
}

void openmetrics_label(const char *name, const char *value, FILE *to)
{
	fprintf(to, "%s=\"", name);
	for (; *value; value++)
		fprintf(to, *value == '\\' || *value == '"' ? "\\%c" : "%c", *value);
	fputc('"', to);
}
