"""A graph as text, as a Mermaid flowchart or as a Graphviz drawing, with or without what became of it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from configurator.core.graph import TaskGraph
from configurator.core.status import Status
from configurator.core.task import TaskResult, named_results

# Deeper branches begin anew at the margin: indentation would make the text of a long chain quadratic.
_DEEPEST = 30

_NEW, _PUT_OFF, _DRAWN = range(3)

# Light fills that black text can be read on; the status is also in the label, for who cannot tell colours.
_FILLS: Mapping[Status, str] = {
    Status.PENDING: "#eceff1",
    Status.READY: "#e1f5fe",
    Status.RUNNING: "#bbdefb",
    Status.PAUSED: "#d1c4e9",
    Status.SUCCESS: "#c8e6c9",
    Status.FAILED: "#ffcdd2",
    Status.TIMEOUT: "#ffccbc",
    Status.SKIPPED: "#fff9c4",
    Status.CANCELLED: "#d7ccc8",
}

# Mermaid reads a quoted label as Markdown and as HTML, has no escape but `#code;`, and drops the semicolon
# of a code in what looks to it like a style. So only this is left as it is: letters and digits, single
# spaces within, and `.` `_` `/` `-` between two letters or digits (elsewhere they make lists and emphasis).
_NOT_PLAIN = re.compile(r"(?<![^\W_])[._/-]|[._/-](?![^\W_])|(?<!\S) | (?!\S)|[^\w._/ -]")


def visualize(graph: TaskGraph, form: str = "text", results: Iterable[TaskResult] | None = None) -> str:
    """Return a drawing of the graph, the same one every time: `text`, `mermaid` or `dot`.

    `text` is a tree below each task without prerequisites, in declared order. A task with several
    prerequisites is drawn in full once and named elsewhere. `(after)` marks an edge that only orders;
    Mermaid and DOT draw it dashed. With `results` each task's status follows its name in brackets and, but
    in `text`, gives it a colour; results of tasks that joined the run later are left out, as nothing is
    known of their edges. Any name is fine: control characters are shown, never obeyed, and what has a
    meaning in the form is escaped. There is no newline at the end. An unknown form is a ValueError.

    >>> from configurator.core.task import Task
    >>> graph = TaskGraph([
    ...     Task("fetch", print),
    ...     Task("build", print, requires=("fetch",)),
    ...     Task("docs", print, requires=("fetch",)),
    ...     Task("ship", print, requires=("build",), after=("docs",)),
    ... ])
    >>> print(visualize(graph))
    fetch
    ├── build
    │   └── ship
    └── docs
        └── ship (after, see above)
    >>> print(visualize(graph, "mermaid", [TaskResult("fetch", Status.FAILED)]))
    flowchart TD
        n0["fetch #91;failed#93;"]:::failed
        n1["build"]
        n2["docs"]
        n3["ship"]
        n0 --> n1
        n0 --> n2
        n1 --> n3
        n2 -.-> n3
        classDef failed fill:#ffcdd2,color:#000
    """
    draw = _FORMS.get(form)
    if draw is None:
        raise ValueError(f"unknown form {form!r}: it must be one of {', '.join(_FORMS)}")
    known = named_results(results or ())
    return draw(graph, [known[task.name].status if task.name in known else None for task in graph.tasks])


def one_line(text: str) -> str:
    r"""Return `text` fit for one line: what cannot be printed is shown as a picture or as an escape.

    >>> print(one_line("top\nbottom\u202e"))
    top␊bottom\u202e
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _JOINERS else _picture(char) for char in text)


_JOINERS = "\u200c\u200d"  # Persian, Indic scripts and many emoji are spelled wrong without them


def _picture(char: str) -> str:
    if char < " ":
        return chr(0x2400 + ord(char))
    return char.encode("unicode_escape").decode("ascii")


Statuses = Sequence[Status | None]


def _labels(graph: TaskGraph, statuses: Statuses) -> list[str]:
    return [
        task.name if status is None else f"{task.name} [{status}]"
        for task, status in zip(graph.tasks, statuses, strict=True)
    ]


def _edges(graph: TaskGraph) -> Iterable[tuple[int, int, bool]]:
    """Return every edge as (from, to, hard), in declared order of both ends."""
    for number, successors in enumerate(graph.successors):
        for successor in successors:
            yield number, successor, successor in graph.hard[number]


# -- text -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Branch:
    """A task about to be drawn below another one; `indent` is what stands before its own branch."""

    number: int
    indent: str
    depth: int
    hard: bool
    last: bool


def _text(graph: TaskGraph, statuses: Statuses) -> str:
    labels = list(map(one_line, _labels(graph, statuses)))
    state = [_NEW] * len(graph)
    lines = [] if len(graph) else ["no tasks"]
    starts = deque((number, "") for number, count in enumerate(graph.predecessors) if not count)
    while starts:
        number, note = starts.popleft()
        state[number] = _DRAWN
        lines.append(labels[number] + note)
        stack = _below(graph, number, "", 1)
        while stack:
            branch = stack.pop()
            notes = [] if branch.hard else ["after"]
            if state[branch.number] == _NEW:
                if branch.depth < _DEEPEST or not graph.successors[branch.number]:
                    state[branch.number] = _DRAWN
                    indent = branch.indent + ("    " if branch.last else "│   ")
                    stack += _below(graph, branch.number, indent, branch.depth + 1)
                else:
                    state[branch.number] = _PUT_OFF
                    starts.append((branch.number, " (continued)"))
                    notes.append("see below")
            else:
                notes.append("see above" if state[branch.number] == _DRAWN else "see below")
            arm = "└── " if branch.last else "├── "
            suffix = f" ({', '.join(notes)})" if notes else ""
            lines.append(f"{branch.indent}{arm}{labels[branch.number]}{suffix}")
    return "\n".join(lines)


def _below(graph: TaskGraph, number: int, indent: str, depth: int) -> list[_Branch]:
    """Return the branches below a task, the one to be drawn first at the end."""
    below, hard = graph.successors[number], graph.hard[number]
    return [_Branch(child, indent, depth, child in hard, child == below[-1]) for child in reversed(below)]


# -- Mermaid ----------------------------------------------------------------------------------------


def _mermaid(graph: TaskGraph, statuses: Statuses) -> str:
    lines = ["flowchart TD"]
    for number, (label, status) in enumerate(zip(_labels(graph, statuses), statuses, strict=True)):
        style = "" if status is None else f":::{status}"
        lines.append(f'    n{number}["{_mermaid_label(label)}"]{style}')
    for source, target, hard in _edges(graph):
        lines.append(f"    n{source} {'-->' if hard else '-.->'} n{target}")
    used = set(statuses)
    lines += [f"    classDef {s} fill:{fill},color:#000" for s, fill in _FILLS.items() if s in used]
    return "\n".join(lines)


def _mermaid_label(text: str) -> str:
    lines = [_NOT_PLAIN.sub(lambda match: f"#{ord(match[0])};", line) for line in _lines(text)]
    return "<br/>".join(lines) or "#32;"  # an empty label is a syntax error


# -- DOT --------------------------------------------------------------------------------------------


def _dot(graph: TaskGraph, statuses: Statuses) -> str:
    lines = ["digraph tasks {", '    node [shape=box, style="rounded,filled", fillcolor="#ffffff"];']
    for number, (label, status) in enumerate(zip(_labels(graph, statuses), statuses, strict=True)):
        fill = "" if status is None else f', fillcolor="{_FILLS[status]}"'
        lines.append(f'    n{number} [label="{_dot_label(label)}"{fill}];')
    for source, target, hard in _edges(graph):
        lines.append(f"    n{source} -> n{target}{'' if hard else ' [style=dashed]'};")
    lines.append("}")
    return "\n".join(lines)


def _dot_label(text: str) -> str:
    # A label is no plain string: Graphviz reads escapes and HTML's entities in it.
    lines = [re.sub(r'["\\]', r"\\\g<0>", line.replace("&", "&amp;")) for line in _lines(text)]
    return "\\n".join(lines)


def _lines(text: str) -> list[str]:
    return [one_line(line) for line in text.replace("\r\n", "\n").split("\n")]


_FORMS: Mapping[str, Callable[[TaskGraph, Statuses], str]] = {"text": _text, "mermaid": _mermaid, "dot": _dot}
