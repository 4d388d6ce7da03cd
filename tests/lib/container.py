# SPDX-License-Identifier: Apache-2.0
"""Container - one container under a real runtime: created, held, started, looked into, deleted."""
import json
import os
import subprocess

from lib import bundle, host
from lib.process import Result, run, wait_until

SLEEP = ["/bin/sleep", "100000"]
HOLDER = """#!/bin/sh
# Gives the state to the test and keeps the runtime waiting until the test lets go.
cat >"$1/state.new"
mv "$1/state.new" "$1/state"
read -r word <"$1/release"
[ "$word" = go ]
"""


class Container:
    def __init__(self, t, name, args=None, *, hooks=None, held=False, annotations=None, handler="test",
                 policy_dir=None, cgroups_path=None, own_rootfs=False, **knobs):
        self.t, self.id = t, f"{name}{t.next_number()}"
        self.dir = f"{t.work}/{self.id}"
        self.audit_dir = f"{self.dir}/audit"
        self.policy_dir = policy_dir or t.policy_dir
        os.makedirs(self.dir)
        self.rootfs = f"{self.dir}/rootfs" if own_rootfs else t.rootfs
        if own_rootfs:
            bundle.make_rootfs(self.rootfs, t.busybox)
        self.handler, self.held, self.runner, self.alive, self.started = handler, held, None, False, False
        notes = {"run.oci.hooks.stderr": f"{self.dir}/hook.err", **(annotations or {})}
        self.config = bundle.config(args or SLEEP, cgroups_path=cgroups_path or self._cgroups_path(),
                                    annotations=notes, rootfs=self.rootfs, hooks=self._hooks(hooks), **knobs)
        self.save()

    def save(self):
        bundle.write(self.dir, self.config)

    def hook_args(self, **changes):
        """A long deadline: an emulated machine beside another is slow, and only what hangs waits for its end."""
        options = {"handler": self.handler, "policy": self.policy_dir, "audit": self.audit_dir,
                   "run": self.t.run_dir, "helpers": self.t.helpers, "deadline": "60", **changes}
        return ["createRuntime", *[word for key, value in options.items() for word in (f"--{key}", value)]]

    def the_hook(self, **changes):
        return bundle.hook(self.t.hook, *self.hook_args(**changes))

    def _hooks(self, hooks):
        entries = [self.the_hook()] if hooks is None else hooks(self) if callable(hooks) else hooks
        if not self.held:
            return entries
        path = f"{self.dir}/holder"
        host.write(path, HOLDER, 0o755)
        os.mkfifo(f"{self.dir}/release")
        return [bundle.hook(path, self.dir), *entries]

    # Where it is

    def _cgroups_path(self):
        return f"system.slice:cgdtest:{self.id}" if self.t.driver == "systemd" else f"{self.t.parent}/{self.id}"

    @property
    def top(self):
        """The topmost cgroup that is this container's alone."""
        return f"/system.slice/cgdtest-{self.id}.scope" if self.t.driver == "systemd" else f"{self.t.parent}/{self.id}"

    @property
    def has_scope(self):
        return self.t.driver == "systemd" and self.t.runtime == "crun"

    @property
    def cgroup(self):
        return f"{self.top}/container" if self.has_scope else self.top

    # Life

    def runtime(self, *words, **options):
        return run([*self.t.runtime_command, *words], **options)

    def create(self):
        self.alive = True
        self.t.track(self)
        return self.runtime("create", "--bundle", self.dir, self.id)

    def start(self):
        """`start` returns before the container's program runs, and crun's exec cannot always join it by then."""
        self.started = True
        done = self.runtime("start", self.id)
        wait_until(self._runs_its_program, "the container's program")
        return done

    def _runs_its_program(self):
        try:
            pids = host.processes(self.cgroup)
            return all(os.readlink(f"/proc/{pid}/exe").endswith("busybox") for pid in pids)
        except FileNotFoundError:
            return True  # it has ended already

    def up(self):
        """Created and started; raises with what the runtime said."""
        for step in (self.create, self.start):
            done = step()
            if done.code:
                raise RuntimeError(f"{self.t.runtime}: {done.text}{self.hook_err()}")
        return self

    def run(self):
        """The whole life of a container whose process ends by itself."""
        self.alive = True
        self.t.track(self)
        return self.runtime("run", "--bundle", self.dir, self.id)

    def begin(self):
        """Starts the creation of a container that is held, and waits for nothing."""
        self.alive = True
        self.t.track(self)
        with open(f"{self.dir}/out", "wb") as out:
            self.runner = subprocess.Popen(  # pylint: disable=consider-using-with
                [*self.t.runtime_command, "create", "--bundle", self.dir, self.id],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        return self.runner

    def hold(self):
        """Starts the creation; returns when the holder, the first hook, has the state."""
        self.begin()
        return self.wait_held()

    def wait_held(self):
        wait_until(lambda: os.path.exists(f"{self.dir}/state") or self.runner.poll() is not None, "the first hook")
        if self.runner.poll() is not None:
            raise RuntimeError(f"{self.t.runtime}: {host.read(f'{self.dir}/out')}{self.hook_err()}")
        return json.loads(host.read(f"{self.dir}/state"))

    def release(self, word="go"):
        runner, self.runner = self.runner, None
        host.write(f"{self.dir}/release", f"{word}\n")
        return Result(runner.wait(300), host.read(f"{self.dir}/out"), "")

    def exec(self, script):
        return self.runtime("exec", self.id, "/bin/sh", "-c", script)

    def exec_as(self, user, script):
        return self.runtime("exec", "--user", user, self.id, "/bin/sh", "-c", script)

    def update(self, resources):
        path = f"{self.dir}/update{self.t.next_number()}"
        host.write(path, json.dumps(resources))
        return self.runtime("update", "--resources", path, self.id)

    def state(self):
        return json.loads(self.runtime("state", self.id).out)

    def pid(self):
        return self.state()["pid"]

    def delete(self):
        if self.runner:
            self.release("stop")
        self.alive = False
        # On a busy machine a runtime gives up removing the cgroup before its own init, which it has just killed, is gone.
        refused = self.t.driver == "cgroupfs" and not self.started
        if refused:
            host.end_processes(self.top)
        done = self.runtime("delete", "--force", self.id)
        # That is not the hook's doing, as long as nothing of a grant is in it.
        if refused and os.path.exists(f"{host.CGROUP}{self.top}") and not host.attribute(f"{host.CGROUP}{self.top}"):
            host.remove_tree(self.top)
        self.t.untrack(self)
        return done

    # What was said

    def hook_err(self):
        path = f"{self.dir}/hook.err"
        return host.read(path) if os.path.exists(path) else ""

    def records(self):
        return host.records(self.audit_dir)

    # The hook, started by the test itself

    def call_hook(self, state, **changes):
        data = state if isinstance(state, bytes) else json.dumps(state).encode()
        return run([self.t.hook, *self.hook_args(**changes)], data=data)
