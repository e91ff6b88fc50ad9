"""Real Debian hosts for the tests of this directory, from the sandbox; see docs/how-to/sandbox.md.

    fresh_host      a pristine host for one test
    host_factory    as many pristine hosts as the test asks for, of either release
    shared_host     one host for all tests of a module, pristine for the first
    lab             the sandbox behind them, one per test worker

Where a sandbox cannot run the tests are skipped with its reason; with CI=true or
CONFIGURATOR_REQUIRE_HOSTS=1 they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NoReturn

import pytest

from configurator.core.errors import SandboxError
from configurator.sandbox import Lab, LabHost
from configurator.sandbox.lab import DEFAULT_RELEASE


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares a host in one worker (--dist loadgroup): a file, or a module's cases on a release."""
    for item in items:
        if item.get_closest_marker("host") is None:
            continue
        group = item.nodeid.partition("::")[0]
        if item.path.name == "test_cases.py":
            params = item.callspec.params  # type: ignore[attr-defined]
            group = f"{params['module']} on {params['release']}"
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to go on where groups are ignored: a host's tests would run on several and fail by chance."""
    if getattr(session.config.option, "loadgroup", False) and os.environ.get("PYTEST_XDIST_WORKER"):
        alone = [
            item.nodeid
            for item in session.items
            if item.get_closest_marker("host") and "@" not in item.nodeid
        ]
        if alone:
            raise pytest.UsageError(f"this pytest-xdist does not keep groups together: {alone[0]}")


class HostFactory:
    """Hands out pristine hosts: two calls in a test never return the same host, later tests reuse them."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._taken: set[str] = set()

    def __call__(self, release: str = DEFAULT_RELEASE) -> LabHost:
        """Return one pristine host."""
        return self.many(1, release)[0]

    def many(self, count: int, release: str = DEFAULT_RELEASE) -> list[LabHost]:
        """Return pristine hosts, booted in parallel: old ones are reset, missing ones made."""
        names = (f"{release}-{number}" for number in range(1, 200))
        wanted = [
            name for name, _ in zip((n for n in names if n not in self._taken), range(count), strict=False)
        ]
        self._taken.update(wanted)
        have = {host.name for host in self._lab.hosts()}
        used = [name for name in wanted if name in have]
        if used:
            self._lab.reset(*used)
        return self._lab.up(wanted, release)

    def give_back(self) -> None:
        """Let the next test have the hosts."""
        self._taken.clear()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """This worker's sandbox, destroyed at the end; one that was killed is removed by the next run."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    lab = Lab.create(name=f"test-{worker}-{os.getpid()}")
    with ExitStack() as stack:
        try:
            stack.enter_context(lab)
            # What only a try can tell (NAT, veth, a mirror) shall skip as well, and not fail test by test.
            lab.up(["shared"])
        except SandboxError as error:
            _give_up(error)
        yield lab


def _give_up(error: SandboxError) -> NoReturn:
    """Skip with the reason, or fail where hosts are required."""
    reason = f"{error.message} ({error.hint})" if error.hint else error.message
    if os.environ.get("CI") == "true" or os.environ.get("CONFIGURATOR_REQUIRE_HOSTS") == "1":
        pytest.fail(f"real hosts are required, but: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def _factory(lab: Lab) -> HostFactory:
    return HostFactory(lab)


@pytest.fixture
def host_factory(_factory: HostFactory) -> Iterator[HostFactory]:
    """Pristine hosts for this test: `host_factory("trixie")`, `host_factory.many(3)`."""
    yield _factory
    _factory.give_back()


@pytest.fixture
def fresh_host(host_factory: HostFactory) -> LabHost:
    """One pristine host for this test."""
    return host_factory()


@pytest.fixture(scope="module")
def shared_host(lab: Lab) -> LabHost:
    """One host for all tests of the module, which leave their work on it; pristine for the first."""
    return lab.reset("shared")[0]
