# SPDX-License-Identifier: Apache-2.0
"""Stopper - the hook held at one of its system calls (stop.c), while the test changes the world around it."""
import json
import os
import select
import subprocess

PATIENCE = 60


class Stopper:
    def __init__(self, work, programs):
        self.program, self.fds, self.paths = f"{programs}/stop", {}, {}
        for name in ("up", "down"):
            path = self.paths[name] = f"{work}/{name}"
            os.mkfifo(path)
            # Both ends: neither side ever waits in open().
            self.fds[name] = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.said = b""

    def _word(self):
        """The next (word, number) that the stopper says."""
        while b"\n" not in self.said:
            ready, _, _ = select.select([self.fds["up"]], [], [], PATIENCE)
            if not ready:
                raise TimeoutError("the stopped hook says nothing")
            self.said += os.read(self.fds["up"], 4096)
        line, self.said = self.said.split(b"\n", 1)
        word, number = line.split()
        return word.decode(), int(number)

    def run(self, command, state, k, change):
        """(exit code, system calls, what it said on stderr). `change` is called where the Kth begins."""
        words = [self.program, str(k), self.paths["up"], self.paths["down"], *command]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as process:
            process.stdin.write(json.dumps(state).encode())
            process.stdin.close()
            word, number = self._word()
            if word == "at":
                try:
                    change()
                finally:
                    os.write(self.fds["down"], b"go\n")
                word, number = self._word()
            said = process.stderr.read().decode(errors="replace")
            return process.wait(), number, said

    def close(self):
        for name, fd in self.fds.items():
            os.close(fd)
            os.unlink(self.paths[name])
