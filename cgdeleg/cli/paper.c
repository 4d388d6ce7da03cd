/* SPDX-License-Identifier: Apache-2.0 */
/* Paper - text for people. See paper.h. */
#include "cgdeleg/cli/paper.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LEAST 40 /* a narrower terminal would be a column of single words */

static const char *const paints[] = {
	[PAINT_NONE] = "",	   [PAINT_GOOD] = "\033[32m",	 [PAINT_NOTE] = "\033[36m",
	[PAINT_RISK] = "\033[33m", [PAINT_FAULT] = "\033[1;31m", [PAINT_STRONG] = "\033[1m",
	[PAINT_FAINT] = "\033[2m",
};

struct paper paper_of(FILE *to)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
	struct paper paper = { .to = to };
	struct winsize size;

	if (!isatty(fileno(to)))
		return paper;
	paper.colours = (!no_colour || !no_colour[0]) && terminal && terminal[0] && strcmp(terminal, "dumb") != 0;
	if (ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		paper.width = size.ws_col < LEAST ? LEAST : size.ws_col;
	return paper;
}

const char *paper_plain(const char *text, char *buf, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t used = 0;

	for (; *text && used + 5 <= size; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c >= ' ' && c < 0x7f) {
			buf[used++] = (char)c;
			continue;
		}
		buf[used++] = '\\';
		buf[used++] = 'x';
		buf[used++] = digits[c >> 4];
		buf[used++] = digits[c & 15];
	}
	if (size > 0)
		buf[used] = '\0';
	return buf;
}

/* One word, in a line of its own if it does not fit. */
static void put_word(struct paper *paper, enum paint paint, const char *word, size_t len)
{
	const bool colour = paper->colours && paint != PAINT_NONE;

	if (paper->gap && paper->width > 0 && paper->column + 1 + len > paper->width && paper->column > paper->indent) {
		fprintf(paper->to, "\n%*s", (int)paper->indent, "");
		paper->column = paper->indent;
	} else if (paper->gap) {
		fputc(' ', paper->to);
		paper->column++;
	}
	fprintf(paper->to, "%s%.*s%s", colour ? paints[paint] : "", (int)len, word, colour ? "\033[0m" : "");
	paper->column += len;
	paper->gap = false;
}

void paper_write(struct paper *paper, enum paint paint, const char *text)
{
	char plain[2048];
	const char *at = paper_plain(text, plain, sizeof(plain));

	while (*at) {
		const size_t len = strcspn(at, " ");

		if (len > 0)
			put_word(paper, paint, at, len);
		at += len;
		for (; *at == ' '; at++)
			paper->gap = true;
	}
}

void paper_end(struct paper *paper, size_t indent)
{
	fputc('\n', paper->to);
	paper->column = 0;
	paper->indent = indent;
	paper->gap = false;
}
