# Fanout
# SPDX-License-Identifier: Apache-2.0
"""A client that may send anything."""

import socket

from fanout.connection import FrameDecoder, encode
from fanout.v1 import failure_pb2, frames_pb2


class RawPeer:
    def __init__(self, path, hello=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(15)
        self.socket.connect(path)
        self.decoder, self.frames = FrameDecoder(), []
        if hello:
            self.send(hello={"major": 1, "client": "raw"})
            assert self.receive().WhichOneof("body") == "welcome"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, id=0, **body):
        self.write(encode(frames_pb2.ClientFrame(id=id, **body)))

    def write(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # The daemon may close at the first wrong byte; what it said is still to be read.

    def write_message(self, data):
        self.write(len(data).to_bytes(4, "big") + data)

    def receive(self):
        """The next frame; None at the end of the connection."""
        while not self.frames:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.frames += [frames_pb2.ServerFrame.FromString(p) for p in self.decoder.feed(data)]
        return self.frames.pop(0)

    def until(self, *kinds, id=None):
        """The next frame of one of these kinds."""
        while (frame := self.receive()) is not None:
            if frame.WhichOneof("body") in kinds and id in (None, frame.id):
                return frame
        raise AssertionError(f"the connection ended without {kinds}")

    def error(self):
        """The Error that closes the connection: its code's name."""
        frame = self.until("error")
        assert self.receive() is None, "the connection stays open after Error"
        assert frame.error.message, "an Error without a sentence"
        return name(frame.error.code)

    def results(self, id):
        """All results of a batch by index, to its Summary."""
        found = {}
        while (frame := self.until("result", "summary", id=id)).WhichOneof("body") == "result":
            assert frame.result.index not in found
            found[frame.result.index] = frame.result
        assert frame.summary.items == len(found)
        return found

    def is_alive(self):
        self.send(77, ping={"data": b"alive"})
        return self.until("pong").pong.data == b"alive"


def name(code):
    return failure_pb2.FailureCode.Name(code)[len("FAILURE_CODE_"):]


def chat(model="good", text="say=fine", **request):
    message = {"role": "ROLE_USER", "text": text}
    return {"request": {"model": model, "chat": {"messages": [message]}, **request}}
