# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Callers of several users, told apart by what the kernel says of them."""

import contextlib
import os
import pathlib
import signal
import tempfile
import time

import pytest

from conftest import Daemon, simulated
from raw_peer import RawPeer, chat, name

GROUP = 64_123  # The socket's.
ALICE, BOB, CAROL = 64_001, 64_002, 64_003

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may connect as somebody else")


@contextlib.contextmanager
def identity(uid, *groups):
    """What a connect in here is seen as; the kernel keeps it for the connection's life."""
    before = os.getgroups()
    os.setgroups([GROUP, *groups])
    os.setresgid(-1, uid, -1)
    os.setresuid(-1, uid, -1)
    try:
        yield
    finally:
        os.setresuid(-1, 0, -1)
        os.setresgid(-1, 0, -1)
        os.setgroups(before)


@contextlib.contextmanager
def serving(*lines):
    # pytest's own folders are closed to other users.
    with tempfile.TemporaryDirectory(prefix="fanout-tenants-") as folder:
        os.chmod(folder, 0o755)
        model = ["model_list:", *simulated("slow", "latency_ms=40&tokens=4"), "      max_parallel_requests: 4"]
        model += simulated("other", "latency_ms=1&tokens=4")
        daemon = Daemon(pathlib.Path(folder), "\n".join([*model, *lines, ""]))
        os.chown(daemon.path, 0, GROUP)
        try:
            yield daemon
        finally:
            assert daemon.stop() == 0, daemon.log.read_text()[-4000:]


def peer(daemon, uid, *groups, **options):
    with identity(uid, *groups):
        return RawPeer(daemon.path, **options)


def submit(peer, id, count, model="slow", **options):
    # Many frames: one batch may be larger than a frame.
    for start in range(0, count, 1_000):
        items = [chat(model, f"{id} {n}") for n in range(start, min(count, start + 1_000))]
        last = start + 1_000 >= count
        if start == 0:
            peer.send(id, submit={"items": items, "open": not last, "options": options})
        else:
            peer.send(id, append={"items": items, "last": last})


def test_one_user_cannot_starve_another():
    with serving() as daemon:
        flood = [peer(daemon, ALICE) for _ in range(16)]
        for one in flood:
            for id in range(1, 5):
                submit(one, id, 200)
        time.sleep(0.2)
        with peer(daemon, BOB) as bob:
            start = time.monotonic()
            submit(bob, 1, 20)
            results = bob.results(1)
            seconds = time.monotonic() - start
        assert all(r.WhichOneof("outcome") == "response" for r in results.values())
        # By itself 20 items take 5 rounds of 40 ms in four places, in half of them 10; behind 12,800 others, 128 s.
        assert seconds < 5, f"{seconds} s"
        for one in flood:
            one.socket.close()


def test_users_and_groups_decide_who_is_let_in_and_to_what():
    rules = ["fanout:", "  tenants:", "    team:", f"      match: {{users: [{ALICE}], groups: [{GROUP + 1}]}}"]
    rules += ["      models: [other]", "      max_class: default"]
    with serving(*rules) as daemon:
        for uid, groups in ((ALICE, ()), (BOB, (GROUP + 1,))):
            with peer(daemon, uid, *groups, hello=False) as one:
                one.send(hello={"major": 1})
                welcome = one.until("welcome").welcome
                assert (welcome.uid, welcome.tenant, list(welcome.models)) == (uid, "team", ["other"])
                submit(one, 1, 1, "slow")
                assert name(one.results(1)[0].failure.code) == "PERMISSION"
                submit(one, 2, 1, "other")
                assert one.results(2)[0].WhichOneof("outcome") == "response"
                submit(one, 3, 1, "other", priority_class="PRIORITY_CLASS_INTERACTIVE")
                rejected = one.until("rejected", id=3).rejected
                assert name(rejected.code) == "PERMISSION" and "fanout.tenants.team.max_class" in rejected.message
        with peer(daemon, CAROL, hello=False) as carol:
            error = carol.until("error").error
            assert name(error.code) == "PERMISSION" and str(CAROL) in error.message and carol.receive() is None


def test_a_user_without_a_number_here_is_refused():
    with serving() as daemon, peer(daemon, 65_534, hello=False) as nobody:
        assert nobody.error() == "PERMISSION"


def test_more_than_a_minute_allows_waits_and_then_says_so():
    with serving("fanout:", "  tenants:", f"    uid:{ALICE}: {{rpm: 60}}") as daemon:
        with peer(daemon, ALICE) as alice, peer(daemon, BOB) as bob:
            submit(alice, 1, 6, "other", deadline_ms=1_500)
            results = alice.results(1).values()
            failed = [r.failure for r in results if r.WhichOneof("outcome") == "failure"]
            # Two at once and one a second.
            assert len(failed) == 3 and all(name(f.code) == "DEADLINE_EXCEEDED" for f in failed)
            assert all(f"uid:{ALICE}" in f.message and "rpm" in f.message for f in failed)
            submit(bob, 1, 50, "other")
            assert all(r.WhichOneof("outcome") == "response" for r in bob.results(1).values())


def test_a_reload_holds_for_those_who_are_connected():
    with serving() as daemon, peer(daemon, ALICE) as alice:
        submit(alice, 1, 1, "other")
        assert len(alice.results(1)) == 1
        config = pathlib.Path(daemon.path).with_suffix(".yaml")
        config.write_text(config.read_text() + f"fanout: {{tenants: {{b: {{match: {{users: [{BOB}]}}}}}}}}\n")
        os.kill(daemon.process.pid, signal.SIGHUP)
        deadline = time.monotonic() + 10
        while "configuration reloaded" not in daemon.log.read_text():
            assert time.monotonic() < deadline, daemon.log.read_text()
            time.sleep(0.02)
        submit(alice, 2, 1, "other")
        rejected = alice.until("rejected", id=2).rejected
        assert name(rejected.code) == "PERMISSION" and str(ALICE) in rejected.message
        with peer(daemon, BOB) as bob:
            assert bob.is_alive()


def test_a_rule_that_names_an_unknown_user_is_refused_at_its_place(tmp_path):
    with pytest.raises(AssertionError) as refused:
        Daemon(tmp_path, "model_list:\n" + "\n".join(simulated("m", "tokens=4")) + """
fanout:
  tenants:
    team:
      match:
        users: [root, nobody-of-this-name]
""")
    words = "daemon.yaml:9:23: error: fanout.tenants.team.match.users[1]: there is no user"
    assert words in str(refused.value)
