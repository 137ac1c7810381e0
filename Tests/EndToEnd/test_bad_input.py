# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Each wrong thing gets its own code and sentence, in the item, the batch or the connection; everything else goes on."""

import time

import pytest

import fanout
from conftest import call, results_of, text_of, user
from fanout.connection import encode
from fanout.v1 import frames_pb2
from raw_peer import RawPeer, chat, name


@pytest.fixture(autouse=True)
def everything_else_goes_on(daemon):
    """Beside each test another connection is open, and it works before and after."""
    with fanout.Client(daemon.path) as bystander:
        assert text_of(bystander.completion("good", user("say=before"))) == "before"
        yield
        assert daemon.process.poll() is None, f"fanoutd is gone:\n{daemon.log.read_text()[-4000:]}"
        assert text_of(bystander.completion("good", user("say=after"))) == "after"


def item_failure(daemon, item):
    """Sends `item` between two good ones; gives its failure."""
    with RawPeer(daemon.path) as peer:
        peer.send(1, submit={"items": [chat(), item, chat()]})
        results = peer.results(1)
        assert results[0].HasField("response") and results[2].HasField("response")
        assert peer.is_alive()
        failure = results[1].failure
        assert failure.message and failure.message[-1] in ".!?)" or failure.message, "a failure without a sentence"
        return failure


# In the item.

@pytest.mark.parametrize("item, code, words", [
    (chat(model="no-such-model"), "NO_ROUTE", "no-such-model"),
    (chat(model=""), "INVALID_REQUEST", ""),
    ({"request": {"model": "good", "chat": {}}}, "INVALID_REQUEST", "messages"),
    ({"request": {"model": "good"}}, "INVALID_REQUEST", ""),
    ({}, "INVALID_REQUEST", ""),
    (chat(model="go\0od"), "INVALID_REQUEST", ""),
    (chat(model="m" * 900_000), "INVALID_REQUEST", ""),
    (chat(extra_json=b'{"api_base":"http://evil"}'), "INVALID_REQUEST", "api_base"),
    (chat(extra_json=b'[1]'), "INVALID_REQUEST", ""),
    (chat(extra_json=b'{"a":'), "INVALID_REQUEST", ""),
    (chat(extra_json=b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "INVALID_REQUEST", ""),
    ({"request": {"model": "good", "embedding": {}}}, "INVALID_REQUEST", ""),
    ({**chat(), "metadata": [{"key": "k", "value": "v" * 17_000}]}, "INVALID_REQUEST", ""),
])
def test_an_item_that_makes_no_sense_fails_alone(daemon, item, code, words):
    failure = item_failure(daemon, item)
    assert name(failure.code) == code and words in failure.message + failure.param
    assert failure.not_started


@pytest.mark.parametrize("sampling", [
    {"temperature": 9}, {"temperature": -1}, {"temperature": float("nan")}, {"temperature": float("inf")},
    {"top_p": 0}, {"top_p": 1.5}, {"presence_penalty": 3}, {"frequency_penalty": -2.5}, {"stop": [""]},
    {"stop": ["x"] * 17},
])
def test_a_parameter_out_of_range_fails_its_item_and_names_itself(daemon, sampling):
    item = chat()
    item["request"]["chat"]["sampling"] = sampling
    failure = item_failure(daemon, item)
    assert name(failure.code) == "INVALID_REQUEST"
    assert next(iter(sampling)) in failure.param + failure.message


def test_invalid_utf8_in_a_prompt_fails_its_item(daemon):
    with RawPeer(daemon.path) as peer:
        frame = frames_pb2.ClientFrame(id=1, submit={"items": [chat(), chat(text="PLACEHOLDER"), chat()]})
        peer.write_message(frame.SerializeToString().replace(b"PLACEHOLDER", b"\xff" * 11))
        results = peer.results(1)
        assert name(results[1].failure.code) == "INVALID_REQUEST" and "UTF-8" in results[1].failure.message
        assert results[0].HasField("response") and results[2].HasField("response")


def test_a_nul_in_a_prompt_is_text_like_any_other(client, upstream):
    client.completion("good", user("a\0b"))
    assert upstream.requests[-1][1]["messages"][-1]["content"] == "a\0b"


def test_an_enumeration_from_the_future_fails_its_item(daemon):
    item = {"request": {"model": "good", "chat": {"messages": [{"role": 99, "text": "x"}]}}}
    assert name(item_failure(daemon, item).code) == "INVALID_REQUEST"


# In the batch.

def test_a_reused_or_falling_batch_id_is_rejected_and_the_live_batch_goes_on(daemon):
    with RawPeer(daemon.path) as peer:
        peer.send(5, submit={"items": [chat(text="sleep=0.6 say=live")]})
        for id in (5, 4):
            peer.send(id, submit={"items": [chat()]})
            rejected = peer.until("rejected", id=id).rejected
            assert name(rejected.code) == "INVALID_REQUEST" and rejected.message
        results = peer.results(5)
        assert results[0].response.chat.choices[0].message.text == "live"
        peer.send(5, submit={"items": [chat()]})
        assert name(peer.until("rejected", id=5).rejected.code) == "INVALID_REQUEST"
        assert peer.is_alive()


def test_many_rejected_batches_use_up_no_window(daemon):
    with RawPeer(daemon.path) as peer:
        peer.send(9, submit={"items": [chat()]})
        peer.results(9)
        for _ in range(12):
            peer.send(3, submit={"items": [chat(text="x" * 900_000)]})
            peer.until("rejected")
        peer.send(10, submit={"items": [chat(text="say=x " + "x" * 900_000)]})
        assert peer.results(10)[0].HasField("response")


def test_a_cancel_of_an_unknown_batch_is_no_fault(daemon):
    with RawPeer(daemon.path) as peer:
        peer.send(40, cancel={})
        peer.send(41, cancel={"indexes": [1, 2, 4_000_000_000]})
        assert peer.is_alive()
        peer.send(50, submit={"items": [chat()]})
        peer.send(50, cancel={"indexes": [7]})
        assert peer.results(50)[0].HasField("response")


def test_items_for_a_batch_that_is_not_open_are_rejected(daemon):
    with RawPeer(daemon.path) as peer:
        peer.send(3, append={"items": [chat()], "last": True})
        assert name(peer.until("rejected", id=3).rejected.code) == "INVALID_REQUEST"
        assert peer.is_alive()


def test_a_body_from_the_future_is_rejected_for_its_id(daemon):
    with RawPeer(daemon.path) as peer:
        peer.write_message(b"\x08\x07" + b"\xf2\x01\x00")
        assert name(peer.until("rejected", id=7).rejected.code) == "INVALID_REQUEST"
        assert peer.is_alive()


def test_an_empty_batch_has_its_summary(daemon):
    with RawPeer(daemon.path) as peer:
        peer.send(1, submit={})
        assert peer.results(1) == {}


def test_batch_options_out_of_range_reject_the_batch(daemon):
    with RawPeer(daemon.path) as peer:
        peer.send(1, submit={"options": {"ordering": 99}, "items": [chat()]})
        assert name(peer.until("rejected", id=1).rejected.code) == "INVALID_REQUEST"
        assert peer.is_alive()


def test_the_longest_deadlines_overflow_nothing(daemon):
    with RawPeer(daemon.path) as peer:
        longest = 2**64 - 1
        options = {"deadline_ms": longest, "batch_deadline_ms": longest, "attempt_timeout_ms": longest}
        items = [{**chat(), "deadline_ms": longest, "attempt_timeout_ms": longest, "max_attempts": 2**32 - 1}]
        peer.send(1, submit={"options": {**options, "max_concurrency": 2**32 - 1}, "items": items})
        result = peer.results(1)[0]
        assert result.HasField("response") or name(result.failure.code) == "INVALID_REQUEST"


# In the connection.

def test_more_than_the_upload_window_ends_the_connection(daemon):
    with RawPeer(daemon.path) as peer:
        # A single item at a time runs, so that the others keep their bytes.
        peer.send(1, submit={"options": {"max_concurrency": 1}, "items": [chat("hang")], "open": True})
        for _ in range(12):
            peer.send(1, append={"items": [chat("hang", "x" * 900_000)]})
        assert peer.error() == "WINDOW_EXCEEDED"


def test_control_frames_get_through_a_full_window(daemon):
    with RawPeer(daemon.path) as peer:
        peer.send(1, submit={"options": {"max_concurrency": 1}, "items": [chat("hang")], "open": True})
        for _ in range(4):
            peer.send(1, append={"items": [chat("hang", "x" * 900_000)]})
        assert peer.is_alive()
        peer.send(1, cancel={})
        assert {name(r.failure.code) for r in peer.results(1).values()} <= {"CANCELLED", "NOT_STARTED"}


@pytest.mark.parametrize("data, codes", [
    ((2 << 20).to_bytes(4, "big"), {"FRAME_TOO_LARGE"}),
    (b"\xff\xff\xff\xff", {"FRAME_TOO_LARGE", "BAD_FRAME"}),
    (b"\x00\x00\x00\x00", {"BAD_FRAME"}),
    (b"\x00\x00\x00\x05\x0a\xff\xff\xff\xff", {"BAD_FRAME"}),
    (b"\x00\x00\x00\x02\x1a\x50", {"BAD_FRAME"}),
    (encode(frames_pb2.ClientFrame(hello={"major": 1})), {"WRONG_STATE"}),
], ids=["too large", "huge", "empty", "not protobuf", "cut protobuf", "second hello"])
def test_a_frame_that_makes_no_sense_ends_its_connection(daemon, data, codes):
    with RawPeer(daemon.path) as peer:
        peer.write(data)
        assert peer.error() in codes


@pytest.mark.parametrize("data, codes", [
    (encode(frames_pb2.ClientFrame(id=1, submit={"items": [chat()]})), {"WRONG_STATE"}),
    (encode(frames_pb2.ClientFrame(id=1, ping={})), {"WRONG_STATE"}),
    (encode(frames_pb2.ClientFrame(hello={"major": 2})), {"UNSUPPORTED_VERSION"}),
    (encode(frames_pb2.ClientFrame(hello={})), {"UNSUPPORTED_VERSION"}),
    (encode(frames_pb2.ClientFrame(hello={"major": 1, "client": "x" * 20_000})), {"FRAME_TOO_LARGE"}),
    (encode(frames_pb2.ClientFrame(hello={"major": 1, "client": "PLACE"})).replace(b"PLACE", b"\xff" * 5), {"BAD_FRAME"}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {"BAD_FRAME", "FRAME_TOO_LARGE"}),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {"BAD_FRAME", "FRAME_TOO_LARGE"}),
], ids=["submit", "ping", "version 2", "version 0", "hello of 20 kB", "hello not UTF-8", "TLS", "HTTP/2"])
def test_a_wrong_first_frame_ends_the_connection(daemon, data, codes):
    with RawPeer(daemon.path, hello=False) as peer:
        peer.write(data)
        assert peer.error() in codes


def test_an_http_request_is_told_where_it_is(daemon):
    with RawPeer(daemon.path, hello=False) as peer:
        peer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while data := peer.socket.recv(4096):
            answer += data
        assert answer.startswith(b"HTTP/1.1 400 ") and b"anout" in answer


def test_features_from_the_future_are_ignored(daemon):
    with RawPeer(daemon.path, hello=False) as peer:
        peer.send(hello={"major": 1, "minor": 999, "features": ["telepathy"]})
        welcome = peer.until("welcome").welcome
        assert welcome.major == 1 and "telepathy" not in welcome.features
        assert welcome.upload_window_bytes >= 1 << 18 and welcome.limits.frame_bytes_max >= 1 << 18
        assert "good" in welcome.models


def test_a_client_that_says_nothing_is_closed_in_five_seconds(daemon):
    started = time.monotonic()
    with RawPeer(daemon.path, hello=False) as peer:
        assert peer.error() == "HELLO_TIMEOUT"
    assert 4 < time.monotonic() - started < 8


def test_a_frame_that_ends_in_the_middle_is_dropped(daemon, upstream):
    with RawPeer(daemon.path) as peer:
        peer.send(1, submit={"items": [chat(text="sleep=30")]})
        assert upstream.wait_until(lambda: upstream.in_flight == 1)
        peer.write(encode(frames_pb2.ClientFrame(id=2, submit={"items": [chat()]}))[:-3])
    assert upstream.wait_until(lambda: upstream.in_flight == 0), "the lost client's request runs on"


def test_frames_that_come_byte_by_byte_are_the_same(daemon):
    with RawPeer(daemon.path) as peer:
        for byte in encode(frames_pb2.ClientFrame(id=1, submit={"items": [chat(text="say=slow")]})):
            peer.write(bytes([byte]))
        assert peer.results(1)[0].response.chat.choices[0].message.text == "slow"


def test_a_client_that_only_listens_on_still_gets_its_results(daemon):
    import socket

    with RawPeer(daemon.path) as peer:
        peer.send(1, submit={"items": [chat(text="sleep=0.3 say=late"), chat()]})
        peer.socket.shutdown(socket.SHUT_WR)
        assert len(peer.results(1)) == 2
        assert peer.receive() is None, "nothing more can come: the daemon should close"


# From the provider.

@pytest.mark.parametrize("behaviour, stream, codes", [
    ("html", False, {"INVALID_RESPONSE"}),
    ("html", True, {"INVALID_RESPONSE"}),
    ("notjson", False, {"INVALID_RESPONSE"}),
    ("nothing", False, {"UNREACHABLE", "PROVIDER_ERROR", "INVALID_RESPONSE", "STREAM_BROKEN"}),
    ("garbage", False, {"INVALID_RESPONSE", "UNREACHABLE"}),
    ("garbage", True, {"INVALID_RESPONSE", "UNREACHABLE"}),
    ("cut", False, {"STREAM_BROKEN", "INVALID_RESPONSE", "UNREACHABLE"}),
    ("cut", True, {"STREAM_BROKEN"}),
    ("reset", False, {"UNREACHABLE", "STREAM_BROKEN", "PROVIDER_ERROR", "INVALID_RESPONSE"}),
])
def test_an_upstream_that_answers_nonsense_fails_its_item_alone(client, behaviour, stream, codes):
    calls = [call("good", "say=a"), call(behaviour, "x", max_attempts=1, deadline=8), call("good", "say=b")]
    results = {r.index: r for r in results_of(client.batch(calls, stream=stream, on_stream_break="fail"))}
    assert results[1].exception.code in codes, results[1].exception
    assert results[1].exception.message
    assert results[0].exception is None and results[2].exception is None


def test_an_upstream_that_is_not_there_is_unreachable(client):
    with pytest.raises(fanout.APIConnectionError) as caught:
        client.completion("refused", user("x"), num_retries=0, deadline=5)
    assert caught.value.code == "UNREACHABLE"


def test_wrong_credentials_are_said_once_and_not_tried_again(client, upstream):
    with pytest.raises(fanout.AuthenticationError) as caught:
        client.completion("unauthorized", user("x"))
    assert caught.value.code == "AUTHENTICATION" and caught.value.trail.attempts <= 1
    assert [behaviour for behaviour, _ in upstream.requests].count("unauthorized") <= 1
