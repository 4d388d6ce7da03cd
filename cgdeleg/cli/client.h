/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client - runs an engine's own client (podman, docker, crictl), as the administrator would.
 *
 * It is found by PATH and has the caller's environment, since that is where clients are told about their engine. Whoever
 * may set root's PATH is root.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Runs it, by `deadline_ms` (CLOCK_MONOTONIC), and copies the last line of its standard output to `out`. An error has the
 * last line of its standard error; -ETIMEDOUT and -EINTR: it was ended. It has a process group of its own, so that what
 * ends cgdeleg from the terminal does not end a client that cleans up.
 */
int client_run(const char *const *argv, int64_t deadline_ms, char *out, size_t size, struct err *err);

/* SIGINT, SIGTERM and SIGHUP end a running client with -EINTR from now on, and no longer this process. */
void client_catch_signals(void);

/* From now on they are ignored: for cleaning up. Returns the signal that came, or 0. */
int client_forget_signals(void);
