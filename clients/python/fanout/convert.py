# Fanout
# SPDX-License-Identifier: Apache-2.0
"""OpenAI-style calls to messages of the wire, and answers back."""

from __future__ import annotations

import array
import base64
import json
import sys

from .errors import error_from
from .v1 import batch_pb2, request_pb2, response_pb2

_SAMPLING = {"temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty"}
_KINDS = ("messages", "prompt", "input")


class Record(dict):
    """A dict whose keys are attributes too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    __setattr__ = dict.__setitem__


def _json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _milliseconds(seconds):
    return max(1, round(float(seconds) * 1000))


def _list(value):
    return [value] if isinstance(value, str) else list(value)


# What is said of an item and not of its request.
_ITEM_OPTIONS = frozenset(
    "id timeout deadline num_retries max_attempts fallbacks disable_fallbacks cache tags metadata race priority"
    " traceparent region allowed_model_region try_unhealthy".split())


def item_from(call):
    """One item of a batch from an OpenAI-style call: a dict with `model`, one of `messages`, `prompt` or `input`, and
    parameters. What Fanout has no field for goes to the provider as it is."""
    if isinstance(call, batch_pb2.Item):
        return call
    call = {key: value for key, value in call.items() if value is not None}
    asked = dict(call)
    item = batch_pb2.Item(id=str(call.pop("id", "")))
    item.request.model = call.pop("model", "")
    _item_options(item, call)
    if "input" in call:
        task = item.request.embedding
        task.SetInParent()
        task.inputs.extend(_list(call.pop("input")))
        _move(call, task, "dimensions", "input_type", "user")
    elif "prompt" in call:
        task = item.request.completion
        task.SetInParent()
        task.prompts.extend(_list(call.pop("prompt")))
        _sampling(task, call)
        _move(call, task, "suffix", "echo", "logprobs", "user")
    elif "messages" in call:
        task = item.request.chat
        task.SetInParent()
        task.messages.extend(_message(message) for message in call.pop("messages"))
        _chat(task, call)
    extra = {**call, **(call.pop("extra_body", None) or {})}
    if extra:
        extra.pop("extra_body", None)
        item.request.extra_json = _json(extra)
    for place, fallback in enumerate(asked.pop("fallbacks", ())):
        if isinstance(fallback, dict) and len(fallback) > 1:
            item.fallback_requests.add(fallback=place, request=_fallback_request(asked, fallback))
    return item


def _fallback_request(call, fallback):
    """What a fallback with parameters of its own is asked: the call, with these in place of its."""
    own = sorted(_ITEM_OPTIONS & fallback.keys())
    if own:
        raise ValueError(f"a fallback can't have its own {', '.join(own)}: that is the item's")
    return item_from({**call, **fallback}).request


def _move(call, target, *names):
    for name in names:
        if name in call:
            setattr(target, name, call.pop(name))


def _item_options(item, call):
    if "timeout" in call:
        item.attempt_timeout_ms = _milliseconds(call.pop("timeout"))
    if "deadline" in call:
        item.deadline_ms = _milliseconds(call.pop("deadline"))
    if "num_retries" in call:
        item.max_attempts = int(call.pop("num_retries")) + 1
    if "fallbacks" in call:
        # Names, or dicts with `model` and what the fallback is asked instead, as LiteLLM takes them.
        item.fallbacks.extend(f["model"] if isinstance(f, dict) else f for f in call.pop("fallbacks"))
    _move(call, item, "max_attempts", "disable_fallbacks", "priority", "traceparent", "region", "try_unhealthy")
    if "allowed_model_region" in call:
        # LiteLLM's name for it.
        item.region = call.pop("allowed_model_region")
    item.tags.extend(call.pop("tags", ()))
    metadata = dict(call.pop("metadata", {}))
    if isinstance(metadata.get("tags"), (list, tuple)):
        # Where LiteLLM's callers put them.
        item.tags.extend(tag for tag in metadata.pop("tags") if tag not in item.tags)
    for key, value in metadata.items():
        item.metadata.add(key=str(key), value=value if isinstance(value, str) else json.dumps(value))
    if "cache" in call:
        cache = call.pop("cache")
        item.cache.no_cache = bool(cache.get("no-cache", cache.get("no_cache", False)))
        item.cache.no_store = bool(cache.get("no-store", cache.get("no_store", False)))
        item.cache.namespace = cache.get("namespace", "")
        if cache.get("ttl"):
            item.cache.ttl_ms = _milliseconds(cache["ttl"])
        if cache.get("s-maxage"):
            item.cache.max_age_ms = _milliseconds(cache["s-maxage"])
    if "race" in call:
        race = call.pop("race")
        race = race if isinstance(race, dict) else {"groups": race}
        item.race.groups.extend(race["groups"])
        item.race.width = race.get("width") or 0


def _sampling(task, call):
    for name in _SAMPLING & call.keys():
        setattr(task.sampling, name, call.pop(name))
    # The newer name wins where a caller gives both.
    for name in ("max_tokens", "max_completion_tokens"):
        if name in call:
            task.sampling.max_tokens = call.pop(name)
    if "stop" in call:
        task.sampling.stop.extend(_list(call.pop("stop")))
    if "n" in call:
        task.choices = call.pop("n")


def _chat(task, call):
    _sampling(task, call)
    _move(call, task, "parallel_tool_calls", "user", "service_tier")
    task.tools.extend(_tool(tool) for tool in call.pop("tools", ()))
    if "tool_choice" in call:
        _tool_choice(task.tool_choice, call.pop("tool_choice"))
    if "response_format" in call:
        _response_format(task.response_format, call.pop("response_format"))
    if "reasoning_effort" in call:
        task.reasoning.effort = call.pop("reasoning_effort")
    if call.pop("logprobs", False) or "top_logprobs" in call:
        task.top_logprobs = call.pop("top_logprobs", 0)


def _tool(tool):
    function = tool.get("function")
    if tool.get("type", "function") != "function" or function is None:
        kind = request_pb2.TOOL_KIND_CUSTOM if tool.get("type") == "custom" else request_pb2.TOOL_KIND_BUILT_IN
        return request_pb2.Tool(kind=kind, name=tool.get("custom", tool).get("name", ""), spec_json=_json(tool))
    made = request_pb2.Tool(kind=request_pb2.TOOL_KIND_FUNCTION, name=function["name"])
    made.description = function.get("description", "")
    if "parameters" in function:
        made.parameters_json = _json(function["parameters"])
    if function.get("strict") is not None:
        made.strict = function["strict"]
    return made


def _tool_choice(choice, value):
    if isinstance(value, str):
        choice.mode = request_pb2.ToolChoiceMode.Value(f"TOOL_CHOICE_MODE_{value.upper()}")
    else:
        choice.mode = request_pb2.TOOL_CHOICE_MODE_NAMED
        choice.names.append(value.get("function", value)["name"])


def _response_format(made, value):
    made.kind = {
        "text": request_pb2.RESPONSE_FORMAT_KIND_TEXT,
        "json_object": request_pb2.RESPONSE_FORMAT_KIND_JSON,
        "json_schema": request_pb2.RESPONSE_FORMAT_KIND_JSON_SCHEMA,
    }[value["type"]]
    schema = value.get("json_schema")
    if schema is not None:
        made.name, made.description = schema.get("name", ""), schema.get("description", "")
        made.schema_json = _json(schema.get("schema", {}))
        if schema.get("strict") is not None:
            made.strict = schema["strict"]


def _message(message):
    if isinstance(message, request_pb2.Message):
        return message
    role = message.get("role", "")
    made = request_pb2.Message(name=message.get("name") or "")
    made.role = request_pb2.Role.Value("ROLE_" + {"function": "tool"}.get(role, role or "unspecified").upper())
    content = message.get("content")
    if role == "tool":
        result = made.parts.add().tool_result
        result.call_id, result.name = message.get("tool_call_id", ""), message.get("name") or ""
        made.name = ""
        if isinstance(content, str):
            result.text = content
        else:
            for part in content or ():
                _part(result.parts.add(), part)
        return made
    if isinstance(content, str) and not message.get("tool_calls"):
        made.text = content
        return made
    if isinstance(content, str):
        if content:
            made.parts.add().text.text = content
    else:
        for part in content or ():
            _part(made.parts.add(), part)
    for call in message.get("tool_calls") or ():
        made.parts.add().tool_call.CopyFrom(_tool_call(call))
    return made


def _tool_call(call):
    if call.get("type") == "custom":
        custom = call["custom"]
        return request_pb2.ToolCall(
            id=call["id"], name=custom["name"], arguments=custom["input"].encode(), kind=request_pb2.TOOL_KIND_CUSTOM)
    function = call["function"]
    arguments = (function.get("arguments") or "{}").encode()
    return request_pb2.ToolCall(
        id=call["id"], name=function["name"], arguments=arguments, kind=request_pb2.TOOL_KIND_FUNCTION)


def _part(made, part):
    if isinstance(part, str):
        made.text.text = part
        return
    kind = part.get("type")
    if kind == "text":
        made.text.text = part["text"]
    elif kind == "refusal" and isinstance(made, request_pb2.Part):
        made.refusal.text = part["refusal"]
    elif kind == "image_url":
        image = part["image_url"]
        image = {"url": image} if isinstance(image, str) else image
        _media(made.image, image["url"])
        made.image.detail = image.get("detail", "")
    elif kind == "input_audio":
        audio = part["input_audio"]
        made.audio.mime_type, made.audio.data = f"audio/{audio['format']}", base64.b64decode(audio["data"])
    elif kind == "file":
        file = part["file"]
        if "file_id" in file:
            made.document.file_id = file["file_id"]
        else:
            _media(made.document, file["file_data"])
        made.document.name = file.get("filename", "")
    else:
        made.opaque.format, made.opaque.type, made.opaque.json = "openai", kind or "", _json(part)


def _media(media, url):
    if not url.startswith("data:"):
        media.url = url
        return
    head, _, data = url[len("data:"):].partition(",")
    media.mime_type = head.split(";")[0]
    media.data = base64.b64decode(data)


def usage_from(usage):
    return Record(
        {field.name: getattr(usage, field.name) for field in usage.DESCRIPTOR.fields},
        prompt_tokens_details=Record(cached_tokens=usage.cached_prompt_tokens),
        completion_tokens_details=Record(reasoning_tokens=usage.reasoning_tokens),
    )


def trail_from(trail):
    made = Record({field.name: getattr(trail, field.name) for field in trail.DESCRIPTOR.fields})
    if not trail.HasField("cost_nano_usd"):
        made.cost_nano_usd = None
    made.details = list(trail.details)
    return made


def response_from(response, trail):
    """A Response in the shape of OpenAI's answers, with `trail`."""
    made = Record(id=response.id, model=response.model, created=response.created, usage=usage_from(response.usage))
    made.system_fingerprint, made.service_tier = response.system_fingerprint, response.service_tier
    kind = response.WhichOneof("body")
    if kind == "embedding":
        made.object, made.data = "list", [
            Record(object="embedding", index=index, embedding=_vector(vector))
            for index, vector in enumerate(response.embedding.vectors)
        ]
    elif kind == "completion":
        made.object, made.choices = "text_completion", [
            Record(index=choice.index, text=choice.text, **_ending(choice)) for choice in response.completion.choices
        ]
    else:
        made.object, made.choices = "chat.completion", [
            Record(index=choice.index, message=_answer(choice.message), **_ending(choice))
            for choice in response.chat.choices
        ]
    made.trail = trail
    return made


def _vector(data):
    floats = array.array("f", data)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()


def _ending(choice):
    reason = response_pb2.FinishReason.Name(choice.finish_reason)[len("FINISH_REASON_"):].lower()
    logprobs = json.loads(choice.logprobs_json) if choice.logprobs_json else None
    return {"finish_reason": None if reason == "unspecified" else reason, "logprobs": logprobs}


def _answer(message):
    texts, reasoning, refusals, calls = [], [], [], []
    for part in message.parts:
        kind = part.WhichOneof("kind")
        if kind == "text":
            texts.append(part.text.text)
        elif kind == "reasoning":
            reasoning.append(part.reasoning.text)
        elif kind == "refusal":
            refusals.append(part.refusal.text)
        elif kind == "tool_call":
            calls.append(tool_call_record(part.tool_call))
    content = message.text or "".join(texts)
    return Record(
        role="assistant",
        content=content if content or not calls else None,
        tool_calls=calls or None,
        reasoning_content="".join(reasoning) or None,
        refusal="".join(refusals) or None,
    )


def tool_call_record(call):
    arguments = call.arguments.decode("utf-8", "replace")
    if getattr(call, "kind", 0) == request_pb2.TOOL_KIND_CUSTOM:
        return Record(id=call.id, type="custom", custom=Record(name=call.name, input=arguments))
    return Record(id=call.id, type="function", function=Record(name=call.name, arguments=arguments))


def chunk_from(delta):
    """A Delta in the shape of OpenAI's stream chunks."""
    kind = delta.WhichOneof("kind")
    made = Record(role="assistant", content=None, reasoning_content=None, tool_calls=None, refusal=None)
    if kind == "text":
        made.content = delta.text
    elif kind == "reasoning":
        made.reasoning_content = delta.reasoning
    elif kind == "refusal":
        made.refusal = delta.refusal
    elif kind == "tool_call":
        made.tool_calls = [Record(tool_call_record(delta.tool_call), index=delta.tool_call.call)]
    chunk = Record(object="chat.completion.chunk", usage=None, restart=None)
    chunk.choices = [Record(index=delta.choice, delta=made, finish_reason=None)]
    if kind == "restart":
        chunk.restart = error_from(delta.restart)
    return chunk


_OPTIONS = {
    "max_concurrency", "fail_fast", "stream", "initial_credit", "priority", "progress", "max_cost_nano_usd", "coalesce",
}
_SECONDS = {"deadline": "deadline_ms", "batch_deadline": "batch_deadline_ms", "timeout": "attempt_timeout_ms"}
_ENUMS = {
    "ordering": batch_pb2.Ordering,
    "on_stream_break": batch_pb2.OnStreamBreak,
    "priority_class": batch_pb2.PriorityClass,
    "trail": batch_pb2.TrailLevel,
}
_PREFIXES = {"trail": "TRAIL_LEVEL_"}


def options_from(options):
    """BatchOptions from keywords: seconds for durations, words for enumerations (`ordering="input"`)."""
    made = batch_pb2.BatchOptions()
    for name, value in options.items():
        if value is None:
            continue
        if name in _SECONDS:
            setattr(made, _SECONDS[name], _milliseconds(value))
        elif name in _ENUMS:
            word = value.upper() if isinstance(value, str) else value
            prefix = _PREFIXES.get(name, name.upper() + "_")
            setattr(made, name, _ENUMS[name].Value(prefix + word) if isinstance(word, str) else word)
        elif name in _OPTIONS:
            setattr(made, name, value)
        else:
            raise TypeError(f"unknown batch option {name!r}")
    return made
