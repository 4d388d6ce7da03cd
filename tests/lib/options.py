# SPDX-License-Identifier: Apache-2.0
"""Options - the command line of what runs containers on this machine, and which runtimes and drivers that means."""
import argparse
import os
import shutil

from lib import host

RUNTIMES, DRIVERS = ("crun", "runc"), ("cgroupfs", "systemd")
BUILD = os.path.realpath(f"{os.path.dirname(__file__)}/../../build")


def parser(description):
    found = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--hook", default=f"{BUILD}/hooks/cgdeleg-hook")
    found.add_argument("--cgdeleg", default=f"{BUILD}/cgdeleg/cli/cgdeleg")
    found.add_argument("--busybox", default=shutil.which("busybox"), help="a static one")
    found.add_argument("--runtime", choices=RUNTIMES)
    found.add_argument("--driver", choices=DRIVERS)
    found.add_argument("--whole", action="append", metavar="RUNTIME/DRIVER", choices=[f"{r}/{d}" for r in RUNTIMES for d in DRIVERS],
                       help="every case under this pair only, and under the others what grant.views compares")
    found.add_argument("--only", metavar="PATTERN", help="cases whose names match")
    found.add_argument("--list", action="store_true", help="print the cases and end")
    found.add_argument("--times", action="store_true", help="print what each case took")
    return found


def combinations(options):
    """[(runtime, driver)]"""
    drivers = DRIVERS if host.has_systemd() else DRIVERS[:1]
    return [(runtime, driver) for driver in drivers for runtime in RUNTIMES
            if shutil.which(runtime) and options.runtime in (None, runtime) and options.driver in (None, driver)]


def report_missing(options, report):
    for runtime in RUNTIMES:
        if not shutil.which(runtime) and options.runtime in (None, runtime):
            report.skip(runtime, "it is not installed")
    if not host.has_systemd() and options.driver in (None, "systemd"):
        report.skip("systemd driver", "systemd is not this machine's init; the virtual machines show it")
