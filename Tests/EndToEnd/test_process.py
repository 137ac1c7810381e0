# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The two programs as processes: how they start, refuse to start, end, and what the command line prints."""

import json
import os
import signal
import subprocess
import time

import pytest

import fanout
from conftest import BINARIES, Daemon, call, configuration, results_of, text_of, user
from raw_peer import RawPeer, chat, name


def fanoutd(*arguments, **environment):
    return subprocess.run(
        [str(BINARIES / "fanoutd"), *map(str, arguments)], capture_output=True, text=True, timeout=20,
        env={**os.environ, **environment})


def command(daemon, *arguments, text=None):
    return subprocess.run(
        [str(BINARIES / "fanout"), *map(str, arguments), "--socket", daemon.path], input=text, capture_output=True,
        text=True, timeout=60)


@pytest.fixture
def own_daemon(daemon, directory, upstream, request):
    """A daemon that the test may end."""
    label = f"own{abs(hash(request.node.name)) % 10_000}"
    own = Daemon(directory, configuration(directory / f"{label}.sock", upstream), label)
    yield own
    own.stop()


def refuses(result, *words):
    text = result.stderr + result.stdout
    assert result.returncode != 0, text
    for word in words:
        assert word in text, text


def test_a_configuration_that_cannot_be_read_is_refused_with_its_path(daemon, tmp_path):
    refuses(fanoutd("--config", tmp_path / "missing.yaml", "--socket", tmp_path / "s"), "missing.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_text("model_list:\n  - model_name: [unclosed\n")
    refuses(fanoutd("--config", bad, "--socket", tmp_path / "s"), "bad.yaml")
    assert not (tmp_path / "s").exists()


def test_a_socket_path_that_is_too_long_is_refused(daemon, tmp_path, upstream):
    config = tmp_path / "config.yaml"
    long = f"/tmp/{'x' * 120}.sock"
    config.write_text(configuration(long, upstream))
    refuses(fanoutd("--config", config, "--socket", long), "107")


def test_a_socket_that_is_in_use_is_refused_and_its_daemon_unharmed(daemon, tmp_path, upstream, client):
    config = tmp_path / "config.yaml"
    config.write_text(configuration(daemon.path, upstream))
    refuses(fanoutd("--config", config, "--socket", daemon.path), daemon.path)
    assert text_of(client.completion("good", user("say=there"))) == "there"


def test_the_socket_belongs_to_owner_and_group(daemon):
    assert os.stat(daemon.path).st_mode & 0o777 == 0o660


def test_a_stale_socket_of_a_killed_daemon_is_taken_over(own_daemon, directory, upstream):
    own_daemon.process.kill()
    own_daemon.process.wait()
    assert os.path.exists(own_daemon.path)
    config = own_daemon.log.with_suffix(".yaml").read_text()
    again = Daemon(directory, config, own_daemon.log.stem)
    try:
        with fanout.Client(again.path) as client:
            assert text_of(client.completion("good", user("say=again"))) == "again"
    finally:
        again.stop()


def test_a_stopped_daemon_finishes_what_it_has_accepted(own_daemon, upstream):
    with RawPeer(own_daemon.path) as peer:
        peer.send(1, submit={"items": [chat(text="sleep=0.8 say=kept")]})
        assert upstream.wait_until(lambda: upstream.in_flight == 1)
        own_daemon.process.send_signal(signal.SIGTERM)
        assert peer.until("go_away").go_away.last_accepted_id == 1
        peer.send(2, submit={"items": [chat()]})
        refusal = peer.until("rejected", id=2).rejected
        assert name(refusal.code) == "NOT_STARTED" and refusal.not_started
        assert peer.results(1)[0].response.chat.choices[0].message.text == "kept"
    assert own_daemon.process.wait(15) == 0
    assert not os.path.exists(own_daemon.path)


def test_an_idle_daemon_ends_at_once(own_daemon):
    with fanout.Client(own_daemon.path) as client:
        client.ping()
        started = time.monotonic()
        own_daemon.process.send_signal(signal.SIGTERM)
        assert own_daemon.process.wait(10) == 0
        assert time.monotonic() - started < 5


def test_secrets_are_never_printed(daemon, tmp_path, upstream):
    config = configuration(tmp_path / "s.sock", upstream).replace("api_key: key-of-", "api_key: sk-hidden-")
    own = Daemon(tmp_path, config, "secret")
    try:
        with fanout.Client(own.path) as client:
            client.completion("good", user("x"))
            status = str(client.status(lanes=True))
            with pytest.raises(fanout.FanoutError) as caught:
                client.completion("unauthorized", user("x"))
    finally:
        own.stop()
    assert "sk-hidden" not in own.log.read_text() + status + str(caught.value) + str(caught.value.failure)


# The command line.

def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_batch_prints_a_line_a_result_and_the_summary(daemon, tmp_path):
    requests = tmp_path / "requests.jsonl"
    requests.write_text("".join(json.dumps(call("good", f"say=w{n}", id=f"i{n}")) + "\n" for n in range(5)))
    done = command(daemon, "batch", requests, "--ordered", "--json")
    assert done.returncode == 0, done.stderr
    *results, summary = lines(done.stdout)
    assert [(r["index"], r["id"], r["text"], r["attempts"]) for r in results] == [(n, f"i{n}", f"w{n}", 1) for n in range(5)]
    assert (summary["items"], summary["succeeded"], summary["failed"]) == (5, 5, 0)


def test_batch_reads_standard_input_and_its_status_says_that_one_failed(daemon, tmp_path):
    text = json.dumps(call("good", "say=a")) + "\n" + json.dumps(call("no-such-model")) + "\nnot json\n"
    output = tmp_path / "results.jsonl"
    done = command(daemon, "batch", "-", "--output", output, "--json", text=text)
    assert done.returncode != 0
    results = {r["index"]: r for r in lines(output.read_text())}
    assert results[0]["text"] == "a" and results[1]["code"] == "NO_ROUTE" and results[1]["error"]
    assert lines(done.stdout)[-1]["succeeded"] == 1


def test_batch_fails_fast_where_it_is_told_to(daemon):
    calls = [call("good", "sleep=20"), call("no-such-model"), call("good", "sleep=20")]
    started = time.monotonic()
    done = command(daemon, "batch", "-", "--fail-fast", "--json", text="".join(json.dumps(c) + "\n" for c in calls))
    assert done.returncode != 0 and time.monotonic() - started < 10
    assert lines(done.stdout)[-1]["succeeded"] == 0


def test_ask_streams_the_real_models_answer(daemon):
    done = command(daemon, "ask", "gemma", "What is the capital of France?", "--max-tokens", "12")
    assert done.returncode == 0 and done.stdout.strip(), done.stderr


def test_status_names_the_groups(daemon):
    done = command(daemon, "status")
    assert done.returncode == 0 and "gemma" in done.stdout, done.stdout + done.stderr


def test_a_missing_daemon_is_a_sentence_and_a_status(daemon):
    done = subprocess.run(
        [str(BINARIES / "fanout"), "status", "--socket", "/nonexistent/fanout.sock"], capture_output=True, text=True,
        timeout=20)
    assert done.returncode != 0 and "/nonexistent/fanout.sock" in done.stderr


def test_the_clients_example_runs(daemon):
    from conftest import ROOT
    import sys

    example = ROOT / "clients" / "python" / "examples" / "tour.py"
    done = subprocess.run(
        [sys.executable, str(example), "gemma", daemon.path], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python")})
    assert done.returncode == 0, done.stderr
    assert "succeeded: 8" in done.stdout and "NO_ROUTE" in done.stdout
