"""The body of a request in the forms that uri offers, with the type that says what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from configurator.core.errors import ParameterError


def encoded(form: str, body: Any) -> tuple[bytes | None, str | None]:
    """Return a body and its Content-Type; ParameterError if the form does not fit it."""
    if body is None:
        return None, None
    if form == "json":
        text = body if isinstance(body, str) else json.dumps(body)
        return text.encode(), "application/json"
    if form == "form-urlencoded":
        return _urlencoded(body).encode(), "application/x-www-form-urlencoded"
    if form == "form-multipart":
        return _multipart(body)
    return (body if isinstance(body, str) else json.dumps(body)).encode(), None


def _urlencoded(body: Any) -> str:
    if isinstance(body, str):
        return body
    pairs = body.items() if isinstance(body, Mapping) else body
    try:
        return urlencode([(name, value) for name, value in pairs], doseq=True)
    except (TypeError, ValueError):
        raise ParameterError("'body' must be a mapping or a list of pairs for form-urlencoded") from None


def _multipart(body: Any) -> tuple[bytes, str]:
    """Return the fields as RFC 7578 has them; the boundary is in none of them."""
    import hashlib  # noqa: PLC0415

    if not isinstance(body, Mapping):
        raise ParameterError("'body' must be a mapping for form-multipart")
    parts: list[bytes] = []
    for name, value in body.items():
        field = value if isinstance(value, Mapping) else {"content": value}
        if "content" not in field:
            raise ParameterError(
                f"'body': {name!r} has no 'content'",
                hint="`lookup('file', ...)` reads a file of the controller",
            )
        head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
        if "filename" in field:
            head += f'; filename="{_quoted(field["filename"])}"'
        if "filename" in field or "mime_type" in field:
            head += f"\r\nContent-Type: {field.get('mime_type', 'application/octet-stream')}"
        parts.append(f"{head}\r\n\r\n{field['content']}\r\n".encode())
    # The same body gives the same bytes each time: what is compared must not differ by chance.
    boundary = "configurator-" + hashlib.sha256(b"".join(parts)).hexdigest()[:32]
    mark = f"--{boundary}\r\n".encode()
    whole = b"".join(mark + part for part in parts) + f"--{boundary}--\r\n".encode()
    return whole, f"multipart/form-data; boundary={boundary}"


def _quoted(name: Any) -> str:
    return str(name).replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def json_in(content_type: str, body: bytes) -> Any:
    """Return the value of an answer that says that it is JSON; None if it is none."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("application/json", "text/json", "application/javascript") and not kind.endswith("+json"):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None
