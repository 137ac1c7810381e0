# Fanout
# SPDX-License-Identifier: Apache-2.0
"""What scripts/soak measures."""

import argparse
import contextlib
import multiprocessing
import pathlib
import random
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "EndToEnd"))

import conftest  # noqa: E402
from conftest import Daemon, simulated  # noqa: E402
from hostile import asked, descriptors, is_idle, memory, status, wait_until  # noqa: E402
from fanout.v1 import frames_pb2  # noqa: E402
from raw_peer import RawPeer, chat  # noqa: E402

FORK = multiprocessing.get_context("fork")
failed = []


@contextlib.contextmanager
def serving():
    lines = ["model_list:", *simulated("soak", "latency_ms=2&tokens=16&seed=1"), "      max_parallel_requests: 1024"]
    lines += [*simulated("slow", "latency_ms=30000&tokens=4"), "      max_parallel_requests: 4096"]
    lines += ["fanout:", "  limits: {connections: 2000, connections_per_tenant: 2000, pending_connections: 2000}", ""]
    with tempfile.TemporaryDirectory(prefix="fanout-soak-") as folder:
        daemon = Daemon(pathlib.Path(folder), "\n".join(lines))
        try:
            yield daemon
        finally:
            if (code := daemon.stop()) != 0:
                failed.append(f"fanoutd ended with {code}")


def row(what, bound, measured, holds):
    print(f"| {what} | {bound} | {measured} | {'holds' if holds else '**falls short**'} |", flush=True)
    if not holds:
        failed.append(what)


def idle_connections(count):
    with serving() as daemon:
        with RawPeer(daemon.path) as first:
            asked(first)
            before = memory(daemon)
            peers = [RawPeer(daemon.path) for _ in range(count)]
            assert asked(first).connections == count + 1
            cost = memory(daemon) - before
        row(f"{count:,} idle connections, each greeted", "< 50 MB", f"{cost * 1.048576:.1f} MB", cost * 1.048576 < 50)
        for peer in peers:
            peer.socket.close()


def ask_all(path, batches, items, done):
    """One connection; counts the batches in which each item has exactly one result, and one Summary behind them."""
    with RawPeer(path) as peer:
        peer.socket.settimeout(300)
        for id in range(1, batches + 1):
            peer.send(id, submit={"items": [chat("soak", f"{id} {n}") for n in range(items)]})
        seen = {id: set() for id in range(1, batches + 1)}
        while seen:
            frame = peer.until("result", "summary", "rejected")
            if frame.HasField("result"):
                # A second result, or one behind the Summary, ends this process and is missed below.
                assert frame.result.HasField("response") and frame.result.index not in seen[frame.id]
                seen[frame.id].add(frame.result.index)
            else:
                assert frame.summary.items == items and seen.pop(frame.id) == set(range(items))
                with done.get_lock():
                    done.value += 1


def exactly_once(connections, batches, items):
    with serving() as daemon:
        done = FORK.Value("i", 0)
        clients = [FORK.Process(target=ask_all, args=(daemon.path, batches, items, done)) for _ in range(connections)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        whole = done.value == connections * batches
        what = f"{connections} connections x {batches} batches x {items} items"
        row(what, "one result for each item", f"{done.value:,} of {connections * batches:,} batches whole", whole)


def ask_and_wait(path):
    with RawPeer(path) as peer:
        peer.send(1, submit={"items": [chat("soak", str(n)) for n in range(20)] + [chat("slow")] * 5})
        peer.send(2, submit={"items": [chat("slow")], "open": True})
        peer.send(5, blob={"total": 1 << 20, "data": b"x" * 10_000})
        peer.write(b"\x00\x00\xff\xff" + b"x" * 1_000)
        while peer.receive() is not None:
            pass


def killed_clients(count):
    with serving() as daemon:
        for _ in range(50):
            with RawPeer(daemon.path) as peer:
                asked(peer)
        before = descriptors(daemon)
        chance = random.Random(1)
        waiting = []
        for _ in range(count):
            client = FORK.Process(target=ask_and_wait, args=(daemon.path,))
            client.start()
            waiting.append((time.monotonic() + chance.uniform(0, 0.06), client))
            while waiting and (len(waiting) > 16 or waiting[0][0] < time.monotonic()):
                time.sleep(max(0, waiting[0][0] - time.monotonic()))
                _, client = waiting.pop(0)
                client.kill()
                client.join()
        for _, client in waiting:
            client.kill()
            client.join()
        try:
            wait_until(lambda: is_idle(daemon, before), 30)
            left = 0
        except AssertionError:
            left = status(daemon)
        asks = status(daemon).attempts
        what = f"`kill -9` of {count:,} clients at random"
        row(what, "nothing left", f"descriptors, batches, items, attempts as before; {asks:,} attempts", left == 0)
        if left:
            print(left, descriptors(daemon), before)


def ask_forever(path, batches, failed_clients):
    """One connection with eight small batches under way; of what comes back only lengths and kinds are looked at."""
    items = [chat("soak", "a short prompt") for _ in range(100)]
    body = frames_pb2.ClientFrame(submit={"items": items, "options": {"trail": "TRAIL_LEVEL_NONE"}}).SerializeToString()
    result, summary = (frames_pb2.ServerFrame.DESCRIPTOR.fields_by_name[kind].number << 3 | 2 for kind in ("result", "summary"))

    def submit(id):
        head = frames_pb2.ClientFrame(id=id).SerializeToString()
        peer.socket.sendall((len(head) + len(body)).to_bytes(4, "big") + head + body)

    with RawPeer(path) as peer:
        sent = done = results = 0
        rest = b""
        while done < batches:
            while sent < batches and sent - done < 8:
                sent += 1
                submit(sent)
            rest += peer.socket.recv(1 << 20)
            at = 0
            while len(rest) - at >= 4 and len(rest) - at - 4 >= (size := int.from_bytes(rest[at:at + 4], "big")):
                kind = at + 5
                if rest[at + 4] == 8:  # An id before it.
                    while rest[kind] & 128:
                        kind += 1
                    kind += 1
                else:
                    kind = at + 4
                results += rest[kind] == result
                done += rest[kind] == summary
                at += 4 + size
            rest = rest[at:]
        if results != 100 * batches:
            failed_clients.value += 1


def long_run(items):
    first_at = max(items // 100, 50_000)
    with serving() as daemon:
        wrong = FORK.Value("i", 0)
        clients = [FORK.Process(target=ask_forever, args=(daemon.path, items // 400, wrong)) for _ in range(4)]
        started = time.monotonic()
        for client in clients:
            client.start()
        first, most = None, 0.0
        with RawPeer(daemon.path) as watcher:
            while any(client.is_alive() for client in clients):
                now = memory(daemon)
                if first is None and asked(watcher).succeeded >= first_at:
                    first = now
                if first is not None:
                    most = max(most, now)
                time.sleep(0.2)
            seconds = time.monotonic() - started
            last = memory(daemon)
            succeeded = asked(watcher).succeeded
        change = (last / first - 1) * 100
        measured = f"{first:.1f} MiB, at the end {last:.1f} ({change:+.1f} %), at most {most:.1f}"
        holds = not wrong.value and succeeded == items and abs(change) <= 10
        row(f"memory over {succeeded:,} items", f"within 10 % of it after {first_at:,}", measured, holds)
        print(f"\nThe long run took {seconds:.0f} s, {succeeded / seconds:,.0f} items a second.")


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--items", type=int)
    parser.add_argument("--daemon", type=pathlib.Path, default=ROOT / ".build" / "release" / "fanoutd")
    parser.add_argument("--only", choices=["idle", "once", "kill", "long"])
    arguments = parser.parse_args()
    if arguments.daemon.name != "fanoutd" or not arguments.daemon.is_file():
        parser.error(f"--daemon wants the path of a fanoutd, not {arguments.daemon}")
    conftest.BINARIES = arguments.daemon.resolve().parent
    print("| what | bound | measured | |\n|---|---|---|---|")
    quick = arguments.quick
    wanted = [arguments.only] if arguments.only else ["idle", "once", "kill", "long"]
    if "idle" in wanted:
        idle_connections(1_000)
    if "once" in wanted:
        exactly_once(8 if quick else 64, 10 if quick else 100, 100)
    if "kill" in wanted:
        killed_clients(50 if quick else 1_000)
    if "long" in wanted:
        long_run(arguments.items or (200_000 if quick else 5_000_000))
    for what in failed:
        print(f"falls short: {what}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
