/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drift - a ceiling that was granted, held against what the kernel's file says now.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/kernel/attribute.h"
#include "cgdeleg/grant/plan.h"

struct drift {
	enum place place;
	struct attribute_ceiling ceiling; /* as it holds at that place: the scope's counts of cgroups
					  are one more */
	struct limit_value now;
	bool above; /* now is nowhere within the ceiling */
};

struct drift_places {
	int fd[PLACE_SCOPE + 1]; /* by enum place; the scope's is -EBADF where there is none */
};

#define DRIFT_PLACES_CLOSED              \
	{                                \
		.fd = { -EBADF, -EBADF } \
	}

/* The directories that hold a grant's ceilings. `fd` stays the caller's. */
int drift_open(int fd, const struct attribute *attribute, struct drift_places *ret, struct err *err);
void drift_places_done(struct drift_places *places);

/* The next ceiling of a place after *at (start with NULL). Reads no file. */
bool drift_next(const struct attribute *attribute, enum place place, const char **at, struct drift *ret);

/* Fills `now` and `above`. -ENOENT: no such file; -ENODEV: the cgroup is gone. */
int drift_read(const struct drift_places *places, struct drift *drift, struct err *err);

/* As drift_read(), from what the file held. Pure. */
int drift_judge(struct drift *drift, const char *text, struct err *err);
