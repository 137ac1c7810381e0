# Fanout
# SPDX-License-Identifier: Apache-2.0
"""What an administrator sees of the daemon: metrics, status, explanations and the log."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

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


# The terminal.

class Screen:
    """A terminal of a given size, and `fanout top` in it."""

    def __init__(self, path, columns=100, rows=30):
        self.ours, theirs = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.process = subprocess.Popen(
            [str(BINARIES / "fanout"), "top", "--interval", "0.2", "--socket", str(path)], stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True)
        self.text = ""

    def resize(self, columns, rows):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition(self.text):
            left = end - time.monotonic()
            assert left > 0, self.text[-3000:]
            if select.select([self.ours], [], [], left)[0]:
                self.text += os.read(self.ours, 1 << 16).decode(errors="replace")

    def pages(self):
        """Each whole page that was drawn, as its lines."""
        pages = re.findall(r"\x1b\[H(.*?)\x1b\[J", self.text, re.S)
        return [page.replace("\x1b[K", "").split("\r\n") for page in pages]

    def ended(self):
        status = self.process.wait(15)
        self.read_until(lambda text: "\x1b[?1049l" in text)
        assert termios.tcgetattr(self.theirs) == self.before, "the terminal isn't as it was"
        assert self.text.count("\x1b[?1049h") == 1 and self.text.rstrip().endswith("\x1b[?1049l")
        os.close(self.ours)
        os.close(self.theirs)
        return status


def test_top_shows_the_daemon_survives_resizing_and_ends_with_q(own):
    screen = Screen(own.path)
    screen.read_until(lambda _: len(screen.pages()) >= 2)
    assert any("good" in line for line in screen.pages()[-1]) and screen.pages()[-1][0].startswith("fanoutd 0.")
    for columns, rows in [(20, 4), (1, 1), (200, 60), (80, 24)]:
        before = len(screen.pages())
        screen.resize(columns, rows)
        screen.read_until(lambda _: len(screen.pages()) >= before + 2)
        page = screen.pages()[-1]
        assert len(page) <= rows and all(len(line) <= columns for line in page), (columns, rows, page)
    os.write(screen.ours, b"q")
    assert screen.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_top_gives_the_terminal_back_when_a_signal_ends_it(own, number):
    screen = Screen(own.path)
    screen.read_until(lambda _: screen.pages())
    screen.process.send_signal(number)
    assert screen.ended() == 128 + number


def test_top_waits_for_a_daemon_that_is_gone_and_needs_a_terminal(own, tmp_path):
    screen = Screen(tmp_path / "nobody.sock")
    screen.read_until(lambda _: screen.pages())
    assert screen.pages()[-1][0].startswith("! ")
    os.write(screen.ours, b"q")
    assert screen.ended() == 0
    piped = command(own.path, "top")
    assert piped.returncode == 2 and "terminal" in piped.stderr


# Before the daemon.

def cli(*arguments, **environment):
    return subprocess.run(
        [str(BINARIES / "fanout"), *map(str, arguments)], capture_output=True, text=True, timeout=60,
        env={**os.environ, **environment})


def test_validate_says_what_the_daemon_would_say_with_file_line_and_column(own, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("model_list:\n" + "\n".join(deployment("good", "http://127.0.0.1:1/v1")) + "\n")
    done = cli("validate", config)
    assert done.returncode == 0 and "ok, 1 model, 1 deployment" in done.stdout, done.stdout + done.stderr
    config.write_text("model_list:\n  - model_name: x\n    litellm_params: {model: nosuch/y, api_key: sk-hidden}\n")
    done = cli("validate", FANOUT_CONFIG=str(config))
    assert done.returncode == 1 and f"{config}:3:29: error: model_list[0].litellm_params.model" in done.stdout
    assert "sk-hidden" not in done.stdout + done.stderr
    refused = subprocess.run([str(BINARIES / "fanoutd"), "--config", str(config)], capture_output=True, text=True)
    assert refused.returncode == 78 and refused.stderr.strip() == done.stdout.strip()
    assert "missing.yaml" in cli("validate", tmp_path / "missing.yaml").stdout


def test_validate_takes_warnings_for_errors_where_it_is_told_to(own, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("model_list:\n" + "\n".join(deployment("good", "http://127.0.0.1:1/v1")) + "\nnosuch: 1\n")
    assert cli("validate", config).returncode == 0
    assert cli("validate", config, "--strict").returncode == 1


def doctor(path, config, *arguments):
    done = cli("doctor", "--config", config, "--socket", path, "--json", *arguments)
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["ok"] else 1) and "sk-hidden" not in done.stdout + done.stderr
    # The configuration's own line comes before its warnings.
    return {check["subject"]: check for check in reversed(found["checks"])}


def test_doctor_finds_each_step_of_a_call_well_and_calls_when_asked(own, upstream, tmp_path):
    config = own.log.with_suffix(".yaml")
    checks = doctor(own.path, config, "--call")
    place = f"127.0.0.1:{upstream.server.server_address[1]}"
    for subject in (f"socket {own.path}", "configuration", "daemon", "dns 127.0.0.1", f"tcp {place}"):
        assert checks[subject]["level"] == "ok", checks[subject]
    calls = [check for subject, check in checks.items() if subject.startswith("call ")]
    assert any(check["level"] == "ok" and "answered" in check["finding"] for check in calls)
    assert any(check["level"] == "fail" and check["advice"] for check in calls), "the one that refuses all is found"
    assert not any(subject.startswith("call ") for subject in doctor(own.path, config))


def test_doctor_says_what_to_do_about_what_is_wrong(own, tmp_path):
    config = tmp_path / "config.yaml"
    lines = ["model_list:", *deployment("refused", "https://127.0.0.1:1/v1"), *deployment("lost", "https://no.invalid/v1")]
    config.write_text("\n".join(lines) + "\n")
    checks = doctor(tmp_path / "nobody.sock", config)
    for subject in (f"socket {tmp_path / 'nobody.sock'}", "tls 127.0.0.1:1", "dns no.invalid"):
        assert checks[subject]["level"] == "fail" and checks[subject]["advice"], checks
    config.write_text("model_list: [\n")
    assert doctor(own.path, config)["configuration"]["level"] == "fail"
    shown = cli("doctor", "--config", config, "--socket", own.path).stdout
    assert re.search(r"^fail  configuration: .*config\.yaml:", shown, re.M) and re.search(r"^ok    daemon: ", shown, re.M)
