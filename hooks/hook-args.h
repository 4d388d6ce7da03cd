/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hook args - the words of the hook's command line, which stand in config.json or in the engine's configuration.
 *
 * The hook reads its own; `cgdeleg check` those of a bundle, to say beforehand what the hook would say. Pure.
 */
#pragma once

#include <stdint.h>

#include "cgdeleg/grant/run.h"

struct hook_args {
	struct run_args run;	     /* handler, and the directories; the rest is the hook's own affair */
	const char *root, *deadline; /* --root; --deadline, as written */
	uint64_t seconds;	     /* `deadline`, as a number */
};

/* -EINVAL with a sentence if `argv`, which ends with NULL, does not begin with the program's name. */
int hook_args_name(char *const *argv, struct err *err);

/* Reads `argv` into *ret, which gets the defaults first. The strings stay argv's. -EINVAL with a sentence that names the
 * word at fault. */
int hook_args_read(char *const *argv, struct hook_args *ret, struct err *err);
