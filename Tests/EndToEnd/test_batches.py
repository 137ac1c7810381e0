# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Batches over the real socket: what a caller of the daemon relies on."""

import asyncio
import math
import time

import pytest

import fanout
from conftest import call, results_of, text_of, user

REAL = {"max_tokens": 12, "temperature": 0.7}


# The real model.

def test_one_completion_of_the_real_model(client):
    answer = client.completion("gemma", user("What is the capital of France?"), **REAL)
    assert text_of(answer).strip()
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer.trail.attempts == 1 and answer.trail.group == "gemma" and answer.trail.deployment


def test_parallel_completions_of_models_and_messages_keep_their_order(run):
    models = ["gemma", "no-such-model", "gemma", "good"]
    messages = [user("Name a colour."), user("Hello"), user("Name a river."), user("say=there")]
    result = run(lambda c: c.parallel_acompletions(models=models, messages_list=messages, max_concurrency=3, **REAL))
    assert (result.total_requests, result.successful_count, result.failed_count) == (4, 3, 1)
    assert isinstance(result.responses[1], fanout.NotFoundError) and result.responses[1].code == "NO_ROUTE"
    assert text_of(result.responses[3]) == "there"
    summary = result.get_summary()
    assert summary["success_rate"] == 0.75 and summary["usage"]["total_tokens"] > 5 and summary["total_duration"] > 0


def test_parallel_completions_of_requests_give_a_result_each(run):
    requests = [fanout.RouterParallelRequest("gemma", user(f"What is {n} plus one?"), **REAL) for n in range(8)]
    results = run(lambda c: c.parallel_acompletions(requests, concurrency=4, preserve_order=True))
    assert [r.index for r in results] == list(range(8))
    assert all(r.exception is None and text_of(r).strip() and r.request is requests[r.index] for r in results)


def test_a_broken_deployment_is_seen_only_as_a_second_attempt(client):
    results = results_of(client.batch([call("flaky", f"Say {n}.", seed=n, **REAL) for n in range(12)]))
    assert len(results) == 12 and all(r.exception is None for r in results)
    assert any(r.trail.attempts >= 2 for r in results)


def test_embeddings_of_the_real_model(client):
    answer = client.embedding("embed", ["a cat sits", "a cat sat", "the stock market fell"])
    vectors = [record.embedding for record in answer.data]
    assert len(vectors) == 3 and len({len(v) for v in vectors}) == 1 and len(vectors[0]) >= 64
    assert all(math.isfinite(x) for v in vectors for x in v)

    def cosine(a, b):
        return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2])


def test_a_text_completion_of_the_real_model(client):
    answer = client.text_completion("gemma", "Once upon a time", max_tokens=8)
    assert answer.object == "text_completion" and answer.choices[0].text.strip()


def test_a_conversation_too_long_for_the_real_model_says_so(client):
    with pytest.raises(fanout.ContextWindowExceededError) as caught:
        client.completion("gemma", user("word " * 6000), max_tokens=4)
    error = caught.value
    assert error.code == "CONTEXT_WINDOW" and error.failure.provider_status == 400 and "context" in str(error)
    assert error.trail.attempts == 1


def test_streams_of_several_items_interleave_on_one_connection(run):
    async def body(client):
        batch = client.batch([call("gemma", f"Count up from {n}.", seed=n, max_tokens=24) for n in range(3)], stream=True)
        order, texts, results = [], {}, {}
        async for event in batch:
            if isinstance(event, fanout.Delta):
                assert event.sequence == order.count(event.index)
                order.append(event.index)
                texts[event.index] = texts.get(event.index, "") + event.text
            elif isinstance(event, fanout.Result):
                results[event.index] = event
        return order, texts, results, batch.summary

    order, texts, results, summary = run(body)
    assert sorted(results) == [0, 1, 2]
    switches = sum(a != b for a, b in zip(order, order[1:]))
    assert switches > 2, order
    for index, result in results.items():
        assert text_of(result) == texts[index]
    assert summary.usage.completion_tokens == sum(r.response.usage.completion_tokens for r in results.values()) > 0


def test_a_single_streamed_completion_of_the_real_model(client):
    chunks = list(client.completion("gemma", user("Tell me about the sea."), stream=True, **REAL))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert len(chunks) > 2 and text == text_of(chunks[-1].response) and chunks[-1].usage.completion_tokens > 0


# Order, failures, ends.

def test_results_come_as_they_finish(run):
    async def body(client):
        texts = ["sleep=0.6 say=slow", "sleep=0.3 say=middle", "say=quick"]
        requests = [fanout.RouterParallelRequest("good", user(t)) for t in texts]
        return [text_of(r) async for r in client.iter_parallel_acompletions(requests, concurrency=3)]

    assert run(body) == ["quick", "middle", "slow"]


def test_input_order_holds_results_back_behind_a_slow_first_item(client):
    calls = [call("good", "sleep=0.5 say=0")] + [call("good", f"say={n}") for n in range(1, 30)]
    started = time.monotonic()
    results = results_of(client.batch(calls, ordering="input", max_concurrency=8))
    assert [r.index for r in results] == list(range(30))
    assert [text_of(r) for r in results] == [str(n) for n in range(30)]
    assert time.monotonic() - started < 3, "the others did not run beside the slow one"


def test_one_failing_item_stops_no_other(client):
    calls = [call("good", f"say={n}") for n in range(10)]
    calls[2], calls[5], calls[7] = call("no-such-model"), call("refused", deadline=8), {"model": "good", "messages": []}
    results = {r.index: r for r in results_of(client.batch(calls))}
    assert sorted(results) == list(range(10))
    assert results[2].exception.code == "NO_ROUTE"
    assert results[5].exception.code in ("UNREACHABLE", "DEADLINE_EXCEEDED")
    assert results[7].exception.code == "INVALID_REQUEST"
    assert all(text_of(results[n]) == str(n) for n in (0, 1, 3, 4, 6, 8, 9))


def test_an_item_has_its_id_its_trail_and_its_summary(client):
    events = list(client.batch([call("good", id="mine", metadata={"a": "b"}), call("no-such-model", id="other")]))
    named = {r.id: r for r in results_of(events)}
    assert named["mine"].trail.attempts == 1 and named["mine"].trail.total_us > 0
    assert named["other"].trail.attempts == 0
    summary = events[-1]
    assert (summary.items, summary.succeeded, summary.failed, summary.cancelled) == (2, 1, 1, 0)
    assert summary.duration_us > 0 and summary.usage.total_tokens == 5 and summary.attempts == 1
    assert [(c.code, c.count) for c in summary.failures] == [(105, 1)]


def test_fail_fast_cancels_what_runs_and_starts_nothing_more(client, upstream):
    calls = [call("good", f"sleep=20 n={n}") for n in range(4)] + [call("refusing")]
    calls += [call("good", f"later={n}") for n in range(20)]
    started = time.monotonic()
    events = list(client.batch(calls, fail_fast=True, max_concurrency=5))
    results = {r.index: r for r in results_of(events)}
    assert time.monotonic() - started < 10
    assert sorted(results) == list(range(25))
    assert results[4].exception.code == "INVALID_REQUEST"
    assert {results[n].exception.code for n in range(4)} <= {"CANCELLED", "NOT_STARTED"}
    assert all(r.exception.not_started == (r.exception.code == "NOT_STARTED") for r in results.values())
    assert sum(r.exception.code == "NOT_STARTED" for r in results.values()) >= 20
    assert events[-1].cancelled == 24
    assert upstream.wait_until(lambda: upstream.in_flight == 0), "requests upstream were not broken off"


def test_fail_fast_raises_in_the_iterator(run):
    async def body(client):
        requests = [fanout.RouterParallelRequest("good", user("sleep=20"))] * 3
        requests.append(fanout.RouterParallelRequest("no-such-model", user("x")))
        async for _ in client.iter_parallel_acompletions(requests, return_exceptions=False):
            pass

    with pytest.raises(fanout.NotFoundError):
        run(body, seconds=10)


def test_leaving_the_loop_closes_the_requests_upstream(run, upstream):
    async def body(client):
        texts = ["say=first", "sleep=30 a=1", "sleep=30 a=2"]
        requests = [fanout.RouterParallelRequest("good", user(t)) for t in texts]
        results = client.iter_parallel_acompletions(requests)
        assert text_of(await anext(results)) == "first"
        await results.aclose()
        return await asyncio.to_thread(upstream.wait_until, lambda: upstream.in_flight == 0)

    assert run(body)


def test_cancelling_an_item_leaves_the_others(run, upstream):
    async def body(client):
        batch = client.batch([call("good", "sleep=30 n=0"), call("good", "sleep=0.5 say=kept")])
        events = aiter(batch)
        waiting = asyncio.create_task(anext(events))
        assert await asyncio.to_thread(upstream.wait_until, lambda: len(upstream.requests) == 2)
        batch.cancel(0)
        first = await waiting
        return [first] + [event async for event in events]

    first, second, summary = run(body)
    assert (first.index, first.exception.code) == (0, "CANCELLED") and text_of(second) == "kept"
    assert (summary.succeeded, summary.failed, summary.cancelled) == (1, 1, 1)
    assert upstream.wait_until(lambda: upstream.in_flight == 0)


def test_cancelling_a_batch_gives_every_item_its_result(run, upstream):
    async def body(client):
        batch = client.batch([call("good", f"sleep=30 n={n}") for n in range(30)], max_concurrency=4)
        events = aiter(batch)
        waiting = asyncio.create_task(anext(events))
        assert await asyncio.to_thread(upstream.wait_until, lambda: len(upstream.requests) == 4)
        batch.cancel()
        first = await waiting
        return [first] + [event async for event in events]

    events = run(body)
    codes = [r.exception.code for r in results_of(events)]
    assert (codes.count("CANCELLED"), codes.count("NOT_STARTED")) == (4, 26)
    assert events[-1].cancelled == 30


def test_a_connection_that_goes_away_cancels_its_batches(run, upstream):
    async def body(client):
        waiting = asyncio.create_task(client.acompletion("good", user("sleep=30")))
        assert await asyncio.to_thread(upstream.wait_until, lambda: len(upstream.requests) == 1)
        await client.aclose()
        with pytest.raises(fanout.APIConnectionError):
            await waiting
        return await asyncio.to_thread(upstream.wait_until, lambda: upstream.in_flight == 0)

    assert run(body)


def test_a_deadline_ends_an_item_that_runs(client, upstream):
    started = time.monotonic()
    with pytest.raises(fanout.FanoutError) as caught:
        client.completion("good", user("sleep=30"), deadline=0.5)
    assert 0.3 < time.monotonic() - started < 5
    assert caught.value.code in ("DEADLINE_EXCEEDED", "TIMEOUT")
    assert upstream.wait_until(lambda: upstream.in_flight == 0)


def test_a_deadline_ends_an_item_that_waits(run, upstream):
    async def body(client):
        first = asyncio.create_task(client.acompletion("single", user("sleep=1 say=first")))
        assert await asyncio.to_thread(upstream.wait_until, lambda: len(upstream.requests) == 1)
        with pytest.raises(fanout.Timeout) as caught:
            await client.acompletion("single", user("say=late"), deadline=0.3)
        assert not first.done()
        return caught.value, await first

    late, first = run(body)
    assert text_of(first) == "first"
    assert late.code == "DEADLINE_EXCEEDED" and late.not_started and len(upstream.requests) == 1


def test_a_batch_deadline_ends_all_that_is_left(client):
    started = time.monotonic()
    events = list(client.batch([call("good", f"sleep=20 n={n}") for n in range(6)], batch_deadline=0.5, max_concurrency=2))
    assert time.monotonic() - started < 5
    assert len(results_of(events)) == 6 and events[-1].failed == 6


def test_an_attempt_that_is_too_slow_times_out(client):
    with pytest.raises(fanout.Timeout) as caught:
        client.completion("good", user("sleep=20"), timeout=0.4, num_retries=0)
    assert caught.value.code == "TIMEOUT" and caught.value.trail.attempts == 1


def test_the_first_valid_success_of_a_race_wins_and_the_losers_are_cancelled(run, upstream):
    answer = run(lambda c: c.parallel_acompletion_fastest(["hang", "no-such-model", "good"], user("say=won")))
    assert text_of(answer) == "won" and answer.trail.group == "good"
    assert upstream.wait_until(lambda: upstream.in_flight == 0), "the loser was not broken off"


def test_a_race_that_all_lose_gives_the_last_failure_and_each_models_own(run):
    answer = run(lambda c: c.parallel_acompletion_fastest(["no-such-model", "unauthorized"], user("x")))
    assert isinstance(answer, fanout.FanoutError)
    assert {answer.code, *(cause.code for cause in answer.causes)} >= {"NO_ROUTE", "AUTHENTICATION"}


def test_a_fallback_group_answers_for_a_group_that_is_down(client):
    answer = client.completion("down", user("say=saved"))
    assert text_of(answer) == "saved" and answer.trail.group == "good" and answer.trail.fallbacks == 1
    assert answer.trail.attempts >= 2


def test_an_item_names_its_own_fallbacks(client):
    answer = client.completion("unauthorized", user("say=other"), fallbacks=["good"])
    assert text_of(answer) == "other" and answer.trail.fallbacks == 1


def test_a_fallback_is_asked_what_was_written_for_it(client):
    own = {"model": "good", "messages": user("say=shorter")}
    answer = client.completion("unauthorized", user("say=other"), fallbacks=[own])
    assert text_of(answer) == "shorter" and answer.trail.fallbacks == 1


def test_an_answer_429_is_waited_for_and_asked_again(client):
    answer = client.completion("limited", user("say=patient"))
    assert text_of(answer) == "patient" and answer.trail.attempts == 2


def test_an_alias_names_its_group(client):
    assert text_of(client.completion("nickname", user("say=alias"))) == "alias"


def test_parameters_and_the_extra_body_reach_the_provider(client, upstream):
    client.completion("good", user("x"), temperature=0, max_tokens=7, stop=["a"], logit_bias={"5": 1})
    request = upstream.requests[-1][1]
    assert (request["temperature"], request["stop"], request["logit_bias"]) == (0, ["a"], {"5": 1})
    assert 7 in (request.get("max_tokens"), request.get("max_completion_tokens"))


def test_a_batch_runs_no_wider_than_it_asks(client, upstream):
    list(client.batch([call("good", f"sleep=0.05 n={n}") for n in range(30)], max_concurrency=3))
    assert upstream.widest <= 3


def test_a_response_over_a_frame_comes_whole(client):
    answer = client.completion("good", user("say=z size=3000000"))
    assert text_of(answer) == "z" + "y" * 3_000_000


# Open batches.

def test_an_open_batch_of_many_items_streams_through_its_window(run, daemon):
    count = 20_000

    async def body(client):
        made = 0

        async def items():
            nonlocal made
            for number in range(count):
                made += 1
                yield call("bulk", f"item {number} " + "x" * 400)

        seen, first_at = bytearray(count), None
        async for event in client.batch(items(), priority_class="bulk", trail="none"):
            if isinstance(event, fanout.Result):
                assert event.exception is None, event.exception
                assert seen[event.index] == 0
                seen[event.index], first_at = 1, first_at if first_at is not None else made
            elif isinstance(event, fanout.Summary):
                assert (event.items, event.succeeded) == (count, count)
        return sum(seen), first_at

    total, first_at = run(body, seconds=120)
    assert total == count
    assert first_at < count, "no result came before the last item was sent"


def test_a_single_call_passes_a_bulk_batch_on_the_same_connection(run):
    async def body(client):
        bulk = client.batch((call("bulk", f"{n}" + "x" * 2000) for n in range(3_000)), priority_class="bulk")

        async def drain():
            async for _ in bulk:
                pass

        task = asyncio.create_task(drain())
        await asyncio.sleep(0.2)
        started = time.monotonic()
        answer = await client.acompletion("good", user("say=passed"))
        took, over = time.monotonic() - started, task.done()
        await task
        return text_of(answer), took, over, bulk.summary.succeeded

    text, took, over, succeeded = run(body, seconds=120)
    assert text == "passed" and succeeded == 3_000
    assert over or took < 3


def test_a_slow_reader_with_credit_gets_every_result(run):
    async def body(client):
        seen = 0
        async for event in client.batch([call("bulk", f"{n}") for n in range(300)], initial_credit=10):
            seen += isinstance(event, fanout.Result)
            if seen % 50 == 0:
                await asyncio.sleep(0.05)
        return seen

    assert run(body) == 300


def test_progress_is_pushed_where_it_is_asked_for(client):
    events = list(client.batch([call("good", f"sleep=0.2 n={n}") for n in range(6)], progress=True, max_concurrency=2))
    seen = [e for e in events if isinstance(e, fanout.Progress)]
    assert seen and seen[0].items == 6 and all(e.succeeded + e.running + e.waiting + e.failed == 6 for e in seen)


def test_status_says_what_there_is(client):
    client.completion("good", user("x"))
    status = client.status(lanes=True)
    assert status.version and status.succeeded >= 1 and status.connections >= 1
    assert {"gemma", "good", "bulk"} <= {lane.group for lane in status.lanes}
