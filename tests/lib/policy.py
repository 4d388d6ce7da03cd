# SPDX-License-Identifier: Apache-2.0
"""Policy - writes a policy directory; every section is a dictionary."""
import glob
import os

from lib import host

# What every policy says, unless its test says something else.
NODE = {}


def learn():
    """Of this node, once its guards have been loaded. Where the grant guard fails to load, and nothing proves that the
    kernel cannot have it, `guard = prefer` refuses every container."""
    if glob.glob("/sys/fs/bpf/cgdeleg/*/device_guard") and not glob.glob("/sys/fs/bpf/cgdeleg/*/grant_guard*"):
        NODE["guard"] = "off"


def text(defaults=None, profiles=None, handlers=None, rules=None):
    """The policy as INI. Without handlers: one named "test" that grants everything, profile "small"."""
    if profiles is None:
        profiles = {"small": {"cgroup.max.descendants": 16, "cgroup.max.depth": 4}}
    if handlers is None:
        handlers = {"test": {"engine": "containerd", "cgroup_writable": "true", "profile": next(iter(profiles))}}
    sections = []
    defaults = {**NODE, **(defaults or {})}
    if defaults:
        sections.append(("defaults", defaults))
    for kind, named in (("profile", profiles), ("handler", handlers), ("rule", rules or {})):
        sections += [(f"{kind} {name}", keys) for name, keys in named.items()]
    lines = []
    for name, keys in sections:
        lines.append(f"[{name}]")
        lines += [f"{key} = {value}" for key, value in keys.items()]
        lines.append("")
    return "\n".join(lines)


def adapted(content):
    """A policy that is written out, for this node."""
    lines = "".join(f"{key} = {value}\n" for key, value in NODE.items())
    if not lines or "[defaults]\n" in content:
        return content.replace("[defaults]\n", f"[defaults]\n{lines}", 1)
    return f"[defaults]\n{lines}\n{content}"


def write(directory, content=None, **sections):
    """Makes DIRECTORY/policy.ini, root's and nobody else's to write."""
    os.makedirs(directory, mode=0o755, exist_ok=True)
    host.write(f"{directory}/policy.ini", text(**sections) if content is None else content, 0o644)
    return directory
