"""Declared parameters: how a module says what it accepts, and how a task's values are checked against it.

Checking needs no host, so the compiler reports every problem with its place in the file before anything
is touched; the agent parses the same values again, so that it never trusts what it was sent.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

_TRUE = frozenset({"yes", "true", "on", "1", "y", "t"})
_FALSE = frozenset({"no", "false", "off", "0", "n", "f"})


@dataclass(frozen=True, slots=True)
class ParamProblem:
    """One thing that is wrong with a task's parameters; `param` is "" when it concerns all of them."""

    param: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """What one parameter accepts. `kind` is one of `str int float bool list dict mode raw`.

    `list` accepts a list or comma separated text, `mode` a file mode as text (`0644`, `u=rw,g=r`),
    `raw` any JSON value. `on_controller` marks a file name that is read on the controller and never sent,
    `path` one of the host (or several), which may begin with `~`.
    """

    kind: str
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    required: bool = False
    secret: bool = False
    on_controller: bool = False
    path: bool = False


def param(
    kind: str,
    default: Any = None,
    *,
    aliases: tuple[str, ...] = (),
    choices: tuple[str, ...] = (),
    required: bool = False,
    secret: bool = False,
    on_controller: bool = False,
    path: bool = False,
) -> Any:
    """Declare a field of a module's params dataclass; a list's default is an empty tuple."""
    if kind == "list" and default is None:
        default = ()
    spec = ParamSpec(kind, aliases, choices, required, secret, on_controller, path)
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata={"param": spec})
    return field(default=default, metadata={"param": spec})


def specs(params_type: type) -> dict[str, ParamSpec]:
    """Return the declared parameters by name, in the order of declaration."""
    return {item.name.rstrip("_"): item.metadata["param"] for item in fields(params_type)}


def by_word(declared: Mapping[str, ParamSpec]) -> dict[str, ParamSpec]:
    """Return the declared parameters by each of their names."""
    return {word: spec for name, spec in declared.items() for word in (name, *spec.aliases)}


def absolute(path: str) -> bool:
    """Return True for a path that does not depend on a working directory; `~` becomes one on the host."""
    return path.startswith(("/", "~"))


def parse(
    params_type: type, raw: Mapping[str, Any], omitted: Mapping[str, str] | None = None
) -> tuple[Any, list[ParamProblem]]:
    """Return an instance and no problems, or None and every problem of `raw`.

    `omitted` has the reasons why parameters of Ansible's module are left out, to tell who uses one.

    A field whose name is a Python keyword is declared with a trailing underscore. A value of None counts
    as not given, as `omit` does in Ansible.
    """
    by_name: dict[str, Field[Any]] = {}
    for item in fields(params_type):
        by_name[item.name.rstrip("_")] = item
        for alias in item.metadata["param"].aliases:
            by_name[alias] = item
    values: dict[str, Any] = {}
    given: dict[str, str] = {}
    problems: list[ParamProblem] = []
    for key, value in raw.items():
        target = by_name.get(key)
        if target is None:
            problems.append(unknown(key, by_name, omitted or {}))
            continue
        if value is None:
            continue
        if target.name in given:
            problems.append(ParamProblem(key, f"{key!r} and {given[target.name]!r} mean the same"))
            continue
        given[target.name] = key
        try:
            values[target.name] = convert(target.metadata["param"], value)
        except ValueError as error:
            problems.append(ParamProblem(key, f"{key!r}: {error}"))
    for item in fields(params_type):
        spec: ParamSpec = item.metadata["param"]
        if spec.required and item.name not in given:
            name = item.name.rstrip("_")
            problems.append(ParamProblem("", f"missing required parameter {name!r}"))
        elif item.name not in values and item.default is MISSING and item.default_factory is MISSING:
            values[item.name] = None
    if problems:
        return None, problems
    return params_type(**values), []


def unknown(name: str, known: Iterable[str], omitted: Mapping[str, str]) -> ParamProblem:
    """Return that there is no such parameter: why it was left out, or else the nearest name."""
    reason = omitted.get(name)
    hint = did_you_mean(name, known) if reason is None else f"it is left out: {reason}"
    return ParamProblem(name, f"unknown parameter {name!r}", hint)


def did_you_mean(word: str, known: Any) -> str | None:
    """Return `did you mean 'x'?` for the nearest known word, or None if none is near."""
    near = difflib.get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else None


def convert(spec: ParamSpec, value: Any) -> Any:
    """Return `value` as the declared kind, or raise ValueError saying what was expected."""
    if isinstance(value, bool) and spec.kind == "str":  # YAML's `no`, where a word was meant
        words = ("yes", "true", "on") if value else ("no", "false", "off")
        value = next((word for word in words if word in spec.choices), value)
    result = _CONVERTERS[spec.kind](value)
    if spec.choices:
        for one in result if spec.kind == "list" else (result,):
            # A line break may be given as `\n`, or as what a YAML text in double quotes makes of that.
            if one not in spec.choices and _escaped(one) not in spec.choices:
                hint = did_you_mean(one, spec.choices)
                raise ValueError(
                    f"must be one of {', '.join(spec.choices)}, not {one!r}" + (f"; {hint}" if hint else "")
                )
    return result


def _escaped(value: Any) -> Any:
    return value.replace("\r", r"\r").replace("\n", r"\n") if isinstance(value, str) else value


def _text(value: Any) -> str:
    """Return the text of a value; of a boolean `True` or `False`, as Ansible hands it to its modules."""
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError(f"must be text, not {_kind_of(value)}")


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError("must be a whole number, not a boolean")
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value.strip(), 10)
        except ValueError:
            pass
    raise ValueError(f"must be a whole number, not {value!r}")


def _number(value: Any) -> float:
    if not isinstance(value, bool) and isinstance(value, (int, float, str)):
        try:
            return float(value)
        except ValueError:
            pass
    raise ValueError(f"must be a number, not {value!r}")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"must be true or false, not {value!r}")


def _list(value: Any) -> tuple[Any, ...]:
    if isinstance(value, (list, tuple)):
        return tuple(item if isinstance(item, dict) else _text(item) for item in value)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return tuple(part.strip() for part in str(value).split(",") if part.strip())
    raise ValueError(f"must be a list, not {_kind_of(value)}")


def _dict(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    raise ValueError(f"must be a mapping, not {_kind_of(value)}")


def _mode(value: Any) -> str:
    """Accept `0644`, `644`, `0o644` and symbolic modes as text; a number is read digit by digit as octal."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"must be a file mode such as '0644' or 'u=rw,g=r', not {_kind_of(value)}")
    text = str(value).strip()
    digits = text.removeprefix("0o")
    if digits.isdigit():
        if set(digits) - set("01234567") or len(digits.lstrip("0")) > 4:
            raise ValueError(f"must be a file mode in octal digits, not {value!r}")
        return digits
    if not text or set(text) - set("ugoa+-=rwxXst,preserve"):
        raise ValueError(f"must be a file mode such as '0644' or 'u=rw,g=r', not {value!r}")
    return text


def _kind_of(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return repr(value)


_CONVERTERS: dict[str, Any] = {
    "str": _text,
    "int": _integer,
    "float": _number,
    "bool": _boolean,
    "list": _list,
    "dict": _dict,
    "mode": _mode,
    "raw": lambda value: value,
}
