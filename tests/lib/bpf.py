# SPDX-License-Identifier: Apache-2.0
"""BPF - which programs the kernel has on a cgroup, through bpf(2)."""
import contextlib
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


@contextlib.contextmanager
def _opened(fd):
    try:
        yield fd
    finally:
        os.close(fd)


def _directory(path):
    return _opened(os.open(path, os.O_RDONLY | os.O_DIRECTORY))


def _attached(path, kind):
    """The ids of this kind's programs of this very cgroup, in the order in which they were attached."""
    ids, flags = (ctypes.c_uint32 * 640)(), (ctypes.c_uint32 * 640)()
    # Of an LSM's the kernel insists on telling both.
    more = struct.pack("=IQ", 0, ctypes.addressof(flags)) if kind == LSM_CGROUP else b""
    with _directory(path) as fd:
        _, attr = _bpf(PROG_QUERY, struct.pack("=IIIIQI", fd, kind, 0, 0, ctypes.addressof(ids), 640) + more)
    return list(ids[:struct.unpack_from("=I", attr, 24)[0]])


def device_programs(path):
    return _attached(path, CGROUP_DEVICE)


def _guard_ids(path):
    """{name: [ids]} of the LSM programs of this very cgroup that are the grant guard's."""
    found = {}
    for number in _attached(path, LSM_CGROUP):
        if (name := program_name(number)) in GRANT_GUARD:
            found.setdefault(name, []).append(number)
    return found


def guard_programs(path):
    """The names of the grant guard's programs on this very cgroup."""
    return set(_guard_ids(path))


def _detach(fd, program, kind):
    _bpf(PROG_DETACH, struct.pack("=III", fd, program, kind))


def _by_number(number):
    return _opened(_bpf(PROG_GET_FD_BY_ID, struct.pack("=I", number))[0])


def detach_guard(path, names):
    """Takes these of the grant guard's programs off the cgroup: as root of the host can, with or without pins."""
    with _directory(path) as fd:
        for name, numbers in _guard_ids(path).items():
            for number in numbers if name in names else ():
                with _by_number(number) as program:
                    _detach(fd, program, LSM_CGROUP)


def program_name(number):
    info = ctypes.create_string_buffer(256)
    with _by_number(number) as fd:
        _bpf(OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", fd, 256, ctypes.addressof(info)))
    return info.raw[64:80].rstrip(b"\0").decode()  # struct bpf_prog_info.name


def device_guards(path):
    """The ids of cgdeleg's own among them."""
    return [number for number in device_programs(path) if program_name(number) == "device_guard"]


def _obj_get(pin):
    name = ctypes.create_string_buffer(os.fsencode(pin))
    return _opened(_bpf(OBJ_GET, struct.pack("=Q", ctypes.addressof(name)))[0])


def detach(pin, path):
    """Takes a pinned device program off that cgroup: as root of the host can."""
    with _obj_get(pin) as program, _directory(path) as fd:
        _detach(fd, program, CGROUP_DEVICE)


def cgroups_of_map(pin):
    """The cgroups that have a value in a pinned map of type CGROUP_STORAGE, by their ids."""
    key, found, first = ctypes.create_string_buffer(8), [], 0
    with _obj_get(pin) as fd, contextlib.suppress(FileNotFoundError):
        while True:
            _bpf(MAP_GET_NEXT_KEY, struct.pack("=IIQQ", fd, 0, first, ctypes.addressof(key)))
            first = ctypes.addressof(key)
            found.append(struct.unpack("=Q", key.raw)[0])
    return found
