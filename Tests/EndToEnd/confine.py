# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Runs a program as fanoutd.service would have it: user, capabilities, no new privileges, system calls, W^X.

    confine.py UNIT UID [--resolver ADDRESS] [--only-resolver] [--code PATH]… -- COMMAND…

It does to itself what systemd does between fork and exec (src/core/execute.c and src/shared/seccomp-util.c of
systemd 252), for the directives that it knows, and becomes the command. Of the file system it makes all of `/` read-only
and nothing of it executable but ExecPaths and `--code`. Cgroups, /proc and the filter of addresses are not among them.
"""

import argparse

import ctypes
import errno
import os
import re
import resource
import stat
import subprocess
import sys
import tempfile

PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_SET_MDWE = 38, 24, 47, 65
PR_CAP_AMBIENT_CLEAR_ALL, PR_MDWE_REFUSE_EXEC_GAIN = 4, 1
CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_BIND, MS_REMOUNT = 0x20000, 0x4000, 1 << 18, 0x1000, 32
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
NAMESPACES = 0x7E020080  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET} and NEWTIME.
ALLOW, KILL_PROCESS = 0x7FFF0000, 0x80000000
ATTRIBUTE_BAD_ARCHITECTURE, ATTRIBUTE_NO_NEW_PRIVILEGES = 2, 3
NOT_EQUAL, EQUAL, MASKED_EQUAL = 1, 4, 7
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        number = ctypes.get_errno() or -result
        raise OSError(number, f"{what}: {os.strerror(number)}")


class Unit:
    """The assignments of a unit's text; lists are joined."""

    def __init__(self, path):
        self.values = {}
        for line in open(path, encoding="utf-8"):
            if match := re.match(r"([A-Z]\w*)=(.*)", line.rstrip("\n")):
                self.values.setdefault(match[1], []).append(match[2])

    def last(self, name):
        return self.values.get(name, [""])[-1]

    def is_on(self, name):
        return self.last(name) == "yes"


def groups():
    """The sets that `systemd-analyze syscall-filter` lists, by name."""
    text = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True).stdout
    found, current = {}, None
    for line in text.splitlines():
        if line.startswith("@"):
            current = found.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#") and current is not None:
            current.append(line.strip())
        elif not line.startswith(" "):
            current = None
    return found


def expanded(words, sets):
    """Calls that a line of SystemCallFilter names."""
    calls = set()
    for word in words:
        calls |= expanded(sets[word], sets) if word.startswith("@") else {word}
    return calls


def allowed_calls(unit, sets):
    allowed = set()
    for line in unit.values["SystemCallFilter"]:
        if line.startswith("~"):
            allowed -= expanded(line[1:].split(), sets)
        else:
            # systemd adds what no process can do without.
            allowed |= expanded(line.split() + ["@default"], sets)
    return allowed


class Compare(ctypes.Structure):
    """struct scmp_arg_cmp of seccomp.h."""

    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def error(number):
    return 0x00050000 | number


class Filter:
    """One seccomp filter; several are loaded one after the other, and the strictest answer holds."""

    library = None

    def __init__(self, default=ALLOW):
        if Filter.library is None:
            Filter.library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
            Filter.library.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.library.seccomp_init(ctypes.c_uint32(default)))
        assert self.context, "seccomp_init failed"
        self.set(ATTRIBUTE_BAD_ARCHITECTURE, KILL_PROCESS)
        self.set(ATTRIBUTE_NO_NEW_PRIVILEGES, 0)

    def set(self, attribute, value):
        check(self.library.seccomp_attr_set(self.context, attribute, ctypes.c_uint32(value)), "seccomp_attr_set")

    def rule(self, action, call, *comparisons):
        number = self.library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return  # Another architecture's.
        array = (Compare * max(1, len(comparisons)))(*comparisons)
        result = self.library.seccomp_rule_add_array(
            self.context, ctypes.c_uint32(action), number, len(comparisons), array)
        check(result, f"seccomp_rule_add of {call}")

    def load(self):
        check(self.library.seccomp_load(self.context), "seccomp_load")


def families(names):
    filter, numbers = Filter(), sorted({"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}[name] for name in names)
    for below in range(0, 46):
        if below not in numbers:
            filter.rule(error(errno.EAFNOSUPPORT), "socket", Compare(0, EQUAL, below, 0))
    filter.load()


def write_xor_execute():
    filter = Filter()
    both = PROT_WRITE | PROT_EXEC
    filter.rule(error(errno.EPERM), "mmap", Compare(2, MASKED_EQUAL, both, both))
    for call in ("mprotect", "pkey_mprotect"):
        filter.rule(error(errno.EPERM), call, Compare(2, MASKED_EQUAL, PROT_EXEC, PROT_EXEC))
    filter.rule(error(errno.EPERM), "shmat", Compare(2, MASKED_EQUAL, SHM_EXEC, SHM_EXEC))
    filter.load()


def no_namespaces():
    filter = Filter()
    filter.rule(error(errno.ENOSYS), "clone3")
    filter.rule(error(errno.EPERM), "setns")
    for bit in range(32):
        if NAMESPACES & 1 << bit:
            filter.rule(error(errno.EPERM), "clone", Compare(0, MASKED_EQUAL, 1 << bit, 1 << bit))
            filter.rule(error(errno.EPERM), "unshare", Compare(0, MASKED_EQUAL, 1 << bit, 1 << bit))
    filter.load()


def no_set_id_files():
    filter = Filter()
    for bit in (stat.S_ISUID, stat.S_ISGID):
        for call, argument in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("open", 2), ("openat", 3)):
            filter.rule(error(errno.EPERM), call, Compare(argument, MASKED_EQUAL, bit, bit))
    filter.load()


def no_realtime():
    filter = Filter()
    for policy in (1, 2, 6):
        filter.rule(error(errno.EPERM), "sched_setscheduler", Compare(1, EQUAL, policy, 0))
    filter.load()


def system_calls(unit, sets):
    number = getattr(errno, unit.last("SystemCallErrorNumber") or "EPERM")
    allowed = allowed_calls(unit, sets)
    # A call that systemd doesn't know is answered as by an old kernel, so that libraries fall back.
    filter = Filter(default=error(errno.ENOSYS))
    for call in sorted(allowed | expanded(["@known"], sets)):
        filter.rule(ALLOW if call in allowed else error(number), call)
    filter.load()


def mount(source, target, flags):
    check(libc.mount(source and source.encode(), target.encode(), None, flags, None), f"mount on {target}")


def resolver(address):
    """Names are asked for at this address, by this process alone."""
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(f"nameserver {address}\noptions timeout:2 attempts:2\n")
    os.chmod(file.name, 0o644)
    mount(file.name, os.path.realpath("/etc/resolv.conf"), MS_BIND)


def files(code):
    """The root is read-only, and only this is code."""
    for path in sorted({os.path.realpath(path) for path in code if os.path.exists(path)}):
        mount(path, path, MS_BIND)
        mount(None, path, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    mount(None, "/", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC)


def main():
    split = sys.argv.index("--")
    parser = argparse.ArgumentParser()
    parser.add_argument("unit", type=Unit)
    parser.add_argument("uid", type=int)
    parser.add_argument("--resolver")
    parser.add_argument("--only-resolver", action="store_true", help="restrict nothing")
    parser.add_argument("--code", action="append", default=[])
    options, command = parser.parse_args(sys.argv[1:split]), sys.argv[split + 1:]
    unit, uid, sets = options.unit, options.uid, groups()
    check(libc.unshare(CLONE_NEWNS), "unshare")
    mount(None, "/", MS_REC | MS_PRIVATE)
    if options.resolver:
        resolver(options.resolver)
    if options.only_resolver:
        os.execvp(command[0], command)
    assert unit.last("NoExecPaths") == "/" and unit.last("ProtectSystem") == "strict"
    files([path.lstrip("-") for path in unit.last("ExecPaths").split()] + options.code)
    assert unit.last("CapabilityBoundingSet") == "" == unit.last("AmbientCapabilities")
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    os.umask(int(unit.last("UMask"), 8))
    descriptors = min(int(unit.last("LimitNOFILE")), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    assert unit.is_on("NoNewPrivileges")
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    if unit.is_on("MemoryDenyWriteExecute"):
        write_xor_execute()
        libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)  # Linux 6.3; the filter says the same.
    families(unit.last("RestrictAddressFamilies").split())
    if unit.is_on("RestrictNamespaces"):
        no_namespaces()
    if unit.is_on("RestrictSUIDSGID"):
        no_set_id_files()
    if unit.is_on("RestrictRealtime"):
        no_realtime()
    system_calls(unit, sets)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
