/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg check - validates the policy, reports on it, and prints what it says about one container.
 *
 * The same code as the hook's, with nothing done: run_plan() stops where the hook would begin to act. What it finds is
 * check-findings.c.
 * Works as an ordinary user where the files allow it. See cli.h.
 */
#include "cgdeleg/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/cli/bundle.h"
#include "cgdeleg/cli/check-findings.h"
#include "cgdeleg/cli/check-print.h"
#include "policy/nearest.h"

struct check {
	const char *policy, *bundle, *state, *handler, *root, *explain;
	struct report_options report;
	bool json, sarif, settings, no_node;
};

/* A hook whose handler the policy does not know leaves every container alone, and leaves no audit record of it. */
static void note_handler(const struct check *check, const struct ruleset *rules)
{
	struct nearest nearest = nearest_to(check->handler);
	const struct section *handlers = rules->sections[SECTION_HANDLER];
	char shown[256], hint[96];

	if (ruleset_find(rules, SECTION_HANDLER, check->handler))
		return;
	for (const struct section *s = handlers; s; s = s->next)
		nearest_try(&nearest, s->name);
	fprintf(stderr, "cgdeleg: there is no [handler %s] in the policy%s",
		text_escape(check->handler, shown, sizeof(shown)), nearest_hint(&nearest, hint, sizeof(hint)));
	for (const struct section *s = handlers; s; s = s->next)
		fprintf(stderr, "%s %s", s == handlers ? "; its handlers:" : ",", s->name);
	fputs("\n", stderr);
}

static void print_settings(const struct ruleset *rules)
{
	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (const struct section *s = rules->sections[kind]; s; s = s->next) {
			printf("[%s%s%s]\n", section_kind_name((enum section_kind)kind), s->name[0] ? " " : "", s->name);
			for (const struct setting *p = s->settings; p; p = p->next)
				printf("  %s = %s  (%s:%u)\n", p->name, p->value, p->origin.file, p->origin.line);
		}
}

static int exit_code(enum verdict verdict)
{
	return verdict == VERDICT_REFUSE ? EXIT_REFUSED : verdict == VERDICT_UNKNOWN ? EXIT_UNKNOWN : EXIT_OK;
}

static int check_bundle(const struct check *check, struct trail *trail)
{
	const struct bundle bundle = {
		.path = check->bundle, .state = check->state, .handler = check->handler, .root = check->root
	};
	char note[BUNDLE_NOTE_SIZE];
	int r = bundle_plan(&bundle, trail);

	if (r >= 0)
		r = bundle_check_hooks(&bundle, trail, note);
	if (r < 0) {
		fprintf(stderr, "cgdeleg: %s\n", trail->err.text);
		return EXIT_FAULT;
	}
	if (note[0])
		fprintf(stderr, "cgdeleg: %s\n", note);
	if (!(check->json ? check_print_json(trail) : check_print_text(trail))) {
		fputs("cgdeleg: cannot write the answer to standard output\n", stderr);
		return EXIT_FAULT;
	}
	return exit_code(trail->decision.verdict);
}

/* What of the policy, this node and its grants is to be known, in the form that was asked for. */
static bool print_report(const struct check *check, const struct ruleset *rules, const struct report *report)
{
	struct paper paper = paper_of(stdout);

	if (check->sarif)
		return report_sarif(report, stdout);
	if (check->json)
		return check_findings_json(check->policy, rules, report);
	if (!ruleset_is_broken(rules))
		check_findings_summary(rules);
	return report_print(report, &paper) && fflush(stdout) == 0;
}

static int check_policy(const struct check *check, struct report *report, struct trail *trail)
{
	const struct ruleset *rules = &trail->rules;
	/* With --bundle the decision is the answer, and findings count only where that was asked for. */
	const bool findings_count = !check->bundle || check->report.fail_on || check->report.strict;
	int code;

	if (ruleset_load(check->policy, geteuid(), &trail->rules, &trail->err) < 0) {
		fprintf(stderr, "cgdeleg: %s\n", trail->err.text);
		return EXIT_FAULT;
	}
	check_findings(check->no_node ? NULL : check->root, rules, report);
	if (check->bundle && !ruleset_is_broken(rules))
		note_handler(check, rules);
	/* A program that asks about a container waits for that one document. */
	if ((!check->bundle || !check->json || ruleset_is_broken(rules)) && !print_report(check, rules, report)) {
		fputs("cgdeleg: cannot write the answer to standard output\n", stderr);
		return EXIT_FAULT;
	}
	if (ruleset_is_broken(rules))
		return EXIT_FAULT;
	if (check->settings)
		print_settings(rules);
	code = check->bundle ? check_bundle(check, trail) : EXIT_OK;
	return code == EXIT_OK && findings_count && report_fails(report) ? EXIT_FAULT : code;
}

/* Options that do not go together, as a sentence; NULL: they do. */
static const char *what_contradicts(const struct check *check)
{
	if (!!check->bundle != !!check->handler)
		return "give --bundle and --handler together";
	if (check->state && !check->bundle)
		return "--state needs --bundle and --handler";
	if ((check->json || check->sarif) && check->settings)
		return "--settings is for people, and cannot be combined with --json or --sarif";
	if (check->sarif && (check->json || check->bundle))
		return "--sarif cannot be combined with --json or --bundle";
	return NULL;
}

static const struct option_row options[] = {
	{ "--policy", "DIR", OPTION_TEXT, offsetof(struct check, policy), "the policy's directory (" POLICY_DIRECTORY ")" },
	{ "--settings", NULL, OPTION_SWITCH, offsetof(struct check, settings),
	  "print every setting in the policy's files, with its file and line" },
	{ "--json", NULL, OPTION_SWITCH, offsetof(struct check, json), "print JSON" },
	{ "--sarif", NULL, OPTION_SWITCH, offsetof(struct check, sarif),
	  "print the findings in the format SARIF 2.1.0, for code review" },
	{ "--no-node", NULL, OPTION_SWITCH, offsetof(struct check, no_node),
	  "do not compare the policy with this node: it is for other nodes" },
	REPORT_OPTION_ROWS(offsetof(struct check, report)),
	{ "--explain", "ID", OPTION_TEXT, offsetof(struct check, explain),
	  "print the page of one finding, such as CGD101; all: of every finding" },
	{ "--bundle", "DIR", OPTION_TEXT, offsetof(struct check, bundle),
	  "with --handler: print what the policy decides about the container of this OCI bundle" },
	{ "--state", "FILE", OPTION_TEXT, offsetof(struct check, state),
	  "with --bundle: the OCI state of the container ('-': standard input); without it check reads only config.json" },
	{ "--handler", "HANDLER", OPTION_TEXT, offsetof(struct check, handler),
	  "with --bundle: the handler that would run the container" },
};

static int run_check(int argc, char **argv)
{
	struct check check = { .policy = POLICY_DIRECTORY, .root = "/" };
	struct report report;
	struct err err = { 0 };
	const char *contradiction;
	struct trail *trail;
	int code;

	if (!cli_parse(argc, argv, &check_verb, &check, &code))
		return code;
	contradiction = what_contradicts(&check);
	if (contradiction)
		return cli_usage(&check_verb, "%s", contradiction);
	if (report_begin(&report, &check.report, check_findings_id, &err) < 0 ||
	    (check.explain && !check_findings_explain(check.explain, &err)))
		return cli_usage(&check_verb, "%s", err.text);
	trail = check.explain ? NULL : trail_new();
	code = check.explain ? EXIT_OK : trail ? check_policy(&check, &report, trail) : EXIT_FAULT;
	if (!check.explain && !trail)
		fputs("cgdeleg: out of memory\n", stderr);
	trail_free(trail);
	report_done(&report);
	return code;
}

const struct verb check_verb = {
	.name = "check",
	.run = run_check,
	.summary = "validate the policy, and compare it with this node",
	.about = "Validates the policy, compares it with this node and its engines, and prints what it finds: faults, risks and notes, one a line, each with its remedy and an id. With --bundle, also prints the facts of a container, the decision with its reasons, and the plan that the hook would carry out. Changes nothing.",
	.options = options,
	.n_options = ELEMENTS(options),
};
