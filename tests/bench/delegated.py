# SPDX-License-Identifier: Apache-2.0
"""Delegated - cgroups with the attribute that the hook writes, as many as one likes, with nothing in them."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import rig as rigs

PARENT = f"{rigs.CGROUP}/cgdeleg-bench-list"
RECORD = ('{{"v":1,"id":"{0:064x}","instance":"mnt:[4026532501]:123456","handler":"runc","profile":"small",'
          '"namespace":"ci-7","pod":"build-{0}","name":"build","line":"/etc/cgdeleg/policy.ini:12","method":"keep",'
          '"leaf":"","since":1790000000,"guarded":false,"scope":false,"ceilings":{{"memory.max":"1073741824",'
          '"pids.max":"1024","cpu.max":"200000 100000","cgroup.max.descendants":"256","cgroup.max.depth":"12"}}}}')


def make(count):
    os.mkdir(PARENT)
    for number in range(count):
        path = f"{PARENT}/{number}"
        os.mkdir(path)
        rigs.write(f"{path}/cgroup.max.descendants", "256")
        rigs.write(f"{path}/cgroup.max.depth", "12")
        os.setxattr(path, "trusted.cgdeleg", RECORD.format(number).encode())


def remove():
    for path, _, _ in os.walk(PARENT, topdown=False):
        os.rmdir(path)
