# SPDX-License-Identifier: Apache-2.0
"""BPF - which programs the kernel has on a cgroup, through bpf(2)."""
import ctypes
import os
import platform
import struct

SYS_BPF = {"x86_64": 321, "aarch64": 280, "s390x": 351, "ppc64le": 361, "riscv64": 280}[platform.machine()]
MAP_GET_NEXT_KEY, OBJ_GET, PROG_DETACH, PROG_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD, PROG_QUERY = 4, 7, 9, 13, 15, 16
CGROUP_DEVICE, LSM_CGROUP = 6, 43
GRANT_GUARD = {"guard_bpf", "guard_file_open", "guard_setattr", "guard_setxattr", "guard_rmxattr"}
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


def _guard_ids(path):
    """{name: [ids]} of the LSM programs of this very cgroup that are the grant guard's."""
    ids, flags = (ctypes.c_uint32 * 640)(), (ctypes.c_uint32 * 640)()  # the kernel insists on telling both
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _, attr = _bpf(PROG_QUERY, struct.pack("=IIIIQIIQ", fd, LSM_CGROUP, 0, 0, ctypes.addressof(ids), 640, 0,
                                               ctypes.addressof(flags)))
    finally:
        os.close(fd)
    found = {}
    for number in ids[:struct.unpack_from("=I", attr, 24)[0]]:
        if (name := program_name(number)) in GRANT_GUARD:
            found.setdefault(name, []).append(number)
    return found


def guard_programs(path):
    """The names of the grant guard's programs on this very cgroup."""
    return set(_guard_ids(path))


def detach_guard(path, names):
    """Takes these of the grant guard's programs off the cgroup: as root of the host can, with or without pins."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name, numbers in _guard_ids(path).items():
            for number in numbers if name in names else ():
                program, _ = _bpf(PROG_GET_FD_BY_ID, struct.pack("=I", number))
                try:
                    _bpf(PROG_DETACH, struct.pack("=III", fd, program, LSM_CGROUP))
                finally:
                    os.close(program)
    finally:
        os.close(fd)


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


def detach(pin, path):
    """Takes a pinned device program off that cgroup: as root of the host can."""
    program, fd = _obj_get(pin), os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _bpf(PROG_DETACH, struct.pack("=III", fd, program, CGROUP_DEVICE))
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
