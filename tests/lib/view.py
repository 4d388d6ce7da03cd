# SPDX-License-Identifier: Apache-2.0
"""View - what a container sees of its cgroup root, as text that is the same under every runtime."""

# Every file that is not the container's is also written to: the errno is part of the view.
SCRIPT = r"""
cd /sys/fs/cgroup || exit 9
echo "[files]"
for name in . *; do stat -c '%n %u:%g %a' "$name"; done
for leaf in init init.scope; do
    [ -d "$leaf" ] && stat -c '%n %u:%g %a' "$leaf"/*
done
echo "[mount]"
grep ' /sys/fs/cgroup ' /proc/self/mountinfo | tail -n 1
echo "[enabled]"
cat cgroup.subtree_control
echo "[writes]"
for name in *; do
    [ -f "$name" ] && [ "$(stat -c %u "$name")" != 0 ] || continue
    if said=$( { echo max >"$name"; } 2>&1 ); then said=": written"; fi
    echo "$name ${said##*: }"
done
"""


def normalise(text):
    """
    Left out: mount ids and the source, which count up or are the runtime's word, and how many mounts lie at the place
    (under crun the writable one lies on a read-only one; only the topmost can be reached).
    """
    lines = []
    for line in text.splitlines():
        fields = line.split(" ")
        if "/sys/fs/cgroup" in fields and "-" in fields:
            dash = fields.index("-")
            line = f"{fields[3]} {fields[4]} {fields[5]} {fields[dash + 1]}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def sections(text):
    """{section: [lines]}"""
    found, current = {}, []
    for line in text.splitlines():
        if line.startswith("["):
            current = found.setdefault(line.strip("[]"), [])
        else:
            current.append(line)
    return found
