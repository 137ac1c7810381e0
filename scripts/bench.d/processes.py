# Fanout
# SPDX-License-Identifier: Apache-2.0
"""What the benchmark starts, and ends again whatever happens."""

import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_started: list[subprocess.Popen] = []


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def fail(words: str):
    say(f"error: {words}")
    raise SystemExit(1)


def _die_with_parent() -> None:
    # prctl(PR_SET_PDEATHSIG, SIGKILL): nothing outlives a benchmark that was killed by force.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def start(command: list, log: Path, stdout=None) -> subprocess.Popen:
    """Starts a process whose words go to a log; it is ended at exit."""
    with open(log, "ab") as file:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=stdout if stdout is not None else file,
            stderr=file,
            preexec_fn=_die_with_parent,
        )
    process.log = log
    _started.append(process)
    return process


def stop(process: subprocess.Popen, seconds: float = 5) -> None:
    """Ends a process politely, after a while by force."""
    if process in _started:
        _started.remove(process)
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def stop_all() -> None:
    for process in reversed(list(_started)):
        stop(process)


def check_alive(process: subprocess.Popen) -> None:
    if process.poll() is not None:
        tail = process.log.read_text(errors="replace")[-2000:]
        fail(f"{process.args[0]} ended with status {process.returncode}:\n{tail}")


def children(pid: int) -> list[int]:
    """The process and its children."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid] + [int(child) for child in text.split()]


def scratch() -> Path:
    """A directory that is removed at exit."""
    path = Path(tempfile.mkdtemp(prefix="fanout-bench-"))
    # nginx's worker is another user when root starts it.
    path.chmod(0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(ready, what: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            fail(f"{what} is not ready after {seconds:g} s")
        time.sleep(0.01)


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def voluntary_switches(pid: int) -> int:
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                total += int(line.split()[1])
    return total


def install_cleanup() -> None:
    """SIGTERM and SIGHUP end the benchmark as an exception would, so that everything is cleaned up."""
    atexit.register(stop_all)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def hello(path: str) -> bool:
    """Whether a daemon says Welcome on this socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(path)
        except OSError:
            return False
        # ClientFrame { hello { major: 1 } }
        connection.sendall(b"\x00\x00\x00\x04\x12\x02\x08\x01")
        answer = connection.recv(64)
        # ServerFrame { welcome }, its id 0 left out.
        if len(answer) < 5 or answer[4] != 0x12:
            fail(f"the daemon answered Hello with {answer[:32]!r}")
        return True


def machine() -> dict:
    facts = {}
    for line in subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout.splitlines():
        key, _, value = line.partition(":")
        facts[key.strip()] = value.strip()
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / (1 << 20)
    return {
        "processor": facts.get("Model name", "unknown"),
        "cores": os.cpu_count(),
        "hypervisor": facts.get("Hypervisor vendor", "none"),
        "memory_gib": round(memory, 1),
        "kernel": f"{os.uname().sysname} {os.uname().release}",
        "load_before": os.getloadavg()[0],
    }
