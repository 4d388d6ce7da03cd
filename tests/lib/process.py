# SPDX-License-Identifier: Apache-2.0
"""Process - runs commands; output goes through files, because a container keeps its creator's pipes open."""
import errno
import json
import os
import subprocess
import tempfile
import time
import traceback
from dataclasses import dataclass

from lib.report import Failure

PATIENCE = 300  # seconds; emulated machines are slow, and nothing here waits without a reason


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def text(self):
        return f"exit {self.code}: {self.out}{self.err}"


def _slurp(file):
    file.seek(0)
    return file.read().decode(errors="surrogateescape")


def run(command, *, stdin=subprocess.DEVNULL, data=None, **options):
    """Waits for the end of the command; `data` are bytes for its stdin."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given = {"input": data} if data is not None else {"stdin": stdin}
        done = subprocess.run(command, stdout=out, stderr=err, timeout=PATIENCE, check=False, **given, **options)
        return Result(done.returncode, _slurp(out), _slurp(err))


def run_piped(command, **options):
    """For programs that leave nobody behind: their words come through pipes, which no file limit bounds."""
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False, **options)
    return Result(done.returncode, done.stdout.decode(errors="surrogateescape"),
                  done.stderr.decode(errors="surrogateescape"))


def must(command, **options):
    """The command, which has to succeed."""
    done = run(command, **options)
    if done.code:
        raise Failure(f"{command if isinstance(command, str) else ' '.join(command)}: {done.text}")
    return done


def answer(act):
    """"ok", or the name of the error that the act ended with."""
    try:
        act()
    except OSError as fault:
        return errno.errorcode[fault.errno]
    return "ok"


def in_child(act):
    """What act() returns in a child of its own, as JSON brings it; None where it raised something, which it has printed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, json.dumps(act()).encode())
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


def wait_until(condition, what, patience=120):
    """Polls; gives up with TimeoutError."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.01)
