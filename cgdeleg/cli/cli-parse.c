/* SPDX-License-Identifier: Apache-2.0 */
/* CLI, parse - the words of a command line into the members of a struct, by the verb's table. See cli.h. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cgdeleg/cli/cli.h"
#include "policy/nearest.h"

/* What every verb has beside its own. */
static const struct option_row help_row = { .name = "--help", .kind = OPTION_SWITCH };

struct parser {
	const struct verb *verb;
	void *into;
	size_t n_operands;  /* taken */
	bool only_operands; /* after "--" */
};

size_t cli_next_choice(const char **place, const char **ret)
{
	size_t len;

	*place += **place == '|';
	*ret = *place;
	len = strcspn(*place, "|");
	*place += len;
	return len;
}

/* "a, b or c" */
static void describe_choices(const char *choices, char *buf, size_t size)
{
	const char *place = choices, *word;
	size_t len, used = 0;

	buf[0] = '\0';
	while ((len = cli_next_choice(&place, &word)) > 0 && used < size)
		used += (size_t)snprintf(buf + used, size - used, "%s%.*s",
					 word == choices ? ""
					 : *place	 ? ", "
							 : " or ",
					 (int)len, word);
}

/* Any value is good where the row names no choices. */
static int check_choice(const struct option_row *row, const char *value, struct err *err)
{
	struct nearest nearest = nearest_to(value);
	char words[8][32], list[256], shown[256], hint[100];
	const char *place = row->value, *word;
	const char *quote = row->kind == OPERAND ? "" : "'";
	size_t len, n = 0;

	if (!place || !strchr(place, '|'))
		return 0;
	while ((len = cli_next_choice(&place, &word)) > 0) {
		if (strlen(value) == len && strncmp(value, word, len) == 0)
			return 0;
		if (n < ELEMENTS(words)) {
			(void)snprintf(words[n], sizeof(words[n]), "%.*s", (int)len, word);
			nearest_try(&nearest, words[n++]);
		}
	}
	describe_choices(row->value, list, sizeof(list));
	return err_set(err, EINVAL, "%s%s%s is %s, not '%s'%s", quote, row->name, quote, list,
		       text_escape(value, shown, sizeof(shown)), nearest_hint(&nearest, hint, sizeof(hint)));
}

static int store(const struct parser *parser, const struct option_row *row, const char *value, struct err *err)
{
	void *member = (char *)parser->into + row->offset;
	struct option_list *list = member;
	int r = row->kind == OPTION_SWITCH ? 0 : check_choice(row, value, err);

	if (r < 0)
		return r;
	if (row->kind == OPTION_SWITCH) {
		*(bool *)member = true;
	} else if (row->kind == OPTION_LIST) {
		if (list->n == OPTION_LIST_MAX)
			return err_set(err, E2BIG, "'%s' is given more than %d times", row->name, OPTION_LIST_MAX);
		list->all[list->n++] = value;
	} else {
		*(const char **)member = value;
	}
	return 0;
}

static int take_operand(struct parser *parser, const char *word, struct err *err)
{
	const struct verb *verb = parser->verb;
	size_t n = parser->n_operands++;
	char shown[256];

	for (size_t i = 0; i < verb->n_options; i++)
		if (verb->options[i].kind == OPERAND && n-- == 0)
			return store(parser, &verb->options[i], word, err);
	return err_set(err, EINVAL, "'%s' is neither an option nor the value of one",
		       text_escape(word, shown, sizeof(shown)));
}

/* "--name" or "--name=value"; "-h" is "--help". NULL: there is no such option, and *ret_nearest is its neighbour. */
static const struct option_row *find_option(const struct verb *verb, const char *word, struct nearest *nearest)
{
	const size_t len = strlen(word);

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return &help_row;
	nearest_try(nearest, help_row.name);
	for (const struct option_row *row = verb->options; row < verb->options + verb->n_options; row++) {
		if (row->kind == OPERAND)
			continue;
		if (strlen(row->name) == len && strncmp(word, row->name, len) == 0)
			return row;
		nearest_try(nearest, row->name);
	}
	return NULL;
}

/* Takes the option at argv[0], and argv[1] if that is its value. Returns how many words it took. */
static int take_option(struct parser *parser, char **argv, bool *ret_help, struct err *err)
{
	char name[128], shown[256], hint[100];
	const char *value = strchr(argv[0], '=');
	const struct option_row *row;
	struct nearest nearest;
	int r;

	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(argv[0], "="), argv[0]);
	nearest = nearest_to(name);
	row = find_option(parser->verb, name, &nearest);
	if (!row)
		return err_set(err, EINVAL, "there is no option '%s'%s", text_escape(name, shown, sizeof(shown)),
			       nearest_hint(&nearest, hint, sizeof(hint)));
	if (row->kind == OPTION_SWITCH && value)
		return err_set(err, EINVAL, "'%s' takes no value", row->name);
	if (row == &help_row) {
		*ret_help = true;
		return 1;
	}
	if (row->kind != OPTION_SWITCH && !value && !argv[1])
		return err_set(err, EINVAL, "'%s' needs a value: %s", row->name, row->value);
	r = store(parser, row, value ? value + 1 : argv[1], err);
	return r < 0 ? r : row->kind == OPTION_SWITCH || value ? 1 : 2;
}

static int check_operands(const struct parser *parser, struct err *err)
{
	size_t n = parser->n_operands;

	for (size_t i = 0; i < parser->verb->n_options; i++) {
		const struct option_row *row = &parser->verb->options[i];

		if (row->kind == OPERAND && n > 0)
			n--;
		else if (row->kind == OPERAND && row->name[0] != '[')
			return err_set(err, EINVAL, "%s is missing%s%s", row->name, row->value ? ": " : "",
				       row->value ? row->value : "");
	}
	return 0;
}

int cli_parse_words(int argc, char **argv, const struct verb *verb, void *into, bool *ret_help, struct err *err)
{
	struct parser parser = { .verb = verb, .into = into };
	int r;

	*ret_help = false;
	for (int i = 0; i < argc; i += r) {
		if (!parser.only_operands && strcmp(argv[i], "--") == 0) {
			parser.only_operands = true;
			r = 1;
		} else if (parser.only_operands || argv[i][0] != '-' || !argv[i][1]) {
			r = take_operand(&parser, argv[i], err);
			r = r < 0 ? r : 1;
		} else {
			r = take_option(&parser, argv + i, ret_help, err);
		}
		if (r < 0 || *ret_help)
			return r < 0 ? r : 0;
	}
	return check_operands(&parser, err);
}

bool cli_parse(int argc, char **argv, const struct verb *verb, void *into, int *ret_code)
{
	struct err err = { 0 };
	bool help;

	if (cli_parse_words(argc, argv, verb, into, &help, &err) < 0) {
		*ret_code = cli_usage(verb, "%s", err.text);
		return false;
	}
	if (help) {
		cli_verb_help(verb, cli_width(stdout), stdout);
		*ret_code = fflush(stdout) == 0 ? EXIT_OK : EXIT_FAULT;
	}
	return !help;
}

int cli_usage(const struct verb *verb, const char *format, ...)
{
	va_list arguments;

	char text[600];

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fprintf(stderr, "cgdeleg: %s%s%s%s cgdeleg help%s%s\n", verb ? verb->name : "", verb ? ": " : "", text,
		text[strlen(text) - 1] == '?' ? " See" : "; see", verb ? " " : "", verb ? verb->name : "");
	return EXIT_USAGE;
}
