# Fanout
# SPDX-License-Identifier: Apache-2.0
"""One connection to the daemon: frames, the upload window, and who waits for what."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

from .errors import APIConnectionError, BadRequestError, ServiceUnavailableError, error_from
from .v1 import batch_pb2, frames_pb2

FRAME_BYTES_MAX = 1 << 20
EARLY_WINDOW = 1 << 20
# Small slices let other batches' frames in between.
SLICE_BYTES, SLICE_ITEMS = 256 << 10, 256
# What a daemon holds of blobs until its Welcome says; ids of blobs keep clear of those of batches.
BLOB_BYTES, FIRST_BLOB = 64 << 20, 1 << 62


def default_socket_path():
    """FANOUT_SOCKET, else the user's own daemon if it runs, else the system's."""
    own = os.path.join(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent", "fanout.sock")
    return os.environ.get("FANOUT_SOCKET") or (own if os.path.exists(own) else "/run/fanout/fanout.sock")


def encode(frame):
    """A frame's bytes: a 4-byte big-endian length and the message."""
    data = frame.SerializeToString()
    return len(data).to_bytes(4, "big") + data


class FrameDecoder:
    """Cuts a byte stream into messages."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data):
        buffer, start, payloads = self._buffer, 0, []
        buffer += data
        while len(buffer) - start >= 4:
            # A daemon's frame stays under 16 MiB: a length over that is no frame.
            if buffer[start] != 0:
                raise APIConnectionError("what answers on the socket doesn't speak Fanout's protocol", "BAD_FRAME", 400)
            end = start + 4 + int.from_bytes(buffer[start:start + 4], "big")
            if len(buffer) < end:
                break
            payloads.append(bytes(buffer[start + 4:end]))
            start = end
        del buffer[:start]
        return payloads


class UploadWindow:
    """The bytes of Submit and Append frames (without their length) that may be under way: in all, and of one batch."""

    def __init__(self):
        self.limit, self.batch_limit, self.used, self._held = EARLY_WINDOW, EARLY_WINDOW, 0, {}
        self._changed = asyncio.Condition()

    def _fits(self, count, batch, is_open):
        # A Window that names no batch gives back bytes of any: a batch never holds more than all together.
        held = min(self._held.get(batch, 0), self.used)
        fits = self.used + count <= self.limit and (not is_open or held + count <= self.batch_limit)
        return fits or self.used <= 0

    async def take(self, count, batch, is_open):
        """Waits until `count` bytes of `batch` fit; `is_open` = more may follow, so that the batch's share counts."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._fits(count, batch, is_open))
            self.used += count
            self._held[batch] = self._held.get(batch, 0) + count

    async def give_back(self, count, batch):
        async with self._changed:
            self.used -= count
            if batch in self._held:
                self._held[batch] -= count
            self._changed.notify_all()

    async def resize(self, limit, batch_limit):
        async with self._changed:
            self.limit, self.batch_limit = limit, batch_limit
            self._changed.notify_all()

    def forget(self, batch):
        self._held.pop(batch, None)


class BlobRoom:
    """The bytes of large payloads that the daemon holds for this connection."""

    def __init__(self):
        self.limit, self.used = BLOB_BYTES, 0
        self._changed = asyncio.Condition()

    def fits(self, count):
        return self.used + count <= self.limit

    async def take(self, count):
        async with self._changed:
            await self._changed.wait_for(lambda: self.fits(count) or self.used <= 0)
            self.used += count

    async def give_back(self, count):
        async with self._changed:
            self.used -= count
            self._changed.notify_all()


class Connection:
    """Sends frames and hands what comes back to the queue of its id. Belongs to one event loop."""

    def __init__(self, reader, writer, name):
        self._reader, self._writer = reader, writer
        self._queues, self._last_id = {}, 0
        self._submitting = asyncio.Lock()
        self.blobs, self._last_blob = BlobRoom(), FIRST_BLOB
        self.window, self.welcome, self.failure, self.is_draining = UploadWindow(), None, None, False
        hello = frames_pb2.ClientFrame()
        hello.hello.major, hello.hello.client = 1, name
        writer.write(encode(hello))
        # Ends with the connection; close() awaits it.
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, path, name, timeout):
        """Connects; a full backlog (EAGAIN) is waited for, up to `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + timeout, 0.005
        while True:
            # asyncio takes EAGAIN, which a full backlog gives on a Unix socket, for a connection in progress.
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            made.setblocking(False)
            try:
                made.connect(path)
                return cls(*await asyncio.open_unix_connection(sock=made, limit=1 << 20), name)
            except OSError as error:
                made.close()
                if error.errno not in (errno.EAGAIN, errno.EINTR) or loop.time() > deadline:
                    words = f"no Fanout daemon at {path} ({error.strerror or error}): start fanoutd or set FANOUT_SOCKET"
                    raise APIConnectionError(words, "UNREACHABLE", 502, not_started=True) from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.2)

    @property
    def is_usable(self):
        return self.failure is None and not self.is_draining

    async def submit(self, submit):
        """Starts a batch; gives its id and the queue of its frames."""
        async with self._submitting:
            batch = self._last_id + 1
            frame = frames_pb2.ClientFrame(id=batch, submit=submit)
            await self._charge(batch, frame, submit.open)
            self._last_id, queue = batch, asyncio.Queue()
            self._queues[batch] = queue
        await self._flush()
        return batch, queue

    async def append(self, batch, items, last):
        if batch in self._queues:
            append = batch_pb2.Append(items=items, last=last)
            await self._charge(batch, frames_pb2.ClientFrame(id=batch, append=append), True)
            await self._flush()

    async def _charge(self, batch, frame, is_open):
        data = encode(frame)
        most = self.welcome.limits.frame_bytes_max if self.welcome else 0
        if len(data) - 4 > (most or FRAME_BYTES_MAX):
            words = f"a frame of {len(data) - 4} bytes is over the daemon's limit of {most or FRAME_BYTES_MAX}"
            raise BadRequestError(words, "TOO_LARGE", 413, not_started=True)
        await self.window.take(len(data) - 4, batch, is_open)
        self._check()
        self._writer.write(data)

    async def upload(self, data):
        """Sends a payload ahead of the one item that names it; gives its blob id. Its room is taken already."""
        most = self.welcome.limits.blob_bytes_max if self.welcome else BLOB_BYTES
        if len(data) > most:
            words = f"a payload of {len(data)} bytes is over the daemon's limit of {most}: send it by URL"
            raise BadRequestError(words, "TOO_LARGE", 413, not_started=True)
        self._last_blob += 1
        blob, step = self._last_blob, (self.welcome and self.welcome.limits.blob_chunk_bytes_max) or SLICE_BYTES
        for offset in range(0, len(data), step):
            self._check()
            chunk = batch_pb2.Blob(offset=offset, total=len(data), data=data[offset:offset + step], uses=1)
            self._writer.write(encode(frames_pb2.ClientFrame(id=blob, blob=chunk)))
            await self._flush()
        return blob

    def send(self, frame):
        """A frame that no window bounds: Cancel, Credit."""
        if self.failure is None:
            self._writer.write(encode(frame))

    async def ask(self, **body):
        """A query, and the body of its answer."""
        self._check()
        # Ids of queries are echoed and not checked: the upper half is never a batch's.
        key = (1 << 63) + len(self._queues)
        while key in self._queues:
            key += 1
        queue = self._queues[key] = asyncio.Queue()
        try:
            self.send(frames_pb2.ClientFrame(id=key, **body))
            frame = await queue.get()
            if isinstance(frame, Exception):
                raise frame
            if frame.WhichOneof("body") == "rejected":
                raise error_from(frame.rejected)
            return getattr(frame, frame.WhichOneof("body"))
        finally:
            self.forget(key)

    def forget(self, key):
        self._queues.pop(key, None)
        self.window.forget(key)

    async def _flush(self):
        try:
            await self._writer.drain()
        except ConnectionError:
            pass  # The reader finds the cause, which may be an Error frame, and tells every batch.

    def _check(self):
        if self.failure is not None:
            raise self.failure

    async def _read(self):
        decoder, failure = FrameDecoder(), None
        try:
            while failure is None:
                data = await self._reader.read(1 << 18)
                if not data:
                    failure = APIConnectionError("the daemon closed the connection", "UNREACHABLE", 502)
                for payload in decoder.feed(data):
                    failure = failure or await self._take(frames_pb2.ServerFrame.FromString(payload))
        except APIConnectionError as error:
            failure = error
        except Exception as error:  # A reset, or bytes that are no message: either way this connection is over.
            failure = APIConnectionError(f"the connection to the daemon broke: {error}", "UNREACHABLE", 502)
        finally:
            self.failure = failure or APIConnectionError("the client was closed", "UNREACHABLE", 502)
            for queue in self._queues.values():
                queue.put_nowait(self.failure)
            self._writer.close()
            await self.window.resize(1 << 62, 1 << 62)
            await self.blobs.give_back(self.blobs.used)

    async def _take(self, frame):
        kind = frame.WhichOneof("body")
        if kind == "window":
            await self.window.give_back(frame.window.bytes, frame.id)
        elif kind == "welcome":
            self.welcome = frame.welcome
            await self.window.resize(frame.welcome.upload_window_bytes, frame.welcome.batch_window_bytes)
            self.blobs.limit = frame.welcome.limits.blob_bytes_max or BLOB_BYTES
        elif kind == "go_away":
            self.is_draining = True
            refused = ServiceUnavailableError(
                frame.go_away.message or "the daemon is draining", "NOT_STARTED", 503, None, True)
            for batch, queue in self._queues.items():
                if frame.go_away.last_accepted_id < batch < 1 << 63:
                    queue.put_nowait(refused)
        elif kind == "error":
            return error_from(frame.error)
        elif frame.id in self._queues:
            self._queues[frame.id].put_nowait(frame)
        return None

    async def close(self):
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
