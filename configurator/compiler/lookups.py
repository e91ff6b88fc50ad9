"""`lookup('file', ...)` and `query('file', ...)`: what an expression may read and run on the controller."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import jinja2
from jinja2 import pass_context, pass_environment
from jinja2.environment import Environment
from jinja2.runtime import Context

from configurator.compiler import lookups_files, lookups_lists, lookups_tables, lookups_values
from configurator.compiler.surroundings import Surroundings

Lookup = Callable[[Surroundings, Sequence[Any], dict[str, Any]], list[Any]]
_COLLECTIONS = ("ansible.builtin.", "community.general.")
_ERRORS = ("strict", "warn", "ignore")
# What Ansible has and we have not, with the reason.
LEFT_OUT = {
    "config": "Ansible's own settings are not read",
    "url": "an expression must not depend on the network; use the module uri or get_url",
}
LOOKUPS: Mapping[str, Lookup] = {
    **lookups_values.LOOKUPS,
    **lookups_files.LOOKUPS,
    **lookups_tables.LOOKUPS,
    **lookups_lists.LOOKUPS,
}


def found_by(
    kind: str, surroundings: Surroundings, terms: Sequence[Any], options: dict[str, Any]
) -> list[Any]:
    """Return all that a lookup finds; ValueError and the like say what is wrong."""
    short = kind
    for collection in _COLLECTIONS:
        short = short.removeprefix(collection)
    if short not in LOOKUPS:
        reason = LEFT_OUT.get(short, f"there are {', '.join(sorted(LOOKUPS))}")
        raise ValueError(f"lookup {kind!r} is not supported: {reason}")
    for term in terms:
        if isinstance(term, jinja2.Undefined):
            str(term)
    try:
        return LOOKUPS[short](surroundings, terms, options)
    except (ValueError, TypeError, OSError) as error:
        raise ValueError(f"lookup {kind!r}: {error}") from error


def _found(context: Context, kind: str, terms: Sequence[Any], options: dict[str, Any]) -> list[Any] | None:
    """Return all that is found; None if nothing can be and the caller does not mind."""
    from configurator.compiler.templating import EVALUATION_ERRORS, TemplatingError  # noqa: PLC0415  (a circle)

    errors = options.pop("errors", "strict")
    if errors not in _ERRORS:
        raise ValueError(f"lookup: errors must be one of {', '.join(_ERRORS)}, not {errors!r}")
    surroundings = Surroundings.of_template(context)
    if errors == "strict" or kind.rpartition(".")[2] not in LOOKUPS:
        return found_by(kind, surroundings, terms, options)
    try:
        return found_by(kind, surroundings, terms, options)
    except (*EVALUATION_ERRORS, TemplatingError) as error:
        # As in Ansible, what is not defined is an error all the same.
        if isinstance(error, jinja2.UndefinedError) or getattr(error, "undefined", False):
            raise
        return None


@pass_context
def lookup(context: Context, kind: str, *terms: Any, **options: Any) -> Any:
    """What is found: texts joined with commas, or the one thing, or the list; `wantlist` for a list."""
    wantlist = options.pop("wantlist", False)
    found = _found(context, kind, terms, options)
    if wantlist or found is None:
        return found if found is not None or not wantlist else []
    if found and all(isinstance(item, str) for item in found):
        return ",".join(found)
    return found[0] if len(found) == 1 else found


@pass_context
def query(context: Context, kind: str, *terms: Any, **options: Any) -> list[Any]:
    """What the lookup finds, as a list."""
    options.pop("wantlist", None)
    return _found(context, kind, terms, options) or []


def now(utc: bool = False, fmt: str | None = None) -> Any:
    """The time on the controller, as a point in time or in the format `fmt`."""
    moment = datetime.fromtimestamp(time.time(), UTC if utc else None).replace(tzinfo=None)
    return moment.strftime(fmt) if fmt else moment


@pass_environment
def undef(environment: Environment, hint: str | None = None) -> jinja2.Undefined:
    """A value that is not defined; `hint` is what is said where it is used."""
    return environment.undefined(hint=hint or "a variable that the role wants to be set")


GLOBALS: dict[str, Any] = {"lookup": lookup, "query": query, "q": query, "now": now, "undef": undef}
