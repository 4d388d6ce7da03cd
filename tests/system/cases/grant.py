# SPDX-License-Identifier: Apache-2.0
"""The grant: what the container sees and can do, what it cannot, nested and not."""
import os

from lib import host
from lib.bundle import BASE
from lib.report import case, contains, equal, expect, fails, same

DELEGATED = {"cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "memory.oom.group", "memory.reclaim"}
ALL = "cpuset cpu io memory hugetlb pids rdma misc"
# What a container sees of its cgroup root, as text that is the same under every runtime.
# Every file that is not the container's is also written to: the errno is part of the view.
SCRIPT = r"""
cd /sys/fs/cgroup || exit 9
echo "[files]"
for name in . *; do stat -c '%n %u:%g %a' "$name"; done
for leaf in init init.scope; do
    [ -d "$leaf" ] && stat -c '%n %u:%g %a' "$leaf"/*
done
echo "[mount]"
grep ' /sys/fs/cgroup ' /proc/self/mountinfo | tail -n 1
echo "[enabled]"
cat cgroup.subtree_control
echo "[writes]"
for name in *; do
    [ -f "$name" ] && [ "$(stat -c %u "$name")" != 0 ] || continue
    if said=$( { echo max >"$name"; } 2>&1 ); then said=": written"; fi
    echo "$name ${said##*: }"
done
"""


def sections(text):
    """{section: [lines]}"""
    found, current = {}, []
    for line in text.splitlines():
        if line.startswith("["):
            current = found.setdefault(line.strip("[]"), [])
        else:
            current.append(line)
    return found


def grant_policy(t, nest):
    profile = {"cgroup.max.descendants": 16, "cgroup.max.depth": 4, "hugetlb.2MB.max": "32M",
               "memory.max": "256M", "pids.max": 64}
    if nest:
        profile |= {"nest": nest, "enable_controllers": ALL}
    return t.policy("grant", defaults={"on_missing_limit": "skip"}, profiles={"small": profile})


def kernel_delegates():
    return set(host.read("/sys/kernel/cgroup/delegate").split()) & DELEGATED


def check_view(seen, nest):
    files = dict(line.split(" ", 1) for line in seen["files"])
    expect(files["."].startswith("0:0 "), f"the directory is not the container's: {files['.']}")
    mine = {name for name, what in files.items() if what.startswith("0:0 ") and "/" not in name}
    equal(mine, {".", *(kernel_delegates() & set(files)), *([nest] if nest else [])}, "what is the container's")
    expect(seen["mount"] and " rw," in seen["mount"][0], f"the mount is not writable: {seen['mount']}")
    refused = dict(line.split(" ", 1) for line in seen["writes"])
    expect({"cgroup.max.depth", "cgroup.max.descendants", "hugetlb.2MB.max"} <= set(refused),
           f"limits that were not tried: {sorted(refused)}")
    equal(set(refused.values()), {"Permission denied"}, f"writes to what is not the container's {refused}")


def try_view(t, c, name, nest):
    with t.step(f"{name}: owners and attribute on the host"):
        picture = host.picture_cgroup(host.CGROUP + c.cgroup)
        for file, (uid, gid, _, _) in picture.items():
            mine = file == "." or file in kernel_delegates()
            equal((uid, gid), (BASE, BASE) if mine else (0, 0), f"owner of {file}")
        expect(picture["."][3], "there is no trusted.cgdeleg attribute")
        if nest:
            leaf = host.picture_cgroup(f"{host.CGROUP}{c.cgroup}/{nest}")
            equal([file for file, what in leaf.items() if what[:2] != (BASE, BASE)], [],
                  "files of the leaf that are not the container's")
    # Left out: mount ids and the source, which count up or are the runtime's word, and how many mounts lie at the place
    # (under crun the writable one lies on a read-only one; only the topmost can be reached).
    lines = []
    for line in c.exec(SCRIPT).out.splitlines():
        fields = line.split(" ")
        if "/sys/fs/cgroup" in fields and "-" in fields:
            dash = fields.index("-")
            line = f"{fields[3]} {fields[4]} {fields[5]} {fields[dash + 1]}"
        lines.append(line)
    seen = "\n".join(lines) + "\n"
    host.write(f"{t.machine.views}/{name}-{t.driver}-{t.runtime}.txt", seen)
    with t.step(f"{name}: view from inside, own limits refused"):
        check_view(sections(seen), nest)
    with t.step(f"{name}: audit record"):
        (record,) = c.records()
        equal((record["verdict"], record["outcome"]), ("grant", "done"), "verdict and outcome")
        equal((record["uid"], record["cgroup"], record["id"]), (BASE, c.cgroup, c.id), "who")


def make_child(t, c, before):
    # A limit that a child cgroup gets here: file and value.
    offered = host.controllers(c.cgroup)
    file, value = ("pids.max", "20") if "pids" in offered else ("hugetlb.2MB.max", "4194304")
    script = f"""{before}
        mkdir child || exit 1
        echo {value} >child/{file} || exit 2
        echo $$ >child/cgroup.procs || exit 3
        cat child/{file}; grep ^0:: /proc/self/cgroup"""
    done = c.exec(f"cd /sys/fs/cgroup || exit 9\n{script}")
    equal((done.code, done.out), (0, f"{value}\n0::/child\n"), f"a child with a limit and a process {done.err}")


EVACUATE = host.ENABLE + """mkdir own || exit 4
    for pid in $(cat cgroup.procs); do echo "$pid" >own/cgroup.procs 2>/dev/null; done
    read -r left <cgroup.procs && exit 5
    for name in $(cat cgroup.controllers); do enable $name || exit 6; done
    [ "$(cat cgroup.subtree_control)" = "$(cat cgroup.controllers)" ] || exit 7"""


@case("grant.nested")
def nested(t):
    c = t.container("nest", policy_dir=grant_policy(t, "init")).up()
    with t.step("process is in the leaf"):
        equal(host.cgroup_of(c.pid()), f"{c.cgroup}/init", "its cgroup")
    with t.step("controllers are enabled"):
        same(sorted(host.controllers(c.cgroup)), sorted(host.value(c.cgroup, "cgroup.subtree_control").split()),
             "offered and enabled controllers")
    try_view(t, c, "nested", "init")
    with t.step("child with a limit and a process"):
        make_child(t, c, "")


@case("grant.plain")
def plain(t):
    c = t.container("plain", policy_dir=grant_policy(t, None)).up()
    with t.step("process is in the root"):
        equal(host.cgroup_of(c.pid()), c.cgroup, "its cgroup")
    try_view(t, c, "plain", None)
    with t.step("makes its own leaf, moves, enables, limits a child"):
        make_child(t, c, EVACUATE)


@case("grant.without")
def without(t):
    """The control: the same container without the hook has nothing of it."""
    c = t.container("without", hooks=[]).up()
    with t.step("no attribute, mount read-only, no mkdir"):
        equal(host.attribute(host.CGROUP + c.cgroup), None, "attribute")
        done = fails(c.exec("mkdir /sys/fs/cgroup/child"), "a child was made")
        contains(done.err, "Read-only file system", "mkdir's error")


@case("grant.views", scope="last")
def views(t):
    """Equal on both runtimes, under the same driver. Which controllers a runtime has systemd enable is its own choice:
    runc takes rdma, crun does not."""
    for driver in ("cgroupfs", "systemd"):
        for name in ("nested", "plain"):
            files = [f"{t.machine.views}/{name}-{driver}-{runtime}.txt" for runtime in ("crun", "runc")]
            if not all(map(os.path.exists, files)):
                continue
            with t.step(f"{name} under {driver} equal on crun and runc"):
                texts = [[line.replace(" rdma", "") for line in host.read(file).splitlines()
                          if not line.startswith(("rdma.", "init/rdma."))] for file in files]
                same(*texts, f"from crun to runc the {name} view")
