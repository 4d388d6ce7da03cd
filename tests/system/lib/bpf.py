# SPDX-License-Identifier: Apache-2.0
"""BPF - which programs the kernel has on a cgroup, through bpf(2)."""
import ctypes
import os
import platform
import struct

SYS_BPF = {"x86_64": 321, "aarch64": 280, "s390x": 351, "ppc64le": 361, "riscv64": 280}[platform.machine()]
MAP_GET_NEXT_KEY, OBJ_GET, PROG_DETACH, PROG_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD, PROG_QUERY = 4, 7, 9, 13, 15, 16
CGROUP_DEVICE, LSM_CGROUP = 6, 43
_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command, attr):
    buffer = ctypes.create_string_buffer(attr.ljust(128, b"\0"), 128)
    done = _libc.syscall(SYS_BPF, command, buffer, 128)
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done, buffer.raw


def device_programs(path):
    """The ids of the device programs of this very cgroup, in the order in which they were attached."""
    ids = (ctypes.c_uint32 * 64)()
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _, attr = _bpf(PROG_QUERY, struct.pack("=IIIIQI", fd, CGROUP_DEVICE, 0, 0, ctypes.addressof(ids), 64))
    finally:
        os.close(fd)
    return list(ids[:struct.unpack_from("=I", attr, 24)[0]])


def program_name(number):
    fd, _ = _bpf(PROG_GET_FD_BY_ID, struct.pack("=I", number))
    info = ctypes.create_string_buffer(256)
    try:
        _bpf(OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", fd, 256, ctypes.addressof(info)))
    finally:
        os.close(fd)
    return info.raw[64:80].rstrip(b"\0").decode()  # struct bpf_prog_info.name


def device_guards(path):
    """The ids of cgdeleg's own among them."""
    return [number for number in device_programs(path) if program_name(number) == "device_guard"]


def _obj_get(pin):
    name = ctypes.create_string_buffer(os.fsencode(pin))
    return _bpf(OBJ_GET, struct.pack("=Q", ctypes.addressof(name)))[0]


def detach(pin, path, device):
    """Takes a pinned program off that cgroup: as root of the host can."""
    program, fd = _obj_get(pin), os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _bpf(PROG_DETACH, struct.pack("=III", fd, program, CGROUP_DEVICE if device else LSM_CGROUP))
    finally:
        os.close(fd)
        os.close(program)


def cgroups_of_map(pin):
    """The cgroups that have a value in a pinned map of type CGROUP_STORAGE, by their ids."""
    fd = _obj_get(pin)
    key, found = ctypes.create_string_buffer(8), []
    try:
        first = 0
        while True:
            _bpf(MAP_GET_NEXT_KEY, struct.pack("=IIQQ", fd, 0, first, ctypes.addressof(key)))
            first = ctypes.addressof(key)
            found.append(struct.unpack("=Q", key.raw)[0])
    except FileNotFoundError:
        return found
    finally:
        os.close(fd)
