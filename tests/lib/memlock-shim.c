/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memlock shim - setrlimit() of <sys/resource.h>, for the native tests on a machine whose root has no CAP_SYS_RESOURCE:
 * crun before 1.9 gives up when it may not raise RLIMIT_MEMLOCK before it loads its device program. Kernels from 5.11
 * on charge BPF to the memory cgroup and ignore that limit, so for that one resource the call is answered with success.
 * Loaded into the runtime with LD_PRELOAD by the test set-up; the hook is static and cannot see it.
 */
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	if (resource == RLIMIT_MEMLOCK)
		return 0;
	return (int)syscall(SYS_prlimit64, 0, resource, limit, NULL);
}

__attribute__((visibility("default"))) int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	return setrlimit(resource, (const struct rlimit *)limit);
}
