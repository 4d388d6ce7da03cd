/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg list - every delegated cgroup of the node, as the kernel has it now.
 *
 * Changes nothing. Needs root: without CAP_SYS_ADMIN nobody sees which cgroups are delegated.
 */
#include "cgdeleg/cli/list.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/privilege.h"
#include "base/publish.h"
#include "base/text.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/progress.h"
#include "cgdeleg/grant/budget.h"

#define OUTPUT_BUFFER 65536 /* bytes that are written at once */

struct list {
	const char *columns, *sort, *tree, *interval, *format, *output, *root;
	bool json, openmetrics, watch;
	enum metric_format metrics; /* where there is a format */
	uint64_t seconds;	    /* between two tables */
	struct table table;
};

/* Beside the table, which may show no column that says it. JSON and metrics have that column. */
static void put_notes(const struct list *list, const struct host *host)
{
	const struct table *table = &list->table;
	char text[600];

	if (sharers_describe(&table->sharers, text, sizeof(text)))
		fprintf(stderr, "cgdeleg: list: note: %s; -o +uids,shared shows all\n", text);
	if (table->n_rows == 0)
		fprintf(stderr, "cgdeleg: list: note: %s\n",
			table_explain_empty(table, BUDGET_DIRECTORY, text, sizeof(text)));
	if (table_explain_missing(host, table, text, sizeof(text))[0])
		fprintf(stderr, "cgdeleg: list: note: %s\n", text);
}

static void put_metrics(void *userdata, FILE *to)
{
	const struct list *list = userdata;

	(void)list_metrics(&list->table, list->metrics, to); /* whoever publishes it asks the stream */
}

/* One look at the node. */
static int list_once(struct list *list, const struct host *host, struct err *err)
{
	const bool terminal = isatty(STDOUT_FILENO);
	struct screen screen = { 0 };
	struct winsize size;
	bool written;
	int r;

	if (!list->watch)
		progress_begin("reading the cgroups of this node");
	r = table_fill(host, &list->table, err);
	progress_end();
	if (r >= 0 && list->tree)
		tree_arrange(&list->table, !list->json);
	if (r >= 0 && list->output) {
		r = publish_file(list->output, 0, put_metrics, list, err);
	} else if (r >= 0) {
		if (list->watch && terminal)
			fputs("\033[H\033[J", stdout);
		if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
			screen = (struct screen) { .width = size.ws_col, .height = list->watch ? size.ws_row : 0 };
		written = list->json	 ? list_json(&list->table, stdout)
			  : list->format ? list_metrics(&list->table, list->metrics, stdout)
					 : list_text(&list->table, &screen, stdout);
		if (!written)
			r = err_set(err, EIO, "cannot write to standard output");
	}
	if (r >= 0 && !list->json && !list->format && !list->watch)
		put_notes(list, host);
	table_empty(&list->table);
	return r;
}

static int run(struct list *list, struct err *err)
{
	_cleanup_(found_done) struct found found = FOUND_NONE;
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	int r;

	if (!privilege_has(CAP_SYS_ADMIN))
		return err_set(err, EPERM, "only CAP_SYS_ADMIN can see which cgroups are delegated; run it as root");
	r = host_open(list->root, &real_machine, &host, err);
	if (r >= 0 && list->tree) {
		r = grant_find(&host, list->tree, &found, err);
		list->table.inside = &found;
	}
	while (r >= 0) {
		r = list_once(list, &host, err);
		if (!list->watch)
			break;
		(void)sleep((unsigned)list->seconds);
	}
	list->table.inside = NULL;
	return r;
}

static void help_columns(FILE *to)
{
	fputs("\nColumns ('*': shown without -o; '+': --tree can show it, too):\n", to);
	for (size_t i = 0; i < n_columns; i++) {
		fprintf(to, " %c%c %-16s ", (columns[i].flags & COLUMN_INITIAL) ? '*' : ' ',
			(columns[i].flags & COLUMN_ANY) ? '+' : ' ', columns[i].name);
		cli_wrap(columns[i].help, 21, cli_width(to), to);
	}
}

static const struct option_row options[] = {
	{ "-o", "COLUMNS", OPTION_TEXT, offsetof(struct list, columns),
	  "show these columns, separated by commas; with '+' in front, besides the default ones" },
	{ "--sort", "COLUMN", OPTION_TEXT, offsetof(struct list, sort),
	  "sort by this column; with '-' in front, largest first" },
	{ "--tree", "ID", OPTION_TEXT, offsetof(struct list, tree),
	  "show the cgroups of one container: its own, and those that it has made below; ID is its id, name or pod, or the beginning of one of these" },
	{ "--json", NULL, OPTION_SWITCH, offsetof(struct list, json),
	  "print JSON, with every column unless -o names some" },
	{ "--format", "prometheus|openmetrics", OPTION_TEXT, offsetof(struct list, format),
	  "print metrics; the node exporter's textfile collector reads prometheus; cgdeleg-metrics(7) describes them" },
	{ "--openmetrics", NULL, OPTION_SWITCH, offsetof(struct list, openmetrics), "the same as --format openmetrics" },
	{ "--output", "FILE", OPTION_TEXT, offsetof(struct list, output),
	  "with --format: write the metrics to FILE, which is always whole, and not to standard output" },
	{ "--watch", NULL, OPTION_SWITCH, offsetof(struct list, watch), "print again and again, until interrupted" },
	{ "--interval", "SECONDS", OPTION_TEXT, offsetof(struct list, interval),
	  "with --watch: seconds between two lists (2)" },
};

static int run_list(int argc, char **argv)
{
	struct list list = { .interval = "2", .root = "/" };
	struct err err = { 0 };
	int code, r;

	if (!cli_parse(argc, argv, &list_verb, &list, &code))
		return code;
	(void)setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
	if (list.openmetrics)
		list.format = "openmetrics";
	if (list.json + (list.format != NULL) + list.watch > 1 || (list.format && list.columns))
		return cli_usage(&list_verb,
				 "use only one of --json, --format and --watch; -o and --format cannot be combined");
	if (list.tree && list.format)
		return cli_usage(&list_verb, "--tree and --format cannot be combined");
	if (list.output && !list.format)
		return cli_usage(&list_verb, "--output needs --format");
	if (text_to_u64(list.interval, &list.seconds) < 0 || list.seconds == 0 || list.seconds > 86400)
		return cli_usage(&list_verb, "--interval must be a whole number of seconds from 1 to 86400");
	if (list.format)
		(void)metric_format_find(list.format, &list.metrics);
	r = list.tree ? tree_choose(&list.table, list.columns, list.json, &err)
		      : table_choose(&list.table, list.columns, list.json || list.format, &err);
	if (r < 0 || (list.sort && table_sort_by(&list.table, list.sort, &err) < 0))
		return cli_usage(&list_verb, "%s", err.text);
	if (run(&list, &err) < 0) {
		fprintf(stderr, "cgdeleg: %s\n", err.text);
		return EXIT_FAULT;
	}
	return EXIT_OK;
}

const struct verb list_verb = {
	.name = "list",
	.run = run_list,
	.summary = "list every delegated cgroup of this node, its usage and its ceilings",
	.about = "Lists every delegated cgroup of this node: whose it is, how much of its limits it uses, and which limits are above their ceilings. Needs root. Changes nothing.",
	.options = options,
	.n_options = ELEMENTS(options),
	.more_help = help_columns,
};
