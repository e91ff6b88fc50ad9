"""Messages between controller and agent: JSON objects in bounded, length-prefixed frames.

A frame is four bytes, big endian, and a payload. The lower 30 bits are the payload's length, at most
64 KiB; bit 31 says that the message goes on in the next frame, bit 30 that the joined payload is
compressed with zlib. A message is at most 64 MiB, before and after decompression: what the other side
sends is data from a stranger.
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
_COMPRESS_FROM = 512  # below this the zlib header costs more than it saves

Message = dict[str, Any]


class FrameError(Exception):
    """The other side does not keep to the protocol; the connection is of no more use."""


def encode(message: Mapping[str, Any]) -> bytes:
    """Return the frames of one message."""
    payload = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    if len(payload) > MESSAGE_BYTES:
        raise FrameError(f"a message of {len(payload)} bytes is too large")
    flags = 0
    if len(payload) >= _COMPRESS_FROM:
        payload, flags = zlib.compress(payload, 1), _COMPRESSED
    chunks = [payload[at : at + FRAME_BYTES] for at in range(0, len(payload), FRAME_BYTES)]
    return b"".join(
        struct.pack(">I", len(chunk) | flags | (_MORE if number < len(chunks) - 1 else 0)) + chunk
        for number, chunk in enumerate(chunks)
    )


def decode(payload: bytes, compressed: bool) -> Message:
    """Return the message in a joined payload, or raise FrameError."""
    try:
        if compressed:
            unpacker = zlib.decompressobj()
            payload = unpacker.decompress(payload, MESSAGE_BYTES)
            if unpacker.unconsumed_tail or not unpacker.eof:
                raise FrameError("a compressed message is too large or incomplete")
        message = json.loads(payload)
    except (zlib.error, ValueError, RecursionError) as error:
        raise FrameError(f"a message cannot be read: {error}") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise FrameError("a message is no object with a type")
    return message


def messages(read: Callable[[int], bytes]) -> Iterator[Message]:
    """Yield the messages of a stream until its end; `read(n)` returns exactly n bytes, or b"" at the end."""
    parts: list[bytes] = []
    total = 0
    while header := read(4):
        (word,) = struct.unpack(">I", header)
        length = word & ~(_MORE | _COMPRESSED)
        total += length
        if length > FRAME_BYTES or total > MESSAGE_BYTES:
            raise FrameError(f"a frame of {length} bytes is too large")
        chunk = read(length)
        if len(chunk) != length:
            return
        parts.append(chunk)
        if not word & _MORE:
            yield decode(b"".join(parts), bool(word & _COMPRESSED))
            parts, total = [], 0
