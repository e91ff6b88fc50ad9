"""A fake app: the command line is tested without SSH, with the events of a real run."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import configurator.app
from configurator.core.run_events import HostSummary, RunEvent, RunFinished, Sink
from tests.unit.report import stream


@dataclass
class FakeApp:
    """What the app is asked for, and what it answers."""

    plan_events: list[RunEvent] = field(default_factory=stream.plan_run)
    apply_events: list[RunEvent] = field(default_factory=stream.one_host_run)
    error: BaseException | None = None
    error_after: int = 0
    calls: list[str] = field(default_factory=list)
    options: list[Any] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)

    def plan(
        self,
        options: Any,
        sink: Sink,
        *,
        prompt: Callable[[str], str | None] | None = None,
        ask: Callable[..., str | None] | None = None,
    ) -> int:
        self.calls.append("plan")
        self.options.append(options)
        return self._send(self.plan_events, sink)

    def apply(
        self,
        options: Any,
        sink: Sink,
        confirm: Callable[[Mapping[str, HostSummary]], bool] | None,
        *,
        prompt: Callable[[str], str | None] | None = None,
        ask: Any = None,
    ) -> int:
        self.calls.append("apply")
        self.options.append(options)
        if confirm is not None:
            code = self._send(self.plan_events, sink)
            finished = self.plan_events[-1]
            assert isinstance(finished, RunFinished)
            if not confirm(finished.hosts):
                return code
        self.calls.append("applied")
        return self._send(self.apply_events, sink)

    def _send(self, events: list[RunEvent], sink: Sink) -> int:
        for event in events[: self.error_after] if self.error else events:
            sink.handle(event)
        if self.error is not None:
            raise self.error
        last = events[-1]
        assert isinstance(last, RunFinished)
        return last.exit_code

    def answer(self, name: str) -> Callable[[Any], Any]:
        def call(options: Any, *_more: Any) -> Any:
            self.options.append(options)
            if isinstance(self.info[name], BaseException):
                raise self.info[name]
            return self.info[name]

        return call


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeApp]:
    """The fake app in place of the real one, and a home of its own."""
    fake = FakeApp()
    run, info = types.ModuleType("configurator.app.run"), types.ModuleType("configurator.app.info")
    run.__dict__.update(plan=fake.plan, apply=fake.apply)
    info.__dict__.update({name: fake.answer(name) for name in ("check", "hosts", "facts")})
    for name, module in (("run", run), ("info", info)):
        monkeypatch.setitem(sys.modules, f"configurator.app.{name}", module)
        monkeypatch.setattr(configurator.app, name, module, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("CONFIGURATOR_DEBUG", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    yield fake
