"""template: a file rendered from a template on the controller; on the host it is a copy.

The parameters that concern rendering stay on the controller. `trim_blocks` and `lstrip_blocks` have
Ansible's defaults, which are not Jinja's. In a `dest` that is a directory the file has the name that `src`
has, as in Ansible also with `.j2`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from configurator.modules.attributes import common_problems
from configurator.modules.copy import Copy
from configurator.modules.params import ParamProblem, ParamSpec, param


@dataclass(frozen=True, slots=True)
class TemplateParams:
    """The parameters of template."""

    dest: str = param("str", required=True, path=True)
    src: str | None = param("str", on_controller=True)
    content: Any = field(default=None, metadata={"param": ParamSpec("raw")})
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")
    backup: bool = param("bool", False)
    force: bool = param("bool", True)
    validate: str | None = param("str")
    follow: bool = param("bool", False)
    newline_sequence: str = param("str", "\\n", choices=("\\n", "\\r", "\\r\\n"), on_controller=True)
    trim_blocks: bool = param("bool", True, on_controller=True)
    lstrip_blocks: bool = param("bool", False, on_controller=True)
    block_start_string: str = param("str", "{%", on_controller=True)
    block_end_string: str = param("str", "%}", on_controller=True)
    variable_start_string: str = param("str", "{{", on_controller=True)
    variable_end_string: str = param("str", "}}", on_controller=True)
    comment_start_string: str | None = param("str", on_controller=True)
    comment_end_string: str | None = param("str", on_controller=True)
    output_encoding: str = param("str", "utf-8", on_controller=True)
    _original_basename: str | None = param("str")

    # What copy has and template has not.
    remote_src: ClassVar[bool] = False
    checksum: ClassVar[str | None] = None
    directory_mode: ClassVar[str | None] = None


class Template(Copy):
    """See the module's docstring."""

    name: ClassVar[str] = "template"
    params: ClassVar[type] = TemplateParams
    omitted: ClassVar[Mapping[str, str]] = {}

    def check(self, params: Any) -> Sequence[ParamProblem]:
        problems = common_problems(params, path="dest", preserve=True)
        if params.content is None and params.src is None:
            problems.append(ParamProblem("", "missing required parameter 'src'"))
        return problems
