/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limit - the kernel's limit files as types and values: parse, compare, take the smaller, format.
 *
 * Pure but for the arenas that it is given. Parts: limit.c the table and one number, limit-list.c lists, limit-math.c
 * comparing, limit-format.c texts, limit-translate.c values of other systems for messages. One table
 * names every file that can be a ceiling; the policy's parser, the messages, the manual page and the writer of kernel
 * files all read that table. Source of names, formats and semantics: Documentation/admin-guide/cgroup-v2.rst.
 *
 * Parts: limit.c, limit-format.c, limit-math.c, limit-translate.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define LIMIT_MAX	  UINT64_MAX	      /* what the kernel writes as "max": no limit */
#define LIMIT_FILE_SIZE	  64		      /* bytes of a limit file's name, NUL included */
#define LIMIT_PARAMS	  4		      /* parameters a line of a LIMIT_LINES file may have */
#define LIMIT_LINES_MAX	  16		      /* lines of a LIMIT_LINES value */
#define LIMIT_SET_BITS	  1024		      /* CPUs or memory nodes of a LIMIT_SET value */
#define LIMIT_CPU_PERIOD  100000	      /* microseconds; the kernel's default cpu.max period */
#define LIMIT_CPU_LEAST	  1000		      /* microseconds; the kernel takes no smaller quota */
#define LIMIT_CPU_CORES	  8192		      /* more cores than any kernel is built for: not a number of cores */
#define LIMIT_UNREACHABLE (UINT64_C(1) << 62) /* bytes that no machine has: the kernel's "max" */
#define LIMIT_NUMBER_MOST INT64_MAX	      /* larger numbers can only be meant as "max" */
#define LIMIT_TEXT_SIZE	  4096		      /* enough for limit_format() of any value */

enum limit_kind {
	LIMIT_BYTES, /* one number of bytes or "max" */
	LIMIT_COUNT, /* one number or "max" */
	LIMIT_CPU,   /* "quota period" in microseconds; policy: also cores, as in "1.5" */
	LIMIT_SET,   /* a list of CPUs or nodes: "0-3,7" */
	LIMIT_LINES, /* one line a device or resource: "8:0 rbps=1048576 wiops=100", "res_a 5" */
	LIMIT_KIND_MAX
};

struct limit_type {
	const char *key; /* the file's name; '*' is one word without dots: "hugetlb.*.max" */
	enum limit_kind kind;
	uint64_t most;	/* the largest number taken; 0: below LIMIT_UNREACHABLE for bytes, else LIMIT_NUMBER_MOST */
	bool mandatory; /* never skipped where the file is missing: cgroup.max.* */
	bool params_in_bytes[LIMIT_PARAMS];   /* LIMIT_LINES: the parameter takes K/M/G/T */
	const char *params[LIMIT_PARAMS + 1]; /* LIMIT_LINES: NULL-ended; "": a bare value */
	const char *help;		      /* one line for manual and messages */
	const char *zero;		      /* what a ceiling of 0 does, where nobody can want it; or NULL */
};

struct limit_line {
	char name[LIMIT_FILE_SIZE];    /* "8:0", "mlx5_0", "res_a" */
	uint64_t values[LIMIT_PARAMS]; /* in the order of limit_type.params; or LIMIT_MAX */
};

struct limit_lines {
	size_t n; /* at most LIMIT_LINES_MAX */
	struct limit_line lines[];
};

struct limit_set {
	uint64_t bits[LIMIT_SET_BITS / 64];
};

/*
 * One value. What it holds is the type's to say. A list is never changed once it is made, so that values are
 * copied by assignment; it belongs to the arena that the function which made it was given.
 */
struct limit_value {
	uint64_t number; /* bytes or count; LIMIT_CPU: quota in microseconds; LIMIT_MAX: none */
	uint64_t period; /* LIMIT_CPU only: microseconds, 1000 to 1000000 */
	union {
		const struct limit_set *set;	 /* LIMIT_SET; NULL: the empty set */
		const struct limit_lines *lines; /* LIMIT_LINES; NULL: none */
	};
};

/* One number or cpu.max: what an approved annotation may lower. */
static inline bool limit_is_number(const struct limit_type *type)
{
	return type->kind <= LIMIT_CPU;
}

/* The table, and its length. */
extern const struct limit_type limit_types[];
extern const size_t n_limit_types;

/* The type of the file `name` ("hugetlb.2MB.max" finds "hugetlb.*.max"), or NULL. Names with '/' or of
 * LIMIT_FILE_SIZE bytes and more have none. */
const struct limit_type *limit_type_find(const char *name);

/*
 * What makes a value takes an arena for the lists of LIMIT_SET and LIMIT_LINES. For the other kinds nothing is
 * allocated, and it may be NULL. No memory is -ENOMEM, and never a shorter list; *ret is untouched by any error.
 */

/* Reads a policy's or an annotation's value; lines of LIMIT_LINES are separated by ','. */
int limit_parse(const struct limit_type *type, const char *text, struct arena *arena, struct limit_value *ret,
		struct err *err);

/* Reads what the kernel's file holds. An empty LIMIT_SET is the empty set (inherits). */
int limit_parse_kernel(const struct limit_type *type, const char *text, struct arena *arena, struct limit_value *ret,
		       struct err *err);

/* *ret = what is allowed under both `now` (the kernel's) and `ceiling`; LIMIT_LINES: the lines that
 * the ceiling names, each parameter the smaller; LIMIT_SET: the intersection, or the ceiling where `now`
 * is empty or shares nothing with it (an empty set would mean the parent's, that is more than either).
 * Returns 1 when that differs from `now`, so that something must be written, 0 when not, or -ENOMEM. `ret` may be
 * one of the two. */
int limit_smaller(const struct limit_type *type, const struct limit_value *now, const struct limit_value *ceiling,
		  struct arena *arena, struct limit_value *ret, struct err *err);

/* LIMIT_LINES: *value also gets the lines of `more` for devices that it does not name. -E2BIG: there would be more
 * than LIMIT_LINES_MAX. Nothing is done for any other kind. */
int limit_add_lines(const struct limit_type *type, struct limit_value *value, const struct limit_value *more,
		    struct arena *arena, struct err *err);

/* LIMIT_LINES: the lines of `from` for the devices that `names` names, in its order, and lines without a limit where
 * `from` has none. Of any other kind it is `from`. */
int limit_pick_lines(const struct limit_type *type, const struct limit_value *from, const struct limit_value *names,
		     struct arena *arena, struct limit_value *ret, struct err *err);

/* LIMIT_LINES: how many there are. */
static inline size_t limit_n_lines(const struct limit_value *value)
{
	return value->lines ? value->lines->n : 0;
}

/* Is `value` nowhere above `ceiling`? cpu.max compares quota/period; an empty set is above any. */
bool limit_within(const struct limit_type *type, const struct limit_value *value, const struct limit_value *ceiling);

/* How many writes set this value (LIMIT_LINES: one a line, else 1), and the text of the i-th, as the
 * kernel takes it, without a newline. Returns buf. */
size_t limit_writes(const struct limit_type *type, const struct limit_value *value);
const char *limit_format_write(const struct limit_type *type, const struct limit_value *value, size_t i, char *buf,
			       size_t size);

/* The whole value for people and records; lines joined by ", ". Returns buf. */
const char *limit_format(const struct limit_type *type, const struct limit_value *value, char *buf, size_t size);

/* A value of systemd, Docker, Kubernetes or LXC ("16g", "50%", "infinity", "200m") as it is written here; a value of
 * ours stays as it is. False if its meaning is not certain, and for LIMIT_LINES. For messages only. */
bool limit_translate(const struct limit_type *type, const char *text, char *buf, size_t size);

/* What to write in place of a value that limit_parse() refused, in words that go on after its sentence: "; write '16G'".
 * "" if nothing is known. Returns buf. */
const char *limit_advice(const struct limit_type *type, const char *text, char *buf, size_t size);
