/* SPDX-License-Identifier: Apache-2.0 */
/* CLI: words into members, what is said of wrong ones, the help, and its lines. */
#include <errno.h>

#include "cgdeleg/cli/cli.h"
#include "tests/unit/check.h"

struct into {
	const char *dir, *level, *action, *id;
	bool all;
	struct option_list facts;
};

static const struct option_row rows[] = {
	{ "ACTION", "start|stop", OPERAND, offsetof(struct into, action), "what to do" },
	{ "[ID]", NULL, OPERAND, offsetof(struct into, id), "with which" },
	{ "--policy", "DIR", OPTION_TEXT, offsetof(struct into, dir), "a directory" },
	{ "-o", "COLUMNS", OPTION_TEXT, offsetof(struct into, dir), "a short name" },
	{ "--level", "fault|risk|note|none", OPTION_TEXT, offsetof(struct into, level), "one of four" },
	{ "--all", NULL, OPTION_SWITCH, offsetof(struct into, all), "a switch" },
	{ "--fact", "NAME=VALUE", OPTION_LIST, offsetof(struct into, facts), "again and again" },
};

static const struct verb verb = {
	.name = "do",
	.about = "Does it.",
	.options = rows,
	.n_options = ELEMENTS(rows),
};

#define MAX 6

/* The members that are filled, in the order of the struct; or what is wrong. */
static const struct {
	const char *words[MAX];
	const char *fault, *dir, *level, *action, *id, *facts;
	bool all, help;
} cases[] = {
	{ WORDS("start"), .action = "start" },
	{ WORDS("stop", "x1"), .action = "stop", .id = "x1" },
	{ WORDS("--policy", "/p", "stop", "--all"), .dir = "/p", .action = "stop", .all = true },
	{ WORDS("stop", "--policy=/p", "--level=note"), .dir = "/p", .level = "note", .action = "stop" },
	{ WORDS("stop", "-o", "a,b"), .dir = "a,b", .action = "stop" },
	{ WORDS("stop", "--policy=", "--level", "risk"), .dir = "", .level = "risk", .action = "stop" },
	{ WORDS("stop", "--policy", "/a", "--policy", "/b"), .dir = "/b", .action = "stop" },
	{ WORDS("stop", "--policy", "--all"), .dir = "--all", .action = "stop" },
	{ WORDS("stop", "--fact", "a=b=c", "--fact=d=e"), .action = "stop", .facts = "a=b=c d=e " },
	{ WORDS("stop", "-"), .action = "stop", .id = "-" },
	{ WORDS("stop", "--", "--all"), .action = "stop", .id = "--all" },
	{ WORDS("--help"), .help = true },
	{ WORDS("start", "-h", "--nonsense"), .action = "start", .help = true },
	{ { NULL }, .fault = "ACTION is missing: start|stop" },
	{ WORDS("--all"), .fault = "ACTION is missing" },
	{ WORDS("strat"), .fault = "ACTION is start or stop, not 'strat', did you mean 'start'?" },
	{ WORDS("start", "a", "b"), .fault = "'b' is neither an option nor the value of one" },
	{ WORDS("start", "a", "--", "\033[2J"), .fault = "'\\x1b[2J' is neither" },
	{ WORDS("start", "--level", "fualt"),
	  .fault = "'--level' is fault, risk, note or none, not 'fualt', did you mean 'fault'?" },
	{ WORDS("start", "--level="), .fault = "'--level' is fault, risk, note or none, not ''" },
	{ WORDS("start", "--level", "ris"), .fault = "not 'ris', did you mean 'risk'?" },
	{ WORDS("start", "--level", "fault|risk"), .fault = "not 'fault|risk'" },
	{ WORDS("start", "--level"), .fault = "'--level' needs a value: fault|risk|note|none" },
	{ WORDS("start", "--policy"), .fault = "'--policy' needs a value: DIR" },
	{ WORDS("start", "--all=yes"), .fault = "'--all' takes no value" },
	{ WORDS("start", "--help=yes"), .fault = "'--help' takes no value" },
	{ WORDS("start", "--polciy=/x"), .fault = "there is no option '--polciy', did you mean '--policy'?" },
	{ WORDS("start", "--hlep"), .fault = "there is no option '--hlep', did you mean '--help'?" },
	{ WORDS("start", "--zzzzzzzz"), .fault = "there is no option '--zzzzzzzz'" },
	{ WORDS("start", "--ACTION"), .fault = "there is no option '--ACTION'" },
};

static const char *joined(const struct option_list *list)
{
	const char *text = NULL;

	for (size_t i = 0; i < list->n; i++)
		text = format("%s%s ", text ? text : "", list->all[i]);
	return text;
}

TEST(test_words)
{
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct into into = { 0 };
		char *words[MAX + 1] = { NULL };
		const char *name = format("row %zu", i);
		bool help;
		int n = 0;

		for (; n < MAX && cases[i].words[n]; n++)
			words[n] = (char *)(uintptr_t)cases[i].words[n];
		CHECK(name, cli_parse_words(n, words, &verb, &into, &help, &why), cases[i].fault);
		if (cases[i].fault)
			continue;
		check_string(name, into.dir, cases[i].dir);
		check_string(name, into.level, cases[i].level);
		check_string(name, into.action, cases[i].action);
		check_string(name, into.id, cases[i].id);
		check_string(name, joined(&into.facts), cases[i].facts);
		assert_int_equal(into.all, cases[i].all);
		assert_int_equal(help, cases[i].help);
	}
}

/* As many as there is room for, and not one more. */
TEST(test_list)
{
	char *words[2 * (OPTION_LIST_MAX + 1) + 2] = { (char *)(uintptr_t) "start" };
	struct into into = { 0 };
	bool help;

	for (int i = 0; i <= OPTION_LIST_MAX; i++) {
		words[2 * i + 1] = (char *)(uintptr_t) "--fact";
		words[2 * i + 2] = (char *)(uintptr_t) "a";
	}
	CHECK("all", cli_parse_words(2 * OPTION_LIST_MAX + 1, words, &verb, &into, &help, &why), NULL);
	assert_int_equal(into.facts.n, OPTION_LIST_MAX);
	into.facts.n = 0;
	CHECK("one more", cli_parse_words(2 * OPTION_LIST_MAX + 3, words, &verb, &into, &help, &why),
	      "'--fact' is given more than 64 times");
}

static const char *written(void (*write)(FILE *to, const void *userdata), const void *userdata)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	write(to, userdata);
	assert_int_equal(fclose(to), 0);
	return format("%s", text);
}

static const struct wrapping {
	const char *text;
	size_t indent, width;
	const char *want;
} wrappings[] = {
	{ "", 4, 20, "\n" },
	{ "a b", 4, 20, "a b\n" },
	{ "one two three", 2, 9, "one two\n  three\n" },
	{ "one two three", 2, 10, "one two\n  three\n" },
	{ "one two three", 0, 13, "one two three\n" },
	{ "one two three", 0, 12, "one two\nthree\n" },
	{ "a-word-that-is-wider than", 2, 10, "a-word-that-is-wider\n  than\n" },
	{ "one\ntwo", 2, 20, "one\n  two\n" },
	{ "one\n\ntwo", 2, 20, "one\n\n  two\n" },
	{ "one  two ", 0, 20, "one two\n" },
};

static void wrap(FILE *to, const void *userdata)
{
	const struct wrapping *w = userdata;

	cli_wrap(w->text, w->indent, w->width, to);
}

TEST(test_wrap)
{
	for (size_t i = 0; i < ELEMENTS(wrappings); i++)
		check_string(format("row %zu", i), written(wrap, &wrappings[i]), wrappings[i].want);
}

static void verb_help(FILE *to, const void *userdata)
{
	cli_verb_help(userdata, 48, to);
}

TEST(test_help)
{
	check_string("help", written(verb_help, &verb),
		     "usage: cgdeleg do start|stop [ID] [OPTIONS]\n"
		     "\n"
		     "Does it.\n"
		     "\n"
		     "Options:\n"
		     "  ACTION             what to do\n"
		     "  [ID]               with which\n"
		     "  --policy DIR       a directory\n"
		     "  -o COLUMNS         a short name\n"
		     "  --level fault|risk|note|none\n"
		     "                     one of four\n"
		     "  --all              a switch\n"
		     "  --fact NAME=VALUE  again and again\n"
		     "  --help             this text\n");
}
