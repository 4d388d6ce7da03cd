/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg descriptor - prints the JSON by which an engine is told to run the hook. See hooks/descriptor.h.
 *
 * Nothing is installed: the text goes to standard output, or into the file that --output names. Works as any user.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/publish.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/grant/oci.h"
#include "hooks/descriptor.h"
#include "places.h"

struct descriptor_cli {
	const char *engine, *handler, *hook, *output;
	bool always;
};

static const struct option_row options[] = {
	{ "ENGINE", "containerd|crio|podman", OPERAND, offsetof(struct descriptor_cli, engine),
	  "crio, podman: the file for a hooks directory. containerd: the base spec of a runtime; standard input must be the output of `ctr oci spec`" },
	{ "--handler", "HANDLER", OPTION_TEXT, offsetof(struct descriptor_cli, handler),
	  "the policy's section [handler HANDLER]; default: crio or podman for these engines" },
	{ "--always", NULL, OPTION_SWITCH, offsetof(struct descriptor_cli, always),
	  "crio, podman: run the hook for every container, not only for those that ask; writable_mount needs this" },
	{ "--hook", "FILE", OPTION_TEXT, offsetof(struct descriptor_cli, hook), "the hook (" HOOK_PATH ")" },
	{ "--output", "FILE", OPTION_TEXT, offsetof(struct descriptor_cli, output),
	  "write to FILE, completely or not at all, instead of standard output" },
};

/* The output of `ctr oci spec`. */
static int read_spec(yyjson_doc **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = file_slurp(STDIN_FILENO, OCI_CONFIG_MAX, &text, &len);

	if (r < 0)
		return err_set_errno(err, r, "cannot read standard input");
	r = json_parse_verbatim(text, len, OCI_DEPTH_MAX, "standard input", ret, err);
	if (r >= 0 && !yyjson_is_str(yyjson_obj_get(yyjson_doc_get_root(*ret), "ociVersion")))
		r = err_set(err, EBADMSG, "standard input is not an OCI spec");
	return r < 0 ? err_wrap(err, "pipe the output of `ctr oci spec` into this command") : 0;
}

/* ctr's default limits every container to 1024 open files; without the key, containerd's own limits apply. */
static int base_spec(const struct descriptor *descriptor, yyjson_mut_doc **ret, struct err *err)
{
	_cleanup_(cleanup_json) yyjson_doc *spec = NULL;
	int r = read_spec(&spec, err);

	if (r < 0)
		return r;
	*ret = yyjson_doc_mut_copy(spec, NULL);
	if (!*ret)
		return err_set(err, ENOMEM, "out of memory");
	(void)yyjson_mut_obj_remove_key(yyjson_mut_obj_get(yyjson_mut_doc_get_root(*ret), "process"), "rlimits");
	r = descriptor_add(*ret, yyjson_mut_doc_get_root(*ret), descriptor, err);
	return r < 0 ? err_wrap(err, "standard input") : 0;
}

static void put_text(void *text, FILE *to)
{
	fprintf(to, "%s\n", (const char *)text);
}

static int put(const struct descriptor_cli *cli, yyjson_mut_doc *doc, struct err *err)
{
	_cleanup_free_ char *text = yyjson_mut_write(doc, YYJSON_WRITE_PRETTY_TWO_SPACES, NULL);

	if (!text)
		return err_set(err, ENOMEM, "out of memory");
	if (cli->output)
		return publish_file(cli->output, geteuid(), put_text, text, err);
	put_text(text, stdout);
	return fflush(stdout) == 0 ? 0 : err_set_errno(err, errno, "cannot write to standard output");
}

static int run_descriptor(int argc, char **argv)
{
	_cleanup_(cleanup_json_mut) yyjson_mut_doc *doc = NULL;
	struct descriptor_cli cli = { .hook = HOOK_PATH };
	struct descriptor descriptor;
	struct err err = { 0 };
	bool containerd;
	int code, r = 0;

	if (!cli_parse(argc, argv, &descriptor_verb, &cli, &code))
		return code;
	containerd = strcmp(cli.engine, "containerd") == 0;
	if (containerd && (!cli.handler || cli.always))
		return cli_usage(&descriptor_verb,
				 cli.always ? "a base spec runs the hook for every container of its runtime: leave --always out"
					    : "a base spec serves one handler: name it with --handler");
	if (cli.hook[0] != '/')
		return cli_usage(
			&descriptor_verb,
			"--hook must be an absolute path, because engines look for the hook from directories of their own");
	descriptor = (struct descriptor) { .path = cli.hook, .handler = cli.handler ? cli.handler : cli.engine };
	if (containerd)
		r = base_spec(&descriptor, &doc, &err);
	else
		doc = descriptor_file(&descriptor, cli.always);
	if (r >= 0 && !doc)
		r = err_set(&err, ENOMEM, "out of memory");
	if (r >= 0)
		r = put(&cli, doc, &err);
	if (r < 0)
		fprintf(stderr, "cgdeleg: %s\n", err.text);
	return r < 0 ? EXIT_FAULT : EXIT_OK;
}

const struct verb descriptor_verb = {
	.name = "descriptor",
	.run = run_descriptor,
	.summary = "print the JSON that tells an engine to run the hook",
	.about = "Prints the hook's descriptor for a hooks directory of CRI-O or podman, or a base spec with the hook for a runtime of containerd. Changes no configuration.",
	.options = options,
	.n_options = ELEMENTS(options),
};
