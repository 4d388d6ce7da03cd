/* SPDX-License-Identifier: Apache-2.0 */
/* Complete, bash. See complete.h. */
#include "base/cleanup.h"
#include "cgdeleg/cli/complete.h"
#include "cgdeleg/cli/list.h"

static const char head[] =
	"# bash completion for cgdeleg. `cgdeleg complete bash` has printed this: a change belongs into cgdeleg's tables.\n"
	"\n"
	"# _cgdeleg_words WORDS: those that begin with what was typed.\n"
	"_cgdeleg_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }\n"
	"_cgdeleg_paths() {\n"
	"    compopt -o filenames\n"
	"    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
	"}\n"
	"# _cgdeleg_after MARKS WORDS: the words after a comma, or after one of the marks at the beginning.\n"
	"_cgdeleg_after() {\n"
	"    local before=\n"
	"    if [[ $cur == *,* ]]; then\n"
	"        before=${cur%,*},\n"
	"    elif [[ -n $cur && $1 == *\"${cur:0:1}\"* ]]; then\n"
	"        before=${cur:0:1}\n"
	"    fi\n"
	"    compopt -o nospace\n"
	"    mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$2\" -- \"${cur#\"$before\"}\")\n"
	"}\n"
	"\n"
	"_cgdeleg() {\n"
	"    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}\n"
	"    local options valued i operand=0\n"
	"    COMPREPLY=()\n"
	"    # Here \"--policy=/etc\" is three words.\n"
	"    if [[ $cur == '=' ]]; then\n"
	"        cur=\n"
	"    elif [[ $prev == '=' ]]; then\n"
	"        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"    fi\n"
	"    if ((COMP_CWORD == 1)); then\n"
	"        verb=\n"
	"    fi\n";

static const char middle[] = "        *) return ;;\n"
			     "    esac\n"
			     "    for ((i = 2; i < COMP_CWORD; i++)); do\n"
			     "        if [[ $valued == *\" ${COMP_WORDS[i]} \"* ]]; then\n"
			     "            ((i++))\n"
			     "            if [[ ${COMP_WORDS[i]} == '=' ]]; then\n"
			     "                ((i++))\n"
			     "            fi\n"
			     "        elif [[ ${COMP_WORDS[i]} != -* ]]; then\n"
			     "            ((operand++))\n"
			     "        fi\n"
			     "    done\n"
			     "    if [[ $valued == *\" $prev \"* ]]; then\n"
			     "        operand=$prev\n"
			     "    elif [[ $cur == -* ]]; then\n"
			     "        operand=\n"
			     "    fi\n"
			     "    case \"$verb $operand\" in\n";

static const char tail[] = "        *) _cgdeleg_words \"$options\" ;;\n"
			   "    esac\n"
			   "}\n"
			   "complete -F _cgdeleg cgdeleg\n";

static void put_verbs(const struct verbs *verbs, FILE *to)
{
	for (size_t i = 0; i < verbs->n; i++)
		fprintf(to, "%s ", verbs->all[i]->name);
	fputs("help", to);
}

static void put_columns(const char *marks, FILE *to)
{
	fprintf(to, "_cgdeleg_after '%s' '", marks);
	for (size_t i = 0; i < n_columns; i++)
		fprintf(to, "%s%s", i > 0 ? " " : "", columns[i].name);
	fputc('\'', to);
}

/* What follows "        'list -o') ". */
static void put_value(const struct option_row *row, const struct complete_value *how, FILE *to)
{
	switch (how->kind) {
	case COMPLETE_FILES:
		fputs("_cgdeleg_paths -f", to);
		break;
	case COMPLETE_DIRECTORIES:
		fputs("_cgdeleg_paths -d", to);
		break;
	case COMPLETE_CHOICES:
		fputs("_cgdeleg_words '", to);
		complete_choices(row->value, to);
		fputc('\'', to);
		break;
	case COMPLETE_COLUMNS:
		put_columns("+", to);
		break;
	case COMPLETE_COLUMN:
		put_columns("-+", to);
		break;
	case COMPLETE_ASK:
		fprintf(to, "_cgdeleg_words \"$(cgdeleg complete %s \"${COMP_WORDS[@]:1}\" 2>/dev/null)\"", how->word);
		break;
	case COMPLETE_NOTHING:
		fputc(':', to);
		break;
	}
}

static void put_values(const struct verb *verb, FILE *to)
{
	size_t operand = 0;

	for (size_t i = 0; i < verb->n_options; i++) {
		const struct option_row *row = &verb->options[i];
		struct complete_value how;

		if (row->kind == OPTION_SWITCH)
			continue;
		(void)complete_find(verb, row, &how);
		if (row->kind == OPERAND)
			fprintf(to, "        '%s %zu') ", verb->name, operand++);
		else
			fprintf(to, "        '%s %s') ", verb->name, row->name);
		put_value(row, &how, to);
		fputs(" ;;\n", to);
	}
}

void complete_bash(const struct verbs *verbs, FILE *to)
{
	fputs(head, to);
	fputs("    case $verb in\n        '') options='", to);
	put_verbs(verbs, to);
	fputs(" --help --version' valued='' ;;\n        help) options='' valued='' ;;\n", to);
	/* "        list) options='-o --sort --help' valued=' -o --sort ' ;;" */
	for (size_t v = 0; v < verbs->n; v++) {
		const struct verb *verb = verbs->all[v];

		fprintf(to, "        %s) options='", verb->name);
		for (size_t i = 0; i < verb->n_options; i++)
			if (verb->options[i].kind != OPERAND)
				fprintf(to, "%s ", verb->options[i].name);
		fputs("--help' valued=' ", to);
		for (size_t i = 0; i < verb->n_options; i++)
			if (verb->options[i].kind == OPTION_TEXT || verb->options[i].kind == OPTION_LIST)
				fprintf(to, "%s ", verb->options[i].name);
		fputs("' ;;\n", to);
	}
	fputs(middle, to);
	fputs("        'help 0') _cgdeleg_words '", to);
	put_verbs(verbs, to);
	fputs("' ;;\n", to);
	for (size_t i = 0; i < verbs->n; i++)
		put_values(verbs->all[i], to);
	fputs(tail, to);
}
