/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits - one ceiling on one limit file: read, take the smaller, write, read back.
 *
 * A ceiling only ever lowers. What is there already and is lower stays, so a second run writes nothing.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "policy/limit.h"

/* Reads `file` of the cgroup `fd`. -ENOENT: no such file. `arena` as for limit_parse_kernel(). */
int limit_read(int fd, const char *file, const struct limit_type *type, struct arena *arena, struct limit_value *ret,
	       struct err *err);

/* What a write replaced, for limit_restore(). */
struct limit_before {
	bool skip_unknown; /* in: pass over LIMIT_LINES whose device or resource is not there */
	/* in: since Linux 6.16 a write to memory.max or memory.high does not wait for the reclaim; the limit is set at
	 * once all the same, and who allocates next reclaims. Older kernels wait (mm/memcontrol.c: memory_max_write()). */
	bool no_wait;
	size_t n_skipped;	  /* lines passed over */
	bool changed;		  /* something was written, perhaps only a part of it */
	struct limit_value value; /* what was there; LIMIT_LINES: the written lines only */
	struct arena arena;	  /* owns the lists of `value` */
};

/* Frees what it owns. */
static inline void limit_before_done(struct limit_before *before)
{
	arena_done(&before->arena);
}

/* For sets: -ERANGE if `lower`, the result of limit_smaller() for `now` and a ceiling, names anything that `now` does
 * not. That happens if the two have nothing in common: `lower` is then the ceiling, which would give the container
 * processors that it did not have. Pure. */
int limit_check_common(const char *file, const struct limit_type *type, const struct limit_value *now,
		       const struct limit_value *lower, struct err *err);

/*
 * Is a set in force within `ceiling`? A cpuset's file holds what was asked for. Where the parent has none of it the
 * kernel lets the cgroup use all that the parent has, and only the file that ends in ".effective" tells
 * (update_cpumasks_hier() of kernel/cgroup/cpuset.c). -ERANGE: it is not. 0 for any other kind of limit.
 */
int limit_check_effective(int fd, const char *file, const struct limit_type *type, const struct limit_value *ceiling,
			  struct err *err);

/*
 * Makes `file` in the cgroup `fd` hold nothing above `ceiling`, and proves it by reading it back.
 * *ret is filled as soon as something was written, also when the call then fails. -ENOENT: no such
 * file. The caller ends it with limit_before_done() in any case.
 */
int limit_lower(int fd, const char *file, const struct limit_type *type, const struct limit_value *ceiling,
		struct limit_before *ret, struct err *err);

/* Puts back what limit_lower() replaced. If a set was empty and the kernel does
 * not accept an empty set again, the set becomes all that the parent may use. */
int limit_restore(int fd, const char *file, const struct limit_type *type, const struct limit_before *before,
		  struct err *err);
