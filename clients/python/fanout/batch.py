# Fanout
# SPDX-License-Identifier: Apache-2.0
"""A batch that is under way, as an asynchronous iterator of what happens to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Optional

from .connection import SLICE_BYTES, SLICE_ITEMS
from .convert import item_from, response_from, trail_from
from .errors import FanoutError, error_from
from .v1 import batch_pb2, frames_pb2, response_pb2

UNREAD_MAX = 4096
# Payloads over this are sent as blobs, apart from their item.
INLINE_BYTES = 128 << 10


@dataclass
class Result:
    """An item is final: it has a response or an exception."""

    index: int
    id: str
    response: Any
    exception: Optional[FanoutError]
    trail: Any


def _media(item):
    """The media of an item that are too large to stand in it."""
    for request in (item.request, *(fallback.request for fallback in item.fallback_requests)):
        for message in request.chat.messages if request.WhichOneof("task") == "chat" else ():
            for part in message.parts:
                for leaf in part.tool_result.parts if part.WhichOneof("kind") == "tool_result" else (part,):
                    media = getattr(leaf, leaf.WhichOneof("kind") or "text")
                    if len(getattr(media, "data", b"")) > INLINE_BYTES:
                        yield media


async def _slices(items, upload):
    """Lists of items that fit a frame, and whether each is the last. `upload(item, index, wait)` sends an item's large
    payloads ahead; without `wait` it gives False where there is no room: what is held has to go first then."""
    held, size, index = [], 0, 0
    async for item in _each(items):
        if item is None:  # The source is slow: what there is goes now.
            if held:
                yield held, False
                held, size = [], 0
            continue
        if not await upload(item, index, not held):
            yield held, False
            held, size = [], 0
            await upload(item, index, True)
        index += 1
        count = item.ByteSize() + 8
        if held and (len(held) == SLICE_ITEMS or size + count > SLICE_BYTES):
            yield held, False
            held, size = [], 0
        held.append(item)
        size += count
    yield held, True


async def _each(items):
    """The items as messages, with None wherever the next one isn't there yet."""
    if not hasattr(items, "__aiter__"):
        for item in items:
            yield _message(item)
        return
    ready = asyncio.Queue(SLICE_ITEMS)
    # Ends with this generator, which cancels and awaits it.
    producing = asyncio.create_task(_produce(items, ready))
    try:
        while True:
            if ready.empty():
                yield None
            item = await ready.get()
            if isinstance(item, Exception):
                raise item
            if item is None:
                return
            yield item
    finally:
        producing.cancel()
        await asyncio.gather(producing, return_exceptions=True)


async def _produce(items, ready):
    try:
        async for item in items:
            await ready.put(_message(item))
        await ready.put(None)
    except Exception as error:
        await ready.put(error)


def _message(item):
    # A caller's own message stays as it is, whatever is sent apart from it.
    return batch_pb2.Item.FromString(item.SerializeToString()) if isinstance(item, batch_pb2.Item) else item_from(item)


class Batch:
    """Iterate over it once for its events: `Result`, and as asked for by its options `Delta` and `Progress` messages,
    and at the end its `Summary`. Leaving the loop early cancels what is left."""

    def __init__(self, connect, items, options, defaults=None):
        self._connect, self._items, self._options, self._defaults = connect, items, options, defaults
        if not hasattr(items, "__len__") and not options.initial_credit:
            options.initial_credit = UNREAD_MAX  # A source of unknown length: memory stays bounded both ways.
        self._connection, self._cancelled, self._parts, self._given = None, None, {}, 0
        self._blob_bytes = {}
        self.id, self.summary = None, None

    def cancel(self, *indexes):
        """Cancels some items, or the batch. Each cancelled item still gets its Result."""
        if self.id is None:
            self._cancelled = indexes
        else:
            self._connection.send(frames_pb2.ClientFrame(id=self.id, cancel=batch_pb2.Cancel(indexes=indexes)))

    async def __aiter__(self):
        self._connection = await self._connect()
        slices = _slices(self._items, self._upload)
        items, last = await slices.__anext__()
        submit = batch_pb2.Submit(options=self._options, items=items, open=not last)
        if self._defaults is not None:
            submit.defaults.CopyFrom(self._defaults)
        self.id, queue = await self._connection.submit(submit)
        if self._cancelled is not None:
            self.cancel(*self._cancelled)
        # Ends with the batch: the loop below cancels and awaits it.
        feeding = None if last else asyncio.create_task(self._feed(slices, queue))
        try:
            while self.summary is None:
                frame = await queue.get()
                if isinstance(frame, Exception):
                    raise frame
                if frame.WhichOneof("body") == "result":
                    await self._free_blobs(frame.result.index)
                event = self._event(frame)
                if event is not None:
                    yield event
        finally:
            if self.summary is None:
                self.cancel()
            self._connection.forget(self.id)
            await self._free_blobs(*self._blob_bytes)
            if feeding is not None:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)

    async def _upload(self, item, index, wait):
        media = list(_media(item))
        count, room = sum(len(each.data) for each in media), self._connection.blobs
        if not media:
            return True
        if not wait and not room.fits(count):
            return False
        await room.take(count)
        self._blob_bytes[index] = count
        for each in media:
            each.blob_id = await self._connection.upload(each.data)
        return True

    async def _free_blobs(self, *indexes):
        count = sum(self._blob_bytes.pop(index, 0) for index in indexes)
        if count:
            await self._connection.blobs.give_back(count)

    async def _feed(self, slices, queue):
        try:
            async for items, last in slices:
                await self._connection.append(self.id, items, last)
                await asyncio.sleep(0)  # A source that never waits must not keep the results waiting.
        except Exception as error:
            queue.put_nowait(error)

    def _event(self, frame):
        kind = frame.WhichOneof("body")
        if kind in ("delta", "progress"):
            return getattr(frame, kind)
        if kind == "result":
            return self._result(frame.result)
        if kind == "result_part":
            self._parts.setdefault(frame.result_part.index, []).append(frame.result_part.data)
        elif kind == "summary":
            self.summary = frame.summary
            return self.summary
        elif kind == "rejected":
            raise error_from(frame.rejected)
        return None

    def _result(self, result):
        trail, parts = trail_from(result.trail), b"".join(self._parts.pop(result.index, ()))
        # Half of the credit at a time keeps the daemon sending without a frame for each result.
        self._given += 1
        if self._options.initial_credit and self._given * 2 >= self._options.initial_credit:
            credit = batch_pb2.Credit(results=self._given)
            self._connection.send(frames_pb2.ClientFrame(id=self.id, credit=credit))
            self._given = 0
        outcome = result.WhichOneof("outcome")
        if outcome == "failure":
            return Result(result.index, result.id, None, error_from(result.failure, trail), trail)
        response = result.response
        if outcome == "response_parts_bytes":
            if len(parts) != result.response_parts_bytes:
                raise error_from(batch_pb2.Rejected(code=600, message="parts of a result are missing"), trail)
            response = response_pb2.Response.FromString(parts)
        return Result(result.index, result.id, response_from(response, trail), None, trail)
