# SPDX-License-Identifier: Apache-2.0
"""cgdeleg-runtime in the runtime's place: it adds the hook, and all else is as without it."""
import os
import shutil

from lib import bundle, host
from lib.expect import granted, nothing_left
from lib.report import Skip, case, contains, equal, fails

# The wrapper's hook knows its handler only; the test's policy and record are elsewhere.
HOOK = '#!/bin/sh\nexec "{hook}" "$@" --policy "{policy}" --audit "{audit}"\n'


def wrap(t, c):
    """From here on the case's runtime is called through the wrapper."""
    wrapper = f"{os.path.dirname(t.hook)}/cgdeleg-runtime"
    if not os.path.exists(wrapper):
        raise Skip("there is no cgdeleg-runtime beside the hook")
    script = f"{c.dir}/hook"
    host.write(script, HOOK.format(hook=t.hook, policy=c.policy_dir, audit=c.audit_dir))
    os.chmod(script, 0o755)
    real, *options = t.runtime_command
    return [wrapper, "--handler", c.handler, "--runtime", shutil.which(real), "--hook", script, "--", *options]


@case("wrapper.life")
def life(t):
    direct = t.runtime_command
    c = t.container("w", hooks=[])
    try:
        t.runtime_command = wrap(t, c)
        with t.step("create, start: the hook was added and has granted"):
            granted(c.up())
            before = os.stat(f"{c.dir}/config.json").st_ino
        with t.step("state, exec, list: as they are"):
            equal(c.state()["status"], "running", "the status")
            equal(c.exec("exit 7").code, 7, "exec's exit code")
            contains(c.runtime("list", "--quiet").out, c.id, "list")
            equal(os.stat(f"{c.dir}/config.json").st_ino, before, "config.json's inode")
        with t.step("kill, delete: nothing is left"):
            equal(c.delete().code, 0, "delete")
            nothing_left(c)
        with t.step("the same bundle again: one hook, not two"):
            granted(c.up())
            equal(os.stat(f"{c.dir}/config.json").st_ino, before, "config.json's inode")
    finally:
        t.destroy_all()
        t.runtime_command = direct


@case("wrapper.refusal", scope="runtime")
def refusal(t):
    direct = t.runtime_command
    c = t.container("w", hooks=[])
    c.config["hooks"] = {"createRuntime": [bundle.hook(f"{c.dir}/hook", "createRuntime", "--handler", "other")]}
    c.save()
    try:
        t.runtime_command = wrap(t, c)
        log = f"{c.dir}/log"
        t.runtime_command += ["--log", log, "--log-format", "json"]
        with t.step("a hook that cannot be added: the runtime is not executed"):
            contains(fails(c.create(), "the container was created").err, "cgdeleg-runtime: error [runtime]: bundle", "standard error")
            contains(host.read(log), '"level":"error"', "the log")
            nothing_left(c)
    finally:
        t.destroy_all()
        t.runtime_command = direct
