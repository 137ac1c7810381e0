# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Credentials that end: the daemon, a server that gives out tokens, and a provider that takes only the current one."""

import itertools
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import fanout
from conftest import Daemon, call, results_of, text_of, user

SECRET = "client-secret~of.tests"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        cloud = self.server.cloud
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path.endswith("/token"):
            status, answer = cloud.grant(self.path, dict(urllib.parse.parse_qsl(body)))
        else:
            status, answer = cloud.complete(self.path, self.headers.get("authorization"))
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Cloud:
    """Gives out token-1, token-2, …; its provider takes the last one alone, unless it is told otherwise."""

    def __init__(self):
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.grants, self.bearers = [], []
        self.valid, self.refuses, self.gate = None, False, threading.Event()
        self.gate.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.cloud = True, self
        self.server.request_queue_size = 512
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def grant(self, path, form):
        with self.lock:
            self.grants.append((path, form))
        self.gate.wait(10)
        if self.refuses:
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000222: The keys are expired."}
        self.valid = f"token-{next(self.numbers)}"
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": self.valid}

    def complete(self, path, bearer):
        with self.lock:
            self.bearers.append(bearer)
        assert path == "/openai/v1/chat/completions", path
        if bearer != f"Bearer {self.valid}":
            return 401, {"error": {"code": "401", "message": "Access token is invalid."}}
        message = {"role": "assistant", "content": "there"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return 200, {"id": "x", "model": "m", "choices": [choice], "usage": usage}

    def url(self, path=""):
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def cloud():
    cloud = Cloud()
    yield cloud
    cloud.stop()


@pytest.fixture
def own_daemon(cloud, directory, monkeypatch, request):
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", cloud.url())
    monkeypatch.setenv("FANOUT_TEST_SECRET", SECRET)
    label = f"cred{abs(hash(request.node.name)) % 10_000}"
    text = f"""
model_list:
  - model_name: azure
    litellm_params:
      model: azure/m
      api_base: {cloud.url("/openai/v1")}
      tenant_id: the-tenant
      client_id: the-client
      client_secret: os.environ/FANOUT_TEST_SECRET
router_settings:
  num_retries: 0
fanout:
  log: {{level: debug}}
"""
    daemon = Daemon(directory, text, label)
    yield daemon
    assert daemon.stop() == 0
    log = daemon.log.read_text()
    assert "credential fetched" in log or "credential could not be fetched" in log
    assert SECRET not in log and "token-1" not in log


def test_a_hundred_calls_need_one_token(own_daemon, cloud):
    cloud.gate.clear()
    threading.Timer(0.3, cloud.gate.set).start()
    with fanout.Client(own_daemon.path) as client:
        results = results_of(client.batch([call("azure") for _ in range(100)]))
    assert len(results) == 100 and all(text_of(result) == "there" for result in results)
    assert cloud.grants == [("/the-tenant/oauth2/v2.0/token", {
        "grant_type": "client_credentials", "client_id": "the-client", "client_secret": SECRET,
        "scope": "https://cognitiveservices.azure.com/.default"})]
    assert cloud.bearers == ["Bearer token-1"] * 100


def test_a_token_that_the_provider_refuses_is_renewed_without_the_caller_seeing_it(own_daemon, cloud):
    with fanout.Client(own_daemon.path) as client:
        assert text_of(client.completion("azure", user("hello"))) == "there"
        cloud.valid = "none"
        answer = client.completion("azure", user("hello"))
        assert text_of(answer) == "there" and answer.trail.attempts == 1
    assert cloud.bearers == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    assert len(cloud.grants) == 2


def test_a_client_that_is_refused_fails_the_call_in_words_that_name_it(own_daemon, cloud):
    cloud.refuses = True
    with fanout.Client(own_daemon.path) as client:
        with pytest.raises(fanout.AuthenticationError) as caught:
            client.completion("azure", user("hello"))
    assert caught.value.code == "AUTHENTICATION"
    for words in ("the client the-client of the tenant the-tenant", "AADSTS7000222", "Check"):
        assert words in str(caught.value), str(caught.value)
    assert len(cloud.grants) == 1 and cloud.bearers == []
