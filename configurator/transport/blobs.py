"""The contents that a host may ask for: answered piece by piece, from memory or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configurator.agent.contents import PIECE_BYTES
from configurator.agent.protocol import Held


def piece_of(blobs: Mapping[str, Held], message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a host that asks for a piece: `data` and the `size` of all, or an `error`."""
    held, offset = blobs.get(str(message.get("digest"))), message.get("offset")
    if held is None or not isinstance(offset, int) or offset < 0:
        return {"error": "there is no such content"}
    if isinstance(held, bytes):
        return {"data": held[offset : offset + PIECE_BYTES], "size": len(held)}
    try:
        with held.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(offset)
            return {"data": file.read(PIECE_BYTES), "size": size}
    except OSError as error:
        return {"error": f"cannot read {held}: {error.strerror}"}
