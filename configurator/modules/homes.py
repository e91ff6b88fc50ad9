"""`~` and `~user` at the beginning of a path: the home that they stand for on the host.

Root's is known without asking (base-passwd's `passwd.master`: /root). Any other stands in the host's account
database, and in a plan where an earlier task will put it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from configurator.core.errors import ParameterError
from configurator.modules.account_files import home_of
from configurator.modules.params import ParamSpec, by_word
from configurator.modules.state import UNKNOWN, UnknownState
from configurator.modules.system import System

_ROOTS = "/root"


def in_roots_home(specs: Mapping[str, ParamSpec], raw: Mapping[str, Any], *, as_root: bool) -> dict[str, Any]:
    """Return parameters in which paths into root's home are written out, and other homes are as they were.

    `as_root` says that the task is done by root, so that a bare `~` is that home, too.
    """
    names = ("root", "") if as_root else ("root",)
    return _replaced(specs, raw, lambda name: _ROOTS if name in names else None)


def on_host(specs: Mapping[str, ParamSpec], raw: Mapping[str, Any], system: System) -> Mapping[str, Any]:
    """Return parameters in which no path begins with `~`.

    Raises ParameterError for a user that does not exist, and in a plan UnknownState for one whose home only
    the package knows that will bring it.
    """
    if not any_home(specs, raw):
        return raw

    def home(name: str) -> str:
        user = name or str(system.fact("user_id") or "root")
        found = home_of(system, user)
        if found is UNKNOWN:
            raise UnknownState(f"the home of {user!r} is not known yet")
        if found is None:
            raise ParameterError(f"there is no user {user!r}, whose home `~{name}` means")
        return str(found)

    return _replaced(specs, raw, home)


def any_home(specs: Mapping[str, ParamSpec], raw: Mapping[str, Any]) -> bool:
    """Return True if a path among the parameters begins with `~`."""
    likely = [word for word, value in raw.items() if any(text.startswith("~") for text in _texts(value))]
    words = by_word(specs) if likely else {}
    return any(word in words and words[word].path for word in likely)


def _replaced(
    specs: Mapping[str, ParamSpec], raw: Mapping[str, Any], home: Callable[[str], str | None]
) -> dict[str, Any]:
    words = by_word(specs)

    def one(text: Any) -> Any:
        if not isinstance(text, str) or not text.startswith("~"):
            return text
        user, slash, rest = text[1:].partition("/")
        found = home(user)
        return text if found is None else found.rstrip("/") + slash + rest or "/"

    return {
        word: (
            value
            if word not in words or not words[word].path
            else [one(each) for each in value]
            if isinstance(value, list | tuple)
            else one(value)
        )
        for word, value in raw.items()
    }


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list | tuple) else [value]
    return [item for item in items if isinstance(item, str)]
