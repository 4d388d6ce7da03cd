/* SPDX-License-Identifier: Apache-2.0 */
/* Complete, fish. See complete.h. */
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/complete.h"
#include "cgdeleg/cli/list.h"

static const char head[] =
	"# fish completion for cgdeleg. `cgdeleg complete fish` has printed this: a change belongs into cgdeleg's tables.\n"
	"\n"
	"# __cgdeleg_at VERB OPERANDS VALUED...: is the cursor behind that verb and so many operands? VALUED have a value each.\n"
	"# OPERANDS \"\": behind any number.\n"
	"function __cgdeleg_at\n"
	"    set -l words (commandline -opc)\n"
	"    test \"$words[2]\" = \"$argv[1]\"; or return 1\n"
	"    test -n \"$argv[2]\"; or return 0\n"
	"    set -l operands 0\n"
	"    set -l skip 0\n"
	"    for word in $words[3..-1]\n"
	"        if test $skip = 1\n"
	"            set skip 0\n"
	"        else if contains -- $word $argv[3..-1]\n"
	"            set skip 1\n"
	"        else if not string match -q -- '-*' $word\n"
	"            set operands (math $operands + 1)\n"
	"        end\n"
	"    end\n"
	"    test $operands = $argv[2]\n"
	"end\n"
	"\n"
	"# __cgdeleg_after MARKS WORDS...: the words after a comma, or after one of the marks at the beginning.\n"
	"function __cgdeleg_after\n"
	"    set -l typed (commandline -ct)\n"
	"    set -l before (string match -r -- \"^(?:.*,|[$argv[1]])\" $typed)\n"
	"    for word in $argv[2..-1]\n"
	"        echo \"$before$word\"\n"
	"    end\n"
	"end\n"
	"\n"
	"complete -c cgdeleg -f\n"
	"complete -c cgdeleg -n 'test (count (commandline -opc)) = 1' -l help -s h -d 'the verbs'\n"
	"complete -c cgdeleg -n 'test (count (commandline -opc)) = 1' -l version -d 'the version'\n";

/* In single quotes. */
static void put_quoted(const char *text, FILE *to)
{
	fputc('\'', to);
	for (; *text; text++)
		fprintf(to, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
	fputc('\'', to);
}

static void put_verb(const char *condition, const char *name, const char *summary, FILE *to)
{
	fprintf(to, "complete -c cgdeleg -n '%s' -a %s -d ", condition, name);
	put_quoted(summary, to);
	fputc('\n', to);
}

static void put_verbs(const struct verbs *verbs, const char *condition, FILE *to)
{
	for (size_t i = 0; i < verbs->n; i++)
		put_verb(condition, verbs->all[i]->name, verbs->all[i]->summary, to);
	put_verb(condition, "help", "describe a verb and its options", to);
}

static void put_columns(const char *marks, FILE *to)
{
	fprintf(to, "'(__cgdeleg_after %s", marks);
	for (size_t i = 0; i < n_columns; i++)
		fprintf(to, " %s", columns[i].name);
	fputs(")'", to);
}

/* Words that give the candidates. */
static void put_value(const struct option_row *row, const struct complete_value *how, FILE *to)
{
	switch (how->kind) {
	case COMPLETE_FILES:
		fputs(" -F", to);
		break;
	case COMPLETE_DIRECTORIES:
		fputs(" -a '(__fish_complete_directories (commandline -ct))'", to);
		break;
	case COMPLETE_CHOICES:
		fputs(" -a '", to);
		complete_choices(row->value, to);
		fputc('\'', to);
		break;
	case COMPLETE_COLUMNS:
		fputs(" -a ", to);
		put_columns("+", to);
		break;
	case COMPLETE_COLUMN:
		fputs(" -a ", to);
		put_columns("+-", to);
		break;
	case COMPLETE_ASK:
		fprintf(to, " -a '(cgdeleg complete %s (commandline -opc) 2>/dev/null)'", how->word);
		break;
	case COMPLETE_NOTHING:
		break;
	}
}

static void put_option(const struct verb *verb, const struct option_row *row, FILE *to)
{
	const char *name = row->name + strspn(row->name, "-");
	struct complete_value how;

	(void)complete_find(verb, row, &how);
	fprintf(to, "complete -c cgdeleg -n '__cgdeleg_at %s \"\"' -%c %s", verb->name, row->name[1] == '-' ? 'l' : 's',
		name);
	if (row->kind != OPTION_SWITCH) {
		fputs(how.kind == COMPLETE_FILES ? " -r" : " -x", to);
		put_value(row, &how, to);
	}
	fputs(" -d ", to);
	put_quoted(row->help, to);
	fputc('\n', to);
}

static void put_operand(const struct verb *verb, size_t number, const struct option_row *row, FILE *to)
{
	struct complete_value how;

	(void)complete_find(verb, row, &how);
	fprintf(to, "complete -c cgdeleg -n '__cgdeleg_at %s %zu", verb->name, number);
	for (size_t i = 0; i < verb->n_options; i++)
		if (verb->options[i].kind == OPTION_TEXT || verb->options[i].kind == OPTION_LIST)
			fprintf(to, " %s", verb->options[i].name);
	fputc('\'', to);
	put_value(row, &how, to);
	fputs(" -d ", to);
	put_quoted(row->help, to);
	fputc('\n', to);
}

void complete_fish(const struct verbs *verbs, FILE *to)
{
	fputs(head, to);
	put_verbs(verbs, "test (count (commandline -opc)) = 1", to);
	put_verbs(verbs, "__cgdeleg_at help 0", to);
	for (size_t v = 0; v < verbs->n; v++) {
		const struct verb *verb = verbs->all[v];
		size_t operands = 0;

		for (size_t i = 0; i < verb->n_options; i++)
			if (verb->options[i].kind == OPERAND)
				put_operand(verb, operands++, &verb->options[i], to);
			else
				put_option(verb, &verb->options[i], to);
		fprintf(to, "complete -c cgdeleg -n '__cgdeleg_at %s \"\"' -l help -s h -d 'the options of this verb'\n",
			verb->name);
	}
}
