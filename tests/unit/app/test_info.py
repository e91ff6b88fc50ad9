"""What `check` looks at: everything the project has, used or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from configurator.app.info import check
from configurator.app.options import RunOptions
from configurator.core.errors import InputError


def project(root: Path, tasks: str) -> RunOptions:
    (root / "roles" / "spare" / "tasks").mkdir(parents=True)
    (root / "roles" / "spare" / "tasks" / "main.yml").write_text(tasks)
    (root / "config.yaml").write_text("site: []\n")
    return RunOptions(config=str(root / "config.yaml"))


def test_a_role_that_no_host_uses_yet_is_checked(tmp_path: Path) -> None:
    """A role is written before it is given to hosts, and checked while it is written."""
    with pytest.raises(InputError) as caught:
        check(project(tmp_path, "- name: x\n  coppy: {src: a, dest: /b}\n"))
    assert "coppy" in str(caught.value.diagnostics[0])


def test_it_counts_what_it_has_looked_at(tmp_path: Path) -> None:
    """The answer tells how much it speaks of."""
    report = check(project(tmp_path, "- name: x\n  file: {path: /b, state: touch}\n"))
    assert (report.files, report.roles, report.hosts, report.tasks) == (1, 1, 0, 1)
