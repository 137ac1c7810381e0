# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The client against a daemon whose every answer the test chooses."""

import asyncio
import base64
import socket
import threading

import pytest

import fanout
from fanout.connection import FrameDecoder, encode
from fanout.v1 import frames_pb2, response_pb2

from fake_daemon import FakeDaemon

HELLO = [{"role": "user", "content": "Hello"}]


def calls(count, size=0):
    return [{"model": "m", "messages": [{"role": "user", "content": f"{n}" + "x" * size}]} for n in range(count)]


def run(path, body):
    """`body(client)` on an event loop, within a bound."""
    async def main():
        async with fanout.AsyncClient(path) as client:
            return await asyncio.wait_for(body(client), 20)

    return asyncio.run(main())


def one_answer(peer):
    peer.welcome()
    batch = peer.expect("submit").id
    peer.send(batch, accepted={})
    peer.answer(batch, 0, "Hi")
    peer.summarise(batch)
    assert peer.receive() is None


def test_frames_are_the_same_however_the_stream_is_cut():
    frames = [frames_pb2.ServerFrame(id=n, pong={"data": b"x" * n * 50}) for n in range(5)]
    stream = b"".join(map(encode, frames))
    for cut in range(len(stream) + 1):
        decoder = FrameDecoder()
        payloads = decoder.feed(stream[:cut]) + decoder.feed(stream[cut:])
        assert [frames_pb2.ServerFrame.FromString(p) for p in payloads] == frames


def test_an_answer_that_is_no_frame_is_refused_at_its_first_byte():
    with pytest.raises(fanout.APIConnectionError):
        FrameDecoder().feed(b"HTTP/1.1 400")


def test_a_completion_reads_as_openais():
    with FakeDaemon(one_answer) as daemon, fanout.Client(daemon.path) as client:
        answer = client.completion("m", HELLO, temperature=0)
    assert answer.choices[0].message.content == "Hi"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert (answer.usage.total_tokens, answer.model, answer.trail.attempts) == (3, "m", 1)


def test_the_first_batch_goes_out_behind_hello_without_waiting_for_welcome():
    def script(peer):
        peer.expect("hello")
        batch = peer.expect("submit").id
        peer.send(0, welcome={"major": 1, "upload_window_bytes": 8 << 20, "batch_window_bytes": 4 << 20})
        peer.send(batch, accepted={})
        peer.answer(batch, 0, "early")
        peer.summarise(batch)
        peer.receive()

    with FakeDaemon(script) as daemon, fanout.Client(daemon.path) as client:
        assert client.completion("m", HELLO).choices[0].message.content == "early"


def test_a_finished_call_sends_no_cancel():
    def script(peer):
        peer.welcome()
        for _ in range(20):
            batch = peer.expect("submit").id
            peer.answer(batch, 0, "x")
            peer.summarise(batch)
        assert peer.receive() is None

    async def body(client):
        for _ in range(20):
            await client.acompletion("m", HELLO)

    with FakeDaemon(script) as daemon:
        run(daemon.path, body)


def test_a_long_list_goes_in_slices_and_keeps_its_indexes():
    seen = []

    def script(peer):
        peer.welcome()
        frame = peer.expect("submit")
        assert frame.submit.open and len(frame.submit.items) == 256
        seen.extend(i.request.chat.messages[0].text for i in frame.submit.items)
        last = False
        while not last:
            append = peer.expect("append").append
            assert len(append.items) <= 256
            seen.extend(i.request.chat.messages[0].text for i in append.items)
            last = append.last
        for index in range(600):
            peer.answer(frame.id, index, seen[index])
        peer.summarise(frame.id)
        peer.receive()

    with FakeDaemon(script) as daemon, fanout.Client(daemon.path) as client:
        results = [e for e in client.batch(calls(600)) if isinstance(e, fanout.Result)]
    assert [r.response.choices[0].message.content for r in results] == [str(n) for n in range(600)]


@pytest.mark.parametrize("named", [True, False])
def test_an_open_batch_never_holds_more_than_its_window_and_goes_on_as_bytes_come_back(named):
    window, held, most = 1 << 20, 0, 0

    def script(peer):
        nonlocal held, most
        peer.welcome(window=2 * window, batch_window=window)
        items, last, batch = 0, False, 0
        peer.connection.settimeout(0.3)
        while not last:
            try:
                frame = peer.receive()
            except TimeoutError:
                # The client has stopped by itself: it gets a part of what it used.
                assert held > window // 2
                peer.send(batch if named else 0, window={"bytes": 300_000})
                held -= 300_000
                continue
            body = getattr(frame, frame.WhichOneof("body"))
            batch, held = frame.id, held + frame.ByteSize()
            most, items = max(most, held), items + len(body.items)
            last = frame.WhichOneof("body") == "append" and body.last
        assert items == 40
        peer.connection.settimeout(10)
        for index in range(items):
            peer.answer(batch, index, "x")
        peer.summarise(batch)
        peer.receive()

    with FakeDaemon(script) as daemon, fanout.Client(daemon.path) as client:
        events = list(client.batch(calls(40, size=50_000)))
    assert len(events) == 41
    assert window // 2 < most <= window


def test_a_small_batch_passes_a_bulk_batch_that_waits_for_its_window():
    def script(peer):
        peer.welcome(window=2 << 20, batch_window=1 << 20)
        bulk = peer.expect("submit").id
        while (frame := peer.receive()).WhichOneof("body") == "append":
            pass
        assert frame.submit.items[0].request.chat.messages[0].text == "Hello"
        peer.answer(frame.id, 0, "passed")
        peer.summarise(frame.id)
        assert peer.expect("cancel").id == bulk
        peer.receive()

    async def body(client):
        async def bulk():
            async for _ in client.batch(calls(60, size=50_000)):
                pass

        task = asyncio.create_task(bulk())
        await asyncio.sleep(0.2)
        answer = await client.acompletion("m", HELLO)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.1)
        return answer

    with FakeDaemon(script) as daemon:
        assert run(daemon.path, body).choices[0].message.content == "passed"


def test_a_response_in_parts_is_put_together_while_others_come_between():
    def script(peer):
        peer.welcome()
        batch = peer.expect("submit").id
        big = response_pb2.Response(model="m", chat={"choices": [{"message": {"text": "y" * 600_000}}]})
        data = big.SerializeToString()
        for start in range(0, len(data), 256 << 10):
            peer.send(batch, result_part={"index": 0, "data": data[start:start + (256 << 10)]})
            if start == 0:
                peer.answer(batch, 1, "between")
        peer.send(batch, result={"index": 0, "response_parts_bytes": len(data)})
        peer.summarise(batch)
        peer.receive()

    with FakeDaemon(script) as daemon, fanout.Client(daemon.path) as client:
        results = [e for e in client.batch(calls(2)) if isinstance(e, fanout.Result)]
    assert [r.index for r in results] == [1, 0]
    assert results[1].response.choices[0].message.content == "y" * 600_000


def out_of_order(peer):
    peer.welcome()
    frame = peer.expect("submit")
    for index in (2, 0):
        peer.answer(frame.id, index, f"t{index}")
    peer.fail(frame.id, 1, "FAILURE_CODE_RATE_LIMITED", retry_after_ms=1500, not_started=True)
    peer.summarise(frame.id, items=3, succeeded=2, failed=1)
    while peer.receive() is not None:
        pass


def test_requests_form_gives_completion_order_unless_order_is_asked_for():
    requests = [fanout.RouterParallelRequest(model="m", messages=HELLO) for _ in range(3)]
    for preserve, order in ((False, [2, 0, 1]), (True, [0, 1, 2])):
        with FakeDaemon(out_of_order) as daemon:
            results = run(daemon.path, lambda c: c.parallel_acompletions(requests, preserve_order=preserve))
        assert [r.index for r in results] == order
        failed = next(r for r in results if r.index == 1)
        assert isinstance(failed.exception, fanout.RateLimitError) and failed.response is None
        assert failed.request is requests[1]


def test_models_form_gives_responses_in_order_with_a_summary():
    with FakeDaemon(out_of_order) as daemon:
        result = run(daemon.path, lambda c: c.parallel_acompletions(
            models=["a", "b", "c"], messages_list=[HELLO] * 3, max_concurrency=3, max_tokens=5))
    assert (result.total_requests, result.successful_count, result.failed_count) == (3, 2, 1)
    error = result.responses[1]
    assert (error.code, error.status_code, error.retry_after, error.not_started) == ("RATE_LIMITED", 429, 1.5, True)
    assert result.get_summary()["success_rate"] == pytest.approx(2 / 3)


def test_fail_fast_raises_the_first_failure_and_cancels_the_rest():
    def script(peer):
        peer.welcome()
        frame = peer.expect("submit")
        assert frame.submit.options.fail_fast and frame.submit.options.max_concurrency == 8
        peer.answer(frame.id, 0, "x")
        peer.fail(frame.id, 2, "FAILURE_CODE_AUTHENTICATION")
        assert peer.expect("cancel").id == frame.id

    async def body(client):
        seen = []
        requests = [fanout.RouterParallelRequest("m", HELLO) for _ in range(5)]
        with pytest.raises(fanout.AuthenticationError):
            async for result in client.iter_parallel_acompletions(requests, return_exceptions=False):
                seen.append(result.index)
        await asyncio.sleep(0.05)
        return seen

    with FakeDaemon(script) as daemon:
        assert run(daemon.path, body) == [0]


def test_cancelling_the_task_cancels_the_batch():
    def script(peer):
        peer.welcome()
        batch = peer.expect("submit").id
        assert peer.expect("cancel").id == batch

    async def body(client):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.acompletion("m", HELLO), 0.2)
        await asyncio.sleep(0.05)

    with FakeDaemon(script) as daemon:
        run(daemon.path, body)


def test_credit_is_given_as_results_are_read():
    def script(peer):
        peer.welcome()
        frame = peer.expect("submit")
        assert frame.submit.options.initial_credit == 4
        allowed = 4
        for index in range(20):
            while allowed == 0:
                allowed += peer.expect("credit").credit.results
            peer.answer(frame.id, index, "x")
            allowed -= 1
        peer.summarise(frame.id)
        while peer.receive() is not None:
            pass

    with FakeDaemon(script) as daemon, fanout.Client(daemon.path) as client:
        assert len(list(client.batch(calls(20), initial_credit=4))) == 21


def test_a_stream_gives_chunks_and_ends_with_the_whole():
    def script(peer):
        peer.welcome()
        frame = peer.expect("submit")
        assert frame.submit.options.stream
        for sequence, text in enumerate(("He", "llo")):
            peer.send(frame.id, delta={"index": 0, "sequence": sequence, "text": text})
        peer.answer(frame.id, 0, "Hello")
        peer.summarise(frame.id)
        peer.receive()

    with FakeDaemon(script) as daemon, fanout.Client(daemon.path) as client:
        chunks = list(client.completion("m", HELLO, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Hello"
    assert chunks[-1].usage.total_tokens == 3 and chunks[-1].response.choices[0].message.content == "Hello"


def test_fastest_returns_the_last_failure_with_each_models_own():
    def script(peer):
        peer.welcome()
        frame = peer.expect("submit")
        race = frame.submit.items[0].race
        assert list(race.groups) == ["a", "b"] and race.width == 1
        causes = [{"code": "FAILURE_CODE_TIMEOUT", "message": "slow", "group": "a"}]
        peer.fail(frame.id, 0, "FAILURE_CODE_OVERLOADED", causes=causes)
        peer.summarise(frame.id)
        peer.receive()

    with FakeDaemon(script) as daemon:
        answer = run(daemon.path, lambda c: c.parallel_acompletion_fastest(["a", "b"], HELLO, max_concurrency=1))
    assert isinstance(answer, fanout.ServiceUnavailableError)
    assert [type(cause) for cause in answer.causes] == [fanout.Timeout]


def test_a_rejected_batch_raises_and_the_next_is_sent():
    def script(peer):
        peer.welcome(window=1 << 20, batch_window=1 << 20)
        for _ in range(4):
            frame = peer.expect("submit")
            peer.send(frame.id, rejected={
                "code": "FAILURE_CODE_ADMISSION_REFUSED", "message": "full", "retry_after_ms": 2000, "not_started": True})
            peer.send(0, window={"bytes": frame.ByteSize()})
            assert peer.receive().WhichOneof("body") == "cancel"
        batch = peer.expect("submit").id
        peer.answer(batch, 0, "in")
        peer.summarise(batch)
        peer.receive()

    with FakeDaemon(script) as daemon, fanout.Client(daemon.path) as client:
        for _ in range(4):
            with pytest.raises(fanout.RateLimitError) as caught:
                client.completion("m", [{"role": "user", "content": "z" * 800_000}])
            assert caught.value.not_started and caught.value.retry_after == 2
        assert client.completion("m", HELLO).choices[0].message.content == "in"


def test_an_error_frame_reaches_every_batch_and_the_next_call_connects_anew():
    turns = iter((
        lambda peer: (peer.welcome(), peer.expect("submit"), peer.send(
            0, error={"code": "FAILURE_CODE_SLOW_READER", "message": "too slow", "limit": 5})),
        one_answer,
    ))
    with FakeDaemon(lambda peer: next(turns)(peer), connections=2) as daemon, fanout.Client(daemon.path) as client:
        with pytest.raises(fanout.APIConnectionError) as caught:
            client.completion("m", HELLO)
        assert (caught.value.code, caught.value.message) == ("SLOW_READER", "too slow")
        assert client.completion("m", HELLO).choices[0].message.content == "Hi"


def test_a_draining_daemon_refuses_later_batches_only_and_the_next_call_connects_anew():
    def draining(peer):
        peer.welcome()
        first, second = peer.expect("submit").id, peer.expect("submit").id
        peer.send(0, go_away={"last_accepted_id": first, "deadline_ms": 1000, "message": "bye"})
        while (frame := peer.receive()).WhichOneof("body") != "cancel":
            pass
        assert frame.id == second
        peer.answer(first, 0, "kept")
        peer.summarise(first)
        peer.receive()

    turns = iter((draining, one_answer))

    async def body(client):
        first = asyncio.create_task(client.acompletion("m", HELLO))
        second = asyncio.create_task(client.acompletion("m", HELLO))
        with pytest.raises(fanout.ServiceUnavailableError) as caught:
            await second
        assert caught.value.not_started
        kept = await first
        await client._connection.close()
        return kept, await client.acompletion("m", HELLO)

    with FakeDaemon(lambda peer: next(turns)(peer), connections=2) as daemon:
        kept, anew = run(daemon.path, body)
    assert kept.choices[0].message.content == "kept" and anew.choices[0].message.content == "Hi"


def test_a_lost_daemon_fails_what_waits_also_a_writer_at_its_window():
    def script(peer):
        peer.welcome(window=1 << 20, batch_window=1 << 20)
        peer.expect("submit")

    with FakeDaemon(script) as daemon, fanout.Client(daemon.path) as client:
        with pytest.raises(fanout.APIConnectionError):
            list(client.batch(calls(100, size=50_000)))


def test_no_daemon_is_a_sentence_that_names_the_socket():
    with fanout.Client("/nonexistent/fanout.sock") as client:
        with pytest.raises(fanout.APIConnectionError, match="/nonexistent/fanout.sock") as caught:
            client.completion("m", HELLO)
    assert caught.value.not_started


def test_a_full_backlog_is_waited_for(tmp_path):
    path = str(tmp_path / "busy.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(0)
    fillers = []
    while True:
        filler = socket.socket(socket.AF_UNIX)
        filler.setblocking(False)
        try:
            filler.connect(path)
        except BlockingIOError:
            filler.close()
            break
        fillers.append(filler)

    def serve():
        from fake_daemon import Peer

        for _ in fillers:
            listener.accept()[0].close()
        one_answer(Peer(listener.accept()[0]))

    threading.Timer(0.2, serve).start()
    with fanout.Client(path) as client:
        assert client.completion("m", HELLO).choices[0].message.content == "Hi"
    for filler in fillers:
        filler.close()
    listener.close()


def test_status_and_ping_are_answered_beside_batches():
    def script(peer):
        peer.welcome()
        frame = peer.expect("status_query")
        assert frame.status_query.lanes
        peer.send(frame.id, status={"version": "1.0", "queued": 4})
        frame = peer.expect("ping")
        peer.send(frame.id, pong={"data": frame.ping.data})
        peer.receive()

    with FakeDaemon(script) as daemon, fanout.Client(daemon.path) as client:
        assert client.status(lanes=True).queued == 4
        assert client.ping(b"abc") == b"abc"


def test_the_socket_is_found_by_argument_then_environment_then_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("FANOUT_SOCKET", raising=False)
    assert fanout.AsyncClient().socket_path == "/run/fanout/fanout.sock"
    (tmp_path / "fanout.sock").touch()
    assert fanout.AsyncClient().socket_path == str(tmp_path / "fanout.sock")
    monkeypatch.setenv("FANOUT_SOCKET", "/tmp/other.sock")
    assert fanout.AsyncClient().socket_path == "/tmp/other.sock"
    assert fanout.AsyncClient("/tmp/given.sock").socket_path == "/tmp/given.sock"


def picture(size, fill=b"p"):
    url = "data:image/png;base64," + base64.b64encode(fill * size).decode()
    return {"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}


def receive_blob(peer):
    """One blob, whole: its id and its bytes."""
    data = b""
    while True:
        frame = peer.expect("blob")
        assert frame.blob.offset == len(data) and frame.blob.uses == 1 and frame.id >= 1 << 62
        data += frame.blob.data
        if len(data) == frame.blob.total:
            return frame.id, data


def test_a_large_picture_goes_ahead_of_its_item_in_chunks():
    def daemon(peer):
        peer.welcome()
        blob, data = receive_blob(peer)
        assert data == b"p" * 700_000
        submit = peer.expect("submit")
        image = submit.submit.items[0].request.chat.messages[0].parts[0].image
        assert image.blob_id == blob and image.mime_type == "image/png"
        peer.answer(submit.id, 0, "A picture")
        peer.summarise(submit.id)
        peer.receive()

    with FakeDaemon(daemon) as fake:
        async def body(client):
            return (await client._one(picture(700_000))).choices[0].message.content
        assert run(fake.path, body) == "A picture"


def test_pictures_wait_for_the_room_that_results_give_back():
    def daemon(peer):
        peer.welcome(blob_bytes=1_000_000)
        first, _ = receive_blob(peer)
        submit = peer.expect("submit")
        assert submit.submit.open
        peer.answer(submit.id, 0, "one")
        second, _ = receive_blob(peer)
        assert second > first
        append = peer.expect("append").append
        assert append.items[0].request.chat.messages[0].parts[0].image.blob_id == second
        peer.answer(submit.id, 1, "two")
        while not append.last:
            append = peer.expect("append").append
        peer.summarise(submit.id)
        peer.receive()

    with FakeDaemon(daemon) as fake:
        async def body(client):
            batch = client.batch([picture(700_000), picture(700_000, b"q")])
            return [e.index async for e in batch if isinstance(e, fanout.Result)]
        assert run(fake.path, body) == [0, 1]


def test_items_of_a_slow_source_are_sent_as_they_come():
    def daemon(peer):
        peer.welcome()
        submit = peer.expect("submit")
        peer.answer(submit.id, 0, "one")
        append = peer.expect("append").append
        while not append.items:
            append = peer.expect("append").append
        peer.answer(submit.id, 1, "two")
        while not append.last:
            append = peer.expect("append").append
        peer.summarise(submit.id)
        peer.receive()

    with FakeDaemon(daemon) as fake:
        async def body(client):
            first_result = asyncio.Event()

            async def source():
                yield calls(1)[0]
                await first_result.wait()
                yield calls(1)[0]

            seen = []
            async for event in client.batch(source()):
                if isinstance(event, fanout.Result):
                    seen.append(event.index)
                    first_result.set()
            return seen
        assert run(fake.path, body) == [0, 1]
