/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampler - reads the cells of many rows, on as many processors as there are.
 *
 * The kernel takes some microseconds for each file of a cgroup, of which a row wants a dozen: that is what a list of
 * a thousand cgroups costs, and it can be done side by side. Few rows are read by the caller itself.
 */
#pragma once

#include <stddef.h>

#include "cgdeleg/cli/list-columns.h"

struct sampler_work {
	const struct column *const *columns; /* n_columns of them */
	size_t n_columns;
	struct look look; /* copied for each thread */
};

struct sampler;

/* `work` must outlive the sampler. NULL where there is no memory. */
struct sampler *sampler_new(const struct sampler_work *work);

/* Fills cells[0..n_columns), now or later: they are there after sampler_free(). For that the
 * descriptor is duplicated, and the attribute moved out of the grant. */
void sampler_add(struct sampler *sampler, struct grant *grant, int fd, struct cell *cells);

/* Waits for all rows. Accepts NULL; returns NULL. */
struct sampler *sampler_free(struct sampler *sampler);
