# Fanout
# SPDX-License-Identifier: Apache-2.0
"""A daemon's side of the socket whose every answer the test chooses."""

import os
import socket
import tempfile
import threading

from fanout.connection import FrameDecoder, encode
from fanout.v1 import frames_pb2


class FakeDaemon:
    """Serves one connection after the other; `script(peer)` plays the daemon. An exception in it fails the test."""

    def __init__(self, script, connections=1):
        self.directory = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.directory.name, "fanout.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.settimeout(10)
        self.failure, self.script, self.connections = None, script, connections
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            for _ in range(self.connections):
                connection, _ = self.listener.accept()
                with connection:
                    connection.settimeout(10)
                    self.script(Peer(connection))
        except BaseException as failure:
            self.failure = failure

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.thread.join(10)
        self.listener.close()
        self.directory.cleanup()
        if self.failure is not None and kind is None:
            raise self.failure


class Peer:
    def __init__(self, connection):
        self.connection, self.decoder, self.frames = connection, FrameDecoder(), []
        self.bytes_read = 0

    def receive(self):
        """The next frame; None at the end."""
        while not self.frames:
            data = self.connection.recv(1 << 16)
            if not data:
                return None
            self.bytes_read += len(data)
            self.frames += [frames_pb2.ClientFrame.FromString(p) for p in self.decoder.feed(data)]
        return self.frames.pop(0)

    def expect(self, kind):
        frame = self.receive()
        assert frame is not None and frame.WhichOneof("body") == kind, (kind, frame)
        return frame

    def send(self, id, **body):
        self.connection.sendall(encode(frames_pb2.ServerFrame(id=id, **body)))

    def welcome(self, window=8 << 20, batch_window=4 << 20, blob_bytes=0):
        assert self.expect("hello").hello.major == 1
        limits = {"frame_bytes_max": 1 << 20, "items_per_frame_max": 4096, "blob_bytes_max": blob_bytes}
        self.send(0, welcome={
            "major": 1, "limits": limits, "upload_window_bytes": window, "batch_window_bytes": batch_window})

    def answer(self, batch, index, text, **result):
        message = {"role": "ROLE_ASSISTANT", "text": text}
        chat = {"choices": [{"message": message, "finish_reason": "FINISH_REASON_STOP"}]}
        response = {"id": "r", "model": "m", "chat": chat, "usage": {"total_tokens": 3}}
        self.send(batch, result={
            "index": index, "response": response, "trail": {"attempts": 1, "deployment": "d"}, **result})

    def fail(self, batch, index, code, **failure):
        self.send(batch, result={"index": index, "failure": {"code": code, "message": "words", **failure}})

    def summarise(self, batch, **counts):
        self.send(batch, summary=counts or {"items": 1, "succeeded": 1})
