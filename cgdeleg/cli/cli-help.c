/* SPDX-License-Identifier: Apache-2.0 */
/* CLI, help - what a verb's table says, for people. See cli.h. */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgdeleg/cli/cli.h"

#define LEFT_MAX  24  /* a longer name has a line of its own */
#define WIDTH_MAX 100 /* longer lines are hard to read */

static const struct {
	enum exit_code code;
	const char *text;
} exit_codes[] = {
	{ EXIT_OK, "done; a check found nothing that counts" },
	{ EXIT_FAULT, "an error, a failure, or findings that count" },
	{ EXIT_USAGE, "the command line is wrong" },
	{ EXIT_REFUSED, "the hook would refuse to create this container" },
	{ EXIT_UNKNOWN, "unknown: what can be seen from here does not decide it" },
};

size_t cli_width(FILE *to)
{
	const int fd = fileno(to);
	struct winsize size;

	if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

void cli_wrap(const char *text, size_t indent, size_t width, FILE *to)
{
	size_t column = indent;

	while (*text) {
		const size_t blanks = strspn(text, " "), len = strcspn(text + blanks, " \n");

		if (column > indent && column + 1 + len > width) {
			fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
		}
		if (column > indent && len > 0)
			fputc(' ', to);
		fprintf(to, "%.*s", (int)len, text + blanks);
		column += (column > indent) + len;
		text += blanks + len;
		if (*text == '\n') {
			fprintf(to, "\n%*s", text[1] == '\n' || !text[1] ? 0 : (int)indent, "");
			column = indent;
			text++;
		}
	}
	fputc('\n', to);
}

/* "  --bundle DIR   print ...", wrapped; the help stands at column `at`. */
static void put_row(const char *left, const char *help, size_t at, size_t width, FILE *to)
{
	const int used = fprintf(to, "  %s", left);

	if (used + 2 > (int)at)
		fprintf(to, "\n%*s", (int)at, "");
	else
		fprintf(to, "%*s", (int)at - used, "");
	cli_wrap(help, at, width, to);
}

static size_t readable(size_t width)
{
	return width > WIDTH_MAX ? WIDTH_MAX : width < 40 ? 40 : width;
}

void cli_help(const struct verb *const *verbs, size_t n_verbs, size_t width, FILE *to)
{
	char code[8];

	width = readable(width);
	fputs("usage: cgdeleg VERB [OPTIONS]\n       cgdeleg help [VERB]\n       cgdeleg --help | --version\n\nVerbs:\n",
	      to);
	for (size_t i = 0; i < n_verbs; i++)
		put_row(verbs[i]->name, verbs[i]->summary, 12, width, to);
	fputs("\nExit status:\n", to);
	for (size_t i = 0; i < ELEMENTS(exit_codes); i++) {
		(void)snprintf(code, sizeof(code), "%d", exit_codes[i].code);
		put_row(code, exit_codes[i].text, 12, width, to);
	}
	fputs("\n`cgdeleg help VERB` describes a verb and its options.\n", to);
}

static const char *left_of(const struct option_row *row, char *buf, size_t size)
{
	if (row->kind == OPERAND)
		(void)snprintf(buf, size, "%s", row->name);
	else
		(void)snprintf(buf, size, "%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
	return buf;
}

/* Where the texts of the options begin: after the longest name that is not too long. */
static size_t text_column(const struct verb *verb)
{
	size_t longest = strlen("--help");
	char left[128];

	for (size_t i = 0; i < verb->n_options; i++) {
		const size_t len = strlen(left_of(&verb->options[i], left, sizeof(left)));

		if (len <= LEFT_MAX && len > longest)
			longest = len;
	}
	return longest + 4;
}

void cli_verb_help(const struct verb *verb, size_t width, FILE *to)
{
	const size_t at = text_column(verb);
	char left[128];

	width = readable(width);
	fprintf(to, "usage: cgdeleg %s", verb->name);
	for (size_t i = 0; i < verb->n_options; i++)
		if (verb->options[i].kind == OPERAND)
			fprintf(to, " %s", verb->options[i].value ? verb->options[i].value : verb->options[i].name);
	fputs(" [OPTIONS]\n\n", to);
	cli_wrap(verb->about, 0, width, to);
	fputs("\nOptions:\n", to);
	for (size_t i = 0; i < verb->n_options; i++)
		put_row(left_of(&verb->options[i], left, sizeof(left)), verb->options[i].help, at, width, to);
	put_row("--help", "this text", at, width, to);
	if (verb->more_help)
		verb->more_help(to);
}
