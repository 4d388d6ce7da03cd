# SPDX-License-Identifier: Apache-2.0
"""Watch - `cgdeleg watch` while a test runs: its words, its counts, and how a test shows that it does nothing."""
import contextlib
import os
import signal
import subprocess

from lib import host
from lib.process import wait_until


class Watch:
    def __init__(self, directory, program, *options):
        self.dir, self.program = directory, None
        os.makedirs(directory)
        self.audit_dir = f"{directory}/audit"
        self.command = [program, "watch", *options, "--interval", "1", "--metrics", f"{directory}/metrics",
                        "--audit", self.audit_dir]

    def start(self):
        with open(f"{self.dir}/log", "ab") as log:
            self.program = subprocess.Popen(  # pylint: disable=consider-using-with
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self):
        return host.read(f"{self.dir}/log")

    def records(self):
        return host.records(self.audit_dir)

    def count(self, name):
        for line in host.read(f"{self.dir}/metrics").splitlines():
            if line.startswith(f"cgdeleg_watch_{name}"):
                return int(line.split()[1])
        return None

    def two_sweeps(self):
        """Until two sweeps that began after this call have ended: what there was to do for it is done then."""
        enough = self.count("sweeps") + 3  # one may be under way
        wait_until(lambda: self.count("sweeps") >= enough, "two sweeps of the watch")

    def held(self):
        return stopped(self.program.pid)

    def end(self, how=signal.SIGTERM):
        self.program.send_signal(how)
        return self.program.wait(60)

    def __enter__(self):
        self.start()
        wait_until(lambda: os.path.exists(f"{self.dir}/metrics"), "the watch")
        return self

    def __exit__(self, *_):
        self.end(signal.SIGKILL)


@contextlib.contextmanager
def stopped(pid):
    """A watch that cannot look while half of something is done."""
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: "\nState:\tT" in host.read(f"/proc/{pid}/status"), "its stop")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
