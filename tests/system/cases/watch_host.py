# SPDX-License-Identifier: Apache-2.0
"""The options of the host's cgroup2: somebody's plain mount takes them off, watch says so, and its command puts them back."""
import os
import re
import signal
import subprocess
import time

from lib import host
from lib.expect import granted, refused
from lib.process import run, wait_until
from lib.report import Skip, case, contains, equal, expect

from cases.watch import PROFILE, watching

NAMES = ("nsdelegate", "favordynmods", "memory_localevents", "memory_recursiveprot", "memory_hugetlb_accounting",
         "pids_localevents")
LIMITS = {**PROFILE, "memory.max": "256M"}


def line():
    """The host's own mount: its flags and its options."""
    return [text for text in host.mountinfo() if f" {host.CGROUP} " in text][-1]


def stand():
    return [name for name in NAMES if name in line().split(" ")[-1].split(",")]


def mounter():
    """As a privileged container's runtime does it: in a mount namespace of its own, from the host's cgroup namespace."""
    script = "mount -t cgroup2 none /mnt && echo mounted && exec sleep 1000"
    process = subprocess.Popen(  # pylint: disable=consider-using-with
        ["unshare", "-m", "--propagation", "private", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    equal(process.stdout.readline(), "mounted\n", "the mount")
    return process


def alarm(watch, name):
    found = re.findall(rf"^<1>cgdeleg: the host's cgroup2 has lost the option {name}: .*$", watch.log(), re.MULTILINE)
    equal(len(found), 1, f"alarms for {name}")
    return found[0]


def command_of(text):
    return re.search(r"run `(mount -o remount,[a-z_,]+ /sys/fs/cgroup)`", text)[1]


def lost(t, watch, before, process):
    began = time.monotonic()
    wait_until(lambda: "has lost the option" in watch.log(), "the alarm")
    print(f"# {t.name}: the alarm came {time.monotonic() - began:.1f} s after the mount", flush=True)
    watch.two_sweeps()
    for name in before:
        text = alarm(watch, name)
        for part in ("; grants: ", f"process {process.pid} (sleep) at '/mnt'"):
            contains(text, part, f"the alarm for {name}")
        equal(watch.count(f'host_option{{option="{name}"}}'), 0, f"the metric of {name}")
        equal(watch.count(f'host_option_lost{{option="{name}"}}'), 1, f"the metric of {name}'s loss")
    return command_of(alarm(watch, before[0]))


def bare(t):
    """Nothing but nsdelegate stands in its way: it has no user namespace, and the guard, and no capability that counts."""
    rules = t.policy("bare", defaults={"require_userns": "false"})
    return t.container("bare", maps=None, policy_dir=rules, only_capabilities=["CAP_KILL"])


def grants(t):
    """What the hook grants without the options."""
    with t.step("without a user namespace: refused, with the command"):
        refused(bare(t), "the host's cgroup2 lacks nsdelegate, and the container has no user namespace of its own; run `mount -o remount,")
    with t.step("with one: granted"):
        c = t.container("userns").up()
        granted(c)
        c.delete()
    with t.step("host_options names memory_hugetlb_accounting, and memory.max has a ceiling: refused"):
        if "memory_hugetlb_accounting" not in host.read("/sys/kernel/cgroup/features"):
            raise Skip("this kernel does not know memory_hugetlb_accounting")
        rules = t.policy("huge", defaults={"host_options": "memory_hugetlb_accounting"}, profiles={"small": LIMITS})
        refused(t.container("huge", policy_dir=rules), "the host's cgroup2 lacks memory_hugetlb_accounting, so huge pages")
        contains(run([t.cgdeleg, "check", "--policy", rules]).out,
                 "host_options wants memory_hugetlb_accounting, and the host's cgroup2 lacks it", "check")


@case("watch.options", scope="runtime")
def options(t):
    if not os.path.exists("/share/run.sh"):
        raise Skip("changes the whole host's cgroup2: only in a virtual machine of the tests")
    before, as_was = stand(), line()
    expect("nsdelegate" in before and len(before) > 1, f"the host has {before}")
    rules, process = t.policy("any", profiles={"small": PROFILE}), None
    with watching(t, rules) as watch:
        try:
            process = mounter()
            equal(stand(), [], "the options after the mount")
            with t.step("each loss is an alarm, and names who has mounted it"):
                command = lost(t, watch, before, process)
            with t.step("a watch that starts after the loss says so too"):
                watch.end(signal.SIGKILL)
                os.unlink(f"{watch.dir}/metrics")
                os.rename(f"{watch.dir}/log", f"{watch.dir}/log.old")
                watch.start()
                wait_until(lambda: os.path.exists(f"{watch.dir}/metrics"), "the watch")
                equal(command_of(alarm(watch, before[0])), command, "the command")
            grants(t)
            with t.step("the alarm's command puts all of it back"):
                equal(run(command.split()).code, 0, command)
                equal(line(), as_was, "the host's mount")
                wait_until(lambda: all(f"<5>cgdeleg: the host's cgroup2 has {name} again" in watch.log() for name in before),
                           "the end of the alarms")
                watch.two_sweeps()
                equal(watch.count('host_option_lost{option="nsdelegate"}'), 0, "the metric")
        finally:
            if process:
                process.kill()
                process.wait()
            run(["mount", "-o", f"remount,{as_was.split(' ')[3]},{','.join(before)}", host.CGROUP])
    with t.step("the same container is granted again"):
        c = bare(t).up()
        equal([record["verdict"] for record in c.records()], ["grant"], "the records")
