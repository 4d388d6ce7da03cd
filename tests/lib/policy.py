# SPDX-License-Identifier: Apache-2.0
"""Policy - writes a policy directory; every section is a dictionary."""
import os


def text(defaults=None, profiles=None, handlers=None, rules=None):
    """The policy as INI. Without handlers: one named "test" that grants everything, profile "small"."""
    if profiles is None:
        profiles = {"small": {"cgroup.max.descendants": 16, "cgroup.max.depth": 4}}
    if handlers is None:
        handlers = {"test": {"engine": "containerd", "cgroup_writable": "true",
                             "profile": next(iter(profiles))}}
    sections = []
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


def write(directory, content=None, **sections):
    """Makes DIRECTORY/policy.ini, root's and nobody else's to write."""
    os.makedirs(directory, mode=0o755, exist_ok=True)
    path = os.path.join(directory, "policy.ini")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text(**sections) if content is None else content)
    os.chmod(path, 0o644)
    return directory
