/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg check - validates the policy, and prints what it says about one container.
 *
 * The same code as the hook's, with nothing done: run_plan() stops where the hook would begin to act.
 * Works as an ordinary user where the files allow it. See cli.h.
 */
#include "cgdeleg/cli/cli.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/privilege.h"
#include "base/text.h"
#include "cgdeleg/cli/bundle.h"
#include "cgdeleg/cli/check-print.h"
#include "cgdeleg/node/sharers.h"
#include "policy/finding.h"
#include "policy/nearest.h"

struct check {
	const char *policy, *bundle, *state, *handler, *root;
	bool json, settings;
};

static void print_origin(FILE *to, const struct origin *origin, unsigned column)
{
	fputs(origin->file ? origin->file : "built in", to);
	if (origin->line)
		fprintf(to, ":%u", origin->line);
	if (column)
		fprintf(to, ":%u", column);
	fputs(": ", to);
}

static void print_finding(const struct finding *finding, void *userdata)
{
	(void)userdata;
	printf("%s: ", finding_severity_name(finding->severity));
	if (finding->place.file)
		print_origin(stdout, &finding->place, 0);
	else
		fputs("this node: ", stdout);
	printf("%s%s%s\n", finding->text, finding->remedy ? "; " : "", finding->remedy ? finding->remedy : "");
}

static int add_sharer(struct grant *grant, int fd, void *userdata, struct err *err)
{
	(void)fd;
	return sharers_add(userdata, grant, err);
}

/* What of the grants that this node has now an administrator should know, whatever the policy says. Only root sees
 * which cgroups are delegated; others are told nothing of it. */
static void report_grants(const struct check *check)
{
	_cleanup_(sharers_done) struct sharers sharers = { 0 };
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	struct finding finding = { .id = FINDING_IDS_SHARED,
				   .severity = FINDING_RISK,
				   .remedy = "set shared_ids = refuse to keep the next one out" };
	char text[512];

	if (!privilege_has(CAP_SYS_ADMIN) || host_open(check->root, &real_machine, &host, NULL) < 0 ||
	    grants_walk(&host, add_sharer, &sharers, NULL, NULL) < 0)
		return;
	sharers_compare(&sharers);
	finding.text = text;
	if (sharers_describe(&sharers, text, sizeof(text)))
		print_finding(&finding, NULL);
}

/* What the policy wants of this host. Where the host cannot be read, that is a finding too. */
static void compare_host(const struct check *check, const struct ruleset *rules)
{
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	_cleanup_free_ struct cgroup_mount *mount = malloc(sizeof(*mount));
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	struct host_mount seen = { 0 };
	char features[256];

	if (mount && host_open(check->root, &real_machine, &host, NULL) >= 0)
		fd = openat(host.proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && file_slurp(fd, MOUNTINFO_MAX, &text, NULL) >= 0 && mount_find_host(text, mount, NULL) >= 0) {
		seen = mount_host(mount);
		seen.known = host_features(&host, features, sizeof(features));
	}
	findings_host(rules, &seen, print_finding, NULL);
}

/* What a valid policy holds, then its risks and what in it does nothing. */
static void report_policy(const struct check *check, const struct ruleset *rules)
{
	static const char *const plural[] = { "s", "" };
	size_t counts[SECTION_KIND_MAX] = { 0 };

	for (int kind = 0; kind < SECTION_KIND_MAX; kind++)
		for (const struct section *s = rules->sections[kind]; s; s = s->next)
			counts[kind]++;
	printf("policy: valid, %zu file%s, %zu handler%s, %zu profile%s, %zu rule%s\n", rules->n_files,
	       plural[rules->n_files == 1], counts[SECTION_HANDLER], plural[counts[SECTION_HANDLER] == 1],
	       counts[SECTION_PROFILE], plural[counts[SECTION_PROFILE] == 1], counts[SECTION_RULE],
	       plural[counts[SECTION_RULE] == 1]);
	findings_each(rules, print_finding, NULL);
	compare_host(check, rules);
}

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
	const struct bundle bundle = { check->bundle, check->state, check->handler, check->root };
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

static int check_policy(const struct check *check, struct trail *trail)
{
	if (ruleset_load(check->policy, geteuid(), &trail->rules, &trail->err) < 0) {
		fprintf(stderr, "cgdeleg: %s\n", trail->err.text);
		return EXIT_FAULT;
	}
	/* On standard output, where they are the answer; with --json a program waits for something else there. */
	for (const struct complaint *c = trail->rules.complaints; c; c = c->next) {
		print_origin(check->json ? stderr : stdout, &c->origin, c->column);
		fprintf(check->json ? stderr : stdout, "%s\n", c->text);
	}
	if (ruleset_is_broken(&trail->rules))
		return EXIT_FAULT;
	if (check->bundle)
		note_handler(check, &trail->rules);
	if (check->json)
		return check_bundle(check, trail);
	report_policy(check, &trail->rules);
	report_grants(check);
	if (check->settings)
		print_settings(&trail->rules);
	return check->bundle ? check_bundle(check, trail) : EXIT_OK;
}

static const struct option_row options[] = {
	{ "--policy", "DIR", OPTION_TEXT, offsetof(struct check, policy), "the policy's directory (" POLICY_DIRECTORY ")" },
	{ "--settings", NULL, OPTION_SWITCH, offsetof(struct check, settings),
	  "print every setting of the files and its line" },
	{ "--bundle", "DIR", OPTION_TEXT, offsetof(struct check, bundle),
	  "print what the policy says about the container of this OCI bundle" },
	{ "--state", "FILE", OPTION_TEXT, offsetof(struct check, state),
	  "its OCI state ('-': standard input); without it only config.json is read" },
	{ "--handler", "HANDLER", OPTION_TEXT, offsetof(struct check, handler), "the handler that would run it" },
	{ "--json", NULL, OPTION_SWITCH, offsetof(struct check, json), "with --bundle: print JSON" },
};

static int run_check(int argc, char **argv)
{
	struct check check = { .policy = POLICY_DIRECTORY, .root = "/" };
	struct trail *trail;
	int code;

	if (!cli_parse(argc, argv, &check_verb, &check, &code))
		return code;
	if (!!check.bundle != !!check.handler || ((check.state || check.json) && !check.bundle) ||
	    (check.json && check.settings))
		return cli_usage(
			&check_verb,
			"--bundle and --handler need each other; --state and --json need both; --json and --settings cannot be combined");
	trail = trail_new();
	if (!trail) {
		fputs("cgdeleg: out of memory\n", stderr);
		return EXIT_FAULT;
	}
	code = check_policy(&check, trail);
	trail_free(trail);
	return code;
}

const struct verb check_verb = {
	.name = "check",
	.run = run_check,
	.summary = "validate the policy, print what it says about a container",
	.about = "Validates the policy. With --bundle, prints the facts of a container, the decision with its reasons, and the plan that the hook would carry out. Changes nothing.",
	.options = options,
	.n_options = ELEMENTS(options),
};
