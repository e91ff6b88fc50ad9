"""How a value is written for people: text as it is, everything else as JSON with two spaces."""

from __future__ import annotations

import json
from typing import Any


def spoken(value: Any) -> str:
    """Return `value` as people read it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
