# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Systemd's part, played: it listens for the daemon, hands the socket over, and hears what the daemon tells."""

import os
import signal
import socket
import struct
import subprocess
import threading
import time

from conftest import BINARIES, start, stop

# In place of systemd's own fork and exec: descriptor 3, and the variables that name the process itself.
SHIM = 'if [ "$1" != - ]; then eval "exec 3<&$1"; export LISTEN_PID=$$; fi; export WATCHDOG_PID=$$; shift; exec "$@"'

SIMULATED = """\
model_list:
  - model_name: quick
    litellm_params: {model: "simulated/quick?latency_ms=2&tokens=4&seed=1"}
  - model_name: slow
    litellm_params: {model: "simulated/slow?latency_ms=30000&tokens=4&seed=1"}
  - model_name: steady
    litellm_params: {model: "simulated/steady?latency_ms=700&tokens=4&seed=1"}
"""


class Message:
    """One notification: its assignments, when it came and from which process."""

    def __init__(self, data, pid):
        self.text, self.pid, self.at = data.decode(), pid, time.monotonic()
        self.fields = dict(line.split("=", 1) for line in self.text.split("\n"))

    def __repr__(self):
        return repr(self.text)


class ServiceManager:
    """A listening socket that outlives the daemons, and a notify socket."""

    def __init__(self, directory, abstract=False, text=SIMULATED, watchdog=None):
        self.directory, self.watchdog, self.process = directory, watchdog, None
        self.path = str(directory / "handed.sock")
        self.config = directory / "service.yaml"
        self.config.write_text(text)
        self.log = directory / "service.log"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(512)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        name = f"fanout-test-{os.getpid()}-{id(self)}" if abstract else str(directory / "notify")
        self.notify.bind(f"\0{name}" if abstract else name)
        self.notify_name = f"@{name}" if abstract else name
        self.messages, self.heard = [], threading.Condition()
        threading.Thread(target=self.hear, daemon=True).start()

    def hear(self):
        while True:
            try:
                data, ancillary, *_ = self.notify.recvmsg(4096, 256)
            except OSError:
                return
            pids = [struct.unpack("3i", value)[0] for _, kind, value in ancillary if kind == socket.SCM_CREDENTIALS]
            with self.heard:
                self.messages.append(Message(data, *pids))
                self.heard.notify_all()

    def start(self, listener=True, wrapper=(), daemon=None, arguments=(), **variables):
        """Starts a daemon; `listener` is a socket, True for the manager's own, or None.

        `wrapper` is a command that becomes the daemon, which is then still the process that was started.
        """
        handed = self.listener if listener is True else listener
        environment = {**os.environ, "NOTIFY_SOCKET": self.notify_name, **variables}
        if handed:
            environment = {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "fanout", **environment}
        if self.watchdog:
            environment["WATCHDOG_USEC"] = str(int(self.watchdog * 1_000_000))
        command = ["bash", "-c", SHIM, "sh", str(handed.fileno()) if handed else "-", *wrapper]
        command += [str(daemon or BINARIES / "fanoutd"), "--config", str(self.config), *arguments]
        with open(self.log, "ab") as log:
            self.process = start(command, log, env=environment, pass_fds=(handed.fileno(),) if handed else ())
        return self.process

    def wait_for(self, field, seconds=15, process=None):
        """The newest message with this assignment, from this or the current daemon."""
        pids = ((process or self.process).pid, 0)  # 0: it has ended before its message was read.
        deadline = time.monotonic() + seconds
        with self.heard:
            while True:
                for message in reversed(self.messages):
                    if message.pid in pids and field in message.text.split("\n"):
                        return message
                left = deadline - time.monotonic()
                assert left > 0, f"no {field} in {self.messages}\n{self.log.read_text()[-3000:]}"
                self.heard.wait(left)

    def started(self, **options):
        self.start(**options)
        self.wait_for("READY=1")
        return self.process

    def told(self, name):
        """What was assigned to this, in order, by the current daemon."""
        with self.heard:
            return [m.fields[name] for m in self.messages if m.pid in (self.process.pid, 0) and name in m.fields]

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def close(self):
        if self.process:
            stop(self.process)
        self.notify.close()
        self.listener.close()


def fanout_command(path, *arguments):
    return subprocess.run(
        [str(BINARIES / "fanout"), *map(str, arguments), "--socket", path], capture_output=True, text=True, timeout=60)
