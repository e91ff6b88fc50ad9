"""Privileges of a MariaDB or MySQL account: as tasks write them, and as SHOW GRANTS says them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from configurator.modules.mysql import identifier

Privileges = dict[str, tuple[str, ...]]  # `db.table`: sorted words; `GRANT` is the option to hand them on
_WORD = re.compile(r"([A-Z][A-Z _]*[A-Z])\s*(?:\((.*)\))?", re.DOTALL)
_SPOKEN = {"ALL PRIVILEGES": "ALL", "GRANT OPTION": "GRANT"}
_GRANT = re.compile(r"GRANT (.+?) ON ((?:FUNCTION |PROCEDURE |TABLE )?)(\*|`(?:[^`]|``)*`)\.(\*|`(?:[^`]|``)*`) TO (.*)", re.DOTALL)  # fmt: skip  # noqa: E501


def wanted(priv: Any) -> Privileges:
    """Return what `priv` asks for: `a.b:SELECT,INSERT/c.*:ALL`, or a mapping; ValueError names a mistake."""
    if isinstance(priv, Mapping):
        pairs = [(str(key), value) for key, value in priv.items()]
    else:
        pairs = []
        for part in str(priv).split("/"):
            place, colon, words = part.rpartition(":")
            if not colon:
                raise ValueError(f"{part!r} is not `database.table:PRIVILEGES`")
            pairs.append((place, words))
    found: Privileges = {}
    for place, words in pairs:
        text = ",".join(str(word) for word in words) if isinstance(words, (list, tuple)) else str(words)
        known = [_normal(word) for word in split(text)]
        name = _place(place)
        found[name] = merged([*found.get(name, ()), *(word for word in known if word != "USAGE")])
    return {name: words for name, words in found.items() if words}


def _place(place: str) -> str:
    words = [word.strip().strip("`") for word in place.strip().split(".", 1)]
    if len(words) != 2 or not all(words):
        raise ValueError(f"{place!r} is not `database.table`")
    return ".".join(words)


def _normal(word: str) -> str:
    found = _WORD.fullmatch(" ".join(word.split()).upper() if "(" not in word else _upper(word))
    if found is None:
        raise ValueError(f"{word!r} is no privilege")
    name = _SPOKEN.get(found[1].strip(), found[1].strip())
    if found[2] is None:
        return name
    columns = sorted(column.strip().strip("`") for column in found[2].split(","))
    return f"{name} ({', '.join(columns)})"


def _upper(word: str) -> str:
    before, bracket, columns = word.strip().partition("(")
    return " ".join(before.split()).upper() + bracket + columns


def split(text: str) -> list[str]:
    """Return the parts between commas that are in no brackets."""
    parts, depth, part = [], 0, ""
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth <= 0:
            parts.append(part)
            part = ""
        else:
            part += sign
    return [part.strip() for part in (*parts, part) if part.strip()]


def merged(words: Iterable[str]) -> tuple[str, ...]:
    """Return words sorted and once; ALL stands for all but the option to hand them on."""
    found = set(words)
    if "ALL" in found:
        found &= {"ALL", "GRANT"}
    return tuple(sorted(found))


def granted(lines: Iterable[str]) -> Privileges:
    """Return what SHOW GRANTS says; roles and proxies are left out."""
    found: Privileges = {}
    for line in lines:
        match = _GRANT.fullmatch(line)
        if match is None or match[2].strip() in ("FUNCTION", "PROCEDURE"):
            continue
        place = ".".join(_unquoted(match[number]) for number in (3, 4))
        words = [_normal(word) for word in split(match[1])]
        if "WITH GRANT OPTION" in _after_account(match[5]):
            words.append("GRANT")
        words = [word for word in words if word != "USAGE"]
        if words:
            found[place] = merged([*found.get(place, ()), *words])
    return found


def _after_account(text: str) -> str:
    """Return what follows the account, whose name may have any words in it."""
    return re.sub(r"`(?:[^`]|``)*`|'(?:[^'\\]|''|\\.)*'", "", text)


def _unquoted(name: str) -> str:
    return name if name == "*" else name[1:-1].replace("``", "`")


def statements(before: Privileges, after: Privileges, account: str) -> list[str]:
    """Return what leads from one to the other; what is new is granted first."""
    given, taken = [], []
    for place in sorted({*before, *after}):
        old, new = set(before.get(place, ())), set(after.get(place, ()))
        if "ALL" in old and "ALL" not in new:
            taken.append(f"REVOKE ALL PRIVILEGES ON {_quoted(place)} FROM {account}")
            old -= {"ALL"}
            given_late = sorted(new - {"GRANT"})
            taken += _grant(given_late, place, account, "")
            new -= set(given_late)
            old -= set(given_late)
        gone = sorted(old - new - (set() if "ALL" not in new else old - {"GRANT"}))
        more = sorted(new - old)
        option = " WITH GRANT OPTION" if "GRANT" in more else ""
        given += _grant([word for word in more if word != "GRANT"], place, account, option)
        if option and more == ["GRANT"]:
            given.append(f"GRANT USAGE ON {_quoted(place)} TO {account}{option}")
        if gone:
            taken.append(f"REVOKE {', '.join(map(_sql, gone))} ON {_quoted(place)} FROM {account}")
    return given + taken


def _grant(words: list[str], place: str, account: str, option: str) -> list[str]:
    if not words:
        return []
    return [f"GRANT {', '.join(map(_sql, words))} ON {_quoted(place)} TO {account}{option}"]


def _sql(word: str) -> str:
    name, bracket, columns = word.partition(" (")
    if not bracket:
        return {"ALL": "ALL PRIVILEGES", "GRANT": "GRANT OPTION"}.get(word, word)
    return f"{name} ({', '.join(identifier(column) for column in columns[:-1].split(', '))})"


def _quoted(place: str) -> str:
    database, _, table = place.partition(".")
    return ".".join("*" if word == "*" else identifier(word) for word in (database, table))
