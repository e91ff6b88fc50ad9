"""File contents inside parameters: text, base64, or the digest of something that the controller holds.

`{"$blob": sha256}` is a content that was made there (a template, say), `{"$file": sha256, "size": bytes}` a
large file, which is never in memory as a whole; `sha1` stands beside them if the task asks for it.
"""

from __future__ import annotations

import binascii
import json
from typing import Any

from configurator.modules.state import Content, LargeContent
from configurator.modules.system import FileStat, System

LARGE_BYTES = 8 << 20  # a larger file is compared by its digest, and travels and is written in pieces


def decode_content(system: System, value: Any) -> bytes:
    """Return the bytes that a `content` parameter stands for, fetching them if they were not sent along."""
    if isinstance(value, dict) and ("$blob" in value or "$file" in value):
        return system.blob(str(value.get("$blob") or value["$file"]))
    if isinstance(value, dict) and "$base64" in value:
        return binascii.a2b_base64(str(value["$base64"]))
    if isinstance(value, (dict, list)):
        return json.dumps(value).encode()  # a mapping or list becomes JSON, as in Ansible
    return str(value).encode()


def large_content(value: Any) -> LargeContent | None:
    """Return the large file of the controller that a `content` parameter stands for; None for all others."""
    if not isinstance(value, dict) or "$file" not in value:
        return None
    return LargeContent(int(value["size"]), str(value["$file"]), sha1=value.get("sha1"))


def matching_content(system: System, value: Any, path: str) -> Content:
    """Return the content that `value` stands for; one that `path` already has is not fetched once more."""
    if isinstance(value, dict) and "$blob" in value:
        import hashlib  # noqa: PLC0415  (3 ms on the host; small contents need none)

        found = system.stat(path, follow=True)
        if found is not None and found.kind == "file":
            if found.size > LARGE_BYTES and system.digest(path) != value["$blob"]:
                return Content(decode_content(system, value))
            data = system.read(path)
            if hashlib.sha256(data).hexdigest() == value["$blob"]:
                return Content(data)
    return Content(decode_content(system, value))


def present_content(
    system: System, path: str, found: FileStat, wanted: Content | LargeContent
) -> Content | LargeContent:
    """Return what a file holds, as far as that must be known to compare it with what it should hold."""
    size = wanted.size if isinstance(wanted, LargeContent) else len(wanted.data)
    if found.size <= LARGE_BYTES or (isinstance(wanted, Content) and found.size == size):
        return Content(system.read(path))
    return LargeContent(found.size, system.digest(path) if found.size == size else None)
