/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CLI - what the verbs of the administrator's command share: how a verb describes itself, and exit codes.
 *
 * A verb is one constant table: the parser, the help and the completions of the shells are all made from it. So a verb
 * has no list of its options anywhere else.
 *
 * Parts: cli-parse.c, cli-help.c, report.h; verbs: check.c, descriptor.c, doctor.c, explain.c, guard.c, watch.c,
 * watch-stub.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

/* The same for every verb; cli-help.c has them as text. `doctor --npd` alone has the problem detector's. */
enum exit_code {
	EXIT_OK = 0,	  /* done; nothing was found */
	EXIT_FAULT = 1,	  /* an error, a failure, or findings */
	EXIT_USAGE = 2,	  /* the command line */
	EXIT_REFUSED = 3, /* the hook would refuse to create this container */
	EXIT_UNKNOWN = 4, /* what can be seen from here does not decide it */
};

enum option_kind {
	OPTION_SWITCH, /* bool */
	OPTION_TEXT,   /* const char *; the last one counts */
	OPTION_LIST,   /* struct option_list: may be given again and again */
	OPERAND,       /* const char *: a word that stands without an option; the first row takes the first one */
};

#define OPTION_LIST_MAX 64

struct option_list {
	size_t n;
	const char *all[OPTION_LIST_MAX];
};

/* One option of a verb, or one operand. */
struct option_row {
	const char *name; /* "--policy". Of an operand what the help calls it: "ID", or "[ID]" if it may be left out */
	const char *value; /* what the help calls the value: "DIR". "a|b": only these are valid. NULL: a switch, any word */
	enum option_kind kind;
	size_t offset;	  /* of the member that it fills */
	const char *help; /* one sentence without a full stop; it is wrapped */
};

struct verb {
	const char *name;
	int (*run)(int argc, char **argv); /* without the program and the verb; returns an enum exit_code */
	const char *summary;		   /* for the list of verbs: no capital, no full stop */
	const char *about;		   /* for the verb's help: whole sentences; they are wrapped */
	const struct option_row *options;
	size_t n_options;
	void (*more_help)(FILE *to); /* what follows the options, or NULL */
};

/*
 * Fills the members of `into` from the words. False: the verb is over, with *ret_code: --help has printed the help, or
 * the command line is wrong and that has been said.
 */
bool cli_parse(int argc, char **argv, const struct verb *verb, void *into, int *ret_code);

/* The same without printing. *ret_help: the words ask for help, and nothing else counts. */
int cli_parse_words(int argc, char **argv, const struct verb *verb, void *into, bool *ret_help, struct err *err);

/* Says what is wrong with the command line, and where the help is. `verb` NULL: before any verb. Returns EXIT_USAGE. */
int cli_usage(const struct verb *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The verbs and the exit codes; `cgdeleg VERB --help`. `width` is in characters. */
void cli_help(const struct verb *const *verbs, size_t n_verbs, size_t width, FILE *to);
void cli_verb_help(const struct verb *verb, size_t width, FILE *to);

/* Prints words of `text` in lines of `width` characters, each but the first after `indent` blanks; the first begins at
 * column `indent`. A line break in the text is one. Ends the last line. */
void cli_wrap(const char *text, size_t indent, size_t width, FILE *to);

/* How many characters fit into a line of `to`: the terminal's, or 80. */
size_t cli_width(FILE *to);

/* The word "a" or "b" of "a|b" at *place; moves on. Returns its length, 0 at the end. */
size_t cli_next_choice(const char **place, const char **ret);

extern const struct verb check_verb, descriptor_verb, doctor_verb, explain_verb, guard_verb, list_verb, verify_verb,
	watch_verb, why_verb;
