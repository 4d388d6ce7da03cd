/* SPDX-License-Identifier: Apache-2.0 */
/* Guard objects - what clang and bpftool have made of *.bpf.c. See guard-objects.h. */
#include "bpf/guard-objects.h"

#include "bpf/canary.h"
#include "bpf/guard-kernel.h"

#include <device_guard.skel.h>
#include <grant_guard.skel.h>

const struct guard_object guard_objects[] = {
	{ "device_guard", device_guard_bpf__elf_bytes, NULL, NULL },
	{ "grant_guard", grant_guard_bpf__elf_bytes, guard_kernel_prepare, canary_prove },
	{ NULL, NULL, NULL, NULL },
};
