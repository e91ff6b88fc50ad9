"""Hosts that answer at once, without SSH: only what a run asks of a session before anything is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from configurator.core.errors import ConfiguratorError
from configurator.transport.endpoint import Endpoint
from configurator.transport.sshauth import Secrets
from tests.unit.compiler.projects import FACTS


@dataclass
class FakeHosts:
    """Connects to any host but those in `errors`; `open` are the hosts whose session was not closed."""

    errors: dict[str, ConfiguratorError] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def session(self, endpoint: Endpoint, _secrets: Secrets) -> FakeSession:
        """Take the place of HostSession."""
        self.asked.append(endpoint.name)
        if endpoint.name in self.errors:
            raise self.errors[endpoint.name]
        self.open.append(endpoint.name)
        return FakeSession(self, endpoint)


@dataclass
class FakeSession:
    """A host that has told its facts. It has no `run`: whoever runs something on it fails."""

    hosts: FakeHosts
    endpoint: Endpoint

    @property
    def facts(self) -> dict[str, Any]:
        return {**FACTS, "hostname": self.endpoint.name}

    def close(self) -> None:
        self.hosts.open.remove(self.endpoint.name)


@pytest.fixture
def fake_hosts(monkeypatch: pytest.MonkeyPatch) -> FakeHosts:
    """Every host answers, unless the test says otherwise."""
    hosts = FakeHosts()
    monkeypatch.setattr("configurator.fleet.host.HostSession", hosts.session)
    return hosts
