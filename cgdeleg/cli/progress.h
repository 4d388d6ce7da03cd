/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress - a line on a terminal for what takes longer than two seconds.
 *
 * On standard error, and only if that is a terminal: nobody waits in front of a pipe. It is erased at the end, so that it
 * never stands between other lines: whoever prints ends it first. One at a time.
 */
#pragma once

#define PROGRESS_AFTER_MS 2000

/* `what` is a phrase, "reading the cgroups of this node", that lives on. A second one changes the phrase. */
void progress_begin(const char *what);

/* The same for tests, which do not wait so long. */
void progress_begin_after(const char *what, unsigned after_ms);

/* Erases the line. Nothing where there is none. */
void progress_end(void);
