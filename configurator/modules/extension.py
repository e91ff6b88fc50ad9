"""Modules of a project: one Python file, one module. Read on the controller, and on the hosts that use them.

Nothing is imported by name and no bytecode is written: what is run is exactly the text that was checked, and
that is what its digest says.
"""

from __future__ import annotations

import sys
import types
from dataclasses import fields, is_dataclass
from typing import Any

from configurator.modules.base import Module
from configurator.modules.params import ParamSpec

_NEEDED = ("subject", "effects", "observe", "desired")


class ExtensionError(Exception):
    """A file is no module; `line` is where, 0 for the file as a whole."""

    def __init__(self, message: str, line: int = 0, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.hint = hint


def load(name: str, source: bytes, path: str) -> Module[Any]:
    """Return the module that a file defines; ExtensionError says what is wrong with it.

    The file is run: it is a part of the project, as much trusted as its roles.
    """
    code = types.ModuleType(f"configurator_project.{name}")
    code.__file__ = path
    sys.modules[code.__name__] = code  # dataclasses look their module up to read annotations
    try:
        exec(compile(source, path, "exec", dont_inherit=True), code.__dict__)  # noqa: S102
    except SyntaxError as error:
        raise ExtensionError(f"bad syntax: {error.msg}", error.lineno or 0) from error
    except (Exception, SystemExit) as error:
        raise ExtensionError(
            f"cannot be read: {type(error).__name__}: {error}", _line(error, path)
        ) from error
    return _instance(name, code, path)


def _instance(name: str, code: types.ModuleType, path: str) -> Module[Any]:
    found = [
        item
        for item in vars(code).values()
        if isinstance(item, type) and issubclass(item, Module) and item.__module__ == code.__name__
    ]
    # A base that others of the file are made from is no module of its own.
    found = [
        one for one in dict.fromkeys(found) if not any(issubclass(o, one) for o in found if o is not one)
    ]
    if len(found) != 1:
        names = ", ".join(one.__name__ for one in found) or "none"
        raise ExtensionError(f"a file must define one subclass of Module, and this one has {names}")
    kind: type[Module[Any]] = found[0]
    if kind.__dict__.get("name", name) != name:
        message = f"this module calls itself {kind.__dict__['name']!r}, and its file {name!r}"
        raise ExtensionError(message, hint="leave `name` out: the file's name is the module's")
    kind.name = name
    missing = [verb for verb in _NEEDED if getattr(kind, verb) is getattr(Module, verb)]
    if missing:
        raise ExtensionError(f"{kind.__name__} does not define {', '.join(missing)}")
    _check_params(kind)
    try:
        return kind()
    except Exception as error:
        raise ExtensionError(f"{kind.__name__}() fails: {error}", _line(error, path)) from error


def _check_params(kind: type[Module[Any]]) -> None:
    params = getattr(kind, "params", None)
    if not isinstance(params, type) or not is_dataclass(params):
        raise ExtensionError(f"`params` of {kind.__name__} must be a dataclass")
    bare = [item.name for item in fields(params) if not isinstance(item.metadata.get("param"), ParamSpec)]
    if bare:
        raise ExtensionError(
            f"{params.__name__}.{bare[0]} is not declared as a parameter", hint='write `= param("str")`'
        )


def _line(error: BaseException, path: str) -> int:
    """Return the last line of the file in an error's traceback."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == path else line
        trace = trace.tb_next
    return line
