"""Filters for single values: booleans, numbers, sizes, chance, dates."""

from __future__ import annotations

import math
import random as chance
import re
import time
import uuid
from collections.abc import Callable, MutableSequence
from datetime import datetime
from typing import Any

import jinja2

from configurator.compiler.volatile import each_time

_TRUE = ("yes", "true", "on", "1")  # fewer words than a keyword takes: those of Ansible's filter
# Under this name Ansible makes its identifiers: the same text has the same one here and there.
_NAMESPACE = "361E6D51-FAEC-444A-9079-341386DA8E2E"
_SIZES = {letter: 1024**power for power, letter in enumerate("BKMGTPEZY")}
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)\s*", re.ASCII)
_PREFIXES = {
    "kilo": "K",
    "mega": "M",
    "giga": "G",
    "tera": "T",
    "peta": "P",
    "exa": "E",
    "zetta": "Z",
    "yotta": "Y",
}
# Seconds of what community.general's `to_time_unit` calls a month and a year: 30 and 365 days.
_UNITS: dict[str, tuple[float, tuple[str, ...]]] = {
    "milliseconds": (0.001, ("ms", "msec", "msecs", "millisecond", "milliseconds")),
    "seconds": (1, ("s", "sec", "secs", "second", "seconds")),
    "minutes": (60, ("m", "min", "mins", "minute", "minutes")),
    "hours": (3600, ("h", "hour", "hours")),
    "days": (86400, ("d", "day", "days")),
    "weeks": (604800, ("w", "week", "weeks")),
    "months": (2592000, ("mo", "month", "months")),
    "years": (31536000, ("y", "year", "years")),
}


def mandatory(value: Any, msg: str | None = None) -> Any:
    """The value itself, which must be defined; `msg` is what is said if it is not."""
    if isinstance(value, jinja2.Undefined):
        if msg is not None:
            raise jinja2.UndefinedError(str(msg))
        str(value)
    return value


def to_bool(value: Any) -> bool:
    """True for yes, true, on and 1 in any case, as text or number; false for all else."""
    if isinstance(value, str):
        return value.lower() in _TRUE
    if isinstance(value, jinja2.Undefined):
        str(value)
    return isinstance(value, bool | int | float) and value == 1


def ternary(value: Any, true_val: Any, false_val: Any = None, none_val: Any = None) -> Any:
    """The first argument if the value is true, the second if not, the third (if given) if it is null."""
    if value is None and none_val is not None:
        return none_val
    return true_val if value else false_val


def type_debug(value: Any) -> str:
    """The name of the value's type in Python."""
    return type(value).__name__


# -- numbers --------------------------------------------------------------------------------------------


def power(value: Any, exponent: Any) -> float:
    """The number raised to a power."""
    return math.pow(value, exponent)


def root(value: Any, base: Any = 2) -> float:
    """The square root of the number, or the root of another degree."""
    return math.sqrt(value) if base == 2 else math.pow(value, 1.0 / float(base))


def log(value: Any, base: Any = math.e) -> float:
    """The logarithm of the number, the natural one unless a base is given."""
    return math.log10(value) if base == 10 else math.log(value, base)


def human_readable(size: Any, isbits: bool = False, unit: str | None = None) -> str:
    """A number of bytes as people write it: `1.50 GB`; `isbits` for bits, `unit` for a certain unit."""
    number, letter = float(size), "B"
    if unit is not None:
        letter = str(unit).upper()[:1]
        if letter not in _SIZES:
            raise ValueError(f"human_readable: the unit must be one of {', '.join(_SIZES)}, not {unit!r}")
    else:
        letter = next((name for name, least in reversed(_SIZES.items()) if number >= least), "B")
    plain, short = ("bits", "b") if isbits else ("Bytes", "B")
    return f"{number / _SIZES[letter]:.2f} {plain if letter == 'B' else letter + short}"


def human_to_bytes(size: Any, default_unit: str | None = None, isbits: bool = False) -> int:
    """The number of bytes (or bits) that a text such as `10 MB` means; K is 1024."""
    found = _SIZE.fullmatch(str(size))
    if found is None:
        raise ValueError(f"human_to_bytes: {str(size)!r} is not a size such as '10 MB'")
    unit = found[2] or str(default_unit or "B")
    word, letter = ("bit", "b") if isbits else ("byte", "B")
    names = {letter: "B", word: "B", f"{word}s": "B", "B": "B"}
    names |= {name: name for name in _SIZES} | {name.lower(): name for name in _SIZES if name != "B"}
    names |= {key + letter: name for key, name in list(names.items()) if len(key) == 1 and name != "B"}
    names |= {prefix + word + s: name for prefix, name in _PREFIXES.items() for s in ("", "s")}
    known = names.get(unit) or names.get(unit.lower() if word in unit.lower() else unit)
    if known is None:
        raise ValueError(f"human_to_bytes: {unit!r} is not a unit of {word}s")
    size_in_bytes: int = round(float(found[1]) * _SIZES[known])
    return size_in_bytes


def to_time_unit(value: Any, unit: str = "ms", **lengths: Any) -> float:
    """A duration such as `1h 30m` as a number of the unit; `year` and `month` say the days of these."""
    sizes = {name: size for name, (size, _) in _UNITS.items()}
    sizes |= {f"{name}s": float(days) * 86400 for name, days in lengths.items()}
    if set(sizes) != set(_UNITS):
        raise ValueError("to_time_unit: only the days of a `year` and of a `month` can be said")
    names = {word: name for name, (_, words) in _UNITS.items() for word in words}
    if unit not in names:
        raise ValueError(f"to_time_unit: there is no unit {unit!r}")
    total = 0.0
    for part in str(value).split():
        found = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)([a-z]*)", part.lower())
        if found is None or (found[2] or unit) not in names:
            raise ValueError(f"to_time_unit: cannot read {str(value)!r}, which is to be such as '1h 30m'")
        total += float(found[1]) * sizes[names[found[2] or unit]]
    return round(total / sizes[names[unit]], 12)


def _to(unit: str) -> Callable[..., float]:
    def convert(value: Any, **lengths: Any) -> float:
        return to_time_unit(value, unit, **lengths)

    convert.__doc__ = f"""A duration such as `1h 30m` in {unit}."""
    return convert


# -- chance ---------------------------------------------------------------------------------------------


def _generator(seed: Any) -> chance.Random:
    # Not for secrets; the same seed gives what it gives with Ansible.
    return chance.SystemRandom() if seed is None else chance.Random(seed)  # noqa: S311


def random(end: Any, start: Any = None, step: Any = None, seed: Any = None) -> Any:
    """An item of the list, or a number below the given one; with a `seed` always the same."""
    generator = _generator(seed)
    if isinstance(end, int) and not isinstance(end, bool):
        return generator.randrange(start or 0, end, step or 1)
    if start or step:
        raise ValueError("random: start and step are for numbers alone")
    items = end if isinstance(end, str | MutableSequence) else list(end)
    if not items:
        raise ValueError("random: there is nothing to choose from")
    return generator.choice(items)


def shuffle(value: Any, seed: Any = None) -> list[Any]:
    """The items of the list in another order; with a `seed` always the same."""
    items = list(value)
    _generator(seed).shuffle(items)
    return items


# -- dates and identifiers ------------------------------------------------------------------------------


def strftime(string_format: Any, second: Any = None, utc: bool = False) -> str:
    """The time (now, or a number of seconds since 1970) in the format that the text describes."""
    try:
        at = None if second is None else float(second)
    except (TypeError, ValueError):
        raise ValueError(f"strftime: {second!r} is not a number of seconds") from None
    return time.strftime(str(string_format), time.gmtime(at) if utc else time.localtime(at))


def to_datetime(value: Any, format: str = "%Y-%m-%d %H:%M:%S") -> datetime:  # noqa: A002
    """The text as a point in time, to calculate with."""
    return datetime.strptime(str(value), format)


def to_uuid(value: Any, namespace: Any = _NAMESPACE) -> str:
    """The identifier (UUID, version 5) that belongs to the text: always the same."""
    try:
        space = namespace if isinstance(namespace, uuid.UUID) else uuid.UUID(str(namespace))
    except ValueError:
        raise ValueError(f"to_uuid: the namespace {namespace!r} is not a UUID") from None
    return str(uuid.uuid5(space, str(value)))


BUILTIN: dict[str, Callable[..., Any]] = {
    "mandatory": mandatory,
    "bool": to_bool,
    "ternary": ternary,
    "type_debug": type_debug,
    "pow": power,
    "root": root,
    "log": log,
    "human_readable": human_readable,
    "human_to_bytes": human_to_bytes,
    "random": each_time(random),
    "shuffle": each_time(shuffle),
    "strftime": each_time(strftime),
    "to_datetime": to_datetime,
    "to_uuid": to_uuid,
}
GENERAL: dict[str, Callable[..., Any]] = {
    "to_time_unit": to_time_unit,
    **{f"to_{unit}": _to(unit) for unit in _UNITS},
}
