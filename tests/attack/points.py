# SPDX-License-Identifier: Apache-2.0
"""Points - from a recorded trace, every place where a fault is put.

A point is NAME:K:FAULT: the K-th call of that name (as strace's when= counts) fails with an errno, is
where SIGKILL arrives (on entry, so it is also "killed after the call before"), or is a lie: strace leaves
the call out and reports retval=R.
"""
import re
from collections import Counter, namedtuple

Point = namedtuple("Point", "name k fault")

ERRNOS = ("EPERM", "EINTR", "EAGAIN", "ENOMEM", "EIO", "ENOSPC", "EBUSY", "ENOSYS")

# The kernel defines no error for these: an injected one would test a kernel that cannot be.
NEVER_FAIL = {"getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "umask", "alarm",
              "setfsuid", "setfsgid", "set_tid_address", "brk"}
# brk(2) reports failure by not moving the break; strace cannot know where that is, 0 reads the same.
BREAK_FAILS = "retval=0"

# Calls whose success the hook must not believe without looking.
LIES = {"fchownat", "fchown", "mount_setattr", "fsetxattr", "mkdirat", "setfsuid", "setfsgid",
        "capset", "move_mount", "open_tree", "setns", "fdatasync", "close_range", "prctl"}

LEFT_OUT = {"exit_group", "rt_sigreturn"}
CALL = re.compile(r"^(?:\d+ +)?(\w+)\(.*\) += (-?\d+|0x[0-9a-f]+|\?)")
HIT = re.compile(r"\((?:INJECTED|DELAYED)\)|killed by SIGKILL|--- SIGKILL")


def parse_trace(text):
    """[(name, k, result)] in the order of the trace."""
    seen, calls = Counter(), []
    for line in text.splitlines():
        match = CALL.match(line)
        if match:
            name, result = match.groups()
            seen[name] += 1
            calls.append((name, seen[name], result))
    return calls


def errors_of(name):
    """The faults of kind error that a call can have."""
    if name == "brk":
        return (BREAK_FAILS,)
    return () if name in NEVER_FAIL else ERRNOS


def lies_of(name, result):
    """The faults of kind lie that a call can have."""
    if name == "write" and result.isdigit():
        return (f"retval={result}", "retval=0")
    return ("retval=0",) if name in LIES else ()


def points_of(calls):
    """Every point of one trace."""
    found = []
    for name, k, result in calls:
        if name == "execve" and k == 1:
            continue
        # Nothing can fail in exit_group, but a kill before it is the last boundary there is.
        found.append(Point(name, k, "SIGKILL"))
        if name in LEFT_OUT:
            continue
        found += [Point(name, k, e) for e in errors_of(name)]
        found += [Point(name, k, r) for r in lies_of(name, result)]
    return [p for p in found if p.name != "rt_sigreturn"]


def kind(point):
    """error, kill or lie."""
    if point.fault == "SIGKILL":
        return "kill"
    if point.fault.startswith("retval") and point.name != "brk":
        return "lie"
    return "error"


def text_of(point):
    """As --only takes it."""
    return f"{point.name}:{point.k}:{point.fault}"


def parse_point(text):
    """The reverse of text_of()."""
    name, k, fault = text.split(":")
    return Point(name, int(k), fault)


def strace_arguments(point):
    """The injection of one point."""
    fault = {"SIGKILL": "signal=SIGKILL"}.get(point.fault, point.fault)
    if not fault.startswith(("signal=", "retval=")):
        fault = "error=" + fault
    return ["-e", f"trace={point.name}", "-e", f"inject={point.name}:{fault}:when={point.k}"]


def was_hit(trace):
    """Whether strace really injected it: a point that was never reached proves nothing."""
    return bool(HIT.search(trace))
