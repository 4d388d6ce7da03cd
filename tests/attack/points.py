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
# brk(2) reports failure by not moving the break: the answer is that of the call before, which only a run
# without address randomisation can know beforehand.
UNMOVED = "unmoved"

# Calls whose success the hook must not believe without looking.
LIES = {"fchownat", "fchown", "mount_setattr", "fsetxattr", "mkdirat", "setfsuid", "setfsgid",
        "capset", "move_mount", "open_tree", "setns", "fdatasync", "close_range", "prctl"}

LEFT_OUT = {"exit_group", "rt_sigreturn"}
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)")
Call = namedtuple("Call", "name k result arguments")
AUDIT = re.compile(r'\d+, "\{\\"time\\"')


def parse_trace(text):
    """[Call] in the order of the trace."""
    seen, calls = Counter(), []
    for line in text.splitlines():
        match = CALL.match(line)
        if match:
            name, arguments, result = match.groups()
            seen[name] += 1
            calls.append(Call(name, seen[name], result, arguments))
    return calls


def errors_of(name):
    """The faults of kind error that a call can have."""
    if name == "brk":
        return (UNMOVED,)
    return () if name in NEVER_FAIL else ERRNOS


def lies_of(call):
    """The faults of kind lie that a call can have."""
    if call.name == "write" and call.result.isdigit():
        # What a file system pretends to have taken of a log, no program can know.
        whole = () if AUDIT.match(call.arguments) else (f"retval={call.result}",)
        return (*whole, "retval=0")
    return ("retval=0",) if call.name in LIES else ()


def points_of(calls):
    """Every point of one trace."""
    found = []
    for call in calls:
        name, k = call[:2]
        if name == "execve" and k == 1:
            continue
        # Nothing can fail in exit_group, but a kill before it is the last boundary there is.
        found.append(Point(name, k, "SIGKILL"))
        if name in LEFT_OUT:
            continue
        if (name, k) != ("brk", 1):  # which only asks
            found += [Point(name, k, e) for e in errors_of(name)]
        found += [Point(name, k, r) for r in lies_of(call)]
    return [p for p in found if p.name != "rt_sigreturn"]


def kind(point):
    """error, kill or lie."""
    if point.fault == "SIGKILL":
        return "kill"
    return "lie" if point.fault.startswith("retval") else "error"


def text_of(point):
    """As --only takes it."""
    return f"{point.name}:{point.k}:{point.fault}"


def parse_point(text):
    """The reverse of text_of()."""
    name, k, fault = text.split(":")
    return Point(name, int(k), fault)


def start_of_main(text):
    """{(name, k)} of the calls that libc makes before main(), whose first act is to look at fds 0 to 2.
    A libc that finds no memory for itself there can only die."""
    head, _, _ = text.partition('"/dev/null"')
    return {call[:2] for call in parse_trace(head)}


def breaks_of(calls):
    """{k: where the break stands before the k-th brk}"""
    return dict(enumerate([call.result for call in calls if call.name == "brk"], start=2))


def last_call(calls, name):
    """The last call of that name."""
    return [call for call in calls if call.name == name][-1]


def points_after(calls, first):
    """Every point behind the fault `first`; strace takes one injection for a name, so not of its name."""
    at = [call[:2] for call in calls].index(first[:2])
    behind = {call[:2] for call in calls[at + 1:]}
    return [p for p in points_of(calls) if p[:2] in behind and p.name != first.name]


def _injection(point, breaks):
    unmoved = "retval=" + breaks.get(point.k, "0")
    fault = {"SIGKILL": "signal=SIGKILL", UNMOVED: unmoved}.get(point.fault, point.fault)
    if not fault.startswith(("signal=", "retval=")):
        fault = "error=" + fault
    return f"inject={point.name}:{fault}:when={point.k}"


def strace_arguments(faults, breaks):
    """strace's options for these points, at most one of a name."""
    words = ["-e", "trace=" + ",".join(p.name for p in faults)] if faults else []
    for point in faults:
        words += ["-e", _injection(point, breaks)]
    return words


def was_hit(trace, point):
    """Whether strace really injected it: a point that was never reached proves nothing."""
    if point.fault == "SIGKILL":
        return "killed by SIGKILL" in trace
    return any(line.startswith(point.name + "(") and "(INJECTED)" in line for line in trace.splitlines())
