/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runtime arguments - what an engine asks of an OCI runtime, as far as cgdeleg-runtime must know it.
 *
 * In: the arguments of runc, crun or youki.  Out: struct runtime_args.  Changes nothing: the real runtime gets the same
 * array. Pure.
 *
 * It must never guess whether a container is created, or one could run without the hook. So an unknown option before
 * the verb is an error, and so is a spelling of the bundle that the runtimes read differently. After the verb unknown
 * options are skipped, since only those for the bundle matter.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct runtime_args {
	const char *verb;   /* NULL: none, as with --version */
	bool starts;	    /* the verb makes a container from a bundle, and runs hooks */
	const char *bundle; /* as given; "." if the arguments name none */
	const char *log;    /* the file of --log; or NULL */
	bool log_json;	    /* --log-format json */
};

/* Only where the engine looks for an error: log and log_json, from what stands after the first "--" of argv, for a command
 * line that is wrong otherwise. NULL where there is no --log. */
void runtime_args_find_log(char *const *argv, struct runtime_args *ret);

/* `argv` ends with NULL and begins with the first argument, not with the program. Strings point into it. */
int runtime_args_parse(char *const *argv, struct runtime_args *ret, struct err *err);
