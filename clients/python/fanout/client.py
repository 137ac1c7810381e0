# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The asynchronous client."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Optional

from .batch import Batch, Result
from .connection import Connection, default_socket_path
from .convert import Record, chunk_from, options_from
from .errors import FanoutError
from .v1 import response_pb2, session_pb2, status_pb2


@dataclass
class RouterParallelRequest:
    """One call of parallel_acompletions; `kwargs` are the parameters of this call alone."""

    model: str
    messages: list
    kwargs: dict = field(default_factory=dict)

    def __init__(self, model, messages, kwargs=None, **more):
        self.model, self.messages, self.kwargs = model, messages, {**(kwargs or {}), **more}


@dataclass
class RouterParallelResult:
    """What came of one call: `response` or `exception` is set."""

    index: int
    request: RouterParallelRequest
    response: Any = None
    exception: Optional[Exception] = None


@dataclass
class ParallelAcompletionResult:
    """What came of all calls, in their order."""

    responses: list
    total_duration: float
    summary: Any = None

    @property
    def successful_responses(self):
        return [r for r in self.responses if not isinstance(r, Exception)]

    @property
    def failed_responses(self):
        return [r for r in self.responses if isinstance(r, Exception)]

    @property
    def total_requests(self):
        return len(self.responses)

    @property
    def successful_count(self):
        return len(self.successful_responses)

    @property
    def failed_count(self):
        return len(self.failed_responses)

    def get_summary(self):
        total = self.total_requests
        summary = {
            "total_requests": total,
            "successful_count": self.successful_count,
            "failed_count": self.failed_count,
            "success_rate": self.successful_count / total if total else 0.0,
            "total_duration": self.total_duration,
        }
        if self.summary is not None:
            usage = self.summary.usage
            summary["usage"] = {f.name: getattr(usage, f.name) for f in usage.DESCRIPTOR.fields}
            known = self.summary.HasField("cost_nano_usd")
            summary["cost_usd"] = self.summary.cost_nano_usd / 1e9 if known else None
        return summary


def _width(given, default):
    return given if given is not None else int(os.environ.get("FANOUT_MAX_CONCURRENCY") or default)


class AsyncClient:
    """A client for one event loop; it connects when it is first used, and again after the connection was lost."""

    def __init__(self, socket_path=None, *, name="fanout-python", connect_timeout=5.0):
        self.socket_path = socket_path or default_socket_path()
        self._name, self._timeout = name, connect_timeout
        self._connection, self._connecting = None, asyncio.Lock()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.aclose()

    async def aclose(self):
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connect(self):
        async with self._connecting:
            if self._connection is None or not self._connection.is_usable:
                self._connection = await Connection.open(self.socket_path, self._name, self._timeout)
            return self._connection

    def batch(self, items, *, defaults=None, **options):
        """Runs calls (see `convert.item_from`), from an iterable or an asynchronous one of any length; iterate over
        what this gives. Options are those of BatchOptions: `max_concurrency`, `fail_fast`, `ordering="input"`,
        `stream`, `progress`, `deadline` and `batch_deadline` and `timeout` in seconds, `priority_class="bulk"`,
        `initial_credit` (results that may come before they are read; more is asked for by itself), …"""
        return Batch(self._connect, items, options_from(options), defaults)

    async def _one(self, call, **options):
        result = None
        # Read to the Summary: what is left early is cancelled.
        async with aclosing(aiter(self.batch([call], **options))) as events:
            async for event in events:
                result = event if isinstance(event, Result) else result
        if result.exception is not None:
            raise result.exception
        return result.response

    async def acompletion(self, model, messages, *, stream=False, on_stream_break="fail", **kwargs):
        """One chat completion. With `stream` an asynchronous iterator of chunks, the last of which has the finish
        reasons, the usage and, as `response`, the whole answer."""
        call = {"model": model, "messages": messages, **kwargs}
        return self._stream(call, on_stream_break) if stream else await self._one(call)

    async def atext_completion(self, model, prompt, **kwargs):
        """One text completion, or one a prompt."""
        return await self._one({"model": model, "prompt": prompt, **kwargs})

    async def aembedding(self, model, input, **kwargs):
        """One vector a text."""
        return await self._one({"model": model, "input": input, **kwargs})

    async def _stream(self, call, on_stream_break):
        result = None
        batch = self.batch([call], stream=True, on_stream_break=on_stream_break)
        async with aclosing(aiter(batch)) as events:
            async for event in events:
                if isinstance(event, response_pb2.Delta):
                    yield chunk_from(event)
                elif isinstance(event, Result):
                    result = event
        if result.exception is not None:
            raise result.exception
        whole = result.response
        yield Record(
            whole, object="chat.completion.chunk", response=whole, restart=None,
            choices=[Record(c, delta=Record(content=None, tool_calls=None)) for c in whole.get("choices", ())])

    async def parallel_acompletions(
        self, requests=None, messages_list=None, *, models=None, max_concurrency=None, concurrency=None,
        return_exceptions=True, preserve_order=False, **kwargs,
    ):
        """Many chat completions, in both forms that LiteLLM documents: with `requests` a list of RouterParallelResult,
        as they finish or in their order; with `models` and `messages_list` a ParallelAcompletionResult.
        `return_exceptions=False` raises the first failure and cancels the rest. `kwargs` go to every call."""
        if messages_list is None:
            given = self.iter_parallel_acompletions(
                requests, concurrency if concurrency is not None else max_concurrency, return_exceptions, **kwargs)
            results = [result async for result in given]
            return sorted(results, key=lambda r: r.index) if preserve_order else results
        models = models if models is not None else requests
        models = [models] * len(messages_list) if isinstance(models, str) else list(models)
        if len(models) != len(messages_list):
            raise ValueError(f"{len(models)} models for {len(messages_list)} lists of messages: one each is needed")
        calls = [{"model": m, "messages": c, **kwargs} for m, c in zip(models, messages_list)]
        width = _width(
            max_concurrency if max_concurrency is not None else concurrency,
            os.environ.get("LITELLM_EXPERIMENTAL_PARALLEL_ACOMPLETIONS_MAX_CONCURRENCY") or 10)
        started, responses = time.monotonic(), [None] * len(calls)
        batch = self.batch(calls, max_concurrency=width, fail_fast=not return_exceptions)
        async with aclosing(aiter(batch)) as events:
            async for event in events:
                if isinstance(event, Result):
                    if event.exception is not None and not return_exceptions:
                        raise event.exception
                    responses[event.index] = event.exception or event.response
        return ParallelAcompletionResult(responses, time.monotonic() - started, batch.summary)

    async def iter_parallel_acompletions(self, requests, concurrency=None, return_exceptions=True, **kwargs):
        """The results of `requests` as they finish."""
        requests = [r if isinstance(r, RouterParallelRequest) else RouterParallelRequest(**r) for r in requests]
        calls = [{"model": r.model, "messages": r.messages, **kwargs, **r.kwargs} for r in requests]
        batch = self.batch(calls, max_concurrency=_width(concurrency, 8), fail_fast=not return_exceptions)
        async with aclosing(aiter(batch)) as events:
            async for event in events:
                if isinstance(event, Result):
                    if event.exception is not None and not return_exceptions:
                        raise event.exception
                    yield RouterParallelResult(event.index, requests[event.index], event.response, event.exception)

    async def parallel_acompletion_fastest(self, models, messages, max_concurrency=None, **kwargs):
        """The first valid answer of several models; the others are cancelled. If all fail, their last failure is
        returned (not raised), with each model's own in `causes`."""
        race = {"groups": list(models), "width": max_concurrency or 0}
        try:
            return await self._one({"messages": messages, "race": race, **kwargs})
        except FanoutError as error:
            if error.trail is None:  # Not of the calls, but of the batch or the connection.
                raise
            return error

    async def status(self, lanes=False):
        """How the daemon is: a Status message."""
        return await (await self._connect()).ask(status_query=status_pb2.StatusQuery(lanes=lanes))

    async def ping(self, data=b""):
        return (await (await self._connect()).ask(ping=session_pb2.Ping(data=data))).data
