"""ini_file: an option of an INI file has its values, or is not there; or a whole section is.

Parameters are those of community.general.ini_file. Where this module differs: of lines that could become
the option, one that counts is changed before one that is commented out; a value of several lines is refused,
since its lines would not be found again; blanks at the end of a value in the file make no difference. A
link is replaced by a file with the same owner and mode, unless `follow` is true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.attributes import described
from configurator.modules.inifile import IniEdit, edit
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import State
from configurator.modules.system import FileStat
from configurator.modules.textfile import TextFile

_CONDITION_KEYS = frozenset({"option", "value", "values"})


@dataclass(frozen=True, slots=True)
class IniFileParams:
    """The parameters of community.general.ini_file."""

    path: str = param("str", required=True, aliases=("dest",), path=True)
    section: str | None = param("str")
    section_has_values: tuple[Any, ...] = param("list")
    option: str | None = param("str")
    value: str | None = param("str")
    values: tuple[str, ...] = param("list")
    state: str = param("str", "present", choices=("present", "absent"))
    exclusive: bool = param("bool", True)
    allow_no_value: bool = param("bool", False)
    no_extra_spaces: bool = param("bool", False)
    ignore_spaces: bool = param("bool", False)
    modify_inactive_option: bool = param("bool", True)
    create: bool = param("bool", True)
    follow: bool = param("bool", False)
    backup: bool = param("bool", False)
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")


class IniFile(TextFile):
    """See the module's docstring."""

    name: ClassVar[str] = "ini_file"
    params: ClassVar[type] = IniFileParams

    def check(self, params: IniFileParams) -> Sequence[ParamProblem]:
        problems = [*super().check(params)]
        given = params.value is not None or bool(params.values)
        if params.section is None and params.option is None:
            problems.append(ParamProblem("", "one of 'section' and 'option' is required"))
        if params.value is not None and params.values:
            problems.append(ParamProblem("values", "'value' and 'values' exclude each other"))
        if given and params.option is None:
            problems.append(ParamProblem("option", "a value needs an 'option'"))
        if params.option is not None and params.state == "present" and not (given or params.allow_no_value):
            hint = "`allow_no_value: true` writes the option without one"
            problems.append(ParamProblem("value", f"no value for the option {params.option!r}", hint))
        for name in ("section", "option", "value", "values"):
            value = getattr(params, name)
            texts = value if isinstance(value, tuple) else (value or "",)
            if any({"\n", "\r"} & set(str(text).rstrip("\n")) for text in texts):
                problems.append(ParamProblem(name, f"{name!r} cannot have several lines"))
        if params.section_has_values and params.section is None:
            problems.append(ParamProblem("section_has_values", "'section_has_values' needs 'section'"))
        for one in params.section_has_values:
            if not isinstance(one, Mapping) or "option" not in one or set(one) - _CONDITION_KEYS:
                message = f"must be mappings with 'option' and 'value' or 'values', not {one!r}"
                problems.append(ParamProblem("section_has_values", f"'section_has_values' {message}"))
        return problems or _contradiction(params)

    def edit(self, params: IniFileParams, text: str) -> str:
        return edit(text, _edit(params))

    def outputs(self, params: IniFileParams, actual: State) -> dict[str, Any]:
        """Return Ansible's `path`, `mode`, `owner`, `size`..., and `backup_file`."""
        stat: FileStat | None = actual["stat"]
        out = {"path": params.path} | ({} if stat is None else described(stat))
        return out | super().outputs(params, actual)


def _contradiction(params: IniFileParams) -> list[ParamProblem]:
    """Return a problem if the task changes what it knows its section by: the next run would add another."""
    wanted = _edit(params)
    known = dict(wanted.section_has_values).get(wanted.option or "", ())
    if params.state == "absent" or not known or set(known) & set(wanted.values):
        return []
    message = f"the section is known by {wanted.option} = {', '.join(known)}, which the task changes"
    return [ParamProblem("section_has_values", message)]


def _edit(params: IniFileParams) -> IniEdit:
    values = params.values if params.value is None else (params.value,)
    return IniEdit(
        params.section,
        params.option,
        tuple(str(value).strip(" \t\n") for value in values) or ((None,) if params.allow_no_value else ()),
        params.state == "absent",
        params.exclusive,
        params.no_extra_spaces,
        params.ignore_spaces,
        params.modify_inactive_option,
        tuple((str(one["option"]), _values(one)) for one in params.section_has_values),
    )


def _values(condition: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values of one condition of `section_has_values`."""
    if condition.get("value") is not None:
        return (_text(condition["value"]),)
    values = condition.get("values") or ()
    return tuple(map(_text, values if isinstance(values, list | tuple) else (values,)))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
