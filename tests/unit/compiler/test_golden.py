"""One role with every construct, compiled: the whole graph as a text that people can read and compare.

After a wanted change: `GOLDEN=write pytest tests/unit/compiler/test_golden.py`, and read the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.compiler.order import OrderedGraph
from tests.unit.compiler.playing import project_of
from tests.unit.compiler.projects import FACTS

HERE = Path(__file__).parent / "golden"
OWN_LINES = {"id", "module", "requires", "after", "name", "role"}


def described(graph: OrderedGraph) -> str:
    """Return every field of every task that is not at its default, and why it waits for what."""
    lines = [line for spec in graph.tasks for line in _task(spec, graph)]
    lines += ["put off:", *(f"  {name}" for name in graph.late.put_off)]
    lines += ["judged:", *(f"  {name}: {_verdict(each)}" for name, each in graph.late.judged.items())]
    lines += ["may notify:", *(f"  {name}: {_text(words)}" for name, words in graph.words.items())]
    lines += ["jobs:", *(f"  {name}" for name in sorted(graph.late.jobs))]
    lines += ["done for all:", *(f"  {key}: {rounds.ids}" for key, rounds in graph.late.leads.items())]
    lines += ["contents:", *(f"  {digest}" for digest in sorted(graph.blobs))]
    return "\n".join(lines) + "\n"


def _task(spec: TaskSpec, graph: OrderedGraph) -> Iterator[str]:
    yield f"{spec.id}  [{spec.module}]"
    given = spec.to_json()
    for item in fields(spec):
        if item.name in given and item.name not in OWN_LINES:
            yield f"    {item.name}: {_text(given[item.name])}"
    for edge in graph.edges:
        if edge.after == spec.id:
            word = "requires" if edge.hard else "after"
            yield f"    {word} {edge.before}  ({edge.kind}{f': {edge.key}' if edge.key else ''})"
    waited = {edge.before for edge in graph.edges if edge.after == spec.id}
    assert waited == {*spec.requires, *spec.after}, f"edges of {spec.id} that nobody gives a reason for"


def _verdict(judged: Any) -> str:
    verdict = judged.verdict
    words = {
        name: [str(each.value) for each in getattr(verdict, name)]
        for name in ("changed_when", "failed_when", "until")
        if getattr(verdict, name) is not None and getattr(verdict, name) != ()
    }
    return f"{judged.register} {_text(words)}"


def _text(value: object) -> str:
    return json.dumps(value, default=_plain, sort_keys=True, ensure_ascii=False)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else list(value)  # type: ignore[call-overload]


def test_a_role_with_every_construct_compiles_to_what_it_did() -> None:
    """Edges with their reasons, gates, holds, groups, handlers, what is late: any difference is shown."""
    source = {path.name: path.read_text() for path in HERE.glob("*.yml")}
    more = {f"roles/r/tasks/{name}": text for name, text in source.items() if name.startswith("tasks-")}
    more |= {
        "roles/r/handlers/main.yml": source["handlers.yml"],
        "roles/r/defaults/main.yml": "{word: default, port: 80}",
        "roles/r/vars/more.yml": "{more: from a file}",
        "roles/r/templates/t.j2": "{{ word }} {{ asked.stdout }}\n",
        "roles/helper/tasks/main.yml": source["helper.yml"],
        "roles/helper/handlers/main.yml": "- {name: helped, command: helper restart}\n",
        "config.yaml": "site: [{hosts: all, roles: [base, {role: r, requires: [base]}]}]",
        "roles/base/tasks/main.yml": "- {name: base, timezone: {name: UTC}}\n",
        "inventory/hosts.yml": "all: {hosts: {h: {ansible_user: root}, i: {ansible_user: root}}}\n",
    }
    project = project_of(source["main.yml"], more)
    graph = project.compile(project.hosts(["h"])[0], FACTS, peers=["h", "i"])
    found = described(graph)
    golden = HERE / "language.txt"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(found)
    assert found == golden.read_text()
