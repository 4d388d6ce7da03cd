/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg why - why a container or pod was refused, or has what it has: the audit record, and the kernel. See why.h.
 *
 * Changes nothing. Everybody may run it: what he may not see is said to be unknown.
 */
#include "cgdeleg/cli/why.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/progress.h"
#include "cgdeleg/grant/audit.h"
#include "cgdeleg/grant/run.h"

#define MIB UINT64_C(1048576)

struct why_args {
	const char *word, *audit, *policy, *most;
	bool json, all;
};

/* Nobody knows why there is nothing; these are the usual reasons. */
static void say_nothing(const struct why_args *args, struct why *why, const struct history_question *question)
{
	struct nearest nearest = nearest_to(args->word);
	char shown[256], hint[160];

	if (!why->unread.text[0] && strcmp(args->audit, "-") != 0)
		history_nearest(question, &why->history, &nearest);
	fprintf(stderr,
		"cgdeleg: why: no audit record that was read, and no delegated cgroup, has the id, pod or container name '%s'%s\n",
		text_escape(args->word, shown, sizeof(shown)), nearest_hint(&nearest, hint, sizeof(hint)));
	fputs("There are three reasons why a container has no record: it did not ask; the hook did not run for it (see cgdeleg doctor); or the hook was stopped before it could write (see journalctl -t cgdeleg-hook).\n",
	      stderr);
}

static int answer(const struct why_args *args, struct why *why, const struct history_question *question)
{
	const bool found = why_choose(why);
	const bool all_seen = !why->unread.text[0] && !why->unseen.text[0] && history_is_whole(&why->history);

	if (args->json) {
		if (!why_json(why, stdout))
			return EXIT_FAULT;
	} else {
		why_text(why, args->all, cli_width(stdout), stdout);
	}
	if (!found)
		say_nothing(args, why, question);
	if (fflush(stdout) != 0)
		return EXIT_FAULT;
	return found ? EXIT_OK : all_seen ? EXIT_FAULT : EXIT_UNKNOWN;
}

static const struct option_row options[] = {
	{ "NAME", NULL, OPERAND, offsetof(struct why_args, word),
	  "a container's id or its beginning, the name of a pod or container, NAMESPACE/POD, NAMESPACE/POD/CONTAINER, or the cgroup's path" },
	{ "--audit", "DIR", OPTION_TEXT, offsetof(struct why_args, audit),
	  "directory of the audit record (" AUDIT_DIRECTORY "); '-': read a record from standard input" },
	{ "--policy", "DIR", OPTION_TEXT, offsetof(struct why_args, policy),
	  "the policy's directory (" POLICY_DIRECTORY ")" },
	{ "--most", "MIB", OPTION_TEXT, offsetof(struct why_args, most),
	  "read at most this many MiB of the record, from its end; 0: all of it (64)" },
	{ "--all", NULL, OPTION_SWITCH, offsetof(struct why_args, all), "also show older runs, and all that watch did" },
	{ "--json", NULL, OPTION_SWITCH, offsetof(struct why_args, json), "print JSON" },
};

static int run_why(int argc, char **argv)
{
	struct why_args args = { .audit = AUDIT_DIRECTORY, .policy = POLICY_DIRECTORY, .most = "64" };
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	struct history_question question = { .owner = geteuid(), .now_us = clock_realtime_us() };
	static struct why why;
	int code;

	if (!cli_parse(argc, argv, &why_verb, &args, &code))
		return code;
	if (!args.word || !args.word[0])
		return cli_usage(&why_verb, "which container? Name its id, its pod or its name");
	if (text_to_u64(args.most, &question.most) < 0 || question.most > INT64_MAX / MIB)
		return cli_usage(&why_verb, "--most must be a whole number of MiB, or 0 for all");
	question.most = question.most ? question.most * MIB : INT64_MAX;
	question.directory = args.audit;
	question.word = args.word;
	why = (struct why) { .word = args.word, .policy = args.policy, .now_us = question.now_us };
	progress_begin("reading the audit records");
	(void)history_read(&question, &why.history, &why.unread);
	/* A broken policy says nothing for sure. */
	why.rules_known = ruleset_load(why.policy, geteuid(), &why.rules, NULL) >= 0 && !ruleset_is_broken(&why.rules);
	if (host_open("/", &real_machine, &host, &why.unseen) >= 0)
		why_look(&why, &host);
	progress_end();
	code = answer(&args, &why, &question);
	why_done(&why);
	return code;
}

const struct verb why_verb = {
	.name = "why",
	.run = run_why,
	.summary = "say why a container was refused, or where its limits come from",
	.about = "Says what the hook decided about a container or a pod: when, why, by which line of the policy, how often, and what to do. For a container with a grant it also says where each ceiling came from, what cgdeleg watch did, and which processes were killed because memory ran out. Reads the audit record and the kernel. Changes nothing. Root sees everything; what others may not see is shown as unknown.",
	.options = options,
	.n_options = ELEMENTS(options),
};
