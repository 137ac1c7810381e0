# Fanout
# SPDX-License-Identifier: Apache-2.0
"""A real model, a provider that misbehaves on demand, and the daemon: started once, for all tests.

FANOUT_BINARIES names the folder of fanoutd and fanout; without it the release build's.
"""

import asyncio
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients" / "python"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import fanout  # noqa: E402
from fake_upstream import FakeUpstream  # noqa: E402

BINARIES = pathlib.Path(os.environ.get("FANOUT_BINARIES") or ROOT / ".build" / "release")


PR_SET_PDEATHSIG = 1


def end_with_parent():
    """However the tests end, they leave nothing running."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, log, **options):
    return subprocess.Popen(command, stderr=log, start_new_session=True, preexec_fn=end_with_parent, **options)


def stop(process, seconds=15):
    """Ends a process group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"{process.args[0]} did not end by itself in {seconds} s") from None
    return process.returncode


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    # Socket paths have 107 bytes: pytest's own folder is short enough under /tmp.
    return tmp_path_factory.mktemp("fanout")


@pytest.fixture(scope="session")
def model_url(directory):
    """The real model's base URL."""
    with open(directory / "model.log", "wb") as log:
        process = start(
            [str(ROOT / "scripts" / "real-model")], log, stdout=subprocess.PIPE, text=True)
        url = process.stdout.readline().strip()
        assert url, (directory / "model.log").read_text()
        yield url
        stop(process)


@pytest.fixture(scope="session")
def upstream():
    upstream = FakeUpstream()
    yield upstream
    upstream.stop()


@pytest.fixture(autouse=True)
def forget_requests(request):
    if "upstream" in request.fixturenames:
        request.getfixturevalue("upstream").reset()


BAD = ("html", "nothing", "garbage", "notjson", "cut", "reset", "hang", "down", "unauthorized", "limited", "refusing")


def deployment(group, base, model="fake", provider="openai", **parameters):
    lines = [f"  - model_name: {group}", "    litellm_params:", f"      model: {provider}/{model}"]
    # A key each: a refused key shuts every deployment that has it at the same host.
    lines += [f"      api_base: {base}", f"      api_key: key-of-{group}"]
    return lines + [f"      {key}: {value}" for key, value in parameters.items()]


def simulated(group, settings):
    return [f"  - model_name: {group}", "    litellm_params:", f"      model: simulated/{group}?{settings}"]


def configuration(socket_path, upstream, model_url=None):
    lines = ["model_list:"]
    if model_url:
        for group in ("gemma", "gemma", "embed", "flaky"):
            lines += deployment(group, model_url, "gemma-3-270m")
        lines += deployment("messages", model_url, "gemma-3-270m", "anthropic")
        # Nothing listens on port 1; chosen nine times of ten at first.
        lines += deployment("flaky", "http://127.0.0.1:1/v1", weight=9)
    lines += deployment("good", upstream.url("good"))
    lines += deployment("single", upstream.url("good"), max_parallel_requests=1)
    lines += deployment("refused", "http://127.0.0.1:1/v1")
    for behaviour in BAD:
        lines += deployment(behaviour, upstream.url(behaviour))
    lines += simulated("bulk", "latency_ms=2&tokens=4&seed=1")
    lines += ["router_settings:", "  num_retries: 2", "  fallbacks: [{\"down\": [\"good\"]}]"]
    lines += ["  model_group_alias: {\"nickname\": \"good\"}"]
    return "\n".join(lines + ["fanout:", f"  socket: {socket_path}", ""])


class Daemon:
    def __init__(self, directory, text, name="daemon"):
        self.path = str(directory / f"{name}.sock")
        self.log = directory / f"{name}.log"
        config = directory / f"{name}.yaml"
        config.write_text(text)
        with open(self.log, "wb") as log:
            command = [str(BINARIES / "fanoutd"), "--config", str(config), "--socket", self.path]
            self.process = start(command, log, stdout=log)
        deadline = time.monotonic() + 10
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                stop(self.process)
                raise AssertionError(f"fanoutd did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.02)

    def answers(self):
        # That the file is there says nothing: it may be that of a daemon that was killed.
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.path) == 0

    def stop(self):
        return stop(self.process)


@pytest.fixture(scope="session")
def daemon(directory, upstream, model_url):
    if not (BINARIES / "fanoutd").exists():
        pytest.exit(f"{BINARIES}/fanoutd is not there: build with swift build -c release --product fanoutd", 2)
    daemon = Daemon(directory, configuration(directory / "daemon.sock", upstream, model_url))
    yield daemon
    status = daemon.stop()
    assert status == 0, f"fanoutd ended with {status}:\n{daemon.log.read_text()[-4000:]}"


@pytest.fixture
def client(daemon):
    """A client without an event loop. The daemon must be alive after each test."""
    with fanout.Client(daemon.path) as client:
        yield client
    assert daemon.process.poll() is None, f"fanoutd is gone:\n{daemon.log.read_text()[-4000:]}"


@pytest.fixture
def run(daemon):
    """Runs `body(client)` on an event loop, within 60 s."""

    def run(body, seconds=60):
        async def main():
            async with fanout.AsyncClient(daemon.path) as client:
                return await asyncio.wait_for(body(client), seconds)

        return asyncio.run(main())

    yield run
    assert daemon.process.poll() is None, f"fanoutd is gone:\n{daemon.log.read_text()[-4000:]}"


def user(text):
    return [{"role": "user", "content": text}]


def call(model, text="hello", **more):
    return {"model": model, "messages": user(text), **more}


def results_of(events):
    return [event for event in events if isinstance(event, fanout.Result)]


def text_of(result):
    response = getattr(result, "response", result)
    return response.choices[0].message.content
