"""Frames: what one side encodes the other decodes, and nothing a stranger sends hurts us."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.agent.frames import FRAME_BYTES, FrameError, encode, messages

texts = st.text(max_size=300)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def decode(data: bytes) -> list[dict[str, Any]]:
    return list(messages(io.BytesIO(data).read))


@given(st.lists(st.dictionaries(texts, values, max_size=5), max_size=5))
def test_messages_survive_the_wire(bodies: list[dict[str, Any]]) -> None:
    """Any JSON object, short or compressed, comes out as it went in, in order."""
    sent = [{**body, "type": "x"} for body in bodies]
    assert decode(b"".join(encode(message) for message in sent)) == sent


@given(st.binary(max_size=3000), st.booleans(), st.dictionaries(texts, values, max_size=3))
def test_bytes_survive_the_wire(data: bytes, packed: bool, body: dict[str, Any]) -> None:
    """Bytes come out as they went in, beside whatever else the message says, be they packed or not."""
    data = data * 20 if packed else data
    sent = {**body, "type": "x", "data": data}
    assert decode(encode(sent) + encode({"type": "y"})) == [sent, {"type": "y"}]


def test_bytes_cost_no_more_than_they_are_and_less_where_they_can_be_packed() -> None:
    """A file's content travels as it is: base64 would make a third more of it."""
    assert len(encode({"type": "x", "data": os.urandom(1 << 20)})) < (1 << 20) + 200
    assert len(encode({"type": "x", "data": b"text " * 200_000})) < 20_000


def test_large_message_is_split_into_bounded_frames() -> None:
    """No frame is larger than 64 KiB, so that a heartbeat never waits behind a whole file."""
    message = {"type": "blob", "data": os.urandom(300_000).hex()}
    data = encode(message)
    sizes = []
    at = 0
    while at < len(data):
        (word,) = struct.unpack_from(">I", data, at)
        sizes.append(word & 0x3FFFFFFF)
        at += 4 + sizes[-1]
    assert len(sizes) > 1
    assert max(sizes) <= FRAME_BYTES
    assert decode(data) == [message]


def test_a_cut_message_is_an_end_and_not_an_error() -> None:
    """A link that dies within a frame ends the stream; half a message is never delivered."""
    data = encode({"type": "a"}) + encode({"type": "b"})
    assert decode(data[:-1]) == [{"type": "a"}]


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", FRAME_BYTES + 1),
        struct.pack(">I", 2) + b"[]",
        struct.pack(">I", 2) + b"{}",
        struct.pack(">I", 4) + b"\xff\xfe{}",
        struct.pack(">I", 5 | 1 << 30) + b"hello",
        struct.pack(">I", 12) + b'{"type": 1 }',
        struct.pack(">I", 3 | 1 << 29) + b"\0\0\0",
        struct.pack(">I", 16 | 1 << 29) + struct.pack(">I", 0) + b'{"type":"x"}',
        struct.pack(">I", 16 | 1 << 29) + struct.pack(">I", 13) + b'{"type":"x"}',
    ],
    ids=[
        "oversized",
        "no-object",
        "no-type",
        "no-utf8",
        "no-zlib",
        "type-is-no-text",
        "no-length",
        "no-object-before-bytes",
        "object-beyond-the-end",
    ],
)
def test_malformed_frames_are_refused(data: bytes) -> None:
    """What is not the protocol raises FrameError, never anything else."""
    with pytest.raises(FrameError):
        decode(data)


def test_a_decompression_bomb_is_refused() -> None:
    """A small frame must not unfold to more than a message may have."""
    bomb = zlib.compress(json.dumps({"type": "x", "pad": "0" * (80 << 20)}).encode(), 9)
    frames = b""
    chunks = [bomb[i : i + FRAME_BYTES] for i in range(0, len(bomb), FRAME_BYTES)]
    for number, chunk in enumerate(chunks):
        more = 1 << 31 if number < len(chunks) - 1 else 0
        frames += struct.pack(">I", len(chunk) | more | 1 << 30) + chunk
    with pytest.raises(FrameError, match="too large"):
        decode(frames)


def test_deep_nesting_is_refused() -> None:
    """Nested brackets must not exhaust the stack."""
    payload = b'{"type":"x","a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    data = b""
    chunks = [payload[i : i + FRAME_BYTES] for i in range(0, len(payload), FRAME_BYTES)]
    for number, chunk in enumerate(chunks):
        data += struct.pack(">I", len(chunk) | (1 << 31 if number < len(chunks) - 1 else 0)) + chunk
    with pytest.raises(FrameError):
        decode(data)
