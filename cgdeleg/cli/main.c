/* SPDX-License-Identifier: Apache-2.0 */
/* cgdeleg - the administrator's command: one file a verb, one table of verbs. See cli.h. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/complete.h"
#include "policy/nearest.h"
#include "version.h"

static const struct verb *const verbs[] = {
	&check_verb, &descriptor_verb, &doctor_verb, &explain_verb, &guard_verb,
	&list_verb,  &verify_verb,     &watch_verb,  &why_verb,
};

/* NULL, after saying which verb was probably meant. */
static const struct verb *find_verb(const char *name)
{
	static const char *const others[] = { "help", "--help", "--version" };
	struct nearest nearest = nearest_to(name);
	char shown[256], hint[100];

	for (size_t i = 0; i < ELEMENTS(verbs); i++)
		if (strcmp(name, verbs[i]->name) == 0)
			return verbs[i];
	for (size_t i = 0; i < ELEMENTS(verbs); i++)
		nearest_try(&nearest, verbs[i]->name);
	for (size_t i = 0; i < ELEMENTS(others); i++)
		nearest_try(&nearest, others[i]);
	(void)cli_usage(NULL, "there is no %s '%s'%s", name[0] == '-' ? "option" : "verb",
			text_escape(name, shown, sizeof(shown)), nearest_hint(&nearest, hint, sizeof(hint)));
	return NULL;
}

static int help(int argc, char **argv)
{
	const struct verb *verb;

	if (argc > 1)
		return cli_usage(NULL, "help describes one verb at a time");
	if (argc == 0 || strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0) {
		cli_help(verbs, ELEMENTS(verbs), cli_width(stdout), stdout);
	} else {
		verb = find_verb(argv[0]);
		if (!verb)
			return EXIT_USAGE;
		cli_verb_help(verb, cli_width(stdout), stdout);
	}
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAULT;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	const struct verb *verb;

	if (!word) {
		cli_help(verbs, ELEMENTS(verbs), cli_width(stderr), stderr);
		return EXIT_USAGE;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
		return help(argc - 2, argv + 2);
	if (strcmp(word, "complete") == 0)
		return complete_main(&(struct verbs) { verbs, ELEMENTS(verbs) }, argc - 2, argv + 2);
	if (strcmp(word, "--version") == 0)
		return puts("cgdeleg " CGDELEG_VERSION) < 0 ? EXIT_FAULT : EXIT_OK;
	verb = find_verb(word);
	return verb ? verb->run(argc - 2, argv + 2) : EXIT_USAGE;
}
