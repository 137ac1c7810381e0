# Fanout
# SPDX-License-Identifier: Apache-2.0
"""OpenAI-style calls become messages of the wire, and answers read as OpenAI's."""

import base64
import json
import struct

import pytest

import fanout
from fanout.convert import item_from, options_from, response_from
from fanout.errors import _TABLE, error_from
from fanout.v1 import failure_pb2, request_pb2, response_pb2

HELLO = [{"role": "user", "content": "Hello"}]


def item(**call):
    return item_from({"model": "m", "messages": HELLO, **call})


def test_sampling_parameters_keep_their_presence():
    sampling = item(temperature=0, max_tokens=7, stop="END", seed=-3).request.chat.sampling
    assert sampling.HasField("temperature") and sampling.temperature == 0
    assert (sampling.max_tokens, list(sampling.stop), sampling.seed) == (7, ["END"], -3)
    assert not sampling.HasField("top_p")


def test_item_options_are_not_sent_to_the_provider():
    made = item(
        timeout=1.5, num_retries=0, fallbacks=["b", {"model": "c"}], priority=0, tags=["t"],
        metadata={"k": "v", "n": {"a": 1}}, cache={"no-cache": True, "ttl": 60, "namespace": "x"}, deadline=9)
    assert (made.attempt_timeout_ms, made.max_attempts, made.deadline_ms) == (1500, 1, 9000)
    assert list(made.fallbacks) == ["b", "c"] and made.HasField("priority") and made.cache.ttl_ms == 60_000
    assert {e.key: e.value for e in made.metadata} == {"k": "v", "n": '{"a": 1}'}
    assert made.request.extra_json == b""


def test_a_fallback_may_be_asked_something_of_its_own():
    other = [{"role": "user", "content": "shorter"}]
    made = item(temperature=0.5, top_k=4, fallbacks=["b", {"model": "c", "messages": other, "temperature": 0}])
    assert list(made.fallbacks) == ["b", "c"] and [f.fallback for f in made.fallback_requests] == [1]
    request = made.fallback_requests[0].request
    assert (request.model, request.chat.messages[0].text, request.chat.sampling.temperature) == ("c", "shorter", 0)
    assert request.extra_json == made.request.extra_json and len(request.chat.messages) == 1
    assert made.request.chat.messages[0].text != "shorter" and made.request.chat.sampling.temperature == 0.5


def test_a_fallback_has_no_options_of_the_item():
    with pytest.raises(ValueError, match="its own num_retries"):
        item(fallbacks=[{"model": "c", "num_retries": 2}])


def test_region_tags_and_trying_are_the_items_own_also_by_litellms_names():
    made = item(region="eu", try_unhealthy=True, tags=["a"])
    assert (made.region, made.try_unhealthy, list(made.tags)) == ("eu", True, ["a"])
    made = item(allowed_model_region="us", tags=["a"], metadata={"tags": ["a", "b"], "k": "v"})
    assert (made.region, made.try_unhealthy, list(made.tags)) == ("us", False, ["a", "b"])
    assert [e.key for e in made.metadata] == ["k"] and made.request.extra_json == b""


def test_unknown_parameters_and_the_extra_body_travel_as_one_object():
    made = item(logit_bias={"5": 1}, extra_body={"min_p": 0.1}, top_k=4)
    assert json.loads(made.request.extra_json) == {"logit_bias": {"5": 1}, "min_p": 0.1}
    assert made.request.chat.sampling.top_k == 4


def test_tools_and_a_tool_conversation_are_mapped():
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
    made = item(
        messages=HELLO + [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ],
        tools=[{"type": "function", "function": {"name": "weather", "parameters": schema, "strict": False}}],
        tool_choice={"type": "function", "function": {"name": "weather"}},
        response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": schema, "strict": True}},
    ).request.chat
    assert made.messages[1].parts[0].tool_call.arguments == b'{"city":"Rome"}'
    assert made.messages[2].role == request_pb2.ROLE_TOOL
    assert (made.messages[2].parts[0].tool_result.call_id, made.messages[2].parts[0].tool_result.text) == ("c1", "sunny")
    assert json.loads(made.tools[0].parameters_json) == schema and made.tools[0].HasField("strict")
    assert made.tool_choice.mode == request_pb2.TOOL_CHOICE_MODE_NAMED and list(made.tool_choice.names) == ["weather"]
    assert made.response_format.kind == request_pb2.RESPONSE_FORMAT_KIND_JSON_SCHEMA and made.response_format.strict


def test_parts_of_a_message_are_mapped_and_unknown_ones_carried():
    png = base64.b64encode(b"PNG").decode()
    parts = item(messages=[{"role": "user", "content": [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        {"type": "image_url", "image_url": f"data:image/png;base64,{png}"},
        {"type": "input_audio", "input_audio": {"format": "wav", "data": png}},
        {"type": "novel", "x": 1},
    ]}]).request.chat.messages[0].parts
    assert parts[0].text.text == "see"
    assert (parts[1].image.url, parts[1].image.detail) == ("https://x/y.png", "low")
    assert (parts[2].image.mime_type, parts[2].image.data) == ("image/png", b"PNG")
    assert parts[3].audio.mime_type == "audio/wav"
    assert parts[4].opaque.type == "novel" and json.loads(parts[4].opaque.json)["x"] == 1


def test_an_answer_goes_back_as_the_next_turn():
    call = request_pb2.ToolCall(id="c", name="f", arguments=b"{}")
    message = request_pb2.Message(parts=[{"text": {"text": "so"}}, {"tool_call": call}])
    choices = [{"message": message, "finish_reason": "FINISH_REASON_TOOL_CALLS"}]
    answer = response_from(response_pb2.Response(chat={"choices": choices}), None).choices[0]
    assert answer.finish_reason == "tool_calls" and answer.message.tool_calls[0].function.name == "f"
    again = item(messages=HELLO + [answer.message]).request.chat.messages[1]
    assert again.parts[0].text.text == "so" and again.parts[1].tool_call.id == "c"


def test_embeddings_go_and_come_as_floats():
    made = item_from({"model": "e", "input": ["a", "b"], "dimensions": 3})
    assert list(made.request.embedding.inputs) == ["a", "b"] and made.request.embedding.dimensions == 3
    vectors = [struct.pack("<3f", 1, -0.5, 0.25)]
    answer = response_from(response_pb2.Response(embedding={"vectors": vectors}), None)
    assert answer.data[0].embedding == [1, -0.5, 0.25] and answer["data"][0]["index"] == 0


def test_batch_options_take_seconds_and_words():
    made = options_from({"ordering": "input", "trail": "full", "priority_class": "bulk", "deadline": 2, "stream": None})
    assert (made.ordering, made.trail, made.priority_class, made.deadline_ms) == (2, 3, 4, 2000)
    with pytest.raises(TypeError):
        options_from({"concurency": 3})


def test_every_code_of_an_item_has_its_exception():
    names = [v.name[len("FAILURE_CODE_"):] for v in failure_pb2.FailureCode.DESCRIPTOR.values if 0 < v.number < 700]
    assert set(names) == set(_TABLE)
    for name in names:
        error = error_from(failure_pb2.Failure(code=f"FAILURE_CODE_{name}", message="m"))
        assert error.code == name and isinstance(error, fanout.APIError) and error.status_code >= 400


def test_a_code_from_the_future_is_read_by_its_hundred():
    assert isinstance(error_from(failure_pb2.Failure(code=399)), fanout.RateLimitError)
    assert error_from(failure_pb2.Failure(code=399)).code == "399"
