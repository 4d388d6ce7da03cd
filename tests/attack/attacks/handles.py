# SPDX-License-Identifier: Apache-2.0
"""Handles and attributes of cgroups."""
import os

from lib import host
from lib.report import equal
from suite import box as boxes
from suite.registry import NotApplicable, attack, judge


@attack("handle.open", "Handles and attributes", "Open cgroups outside by their file handles",
        control="the kernel requires CAP_DAC_READ_SEARCH in the host's user namespace; with the capability in its own, a "
                "container reaches at most its own subtree; cgdeleg refuses nothing here")
def handle(box):
    return judge(box.ask("handle", *[os.stat(path).st_ino for path in (host.CGROUP, box.above)]))


@attack("attribute.mark", "Handles and attributes", "Read, forge and remove the attribute of the grant",
        control="only the host's user namespace can use trusted attributes; cgdeleg refuses nothing here")
def mark(box):
    before = host.attribute(box.path)
    answers = box.ask("attributes")
    equal(host.attribute(box.path), before, "the mark")
    return judge({act: said for act, said in answers.items() if act in ("read", "forge", "remove")})


@attack("attribute.flood", "Handles and attributes", "Put more and more attributes on its root",
        control="the kernel itself allows at most 128 attributes for each cgroup, and charges their memory")
def flood(box):
    answers = box.ask("attributes")
    return judge({"flood": answers["flood"]}, note=f"{answers['attributes']} attributes")


@attack("attribute.file", "Handles and attributes", "Put an attribute on a file that belongs to host root", host_root=True,
        control=boxes.OwnerBox)
def on_file(box):
    return judge({"file": box.ask("attributes")["on a file of host root's"]})


@attack("attribute.oomd", "Handles and attributes", "Set or remove the attributes for systemd-oomd on its root, on a "
        "child, on a file", own_only=True, needs_guard=True, host_root=True,
        control="tested on cgdeleg only, without a control")
def oomd(box):
    if not box.guarded:
        raise NotApplicable("a node without the grant guard")
    os.setxattr(box.path, "user.oomd_avoid", b"host")
    try:
        answers = box.ask("oomd", "spared")
        equal(os.getxattr(box.path, "user.oomd_avoid"), b"host", "what the host has told it")
        equal([name for name in os.listxattr(box.path) if "oomd" in name], ["user.oomd_avoid"], "what it is told")
    finally:
        os.removexattr(box.path, "user.oomd_avoid")
    return judge(answers)
