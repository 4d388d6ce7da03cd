# SPDX-License-Identifier: Apache-2.0
"""Report - one line a result, counted; and the registry of cases."""
import contextlib
import fnmatch
import importlib
import os
import sys
import time
import traceback


class Failure(Exception):
    """An expectation that did not hold."""


class Skip(Exception):
    """Something that this machine cannot show; the text says why."""


CASES = []


def case(name, scope="each", driver=None):
    """Registers a case. scope: "each" runtime and driver, or under `driver` alone where it is named; "runtime", each,
    under one driver, since no driver can change the answer: systemd's where there is one; "once", since no runtime is
    asked; "last", after all others."""
    def register(function):
        CASES.append((name, scope, driver, function))
        return function
    return register


def load_cases(suite):
    """Imports every file of SUITE/cases."""
    for name in sorted(os.listdir(f"{suite}/cases")):
        if name.endswith(".py"):
            importlib.import_module(f"cases.{name[:-3]}")


@contextlib.contextmanager
def timed(name, wanted=True):
    began = time.monotonic()
    yield
    if wanted:
        print(f"# {name}: {time.monotonic() - began:.1f} s", flush=True)


class Report:
    def __init__(self, only=None):
        self.only = only
        self.passed = self.failed = self.skipped = 0

    def wants(self, name):
        return not self.only or fnmatch.fnmatch(name, f"*{self.only}*")

    def ok(self, name):
        self.passed += 1
        print(f"ok {name}", flush=True)

    def fail(self, name, why):
        self.failed += 1
        print(f"not ok {name}: {' | '.join(str(why).strip().splitlines())}", flush=True)

    def skip(self, name, why):
        self.skipped += 1
        print(f"skip {name}: {why}", flush=True)

    @contextlib.contextmanager
    def step(self, name):
        """One result: what is raised inside is its failure, and the case goes on."""
        try:
            yield
        except Skip as why:
            self.skip(name, why)
        except Failure as why:
            self.fail(name, why)
        except Exception as error:  # pylint: disable=broad-except
            traceback.print_exc(file=sys.stderr)
            self.fail(name, f"{type(error).__name__}: {error}")
        else:
            self.ok(name)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed or not self.passed else 0


def expect(condition, why):
    if not condition:
        raise Failure(why)


def equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: got {got!r}, expected {wanted!r}")


def succeeds(done, what):
    """The Result of a command that has to end with 0."""
    if done.code != 0:
        raise Failure(f"{what}: {done.text}")
    return done


def fails(done, what):
    """The Result of a command that has to end with anything else."""
    if done.code == 0:
        raise Failure(f"{what}: {done.text}")
    return done


def contains(text, part, what):
    if part not in text:
        raise Failure(f"{what}: {part!r} is not in {text!r}")


def same(before, after, what):
    """Two dictionaries or lists: names the differences rather than printing both."""
    if before == after:
        return
    if isinstance(before, dict):
        changes = [f"{key}: {before.get(key)!r} -> {after.get(key)!r}"
                   for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    else:
        changes = [f"-{x}" for x in before if x not in after] + [f"+{x}" for x in after if x not in before]
    shown = "; ".join(changes[:12])
    raise Failure(f"{what} changed ({len(changes)}): {shown}")
