# Fanout
# SPDX-License-Identifier: Apache-2.0
"""What an administrator sees of the daemon: metrics, status, explanations and the log."""

import json
import os
import re
import socket
import subprocess

import pytest

import fanout
from conftest import BINARIES, Daemon, call, deployment, text_of, user
from raw_peer import RawPeer, chat

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLE = re.compile(r'^([a-z_0-9]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? ([0-9.]+)$')


def command(path, *arguments):
    return subprocess.run(
        [str(BINARIES / "fanout"), *map(str, arguments), "--socket", str(path)], capture_output=True, text=True, timeout=60)


def samples(text):
    """Each sample by its name and labels; every line has to be one, or a comment."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            match = SAMPLE.match(line)
            assert match, line
            labels = re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', match[2] or "")
            key = (match[1], *sorted(labels))
            assert key not in found, line
            found[key] = float(match[3])
    return found


def total(found, metric, /, **labels):
    return sum(
        value for (own, *pairs), value in found.items() if own == metric and set(labels.items()) <= set(pairs))


def scrape(path, request="GET /metrics HTTP/1.0\r\n\r\n"):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(15)
        peer.connect(str(path))
        peer.sendall(request.encode())
        data = b""
        while piece := peer.recv(1 << 16):
            data += piece
    head, _, body = data.decode().partition("\r\n\r\n")
    return head, body


@pytest.fixture(scope="module")
def own(daemon, directory, upstream):
    """A daemon with a socket for its metrics, which logs all that it can."""
    lines = ["model_list:"]
    lines += deployment("good", upstream.url("good"), api_key="sk-hidden-good")
    lines += deployment("limited", upstream.url("limited"), api_key="sk-hidden-limited")
    lines += deployment("echoing", upstream.url("echoing"), api_key="sk-hidden-echoing")
    lines += ["router_settings: {num_retries: 1, provider_budget_config: {openai: {budget_limit: 5, time_period: 1d}}}"]
    lines += ["fanout:", f"  metrics_socket: {directory}/metrics.sock", "  log: {level: trace}", ""]
    text = "\n".join(line for line in lines if "api_key: key-of-" not in line)
    own = Daemon(directory, text, "observed")
    with fanout.Client(own.path) as client:
        for _ in range(3):
            assert text_of(client.completion("good", user("say=private-answer the private prompt")))
        # The second attempt is answered.
        assert text_of(client.completion("limited", user("say=private-answer the private prompt")))
        with pytest.raises(fanout.FanoutError) as caught:
            client.completion("echoing", user("the private prompt"))
        # To the client its own prompt may come back, the key not.
        assert "private prompt with Bearer <redacted>" in str(caught.value)
        assert "sk-hidden" not in str(caught.value) + str(client.status(lanes=True))
    yield own
    assert own.stop() == 0
    assert not os.path.exists(directory / "metrics.sock")


def test_the_metrics_are_prometheus_text_and_count_what_was_done(own, directory):
    head, body = scrape(directory / "metrics.sock")
    assert head.startswith("HTTP/1.1 200 OK\r\n") and "text/plain; version=0.0.4" in head
    found = samples(body)
    assert total(found, "fanout_items_total", code="OK") == 4
    assert total(found, "fanout_items_total", code="INVALID_REQUEST") == 1
    assert total(found, "fanout_attempts_total", group="good", code="OK") == 3
    assert total(found, "fanout_attempts_total", group="limited", code="RATE_LIMITED") == 1
    assert total(found, "fanout_http_429_total", group="limited") == 1
    assert total(found, "fanout_retries_total", group="limited") == 1
    calls = {"gen_ai_provider_name": "openai", "gen_ai_operation_name": "chat", "group": "good"}
    assert total(found, "gen_ai_client_operation_duration_seconds_count", **calls) == 3
    assert 0 < total(found, "gen_ai_client_operation_duration_seconds_sum", **calls) < 60
    assert total(found, "gen_ai_client_token_usage_sum", gen_ai_token_type="input", **calls) == 9
    assert total(found, "fanout_budget_limit_usd", kind="provider", name="openai") == 5
    assert total(found, "fanout_lane_state", group="good", state="ok") == 1
    assert "private" not in body and "sk-hidden" not in body


def test_the_metrics_socket_has_its_mode_and_answers_nothing_else(own, directory):
    assert os.stat(directory / "metrics.sock").st_mode & 0o777 == 0o660
    assert scrape(directory / "metrics.sock", "GET / HTTP/1.1\r\n\r\n")[0].startswith("HTTP/1.1 404")
    assert scrape(directory / "metrics.sock", "POST /metrics HTTP/1.1\r\n\r\n")[0].startswith("HTTP/1.1 405")


def test_the_command_prints_the_same_metrics(own):
    done = command(own.path, "metrics")
    assert done.returncode == 0, done.stderr
    assert total(samples(done.stdout), "fanout_items_total", code="OK") >= 3


def test_status_shows_classes_lanes_versions_and_who_is_connected(own):
    with RawPeer(own.path) as peer:
        peer.send(1, submit={"items": [chat("good", "sleep=1 say=x")], "options": {"priority_class": 4}})
        peer.until("accepted")
        done = command(own.path, "status", "--json")
        shown = command(own.path, "status").stdout
        peer.until("summary")
    status = json.loads(done.stdout)
    classes = {entry["class"]: entry["queued"] + entry["running"] for entry in status["classes"]}
    assert classes == {"system": 0, "interactive": 0, "default": 0, "bulk": 1}
    mine = [entry for entry in status["peers"] if entry["pid"] == os.getpid()]
    assert [(p["uid"], p["client"], p["batches"], p["items"]) for p in mine] == [(os.getuid(), "raw", 1, 1)]
    assert f"{os.getpid()}" in shown and "raw" in shown and "bulk" in shown and "fanoutd 0." in shown


def test_an_item_is_explained_by_its_batch_and_index(own):
    with RawPeer(own.path) as peer:
        peer.send(7, submit={"items": [chat("good", "say=x"), chat("limited")]})
        assert len(peer.results(7)) == 2
    done = command(own.path, "explain", 7, 1, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["code"] == "OK" and found["model"] == "limited" and found["attempts"] == 2
    assert [(detail["code"], detail["status"]) for detail in found["details"]] == [("RATE_LIMITED", 429), ("OK", 0)]
    assert [entry["taken"] for entry in found["candidates"]] == [True]
    assert "OK" in command(own.path, "explain", 7, 0).stdout
    missing = command(own.path, "explain", 7, 2)
    assert missing.returncode == 2 and "item 2 of batch 7" in missing.stderr


def test_a_batch_that_fails_in_part_names_itself_for_explain(own, tmp_path):
    requests = tmp_path / "requests.jsonl"
    requests.write_text(json.dumps(call("no-such-model")) + "\n")
    done = command(own.path, "batch", requests)
    batch = re.search(r"fanout explain (\d+/\d+) INDEX", done.stderr)[1]
    assert "NO_ROUTE" in command(own.path, "explain", batch, 0).stdout


def test_a_trace_context_goes_upstream_as_it_came_and_into_the_log(own, upstream, tmp_path):
    context = f"00-{TRACE}-b7ad6b7169203331-01"
    with fanout.Client(own.path) as client:
        client.completion("good", user("say=traced"), traceparent=context)
        client.completion("good", user("say=broken"), traceparent=context.replace("b7ad6b7169203331", "0" * 16))
    requests = tmp_path / "requests.jsonl"
    requests.write_text(json.dumps(call("good", "say=filed", traceparent=context)) + "\n")
    assert command(own.path, "batch", requests).returncode == 0
    sent = {words: headers.get("traceparent") for words, headers in upstream.headers}
    assert sent == {"say=traced": context, "say=broken": None, "say=filed": context}
    assert f"trace={TRACE}" in own.log.read_text()


def test_no_key_and_no_word_of_a_prompt_or_answer_is_in_the_log_at_its_most_talkative(own):
    text = own.log.read_text()
    assert "attempt finished" in text and "level=debug" in text and "code=RATE_LIMITED" in text
    for secret in ("private", "sk-hidden"):
        assert secret not in text, [line for line in text.splitlines() if secret in line]


@pytest.mark.parametrize("form", ["text", "json"])
def test_each_line_of_the_log_is_whole_in_its_form_and_names_batch_and_item(daemon, directory, upstream, form):
    text = "\n".join(["model_list:", *deployment("good", upstream.url("good")), "fanout:",
                      f"  log: {{level: debug, format: {form}, bodies: true}}", ""])
    own = Daemon(directory, text, f"log{form}")
    try:
        with fanout.Client(own.path) as client:
            client.completion("good", user("say=private-answer"))
    finally:
        own.stop()
    lines = own.log.read_text().splitlines()
    assert lines
    if form == "json":
        finished = [line for line in map(json.loads, lines) if line["message"] == "attempt finished"]
        assert finished[0]["code"] == "OK" and finished[0]["item"] == "0"
        assert re.fullmatch(r"\d+/\d+", finished[0]["batch"])
        assert "private-answer" in finished[0]["response"], "bodies are logged where it is asked for"
    else:
        assert all(re.match(r'time=\S+Z level=[a-z]+ message=("(?:[^"\\]|\\.)*"|\S+)', line) for line in lines), lines
        assert any("item=0" in line and re.search(r"batch=\d+/\d+ code=OK", line) for line in lines)
