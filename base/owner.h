/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owner - does only root own and write a file?
 *
 * Threat. Whoever owns a file, or may write it or the directory that it is in, decides what stands in it: the policy,
 * the table of grants, config.json, a program that is executed, pinned BPF programs. So before cgdeleg believes such a
 * file it checks the owner and mode, on the open descriptor. There is no ACL to check: its mask is the mode of the
 * group.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

#define OWNER_MAY_READ	  0022 /* mode bits that nobody else may have: others may read, but not write */
#define OWNER_MAY_NOTHING 0077 /* the same: others may do nothing */

/* Does it belong to root, or to `owner` (0: to root alone), and has nobody else one of the mode bits `others`? */
bool owner_is_alone(const struct stat *st, uid_t owner, mode_t others);

/* The same, or -EPERM and the sentence. `name` is the path; NULL leaves it out, for a caller who puts it in front. */
int owner_check(const struct stat *st, uid_t owner, mode_t others, const char *name, struct err *err);

/* As owner_check() with OWNER_MAY_READ for what `fd` refers to, which must be of `type`: S_IFREG or S_IFDIR. */
int owner_check_fd(int fd, mode_t type, uid_t owner, const char *name, struct err *err);

/* Opens the directory, whose last component is no link, and checks that with owner_check_fd(). `make`: makes it with mode
 * 0700 where it is missing. What is in it is then opened by the descriptor, so that nobody can put another directory in its
 * place. Those above it are not checked: whoever could replace the directory could only put one of root's there. */
int owner_open_directory(const char *path, uid_t owner, bool make, struct err *err);
