"""Messages between controller and agent: JSON objects in bounded, length-prefixed frames.

A frame is four bytes, big endian, and a payload. The lower 29 bits are the payload's length, at most
64 KiB; bit 31 says that the message goes on in the next frame, bit 30 that the joined payload is
compressed with zlib, bit 29 that it holds bytes as they are: the length of the object in four bytes, the
object, and then the bytes, which are its `data`. A message is at most 64 MiB, before and after
decompression: what the other side sends is data from a stranger.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

FRAME_BYTES = 64 * 1024
MESSAGE_BYTES = 64 * 1024 * 1024
_MORE = 1 << 31
_COMPRESSED = 1 << 30
_BYTES = 1 << 29
_FLAGS = _MORE | _COMPRESSED | _BYTES
_COMPRESS_FROM = 512  # below this the zlib header costs more than it saves
_SAMPLE_BYTES = 16 * 1024  # of bytes as they are, which tell whether the rest is worth it: most are packed

Message = dict[str, Any]


class FrameError(Exception):
    """The other side does not keep to the protocol; the connection is of no more use."""


def encode(message: Mapping[str, Any]) -> bytes:
    """Return the frames of one message; its `data` may be bytes."""
    data = message.get("data")
    flags, sample = 0, b""
    if isinstance(data, bytes):
        message = {name: value for name, value in message.items() if name != "data"}
        flags, sample = _BYTES, data[:_SAMPLE_BYTES]
    payload = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    if isinstance(data, bytes):
        payload = b"".join((struct.pack(">I", len(payload)), payload, data))
    if len(payload) > MESSAGE_BYTES:
        raise FrameError(f"a message of {len(payload)} bytes is too large")
    if len(payload) >= _COMPRESS_FROM and len(zlib.compress(sample, 1)) <= len(sample) * 7 // 8 + 16:
        payload, flags = zlib.compress(payload, 1), flags | _COMPRESSED
    chunks = [payload[at : at + FRAME_BYTES] for at in range(0, len(payload), FRAME_BYTES)]
    return b"".join(
        struct.pack(">I", len(chunk) | flags | (_MORE if number < len(chunks) - 1 else 0)) + chunk
        for number, chunk in enumerate(chunks)
    )


def decode(payload: bytes, *, compressed: bool, with_bytes: bool) -> Message:
    """Return the message in a joined payload, or raise FrameError."""
    data = None
    try:
        if compressed:
            unpacker = zlib.decompressobj()
            payload = unpacker.decompress(payload, MESSAGE_BYTES)
            if unpacker.unconsumed_tail or not unpacker.eof:
                raise FrameError("a compressed message is too large or incomplete")
        if with_bytes:
            end = 4 + int.from_bytes(payload[:4], "big")
            if not 4 < end <= len(payload):
                raise FrameError("a message is incomplete")
            payload, data = payload[4:end], payload[end:]
        message = json.loads(payload)
    except (zlib.error, ValueError, RecursionError) as error:
        raise FrameError(f"a message cannot be read: {error}") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise FrameError("a message is no object with a type")
    return message if data is None else message | {"data": data}


def messages(read: Callable[[int], bytes]) -> Iterator[Message]:
    """Yield the messages of a stream until its end; `read(n)` returns exactly n bytes, or b"" at the end."""
    parts: list[bytes] = []
    total = 0
    while header := read(4):
        (word,) = struct.unpack(">I", header)
        length = word & ~_FLAGS
        total += length
        if length > FRAME_BYTES or total > MESSAGE_BYTES:
            raise FrameError(f"a frame of {length} bytes is too large")
        chunk = read(length)
        if len(chunk) != length:
            return
        parts.append(chunk)
        if not word & _MORE:
            yield decode(b"".join(parts), compressed=bool(word & _COMPRESSED), with_bytes=bool(word & _BYTES))
            parts, total = [], 0
