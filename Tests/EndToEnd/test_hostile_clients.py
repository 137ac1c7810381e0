# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Clients that mean ill or have gone wrong, on real sockets; docs/internals/hostile-clients.md says which case is where.

A number in a test's name is the case's.
"""

import array
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest

from conftest import ROOT, Daemon
from fanout.connection import encode
from fanout.v1 import frames_pb2
from hostile import asked, descriptors, is_idle, memory, processor_seconds, serving, status, wait_until
from raw_peer import RawPeer, chat, name


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A daemon with bounds that a test can reach, for all tests of this file that don't want others."""
    limits = ["hello_ms: 1500", "frame_ms: 1000", "output_stall_ms: 1500", "batch_idle_ms: 1200"]
    limits += ["batches_per_connection: 100", "connections_per_tenant: 400"]
    with serving(tmp_path_factory.mktemp("hostile"), "own", *limits) as daemon:
        yield daemon


@pytest.fixture(autouse=True)
def everybody_else_goes_on_and_nothing_is_left(request):
    """Beside each test another connection works before and after; then the daemon holds what it held."""
    if "own" not in request.fixturenames:
        yield
        return
    daemon = request.getfixturevalue("own")
    with RawPeer(daemon.path) as bystander:
        bystander.send(1, submit={"items": [chat("quick")]})
        assert bystander.results(1)[0].HasField("response")
        wait_until(lambda: status(daemon).connections == 2)
        before = descriptors(daemon)
        yield
        bystander.send(2, submit={"items": [chat("quick")]})
        assert bystander.results(2)[0].HasField("response")
    wait_until(lambda: is_idle(daemon, before))
    wait_until(lambda: status(daemon).buffered_bytes < 1 << 16)


def hello():
    return encode(frames_pb2.ClientFrame(hello={"major": 1}))


def submit(id, items, **more):
    return encode(frames_pb2.ClientFrame(id=id, submit={"items": items, **more}))


# Time.

def test_2_three_of_four_bytes_before_hello_are_no_hello(own):
    with RawPeer(own.path, hello=False) as peer:
        peer.write(b"\x00\x00\x00")
        assert peer.error() == "HELLO_TIMEOUT"


def test_3_a_frame_that_drips_is_ended_by_its_own_time_and_costs_what_came(own):
    before = memory(own)
    peers = [RawPeer(own.path) for _ in range(50)]
    for peer in peers:
        peer.write((1 << 20).to_bytes(4, "big"))
    started = time.monotonic()
    while time.monotonic() - started < 0.8:
        for peer in peers:
            peer.write(b"\x0a")
        time.sleep(0.05)
    assert memory(own) - before < 20, "50 frames of 1 MiB were announced, and some bytes sent"
    for peer in peers:
        assert peer.error() == "FRAME_TIMEOUT"
        peer.socket.close()


def test_28_an_open_batch_that_nobody_adds_to_is_ended(own):
    with RawPeer(own.path) as peer:
        peer.send(1, submit={"items": [chat("quick")], "open": True})
        assert peer.results(1)[0].HasField("response")


def test_34_a_client_that_is_stopped_and_goes_on_has_all_of_its_stream(own):
    program = """
import sys
from raw_peer import RawPeer, chat
with RawPeer(sys.argv[1]) as peer:
    peer.send(1, submit={"items": [chat("quick", f"{n} " + "x" * 2000) for n in range(300)], "options": {"stream": True}})
    peer.until("accepted")
    print("under way", flush=True)
    print(len(peer.results(1)), flush=True)
"""
    folders = f"{ROOT}/clients/python:{ROOT}/Tests/EndToEnd"
    child = subprocess.Popen([sys.executable, "-c", program, own.path], stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": folders})
    assert child.stdout.readline() == "under way\n"
    child.send_signal(signal.SIGSTOP)
    time.sleep(1.2)
    child.send_signal(signal.SIGCONT)
    assert child.stdout.readline() == "300\n" and child.wait(10) == 0


# Frames and batches.

def test_13_a_body_from_the_future_is_refused_for_its_id_and_the_live_batch_of_it_goes_on(own):
    with RawPeer(own.path) as peer:
        peer.send(7, submit={"items": [chat("quick")], "open": True})
        peer.write_message(b"\x08\x07" + b"\xf2\x01\x00")
        assert name(peer.until("rejected", id=7).rejected.code) == "INVALID_REQUEST"
        peer.send(7, append={"items": [chat("quick")], "last": True})
        wait = peer.until("summary", id=7).summary
        assert wait.items == 2 and wait.succeeded == 2


@pytest.mark.parametrize("body", [
    b"\x1a" + b"\x80\x80\x40" + b"\x1a\x00" * (1 << 19),
    b"\x1a" + b"\x80\x80\x40" + b"\x12\x06\x12\x04\x0a\x02\x1a\x00" * (1 << 17),
], ids=["15 empty items", "16 one message again and again"])
def test_15_and_16_a_bomb_of_1_mib_is_refused_and_costs_little(own, body):
    spent, held = processor_seconds(own), memory(own)
    with RawPeer(own.path) as peer:
        peer.write_message(body[:(1 << 20) - 8])
        assert peer.error() in ("FRAME_TOO_LARGE", "BAD_FRAME")
    # A release build takes some milliseconds.
    assert processor_seconds(own) - spent < 1.5
    assert memory(own) - held < 70


@pytest.mark.parametrize("body, fatal", [
    (b"\x52\x00" + b"\xb8\x3e\x01" * 64, False),
    (b"\x52\x00" + b"\xb8\x3e\x01" * 65, True),
    (b"\x52\x00\x1b\x1c", True),
], ids=["64 unknown fields", "18 a 65th", "19 a group"])
def test_18_and_19_what_is_unknown_is_little_or_no_frame(own, body, fatal):
    with RawPeer(own.path) as peer:
        peer.write_message(body)
        if fatal:
            assert peer.error() == "BAD_FRAME"
        else:
            assert peer.receive().WhichOneof("body") == "pong"


def test_26_a_batch_id_is_gone_right_behind_its_cancel_and_its_summary(own):
    with RawPeer(own.path) as peer:
        peer.write(submit(5, [chat("slow")]) + encode(frames_pb2.ClientFrame(id=5, cancel={})) + submit(5, [chat("quick")]))
        results, kinds = [], set()
        while not {"summary", "rejected"} <= kinds:
            frame = peer.receive()
            kinds.add(frame.WhichOneof("body"))
            if frame.HasField("result"):
                results.append(name(frame.result.failure.code))
        assert results == ["CANCELLED"]
        peer.write(submit(5, [chat("quick")]))
        assert name(peer.until("rejected", id=5).rejected.code) == "INVALID_REQUEST"


def test_27_items_behind_the_last_ones_are_refused_and_the_batch_goes_on(own):
    with RawPeer(own.path) as peer:
        peer.send(1, submit={"items": [chat("quick")], "open": True})
        peer.send(1, append={"items": [chat("quick")], "last": True})
        peer.send(1, append={"items": [chat("quick")], "last": True})
        frames = [peer.receive() for _ in range(6)]
        kinds = [frame.WhichOneof("body") for frame in frames]
        assert kinds.count("rejected") == 1 and kinds.count("result") == 2
        assert peer.is_alive()


def test_29_one_batch_too_many_is_refused_with_a_time_and_the_others_go_on(own):
    with RawPeer(own.path) as peer:
        peer.write(b"".join(submit(id, [chat("slow")]) for id in range(1, 102)))
        rejected = peer.until("rejected")
        assert rejected.id == 101 and name(rejected.rejected.code) == "ADMISSION_REFUSED"
        assert rejected.rejected.retry_after_ms > 0
        assert peer.is_alive()


def test_30_a_flood_of_cancels_ends_the_connection_and_a_thousand_of_them_not(own):
    with RawPeer(own.path) as peer:
        cancel = encode(frames_pb2.ClientFrame(id=9, cancel={"indexes": [1]}))
        peer.write(cancel * 1_000)
        assert peer.is_alive()
        peer.write(cancel * 3_000)
        assert peer.error() == "FLOOD"


def test_32_credit_beyond_all_bounds_ends_the_connection_and_for_unlimited_is_ignored(own):
    with RawPeer(own.path) as peer:
        peer.send(1, submit={"items": [chat("quick")], "open": True})
        peer.write(encode(frames_pb2.ClientFrame(id=1, credit={"results": 2**31})) * 3)
        assert peer.is_alive()
        peer.send(2, submit={"items": [chat("slow")], "options": {"initial_credit": 1}})
        peer.write(encode(frames_pb2.ClientFrame(id=2, credit={"results": 2**31})))
        assert peer.error() == "BAD_FRAME"


def test_47_pings_have_a_rate(own):
    with RawPeer(own.path) as peer:
        peer.write(encode(frames_pb2.ClientFrame(id=1, ping={"data": b"x"})) * 40)
        for _ in range(10):
            assert peer.receive().WhichOneof("body") == "pong"
        assert peer.error() == "FLOOD"


def test_50_a_schema_that_is_nested_without_end_fails_its_item(own):
    deep = b'{"a":' * 80_000 + b"1" + b"}" * 80_000
    items = [chat("quick"), chat("quick"), chat("quick")]
    items[0]["request"]["chat"]["tools"] = [{"name": "f", "parameters_json": deep}]
    items[1]["request"]["extra_json"] = deep
    with RawPeer(own.path) as peer:
        peer.send(1, submit={"items": items})
        results = peer.results(1)
        assert [results[n].WhichOneof("outcome") for n in range(3)] == ["failure", "failure", "response"]
        assert all(name(results[n].failure.code) == "INVALID_REQUEST" for n in range(2))


def test_a_flood_of_batches_has_an_end_for_each(own):
    with RawPeer(own.path) as peer:
        for start in range(1, 2_000, 50):
            ids = range(start, start + 50)
            peer.write(b"".join(submit(id, [chat("quick")]) for id in ids))
            for id in ids:
                assert len(peer.results(id)) == 1 if id == start else True
            seen = {start}
            while len(seen) < 50:
                frame = peer.until("summary")
                assert frame.id in ids and frame.id not in seen and frame.summary.items == 1
                seen.add(frame.id)


# Blobs.

def picture(blob):
    item = chat("quick")
    part = {"image": {"blob_id": blob, "mime_type": "image/png"}}
    item["request"]["chat"]["messages"][0] = {"role": "ROLE_USER", "parts": [part]}
    return item


def test_43_blobs_that_are_wrong_refuse_themselves_and_free_what_they_held(own):
    with RawPeer(own.path) as peer:
        wrong = [
            [{"total": 8, "data": b"12"}, {"offset": 3, "total": 8, "data": b"4"}],
            [{"total": 8, "data": b"12"}, {"offset": 1, "total": 8, "data": b"2"}],
            [{"total": 8, "data": b"12"}, {"offset": 2, "total": 9, "data": b"3"}],
            [{"total": 2, "data": b"12", "sha256": b"\1" * 32}],
        ]
        for id, chunks in enumerate(wrong, 1):
            for chunk in chunks:
                peer.send(id, blob=chunk)
            assert name(peer.until("rejected", id=id).rejected.code) == "INVALID_REQUEST"
        peer.send(50, blob={"total": 65 << 20, "data": b"1"})
        assert name(peer.until("rejected", id=50).rejected.code) == "TOO_LARGE"
        peer.send(60, blob={"total": 4, "data": b"12"})
        peer.send(1, submit={"items": [picture(60), picture(61), chat("quick")]})
        results = peer.results(1)
        assert [name(results[n].failure.code) for n in range(2)] == ["INVALID_REQUEST"] * 2
        assert results[2].HasField("response")
        for id in range(1_000, 2_001):
            peer.send(id, blob={"total": 4, "data": b"12"})
        assert name(peer.until("rejected").rejected.code) == "TOO_LARGE"


def test_44_a_blob_of_another_connection_is_unknown(own):
    with RawPeer(own.path) as owner, RawPeer(own.path) as thief:
        owner.send(5, blob={"total": 4, "data": b"1234"})
        assert owner.is_alive()
        thief.send(1, submit={"items": [picture(5)]})
        failure = thief.results(1)[0].failure
        assert name(failure.code) == "INVALID_REQUEST" and "5" in failure.message


# Readers.

def ask_much(peer, id, count):
    """Answers of some 100 KB each."""
    peer.send(id, submit={"items": [chat("wide", str(n)) for n in range(count)], "open": True})


def test_33_a_client_that_never_reads_is_closed_and_holds_little(own):
    before = memory(own)
    with RawPeer(own.path) as watcher, RawPeer(own.path) as peer:
        ask_much(peer, 1, 160)
        wait_until(lambda: asked(watcher).batches == 1)
        wait_until(lambda: asked(watcher).batches == 0)
        assert memory(own) - before < 100
        with pytest.raises(AssertionError, match="ended"):
            while True:
                peer.until("progress")


def test_35_a_client_that_reads_slowly_but_steadily_is_not_closed(own):
    with RawPeer(own.path) as slow:
        ask_much(slow, 1, 160)
        # The kernel tells of progress by the piece of its queue, of some 36 KiB.
        for _ in range(30):
            slow.frames += [frames_pb2.ServerFrame.FromString(p) for p in slow.decoder.feed(slow.socket.recv(40_000))]
            time.sleep(0.12)
        assert status(own).batches == 1
        slow.send(1, append={"last": True})
        assert len(slow.results(1)) == 160


# Connections.

def test_39_thousands_that_say_no_hello_drop_each_other_and_nobody_else(own):
    before = descriptors(own)
    with RawPeer(own.path) as good:
        held = []
        for _ in range(3_000):
            stranger = socket.socket(socket.AF_UNIX)
            stranger.setblocking(False)
            while (error := stranger.connect_ex(own.path)) == 11:
                time.sleep(0.001)
            assert error == 0
            held.append(stranger)
            if len(held) > 200:
                held.pop(0).close()
        wait_until(lambda: descriptors(own) - before < 80)
        good.send(1, submit={"items": [chat("quick")]})
        assert good.results(1)[0].HasField("response")
        for stranger in held:
            stranger.close()


def test_40_the_next_connection_of_a_tenant_is_refused_and_the_others_live(own):
    peers = []
    with pytest.raises(AssertionError):
        for _ in range(410):
            peers.append(RawPeer(own.path))
    assert 390 <= len(peers) < 400
    assert all(peer.is_alive() for peer in peers[::50])
    for peer in peers:
        peer.socket.close()


def test_42_descriptors_that_are_sent_along_are_not_kept(own):
    read, write = os.pipe()
    with RawPeer(own.path) as peer:
        assert peer.is_alive()
        before = descriptors(own)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [read] * 253))]
        ping = encode(frames_pb2.ClientFrame(id=1, cancel={"indexes": [1]}))
        for _ in range(40):
            try:
                peer.socket.sendmsg([ping], rights)
            except PermissionError:
                peer.write(ping)
        assert peer.is_alive()
        assert descriptors(own) == before
    os.close(read)
    os.close(write)


def test_a_client_may_go_at_every_byte_of_its_session(own):
    session = hello() + submit(1, [chat("slow", "x" * 40)], open=True)
    session += encode(frames_pb2.ClientFrame(id=1, append={"items": [chat("quick")]}))
    session += encode(frames_pb2.ClientFrame(id=3, blob={"total": 8, "data": b"12"}))
    session += encode(frames_pb2.ClientFrame(id=1, cancel={"indexes": [0]})) + submit(2, [chat("quick")])
    for end in range(len(session) + 1):
        for shut in (False, True):
            peer = RawPeer(own.path, hello=False)
            peer.write(session[:end])
            if shut:
                peer.socket.shutdown(socket.SHUT_WR)
                if end % 16 == 0:
                    peer.socket.settimeout(10)
                    while peer.receive() is not None:
                        pass
            peer.socket.close()


def test_38_clients_that_are_killed_at_random_leave_nothing(own):
    program = """
import sys
from fanout.connection import encode
from fanout.v1 import frames_pb2
from raw_peer import RawPeer, chat
peer = RawPeer(sys.argv[1])
peer.send(1, submit={"items": [chat("slow"), chat("quick")] * 20, "open": True})
peer.until("result")
peer.write(encode(frames_pb2.ClientFrame(id=1, append={"items": [chat("quick", "x" * 9000)]}))[:-5])
print("ready", flush=True)
sys.stdin.read()
"""
    folders = f"{ROOT}/clients/python:{ROOT}/Tests/EndToEnd"
    for _ in range(3):
        children = [subprocess.Popen([sys.executable, "-c", program, own.path], stdout=subprocess.PIPE,
                                     stdin=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": folders})
                    for _ in range(4)]
        for child in children:
            assert child.stdout.readline() == "ready\n"
        assert status(own).running >= 40
        for child in children:
            child.kill()
            child.wait()


# A daemon short of something.

def test_without_descriptors_the_daemon_waits_and_neither_spins_nor_dies(tmp_path):
    with serving(tmp_path, "few", "connections_per_tenant: 1000", "pending_connections: 1000") as daemon:
        with RawPeer(daemon.path) as good:
            wait_until(lambda: status(daemon).connections == 2)
            most = descriptors(daemon) + 20
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (most, most))
            flood = []
            for _ in range(60):
                one = socket.socket(socket.AF_UNIX)
                one.connect(daemon.path)
                flood.append(one)
            wait_until(lambda: descriptors(daemon) == most)
            spent = processor_seconds(daemon)
            time.sleep(2)
            assert processor_seconds(daemon) - spent < 0.5, "it tries again and again"
            assert "can't accept connections" in daemon.log.read_text()
            good.send(1, submit={"items": [chat("quick")] * 50})
            assert len(good.results(1)) == 50
            for one in flood:
                one.close()
            wait_until(lambda: status(daemon).connections == 2)


def test_all_attacks_at_once_stay_within_the_bound_on_memory(tmp_path):
    """The bound of all buffers and 100 MiB, as VmHWM says (proc(5)); beside them a good client is served."""
    bound = 64
    with serving(tmp_path, "attacked", f"buffered_bytes: {bound}MiB", "output_stall_ms: 3000", "frame_ms: 3000",
                 "connections_per_tenant: 1000") as daemon:
        end = time.monotonic() + 12

        def attack(what):
            while time.monotonic() < end:
                try:
                    with RawPeer(daemon.path) as peer:
                        peer.socket.settimeout(2)
                        what(peer)
                except (AssertionError, AttributeError, OSError):
                    pass  # It was thrown out.

        def never_read(peer):
            ask_much(peer, 1, 1_000)
            time.sleep(1)

        def upload(peer):
            for id in range(1, 9):
                peer.send(id, submit={"items": [chat("slow", "x" * 900_000)]})
            time.sleep(1)

        def blobs(peer):
            for id in range(1, 60):
                for at in range(4):
                    peer.send(id, blob={"offset": at << 18, "total": 1 << 20, "data": b"x" * (1 << 18)})
            time.sleep(1)

        def half_frame(peer):
            peer.write((1 << 20).to_bytes(4, "big") + b"\x1a" * 900_000)
            time.sleep(1)

        def bomb(peer):
            peer.write_message((b"\x1a" + b"\x80\x80\x40" + b"\x1a\x00" * (1 << 19))[:(1 << 20) - 8])
            peer.error()

        def in_order(peer):
            items = [chat("slow", "x")] + [chat("wide", str(n)) for n in range(40)]
            peer.send(1, submit={"items": items, "options": {"ordering": "ORDERING_INPUT"}})
            time.sleep(1)

        attacks = [never_read, upload, blobs, half_frame, bomb, in_order]
        fork = multiprocessing.get_context("fork")
        attackers = [fork.Process(target=attack, args=(attacks[n % len(attacks)],)) for n in range(24)]
        for attacker in attackers:
            attacker.start()
        served = refused = 0
        while time.monotonic() < end - 1:
            with RawPeer(daemon.path) as good:
                good.socket.settimeout(60)
                good.send(1, submit={"items": [chat("quick")]})
                frame = good.until("summary", "rejected")
                served, refused = served + frame.HasField("summary"), refused + frame.HasField("rejected")
            time.sleep(0.05)
        for attacker in attackers:
            attacker.join()
        peak = memory(daemon, "VmHWM")
        print(f"VmHWM {peak:.0f} MiB with a bound of {bound} MiB; {served} served, {refused} refused")
        assert peak < bound + 100
        assert served > 0
        wait_until(lambda: is_idle(daemon, 1_000), 30)
