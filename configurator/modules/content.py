"""File contents inside parameters: text, base64, or the digest of something that the controller holds."""

from __future__ import annotations

import binascii
import json
from typing import Any

from configurator.modules.state import Content
from configurator.modules.system import System


def decode_content(system: System, value: Any) -> bytes:
    """Return the bytes that a `content` parameter stands for, fetching them if they were not sent along."""
    if isinstance(value, dict) and "$blob" in value:
        return system.blob(str(value["$blob"]))
    if isinstance(value, dict) and "$base64" in value:
        return binascii.a2b_base64(str(value["$base64"]))
    if isinstance(value, (dict, list)):
        return json.dumps(value).encode()  # a mapping or list becomes JSON, as in Ansible
    return str(value).encode()


def matching_content(system: System, value: Any, path: str) -> Content:
    """Return the content that `value` stands for; one that `path` already has is not fetched once more."""
    if isinstance(value, dict) and "$blob" in value:
        import hashlib  # noqa: PLC0415  (3 ms on the host; small contents need none)

        found = system.stat(path, follow=True)
        if found is not None and found.kind == "file":
            data = system.read(path)
            if hashlib.sha256(data).hexdigest() == value["$blob"]:
                return Content(data)
    return Content(decode_content(system, value))
