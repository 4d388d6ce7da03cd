/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundle hook - a createRuntime hook put into a bundle's config.json, for engines that cannot be told of one.
 *
 * The file is replaced whole or not at all; owner and mode stay, and so does every number as it was written.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

struct bundle_hook {
	const char *path;    /* of the hook program, absolute */
	const char *handler; /* its --handler */
};

/* Adds the hook behind the others of `bundle`, whose owner and mode are checked as the hook itself does it
 * (uid 0 or `owner`). A hook that is there already with the same arguments is left; with others it is
 * an error. Only config.json in the bundle is written. */
int bundle_hook_add(const char *bundle, uid_t owner, const struct bundle_hook *hook, struct err *err);
