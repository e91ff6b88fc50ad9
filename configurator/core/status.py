"""The closed sets of words for how a task stands and why it did not run."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """How a task stands in the engine; `str()` of a member is the word that people read."""

    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """True once the status can no longer change."""
        return self in _FINISHED


_FINISHED = frozenset({Status.SUCCESS, Status.FAILED, Status.TIMEOUT, Status.SKIPPED, Status.CANCELLED})


class Outcome(StrEnum):
    """How one task of one host ended, in the words of the summary and of the JSON output."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNREACHABLE = "unreachable"


class SkipReason(StrEnum):
    """Why a task was not run; every `skipped` carries one of these and its cause."""

    REQUIREMENT_FAILED = "requirement_failed"
    REQUIREMENT_SKIPPED = "requirement_skipped"
    FAIL_FAST = "fail_fast"
    LOCK_LEAKED = "lock_leaked"
    BREAKER_OPEN = "breaker_open"
    DEADLOCK = "deadlock"
    CONDITION_FALSE = "condition_false"
    NOT_NOTIFIED = "not_notified"
    NOTHING_FAILED = "nothing_failed"
    NOT_SUPPORTED_HERE = "not_supported_here"
