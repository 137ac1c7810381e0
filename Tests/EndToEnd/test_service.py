# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The daemon as a service: activation, notifications, watchdog, reload, drain and restart, without a systemd.

What would be systemd's is played by service_manager.py, after sd_listen_fds(3) and sd_notify(3).
"""

import os
import pathlib
import signal
import socket
import threading
import time

import pytest

import fanout
from conftest import call, results_of, text_of, user
from raw_peer import RawPeer, chat, name
from service_manager import SIMULATED, ServiceManager


@pytest.fixture
def manager(tmp_path):
    manager = ServiceManager(tmp_path)
    yield manager
    manager.close()


def ask(path, model="quick"):
    with fanout.Client(path) as client:
        return client.completion(model, user("hello"))


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it didn't come about in time"
        time.sleep(0.01)


# Activation.

@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_readiness_is_told_by_the_daemon_itself_and_the_handed_socket_serves_then(tmp_path, abstract):
    manager = ServiceManager(tmp_path, abstract=abstract)
    try:
        process = manager.started()
        ready = manager.wait_for("READY=1")
        assert ready.pid == process.pid and ready.fields["STATUS"] == "serving"
        assert text_of(ask(manager.path))
    finally:
        manager.close()


def test_a_handed_socket_is_closed_on_exec_and_outlives_the_daemon(manager):
    process = manager.started()
    flags = pathlib.Path(f"/proc/{process.pid}/fdinfo/3").read_text().split("flags:")[1].split()[0]
    assert int(flags, 8) & os.O_CLOEXEC, flags
    manager.terminate()
    assert process.wait(15) == 0
    assert os.path.exists(manager.path), "a socket that systemd passed was unlinked"
    assert not os.path.exists(manager.path + ".lock"), "a socket that isn't the daemon's own was locked"


def test_clients_that_connect_before_the_daemon_is_up_are_served(manager):
    with socket.socket(socket.AF_UNIX) as early:
        early.connect(manager.path)
        manager.start()
        answers = []
        asking = threading.Thread(target=lambda: answers.append(text_of(ask(manager.path))))
        asking.start()
        asking.join(20)
        assert answers and answers[0]


def refused_start(manager, *words, **options):
    process = manager.start(**options)
    assert process.wait(15) == 1
    for word in words:
        assert word in manager.log.read_text()


def test_a_socket_of_another_kind_is_refused_with_what_to_mend(manager):
    for family, kind, listens in [
            (socket.AF_INET, socket.SOCK_STREAM, True), (socket.AF_UNIX, socket.SOCK_SEQPACKET, True),
            (socket.AF_UNIX, socket.SOCK_STREAM, False)]:
        with socket.socket(family, kind) as other:
            if listens:
                other.bind(("127.0.0.1", 0) if family == socket.AF_INET else str(manager.directory / f"s{int(kind)}"))
                other.listen(1)
            manager.log.write_text("")
            refused_start(manager, "listening Unix stream socket", "fanoutd.socket", listener=other)
            manager.wait_for("ERRNO=22")


def test_two_sockets_are_one_too_many(manager):
    refused_start(manager, "2 sockets (fanout, other)", LISTEN_FDS="2", LISTEN_FDNAMES="fanout:other")


def test_variables_for_another_process_are_not_taken(manager):
    own = str(manager.directory / "own.sock")
    process = manager.start(listener=None, arguments=["--socket", own], LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    manager.wait_for("READY=1")
    assert text_of(ask(own))
    manager.terminate()
    assert process.wait(15) == 0


# Notifications.

def test_the_watchdog_is_fed_at_twice_its_pace_and_starves_when_the_daemon_stands_still(tmp_path):
    manager = ServiceManager(tmp_path, watchdog=1.0)
    try:
        process = manager.started()
        time.sleep(2.2)
        pings = [m.at for m in manager.messages if "WATCHDOG" in m.fields]
        assert 3 <= len(pings) <= 6 and max(b - a for a, b in zip(pings, pings[1:])) < 1.0
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        before = len(manager.told("WATCHDOG"))
        time.sleep(1.2)
        assert len(manager.told("WATCHDOG")) == before
        process.send_signal(signal.SIGCONT)
        manager.wait_for("WATCHDOG=1")
    finally:
        manager.close()


def test_the_status_says_what_is_under_way(tmp_path):
    manager = ServiceManager(tmp_path, watchdog=0.4)
    try:
        manager.started()
        with RawPeer(manager.path) as peer:
            peer.send(1, submit={"items": [chat("slow") for _ in range(3)], "options": {"max_concurrency": 2}})
            manager.wait_for("STATUS=1 client, 2 in flight, 1 waiting")
    finally:
        manager.close()


def test_a_bad_configuration_is_told_with_its_place_and_not_tried_again(manager):
    manager.config.write_text("model_list:\n  - model_name: [unclosed\n")
    assert manager.start().wait(15) == 78
    assert "service.yaml:" in manager.wait_for("ERRNO=22").fields["STATUS"]


def test_variables_that_break_the_protocol_end_the_daemon_with_a_sentence(manager):
    refused_start(manager, "NOTIFY_SOCKET", NOTIFY_SOCKET="nowhere")


# Reload.

def test_a_reload_swaps_the_configuration_and_tells_its_beginning_and_end(manager):
    process = manager.started()
    with pytest.raises(fanout.FanoutError):
        ask(manager.path, "fresh")
    manager.config.write_text(SIMULATED.replace("model_name: quick", "model_name: fresh"))
    before = time.monotonic()
    process.send_signal(signal.SIGHUP)
    reloading = manager.wait_for("RELOADING=1")
    assert before <= int(reloading.fields["MONOTONIC_USEC"]) / 1e6 <= time.monotonic()
    wait_until(lambda: len(manager.told("READY")) == 2)
    assert text_of(ask(manager.path, "fresh"))
    with pytest.raises(fanout.FanoutError) as caught:
        ask(manager.path, "quick")
    assert caught.value.code == "NO_ROUTE"


def test_a_bad_file_is_refused_with_its_place_and_the_old_one_stays(manager):
    process = manager.started()
    manager.config.write_text("model_list:\n  - model_name: quick\n    litellm_params: {model: nosuch/provider}\n")
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: any("reload refused" in status for status in manager.told("STATUS")))
    told = [status for status in manager.told("STATUS") if "reload refused" in status][0]
    assert "service.yaml:3:" in told and "service.yaml:3:" in manager.log.read_text()
    assert text_of(ask(manager.path))


def test_reloads_under_load_drop_no_item(manager):
    process = manager.started()
    texts = [SIMULATED, SIMULATED.replace("seed=1", "seed=2") + "router_settings: {num_retries: 1}\n"]
    with fanout.Client(manager.path) as client:
        events = []
        running = threading.Thread(target=lambda: events.extend(
            client.batch([call("quick") for _ in range(4000)], max_concurrency=8)))
        running.start()
        for count in range(8):
            manager.config.write_text(texts[count % 2])
            process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        running.join(60)
    results = results_of(events)
    assert sorted(r.index for r in results) == list(range(4000))
    assert all(r.exception is None for r in results)
    assert len(manager.told("RELOADING")) >= 4


# Drain.

def test_a_drain_is_told_and_asks_for_more_time_while_it_goes_on(tmp_path):
    manager = ServiceManager(tmp_path, watchdog=0.6)
    try:
        process = manager.started()
        with RawPeer(manager.path) as peer:
            peer.send(1, submit={"items": [chat("steady")]})
            peer.until("accepted")
            manager.terminate()
            manager.wait_for("STOPPING=1")
            assert len(peer.results(1)) == 1
        assert process.wait(15) == 0
        assert manager.told("EXTEND_TIMEOUT_USEC")
        assert any(status.startswith("draining: ") for status in manager.told("STATUS"))
    finally:
        manager.close()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_drain_at_once(manager, second):
    process = manager.started()
    with RawPeer(manager.path) as peer:
        peer.send(1, submit={"items": [chat("slow")]})
        peer.until("accepted")
        manager.terminate()
        peer.until("go_away")
        time.sleep(0.3)
        assert process.poll() is None, "the drain didn't wait for what was accepted"
        started = time.monotonic()
        process.send_signal(second)
        assert process.wait(5) == 143 and time.monotonic() - started < 1.5


def test_a_hangup_during_a_drain_changes_nothing(manager):
    process = manager.started()
    with RawPeer(manager.path) as peer:
        peer.send(1, submit={"items": [chat("steady")]})
        peer.until("accepted")
        manager.terminate()
        peer.until("go_away")
        process.send_signal(signal.SIGHUP)
        assert len(peer.results(1)) == 1
    assert process.wait(15) == 0 and not manager.told("RELOADING")


# Restart.

class Caller(threading.Thread):
    """Connects, asks and leaves, again and again; what a restart may not cause is kept."""

    def __init__(self, path):
        super().__init__()
        self.path, self.ending = path, threading.Event()
        self.answered, self.told_to_come_again, self.lost = 0, 0, []

    def run(self):
        while not self.ending.is_set():
            try:
                self.once()
            except (AssertionError, OSError) as error:
                self.lost.append(repr(error))

    def once(self):
        # That Welcome comes is in it.
        with RawPeer(self.path) as peer:
            peer.send(1, submit={"items": [chat("quick")]})
            while (frame := peer.receive()) is not None:
                kind = frame.WhichOneof("body")
                if kind == "go_away" and frame.go_away.last_accepted_id == 0:
                    self.told_to_come_again += 1
                    return
                if kind == "rejected":
                    assert name(frame.rejected.code) == "NOT_STARTED" and frame.rejected.not_started
                    self.told_to_come_again += 1
                    return
                if kind == "summary":
                    assert frame.summary.succeeded == 1
                    self.answered += 1
                    return
            raise AssertionError("the connection ended without a summary")


def test_restarts_under_load_lose_no_connection_and_no_answer(manager):
    manager.started()
    callers = [Caller(manager.path) for _ in range(6)]
    for caller in callers:
        caller.start()

    def answered():
        return sum(caller.answered for caller in callers)

    for count in range(1, 6):
        wait_until(lambda: answered() >= 30 * count)
        process = manager.process
        manager.terminate()
        assert process.wait(15) == 0
        # Nobody accepts now, as between stop and start of a unit.
        time.sleep(0.1)
        manager.started()
    wait_until(lambda: answered() >= 180)
    for caller in callers:
        caller.ending.set()
    for caller in callers:
        caller.join(20)
    lost = [error for caller in callers for error in caller.lost]
    print(f"{answered()} answered, {sum(c.told_to_come_again for c in callers)} told to come again, {len(lost)} lost")
    assert not lost


def test_connections_of_a_killed_daemon_wait_for_its_successor(manager):
    manager.started().kill()
    manager.process.wait()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(text_of(ask(manager.path))))
    asking.start()
    time.sleep(0.3)
    assert asking.is_alive(), "a connection was refused"
    manager.started()
    asking.join(20)
    assert answers and answers[0]
