/* SPDX-License-Identifier: Apache-2.0 */
/* cgdeleg - the administrator's command: one file a verb, one table of verbs. */
#include "cgdeleg/cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/nearest.h"
#include "version.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{ "check", check_main, "validate the policy, print what it says about a container" },
	{ "guard", guard_main, "load, unload or show the BPF guards" },
	{ "list", list_main, "list every delegated cgroup of this node, its usage and its ceilings" },
	{ "watch", watch_main, "keep the limits of delegated cgroups within their ceilings" },
};

static void usage(FILE *to)
{
	fputs("usage: cgdeleg VERB [OPTIONS]\n       cgdeleg --help | --version\n\nVerbs:\n", to);
	for (size_t i = 0; i < ELEMENTS(verbs); i++)
		fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	fputs("\n`cgdeleg VERB --help` lists the options of a verb.\n", to);
}

void cli_help(const char *verb, const char *summary, const struct option_row *rows, size_t n)
{
	printf("usage: cgdeleg %s [OPTIONS]\n\n%s\n\nOptions:\n", verb, summary);
	for (size_t i = 0; i < n; i++) {
		char left[40];

		(void)snprintf(left, sizeof(left), "%s %s", rows[i].name, rows[i].value ? rows[i].value : "");
		printf("  %-18s %s\n", left, rows[i].help);
	}
	printf("  %-18s %s\n", "--help", "this text");
}

/* "--name" or "--name=value"; "-h" is "--help". */
static const struct option_row *find_option(const char *word, const struct option_row *rows, size_t n)
{
	size_t len = strcspn(word, "=");

	if (strcmp(word, "-h") == 0)
		return find_option("--help", rows, n);
	for (size_t i = 0; i < n; i++)
		if (strlen(rows[i].name) == len && strncmp(word, rows[i].name, len) == 0)
			return &rows[i];
	return NULL;
}

bool cli_parse(int argc, char **argv, const char *verb, const struct option_row *rows, size_t n)
{
	for (int i = 0; i < argc; i++) {
		const struct option_row *row = find_option(argv[i], rows, n);
		const char *equals = strchr(argv[i], '=');

		if (!row || (row->flag && equals)) {
			struct nearest nearest = nearest_to(argv[i]);
			char hint[100];

			for (size_t k = 0; k < n; k++)
				nearest_try(&nearest, rows[k].name);
			if (row)
				fprintf(stderr, "cgdeleg: %s: '%s' takes no value\n", verb, row->name);
			else
				fprintf(stderr, "cgdeleg: %s: unknown option '%s', see cgdeleg %s --help%s\n", verb,
					argv[i], verb, nearest_hint(&nearest, hint, sizeof(hint)));
			return false;
		}
		if (row->flag) {
			*row->flag = true;
		} else if (equals) {
			*row->text = equals + 1;
		} else if (++i == argc) {
			fprintf(stderr, "cgdeleg: %s: '%s' needs a value: %s\n", verb, row->name, row->value);
			return false;
		} else {
			*row->text = argv[i];
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct nearest nearest;
	char hint[100];

	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("cgdeleg " CGDELEG_VERSION);
		return EXIT_OK;
	}
	for (size_t i = 0; i < ELEMENTS(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 2, argv + 2);
	nearest = nearest_to(argv[1]);
	for (size_t i = 0; i < ELEMENTS(verbs); i++)
		nearest_try(&nearest, verbs[i].name);
	if (strcmp(argv[1], "explain") == 0)
		fputs("cgdeleg: there is no verb 'explain'; use cgdeleg check --bundle DIR --handler NAME\n", stderr);
	else
		fprintf(stderr, "cgdeleg: unknown verb '%s', see cgdeleg --help%s\n", argv[1],
			nearest_hint(&nearest, hint, sizeof(hint)));
	return EXIT_USAGE;
}
