# SPDX-License-Identifier: Apache-2.0
"""Host - what the machine offers, and comparable pictures of its cgroups and mounts."""
import errno
import json
import os
import re
import signal
import stat
import sys

from lib.process import wait_until
from lib.report import Failure, expect, same

CGROUP = "/sys/fs/cgroup"
ATTRIBUTE = "trusted.cgdeleg"
LIMITS = re.compile(r"^(cgroup\.(max\.\w+|subtree_control|type|freeze)|cpuset\.(cpus|mems)|cpu\.weight"
                    r"|.*\.(max|high|low|min))$")


# What `$(cat cgroup.procs)` has executed may still be in the cgroup when the shell goes on: since 6.19 a task leaves its
# cgroup after its parent has heard of its end.
ENABLE = """enable() {
        local tries=50
        while [ $tries -gt 0 ]; do
            echo "+$1" >cgroup.subtree_control 2>/dev/null && return
            tries=$((tries - 1)); sleep 0.1
        done
        echo "+$1" >cgroup.subtree_control
    }
    """


def enter_cgroup2():
    """Where /sys/fs/cgroup is not cgroup2, this program starts again in a mount namespace of its own, where it is."""
    if not os.path.exists(f"{CGROUP}/cgroup.procs"):
        wrapper = f"{os.path.dirname(os.path.realpath(__file__))}/with-cgroup2"
        os.execv(wrapper, [wrapper, sys.executable, os.path.realpath(sys.argv[0]), *sys.argv[1:]])


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def write(path, text, mode=None):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if mode is not None:
        os.chmod(path, mode)


def records(directory):
    """The audit records, oldest first."""
    path = f"{directory}/audit.jsonl"
    return [json.loads(line) for line in read(path).splitlines()] if os.path.exists(path) else []


def value(cgroup, name):
    return read(f"{CGROUP}{cgroup}/{name}").strip()


def has_systemd():
    return os.path.isdir("/run/systemd/system")


def controllers(cgroup=""):
    return value(cgroup, "cgroup.controllers").split()


def enable_controllers(*paths):
    """All that each offers, for what is below it; some cannot be had beside realtime processes."""
    for path in paths:
        for name in read(f"{path}/cgroup.controllers").split():
            try:
                write(f"{path}/cgroup.subtree_control", f"+{name}")
            except OSError:
                pass


def block_device():
    """MAJOR:MINOR of a disk that takes an io.max: loop and ram disks without a backing are none."""
    for name in sorted(os.listdir("/sys/block")):
        if not name.startswith(("loop", "ram", "zram", "sr", "fd")):
            return read(f"/sys/block/{name}/dev").strip()
    return None


def attribute(path):
    try:
        return os.getxattr(path, ATTRIBUTE).decode()
    except OSError:
        return None


def set_attribute(path, text):
    os.setxattr(path, ATTRIBUTE, text.encode())


def _limit(path, name):
    if not LIMITS.match(name) or name.startswith("hugetlb") and ".rsvd." in name:
        return None
    try:
        return read(f"{path}/{name}").strip()
    except OSError as error:
        return f"errno {error.errno}"


def picture_cgroup(path):
    """Owner and mode of every file, the limits' values, and our attribute."""
    status = os.stat(path)
    picture = {".": (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), attribute(path))}
    for name in os.listdir(path):
        status = os.lstat(f"{path}/{name}")
        if not stat.S_ISDIR(status.st_mode):
            picture[name] = (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), _limit(path, name))
    return picture


def picture_tree(root):
    """{path/file: picture} of a cgroup and all below it. What vanishes meanwhile is left out."""
    picture = {}
    for path, _, _ in os.walk(root):
        try:
            for name, what in picture_cgroup(path).items():
                picture[f"{path[len(CGROUP):]}/{name}"] = what
        except FileNotFoundError:
            continue
    return picture


def picture_host(own):
    """The host: its root cgroup, and the tree."""
    return {**picture_tree(tree_of(own)), **{f"/{name}": what for name, what in picture_cgroup(CGROUP).items()}}


def tree_of(own):
    """Where systemd is init nobody else works here, and it is all; on another machine it is what the test itself made."""
    return CGROUP if has_systemd() else f"{CGROUP}{own}"


def cgroups(picture):
    return {path for path in picture if path.endswith("/.")}


def cgroups_now(own):
    """As cgroups() has them, without a look at their files."""
    return {f"{path[len(CGROUP):]}/." for path, _, _ in os.walk(tree_of(own))} | {"/."}


def wait_as_before(own, before, kept=()):
    """systemd removes a scope a moment after its last process is gone. `kept`: ends of names that may stay."""
    def new():
        return {path for path in cgroups_now(own) - cgroups(before) if not path.endswith(kept)}
    try:
        wait_until(lambda: not new(), "the last cgroup's end")
    except TimeoutError as error:
        raise Failure(f"left over: {sorted(new())}") from error


def same_picture(before, after):
    """
    No cgroup came or went, and of every file that is in both pictures owner, mode and limit are as before. Files that
    come and go with a controller are left out, and so is what systemd's own cgroups enable: systemd and the
    runtimes change both for every scope, hook or not.
    """
    same(cgroups(before), cgroups(after), "the set of cgroups")
    common = [path for path in before if path in after and
              not (path.endswith(".slice/cgroup.subtree_control") or path == "/cgroup.subtree_control")]
    same({path: before[path] for path in common}, {path: after[path] for path in common}, "the host's cgroups")


def mountinfo(pid="self"):
    """Without the mount ids, which count up, and the optional fields, which hold ids too."""
    lines = []
    for line in read(f"/proc/{pid}/mountinfo").splitlines():
        fields = line.split(" ")
        dash = fields.index("-")
        lines.append(" ".join(fields[2:6] + fields[dash:]))
    return lines


def same_mounts(before, after, work):
    """
    On a machine where others work a directory that they remove takes along what was mounted on it, also out of our
    namespace; there only what has to do with us is compared, and whatever has come.
    """
    if not has_systemd():
        ours = ("/sys", "/proc", work)
        before = [line for line in before if line in after or line.split(" ")[2].startswith(ours)]
    same(before, after, "the host's mounts")


def has_nsdelegate():
    return any(" cgroup2 " in line and "nsdelegate" in line for line in mountinfo() if f" {CGROUP} " in line)


def cgroup2_options():
    """As words for mount -o. Whoever mounts cgroup2 from the host's cgroup namespace sets them for the whole host."""
    (line, *_) = [line for line in mountinfo() if f" {CGROUP} " in line and " cgroup2 " in line]
    return ",".join(word for word in line.split(" ")[-1].split(",") if word not in ("rw", "ro"))


def check_nsdelegate():
    expect(has_nsdelegate(), "the host's nsdelegate is gone")


def fd_table(pid):
    """What a process has open, without the numbers that differ from one start to the next."""
    table = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        link = os.readlink(f"/proc/{pid}/fd/{fd}")
        table[int(fd)] = re.sub(r"\[\d+\]|\d{2,}", "N", link)
    return table


def cgroup_of(pid):
    """The path in the unified hierarchy, also where v1 hierarchies stand beside it."""
    for line in read(f"/proc/{pid}/cgroup").splitlines():
        if line.startswith("0::"):
            return line[3:]
    return None


def kill_all(cgroup, but=0):
    for pid in processes(cgroup):
        if pid != but:
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(processes(cgroup)) <= {but}, "the last process's end")


def is_container_process(pid, name):
    """Does the process live, in a cgroup of that name? A dead one may wait to be reaped."""
    try:
        return name in (cgroup_of(pid) or "") and "\nState:\tZ" not in read(f"/proc/{pid}/status")
    except OSError:
        return False


def processes(cgroup):
    """All processes in a cgroup and below it."""
    pids = []
    for path, _, _ in os.walk(f"{CGROUP}{cgroup}"):
        try:
            pids += [int(pid) for pid in read(f"{path}/cgroup.procs").split()]
        except OSError:
            continue
    return pids


def _removed(path):
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError as fault:
        if fault.errno != errno.EBUSY:
            raise
        return False
    return True


def remove_cgroup(path):
    """A process that comes to its end has left cgroup.procs already, and its cgroup not yet."""
    wait_until(lambda: _removed(path), f"the removal of {path}")


def remove_tree(cgroup):
    """Removes an empty tree of cgroups, deepest first."""
    for path, _, _ in os.walk(f"{CGROUP}{cgroup}", topdown=False):
        remove_cgroup(path)


def end_processes(cgroup):
    """Kills all that is in it and below, and waits until it is empty."""
    path = f"{CGROUP}{cgroup}"

    def is_empty():
        try:
            return "populated 0\n" in read(f"{path}/cgroup.events")
        except OSError:  # it has gone, which is as good
            return True
    if not is_empty():
        write(f"{path}/cgroup.kill", "1")
        wait_until(is_empty, f"the end of {cgroup}'s processes")
