"""File modes, octal and symbolic, as chmod(1) and Ansible read them."""

from __future__ import annotations

import re

_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=][rwxXst]*|[-+=][ugo])+)\Z")
_ACTION = re.compile(r"([-+=])([ugo]|[rwxXst]*)")
_SHIFT = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}


def apply_mode(spec: str, current: int, is_dir: bool) -> int:
    """Return the mode that `spec` makes of `current` (the 12 permission bits); ValueError if it is no mode.

    The umask plays no part, as in Ansible: `+x` means `a+x`.
    """
    text = spec.strip().removeprefix("0o")
    if text.isdigit():
        return int(text, 8) & 0o7777
    mode = current
    for clause in text.split(","):
        found = _CLAUSE.match(clause)
        if found is None:
            raise ValueError(f"{spec!r} is no file mode")
        who = "ugo" if not found[1] or "a" in found[1] else found[1]
        for operator, letters in _ACTION.findall(found[2]):
            mode = _apply(mode, who, operator, letters, is_dir)
    return mode


def _apply(mode: int, who: str, operator: str, letters: str, is_dir: bool) -> int:
    bits, affected = 0, 0
    for one in dict.fromkeys(who):
        shift = _SHIFT[one]
        affected |= 7 << shift
        bits |= _permissions(mode, letters, is_dir) << shift
        if one == "u":
            affected |= 0o4000
            bits |= 0o4000 if "s" in letters else 0
        elif one == "g":
            affected |= 0o2000
            bits |= 0o2000 if "s" in letters else 0
    if "o" in who or len(set(who)) == 3:
        affected |= 0o1000
        bits |= 0o1000 if "t" in letters else 0
    if operator == "+":
        return mode | bits
    if operator == "-":
        return mode & ~bits
    # GNU chmod keeps a directory's set-id bits unless they are named (chmod(1), SETUID AND SETGID BITS).
    kept = mode & 0o6000 if is_dir and "s" not in letters else 0
    return (mode & ~affected) | bits | (kept & affected)


def _permissions(mode: int, letters: str, is_dir: bool) -> int:
    if letters in ("u", "g", "o"):
        return (mode >> _SHIFT[letters]) & 7
    bits = 0
    for letter in letters:
        bits |= _BITS.get(letter, 0)
    if "X" in letters and (is_dir or mode & 0o111):
        bits |= 1
    return bits
