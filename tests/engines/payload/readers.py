# SPDX-License-Identifier: Apache-2.0
"""
How programs find their limits from within, after the algorithms of three of them; prints JSON.

jvm          mount and root field from mountinfo (the first cgroup2 line), the path from /proc/self/cgroup below it
automaxprocs mountinfo's line at /sys/fs/cgroup (a later one replaces an earlier one), cpu.max at the own path
libuv        /sys/fs/cgroup and the path from /proc/self/cgroup, no mountinfo; memory.max and memory.high
upwards      as jvm, and the smallest value of the own cgroup and all above it
"""
import json
import os


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return None


def own_path():
    for line in read("/proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            return line[3:].lstrip("/")
    return None


def mounts():
    """(root, mount point) of the cgroup2 mounts, in the kernel's order."""
    for line in read("/proc/self/mountinfo").splitlines():
        fields = line.split(" ")
        if fields[fields.index("-") + 1] == "cgroup2":
            yield fields[3], fields[4]


def number(text):
    return int(text) if text and text != "max" else None


def jvm():
    root, point = next(mounts())
    path = own_path()
    if root != "/" and path.startswith(root.lstrip("/")):
        path = path[len(root):].lstrip("/")
    return {"memory": number(read(os.path.join(point, path, "memory.max"))),
            "pids": number(read(os.path.join(point, path, "pids.max")))}


def automaxprocs():
    points = {point: root for root, point in mounts()}
    if "/sys/fs/cgroup" not in points:
        return {"cpus": None}
    quota, period = read(os.path.join("/sys/fs/cgroup", own_path(), "cpu.max")).split()
    return {"cpus": None if quota == "max" else int(quota) / int(period)}


def libuv():
    here = os.path.join("/sys/fs/cgroup", own_path())
    values = [number(read(f"{here}/{name}")) for name in ("memory.max", "memory.high")]
    return {"memory": min((value for value in values if value is not None), default=None)}


def upwards():
    _, point = next(mounts())
    path, values = own_path(), []
    while True:
        values.append(number(read(os.path.join(point, path, "memory.max"))))
        if not path:
            break
        path = os.path.dirname(path)
    return {"memory": min((value for value in values if value is not None), default=None)}


print(json.dumps({"jvm": jvm(), "automaxprocs": automaxprocs(), "libuv": libuv(), "upwards": upwards(),
                  "lines": sum(1 for _ in mounts())}))
