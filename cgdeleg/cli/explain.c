/* SPDX-License-Identifier: Apache-2.0 */
/* cgdeleg explain - what the policy says about a container that need not exist, and why. See explain.h, cli.h. */
#include "cgdeleg/cli/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cgdeleg/cli/bundle.h"
#include "cgdeleg/cli/expect.h"
#include "cgdeleg/cli/running.h"

struct explain {
	const char *policy, *pod, *bundle, *container, *runtime_root, *corpus, *against;
	struct given given;
	bool json;
};

/* What is explained, one container after the other. */
struct session {
	const struct explain *explain;
	struct asker asker;
	struct ruleset rules;
	yyjson_mut_doc *doc; /* NULL: text */
	yyjson_mut_val *answers;
	size_t n;
	bool refused, unknown;
};

static void show(struct session *s, struct answer *answer)
{
	const enum verdict verdict = answer->trail->decision.verdict;

	explain_changes(&s->asker, answer);
	if (s->n++ > 0 && !s->doc)
		fputs("\n", stdout);
	if (s->doc)
		explain_add(&s->asker, answer, s->doc, s->answers);
	else
		explain_print(&s->asker, answer, stdout);
	s->refused |= verdict == VERDICT_REFUSE;
	s->unknown |= verdict == VERDICT_UNKNOWN;
}

static int answer(struct question *question, void *userdata, struct err *err)
{
	struct session *s = userdata;
	struct answer answer;
	const int r = explain_ask(&s->asker, question, &answer, err);

	if (r >= 0)
		show(s, &answer);
	answer_done(&answer);
	return r;
}

/* The hook's own --handler in config.json, where the command line has none. */
static int find_handler(struct bundle *bundle, char *told, size_t size, struct err *err)
{
	_cleanup_(oci_done) struct oci oci = OCI_EMPTY;
	int r;

	if (bundle->handler)
		return 0;
	r = oci_read_config(bundle->path, geteuid(), &oci, err);
	if (r < 0)
		return r;
	if (!expect_handler(&oci, told, size))
		return err_set(err, ENOENT,
			       "config.json does not have the hook, whose --handler would say the handler; use --handler");
	bundle->handler = told;
	return 0;
}

/* On this machine, by what `check --bundle` does. */
static int explain_bundle(struct session *s, struct bundle bundle, struct question *question, struct err *err)
{
	struct answer answer = { .question = question, .trail = trail_new(), .of_node = true };
	char told[256], note[BUNDLE_NOTE_SIZE];
	struct ruleset none = { 0 };
	int r;

	if (!answer.trail)
		return err_set(err, ENOMEM, "out of memory");
	r = find_handler(&bundle, told, sizeof(told), err);
	if (r >= 0) {
		/* The rules are the session's: the trail only borrows them. */
		answer.trail->rules = s->rules;
		r = bundle_plan(&bundle, answer.trail);
		if (r >= 0)
			r = bundle_check_hooks(&bundle, answer.trail, note);
		answer.trail->rules = none;
		if (r < 0)
			*err = answer.trail->err;
	}
	if (r >= 0 && note[0])
		fprintf(stderr, "cgdeleg: %s\n", note);
	answer.assumed.controllers = ASSUME_CONTROLLERS;
	if (r >= 0)
		show(s, &answer);
	answer_done(&answer);
	return r;
}

static int explain_container(struct session *s, const char *id, struct err *err)
{
	struct running running;
	struct bundle bundle = {
		.path = running.bundle, .handler = s->explain->given.handler, .root = "/", .look = running_look
	};
	struct question question = { .input = running.id };
	int r = running_find("/", s->explain->runtime_root, id, &running, err);

	if (r < 0)
		return r;
	bundle.pid = running.pid;
	notes_add(&question.notes, &s->asker.arena,
		  "this is what the policy says now of a container with this config.json; the container is as the hook left it");
	return explain_bundle(s, bundle, &question, err);
}

static int explain_one(struct session *s, struct err *err)
{
	const struct explain *explain = s->explain;
	const struct bundle bundle = { .path = explain->bundle, .handler = explain->given.handler, .root = "/" };
	struct question question = { .input = explain->bundle };
	int r;

	notes_add(&question.notes, &s->asker.arena,
		  "only config.json and this machine are known: not the container's cgroup, nor what the engine still changes");
	if (explain->bundle)
		return explain_bundle(s, bundle, &question, err);
	if (explain->container)
		return explain_container(s, explain->container, err);
	r = controllers_find(&explain->given, &s->asker, err);
	if (r < 0)
		return r;
	if (explain->pod)
		return questions_read(&s->asker, explain->pod, answer, s, err);
	r = explain_described(&s->asker, &question, err);
	return r < 0 ? r : answer(&question, s, err);
}

/* Text was printed as it came. */
static bool print_end(struct session *s)
{
	_cleanup_free_ char *text = NULL;

	if (s->doc) {
		text = yyjson_mut_write(s->doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, NULL);
		if (!text || fputs(text, stdout) < 0)
			return false;
	}
	return fflush(stdout) == 0;
}

static int run_one(struct session *s)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = NULL;
	struct err err = { 0 };
	int r;

	if (s->explain->json) {
		yyjson_mut_val *root;

		s->doc = doc = yyjson_mut_doc_new(NULL);
		root = yyjson_mut_obj(doc);
		yyjson_mut_doc_set_root(doc, root);
		(void)yyjson_mut_obj_add_uint(doc, root, "version", 1);
		s->answers = yyjson_mut_obj_add_arr(doc, root, "containers");
	}
	r = explain_one(s, &err);
	if (r < 0) {
		(void)fflush(stdout);
		fprintf(stderr, "cgdeleg: %s\n", err.text);
		return EXIT_FAULT;
	}
	if (print_end(s))
		return s->refused ? EXIT_REFUSED : s->unknown ? EXIT_UNKNOWN : EXIT_OK;
	fputs("cgdeleg: cannot write the answer to standard output\n", stderr);
	return EXIT_FAULT;
}

static int run_session(struct session *s)
{
	const struct explain *explain = s->explain;
	struct err err = { 0 };
	char place[512];

	if (ruleset_load(explain->policy, geteuid(), &s->rules, &err) < 0) {
		fprintf(stderr, "cgdeleg: %s\n", err.text);
		return EXIT_FAULT;
	}
	/* A policy with faults is explained too: the hook has an answer to it. */
	for (const struct complaint *c = s->rules.complaints; c; c = c->next)
		if (c->column > 0)
			fprintf(stderr, "%s:%u: fault: %s\n", origin_format(&c->origin, place, sizeof(place)),
				c->column, c->text);
		else
			fprintf(stderr, "%s: fault: %s\n", origin_format(&c->origin, place, sizeof(place)), c->text);
	s->asker.rules = &s->rules;
	s->asker.given = &explain->given;
	if (!explain->corpus)
		return run_one(s);
	if (controllers_find(&explain->given, &s->asker, &err) < 0) {
		fprintf(stderr, "cgdeleg: %s\n", err.text);
		return EXIT_FAULT;
	}
	return explain_corpus(&s->asker, explain->corpus, explain->against, explain->json);
}

static const struct option_row options[] = {
	{ "--policy", "DIR", OPTION_TEXT, offsetof(struct explain, policy),
	  "the policy's directory (" POLICY_DIRECTORY ")" },
	{ "--handler", "HANDLER", OPTION_TEXT, offsetof(struct explain, given.handler),
	  "the handler that would run the container" },
	{ "--fact", "NAME=VALUE", OPTION_LIST, offsetof(struct explain, given.facts),
	  "something that is true of the container or the node; the names are below; may be repeated" },
	{ "--annotation", "KEY=VALUE", OPTION_LIST, offsetof(struct explain, given.annotations),
	  "an annotation of the container; may be repeated" },
	{ "--assume-controllers", "LIST", OPTION_TEXT, offsetof(struct explain, given.controllers),
	  "the controllers of the container's cgroup: all, node (this machine's), or their names" },
	{ "--pod", "FILE", OPTION_TEXT, offsetof(struct explain, pod),
	  "explain each container of the pods in this YAML or JSON file ('-': standard input)" },
	{ "--bundle", "DIR", OPTION_TEXT, offsetof(struct explain, bundle),
	  "explain the container of this OCI bundle, on this machine" },
	{ "--container", "ID", OPTION_TEXT, offsetof(struct explain, container),
	  "explain this container of this node; the beginning of its id is enough; needs root" },
	{ "--runtime-root", "DIR", OPTION_TEXT, offsetof(struct explain, runtime_root),
	  "with --container: the runtime's --root, if it is not one that engines use" },
	{ "--corpus", "DIR", OPTION_TEXT, offsetof(struct explain, corpus),
	  "print one line for each container of the files *.yaml, *.yml and *.json below this directory" },
	{ "--against", "DIR", OPTION_TEXT, offsetof(struct explain, against),
	  "with --corpus: print only what the policy decides differently from this other one, usually the one before" },
	{ "--json", NULL, OPTION_SWITCH, offsetof(struct explain, json), "print JSON" },
};

static int check_usage(const struct explain *e)
{
	const int forms = !!e->pod + !!e->bundle + !!e->container + !!e->corpus;
	struct err err = { 0 };

	if (forms > 1)
		return cli_usage(&explain_verb, "use only one of --pod, --bundle, --container and --corpus");
	if (forms == 0 && !e->given.handler)
		return cli_usage(&explain_verb,
				 "name what to explain: --handler, --pod, --bundle, --container or --corpus");
	if ((e->against && !e->corpus) || (e->runtime_root && !e->container))
		return cli_usage(&explain_verb, "--against needs --corpus, and --runtime-root needs --container");
	if ((e->bundle || e->container) && (e->given.facts.n > 0 || e->given.annotations.n > 0 || e->given.controllers))
		return cli_usage(
			&explain_verb,
			"--fact, --annotation and --assume-controllers cannot be combined with --bundle or --container, which read the real container");
	if (facts_check(&e->given, &err) < 0 || controllers_check(&e->given, &err) < 0)
		return cli_usage(&explain_verb, "%s", err.text);
	return EXIT_OK;
}

static int run_explain(int argc, char **argv)
{
	struct explain explain = { .policy = POLICY_DIRECTORY };
	struct session session = { .explain = &explain };
	int code;

	if (!cli_parse(argc, argv, &explain_verb, &explain, &code))
		return code;
	code = check_usage(&explain);
	if (code != EXIT_OK)
		return code;
	code = run_session(&session);
	ruleset_done(&session.rules);
	arena_done(&session.asker.arena);
	arena_done(&session.asker.lasting);
	return code;
}

const struct verb explain_verb = {
	.name = "explain",
	.run = run_explain,
	.summary = "say what the policy decides about any container, and why",
	.about = "Says what the policy decides about a container that need not exist: the facts, every rule and why it matches or not, the decision, the plan, and what would have to change for a grant. Changes nothing, needs no node and no rights; only --container needs root.",
	.options = options,
	.n_options = ELEMENTS(options),
	.more_help = facts_help,
};
