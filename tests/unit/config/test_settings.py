"""config.yaml: defaults, bounds, and every mistake at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from configurator.config.diagnostics import Diagnostics
from configurator.config.settings import HostKeyChecking, Settings, load_settings


@pytest.fixture(autouse=True)
def _in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str | None) -> tuple[Settings, list[str]]:
    if text is not None:
        Path("config.yaml").write_text(text)
    problems = Diagnostics()
    loaded = load_settings(None, problems)
    shown = [
        f"{problem} [{problem.source[problem.column - 1 : problem.column - 1 + problem.length]}]"
        + (f" ({problem.hint})" if problem.hint else "")
        for problem in problems.sorted()
    ]
    return loaded.settings, shown


@pytest.mark.parametrize("text", [None, "", "# nothing\n", "performance:\nssh:\nsite:\n"])
def test_what_is_not_said_has_its_default(text: str | None) -> None:
    """No file, an empty one, and sections whose lines are commented out all mean the defaults."""
    settings, problems = load(text)
    assert problems == []
    assert settings == Settings()
    assert settings.performance.parallel_execution.max_workers == 4
    assert settings.performance.forks == 20
    assert settings.ssh.host_key_checking is HostKeyChecking.STRICT


def test_every_setting_is_read() -> None:
    """The file in the documentation, as it stands there."""
    settings, problems = load(
        """
        performance:
          parallel_execution: {enabled: false, max_workers: 9, fail_fast: true}
          forks: 3
        ssh: {connect_timeout_s: 2.5, host_key_checking: accept-new, user: root, port: 2222}
        inventory: [a.yml, b.yml]
        roles_path: extra
        site:
          - hosts: web
            roles: [base, {role: nginx, requires: base, vars: {x: 1}, tags: [t], when: y}]
            vars: {z: 1}
            become: false
        """
    )
    assert problems == []
    assert settings.performance.parallel_execution.model_dump() == {
        "enabled": False,
        "max_workers": 9,
        "fail_fast": True,
    }
    assert settings.ssh.host_key_checking is HostKeyChecking.ACCEPT_NEW
    assert settings.ssh.connect_timeout_s == 2.5
    assert (settings.inventory, settings.roles_path) == (["a.yml", "b.yml"], ["extra"])
    entry = settings.site[0]
    assert [use.role for use in entry.roles] == ["base", "nginx"]
    assert (entry.hosts, entry.become, entry.roles[1].requires) == (["web"], False, ["base"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "performance: {forks: '3'}",
            "config.yaml:1:22: 'performance.forks' must be a whole number, not '3' ['3']",
        ),
        (
            "performance: {forks: 0}",
            "config.yaml:1:22: 'performance.forks' must be at least 1, not 0 [0]",
        ),
        (
            "ssh: {host_key_checking: strct}",
            "config.yaml:1:26: 'ssh.host_key_checking' must be 'strict' or 'accept-new', not 'strct' [strct]"
            " (did you mean 'strict'?)",
        ),
        (
            "performance: {parallel_execution: {enabled: yes}}",
            "config.yaml:1:45: 'performance.parallel_execution.enabled' must be true or false, not 'yes'"
            " [yes]"
            " (write true or false: yes, no, on and off are plain words in this file)",
        ),
        (
            "performance: {parallel_execution: {max_worker: 4}}",
            "config.yaml:1:36: unknown setting 'performance.parallel_execution.max_worker' [max_worker]"
            " (did you mean 'max_workers'?)",
        ),
        ("sites: []", "config.yaml:1:1: unknown setting 'sites' [sites] (did you mean 'site'?)"),
        ("site: 5", "config.yaml:1:7: 'site' must be a list, not 5 [5]"),
        ("site: [{roles: [x]}]", "config.yaml:1:8: 'site[0].hosts' is missing [{]"),
        (
            "site: [{hosts: x, roles: [{role: b, require: [y]}]}]",
            "config.yaml:1:37: unknown setting 'site[0].roles[0].require' [require]"
            " (did you mean 'requires'?)",
        ),
        (
            "site: [{hosts: x, roles: [5]}]",
            "config.yaml:1:27: 'site[0].roles[0]' must be a mapping, not 5 [5]",
        ),
        ("- a", "config.yaml:1:1: the configuration must be a mapping, not a list [-]"),
        ("ssh: {port: 70000}", "config.yaml:1:13: 'ssh.port' must be at most 65535, not 70000 [70000]"),
        ("ssh: {user: 5}", "config.yaml:1:13: 'ssh.user' must be text, not 5 [5]"),
    ],
)
def test_a_mistake_is_shown_at_its_place(text: str, expected: str) -> None:
    """The schema's errors are worded for people and point at the value or key."""
    _settings, problems = load(text)
    assert problems == [expected]


def test_all_mistakes_are_reported_at_once() -> None:
    """Nobody wants to mend a file one error a time."""
    _settings, problems = load("forks: 1\nssh: {prt: 1, port: x}\n")
    assert [problem.partition(": ")[0] for problem in problems] == [
        "config.yaml:1:1",
        "config.yaml:2:7",
        "config.yaml:2:21",
    ]


def test_a_file_that_was_asked_for_must_exist() -> None:
    """`--config typo.yaml` must not quietly run with the defaults."""
    problems = Diagnostics()
    load_settings("typo.yaml", problems)
    assert str(problems.sorted()[0]) == "typo.yaml: cannot read this file: no such file or directory"
