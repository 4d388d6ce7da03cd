/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publish - a text file that others read while it is written anew: the whole new one, or the old one.
 *
 * Threat. Where others may write the directory, they can put a link in the place of the file, or of the one that is made
 * first, and have root write to a file of their choice. So the directory must be root's and be writable by nobody else;
 * the new file is made by the directory's descriptor, and nothing that is there already is opened.
 */
#pragma once

#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

typedef void (*publish_fn)(void *userdata, FILE *to);

/* Has `put` write a file FILE.new, mode 0644 whatever the umask, and renames it to FILE, which may be missing, and is not
 * followed if it is a link. `owner`: who may own the directory besides root; 0: nobody. */
int publish_file(const char *path, uid_t owner, publish_fn put, void *userdata, struct err *err);
