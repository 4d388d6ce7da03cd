/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runtime arguments - what an engine asks of an OCI runtime, as far as a hook has to know it.
 *
 * In: the arguments of runc, crun or youki.  Out: struct runtime_args.  Nothing is changed: the real
 * runtime gets the same array. Pure.
 *
 * Whether a container is created must never be guessed, or one would run without the hook: an option of
 * unknown form before the verb, and a spelling of the bundle that the runtimes read differently, are
 * errors. Behind the verb unknown options are passed over, since only the bundle's are of interest.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct runtime_args {
	const char *verb;   /* NULL: none, as with --version */
	bool starts;	    /* the verb makes a container of a bundle, and runs hooks */
	const char *bundle; /* as given; "." where the arguments name none */
	const char *log;    /* --log's file; or NULL */
	bool log_json;	    /* --log-format json */
};

/* `argv` ends with NULL and begins with the first argument, not with the program. Strings point into it. */
int runtime_args_parse(char *const *argv, struct runtime_args *ret, struct err *err);
