/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch sign - a file beside the table of grants, by which others see that a watch lives and what it has verified.
 *
 * The watch holds an OFD lock on the file as long as it lives, so that its end shows however it ends, and rewrites it after
 * each sweep. Times are CLOCK_MONOTONIC: neither the file nor the clock outlives the boot.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cgdeleg/kernel/host.h"

#define WATCH_SIGN_FILE "watch"

struct watch_sign {
	int64_t swept_ms; /* the end of the last sweep */
	uint64_t interval_seconds;
	uint64_t verified_seconds; /* age of the oldest verification of a grant, then */
	uint64_t grants;
	bool alive; /* read: the lock is held */
};

/* Opens and locks it in the directory of the table of grants: a descriptor. -EAGAIN: another watch has it. */
int watch_sign_open(const struct host *host, const char *run, struct err *err);

/* Rewrites it, by one write. */
int watch_sign_write(int fd, const struct watch_sign *sign);

/* Reads it from an open descriptor. -EBADMSG: no watch of this version has written it. */
int watch_sign_read(int fd, struct watch_sign *ret);
