"""File contents inside parameters: text, base64, or the digest of something that the controller holds."""

from __future__ import annotations

import binascii
from typing import Any

from configurator.modules.system import System


def decode_content(system: System, value: Any) -> bytes:
    """Return the bytes that a `content` parameter stands for, fetching them if they were not sent along."""
    if isinstance(value, dict):
        if "$blob" in value:
            return system.blob(str(value["$blob"]))
        return binascii.a2b_base64(str(value["$base64"]))
    return str(value).encode()
