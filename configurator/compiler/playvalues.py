"""Single values of a play: rendered with the variables of the play and of the command line, and checked."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from configurator.compiler.scope import Scope
from configurator.compiler.templating import TemplatingError
from configurator.compiler.values import is_boolean, truthy
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import did_you_mean, kind_of
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar

_PERCENTAGE = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)\s*%")


class Scalars:
    """Reads keys of a mapping; what is wrong is noted, and the default returned."""

    def __init__(self, item: LocatedMap, scope: Scope, problems: Diagnostics) -> None:
        self._item = item
        self.scope = scope
        self._problems = problems

    def scalar(self, key: str) -> LocatedScalar | None:
        """Return a single value as it is written, or None if there is none."""
        value = self._item.get(key)
        if value is None or isinstance(value, LocatedScalar):
            return None if value is None or value.value is None else value
        self._problems.add(
            value.span, f"{key!r} must be a single value, not {kind_of(value)}", code="wrong-value"
        )
        return None

    def value(self, key: str) -> Any:
        """Return a single value; None if there is none, or if it needs a host to be rendered."""
        scalar = self.scalar(key)
        return None if scalar is None else self._rendered(scalar)

    def text(self, key: str) -> str | None:
        """Return a text."""
        value = self.value(key)
        return None if value is None else str(value)

    def boolean(self, key: str, default: bool = False) -> bool:
        """Return true or false."""
        value = self.value(key)
        if value is None:
            return default
        if not is_boolean(value):
            self._note(key, f"{key!r} must be true or false, not {value!r}")
            return default
        return truthy(value)

    def one_of(self, key: str, known: Collection[str], default: str) -> str:
        """Return one of the words."""
        value = self.value(key)
        if value is None:
            return default
        if str(value) not in known:
            names = ", ".join(known)
            hint = did_you_mean(value, known) or f"known: {names}"
            self._note(key, f"{key!r} cannot be {str(value)!r}", hint)
            return default
        return str(value)

    def whole(self, key: str, most: int = 1 << 31) -> int | None:
        """Return a whole number from 1 on."""
        value = self.value(key)
        if value is None:
            return None
        text = str(value).strip()
        if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= most:
            self._note(key, f"{key!r} must be a whole number from 1 on, not {value!r}")
            return None
        return int(text)

    def percentage(self, key: str) -> float | None:
        """Return a percentage, written with its sign or without."""
        value = self.value(key)
        if value is None:
            return None
        match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%?\s*", str(value))
        if match is None or float(match[1]) > 100:
            self._note(key, f"{key!r} must be a percentage, not {value!r}")
            return None
        return float(match[1])

    def serial(self) -> tuple[int | str, ...]:
        """Return the sizes of batches: numbers of hosts, and percentages as texts."""
        value = self._item.get("serial")
        if value is None:
            return ()
        found: list[int | str] = []
        for item in value.items if isinstance(value, LocatedList) else (value,):
            plain = self._rendered(item) if isinstance(item, LocatedScalar) else item.plain()
            for size in plain if isinstance(plain, list) else [plain]:
                known = _size(size)
                if known is None:
                    hint = "such as 2, '30%' or [1, 5, '30%']"
                    message = f"'serial' must be a number of hosts or a percentage, not {kind_of(size)}"
                    self._problems.add(item.span, message, hint, code="wrong-value")
                else:
                    found.append(known)
        return tuple(found)

    def patterns(self, value: Located) -> tuple[tuple[str, Span], ...]:
        """Return the patterns of hosts that a template gives."""
        found: list[tuple[str, Span]] = []
        for item in value.items if isinstance(value, LocatedList) else (value,):
            plain = self._rendered(item) if isinstance(item, LocatedScalar) else item.plain()
            for text in plain if isinstance(plain, list) else [plain]:
                if text is not None:
                    found += [(part.strip(), item.span) for part in str(text).split(",") if part.strip()]
        return tuple(found)

    def _rendered(self, scalar: LocatedScalar) -> Any:
        try:
            return self.scope.value(scalar)
        except TemplatingError as error:
            unknown = "no host is known yet, only variables of the play and --extra-vars"
            hint = error.diagnostic.hint or unknown
            self._problems.add(scalar.span, error.diagnostic.message, hint, code="wrong-value")
            return None

    def _note(self, key: str, message: str, hint: str | None = None) -> None:
        value = self._item.get(key)
        self._problems.add(
            value.span if value is not None else self._item.span, message, hint, code="wrong-value"
        )


def _size(value: Any) -> int | str | None:
    """Return a size of a batch: a number (0: all hosts), or a percentage as text."""
    text = str(value).strip()
    if isinstance(value, bool) or value is None:
        return None
    if re.fullmatch(r"[0-9]+", text):
        return int(text)
    match = _PERCENTAGE.fullmatch(text)
    return text if match is not None and 0 < float(match["number"]) <= 100 else None


def batches(hosts: list[str], serial: tuple[int | str, ...]) -> list[list[str]]:
    """Return the hosts in batches of these sizes; the last size goes on for all that are left.

    A percentage is of all these hosts, rounded down, and at least one host.
    """
    if not serial:
        return [hosts] if hosts else []
    found: list[list[str]] = []
    rest, number = list(hosts), 0
    while rest:
        size = _count(serial[min(number, len(serial) - 1)], len(hosts)) or len(rest)
        found.append(rest[:size])
        rest = rest[size:]
        number += 1
    return found


def _count(size: int | str, total: int) -> int:
    if isinstance(size, int):
        return size
    return max(1, int(float(size.rstrip("% ")) / 100 * total))
