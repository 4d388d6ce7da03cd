# SPDX-License-Identifier: Apache-2.0
"""Policies - what the hook reads in the bench, and what the containers ask."""

POLICY = """[defaults]
on_missing_limit = skip

[profile bench]
cgroup.max.descendants = 64
cgroup.max.depth = 5
hugetlb.2MB.max = 32M
nest = {nest}
enable_controllers = cpu memory pids io hugetlb

[handler bench]
engine = podman
cgroup_writable = true
profile = bench

[handler unguarded]
engine = podman
cgroup_writable = true
profile = bench
device_bpf = runtime
guard = off

[handler nothing]
engine = podman

[handler refused]
engine = podman
approved_annotations = cgdeleg.io/writable cgdeleg.io/profile
profile = bench
profiles = bench
"""
# For systemd's driver: limits that it manages, and a container whose own are lower.
UNIT_POLICY = """[profile bench]
cgroup.max.descendants = 64
memory.max = 256M
pids.max = 64
cpu.max = 1
nest = {nest}

[handler bench]
engine = podman
cgroup_writable = true
profile = bench
"""
# For a scope without systemd, on a machine whose cgroup2 has perhaps no other controller than this.
SCOPE_POLICY = """[defaults]
on_missing_limit = skip

[profile bench]
cgroup.max.descendants = 64
hugetlb.2MB.max = 32M
hugetlb.2MB.rsvd.max = 32M
hugetlb.1GB.max = 1G
nest = {nest}

[handler bench]
engine = podman
cgroup_writable = true
profile = bench
"""
LOWER = {"memory": {"limit": 134217728}, "pids": {"limit": 32}, "cpu": {"quota": 50000, "period": 100000}}
ASKS = {"cgdeleg.io/writable": "true", "cgdeleg.io/profile": "another"}  # no policy line grants this


def long_policy(lines):
    """A policy of that many lines, nearly all of them rules of other handlers."""
    head = ["[handler other]", "engine = containerd", "[handler nothing]", "engine = podman"]
    rule = 0
    while len(head) + 3 <= lines:
        head += [f"[rule r{rule}]", "handler = other", f"namespaces = ns-{rule}-* build-{rule}"]
        rule += 1
    return "\n".join([*head, *["# filled"] * (lines - len(head))]) + "\n"
