/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Report - findings as text, JSON or SARIF, and which of them count. For check, doctor and verify.
 *
 *     struct report report;
 *     if (report_begin(&report, &options, find_id, &err) < 0) ...           EXIT_USAGE
 *     findings_each(rules, report_add, &report);                           report_add() is a finding_fn
 *     report_print(&report, &paper);                                        or report_json()
 *     report_fails(&report) ? EXIT_FAULT : EXIT_OK
 *     report_done(&report);
 *
 * Parts: report.c, report-json.c.
 */
#pragma once

#include <yyjson.h>

#include "base/arena.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/paper.h"
#include "policy/finding.h"

/* What the command line says. Zeroed: nothing. */
struct report_options {
	const char *fail_on;	   /* --fail-on: a severity's word; NULL: fault */
	bool strict;		   /* --strict: as --fail-on note */
	struct option_list ignore; /* --ignore: ids, each word with one or more of them and commas or blanks between */
};

/* Their rows in the table of a verb that fills a struct with such a member at that offset. */
#define REPORT_OPTION_ROWS(at)                                                                          \
	{ "--fail-on", "note|risk|fault", OPTION_TEXT, (at) + offsetof(struct report_options, fail_on), \
	  "end with status 1 if there is a finding of this severity or a higher one (fault)" },         \
		{ "--strict", NULL, OPTION_SWITCH, (at) + offsetof(struct report_options, strict),      \
		  "the same as --fail-on note" },                                                       \
	{                                                                                               \
		"--ignore", "ID,...", OPTION_LIST, (at) + offsetof(struct report_options, ignore),      \
			"leave these findings out; not CGD001 to CGD099"                                \
	}

/* May a finding with that id be left out? -EINVAL with a sentence: there is no such id, or it cannot be ignored. */
typedef int (*report_id_fn)(const char *id, struct err *err);

/* A finding that is kept: what it points to is the arena's. */
struct report_item {
	struct finding finding;
	struct report_item *next;
};

struct report {
	struct report_item *items; /* in the order in which they came */
	size_t counts[FINDING_SEVERITY_MAX], n_ignored;
	/* For report.c alone. */
	struct arena arena;
	struct report_item *last;
	const struct option_list *ignore;
	enum finding_severity fail_on;
	bool failed; /* memory ran out */
};

/* -EINVAL with a sentence on a wrong option. `options` must live as long as the report. */
int report_begin(struct report *report, const struct report_options *options, report_id_fn find_id, struct err *err);

/* Copies the finding, or counts it as ignored. `userdata` is a struct report. */
void report_add(const struct finding *finding, void *userdata);
void report_done(struct report *report);

/* Is there a finding from the severity of --fail-on on? */
bool report_fails(const struct report *report);

/* One finding: "policy.ini:3:18: fault: ...; do this [CGD019]". */
void report_line(struct paper *paper, const struct finding *finding);

/* All findings, one a line, and how many they are. False: memory ran out. */
bool report_print(const struct report *report, struct paper *paper);

/* "findings": an array of objects, and "ignored": how many were left out. False: memory ran out. */
bool report_add_json(const struct report *report, yyjson_mut_doc *doc, yyjson_mut_val *to);

/* A whole log in the format of SARIF 2.1.0, for code review tools. False: memory ran out, or `to` cannot be written. */
bool report_sarif(const struct report *report, FILE *to);
