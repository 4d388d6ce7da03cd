/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guard - the BPF programs of this build, loaded once per boot and pinned.
 */
#pragma once

/* The directory of this build's pins below GUARD_DIRECTORY, a hash of the objects in it, so that programs and maps of two
 * versions never mix; "" when this build has no guards. */
extern const char guard_build[];

#define GUARD_DIRECTORY "/sys/fs/bpf/cgdeleg" /* root's alone */
