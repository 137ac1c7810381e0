# Fanout
# SPDX-License-Identifier: Apache-2.0
"""A real failure run: the daemon over real sockets against a provider that fails in every way it knows. Each item
ends as its caller would want, and its trail is what the provider's ledger says."""

import os
import threading
import time

import pytest

import fanout
from conftest import call
from strict_daemon import Group, Stage, codes, words
from strict_provider import Fault, StrictProvider

HINTS = ["seconds", "fraction", "ms", "date", "reset", "text"]
OVERLOADED, PROVIDER_ERROR, TIMEOUT, STREAM_BROKEN, INVALID_RESPONSE = 301, 400, 402, 403, 404
RATE_LIMITED, CONTEXT_WINDOW, CONTENT_POLICY, INVALID_REQUEST, UNREACHABLE = 300, 103, 104, 100, 401

GROUPS = [
    *(Group(f"wait-{hint}") for hint in HINTS), *(Group(f"hinted-{hint}", 2) for hint in ("seconds", "none")),
    Group("once"), Group("pair", 2), Group("dead", 1), Group("spare", 1), Group("lonely"), Group("resets", 2),
    Group("hangs", 2), Group("slow", 2), Group("cuts", 2), Group("stalls", 2), Group("malforms", 2), Group("chunks", 2),
    Group("endless", 2), Group("doneless"), Group("small"), Group("large"), Group("narrow"), Group("policy"),
    Group("filters"), Group("prefill"), Group("refuser"), Group("obliging"), Group("flaps", 2, ordered=False),
    Group("boasts"), Group("silent"), Group("events", 2), Group("locked"), Group("timely", 2), Group("strict"),
]


@pytest.fixture(scope="module")
def provider():
    provider = StrictProvider()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def stage(provider, directory):
    for group in GROUPS:
        for lane in group.lanes:
            provider.lane(lane)
    stage = Stage(
        provider, directory, GROUPS, "failures",
        router=[
            'fallbacks: [{"dead": ["spare"]}, {"prefill": ["refuser", "obliging"]}]',
            'context_window_fallbacks: [{"small": ["large"]}]', 'content_policy_fallbacks: [{"policy": ["spare"]}]',
        ],
        service=["timeouts: {headers: 400ms, first_content: 600ms, idle: 300ms}"])
    yield stage
    stage.close()


@pytest.fixture(autouse=True)
def still_alive(stage):
    yield
    assert stage.daemon.process.poll() is None, stage.daemon.log.read_text()[-4000:]


# Limits.

@pytest.mark.parametrize("hint", HINTS)
def test_9_and_10_a_lane_that_names_a_wait_is_left_alone_until_then(provider, stage, hint):
    wait = 0.7
    provider.lane(f"wait-{hint}-a", faults=[Fault("limited", wait=wait, hint=hint), None])
    result, _ = stage.ask(f"wait-{hint}", f"patience by {hint}")
    first, second = provider.calls(f"patience by {hint}")
    assert codes(result) == [RATE_LIMITED, 0] and words(result).startswith(f"wait-{hint}-a")
    assert second.at - first.at >= (1.0 if hint == "seconds" else wait) - 0.01
    assert second.at - first.at <= 3.5


@pytest.mark.parametrize("hint", ["seconds", "none"])
def test_4_another_lane_answers_at_once_for_one_that_is_limited(provider, stage, hint):
    provider.lane(f"hinted-{hint}-a", faults=[Fault("limited", wait=5, hint=hint)])
    result, _ = stage.ask(f"hinted-{hint}", f"elsewhere {hint}", max_attempts=1)
    first, second = provider.calls(f"elsewhere {hint}")
    assert codes(result) == [RATE_LIMITED, 0], "an answer 429 costs no attempt"
    assert second.lane == f"hinted-{hint}-b" and second.at - first.ended < 0.2


# Errors.

def test_a_single_500_is_seen_only_in_the_trail(provider, stage):
    provider.lane("once-a", faults=[Fault("status", status=500), None])
    result, _ = stage.ask("once", "a single error")
    first, second = provider.calls("a single error")
    assert codes(result) == [PROVIDER_ERROR, 0] and result.trail.possibly_billed == 0
    assert second.at - first.ended < 0.2, "the first retry of an error is at once"


def test_6_no_lane_is_asked_twice_while_another_is_untried(provider, stage):
    provider.lane("pair-a", faults=[Fault("status", status=500)])
    result, _ = stage.ask("pair", "two lanes")
    assert [made.lane for made in provider.calls("two lanes")] == ["pair-a", "pair-b"] and codes(result)[-1] == 0


def test_a_fallback_answers_for_a_lane_that_is_unavailable_for_good(provider, stage):
    provider.lane("dead-a", faults=[Fault("status", status=503, message="no capacity")])
    result, _ = stage.ask("dead", "for good", deadline=20)
    assert words(result).startswith("spare-a") and result.trail.fallbacks == 1 and result.trail.group == "spare"
    assert set(codes(result)[:-1]) == {OVERLOADED}


def test_without_a_fallback_the_failure_says_what_the_provider_said(provider, stage):
    provider.lane("lonely-a", faults=[Fault("status", status=500, message="the fan is broken")])
    result, _ = stage.ask("lonely", "nobody else", deadline=10)
    assert result.exception.code == "PROVIDER_ERROR" and "the fan is broken" in str(result.exception)
    assert 1 <= result.trail.attempts <= 3 and len(provider.calls("nobody else")) == result.trail.attempts


def test_2_a_refused_key_is_asked_once_and_then_no_more(provider, stage):
    provider.lane("locked-a", faults=[Fault("status", status=401, message="Incorrect API key", code="invalid_api_key")])
    first, _ = stage.ask("locked", "first with a bad key")
    second, _ = stage.ask("locked", "second with a bad key")
    assert first.exception.code == second.exception.code == "AUTHENTICATION"
    assert (first.trail.attempts, second.trail.attempts) == (1, 0) and second.exception.not_started
    assert "Incorrect API key" in str(second.exception)


def test_a_reset_is_tried_elsewhere_and_may_have_been_billed(provider, stage):
    provider.lane("resets-a", faults=[Fault("reset")])
    result, _ = stage.ask("resets", "a reset")
    assert words(result).startswith("resets-b") and codes(result) == [UNREACHABLE, 0]
    assert result.trail.possibly_billed == 1 and result.trail.details[0].possibly_billed


# Time.

def test_a_lane_that_hangs_before_its_headers_is_left_when_their_time_is_over(provider, stage):
    lane = provider.lane("hangs-a", faults=[Fault("hang")])
    started = time.monotonic()
    result, _ = stage.ask("hangs", "no headers", stream=True)
    assert words(result).startswith("hangs-b") and codes(result) == [TIMEOUT, 0]
    assert 0.4 <= time.monotonic() - started < 2 and result.trail.possibly_billed == 1
    assert lane.calls[0].broken_off, "the provider saw that nobody waits"


def test_a_plain_answer_that_hangs_is_left_when_the_attempts_time_is_over(provider, stage):
    provider.lane("timely-a", faults=[Fault("hang")])
    result, _ = stage.ask("timely", "no answer", timeout=0.5)
    assert words(result).startswith("timely-b") and codes(result) == [TIMEOUT, 0]


def test_heartbeats_are_no_content(provider, stage):
    provider.lane("slow-a", faults=[Fault("slow_first")])
    started = time.monotonic()
    result, deltas = stage.ask("slow", "slow to begin", stream=True)
    assert words(result).startswith("slow-b") and codes(result) == [TIMEOUT, 0]
    assert 0.5 <= time.monotonic() - started < 2.5
    assert not any(delta.HasField("restart") for delta in deltas), "nothing was shown, so nothing is void"


def test_40_a_stalled_stream_begins_anew_elsewhere(provider, stage):
    provider.lane("stalls-a", faults=[Fault("stall")])
    result, deltas = stage.ask("stalls", "a stall", stream=True)
    assert codes(result) == [TIMEOUT, 0] and words(result).startswith("stalls-b") and "half" not in words(result)
    assert text_after_restart(deltas) == words(result)


def text_after_restart(deltas):
    place = [number for number, delta in enumerate(deltas) if delta.HasField("restart")]
    assert len(place) == 1, "exactly one restart"
    assert any(delta.text for delta in deltas[:place[0]]), "something was shown before"
    return "".join(delta.text for delta in deltas[place[0] + 1:])


# Streams.

def test_25_a_cut_stream_begins_anew_elsewhere(provider, stage):
    provider.lane("cuts-a", faults=[Fault("cut", after=3)])
    result, deltas = stage.ask("cuts", "a cut", stream=True)
    assert codes(result) == [STREAM_BROKEN, 0] and result.trail.possibly_billed == 1
    assert text_after_restart(deltas) == words(result) and words(result).startswith("cuts-b")


def test_25_a_cut_stream_ends_with_its_words_where_the_caller_wants_that(provider, stage):
    provider.lane("cuts-a", faults=[Fault("cut", after=3)])
    result, deltas = stage.ask("cuts", "cut and fail", stream=True, on_stream_break="fail")
    assert result.exception.code == "STREAM_BROKEN" and codes(result) == [STREAM_BROKEN]
    assert "".join(delta.text for delta in deltas) == "half half half "
    assert not any(delta.HasField("restart") for delta in deltas)


def test_a_plain_answer_that_is_cut_is_asked_for_again(provider, stage):
    provider.lane("cuts-a", faults=[Fault("cut")])
    result, _ = stage.ask("cuts", "a plain cut")
    assert codes(result) == [STREAM_BROKEN, 0] and words(result).startswith("cuts-b")


@pytest.mark.parametrize("group, fault", [("malforms", "malformed"), ("chunks", "bad_chunk"), ("endless", "no_end")])
def test_what_is_no_whole_stream_is_no_answer(provider, stage, group, fault):
    provider.lane(f"{group}-a", faults=[Fault(fault)])
    result, _ = stage.ask(group, f"a stream with {fault}", stream=True)
    assert words(result).startswith(f"{group}-b") and codes(result)[-1] == 0
    assert codes(result)[0] in (STREAM_BROKEN, INVALID_RESPONSE) and result.trail.possibly_billed == 1


def test_a_stream_that_says_why_it_ended_is_whole_without_its_marker(provider, stage):
    provider.lane("doneless-a", faults=[Fault("no_done")])
    result, _ = stage.ask("doneless", "no marker", stream=True)
    assert codes(result) == [0] and words(result).startswith("doneless-a")


def test_26_an_error_in_place_of_a_stream_goes_elsewhere_unseen(provider, stage):
    provider.lane("events-a", faults=[Fault("error_event", message="The engine is currently overloaded")])
    result, deltas = stage.ask("events", "an error event", stream=True)
    assert words(result).startswith("events-b") and codes(result)[0] in (OVERLOADED, PROVIDER_ERROR)
    assert not any(delta.HasField("restart") for delta in deltas) and result.trail.possibly_billed == 0


def test_the_first_words_of_a_stream_are_shown_before_the_next_are_sent(provider, stage):
    shown = threading.Event()
    provider.lane("boasts-a", faults=[Fault("held", until=shown)])
    results = []
    for event in stage.client.batch([call("boasts", "words as they come")], stream=True, trail="full"):
        if getattr(event, "text", ""):
            shown.set()
        if isinstance(event, fanout.Result):
            results.append(event)
    # The provider sends the rest when the first words have been seen here; else it breaks the stream off.
    assert words(results[0]) == "first last" and codes(results[0]) == [0]


def test_a_call_at_a_time_and_an_answer_byte_by_byte_wait_for_no_timer_of_tcp(provider, stage):
    provider.lane("boasts-a", faults=[Fault("dribble")])
    times = []
    for number in range(100):
        started = time.monotonic()
        stage.client.completion("boasts", [{"role": "user", "content": f"a byte at a time {number}."}])
        times.append(time.monotonic() - started)
    # Nagle's algorithm against delayed acknowledgements costs 40 ms a call. A busy machine slows some, not three in four.
    assert sorted(times)[25] < 0.02, sorted(times)[::10]


def processor_seconds(process):
    fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_429_inside_a_stream_costs_few_calls_and_no_processor(provider, stage):
    for lane in ("events-a", "events-b"):
        provider.lane(lane, faults=[Fault("error_event", after=1, code="rate_limit_exceeded", message="Rate limit")])
    before = processor_seconds(stage.daemon.process)
    result, _ = stage.ask("events", "a limit inside a stream", stream=True, deadline=4)
    spent = processor_seconds(stage.daemon.process) - before
    assert result.exception.code in ("DEADLINE_EXCEEDED", "RATE_LIMITED") and set(codes(result)) == {RATE_LIMITED}
    assert len(provider.calls("a limit inside a stream")) <= 10 and spent < 0.5, spent


# What the caller asked for.

CONTEXT = dict(status=400, code="context_length_exceeded", message="maximum context length is 128 tokens")


def test_a_conversation_too_long_goes_where_there_is_room(provider, stage):
    provider.lane("small-a", faults=[Fault("status", **CONTEXT)])
    result, _ = stage.ask("small", "too long for the small one")
    assert codes(result) == [CONTEXT_WINDOW, 0] and words(result).startswith("large-a")


def test_a_conversation_too_long_for_all_fails_once_and_says_so(provider, stage):
    provider.lane("narrow-a", faults=[Fault("status", **CONTEXT)])
    result, _ = stage.ask("narrow", "too long for all")
    assert result.exception.code == "CONTEXT_WINDOW" and codes(result) == [CONTEXT_WINDOW]


REFUSED = dict(status=400, code="content_policy_violation", message="violating our usage policy")


def test_a_content_policy_is_not_tried_around(provider, stage):
    provider.lane("filters-a", faults=[Fault("status", **REFUSED)])
    result, _ = stage.ask("filters", "refused words")
    assert result.exception.code == "CONTENT_POLICY" and codes(result) == [CONTENT_POLICY]


def test_a_content_policy_has_the_way_round_that_is_configured(provider, stage):
    provider.lane("policy-a", faults=[Fault("status", **REFUSED)])
    result, _ = stage.ask("policy", "refused words, another model")
    assert codes(result) == [CONTENT_POLICY, 0] and words(result).startswith("spare-a")


def test_39_an_answer_that_was_filtered_is_the_answer(provider, stage):
    provider.lane("filters-a", faults=[Fault("filtered")])
    result, _ = stage.ask("filters", "filtered words")
    assert result.response.choices[0].finish_reason == "content_filter" and codes(result) == [0]


def test_a_fallback_that_refuses_a_prefill_is_passed(provider, stage):
    provider.lane("prefill-a", faults=[Fault("status", status=503, message="no capacity")])
    provider.lane("refuser-a", faults=lambda made: refusal_of_prefill(made))
    text = "begin your answer with this"
    messages = [{"role": "user", "content": "go on"}, {"role": "assistant", "content": text}]
    results, _ = stage.run([{"model": "prefill", "messages": messages, "deadline": 20}])
    assert words(results[0]).startswith("obliging-a") and INVALID_REQUEST in codes(results[0])
    assert results[0].trail.fallbacks == 2 and results[0].trail.group == "obliging"


def refusal_of_prefill(made):
    if made.request["messages"][-1]["role"] != "assistant":
        return None
    return Fault("status", status=400, message="This model does not support assistant message prefill")


# Over time.

def test_a_lane_that_flaps_beside_a_good_one_costs_no_item(provider, stage):
    started = time.monotonic()
    flapping = provider.lane(
        "flaps-a", latency=0.01,
        faults=lambda _: Fault("status", status=500) if (time.monotonic() - started) % 0.4 < 0.2 else None)
    provider.lane("flaps-b", latency=0.01)
    calls = [call("flaps", f"flap {number:03}.") for number in range(200)]
    results, _ = stage.run(calls, max_concurrency=4)
    assert all(result.exception is None for result in results.values())
    assert any(codes(result)[0] == PROVIDER_ERROR for result in results.values()), "it never met a failure"
    assert len(flapping.calls) > 0


def test_usage_is_what_the_provider_reports_however_odd(provider, stage):
    provider.lane("boasts-a", usage=lambda usage: {name: count * 1_000 for name, count in usage.items()})
    result, _ = stage.ask("boasts", "boastful usage")
    made = provider.calls("boastful usage")[0]
    assert result.response.usage.prompt_tokens == made.prompt_tokens * 1_000
    calls = [call("boasts", f"boast {number:02}.") for number in range(30)]
    results, _ = stage.run(calls)
    assert all(result.exception is None for result in results.values()), "wild usage stops nobody"


def test_usage_that_is_not_reported_is_not_made_up(provider, stage):
    provider.lane("silent-a", usage=lambda usage: None)
    for stream in (False, True):
        result, _ = stage.ask("silent", f"no usage {stream}", stream=stream)
        assert result.response.usage is None or result.response.usage.total_tokens == 0


def test_usage_and_model_after_a_fallback_are_the_fallbacks(provider, stage):
    provider.lane("dead-a", faults=[Fault("status", status=503)])
    provider.lane("spare-a", tokens=7)
    result, _ = stage.ask("dead", "whose usage", deadline=20)
    served = provider.calls("whose usage")[-1]
    assert (served.lane, served.completion_tokens) == ("spare-a", 7)
    assert result.response.usage.completion_tokens == 7 and result.response.model == "spare-a"


def test_a_batch_of_all_of_it_gives_each_item_its_result(provider, stage):
    provider.lane("strict-a")
    for name, fault in (("pair", "status"), ("resets", "reset"), ("cuts", "cut")):
        provider.lane(f"{name}-a", faults=[Fault(fault)])
    groups = ["pair", "resets", "cuts", "strict", "no-such-model"]
    calls = [call(groups[number % 5], f"all {number:03}.", deadline=20) for number in range(100)]
    events = list(stage.client.batch(calls, max_concurrency=16))
    results = {event.index: event for event in events if isinstance(event, fanout.Result)}
    assert sorted(results) == list(range(100))
    for number, result in results.items():
        if number % 5 == 4:
            assert result.exception.code == "NO_ROUTE"
        else:
            assert result.exception is None, result.exception
