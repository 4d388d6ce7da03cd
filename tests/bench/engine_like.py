# SPDX-License-Identifier: Apache-2.0
"""Engine-like - what an engine's config.json has beside the rig's: the usual mounts, and a system call filter."""
import re

HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
# About what engines keep from a container without capabilities; what it is exactly changes no time.
DENIED = set("""add_key bpf clock_settime delete_module finit_module init_module kexec_load keyctl mount move_mount
    open_by_handle_at open_tree perf_event_open pivot_root ptrace quotactl reboot request_key setns swapoff swapon
    umount2 unshare userfaultfd""".split())
FLAGS = ["nosuid", "noexec", "nodev"]
MOUNTS = [
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": [*FLAGS, "mode=1777", "size=65536k"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": FLAGS},
]
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def system_calls():
    """Every name that this machine's headers know."""
    with open(HEADER, encoding="utf-8") as file:
        return re.findall(r"^#define __NR_(\w+)", file.read(), re.MULTILINE)


def adapt(config):
    """Changes a container's config.json."""
    config["mounts"] += MOUNTS
    config["linux"].update(
        maskedPaths=MASKED, readonlyPaths=READ_ONLY,
        seccomp={"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
                 "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
                 "syscalls": [{"names": [name for name in system_calls() if name not in DENIED],
                               "action": "SCMP_ACT_ALLOW"}]})
