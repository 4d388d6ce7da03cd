/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundle hook - adds a createRuntime hook to a bundle's config.json, for engines that run no hooks.
 *
 * The file is replaced completely or not at all. Its owner and mode stay, and every number stays as it was written.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "hooks/descriptor.h"

/* Adds the hook after the other hooks of `bundle`. Checks the bundle's owner and mode as the hook does (uid 0 or
 * `owner`). If the hook is there already with the same arguments, it stays; with others that is an error. Writes only
 * config.json in the bundle. */
int bundle_hook_add(const char *bundle, uid_t owner, const struct descriptor *hook, struct err *err);
