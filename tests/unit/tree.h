/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree - a machine as a temporary directory, for host_open(): what is root's there belongs to whoever runs the test, and
 * what only a kernel does (processes, namespaces) is tree.c's part of it.
 *
 * It is described by lines, in tests and in the golden cases alike; a later line replaces an earlier one:
 *
 *     path/            a directory
 *     path = text      a file with that line in it; \n begins another; nothing behind '=' is an empty file
 *     path -> target   a symbolic link
 *     path @ text      the trusted.cgdeleg attribute (root only)
 *     path @delegate 1 the trusted.delegate attribute, systemd's (root only)
 *     path : uid gid   owner (root only)
 *     - path           nothing there, or below
 *     # ...            a comment, as is an empty line
 *
 * Parents are made as needed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cgdeleg/kernel/host.h"

struct tree {
	char root[64];
	int fd;
};

/* All end the test when they fail: a tree that is not as described proves nothing. */
void tree_new(struct tree *ret, const char *lines);
void tree_free(struct tree *tree);
void tree_edit(const struct tree *tree, const char *lines);

/* What the file holds, without its last newline, or why it cannot be read, in brackets; kept until the program ends. */
const char *tree_get(const struct tree *tree, const char *path);

/* One container, pid 4711, in the cgroup /ci/box of a cgroup2 host, as runc leaves it for the hook. */
extern const char tree_container[];

/* For host_open(tree->root); one tree at a time, which must live on. */
const struct machine *tree_machine(const struct tree *tree);

void tree_host(const struct tree *tree, struct host *ret);
