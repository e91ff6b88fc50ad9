"""Every module on real hosts: a plan writes nothing and predicts the apply; a second apply does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from configurator.agent.frames import Message
from configurator.sandbox import Lab, LabHost
from configurator.transport.session import HostSession
from tests.hosts.behaviours import note
from tests.hosts.cases import Case, all_cases
from tests.hosts.on_host import agent, chain, files, run
from tests.hosts.test_agent import remote

pytestmark = pytest.mark.host

CASES = all_cases()


def _parameters() -> Iterator[Any]:
    """Yield every case on one release, on both in the full run; those of one module go to one host."""
    for (module, name), case in CASES.items():
        for release in case.releases:
            marks = [] if release == case.releases[0] else [pytest.mark.full]
            yield pytest.param(module, name, release, id=f"{module}-{release}-{name}", marks=marks)


@pytest.fixture(scope="session")
def modules() -> dict[str, str]:
    """The module whose cases a release's host was last used for."""
    return {}


@pytest.fixture
def host(lab: Lab, modules: dict[str, str], module: str, release: str) -> LabHost:
    """A host for the cases of one module, pristine for the first of them; with a user `worker`."""
    name = f"cases-{release}"
    if modules.get(release) != module:
        found = lab.reset(name) if release in modules else lab.up([name], release)
        modules[release] = module
        remote(lab, found[0], "useradd -m -s /bin/sh worker")
    return lab.host(name)


@pytest.mark.parametrize(("module", "name", "release"), [*_parameters()])
def test_planned_is_done_and_then_nothing(
    lab: Lab, host: LabHost, module: str, name: str, release: str
) -> None:
    """What the plan predicted is what the apply did; a second apply finds nothing left to do."""
    case = CASES[module, name]
    remote(lab, host, f"rm -rf /srv/t; mkdir /srv/t; cd /srv/t; {case.prepare or ':'}")
    with agent(host) as session:
        planned, applied, again = _three_runs(host, session, case)
    note(module, name, release, planned.values(), again.values(), kept=False)
    for task in case.tasks:
        _check(case, task[0], planned[task[0]], applied[task[0]], again[task[0]])
    assert remote(lab, host, f"cd /srv/t; {case.check}") == case.said
    assert remote(lab, host, "find /srv /home -name '.configurator*'") == ""
    note(module, name, release, planned.values(), again.values(), kept=True)


def _three_runs(host: LabHost, session: HostSession, case: Case) -> tuple[dict[str, Message], ...]:
    specs = chain(*case.tasks, **case.options)
    before = files(host)
    planned = run(session, "plan", specs, case.blobs)
    after = files(host)
    written = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert written == set(), "a plan wrote to the host"
    applied = run(session, "apply", specs, case.blobs, confirmed=True)
    return planned, applied, run(session, "apply", specs, case.blobs)


def _check(case: Case, task: str, planned: Message, applied: Message, again: Message) -> None:
    """Hold one task to what the case says of it."""
    if task in case.plan_blind:
        assert case.plan_blind[task] in _told(applied), applied
    elif task in case.fails:
        for ended in (planned, applied, again):
            assert ended["status"] == "failed", (task, ended)
            assert case.fails[task] in _told(ended), ended
    else:
        wanted = "ok" if task in case.idle else "changed"
        assert (applied["status"], planned["status"]) == (wanted, wanted), (task, planned, applied)
        _check_prediction(case, task, planned, applied)
        wanted = "changed" if task in case.again else "ok"
        assert again["status"] == wanted, (task, again)
    returned = applied.get("outputs", {})
    expected = case.outputs.get(task, {})
    assert _part(returned, expected) == expected, returned
    assert case.warns.get(task, "") in "\n".join(applied.get("warnings", ()))


def _part(returned: Any, expected: Any) -> Any:
    """Return what was returned without the keys that nothing is said of, at whatever depth."""
    if isinstance(returned, Mapping) and isinstance(expected, Mapping):
        return {name: _part(returned.get(name), value) for name, value in expected.items()}
    if isinstance(returned, list) and isinstance(expected, list) and len(returned) == len(expected):
        return [_part(*pair) for pair in zip(returned, expected, strict=True)]
    return returned


def _check_prediction(case: Case, task: str, planned: Message, applied: Message) -> None:
    """Exact changes are what the apply did, to the last byte of the diff; others give their reason."""
    told = planned["changes"]
    certainties = {change["certainty"] for change in told}
    if task not in case.assumed:
        assert certainties <= {"exact"}, (task, told)
        assert told == applied["changes"], task
        return
    assert certainties - {"exact"}, (task, "is exact after all")
    assert any(case.assumed[task] in (change.get("because") or "") for change in told), told
    if "unknown" not in certainties:
        assert [_value(change) for change in told] == [_value(change) for change in applied["changes"]], task


def _value(change: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in change.items() if key not in ("certainty", "because")}


def _told(ended: Message) -> str:
    """Return everything that a task's end is explained with."""
    keys = ("status", "message", "hint", "output", "reason", "cause")
    return "\n".join([*(str(ended.get(key) or "") for key in keys), *ended.get("warnings", ())])
