"""`lookup('env', ...)` and `lookup('file', ...)`: what an expression may read on the controller."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import jinja2
from jinja2 import pass_context
from jinja2.runtime import Context


def _env(_context: Context, name: str, options: dict[str, Any]) -> str:
    default = options.get("default", "")
    value = os.environ.get(name, default)
    if isinstance(default, jinja2.Undefined) and name not in os.environ:
        raise jinja2.UndefinedError(f"the environment variable {name!r} is not set")
    return str(value)


def _file(context: Context, name: str, options: dict[str, Any]) -> str:
    """Return a file's text, looked for in the role's files/, the role, the project's files/, the project."""
    folders = [context.resolve("role_path"), context.resolve("playbook_dir")]
    places = [os.path.expanduser(name)]
    if not os.path.isabs(places[0]):
        known = [folder for folder in folders if isinstance(folder, str)]
        places = [os.path.join(folder, part, name) for folder in known for part in ("files", "")]
    for place in places:
        if os.path.isfile(place):
            with open(place, encoding="utf-8") as file:
                text = file.read()
            text = text.rstrip() if options.get("rstrip", True) else text
            return text.lstrip() if options.get("lstrip", False) else text
    raise ValueError(f"lookup: there is no file {name!r}")


_LOOKUPS: dict[str, Callable[[Context, str, dict[str, Any]], str]] = {"env": _env, "file": _file}


def _values(context: Context, kind: str, names: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    kind = kind.removeprefix("ansible.builtin.")
    if kind not in _LOOKUPS:
        raise ValueError(f"lookup {kind!r} is not supported yet; there are {', '.join(_LOOKUPS)}")
    flat = [item for name in names for item in (name if isinstance(name, list) else [name])]
    return [_LOOKUPS[kind](context, str(name), options) for name in flat]


@pass_context
def lookup(context: Context, kind: str, *names: Any, **options: Any) -> Any:
    """Return what the lookup finds, several results joined with commas; `wantlist=True` for a list."""
    wantlist = options.pop("wantlist", False)
    found = _values(context, kind, names, options)
    return found if wantlist else ",".join(found)


@pass_context
def query(context: Context, kind: str, *names: Any, **options: Any) -> list[Any]:
    """Return what the lookup finds as a list."""
    return _values(context, kind, names, options)


GLOBALS: dict[str, Any] = {"lookup": lookup, "query": query, "q": query}
