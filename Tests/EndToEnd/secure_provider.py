# Fanout
# SPDX-License-Identifier: Apache-2.0
"""A provider over HTTPS behind a name: its certificate, and the name server that knows it."""

import socket
import ssl
import struct
import subprocess
import threading

from fake_upstream import FakeUpstream

HOST = "provider.fanout.test"


def make_certificate(folder, host=HOST):
    """An authority and a certificate of it for the host; the authority's and the server's files."""
    def openssl(*arguments, text=None):
        subprocess.run(["openssl", *map(str, arguments)], input=text, check=True, capture_output=True, text=True)

    ca, key, request, certificate = (folder / name for name in ("ca.pem", "key.pem", "request.pem", "server.pem"))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=Fanout tests", "-keyout", folder / "ca.key", "-out", ca)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}", "-keyout",
            key, "-out", request)
    extensions = folder / "extensions"
    extensions.write_text(f"subjectAltName=DNS:{host}\n")
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", extensions, "-out", certificate)
    return ca, certificate, key


class NameServer:
    """Answers every question for an address of the host with 127.0.0.1 (RFC 1035), and for others with nothing."""

    def __init__(self, address="127.0.0.77"):
        self.address, self.asked = address, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            question, peer = self.socket.recvfrom(512)
            if not question:
                return
            self.socket.sendto(self.answer(question), peer)

    def answer(self, question):
        end = question.index(b"\0", 12) + 5
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind, name = struct.unpack("!H", question[end - 4:end - 2])[0], ".".join(labels)
        self.asked.append((name, kind))
        known = name == HOST and kind == 1
        head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, int(known), 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([127, 0, 0, 1])
        return head + question[12:end] + (record if known else b"")

    def stop(self):
        # A close alone would leave the thread, and with it the port.
        self.socket.sendto(b"", (self.address, 53))
        self.thread.join(5)
        self.socket.close()


class SecureProvider(FakeUpstream):
    def __init__(self, folder):
        self.ca, certificate, key = make_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        super().__init__(context)

    def url(self, behaviour):
        return f"https://{HOST}:{self.server.server_address[1]}/{behaviour}/v1"
