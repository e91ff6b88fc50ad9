"""Every error the project raises on purpose, as one tree that carries data.

    ConfiguratorError
    ├── InputError            what people wrote is wrong; nothing was touched            exit 1
    ├── RefusedError          we decline to start (no TTY and no --yes, lock held...)    exit 1
    ├── SandboxError          a disposable host cannot be had here                       exit 1
    ├── UnreachableError      the host cannot be reached or fell silent                  exit 4
    │   ├── HostKeyError      the host's key is unknown or has changed
    │   └── AuthenticationError
    ├── HostSetupError        reached, but cannot be worked on (sudo, python3, disk)     exit 3
    └── TaskError             one task failed; carries command, exit code, output        exit 3
        ├── ParameterError    a value only the host can judge is wrong
        ├── GuardError        a guarded change was undone
        └── BreakerOpenError  not tried: what it needs has failed too often

Nothing here composes prose for people: `report/` does that from the attributes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ConfiguratorError(Exception):
    """Base of every error raised on purpose; `exit_code` is what the command line ends with."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(ConfiguratorError):
    """Something that people wrote is wrong; `diagnostics` holds every problem found, in file order."""

    def __init__(self, message: str, diagnostics: Sequence[Any] = (), *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.diagnostics = tuple(diagnostics)


class RefusedError(ConfiguratorError):
    """The request is understood and declined before anything was touched."""


class SandboxError(ConfiguratorError):
    """A disposable host cannot be made, found or removed."""


class UnreachableError(ConfiguratorError):
    """The host cannot be reached, or stopped answering; what was under way there is unknown."""

    exit_code = 4

    def __init__(self, host: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.host = host


class HostKeyError(UnreachableError):
    """The host key is unknown, or differs from the one on record."""


class AuthenticationError(UnreachableError):
    """No offered credential was accepted."""


class HostSetupError(ConfiguratorError):
    """The host answered, but its agent cannot start: sudo refused, no python3, no space."""

    exit_code = 3

    def __init__(self, host: str, message: str, *, output: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.host = host
        self.output = output


class TaskError(ConfiguratorError):
    """A task failed. `command`, `exit_code` and `output` are set when a command was to blame.

    `outputs` are what the task returns all the same, for those that look at its result.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        command: Sequence[str] = (),
        exit_status: int | None = None,
        output: str = "",
        hint: str | None = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.command = tuple(command)
        self.exit_status = exit_status
        self.output = output
        self.outputs: Mapping[str, Any] = outputs or {}


class ParameterError(TaskError):
    """A value is wrong in a way that only the host could tell (an unknown user, a missing directory)."""


class GuardError(TaskError):
    """A guarded change cut our access, or could not be confirmed, and was undone."""


class BreakerOpenError(TaskError):
    """A call was not made, because what it needs kept failing; `breaker` is the name of its breaker.

    `retry_in_s` is how many seconds later a trial will be admitted; None if one is under way already.
    """

    def __init__(self, breaker: str, retry_in_s: float | None = None, *, hint: str | None = None) -> None:
        when = "while a trial is under way" if retry_in_s is None else f"for another {retry_in_s:.1f} s"
        super().__init__(f"the circuit breaker {breaker!r} is open {when}", hint=hint)
        self.breaker = breaker
        self.retry_in_s = retry_in_s
