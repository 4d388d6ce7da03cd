# SPDX-License-Identifier: Apache-2.0
"""Devices: the device controller's program replaced, removed or outvoted; and devices, before and after."""
from lib.expect import one_sentence
from lib.fake import Fake, default_policy
from lib.process import run
from lib.report import equal, expect
from suite import box as boxes
from suite.box import FORBIDDEN
from suite.registry import HELD, Outcome, attack, control, judge


@control("config.json allows every device")
def allowing(t, programs):
    return boxes.cgdeleg(t, programs, resources={"devices": [{"allow": True, "access": "rwm"}]})


@control("the program was attached without BPF_F_ALLOW_MULTI; cgdeleg refuses to grant such a cgroup")
def replaceable(t, programs):
    box = boxes.OwnerBox(t, programs)
    attach_replaceable(box)
    return box


def attach_replaceable(box):
    """By host root, before the container could be there."""
    with box.lent("program"):
        done = run([f"{box.programs}/bpf-attach", f"{box.share}/lend", box.path, "stay"])
    equal(boxes.parse(done.out)["attach"], "ok", "attaching without flags")


def try_device(box):
    return box.ask("device", *FORBIDDEN, "/host/node")


@attack("device.open", "Devices", "Make and open a forbidden device", control=allowing)
def open_device(box):
    return judge(try_device(box), but=("mknod",))  # an engine may allow the node; what counts is the device


@attack("device.load", "Devices", "Load a device program; get a program, a link or a map by its number",
        host_root=True, control="the kernel requires capabilities in the host's user namespace; cgdeleg refuses "
        "nothing here")
def load(box):
    return judge(box.ask("bpf-load"))


@attack("device.token", "Devices", "A bpffs of its own with delegation, a token from it, a load with the token",
        control="the kernel lets only the host's user namespace delegate; cgdeleg refuses nothing here")
def token(box):
    return judge(box.ask("bpf-token"))


def _attach(box, where, *stay):
    with box.lent("program") as socket:
        return box.ask("bpf-attach", socket, f"/sys/fs/cgroup{where}", *stay)


def _children(box):
    box.nest()
    box.ask("put", "bpf/")


@attack("device.detach", "Devices", "With a program descriptor received over a socket: detach or replace the programs "
        "that guard it", host_root=True, control=replaceable)
def detach(box):
    box.nest()
    acts = ("detach without naming one", "detach the lent one", "replace")
    return judge({act: said for act, said in _attach(box, "").items() if act in acts})


# Pinning what one holds in a bpffs of one's own changes nothing.
@attack("device.attach", "Devices", "Attach that program to a cgroup of its own, which can only forbid more",
        needs_guard=True, host_root=True, control="there is no defence to take away except the grant guard")
def attach(box):
    _children(box)
    acts = ("link", "attach", "attach, override", "attach, multi")
    answers = _attach(box, "/bpf")
    return judge({act: answers[act] for act in acts})


@attack("device.after", "Devices", "Attach that program to its root and to a child in every way; then open the device, "
        "here and there", host_root=True, control=allowing)
def after(box):
    _children(box)
    for where in ("", "/bpf"):
        _attach(box, where, "stay")
    here = try_device(box)
    there = boxes.parse(box.shell(f"echo $$ >/sys/fs/cgroup/bpf/cgroup.procs; "
                                  f"exec /probe/device {FORBIDDEN[0]} {FORBIDDEN[1]} /host/node").out)
    return judge({"here": here["open"], "there": there["open"]})


class FakeBox(boxes.Box):
    """A cgroup in which nothing runs for us."""
    def __init__(self, t, programs, fake):
        super().__init__(fake.dir, programs)
        self.cgroup = fake.cgroup


@attack("device.replaceable", "Devices", "Be granted a cgroup whose device program could be detached or replaced",
        hook=True, control="the same cgroup without that program is granted")
def ungranted(t, runner):
    policy = default_policy(t, device_bpf="withhold")
    control_fake, fake = Fake(t, policy_dir=policy), Fake(t, policy_dir=policy)
    equal(control_fake.call_hook().text, "exit 0: ", "without the program")
    attach_replaceable(FakeBox(t, runner.programs, fake))
    done = fake.call_hook()
    one_sentence(done.err, f"'{fake.cgroup}'")
    expect(done.code == 1 and not fake.is_granted(), f"granted: {done.text}")
    return Outcome(HELD)
