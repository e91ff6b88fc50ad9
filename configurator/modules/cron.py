"""cron: a job or a variable stands in a user's crontab or in a file of /etc/cron.d, or does not.

Parameters are those of ansible.builtin.cron. A job is known by the line `#Ansible: NAME` above it, so that
what Ansible made is taken over; a job that stands there word for word without that line gets it. All other
lines stay byte for byte. Users' crontabs are read and replaced by crontab(1), files as files (crontab(5)).

Differences, on purpose: time fields that cron would refuse are an error before anything is touched; `user` is
root where `cron_file` is given without it; with `backup` a user's old crontab is kept in /var/backups. A
crontab that is left without a line is removed, as is such a file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError
from configurator.modules import crontab_lines, crontab_store
from configurator.modules.attributes import clean
from configurator.modules.base import Module
from configurator.modules.cron_times import FIELDS, problem
from configurator.modules.crontab_store import Crontab
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_SPECIAL = ("reboot", "yearly", "annually", "monthly", "weekly", "daily", "hourly")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_READ_BY_CRON = re.compile(r"[A-Za-z0-9_-]+")  # cron(8): other names in /etc/cron.d are passed over


@dataclass(frozen=True, slots=True)
class CronParams:
    """The parameters of ansible.builtin.cron."""

    name: str = param("str", required=True)
    job: str | None = param("str", aliases=("value",))
    state: str = param("str", "present", choices=("present", "absent"))
    user: str | None = param("str")
    cron_file: str | None = param("str")
    minute: str = param("str", "*")
    hour: str = param("str", "*")
    day: str = param("str", "*", aliases=("dom",))
    month: str = param("str", "*")
    weekday: str = param("str", "*", aliases=("dow",))
    special_time: str | None = param("str", choices=_SPECIAL)
    disabled: bool = param("bool", False)
    env: bool = param("bool", False)
    insertafter: str | None = param("str")
    insertbefore: str | None = param("str")
    backup: bool = param("bool", False)

    @property
    def path(self) -> str | None:
        """The file, where it is not a user's crontab."""
        return None if self.cron_file is None else clean(posixpath.join("/etc/cron.d", self.cron_file))

    @property
    def line(self) -> str:
        """The line as it should stand in the crontab."""
        job = (self.job or "").strip("\r\n")
        if self.env:
            return f'{self.name}="{job}"'
        times = " ".join(getattr(self, field) for field in FIELDS)
        when = times if self.special_time is None else f"@{self.special_time}"
        who = f"{self.user or 'root'} " if self.cron_file is not None else ""
        return f"{'#' if self.disabled else ''}{when} {who}{job}"


class Cron(Module[CronParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "cron"
    params: ClassVar[type] = CronParams

    def check(self, params: CronParams) -> Sequence[ParamProblem]:
        problems = [
            ParamProblem(field, message)
            for field in FIELDS
            if (message := problem(field, getattr(params, field))) is not None
        ]
        if not params.name.strip() or set(params.name) & set("\r\n\0"):
            problems.append(ParamProblem("name", "'name' must be one line of text"))
        if params.env and not _VARIABLE.fullmatch(params.name):
            problems.append(ParamProblem("name", f"{params.name!r} is not the name of a variable"))
        if params.state == "present":
            problems += _job_problems(params)
        if params.special_time is not None and any(getattr(params, field) != "*" for field in FIELDS):
            problems.append(
                ParamProblem("special_time", "'special_time' and the time fields exclude each other")
            )
        if params.insertafter is not None and params.insertbefore is not None:
            problems.append(
                ParamProblem("insertbefore", "'insertafter' and 'insertbefore' exclude each other")
            )
        for field in ("insertafter", "insertbefore"):
            if getattr(params, field) is not None and not params.env:
                problems.append(ParamProblem(field, f"{field!r} is for variables: it needs 'env: true'"))
        if params.user is not None and (params.user.startswith("-") or set(params.user) & set(" \t\r\n\0:/")):
            problems.append(ParamProblem("user", f"{params.user!r} is not the name of an account"))
        if params.cron_file is not None and posixpath.basename(params.cron_file) in ("", ".", ".."):
            problems.append(ParamProblem("cron_file", f"{params.cron_file!r} is not the name of a file"))
        return problems

    def subject(self, params: CronParams) -> str:
        where = params.path or params.user or "root"
        return f"cron:{where}/{'env/' if params.env else ''}{params.name}"

    def effects(self, params: CronParams) -> Effects:
        writes = {self.subject(params)}
        reads = {"package:cron", f"user:{params.user or 'root'}"}
        if params.path is not None:
            writes.add(f"path:{params.path}")
            reads = {*path_keys(params.path)}
        return effects(reads=reads, writes=writes)

    def locks(self, params: CronParams) -> frozenset[str]:
        # Two edits of one crontab each read it, change their lines and write it whole: one would be lost.
        return frozenset({f"path:{params.path}" if params.path else f"crontab:{params.user or 'root'}"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: CronParams) -> State:
        crontab = _crontab(system, params)
        text = crontab.text or ""
        entry = crontab_lines.entry(text, params.name, env=params.env)
        state: State = {"text": text, "crontab": None if crontab.text is None else "present"}
        state |= {"entry": entry, "last line": "complete"}
        if not crontab_lines.is_complete(text):
            state["last line"] = "without its end, so that cron ignores the crontab"
        if params.state == "absent":
            return state
        # An anchor is needed only where the variable is not there yet.
        if entry is None and _edited(text, params) is None:
            anchor = params.insertafter or params.insertbefore
            known = ", ".join(crontab_lines.variables(text)) or "none"
            raise ParameterError(
                f"the variable {anchor!r} is not set in the crontab", hint=f"variables that are: {known}"
            )
        if params.path is not None:
            _warn_of_name(system, params.path)
        return state

    def desired(self, params: CronParams, actual: State) -> State:
        if params.state == "present":
            return {"entry": params.line, "last line": "complete"}
        wanted: State = {"entry": None}
        left = _edited(str(actual["text"]), params)
        ours = actual["entry"] is not None or params.path is not None
        if ours and actual["crontab"] is not None and not (left or "").strip():
            wanted["crontab"] = None
        return wanted

    def converge(self, system: System, params: CronParams, change: Change) -> State | None:
        crontab = _crontab(system, params)
        edited = _edited(crontab.text or "", params)
        backup = crontab.replace(system, None if "crontab" in change else edited or "", backup=params.backup)
        return {"backup_file": backup} if backup is not None else None

    def outputs(self, params: CronParams, actual: State) -> dict[str, Any]:
        """Return `jobs` and `envs`, the names in the crontab, and `backup_file` if one was made."""
        if not actual:
            return {}
        text = str(actual["text"])
        found: dict[str, Any] = {
            "jobs": crontab_lines.jobs(text),
            "envs": crontab_lines.variables(text),
            "state": params.state,
        }
        found |= {} if params.cron_file is None else {"cron_file": params.cron_file}
        return found | ({"backup_file": actual["backup_file"]} if "backup_file" in actual else {})


def _job_problems(params: CronParams) -> list[ParamProblem]:
    if params.job is None:
        return [ParamProblem("job", "'job' is required with 'state: present'")]
    job = params.job.strip("\r\n")
    if not job.strip() and not params.env:
        return [ParamProblem("job", "'job' must be a command")]
    if set(job) & set("\r\n\0"):
        hint = "join the commands with `&&`, or put them into a script"
        return [ParamProblem("job", "'job' must be one line", hint)]
    return []


def _crontab(system: System, params: CronParams) -> Crontab:
    if params.path is not None:
        return crontab_store.from_file(system, params.path)
    return crontab_store.of_user(system, params.user, needed=params.state == "present")


def _edited(text: str, params: CronParams) -> str | None:
    """Return the text as it should be; None if the variable's anchor is missing."""
    if params.state == "absent":
        return crontab_lines.drop(text, params.name, env=params.env)
    if not params.env:
        new = crontab_lines.put_job(text, params.name, params.line)
    else:
        placed = crontab_lines.put_variable(
            text, params.name, params.line, after=params.insertafter, before=params.insertbefore
        )
        if placed is None:
            return None
        new = placed
    return new if crontab_lines.is_complete(new) else new + "\n"


def _warn_of_name(system: System, path: str) -> None:
    directory, name = posixpath.split(path)
    if directory == "/etc/cron.d" and not _READ_BY_CRON.fullmatch(name):
        system.notice(
            f"cron passes over {path}: names in /etc/cron.d hold letters, digits, `_` and `-` alone (cron(8))"
        )
