"""Access lists as acl(5) defines them: read, and edited as setfacl(1) would. Pure; nothing is asked here.

A list maps (tag, qualifier) to permissions such as `r-x`. The tags are `user`, `group`, `mask` and `other`;
the qualifier is "" but for named users and groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Acl: TypeAlias = dict[tuple[str, str], str]

USER, GROUP, MASK, OTHER = ("user", ""), ("group", ""), ("mask", ""), ("other", "")
BASE = (USER, GROUP, OTHER)
DEFAULT = "default:"
TAGS = {
    word: tag for tag in ("user", "group", "mask", "other") for word in (tag, tag[0])
} | {"others": "other"}  # fmt: skip
_ORDER = ("user", "group", "mask", "other")
_ESCAPE = re.compile(r"\\(\\|[0-7]{3})")
_LINE = re.compile(r"(user|group|mask|other):([^:]*):([r-][w-][x-])")


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry that is to be there with its permissions, or (None) not to be there.

    `permissions` are out of `rwxX`. `recalculate` is `default`, `mask` or `no_mask`, as setfacl(1) has it.
    """

    entry: tuple[str, str]
    permissions: str | None
    default: bool = False
    recalculate: str = "default"


class BareMaskError(ValueError):
    """The mask cannot go while there are named users or groups."""


def unescaped(text: str) -> str:
    """Return a name as it is; getfacl(1) doubles a backslash and prints odd bytes in octal after one."""
    return _ESCAPE.sub(lambda found: "\\" if found[1] == "\\" else chr(int(found[1], 8)), text)


def parsed(text: str) -> tuple[Acl, Acl]:
    """Return the access list and the default list out of what getfacl(1) prints; other lines mean nothing."""
    access, default = Acl(), Acl()
    for line in text.splitlines():
        inherited = line.startswith(DEFAULT)
        found = _LINE.match(line.removeprefix(DEFAULT))
        if found is not None:
            (default if inherited else access)[found[1], unescaped(found[2])] = found[3]
    return access, default


def lines(acl: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    """Return a list's entries as text, in the order of getfacl(1), but names in that of the alphabet."""
    order = sorted(acl, key=lambda entry: (_ORDER.index(entry[0]), entry[1]))
    return tuple(f"{tag}:{name}:{acl[tag, name]}" for tag, name in order)


def of_mode(mode: int) -> Acl:
    """Return the list that the permission bits of a file mean."""
    return {entry: _letters(mode >> shift) for entry, shift in zip(BASE, (6, 3, 0), strict=True)}


def with_mode(acl: Acl, mode: int) -> Acl:
    """Return the list as the mode has it: the bits of the group are those of the mask, if there is one."""
    bits = of_mode(mode)
    group = MASK if MASK in acl else GROUP
    return acl | {USER: bits[USER], group: bits[GROUP], OTHER: bits[OTHER]}


def mode_of(acl: Acl, mode: int) -> int:
    """Return the mode that a file has with this list; all but the permission bits is kept."""
    bits = (acl[USER], acl.get(MASK, acl[GROUP]), acl[OTHER])
    return mode & 0o7000 | sum(_number(perms) << shift for perms, shift in zip(bits, (6, 3, 0), strict=True))


def edited(access: Acl, default: Acl, edit: Edit, *, directory: bool) -> tuple[Acl, Acl]:
    """Return both lists after an edit, as setfacl(1) leaves them.

    BareMaskError if the list would have named entries but no mask.
    """
    old = default if edit.default else access
    new = dict(old)
    if edit.permissions is None:
        if edit.entry not in new:
            return access, default
        del new[edit.entry]
    else:
        runnable = directory or any("x" in perms for perms in old.values())
        new[edit.entry] = resolved(edit.permissions, runnable=runnable)
    if edit.default:
        new = {entry: access[entry] for entry in BASE} | new
    new = _masked(new, edit)
    return (access, new) if edit.default else (new, default)


def resolved(permissions: str, *, runnable: bool) -> str:
    """Return permissions as three letters; `X` stands for `x` where the file can be run or entered."""
    has = set(permissions) | ({"x"} if "X" in permissions and runnable else set())
    return "".join(letter if letter in has else "-" for letter in "rwx")


def _masked(acl: Acl, edit: Edit) -> Acl:
    named = any(name for _, name in acl)
    if edit.permissions is None and edit.entry == MASK:
        if named:
            raise BareMaskError
        return acl
    if not named and MASK not in acl:
        return acl
    # A mask that somebody asks for stays; any other is to hide nothing.
    computed = edit.recalculate == "mask" or (edit.recalculate == "default" and edit.entry != MASK)
    if not computed:
        return {MASK: acl[GROUP]} | acl
    return acl | {MASK: union(perms for entry, perms in acl.items() if entry == GROUP or entry[1])}


def union(permissions: Iterable[str]) -> str:
    """Return all the permissions that one or another grants."""
    return resolved("".join(permissions), runnable=False)


def _letters(number: int) -> str:
    return "".join(letter if number & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))


def _number(perms: str) -> int:
    return sum(bit for letter, bit in (("r", 4), ("w", 2), ("x", 1)) if letter in perms)
