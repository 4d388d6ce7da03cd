/* SPDX-License-Identifier: Apache-2.0 */
/* Query - does this kernel write beyond what a caller of BPF_PROG_QUERY gives it? */
#pragma once

/* Asks for the device programs of a cgroup with the short attribute of older callers, and looks at what is behind it. 1: it
 * was written to; 0: it was not; or a negative errno, where this process may not ask. */
int query_overruns(int cgroup_fd);
