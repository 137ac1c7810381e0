# Fanout
# SPDX-License-Identifier: Apache-2.0
"""An OpenAI-compatible provider that does what the test wants, chosen by path and by the words it is sent.

The path is /BEHAVIOUR/v1/…: `good` answers; the others answer as named. Words in the last user message that `good`
obeys: `say=WORD`, `sleep=SECONDS` before the answer, `pieces=N` of a stream, `pause=SECONDS` between them,
`size=BYTES` of the answer.
"""

import json
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def shutdown_request(self, request):
        # No orderly end before the close, which would make a reset impossible.
        self.close_request(request)

    def handle_error(self, *_):
        pass  # A peer that goes away is what these tests are about.


class FakeUpstream:
    def __init__(self, tls=None):
        """`tls` is the server's context; without it the provider is plain HTTP."""
        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            # Each connection's own thread does its handshake.
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.upstream = self
        self.changed = threading.Condition()
        self.requests, self.headers, self.broken_off, self.in_flight, self.widest = [], [], [], 0, 0
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, behaviour):
        return f"http://127.0.0.1:{self.server.server_address[1]}/{behaviour}/v1"

    def wait_until(self, condition, seconds=10):
        """Waits for what the provider has seen; False if it doesn't come."""
        with self.changed:
            return self.changed.wait_for(condition, seconds)

    def reset(self):
        with self.changed:
            self.requests, self.headers, self.broken_off, self.widest = [], [], [], self.in_flight

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        upstream, behaviour = self.server.upstream, self.path.split("/")[1]
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with upstream.changed:
            upstream.requests.append((behaviour, request))
            upstream.headers.append((last_words(request), {name.lower(): value for name, value in self.headers.items()}))
            upstream.in_flight += 1
            upstream.widest = max(upstream.widest, upstream.in_flight)
            upstream.changed.notify_all()
        try:
            getattr(self, "answer_" + behaviour)(request)
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True
            with upstream.changed:
                upstream.broken_off.append(last_words(request))
        finally:
            with upstream.changed:
                upstream.in_flight -= 1
                upstream.changed.notify_all()

    # What a provider should do.

    def answer_good(self, request):
        words = directives(request)
        self.sleep(float(words.get("sleep", 0)))
        if self.path.endswith("/embeddings"):
            data = [{"index": n, "embedding": [n, 0.5]} for n, _ in enumerate(request["input"])]
            return self.reply({"object": "list", "data": data, "usage": {"prompt_tokens": 2, "total_tokens": 2}})
        text = words.get("say", "ok") + "y" * int(words.get("size", 0))
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        if not request.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            return self.reply({"id": "x", "model": request["model"], "choices": [choice], "usage": usage})
        self.begin_stream()
        count = int(words.get("pieces", 3))
        for number in range(count):
            self.event({"choices": [{"index": 0, "delta": {"content": f"{text}{number} "}}]})
            if number + 1 < count:
                self.sleep(float(words.get("pause", 0)))
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.event({"choices": [], "usage": usage})
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    # What providers do.

    def answer_html(self, _):
        self.reply_bytes(200, b"<html><body>Welcome to the hotel's network</body></html>", "text/html")

    def answer_nothing(self, _):
        self.close_connection = True

    def answer_garbage(self, _):
        self.wfile.write(b"\x00\x01\x02 this is no HTTP \xff\xfe\r\n\r\n")
        self.close_connection = True

    def answer_notjson(self, _):
        self.reply_bytes(200, b'{"choices": [{"mess', "application/json")

    def answer_cut(self, request):
        """A stream without its end; a plain answer shorter than it says."""
        if request.get("stream"):
            self.begin_stream()
            self.event({"choices": [{"index": 0, "delta": {"content": "half "}}]})
        else:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b'{"choices": [')
        self.wfile.flush()
        self.close_connection = True

    def answer_reset(self, _):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def answer_hang(self, _):
        self.sleep(60)

    def answer_down(self, _):
        self.reply({"error": {"message": "the server had an error", "type": "server_error"}}, 500)

    def answer_refusing(self, _):
        self.sleep(0.3)
        self.reply({"error": {"message": "that makes no sense", "type": "invalid_request_error"}}, 400)

    def answer_echoing(self, request):
        """Its words have the prompt and the key in them."""
        words = f"no: {last_words(request)} with {self.headers['authorization']}"
        self.reply({"error": {"message": words, "type": "invalid_request_error"}}, 400)

    def answer_unauthorized(self, _):
        self.reply({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, 401)

    def answer_limited(self, _):
        """The first request of each text is one too many; the same again is fine."""
        words = last_words(_)
        with self.server.upstream.changed:
            first = sum(last_words(r) == words for b, r in self.server.upstream.requests if b == "limited") == 1
        if not first:
            return self.answer_good(_)
        error = {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}
        self.reply({"error": error}, 429, {"retry-after": "0.2", "retry-after-ms": "200"})

    # How.

    def sleep(self, seconds):
        """Sleeps; a peer that closes meanwhile ends it."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.connection.settimeout(min(left, 0.05))
            try:
                if self.connection.recv(1, socket.MSG_PEEK) == b"":
                    raise ConnectionResetError("the peer closed")
                time.sleep(min(left, 0.01))
            except TimeoutError:
                pass
            finally:
                self.connection.settimeout(None)

    def reply(self, body, status=200, headers=()):
        self.reply_bytes(status, json.dumps(body).encode(), "application/json", headers)

    def reply_bytes(self, status, body, kind, headers=()):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def event(self, body):
        self.chunk(f"data: {json.dumps({'id': 'x', 'model': 'fake', **body})}\n\n".encode())


def last_words(request):
    if "messages" not in request:
        return str(request.get("input") or request.get("prompt"))
    content = request["messages"][-1]["content"]
    return content if isinstance(content, str) else content[0]["text"]


def directives(request):
    return dict(word.split("=", 1) for word in last_words(request).split() if "=" in word)
