/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg doctor - what this node lacks, one named check after the other.
 *
 * Runs as any user; what that user cannot see is said to be unknown. See cli.h, cgdeleg/node/doctor.h.
 */
#include "cgdeleg/cli/doctor-print.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/privilege.h"
#include "base/text.h"
#include "bpf/canary.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/progress.h"
#include "cgdeleg/grant/run.h"
#include "policy/nearest.h"

struct doctor_cli {
	const char *policy, *audit, *run, *fail_on;
	struct option_list ignore; /* ids, and patterns of ids */
	bool json, npd, strict;
	enum doctor_result bar; /* this and worse is a finding */
};

static bool is_ignored(const struct option_list *ignore, const char *id)
{
	for (size_t i = 0; i < ignore->n; i++)
		if (text_glob(ignore->all[i], id))
			return true;
	return false;
}

/* What --ignore names and no check has is a mistake: what was meant would go on being reported. NULL: there is none. */
static const char *find_strange(const struct option_list *ignore, struct nearest *nearest)
{
	for (size_t i = 0; i < ignore->n; i++) {
		const struct doctor_check *check;
		bool found = false;

		*nearest = nearest_to(ignore->all[i]);
		for (size_t k = 0; (check = doctor_next(&k));) {
			nearest_try(nearest, check->id);
			found = found || text_glob(ignore->all[i], check->id);
		}
		if (!found)
			return ignore->all[i];
	}
	return NULL;
}

static enum doctor_result find_bar(const struct doctor_cli *cli)
{
	enum doctor_result bar = DOCTOR_NOTE;

	while (!cli->strict && strcmp(cli->fail_on, doctor_result_name(bar)) != 0)
		bar++;
	return bar;
}

static int examine(const struct doctor_cli *cli, struct err *err)
{
	struct doctor_args args = {
		.root = "/",
		.machine = &real_machine,
		.privileged = privilege_has(CAP_SYS_ADMIN),
		.policy = cli->policy,
		.audit = cli->audit,
		.run = cli->run,
		.tries = doctor_tries,
	};
	_cleanup_(doctor_done) struct doctor doctor = { .root_fd = -EBADF, .host = HOST_CLOSED };
	const struct doctor_check *check;
	int r;

	args.tries.canary = canary_check;
	progress_begin("looking at this node");
	r = doctor_open(&args, &doctor, err);
	for (size_t i = 0; r >= 0 && (check = doctor_next(&i));)
		if (!is_ignored(&cli->ignore, check->id))
			doctor_run(&doctor, check);
	progress_end();
	if (r < 0)
		return r;
	if (doctor.lost)
		return err_set(err, ENOMEM, "out of memory");
	if (cli->npd)
		return doctor_print_npd(&doctor, cli->bar, stdout);
	if (!(cli->json ? doctor_print_json(&doctor, stdout) : doctor_print_text(&doctor, stdout)))
		return err_set(err, EIO, "cannot write to standard output");
	return doctor_worst(&doctor) >= cli->bar ? EXIT_FAULT : EXIT_OK;
}

static void help_checks(FILE *to)
{
	const struct doctor_check *check;

	fputs("\nChecks:\n", to);
	for (size_t i = 0; (check = doctor_next(&i));) {
		fprintf(to, "  %-20s ", check->id);
		cli_wrap(check->why, 23, cli_width(to), to);
	}
}

static const struct option_row options[] = {
	{ "--json", NULL, OPTION_SWITCH, offsetof(struct doctor_cli, json), "print JSON" },
	{ "--npd", NULL, OPTION_SWITCH, offsetof(struct doctor_cli, npd),
	  "print one line, and exit as a plugin of the node problem detector does: 0, 1 or 2" },
	{ "--ignore", "ID", OPTION_LIST, offsetof(struct doctor_cli, ignore),
	  "leave this check out; a pattern such as 'engine.*' leaves out several; may be repeated" },
	{ "--fail-on", "note|warn|fail", OPTION_TEXT, offsetof(struct doctor_cli, fail_on),
	  "exit 1 if a check has this result or a worse one (fail)" },
	{ "--strict", NULL, OPTION_SWITCH, offsetof(struct doctor_cli, strict), "the same as --fail-on note" },
	{ "--policy", "DIR", OPTION_TEXT, offsetof(struct doctor_cli, policy),
	  "the policy's directory (" POLICY_DIRECTORY ")" },
	{ "--audit", "DIR", OPTION_TEXT, offsetof(struct doctor_cli, audit),
	  "the directory of the audit record (" AUDIT_DIRECTORY ")" },
	{ "--run", "DIR", OPTION_TEXT, offsetof(struct doctor_cli, run),
	  "the directory of the table of grants (" BUDGET_DIRECTORY ")" },
};

static int run_doctor(int argc, char **argv)
{
	struct doctor_cli cli = {
		.policy = POLICY_DIRECTORY, .audit = AUDIT_DIRECTORY, .run = BUDGET_DIRECTORY, .fail_on = "fail"
	};
	char hint[100], shown[256];
	struct err err = { 0 };
	struct nearest nearest;
	const char *strange;
	int r;

	if (!cli_parse(argc, argv, &doctor_verb, &cli, &r))
		return r;
	if (cli.json && cli.npd)
		return cli_usage(&doctor_verb, "--json and --npd cannot be combined");
	strange = find_strange(&cli.ignore, &nearest);
	if (strange)
		return cli_usage(&doctor_verb, "there is no check '%s'%s", text_escape(strange, shown, sizeof(shown)),
				 nearest_hint(&nearest, hint, sizeof(hint)));
	cli.bar = find_bar(&cli);
	r = examine(&cli, &err);
	if (r < 0)
		fprintf(stderr, "cgdeleg: doctor: %s\n", err.text);
	return r < 0 ? EXIT_FAULT : r;
}

const struct verb doctor_verb = {
	.name = "doctor",
	.run = run_doctor,
	.summary = "check whether this node has what cgdeleg needs",
	.about = "Checks whether this node has what cgdeleg needs, and says how to mend what is amiss. What the caller cannot see is unknown; root sees everything. As root it also makes cgroups to try things, and removes them; nothing else is changed.",
	.options = options,
	.n_options = ELEMENTS(options),
	.more_help = help_checks,
};
