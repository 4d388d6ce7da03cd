/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg verify - proves the claims of one grant, from outside and from inside.
 *
 * Needs root. Changes nothing; with --handler and --image it starts a container of its own and removes it again.
 */
#include "cgdeleg/cli/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/client.h"
#include "cgdeleg/cli/progress.h"
#include "cgdeleg/cli/throw-away.h"

struct verify_words {
	const char *container, *bundle, *only;
	const char *handler, *image, *namespace;
	struct option_list annotations, options;
	bool json, tap;
};

static const struct option_row options[] = {
	{ "[CONTAINER]", NULL, OPERAND, offsetof(struct verify_words, container),
	  "its id, pod or container name, the beginning of one of these, or the path of its cgroup" },
	{ "--bundle", "DIR", OPTION_TEXT, offsetof(struct verify_words, bundle),
	  "the container's bundle, with config.json; without it verify looks where engines keep bundles" },
	{ "--only", "CLAIMS", OPTION_TEXT, offsetof(struct verify_words, only),
	  "only these claims: ids, separated by commas; * stands for any text" },
	{ "--handler", "HANDLER", OPTION_TEXT, offsetof(struct verify_words, handler),
	  "with --image: start a new container under this handler of the policy, verify it, and remove it" },
	{ "--image", "IMAGE", OPTION_TEXT, offsetof(struct verify_words, image),
	  "the image of the new container; it must contain the program sleep" },
	{ "--namespace", "NAME", OPTION_TEXT, offsetof(struct verify_words, namespace),
	  "with containerd and CRI-O: the namespace of the new container's pod (default)" },
	{ "--annotation", "KEY=VALUE", OPTION_LIST, offsetof(struct verify_words, annotations),
	  "another annotation of the new container, besides cgdeleg.io/writable=true" },
	{ "--engine-option", "WORD", OPTION_LIST, offsetof(struct verify_words, options),
	  "another word for podman run or docker run; for podman it replaces --userns=auto" },
	{ "--json", NULL, OPTION_SWITCH, offsetof(struct verify_words, json), "print JSON" },
	{ "--tap", NULL, OPTION_SWITCH, offsetof(struct verify_words, tap),
	  "print the Test Anything Protocol, version 13" },
};

static int verify_container(const struct verify_words *words, const struct verify_args *args, const char *container)
{
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	_cleanup_(found_done) struct found found = FOUND_NONE;
	_cleanup_(claims_free) struct claims claims = { 0 };
	struct err err = { 0 };
	bool written;

	if (host_open("/", &real_machine, &host, &err) < 0 || grant_find(&host, container, &found, &err) < 0 ||
	    verify_grant(&host, &found, args, claims_add, &claims, &err) < 0) {
		fprintf(stderr, "cgdeleg: %s\n", err.text);
		return EXIT_FAULT;
	}
	if (claims.n == 0)
		return cli_usage(&verify_verb, "there is no claim '%s'", args->only);
	written = words->json  ? claims_print_json(&claims, &found, stdout)
		  : words->tap ? claims_print_tap(&claims, &found, stdout)
			       : claims_print_text(&claims, &found, stdout);
	if (!written || claims.no_memory) {
		fputs("cgdeleg: cannot write the claims to standard output\n", stderr);
		return EXIT_FAULT;
	}
	return claims.counts[CLAIM_FAILED] > 0 ? EXIT_FAULT : claims.counts[CLAIM_UNKNOWN] > 0 ? EXIT_UNKNOWN : EXIT_OK;
}

/* Whatever happens in between, what was started is removed. */
static int verify_own(const struct verify_words *words, struct verify_args *args)
{
	const struct throw_away_args start = { .handler = words->handler,
					       .image = words->image,
					       .namespace = words->namespace,
					       .annotations = &words->annotations,
					       .options = &words->options };
	struct throw_away container;
	struct err err = { 0 };
	int code = EXIT_FAULT, r;

	client_catch_signals();
	progress_begin("the engine is starting a container");
	r = throw_away_start(&start, &container, &err);
	progress_end();
	if (r < 0)
		fprintf(stderr, "cgdeleg: %s\n", err.text);
	else
		code = verify_container(words, args, container.id);
	if (client_forget_signals() != 0 && r >= 0) {
		fputs("cgdeleg: interrupted\n", stderr);
		code = EXIT_FAULT;
	}
	if (throw_away_remove(&container, &err) < 0) {
		fprintf(stderr, "cgdeleg: %s\n", err.text);
		code = EXIT_FAULT;
	}
	return code;
}

static int run_verify(int argc, char **argv)
{
	struct verify_words words = { 0 };
	struct verify_args args;
	int code;

	if (!cli_parse(argc, argv, &verify_verb, &words, &code))
		return code;
	if (words.json && words.tap)
		return cli_usage(&verify_verb, "use only one of --json and --tap");
	if (!!words.container == !!words.handler)
		return cli_usage(&verify_verb, "name a container, or a handler and an image");
	if (!words.handler != !words.image ||
	    (words.container && (words.namespace || words.annotations.n || words.options.n)) ||
	    (words.handler && words.bundle))
		return cli_usage(
			&verify_verb,
			"give --handler and --image together; --namespace, --annotation and --engine-option need both, and --bundle needs a CONTAINER");
	args = (struct verify_args) { .bundle = words.bundle, .only = words.only, .throw_away = words.handler };
	return words.container ? verify_container(&words, &args, words.container) : verify_own(&words, &args);
}

static void print_row(const struct claim *claim, void *userdata)
{
	fprintf(userdata, "  %-21s ", claim->id);
	cli_wrap(claim->what, 24, cli_width(userdata), userdata);
}

static void help_claims(FILE *to)
{
	fputs("\nClaims:\n", to);
	verify_describe(print_row, to);
}

const struct verb verify_verb = {
	.name = "verify",
	.run = run_verify,
	.summary = "prove that a grant is what it claims to be, from outside and inside",
	.about = "Proves the claims of one grant, from the host and from inside the container, where a process without any right of the host tries what should be refused. A claim is something that must hold if the grant is sound; the list is below. With --handler and --image, starts a container for this and removes it. Needs root. Changes nothing in a container that runs already. Ends with 0 if all claims are proven, with 1 if one failed, with 4 if none failed and one is unknown.",
	.options = options,
	.n_options = ELEMENTS(options),
	.more_help = help_claims,
};
