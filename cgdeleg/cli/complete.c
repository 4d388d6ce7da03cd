/* SPDX-License-Identifier: Apache-2.0 */
/* Complete - which words can follow, and the names that only this node knows. See complete.h. */
#include "cgdeleg/cli/complete.h"

#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/grant/run.h"
#include "cgdeleg/kernel/walk.h"
#include "cgdeleg/node/doctor.h"
#include "policy/finding-page.h"

/* What the tables of the verbs call a value. The first row that fits counts; a verb's own stand before those of all. */
static const struct {
	const char *verb, *value; /* verb NULL: any */
	struct complete_value how;
} values[] = {
	{ "check", "ID", { COMPLETE_ASK, "findings" } },
	{ "check", "ID,...", { COMPLETE_ASK, "findings" } },
	{ "doctor", "ID", { COMPLETE_ASK, "checks" } },
	{ "why", "NAME", { COMPLETE_ASK, "containers" } },
	{ NULL, "CONTAINER", { COMPLETE_ASK, "containers" } },
	{ NULL, "ID", { COMPLETE_ASK, "containers" } },
	{ NULL, "DIR", { COMPLETE_DIRECTORIES, NULL } },
	{ NULL, "FILE", { COMPLETE_FILES, NULL } },
	{ NULL, "COLUMNS", { COMPLETE_COLUMNS, NULL } },
	{ NULL, "COLUMN", { COMPLETE_COLUMN, NULL } },
	{ NULL, "HANDLER", { COMPLETE_ASK, "handlers" } },
	/* Nothing can be offered. */
	{ NULL, "CLAIMS", { COMPLETE_NOTHING, NULL } },
	{ NULL, "IMAGE", { COMPLETE_NOTHING, NULL } },
	{ NULL, "KEY=VALUE", { COMPLETE_NOTHING, NULL } },
	{ NULL, "LIST", { COMPLETE_NOTHING, NULL } },
	{ NULL, "MIB", { COMPLETE_NOTHING, NULL } },
	{ NULL, "NAME", { COMPLETE_NOTHING, NULL } },
	{ NULL, "NAME=VALUE", { COMPLETE_NOTHING, NULL } },
	{ NULL, "SECONDS", { COMPLETE_NOTHING, NULL } },
	{ NULL, "WORD", { COMPLETE_NOTHING, NULL } },
};

void complete_choices(const char *choices, FILE *to)
{
	const char *place = choices, *word;
	size_t len;

	while ((len = cli_next_choice(&place, &word)) > 0)
		fprintf(to, "%s%.*s", word == choices ? "" : " ", (int)len, word);
}

bool complete_find(const struct verb *verb, const struct option_row *row, struct complete_value *ret)
{
	const char *name = row->value ? row->value : row->kind == OPERAND ? row->name : NULL;
	char value[64];

	*ret = (struct complete_value) { 0 };
	if (!name)
		return true;
	/* "[ID]" may be left out. */
	(void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(name + (name[0] == '['), "]"), name + (name[0] == '['));
	if (row->value && strchr(row->value, '|')) {
		ret->kind = COMPLETE_CHOICES;
		return true;
	}
	for (size_t i = 0; i < ELEMENTS(values); i++)
		if (strcmp(values[i].value, value) == 0 && (!values[i].verb || strcmp(values[i].verb, verb->name) == 0)) {
			*ret = values[i].how;
			return true;
		}
	return false;
}

/* Of the policy that the words name. bash makes three words of "--policy=DIR". */
static void put_handlers(int argc, char **argv)
{
	static const char option[] = "--policy";
	const char *policy = POLICY_DIRECTORY;
	struct ruleset rules = { 0 };

	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "--policy=", sizeof(option)) == 0 && argv[i][sizeof(option)])
			policy = argv[i] + sizeof(option);
		else if (strcmp(argv[i], option) == 0 && i + 1 < argc)
			policy = strcmp(argv[i + 1], "=") == 0 && i + 2 < argc ? argv[i + 2] : argv[i + 1];
	if (ruleset_load(policy, geteuid(), &rules, NULL) >= 0)
		for (const struct section *s = rules.sections[SECTION_HANDLER]; s; s = s->next)
			puts(s->name);
	ruleset_done(&rules);
}

static int put_container(struct grant *grant, int fd, void *userdata, struct err *err)
{
	(void)fd;
	(void)userdata;
	(void)err;
	/* What a shell would have to quote is nobody's id. */
	if (grant->attribute.present && grant->attribute.id[0] &&
	    strspn(grant->attribute.id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
		    strlen(grant->attribute.id))
		puts(grant->attribute.id);
	return 0;
}

/* In the order of the words in complete_main(). */
enum asked { CHECKS, CONTAINERS, FINDINGS, HANDLERS };

static void put_names(enum asked asked, int argc, char **argv)
{
	_cleanup_(host_done) struct host host = HOST_CLOSED;
	const struct finding_page *page = NULL;
	const struct doctor_check *check;
	size_t at = 0;

	switch (asked) {
	case CHECKS:
		while ((check = doctor_next(&at)) != NULL)
			puts(check->id);
		break;
	case CONTAINERS:
		if (host_open("/", &real_machine, &host, NULL) >= 0)
			(void)grants_walk(&host, put_container, NULL, NULL, NULL);
		break;
	case FINDINGS:
		while ((page = finding_page_next(page)) != NULL)
			puts(page->id);
		break;
	case HANDLERS:
		put_handlers(argc, argv);
		break;
	}
}

/* For the test that none is forgotten. */
static void put_unknown(const struct verbs *verbs, FILE *to)
{
	struct complete_value how;

	for (size_t v = 0; v < verbs->n; v++)
		for (size_t i = 0; i < verbs->all[v]->n_options; i++) {
			const struct option_row *row = &verbs->all[v]->options[i];

			if (!complete_find(verbs->all[v], row, &how))
				fprintf(to, "%s %s: cgdeleg/cli/complete.c has no row for the value '%s'\n",
					verbs->all[v]->name, row->name, row->value ? row->value : row->name);
		}
}

static const struct {
	const char *name;
	void (*put)(const struct verbs *verbs, FILE *to);
} shells[] = {
	{ "bash", complete_bash },
	{ "fish", complete_fish },
	{ "zsh", complete_zsh },
	{ "unknown", put_unknown },
};

int complete_main(const struct verbs *verbs, int argc, char **argv)
{
	static const char *const asked[] = { "checks", "containers", "findings", "handlers" };
	const char *word = argc > 0 ? argv[0] : "";

	for (size_t i = 0; i < ELEMENTS(shells); i++)
		if (strcmp(word, shells[i].name) == 0) {
			shells[i].put(verbs, stdout);
			return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAULT;
		}
	for (size_t i = 0; i < ELEMENTS(asked); i++)
		if (strcmp(word, asked[i]) == 0) {
			put_names((enum asked)i, argc, argv);
			return EXIT_OK;
		}
	fputs("cgdeleg: complete: bash, fish or zsh\n", stderr);
	return EXIT_USAGE;
}
