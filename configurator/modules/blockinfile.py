"""blockinfile: a block of lines between two marker lines is in a file, or no such block is.

Parameters are those of Ansible's module, and so are the markers, so that a block it wrote is taken over. A
link is written through, to the file that it names. Where this module differs: `state: absent` on a missing
file is fine and removes every block with these markers; a marker line without its partner is left alone,
with a warning, while Ansible takes all that stands between; markers that could not be found again (without
`{mark}`, of several lines, or also in the block's own text) are refused; a block in a file with CRLF line
endings has them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.blocks import Block, edit, unpaired
from configurator.modules.params import ParamProblem, param
from configurator.modules.textfile import TextFile, exclusive, expression_problems

_MARK = "{mark}"


@dataclass(frozen=True, slots=True)
class BlockInFileParams:
    """The parameters of blockinfile."""

    path: str = param("str", required=True, aliases=("dest", "destfile", "name"), path=True)
    block: str = param("str", "", aliases=("content",))
    state: str = param("str", "present", choices=("present", "absent"))
    marker: str = param("str", "# {mark} ANSIBLE MANAGED BLOCK")
    marker_begin: str = param("str", "BEGIN")
    marker_end: str = param("str", "END")
    insertafter: str | None = param("str")
    insertbefore: str | None = param("str")
    prepend_newline: bool = param("bool", False)
    append_newline: bool = param("bool", False)
    create: bool = param("bool", False)
    backup: bool = param("bool", False)
    validate: str | None = param("str")
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")


class BlockInFile(TextFile):
    """See the module's docstring."""

    name: ClassVar[str] = "blockinfile"
    params: ClassVar[type] = BlockInFileParams

    def check(self, params: BlockInFileParams) -> Sequence[ParamProblem]:
        problems = [*super().check(params), *exclusive(params, "insertafter", "insertbefore")]
        problems += expression_problems(params, "insertafter", "insertbefore")
        block = _block(params)
        if _MARK not in params.marker:
            problems.append(ParamProblem("marker", f"'marker' must contain {_MARK}"))
        elif not (block.begin.strip() and block.end.strip()):
            problems.append(ParamProblem("marker", "a marker line cannot be empty"))
        elif block.begin == block.end:
            problems.append(ParamProblem("marker_end", "'marker_begin' and 'marker_end' must differ"))
        elif "\n" in block.begin + block.end or "\r" in block.begin + block.end:
            problems.append(
                ParamProblem("marker", "a marker is one line, and so cannot contain a line break")
            )
        elif {block.begin, block.end} & set(block.lines):
            problems.append(
                ParamProblem(
                    "block", "the block contains its own marker line", "choose another one with `marker`"
                )
            )
        return problems

    def edit(self, params: BlockInFileParams, text: str) -> str:
        return edit(text, _block(params))

    def told(self, params: BlockInFileParams, old: str | None, new: str) -> dict[str, Any]:
        """Return `msg` in Ansible's words."""
        if old == new:
            return {"msg": ""}
        if not _block(params).lines:
            return {"msg": "Block removed"}
        return {"msg": "File created" if old is None else "Block inserted"}

    def remarks(self, params: BlockInFileParams, edited: str) -> Sequence[str]:
        lonely = unpaired(edited, _block(params))
        if not lonely:
            return ()
        lines = "line" if lonely == 1 else "lines"
        return (f"{lonely} marker {lines} without a partner left as they are in {params.path}",)


def _block(params: BlockInFileParams) -> Block:
    text = params.block if params.state == "present" else ""
    lines = tuple(line.rstrip("\r") for line in text.removesuffix("\n").split("\n")) if text else ()
    return Block(
        params.marker.replace(_MARK, params.marker_begin),
        params.marker.replace(_MARK, params.marker_end),
        lines,
        params.insertafter,
        params.insertbefore,
        params.prepend_newline,
        params.append_newline,
    )
