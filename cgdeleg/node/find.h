/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Find - one grant of this node by what people call it.
 *
 * In: a word. Out: the delegated cgroup, opened, with its attribute. The kernel's attributes are the only list, so what is
 * found exists now. Whoever created a container chose its names: a word that fits more than one grant finds none of them.
 */
#pragma once

#include <errno.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/kernel/walk.h"

struct found {
	int fd;		   /* the cgroup's directory; owned */
	uint64_t id;	   /* the kernel's number of the cgroup */
	uint32_t uid, gid; /* who owned the directory then */
	char *path;	   /* below the host's cgroup2 mount, with a leading '/'; owned */
	struct attribute attribute;
	struct err fault; /* why the attribute cannot be read; text is "" when it could */
};

#define FOUND_NONE            \
	{                     \
		.fd = -EBADF, \
	}

/*
 * What a word may be, the first that fits counts: the cgroup's path; the whole id; the whole name of the pod or the
 * container; "NAMESPACE/POD" or "NAMESPACE/POD/CONTAINER"; the beginning of one of these. Fits more than one grant
 * equally well: -EEXIST, and the sentence names some of them. -ENOENT: none. -EPERM without CAP_SYS_ADMIN, which is needed
 * to see any.
 */
int grant_find(const struct host *host, const char *word, struct found *ret, struct err *err);
void found_done(struct found *found);

/* How well does the word name this grant? 0: not at all. Pure. */
unsigned grant_match(const struct grant *grant, const char *word);
