"""The lookup `password`: a password that is made once, and kept in a file on the controller.

A plan writes nothing: what it makes is kept in memory, and written by the apply that follows in the same run.
"""

from __future__ import annotations

import os
import random
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from configurator.compiler.filters_hashes import SCHEMES, password_hash, salt_for
from configurator.compiler.lookups_values import flat, only
from configurator.compiler.surroundings import Kept, Surroundings, write_private

_OPTIONS = ("length", "encrypt", "ident", "chars", "seed")
_LENGTH = 20
_CHARS = ("ascii_letters", "digits", ".,:-_")
_MOST = 100_000  # characters of a password
_HIDDEN = 4  # a shorter one would blank half of what is shown
_NOWHERE = "/dev/null"  # Ansible's way to say that the password is not kept
_FIELD = re.compile(r" (salt|ident)=(\S+)(?= salt=| ident=|$)")


def password(around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """The password in a file on the controller, made if need be of `length` characters among `chars`."""
    only(options, *_OPTIONS)
    found = []
    for term in flat(terms):
        name, wish = _read_term(str(term), options)
        path = os.path.join(around.root, os.path.expanduser(name))
        kept = around.kept()
        with kept.lock:
            plain, shown = _of_file(os.path.normpath(path), wish, kept)
        around.hide({text for text in (plain, shown) if len(text) >= _HIDDEN})
        found.append(shown)
    return found


def _read_term(term: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the path, and the options that follow it."""
    found = dict(options)
    words = term.split(" ")
    while len(words) > 1 and "=" in words[-1]:
        name, _, value = words.pop().partition("=")
        only({name: value}, *_OPTIONS)
        found.setdefault(name, value)
    if not " ".join(words).strip():
        raise ValueError(f"the path of the file is missing in {term!r}")
    return " ".join(words).strip(), found


def _of_file(path: str, wish: Mapping[str, Any], kept: Kept) -> tuple[str, str]:
    """Return the password, and as it is asked for: hashed or not."""
    content = None if path == _NOWHERE else kept.pending.get(path) or _content(path)
    plain, fields = _read_content(content) if content is not None else (_made(wish), {})
    kind = wish.get("encrypt")
    shown = plain
    if kind:
        if kind not in SCHEMES:
            raise ValueError(f"encrypt must be one of {', '.join(SCHEMES)}, not {kind!r}")
        fields.setdefault("salt", salt_for(str(kind), None, wish.get("seed")))
        ident = wish.get("ident") or fields.get("ident")
        if SCHEMES[kind][0] == "bcrypt":
            fields["ident"] = ident = ident or "2b"
        shown = password_hash(plain, str(kind), fields["salt"], ident=ident)
    written = plain + "".join(f" {name}={value}" for name, value in fields.items())
    if path != _NOWHERE and written != (content or "").rstrip("\n"):
        if kept.writes:
            write_private(path, written + "\n")
        else:
            kept.pending[path] = written + "\n"
    return plain, shown


def _content(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _read_content(text: str) -> tuple[str, dict[str, str]]:
    text = text.rstrip("\n")
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        fields[name] = value
    return _FIELD.sub("", text), fields


def _made(wish: Mapping[str, Any]) -> str:
    length = wish.get("length", _LENGTH)
    if not str(length).isdecimal() or int(length) > _MOST:
        raise ValueError(f"length must be a number of characters, not {length!r}")
    letters = _letters(wish.get("chars", _CHARS))
    seed = wish.get("seed")
    # Only with a seed, which asks for the same password each time, it can be foreseen.
    chance = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311
    return "".join(chance.choice(letters) for _ in range(int(length)))


def _letters(wish: Any) -> str:
    """Return the characters to choose from: names of Python's `string`, and characters as they are."""
    if isinstance(wish, str):
        parts = [part for part in wish.replace(",,", ",").split(",") if part]
        if ",," in wish:
            parts.insert(0, ",")
    else:
        parts = [str(part) for part in wish]
    found = "".join(str(getattr(string, part)) if part in _KNOWN else part for part in parts)
    if not found:
        raise ValueError("chars names no characters")
    return found.replace('"', "").replace("'", "")


_KNOWN = (
    "ascii_letters",
    "ascii_lowercase",
    "ascii_uppercase",
    "digits",
    "hexdigits",
    "octdigits",
    "punctuation",
)
