# Fanout
# SPDX-License-Identifier: Apache-2.0
"""A provider that keeps its limits strictly, fails as it is told to, and keeps a ledger of every call.

It speaks OpenAI's chat completions on 127.0.0.1, streamed or not, over HTTP/1.1 with keep-alive. Each path
/LANE/v1/… is a lane of its own: limits (token buckets for requests and for tokens, calls in flight), latency, the
faults of its calls. The ledger says what really happened, for trails to be held against.
"""

import asyncio
import dataclasses
import email.utils
import json
import math
import socket
import struct
import threading
import time


class Bucket:
    """A continuously refilled bucket that starts full."""

    def __init__(self, per_minute, burst_seconds=60.0):
        self.per_minute, self.rate = per_minute, per_minute / 60
        self.size = self.level = self.rate * burst_seconds
        self.at = time.monotonic()

    def refill(self):
        now = time.monotonic()
        self.level, self.at = min(self.size, self.level + self.rate * (now - self.at)), now

    def wait(self, amount):
        """Seconds until `amount` is there; 0 = it is."""
        self.refill()
        return max(0.0, amount - self.level) / self.rate

    def headers(self, meter):
        self.refill()
        reset = (self.size - self.level) / self.rate
        return {
            f"x-ratelimit-limit-{meter}": str(round(self.per_minute)),
            f"x-ratelimit-remaining-{meter}": str(max(0, math.floor(self.level))),
            f"x-ratelimit-reset-{meter}": f"{reset:.3f}s",
        }


@dataclasses.dataclass
class Call:
    """One request as the provider saw it."""

    lane: str
    number: int
    at: float
    request: dict
    status: int = 0
    fault: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    ended: float = 0.0
    broken_off: bool = False

    @property
    def text(self):
        content = self.request["messages"][-1]["content"]
        return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class Fault:
    """What a call meets in place of an answer; `name` is the method of Exchange that plays it."""

    def __init__(self, name, **arguments):
        self.name, self.arguments = name, arguments


class Lane:
    """A lane's limits, speed and faults. A test may change any of them at any time."""

    def __init__(self, name, faults=None, latency=0.0, per_token=0.0, tokens=3, requests=None, token_bucket=None,
                 concurrency=None, headers=False, retry_after=None, usage=None):
        self.name = name
        # One for each call, the last for all that follow; None = no fault. Or a function of the call.
        self.faults = faults
        self.latency, self.per_token, self.tokens = latency, per_token, tokens
        self.requests, self.token_bucket, self.concurrency = requests, token_bucket, concurrency
        self.headers, self.retry_after, self.usage = headers, retry_after, usage
        self.calls, self.in_flight, self.widest = [], 0, 0

    def fault(self, call):
        if callable(self.faults):
            return self.faults(call)
        if not self.faults:
            return None
        return self.faults[min(call.number, len(self.faults) - 1)]

    def limit_headers(self):
        if not self.headers:
            return {}
        headers = {}
        for meter, bucket in (("requests", self.requests), ("tokens", self.token_bucket)):
            if bucket:
                headers |= bucket.headers(meter)
        return headers

    def refusal(self, call):
        """Seconds to wait, or None if the call is taken in, which is charged then."""
        if self.concurrency is not None and self.in_flight > self.concurrency:
            return 0.0
        wait = self.requests.wait(1) if self.requests else 0
        if self.token_bucket:
            wait = max(wait, self.token_bucket.wait(call.prompt_tokens))
        if wait > 0:
            return wait
        if self.requests:
            self.requests.level -= 1
        if self.token_bucket:
            self.token_bucket.level -= call.prompt_tokens
        return None

    def between(self, start, end):
        return [call for call in self.calls if start <= call.at < end]


def tokens_of(request):
    return 3 + sum(4 + math.ceil(len(json.dumps(m["content"], ensure_ascii=False).encode()) / 4)
                   for m in request["messages"])


class Exchange(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self, provider):
        self.provider, self.buffer, self.task, self.call = provider, bytearray(), None, None

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, _):
        if self.task and not self.task.done():
            self.call.broken_off = True
            self.task.cancel()

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:])
        size = int(headers["content-length"])
        if len(self.buffer) < end + 4 + size:
            return
        body = bytes(self.buffer[end + 4:end + 4 + size])
        del self.buffer[:end + 4 + size]
        lane = self.provider.lanes[head[0].split(" ")[1].split("/")[1]]
        self.call = Call(lane.name, len(lane.calls), time.monotonic(), json.loads(body))
        self.call.prompt_tokens = tokens_of(self.call.request)
        lane.calls.append(self.call)
        self.task = asyncio.ensure_future(self.serve(lane, self.call))

    async def serve(self, lane, call):
        lane.in_flight += 1
        lane.widest = max(lane.widest, lane.in_flight)
        try:
            fault = lane.fault(call)
            if fault:
                call.fault = fault.name
                await getattr(self, fault.name)(lane, call, **fault.arguments)
            else:
                wait = lane.refusal(call)
                if wait is None:
                    await self.answer(lane, call)
                elif lane.concurrency is not None and lane.in_flight > lane.concurrency:
                    self.overload(call)
                else:
                    await self.limited(lane, call, wait=wait)
        except asyncio.CancelledError:
            pass  # The peer is gone, and the ledger says so.
        finally:
            lane.in_flight -= 1
            call.ended = time.monotonic()

    # What a provider should do.

    def completion(self, lane, call):
        tokens = lane.tokens(call) if callable(lane.tokens) else lane.tokens
        most = call.request.get("max_completion_tokens") or call.request.get("max_tokens")
        call.completion_tokens = min(tokens, most) if most else tokens
        return [f"{lane.name} "] + ["word "] * (call.completion_tokens - 1)

    def usage_of(self, lane, call):
        usage = {"prompt_tokens": call.prompt_tokens, "completion_tokens": call.completion_tokens,
                 "total_tokens": call.prompt_tokens + call.completion_tokens}
        return lane.usage(usage) if lane.usage else usage

    async def answer(self, lane, call, finish="stop", done=True):
        pieces = self.completion(lane, call)
        call.status = 200
        if not call.request.get("stream"):
            await asyncio.sleep(lane.latency + lane.per_token * len(pieces))
            self.settle(lane, call)
            choice = {"index": 0, "message": {"role": "assistant", "content": "".join(pieces)}, "finish_reason": finish}
            body = {"id": "x", "model": call.request["model"], "choices": [choice]}
            usage = self.usage_of(lane, call)
            return self.reply(call, 200, body | ({"usage": usage} if usage else {}), lane.limit_headers())
        await asyncio.sleep(lane.latency)
        self.begin(call, lane.limit_headers())
        for piece in pieces:
            await asyncio.sleep(lane.per_token)
            self.piece(piece)
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        self.settle(lane, call)
        if usage := self.usage_of(lane, call):
            self.event({"choices": [], "usage": usage})
        if done:
            self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def settle(self, lane, call):
        if lane.token_bucket:
            lane.token_bucket.refill()
            lane.token_bucket.level -= call.completion_tokens

    # What providers do.

    async def limited(self, lane, call, wait=1.0, hint="configured", message="Rate limit reached"):
        headers, words = lane.limit_headers(), message
        hint = lane.retry_after if hint == "configured" else hint
        match hint:
            case "seconds":
                headers["retry-after"] = str(math.ceil(wait))
            case "fraction":
                headers["retry-after"] = f"{wait:.3f}"
            case "ms":
                headers["retry-after-ms"] = str(math.ceil(wait * 1000))
            case "date":
                # Whole seconds, rounded up so that it isn't too early.
                headers["retry-after"] = email.utils.formatdate(math.ceil(time.time() + wait), usegmt=True)
            case "reset":
                headers |= {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": f"{wait:.3f}s"}
            case "text":
                words += f". Please try again in {math.ceil(wait * 1000)}ms."
        self.refuse(call, 429, words, "rate_limit_exceeded", headers)

    def overload(self, call):
        self.refuse(call, 503, "The server is overloaded", "overloaded")

    async def status(self, _, call, status=500, message="the server had an error", code=None, delay=0.0, headers=None):
        await asyncio.sleep(delay)
        self.refuse(call, status, message, code, headers or {})

    async def reset(self, _, call):
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def hang(self, _, call, seconds=30):
        await asyncio.sleep(seconds)

    async def slow_first(self, lane, call, seconds=30):
        """Headers at once, heartbeats, and no content for long."""
        call.status = 200
        self.begin(call)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.chunk(b": heartbeat\n\n")
            await asyncio.sleep(0.05)

    async def cut(self, lane, call, after=1):
        """Closes in the midst of the answer."""
        call.status = 200
        if call.request.get("stream"):
            self.begin(call)
            for _ in range(after):
                self.piece("half ")
        else:
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{")
        await asyncio.sleep(0.02)
        self.transport.close()

    async def stall(self, lane, call, seconds=30):
        call.status = 200
        self.begin(call)
        self.piece("half ")
        await asyncio.sleep(seconds)

    async def held(self, _, call, until, seconds=2):
        """The first words of a stream, and the rest once the event `until` is set."""
        call.status = 200
        self.begin(call)
        self.piece("first ")
        end = time.monotonic() + seconds
        while not until.is_set() and time.monotonic() < end:
            await asyncio.sleep(0.002)
        if until.is_set():
            self.piece("last")
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.chunk(b"")

    async def dribble(self, lane, call):
        """A plain answer in packets of one byte."""
        call.status = 200
        choice = {"index": 0, "message": {"role": "assistant", "content": lane.name}, "finish_reason": "stop"}
        body = json.dumps({"id": "x", "model": "m", "choices": [choice]})
        answer = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
        for byte in answer.encode():
            self.transport.write(bytes([byte]))

    async def malformed(self, lane, call):
        call.status = 200
        self.begin(call)
        self.chunk(b'data: {"choices": [{"index": 0, "delta": {"content": "ha\n\n')
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    async def bad_chunk(self, lane, call):
        call.status = 200
        self.begin(call)
        self.transport.write(b"zz\r\nthis is no chunk\r\n")

    async def no_end(self, lane, call):
        """A stream that ends in order and without saying that it is whole."""
        call.status = 200
        self.begin(call)
        self.piece("half ")
        self.chunk(b"")

    async def error_event(self, lane, call, after=0, code=None, message="overloaded"):
        call.status = 200
        self.begin(call)
        for _ in range(after):
            self.piece("half ")
        self.event({"error": {"message": message, "type": "server_error", "code": code}})
        self.chunk(b"")

    async def filtered(self, lane, call):
        await self.answer(lane, call, finish="content_filter")

    async def no_done(self, lane, call):
        await self.answer(lane, call, done=False)

    # How.

    def refuse(self, call, status, message, code, headers=()):
        self.reply(call, status, {"error": {"message": message, "type": code, "code": code}}, headers)

    def reply(self, call, status, body, headers=()):
        call.status = status
        body = json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in dict(headers).items()]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def begin(self, call, headers=()):
        lines = ["HTTP/1.1 200 OK", "content-type: text/event-stream", "transfer-encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in dict(headers).items()]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n")

    def chunk(self, data):
        self.transport.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def event(self, body):
        self.chunk(f"data: {json.dumps({'id': 'x', 'model': 'm', **body})}\n\n".encode())

    def piece(self, text):
        self.event({"choices": [{"index": 0, "delta": {"content": text}}]})


class StrictProvider:
    """Serves its lanes on a thread of its own until `stop`."""

    def __init__(self):
        self.lanes = {}
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait()

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(
            self.loop.create_server(lambda: Exchange(self), "127.0.0.1", 0, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()
        server.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    def lane(self, name, **settings):
        """A lane, new or anew."""
        self.lanes[name] = Lane(name, **settings)
        return self.lanes[name]

    def url(self, name):
        return f"http://127.0.0.1:{self.port}/{name}/v1"

    def calls(self, text):
        """The calls whose last message begins so, in the order in which they came."""
        found = [call for lane in self.lanes.values() for call in lane.calls if call.text.startswith(text)]
        return sorted(found, key=lambda call: call.at)
