"""`~` and `~user` at the beginning of a path: the home that they stand for on the host.

Root's is known without asking (base-passwd's `passwd.master`: /root). Any other stands in the host's account
database, and in a plan where an earlier task will put it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from configurator.core.errors import ParameterError
from configurator.modules.account_files import home_of
from configurator.modules.params import by_word, specs
from configurator.modules.state import UNKNOWN, UnknownState
from configurator.modules.system import System

_ROOTS = "/root"


def in_roots_home(
    params: type, raw: Mapping[str, Any], as_root: Callable[[], bool], but: str | None = None
) -> dict[str, Any]:
    """Return parameters in which paths into root's home are written out, and other homes are as they were.

    `as_root` says whether the task is done by root, so that a bare `~` is that home, too; it is asked only if
    there is such a path. `but` is a parameter that is left as it is.
    """
    words = _home_words(params, raw)
    if but is not None:
        words = [word for word in words if word != but]
    if not words:
        return dict(raw)
    names = ("root", "") if as_root() else ("root",)
    return _replaced(words, raw, lambda name: _ROOTS if name in names else None)


def on_host(params: type, raw: Mapping[str, Any], system: System) -> Mapping[str, Any]:
    """Return parameters in which no path begins with `~`.

    Raises ParameterError for a user that does not exist, and in a plan UnknownState for one whose home only
    the package knows that will bring it.
    """

    def home(name: str) -> str:
        user = name or str(system.fact("user_id") or "root")
        found = home_of(system, user)
        if found is UNKNOWN:
            raise UnknownState(f"the home of {user!r} is not known yet")
        if found is None:
            raise ParameterError(f"there is no user {user!r}, whose home `~{name}` means")
        return str(found)

    words = _home_words(params, raw)
    return _replaced(words, raw, home) if words else raw


def any_home(params: type, raw: Mapping[str, Any]) -> bool:
    """Return True if a path among the parameters begins with `~`."""
    return bool(_home_words(params, raw))


def _home_words(params: type, raw: Mapping[str, Any]) -> list[str]:
    """Return the given parameters that are paths, or lists with one, that begin with `~`."""
    likely = [word for word, value in raw.items() if any(text.startswith("~") for text in _texts(value))]
    if not likely:  # which is so for nearly all tasks
        return []
    declared = by_word(specs(params))
    return [word for word in likely if word in declared and declared[word].path]


def _replaced(
    words: Sequence[str], raw: Mapping[str, Any], home: Callable[[str], str | None]
) -> dict[str, Any]:
    def one(text: Any) -> Any:
        if not isinstance(text, str) or not text.startswith("~"):
            return text
        user, slash, rest = text[1:].partition("/")
        found = home(user)
        return text if found is None else found.rstrip("/") + slash + rest or "/"

    made = dict(raw)
    for word in words:
        value = raw[word]
        made[word] = [one(each) for each in value] if isinstance(value, list | tuple) else one(value)
    return made


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list | tuple) else [value]
    return [item for item in items if isinstance(item, str)]
