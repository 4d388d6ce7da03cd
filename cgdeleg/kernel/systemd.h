/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Systemd - limits of a cgroup that systemd manages, as properties of its unit.
 *
 * A value that is written only to the files of such a cgroup lasts until systemd writes them next: at a daemon-reload,
 * or when anybody changes any property. So a ceiling goes to systemd, which remembers it. Everything here is pure,
 * except systemd_set(). Source: org.freedesktop.systemd1(5), systemd.resource-control(5), and systemd's
 * src/core/dbus-cgroup.c and cgroup.c.
 *
 * Parts: systemd.c, systemd-call.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/limit.h"

#define UNIT_NAME_SIZE 256 /* bytes of a unit's name, NUL included; systemd's UNIT_NAME_MAX */
#define UNIT_WORDS_MAX 96
#define UNIT_TEXT_SIZE 16384

/* What helper and hook agree on: its exit codes besides 0. */
enum unit_exit {
	UNIT_EXIT_REFUSED = 1, /* systemd refused; nothing was changed */
	UNIT_EXIT_USAGE = 2,
	UNIT_EXIT_TIMEOUT = 3, /* no answer in time: whether systemd will still act is not known */
	UNIT_EXIT_NO_BUS = 4,  /* systemd could not be asked */
};

/*
 * The unit whose cgroup `path` (from the root of cgroup2, with a leading '/') is or lies below, in the
 * order of systemd's cg_path_get_unit(): after the slices, unescaped, a valid name of a scope or service.
 * Returns what follows its cgroup in the path ("" when it is the unit's own), or NULL: there is none.
 */
const char *systemd_unit_of(const char *path, char unit[UNIT_NAME_SIZE]);

/* Is that the name of a scope or service? */
bool systemd_unit_is_valid(const char *unit);

/* How a property travels. */
enum unit_value {
	UNIT_NUMBER, /* t: "NUMBER" or "infinity" */
	UNIT_SET,    /* ay, bit n of byte n / 8: "0-3,7"; "" removes the property */
	UNIT_DEVICE, /* a(st), one element: "MAJOR:MINOR NUMBER" or "MAJOR:MINOR infinity" */
};

struct unit_property {
	const char *name;
	enum unit_value value;
	bool recent; /* systemd 252, the oldest that is supported, does not have it */
};

/* The property of the first `len` bytes of `name`, or NULL. */
const struct unit_property *systemd_property(const char *name, size_t len);

/* The limit types that systemd has properties for. */
const struct limit_type *systemd_type(size_t i); /* NULL after the last */

/* Can systemd remember this limit, or one a little below it? No for "no limit" too. */
bool systemd_holds(const struct limit_type *type, const struct limit_value *value);

/* Will systemd surely act on it too? Not on devices that it cannot find, nor on what its version lacks. */
bool systemd_vouches(const struct limit_type *type, const struct limit_value *value);

/* Properties as words for the helper: "MemoryMax=4096". */
struct unit_words {
	size_t n, used;
	const char *words[UNIT_WORDS_MAX];
	char text[UNIT_TEXT_SIZE];
};

/*
 * Adds the words for `value`; infinity for "max". CPU quotas are rounded down to whole percents of
 * one CPU, which is what every systemd keeps over a daemon-reload, and thus never above the ceiling.
 * -E2BIG when they do not fit.
 */
int systemd_add_words(struct unit_words *words, const struct limit_type *type, const struct limit_value *value,
		      struct err *err);

/*
 * Has systemd set these properties of `unit`, until the next boot, through the helper cgdeleg-unit; returns
 * when the kernel's files have been written, or with `deadline_ms` (CLOCK_MONOTONIC). Not pure.
 * -ECONNREFUSED, -EACCES, -ENOENT: systemd was not asked; -EPERM: it refused; -ETIMEDOUT: nobody knows whether it
 * will still act.
 */
int systemd_set(const char *helpers, const char *unit, const struct unit_words *words, int64_t deadline_ms,
		struct err *err);
