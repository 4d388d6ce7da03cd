/* SPDX-License-Identifier: Apache-2.0 */
/* Complete, zsh. See complete.h. */
#include <string.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/complete.h"
#include "cgdeleg/cli/list.h"

static const char head[] =
	"#compdef cgdeleg\n"
	"# zsh completion for cgdeleg. `cgdeleg complete zsh` has printed this: a change belongs into cgdeleg's tables.\n"
	"\n"
	"# _cgdeleg_ask WORD: names that only this node knows.\n"
	"_cgdeleg_ask() {\n"
	"    local -a names\n"
	"    names=(${(f)\"$(_call_program names cgdeleg complete $1 ${(q)words} 2>/dev/null)\"})\n"
	"    compadd -a names\n"
	"}\n"
	"\n";

static const char middle[] =
	"_cgdeleg() {\n"
	"    local curcontext=$curcontext state line ret=1\n"
	"    typeset -A opt_args\n"
	"    _arguments -C '(- *)'{-h,--help}'[the verbs]' '(- *)--version[the version]' '1: :_cgdeleg_verbs' '*:: :->rest' && ret=0\n"
	"    [[ $state == rest ]] || return ret\n"
	"    case $words[1] in\n"
	"        (help) _arguments '1: :_cgdeleg_verbs' && ret=0 ;;\n";

static const char tail[] = "    esac\n"
			   "    return ret\n"
			   "}\n"
			   "\n"
			   "_cgdeleg \"$@\"\n";

/* In single quotes, which the caller puts around; a backslash before what _arguments and _describe would take as theirs. */
static void put_escaped(const char *text, FILE *to)
{
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", to);
		else
			fprintf(to, "%s%c", strchr("\\:[]", *text) ? "\\" : "", *text);
}

/* Several, separated by commas, each once; or one. */
static void put_columns(FILE *to)
{
	static const char *const kinds[] = { "_cgdeleg_columns() {\n    compset -P '+'\n    _values -s , column",
					     "_cgdeleg_column() {\n    compset -P '[-+]'\n    _values column" };

	for (size_t k = 0; k < ELEMENTS(kinds); k++) {
		fputs(kinds[k], to);
		for (size_t i = 0; i < n_columns; i++) {
			fprintf(to, " \\\n        '%s[", columns[i].name);
			put_escaped(columns[i].help, to);
			fputs("]'", to);
		}
		fputs("\n}\n\n", to);
	}
}

static void put_value(const struct option_row *row, const struct complete_value *how, FILE *to)
{
	static const char *const functions[] = {
		[COMPLETE_NOTHING] = "( )",
		[COMPLETE_FILES] = "_files",
		[COMPLETE_DIRECTORIES] = "_directories",
		[COMPLETE_COLUMNS] = "_cgdeleg_columns",
		[COMPLETE_COLUMN] = "_cgdeleg_column",
	};

	if (how->kind == COMPLETE_CHOICES) {
		fputc('(', to);
		complete_choices(row->value, to);
		fputc(')', to);
	} else if (how->kind == COMPLETE_ASK) {
		fprintf(to, "{_cgdeleg_ask %s}", how->word);
	} else {
		fputs(functions[how->kind], to);
	}
}

static void put_verb(const struct verb *verb, FILE *to)
{
	struct complete_value how;
	size_t operand = 1;

	fprintf(to, "        (%s) _arguments", verb->name);
	for (size_t i = 0; i < verb->n_options; i++) {
		const struct option_row *row = &verb->options[i];

		fputs(" \\\n            '", to);
		if (row->kind == OPERAND) {
			fprintf(to, "%zu%s:", operand++, row->name[0] == '[' ? ":" : "");
			put_escaped(row->name, to);
		} else { /* '--policy=[the directory]:DIR:_directories' */
			fprintf(to, "%s%s%s[", row->kind == OPTION_LIST ? "*" : "", row->name,
				row->kind != OPTION_SWITCH && row->name[1] == '-' ? "=" : "");
			put_escaped(row->help, to);
			fprintf(to, "]%s%s", row->value ? ":" : "", row->value ? row->value : "");
		}
		(void)complete_find(verb, row, &how);
		if (row->kind != OPTION_SWITCH) {
			fputc(':', to);
			put_value(row, &how, to);
		}
		fputc('\'', to);
	}
	fputs(" \\\n            '(- *)'{-h,--help}'[the options of this verb]' && ret=0 ;;\n", to);
}

void complete_zsh(const struct verbs *verbs, FILE *to)
{
	fputs(head, to);
	fputs("_cgdeleg_verbs() {\n    local -a verbs\n    verbs=(\n", to);
	for (size_t i = 0; i < verbs->n; i++) {
		fprintf(to, "        '%s:", verbs->all[i]->name);
		put_escaped(verbs->all[i]->summary, to);
		fputs("'\n", to);
	}
	fputs("        'help:describe a verb and its options'\n    )\n    _describe -t verbs verb verbs\n}\n\n", to);
	put_columns(to);
	fputs(middle, to);
	for (size_t i = 0; i < verbs->n; i++)
		put_verb(verbs->all[i], to);
	fputs(tail, to);
}
