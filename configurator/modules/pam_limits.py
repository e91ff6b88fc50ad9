"""pam_limits: a limit of a user's or group's sessions is set in limits.conf(5).

Parameters are those of community.general.pam_limits. Where the same limit stands there several times, the
last line is the one that counts: it is changed, and the others go. A line that says the same is left as it
is, with its blanks and its comment. Open sessions keep the limits that they have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.modules.attributes import common_problems
from configurator.modules.params import ParamProblem, param
from configurator.modules.textfile import TextFile

_FILE = "/etc/security/limits.conf"
_TYPES = ("hard", "soft", "-")
_ITEMS = (
    *("core", "data", "fsize", "memlock", "nofile", "rss", "stack", "cpu", "nproc", "as", "maxlogins"),
    *("maxsyslogins", "priority", "locks", "sigpending", "msgqueue", "nice", "rtprio", "chroot"),
)
_NO_LIMIT = frozenset({"unlimited", "infinity", "-1"})
_SIGNED = frozenset({"nice", "priority"})  # from -20 to 19, where -1 is a number like any other


@dataclass(frozen=True, slots=True)
class PamLimitsParams:
    """The parameters of community.general.pam_limits."""

    domain: str = param("str", required=True)
    limit_type: str = param("str", required=True, choices=_TYPES)
    limit_item: str = param("str", required=True, choices=_ITEMS)
    value: str = param("str", required=True)
    use_max: bool = param("bool", False)
    use_min: bool = param("bool", False)
    path: str = param("str", _FILE, aliases=("dest",))
    comment: str = param("str", "")
    backup: bool = param("bool", False)

    # What other editors of files have, and this one has not.
    owner: ClassVar[None] = None
    group: ClassVar[None] = None
    mode: ClassVar[None] = None
    create: ClassVar[bool] = True

    @property
    def words(self) -> list[str]:
        """The limit's line without its value."""
        return [self.domain, self.limit_type, self.limit_item]


class PamLimits(TextFile):
    """See the module's docstring."""

    name: ClassVar[str] = "pam_limits"
    params: ClassVar[type] = PamLimitsParams

    def check(self, params: PamLimitsParams) -> Sequence[ParamProblem]:
        problems = common_problems(params)
        if not params.domain or params.domain.startswith("#") or len(params.domain.split()) != 1:
            hint = "a user, @group, %group, *, or a range of numbers such as 1000:2000"
            problems.append(ParamProblem("domain", f"{params.domain!r} is not one domain", hint))
        if params.limit_item != "chroot" and not _is_value(params.limit_item, params.value):
            words = "a number from -20 to 19" if params.limit_item in _SIGNED else "a number or `unlimited`"
            problems.append(ParamProblem("value", f"'value' must be {words}, not {params.value!r}"))
        if len(params.value.split()) != 1 or set(params.comment) & set("\r\n\0"):
            problems.append(ParamProblem("comment", "'value' must be one word, and 'comment' one line"))
        if params.use_max and params.use_min:
            problems.append(ParamProblem("use_min", "'use_max' and 'use_min' exclude each other"))
        return problems

    def edit(self, params: PamLimitsParams, text: str) -> str:
        """Return the text with the limit in the place of its last line, or at the end."""
        lines = text.split("\n")
        found = [number for number, line in enumerate(lines) if _words(line)[:3] == params.words]
        if not found:
            ending = "" if not text or text.endswith("\n") else "\n"
            return f"{text}{ending}{_line(params, params.value)}\n"
        old = [*_words(lines[found[-1]]), ""][3]
        value = _chosen(params, old)
        if value != old:
            lines[found[-1]] = _line(params, value)
        return "\n".join(line for number, line in enumerate(lines) if number not in found[:-1])


def _words(line: str) -> list[str]:
    return line.partition("#")[0].split()


def _line(params: PamLimitsParams, value: str) -> str:
    comment = f"\t#{params.comment}" if params.comment else ""
    return "\t".join([*params.words, value]) + comment


def _is_value(item: str, value: str) -> bool:
    if item in _SIGNED:
        return value.lstrip("-").isdecimal() and -20 <= int(value) <= 19
    return value in _NO_LIMIT or value.isdecimal()


def _chosen(params: PamLimitsParams, old: str) -> str:
    """Return the value that stays: with `use_max` and `use_min` the old one, if it goes further."""
    new = params.value
    if not (params.use_max or params.use_min) or not _is_value(params.limit_item, old):
        return new
    further = max if params.use_max else min
    return old if further((old, new), key=lambda value: _size(params.limit_item, value)) == old else new


def _size(item: str, value: str) -> float:
    return float("inf") if value in _NO_LIMIT and item not in _SIGNED else int(value)
