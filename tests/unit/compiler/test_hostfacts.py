"""Facts that are asked for when something uses them, and only then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from configurator.agent import facts_more
from configurator.compiler.factnames import PARTS
from configurator.compiler.hostfacts import HostFacts
from configurator.core.errors import InputError
from tests.unit.compiler.projects import FACTS, load

ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "mounts": {"mounts": [{"mount": "/", "size_total": 5}]},
    "local": {"local": {"app": {"port": 80}}},
    "packages": {"packages": {"nginx": [{"version": "1.2"}]}},
    "dmi": {"system_vendor": "QEMU"},
}


class Host:
    """Answers, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.facts = HostFacts(FACTS, self._ask)

    def _ask(self, part: str) -> Mapping[str, Any]:
        self.asked.append(part)
        return ANSWERS.get(part, {})


def command_of(host: Host, text: str, more: str = "") -> str:
    project = load({"roles/r/tasks/main.yml": f'- command: "{text}"\n{more}'})
    graph = project.compile(project.hosts()[0], host.facts)
    return str(next(spec for spec in graph.tasks if not spec.barrier).params["cmd"])


def test_nothing_is_asked_where_nothing_is_used() -> None:
    """A round trip and a walk through /proc for each host would be too dear for all."""
    host = Host()
    assert command_of(host, "{{ ansible_distribution }} {{ ansible_facts.hostname }}") == "Debian h"
    assert host.asked == []


@pytest.mark.parametrize(
    ("text", "result", "asked"),
    [
        ("{{ ansible_mounts[0].size_total }} {{ ansible_facts.mounts | length }}", "5 1", ["mounts"]),
        ("{{ ansible_facts['local'].app.port }} {{ ansible_local.app.port }}", "80 80", ["local"]),
        ("{{ 'nginx' in ansible_facts.packages }}", "True", ["packages"]),
        ("{{ ansible_system_vendor }}", "QEMU", ["dmi"]),
        ("{{ ansible_bios_date | default('none') }}", "none", ["dmi"]),
        (
            "{{ ansible_bios_date is defined }} {{ ansible_facts.bios_date is defined }}",
            "False False",
            ["dmi"],
        ),
    ],
)
def test_what_is_used_is_asked_for_once(text: str, result: str, asked: list[str]) -> None:
    """By either name, in any task; a fact that the host has not is undefined, not an error."""
    host = Host()
    assert (
        command_of(host, text, "- command: 'again {{ ansible_mounts is defined }}'\n  when: false\n")
        == result
    )
    assert host.asked == asked


def test_a_fact_that_is_missing_is_told_by_its_name() -> None:
    """As any variable that is not defined."""
    with pytest.raises(InputError) as caught:
        command_of(Host(), "{{ ansible_bios_date }}")
    assert "'ansible_bios_date' is not defined" in str(caught.value.diagnostics[0])


def test_whoever_wants_all_facts_gets_all() -> None:
    """A template that writes them down; what every run reads is not asked for again."""
    host = Host()
    assert dict(host.facts) == {**FACTS, **{k: v for found in ANSWERS.values() for k, v in found.items()}}
    assert sorted(host.asked) == sorted(set(PARTS.values()))


def test_an_answer_replaces_nothing_that_is_known() -> None:
    """What a host sends later cannot change what was compiled with."""
    facts = HostFacts({"hostname": "h"}, lambda _part: {"hostname": "evil", "mounts": []})
    assert facts["mounts"] == []
    assert facts["hostname"] == "h"


def test_each_name_is_gathered_by_the_part_it_is_said_to_be_in() -> None:
    """On this machine, which may lack some; nothing that is gathered is without a name."""
    for part in sorted(set(PARTS.values()) - {"local", "mounts", "packages", "services"}):
        names = {name for name, of in PARTS.items() if of == part}
        found = set(facts_more.COLLECTORS[part]())
        everywhere = {"uptime_seconds", "memtotal_mb", "memfree_mb", "swaptotal_mb", "swapfree_mb"}
        everywhere |= {"processor_vcpus", "processor_nproc"}
        assert found - names - everywhere == set(), part
        assert part in ("ssh", "systemd") or found >= names, part
