/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CLI - what the verbs of the administrator's command share. Exit codes are in cgdeleg(1).
 *
 * Parts: check.c, guard.c, watch.c, watch-stub.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum exit_code {
	EXIT_OK = 0,	  /* done; check: valid, and the container would be created, as far as its bundle tells */
	EXIT_FAULT = 1,	  /* an error, or an invalid policy */
	EXIT_USAGE = 2,	  /* the command line */
	EXIT_REFUSED = 3, /* check --bundle: the hook would refuse to create this container */
	EXIT_UNKNOWN = 4, /* ... whether it would cannot be told from the bundle alone */
};

/* One option of a verb. */
struct option_row {
	const char *name;  /* "--policy" */
	const char *value; /* what the help calls its value, or NULL: a switch */
	const char **text; /* where the value goes */
	bool *flag;	   /* where a switch goes */
	const char *help;
};

/* Fills from argv (without program and verb). Prints what is wrong and returns false. */
bool cli_parse(int argc, char **argv, const char *verb, const struct option_row *rows, size_t n);

/* The options' part of `cgdeleg VERB --help`. */
void cli_help(const char *verb, const char *summary, const struct option_row *rows, size_t n);

int check_main(int argc, char **argv);
int guard_main(int argc, char **argv);
int list_main(int argc, char **argv);
int watch_main(int argc, char **argv);
