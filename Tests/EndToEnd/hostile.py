# Fanout
# SPDX-License-Identifier: Apache-2.0
"""What tests of hostile clients share: a daemon of their own with small bounds, and what it holds."""

import contextlib
import os
import pathlib
import re
import time

from conftest import Daemon, simulated
from raw_peer import RawPeer


@contextlib.contextmanager
def serving(directory, name, *limits):
    """A daemon with the models `quick`, `slow` and `wide` and these `fanout.limits`; it must end well."""
    lines = ["model_list:", *simulated("quick", "latency_ms=2&tokens=4"), *simulated("wide", "tokens=20000")]
    # One token is a fixed text; further ones repeat the prompt's words, however long they are.
    lines += [*simulated("slow", "latency_ms=30000&tokens=1"), "      max_parallel_requests: 4096"]
    if limits:
        lines += ["fanout:", "  limits:", *(f"    {line}" for line in limits)]
    daemon = Daemon(pathlib.Path(directory), "\n".join([*lines, ""]), name)
    try:
        yield daemon
        assert daemon.process.poll() is None, f"fanoutd is gone:\n{daemon.log.read_text()[-4000:]}"
    finally:
        assert daemon.stop() == 0, daemon.log.read_text()[-4000:]


def asked(peer):
    """What the daemon says of itself to a client."""
    peer.send(1, status_query={"lanes": True})
    return peer.until("status").status


def status(daemon):
    """The same; the connection that asks is one of those it counts."""
    with RawPeer(daemon.path) as peer:
        return asked(peer)


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def memory(daemon, field="VmRSS"):
    """MiB in memory now, or with VmHWM at most so far (proc(5))."""
    text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M)[1]) / 1024


def processor_seconds(daemon):
    fields = pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until(is_so, seconds=15):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it didn't come to be so"
        time.sleep(0.02)


def is_idle(daemon, open_descriptors):
    """Nothing of anybody is left: connections, batches, items, attempts, descriptors."""
    now = status(daemon)
    held = (now.connections, now.batches, now.queued, now.running, sum(lane.in_flight for lane in now.lanes))
    return held == (1, 0, 0, 0, 0) and descriptors(daemon) <= open_descriptors
