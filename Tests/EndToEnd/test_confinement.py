# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The daemon at work under the restrictions of fanoutd.service: a score is only a property of a text.

confine.py applies them; a batch goes over HTTPS to a name that a name server of the test's own knows. The system
calls that the daemon makes are traced and held against the unit's filter.
"""

import ctypes.util
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

import fanout
from conftest import BINARIES, ROOT, call, results_of
from confine import Unit, allowed_calls, groups
from secure_provider import NameServer, SecureProvider
from service_manager import ServiceManager

UNIT = ROOT / "systemd" / "fanoutd.service"
SOMEBODY = 64_123  # Nobody's number, as `fanout` would have one.
ITEMS = 600


def missing():
    """Why confinement can't be shown here; None = it can."""
    if os.geteuid() != 0:
        return "only root can become another user, mount and answer on port 53"
    for program, package in (("systemd-analyze", "systemd"), ("openssl", "openssl"), ("strace", "strace")):
        if not shutil.which(program):
            return f"{program} is not installed: scripts/setup --all ({package})"
    if not ctypes.util.find_library("seccomp"):
        return "libseccomp is not installed: scripts/setup --all"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        return "mount namespaces are not permitted here"
    if not re.search(r"^hosts:.*\bdns\b", pathlib.Path("/etc/nsswitch.conf").read_text(), re.M):
        return "/etc/nsswitch.conf doesn't resolve hosts by DNS"
    if not os.path.exists("/etc/resolv.conf"):
        return "there is no /etc/resolv.conf to stand in for"
    return None


pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def confinement(*code, resolver=None):
    """The command that becomes another under the unit's restrictions."""
    command = [sys.executable, str(ROOT / "Tests" / "EndToEnd" / "confine.py"), str(UNIT), str(SOMEBODY)]
    command += ["--resolver", resolver] if resolver else []
    return [*command, *(word for path in code for word in ("--code", path)), "--"]


class Scene:
    """A provider, its name server, and a daemon under a wrapper."""

    def __init__(self, folder):
        self.folder, self.provider, self.names = folder, SecureProvider(folder), NameServer()
        # Where anybody may go: the build's folder may be closed for others.
        self.daemon = folder / "fanoutd"
        shutil.copy(BINARIES / "fanoutd", self.daemon)
        text = "\n".join([
            "model_list:", "  - model_name: good", "    litellm_params:", "      model: openai/fake",
            f"      api_base: {self.provider.url('good')}", "      api_key: os.environ/TEST_KEY",
            "  - model_name: unknown", "    litellm_params: {model: openai/fake, api_base: 'https://no.fanout.test/v1',"
            " api_key: x}", "router_settings: {num_retries: 1}", "fanout:", f"  ca_file: {self.provider.ca}", ""])
        self.manager = ServiceManager(folder, text=text, watchdog=2.0)
        for path in folder.iterdir():
            path.chmod(0o755 if path.is_dir() or path == self.daemon else 0o644)
        os.chmod(self.manager.path, 0o666)
        os.chmod(self.manager.notify_name, 0o666)

    def code(self):
        """What beside ExecPaths is code: the daemon where it lies here, and Swift's libraries unless it has them."""
        libraries = subprocess.run(["ldd", self.daemon], capture_output=True, text=True, check=True).stdout
        folders = {os.path.dirname(os.path.realpath(path)) for path in re.findall(r"=> (/\S+)", libraries)}
        return [str(self.daemon), *(folder for folder in folders if not folder.startswith(("/usr/lib", "/lib")))]

    def confinement(self):
        return confinement(*self.code(), resolver=self.names.address)

    def work(self):
        """All that a daemon does: batches streamed and not, failures, a status, a reload, a drain."""
        manager, process = self.manager, self.manager.process
        with fanout.Client(manager.path) as client:
            for stream in (False, True):
                calls = [call("good", f"say={n}") for n in range(ITEMS)] + [call("unknown")]
                results = results_of(client.batch(calls, max_concurrency=48, stream=stream))
                failed = [r for r in results if r.exception is not None]
                assert len(results) == ITEMS + 1 and [r.exception.code for r in failed] == ["UNREACHABLE"], failed[:3]
            client.status(lanes=True)
            process.send_signal(signal.SIGHUP)
            manager.wait_for("RELOADING=1")
            results = results_of(client.batch([call("good") for _ in range(20)]))
            assert all(r.exception is None for r in results)
        manager.wait_for("WATCHDOG=1")
        manager.terminate()
        assert process.wait(20) == 0, manager.log.read_text()[-3000:]
        manager.wait_for("STOPPING=1")
        assert ("provider.fanout.test", 1) in self.names.asked

    def close(self):
        self.manager.close()
        self.provider.stop()
        self.names.stop()


@pytest.fixture
def scene():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fanout-confined-"))
    folder.chmod(0o755)
    scene = Scene(folder)
    yield scene
    scene.close()
    shutil.rmtree(folder)


def test_the_daemon_works_under_the_restrictions_of_its_unit(scene):
    process = scene.manager.started(wrapper=scene.confinement(), daemon=scene.daemon, TEST_KEY="sk-test")
    status = dict(re.findall(r"^(\w+):\t(.*)$", pathlib.Path(f"/proc/{process.pid}/status").read_text(), re.M))
    assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert set(status["Uid"].split()) == {str(SOMEBODY)}
    scene.work()


@pytest.mark.parametrize("what, code", [
    ("code written at run time", "import mmap; mmap.mmap(-1, 4096, prot=7)"),
    ("another address family", "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"),
    ("a system call outside the filter", "import os; os.setpriority(0, 0, 5)"),
    ("a program of the system", "import os; os.execv('/usr/bin/id', ['id'])"),
    ("a file", "open('/var/tmp/fanout-confined', 'w')"),
])
def test_the_harness_refuses(what, code):
    python = os.path.realpath(sys.executable)
    done = subprocess.run(
        [*confinement(python, sys.base_prefix), python, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done
    assert re.search(r"not permitted|denied|Read-only|not supported", done.stderr.splitlines()[-1]), done.stderr


# What the daemon calls and the filter refuses, with what becomes of it: libdispatch asks for the priority of its
# threads and goes on without.
REFUSED = {"setpriority"}


def test_the_daemons_system_calls_are_within_the_filter(scene, capsys):
    summary = scene.folder / "calls"
    resolver = confinement(resolver=scene.names.address)[:-1]
    trace = ["strace", "-D", "-f", "-qq", "-c", "-U", "name", "-o", str(summary)]
    scene.manager.started(
        wrapper=[*resolver, "--only-resolver", "--", *trace], daemon=scene.daemon, TEST_KEY="sk-test")
    scene.work()
    deadline = time.monotonic() + 20
    while not summary.exists() or not summary.read_text().strip():
        assert time.monotonic() < deadline, "strace wrote nothing"
        time.sleep(0.05)
    time.sleep(0.2)
    made = set(re.findall(r"^\s*(\w+)$", summary.read_text(), re.M)) - {"syscall", "total"}
    outside = made - allowed_calls(Unit(UNIT), groups())
    with capsys.disabled():
        print(f"\n{len(made)} system calls seen, outside the filter: {', '.join(sorted(outside)) or 'none'}")
    assert {"sendto", "epoll_wait", "accept4", "connect"} <= made, made
    assert outside <= REFUSED
