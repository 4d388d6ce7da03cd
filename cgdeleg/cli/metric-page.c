/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metric, page - runs at build time: copies the source of cgdeleg-metrics(7) from standard input, and puts the table where
 * it has a line "@watch@", "@list@" or "@both@". With --names it prints the table for the tests instead. See metric.h.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/metric.h"

static const struct {
	const char *line;
	unsigned verbs;
} places[] = {
	{ "@watch@\n", METRIC_OF_WATCH },
	{ "@list@\n", METRIC_OF_LIST },
	{ "@both@\n", METRIC_OF_WATCH | METRIC_OF_LIST },
};

/* scdoc takes an underscore within a word as it stands, but one at its end begins an underline. */
static void print_row(const struct metric *metric)
{
	printf("*%s*\n\t%s%s%s", metric->name, metric->type == METRIC_COUNTER ? "counter" : "gauge",
	       metric->unit[0] ? ", " : "", metric->unit);
	if (strncmp(metric->labels, METRIC_GRANT_LABELS, strlen(METRIC_GRANT_LABELS)) == 0)
		printf("; labels of the grant%s%s", metric->labels[strlen(METRIC_GRANT_LABELS)] ? ", and" : "",
		       metric->labels + strlen(METRIC_GRANT_LABELS));
	else if (metric->labels[0])
		printf("; %s: %s", strchr(metric->labels, ' ') ? "labels" : "label", metric->labels);
	printf(". %s\n\n", metric->help);
}

int main(int argc, char **argv)
{
	char line[4096];

	const bool names = argc > 1 && strcmp(argv[1], "--names") == 0;

	for (size_t i = 0; names && i < METRICS; i++)
		printf("%s\t%s\t%s\t%s\t%u\t%s\n", metrics[i].name,
		       metrics[i].type == METRIC_COUNTER ? "counter" : "gauge", metrics[i].unit, metrics[i].labels,
		       metrics[i].verbs, metrics[i].help);
	while (!names && fgets(line, sizeof(line), stdin)) {
		unsigned verbs = 0;

		for (size_t i = 0; i < ELEMENTS(places); i++)
			if (strcmp(line, places[i].line) == 0)
				verbs = places[i].verbs;
		if (!verbs)
			fputs(line, stdout);
		for (size_t i = 0; verbs && i < METRICS; i++)
			if (metrics[i].verbs == verbs)
				print_row(&metrics[i]);
	}
	return 0;
}
