# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The contract only grows: a peer with an older copy of the .proto and one with the present copy understand each other.

older-contract/ is the contract as it was first published. It never changes.
"""

import pathlib
import random
import socket
import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from fanout.connection import FrameDecoder

HERE = pathlib.Path(__file__).parent
COPIES = {"older": HERE / "older-contract", "present": HERE.parents[1] / "proto"}
TOP = ("fanout.v1.ClientFrame", "fanout.v1.ServerFrame")


class Contract:
    """One copy of the .proto, in a descriptor pool of its own."""

    def __init__(self, folder, out):
        files = sorted(str(path) for path in (folder / "fanout" / "v1").glob("*.proto"))
        subprocess.run(["protoc", "-I", str(folder), f"--descriptor_set_out={out}", *files], check=True)
        self.files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
        self.pool = descriptor_pool.DescriptorPool()
        waiting, known = list(self.files.file), set()
        while waiting:
            ready = [file for file in waiting if known.issuperset(file.dependency)]
            for file in ready:
                self.pool.Add(file)
                known.add(file.name)
                waiting.remove(file)

    def message(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def messages(self):
        for file in self.files.file:
            for message in file.message_type:
                yield from walk(message, file.package)

    def enums(self):
        for file in self.files.file:
            for enum in file.enum_type:
                yield f"{file.package}.{enum.name}", enum
            for message in file.message_type:
                for name, nested in walk(message, file.package):
                    for enum in nested.enum_type:
                        yield f"{name}.{enum.name}", enum


def walk(message, prefix):
    name = f"{prefix}.{message.name}"
    yield name, message
    for nested in message.nested_type:
        yield from walk(nested, name)


@pytest.fixture(scope="module")
def contracts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contracts")
    return {name: Contract(path, folder / name) for name, path in COPIES.items()}


def fill(message, chance, depth=0):
    """Gives most fields a value that survives any encoding."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.3:
            continue
        if field.type == field.TYPE_MESSAGE:
            if depth > 6:
                continue
            if field.is_repeated:
                for _ in range(chance.randrange(1, 3)):
                    fill(getattr(message, field.name).add(), chance, depth + 1)
            else:
                getattr(message, field.name).SetInParent()
                fill(getattr(message, field.name), chance, depth + 1)
            continue
        value = scalar(field, chance)
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)


def scalar(field, chance):
    if field.type == field.TYPE_STRING:
        return "text \u00e4\u4e2d" + str(chance.randrange(1000))
    if field.type == field.TYPE_BYTES:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(20)))
    if field.type in (field.TYPE_DOUBLE, field.TYPE_FLOAT):
        return chance.randrange(-64, 64) / 8
    if field.type == field.TYPE_BOOL:
        return True
    if field.type == field.TYPE_ENUM:
        return chance.choice(field.enum_type.values).number
    return chance.randrange(1, 1 << 30)


def test_no_field_of_the_older_contract_has_changed_its_number_name_or_type(contracts):
    present = dict(contracts["present"].messages())
    for name, message in contracts["older"].messages():
        assert name in present, f"{name} is gone"
        fields = {field.number: field for field in present[name].field}
        for field in message.field:
            now = fields.get(field.number)
            assert now is not None, f"{name}.{field.name} is gone"
            old = (field.name, field.type, field.label, field.type_name, field.HasField("oneof_index"))
            new = (now.name, now.type, now.label, now.type_name, now.HasField("oneof_index"))
            assert old == new, f"{name}.{field.name} has changed"


def test_no_value_of_an_enum_of_the_older_contract_has_changed(contracts):
    present = dict(contracts["present"].enums())
    for name, enum in contracts["older"].enums():
        values = {value.number: value.name for value in present[name].value}
        for value in enum.value:
            assert values.get(value.number) == value.name, f"{name}.{value.name} has changed"


@pytest.mark.parametrize("name", TOP)
@pytest.mark.parametrize("writer, reader", [("older", "present"), ("present", "older")])
def test_what_one_copy_writes_the_other_reads_and_passes_on_whole(contracts, name, writer, reader):
    write, read = contracts[writer].message(name), contracts[reader].message(name)
    for seed in range(300):
        message = write()
        fill(message, random.Random(seed))
        data = message.SerializeToString()
        assert write.FromString(read.FromString(data).SerializeToString()) == message, f"seed {seed}"


def test_a_client_with_the_older_contract_runs_a_batch(contracts, daemon):
    client, server = (contracts["older"].message(name) for name in TOP)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(15)
        peer.connect(daemon.path)
        hello = client(id=0)
        hello.hello.major = 1
        hello.hello.client = "older"
        submit = client(id=1)
        for text in ("one", "two"):
            request = submit.submit.items.add().request
            request.model = "good"
            message = request.chat.messages.add()
            message.role = 3
            message.parts.add().text.text = text
        for frame in (hello, submit):
            data = frame.SerializeToString()
            peer.sendall(len(data).to_bytes(4, "big") + data)
        decoder, kinds, results = FrameDecoder(), [], []
        while "summary" not in kinds:
            data = peer.recv(1 << 16)
            assert data, f"the connection ended after {kinds}"
            for payload in decoder.feed(data):
                frame = server.FromString(payload)
                kinds.append(frame.WhichOneof("body"))
                if kinds[-1] == "result":
                    results.append(frame.result)
                if kinds[-1] == "summary":
                    assert frame.summary.succeeded == 2
    assert kinds[0] == "welcome" and len(results) == 2
    assert all(result.WhichOneof("outcome") == "response" for result in results)
