"""replace: no text of a file matches an expression any more, since every match has been replaced.

Parameters are Ansible's. `^` and `$` match at every line, and `after` and `before` limit the part that is
looked at, in which `.` matches line ends too. A link is written through, to the file that it names. Where
this module differs: an encoding that cannot represent the file is an error, and a replacement that matches
again is told as a warning, since the next run will replace it once more.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import State
from configurator.modules.system import System
from configurator.modules.textfile import TextFile, decoded, expression_problems


@dataclass(frozen=True, slots=True)
class ReplaceParams:
    """The parameters of replace."""

    path: str = param("str", required=True, aliases=("dest", "destfile", "name"), path=True)
    regexp: str = param("str", required=True)
    replace: str = param("str", "")
    after: str | None = param("str")
    before: str | None = param("str")
    encoding: str = param("str", "utf-8")
    backup: bool = param("bool", False)
    validate: str | None = param("str")
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")


class Replace(TextFile):
    """See the module's docstring."""

    name: ClassVar[str] = "replace"
    params: ClassVar[type] = ReplaceParams

    def check(self, params: ReplaceParams) -> Sequence[ParamProblem]:
        problems = [*super().check(params), *expression_problems(params, "regexp", "after", "before")]
        if not problems:
            try:
                _section_pattern(params.after, params.before)
            except re.error as error:
                message = f"'after' and 'before' together are no regular expression: {error}"
                problems.append(ParamProblem("before", message))
        try:
            codecs.lookup(params.encoding)
        except LookupError:
            problems.append(ParamProblem("encoding", f"unknown encoding {params.encoding!r}"))
        return problems

    def observe(self, system: System, params: ReplaceParams) -> State:
        state = super().observe(system, params)
        if section(decoded(params, state["content"].data), params.after, params.before) is None:
            system.notice("'after' and 'before' do not match the file, so nothing is looked at")
        return state

    def edit(self, params: ReplaceParams, text: str) -> str:
        return replaced(text, params.regexp, params.replace, params.after, params.before)

    def told(self, params: ReplaceParams, old: str | None, new: str) -> dict[str, Any]:
        """Return `msg` in Ansible's words: how many replacements were made."""
        if old is None or old == new:
            return {"msg": ""}
        return {"msg": f"{count(old, params.regexp, params.after, params.before)} replacements made"}


def count(text: str, regexp: str, after: str | None = None, before: str | None = None) -> int:
    """Return how many matches `replaced` replaces."""
    start, end = section(text, after, before) or (0, 0)
    return sum(1 for _ in re.compile(regexp, re.MULTILINE).finditer(text[start:end]))


def replaced(text: str, regexp: str, new: str, after: str | None = None, before: str | None = None) -> str:
    """Return the text with every match replaced by `new`, in which `\\1` and `\\g<name>` are groups.

    Only what stands behind the first match of `after` and before the first one of `before` that follows is
    looked at; with `before` alone, what stands before its last match. Without these the text stays.
    """
    part = section(text, after, before)
    if part is None:
        return text
    start, end = part
    try:
        return text[:start] + re.compile(regexp, re.MULTILINE).sub(new, text[start:end]) + text[end:]
    except (re.error, IndexError) as error:
        raise ParameterError(f"'replace' cannot be filled from the match of 'regexp': {error}") from None


def section(text: str, after: str | None, before: str | None) -> tuple[int, int] | None:
    """Return where the part that is looked at starts and ends; None if the expressions do not match."""
    if not after and not before:
        return 0, len(text)
    match = _section_pattern(after, before).search(text)
    return None if match is None else match.span("subsection")


def _section_pattern(after: str | None, before: str | None) -> re.Pattern[str]:
    middle = ".*?" if after and before else ".*"
    return re.compile(f"{after or ''}(?P<subsection>{middle}){before or ''}", re.DOTALL)
