# SPDX-License-Identifier: Apache-2.0
"""Doctor - what `cgdeleg doctor` and `cgdeleg check` say of the engines of this machine."""
import json

from lib.process import run
from lib.report import equal

AMISS = ("note", "warn", "fail", "unknown")


def _amiss():
    """["engine.hook fail: ..."] of the engines and runtimes, without what is as it should be."""
    checks = json.loads(run(["cgdeleg", "doctor", "--json"]).out)["checks"]
    return [f"{one['id']} {one['result']}: {one['text']}" for one in checks
            if one["id"].startswith(("engine.", "runtime.")) and one["result"] in AMISS]


def finds(*wanted):
    """Exactly these are amiss: "engine.hook fail"."""
    found = _amiss()
    equal(sorted({one.split(":")[0] for one in found}), sorted(wanted), f"what doctor finds amiss ({found})")


def results(check):
    """The results of one check."""
    checks = json.loads(run(["cgdeleg", "doctor", "--json"]).out)["checks"]
    return {one["result"] for one in checks if one["id"] == check}


def check_finds(*wanted):
    """The ids of the findings about engines."""
    found = json.loads(run(["cgdeleg", "check", "--json"]).out)["findings"]
    ours = sorted({one["id"] for one in found if one["id"].startswith("CGD4")})
    equal(ours, sorted(wanted), f"what check finds of the engines ({found})")
