# SPDX-License-Identifier: Apache-2.0
"""Journal - what the hook has sent to the node's log, as {field: value}: the real one, or a socket in its place."""
import json
import os
import socket

from lib import host
from lib.process import run

SOCKET = "/run/systemd/journal/socket"


def parse(datagram):
    """journald's native protocol."""
    fields = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8:8 + size], datagram[8 + size + 1:]
        fields[name.decode()] = value.decode()
    return fields


class Journal:
    """For one case. Where no journald runs, the test is it for as long."""
    def __init__(self, t):
        self.cursor, self.socket = None, None
        if host.has_systemd():
            run(["journalctl", "--sync"])
            self.cursor = json.loads(run(["journalctl", "--output", "json", "--lines", "1"]).out or "{}").get("__CURSOR")
            return
        os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        t.later(self.close)
        self.socket.bind(SOCKET)
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()
        os.unlink(SOCKET)
        os.rmdir(os.path.dirname(SOCKET))

    def _all(self):
        if self.socket:
            found = []
            while True:
                try:
                    found.append(parse(self.socket.recv(1 << 16)))
                except BlockingIOError:
                    return found
        run(["journalctl", "--sync"])
        after = ["--after-cursor", self.cursor] if self.cursor else []
        lines = [json.loads(line) for line in run(["journalctl", "--output", "json", *after]).out.splitlines()]
        if lines:
            self.cursor = lines[-1]["__CURSOR"]
        return lines

    def take(self, container=None):
        """The hook's lines since the last time; of one container alone, by its id, where others may run meanwhile."""
        return [line for line in self._all() if line.get("SYSLOG_IDENTIFIER") == "cgdeleg-hook" and
                container in (None, line.get("CGDELEG_ID"))]
