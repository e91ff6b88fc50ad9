"""What the compiler hands to a host: concrete tasks, as values that travel as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

INLINE_BYTES = 8192  # larger contents travel by digest, and only when the host asks for them
Held: TypeAlias = "bytes | Path"  # a content that the controller holds: itself, or the file to read it from


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One concrete task of one host: nothing is left to be looked up or rendered.

    `requires` and `after` hold task ids. A task with `barrier` does nothing and only orders others.
    `notify` holds the ids of the handlers to run if the task changes something. File contents stand in
    `params` as text, as `{"$base64": "..."}` or as `{"$blob": sha256}`, see modules/content.py.
    `locks` are taken besides the module's own. Where a task is `fatal`, its failure stops all hosts: the
    controller sees to that. A task that is `guarded` is undone unless we can log in again after it: what its
    `guards` name (files as `path:NAME`, units as `unit:NAME`) and the host's packet rules are put back.

    Of a task that is `late` the controller says what it is when it is about to start. What a task has found
    out is sent if it is to `tell`. `changed_when` and `failed_when` overrule what the module says; with
    `judged` the controller does, which also says whether to try again, `attempts` times in all.
    A task does not run if one of `unless_failed` has failed, or none of `if_failed`. A failure that is to
    `hold` does not end the run: the end of its block, which has `group`, decides. It is `rescued` if the
    block has a rescue.
    """

    id: str
    role: str
    name: str
    module: str
    params: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    handler: bool = False
    barrier: bool = False
    locks: tuple[str, ...] = ()
    become_user: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    no_log: bool = False
    ignore_errors: bool = False
    ignore_unreachable: bool = False
    check_mode: bool | None = None
    critical: bool = False
    timeout_s: float | None = None
    skip: str | None = None  # a condition that was false when the task was compiled, as people read it
    position: str = ""
    late: bool = False
    tell: bool = False
    changed_when: bool | None = None
    failed_when: bool | None = None
    judged: bool = False
    attempts: int = 1
    delay_s: float = 5.0
    unless_failed: tuple[str, ...] = ()
    if_failed: tuple[str, ...] = ()
    hold: bool = False
    rescued: bool = False
    group: Mapping[str, Any] = field(default_factory=dict)
    doubt: str | None = None
    diff: bool = True
    delegate_to: str | None = None
    throttle: int = 0
    fatal: bool = False
    guarded: bool = False
    guards: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object; fields that hold their default are left out."""
        out: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if value not in _DEFAULTS.get(item.name, (_MISSING,)):
                out[item.name] = list(value) if isinstance(value, tuple) else value
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TaskSpec:
        """Return the task that `to_json` described; TypeError or KeyError means malformed data."""
        values: dict[str, Any] = {
            key: tuple(value) if key in _TUPLES else value for key, value in data.items()
        }
        return cls(**values)


_MISSING = object()
_TUPLES = frozenset({"requires", "after", "notify", "locks", "unless_failed", "if_failed", "guards"})
_DEFAULTS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(_TUPLES, ((),)),
    **dict.fromkeys(("params", "environment", "group"), ({},)),
    **dict.fromkeys(
        (
            "handler",
            "barrier",
            "no_log",
            "ignore_errors",
            "ignore_unreachable",
            "critical",
            "fatal",
            "guarded",
            "late",
            "tell",
            "judged",
            "hold",
            "rescued",
        ),
        (False,),
    ),
    **dict.fromkeys(
        (
            "become_user",
            "check_mode",
            "timeout_s",
            "skip",
            "changed_when",
            "failed_when",
            "doubt",
            "delegate_to",
        ),
        (None,),
    ),
    "position": ("",),
    "attempts": (1,),
    "delay_s": (5.0,),
    "diff": (True,),
    "throttle": (0,),
}


@dataclass(frozen=True, slots=True)
class HostGraph:
    """Everything one host is asked to do, in declared order, and the contents it may ask for by sha256.

    `modules` are the project's own that it needs for that: the sha256 of their sources, which are in `blobs`.
    """

    tasks: tuple[TaskSpec, ...]
    blobs: Mapping[str, Held] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()  # texts that must never be shown; not sent to the host
    modules: Mapping[str, str] = field(default_factory=dict)
