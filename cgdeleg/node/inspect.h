/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inspect - one grant as it is now: each ceiling beside the limit in its file, and each guard.
 *
 * In: a delegated cgroup's attribute and directory, this build's pinned guards.  Out: a struct limit_state for each
 * ceiling, an enum guard_state for each guard.
 * Changes nothing. `cgdeleg list` shows what is found here, `cgdeleg watch` puts it right.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/attached.h"
#include "bpf/guard.h"
#include "cgdeleg/kernel/attribute.h"

/* A grant that is being looked at. */
struct inspect {
	const struct attribute *attribute; /* the caller's, who keeps it */
	int sys_fd;			   /* /sys; the caller's, who keeps it */
	uint64_t id;			   /* of the cgroup */
	/* The directories that hold the ceilings, by enum place: the caller's; the scope's, or -EBADF without one. */
	int place_fd[PLACE_SCOPE + 1];
	struct arena arena; /* owns the lists of every limit that was read */
};

#define INSPECT_CLOSED                         \
	{                                      \
		.place_fd = { -EBADF, -EBADF } \
	}

/* A ceiling and its limit. Zeroed before the first inspect_next(). */
struct limit_state {
	enum place place;
	size_t next;		/* inspect_next()'s own */
	struct ceiling ceiling; /* as it is at that place: the scope's counts of cgroups are one more */
	struct limit_value now;
	/* `now` exceeds the ceiling somewhere. A line for a device or resource that this machine does not have limits
	 * nothing: on_missing_limit = skip passed over it, and it counts once the device is there. */
	bool above;
};

/* `fd` is the cgroup's directory, `sys_fd` /sys; both stay the caller's. Fails where the scope above cannot be opened. */
int inspect_open(int sys_fd, int fd, uint64_t id, const struct attribute *attribute, struct inspect *ret, struct err *err);
void inspect_done(struct inspect *inspect);

/* The next ceiling: those of the cgroup itself, then the scope's. Reads no file; false at the end. */
bool inspect_next(const struct inspect *inspect, struct limit_state *limit);

/* Fills `now` and `above` from the file. -ENOENT: no such file; -ENODEV: the cgroup is gone. */
int inspect_read(struct inspect *inspect, struct limit_state *limit, struct err *err);

/* The same from the text that the file held. Pure. */
int inspect_compare(struct inspect *inspect, struct limit_state *limit, const char *text, struct err *err);

enum guard_kind { DEVICE_GUARD, GRANT_GUARD, GUARD_KINDS };

enum guard_state {
	GUARD_GONE,    /* none of it is attached; or this build's, and it was never given what it enforces */
	GUARD_IN_PART, /* the grant guard: some of its programs, an older build's or what somebody has left */
	GUARD_IN_FORCE,
};

/* "device guard", "grant guard" */
const char *guard_kind_name(enum guard_kind kind);

/* Was it in force at the grant? An older attribute does not say so of the device guard: false. */
bool inspect_had_guard(const struct attribute *attribute, enum guard_kind kind);

/* What each guard enforces, from the attribute. The flags are unknown where attribute->pressure is. */
void inspect_device_rules(const struct attribute *attribute, struct device_rules *ret);
uint64_t inspect_grant_flags(const struct attribute *attribute);

/* Both guards, by the names of the attached programs: any build's is in force, whatever it enforces. */
int inspect_guards(struct attached_names *names, int fd, enum guard_state ret[GUARD_KINDS], struct err *err);

/* One guard more closely: where it is this build's, what it enforces must be what the attribute says. Returns an enum
 * guard_state or a negative errno. `pinned` is as guards_open() fills it. */
int inspect_guard(const struct inspect *inspect, const struct guards *pinned, enum guard_kind kind, struct err *err);
