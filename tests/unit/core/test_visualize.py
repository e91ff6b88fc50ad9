"""Drawings of a graph: golden ones, and what holds for tasks of any name."""

from __future__ import annotations

import doctest
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from configurator.core import visualize as module
from configurator.core.graph import TaskGraph
from configurator.core.status import Status
from configurator.core.task import Task, TaskResult
from configurator.core.visualize import one_line, visualize

CHAIN = 100_000


def nothing(_context: object) -> None:
    """The work of a task that is never run here."""


def task(name: str, requires: str = "", after: str = "") -> Task:
    """A task; prerequisites are names in one text."""
    return Task(name, nothing, requires=tuple(requires.split()), after=tuple(after.split()))


def small() -> TaskGraph:
    return TaskGraph(
        [
            task("fetch"),
            task("ship", "test docs"),
            task("build", "fetch"),
            task("test", "build"),
            task("docs", after="fetch"),
            task("lint"),
            task("report", "ship", after="lint"),
        ]
    )


RESULTS = [
    TaskResult("fetch", Status.SUCCESS),
    TaskResult("build", Status.FAILED),
    TaskResult("test", Status.SKIPPED),
    TaskResult("lint", Status.SUCCESS),
    TaskResult("joined later", Status.SUCCESS),
]

NASTY = [
    "",
    " ",
    'a"b',
    "back\\",
    '\\"',
    'x"]:::evil',
    "#quot; #35; &lt;",
    "two\nlines\r\nthree\rfour",
    "{a}|b|(c)[d]<e>",
    "1. list",
    "- list",
    "**b** _i_ `c`",
    "style:#x;",
    "%%{init: {}}%%",
    "\x00\x1b[31m\x7f\x9b",
    "\u2028\u202e\ud800",
    "end",
    "a --> b",
]
names = st.lists(
    st.one_of(
        st.sampled_from(NASTY), st.text(max_size=8), st.text('"\\#;&<>[]{}|\n\r `*_~-=.:%a0', max_size=8)
    ),
    unique=True,
    max_size=6,
)


@st.composite
def graphs(draw: st.DrawFn) -> TaskGraph:
    """Graphs whose names are any text and whose edges are of both kinds."""
    tasks: list[Task] = []
    for name in draw(names):
        sources = draw(st.sets(st.sampled_from([t.name for t in tasks]))) if tasks else set()
        soft = draw(st.sets(st.sampled_from(sorted(sources)))) if sources else set()
        tasks.append(Task(name, nothing, requires=tuple(sources - soft), after=tuple(soft)))
    return TaskGraph(draw(st.permutations(tasks)))


def edges(graph: TaskGraph) -> set[tuple[int, int, bool]]:
    """Every edge as (from, to, hard), from the tasks themselves."""
    return {
        (graph.index[source], graph.index[item.name], hard)
        for item in graph.tasks
        for sources, hard in ((item.requires, True), (item.after, False))
        for source in sources
    }


def printed(name: str) -> list[str]:
    """The lines of a label as people are to see them."""
    return [one_line(line) for line in re.split("\r\n|\n", name)]


def is_safe(text: str) -> bool:
    """Whether no line is more than one and nothing is left that a terminal obeys or UTF-8 cannot say."""
    return len(text.splitlines()) <= 1 and all(c.isprintable() or c in "\u200c\u200d" for c in text)


def test_the_tree() -> None:
    """Roots and branches in declared order; the second way to a task names it, and soft edges say so."""
    assert visualize(small()).splitlines() == [
        "fetch",
        "├── build",
        "│   └── test",
        "│       └── ship",
        "│           └── report",
        "└── docs (after)",
        "    └── ship (see above)",
        "lint",
        "└── report (after, see above)",
    ]


def test_the_tree_with_results() -> None:
    """The status stands at the name wherever the task is named; who has no result has no status."""
    assert visualize(small(), "text", RESULTS).splitlines() == [
        "fetch [success]",
        "├── build [failed]",
        "│   └── test [skipped]",
        "│       └── ship",
        "│           └── report",
        "└── docs (after)",
        "    └── ship (see above)",
        "lint [success]",
        "└── report (after, see above)",
    ]


def test_the_flowchart() -> None:
    """Mermaid: one line a task, one an edge, dotted where it is soft; no class without results."""
    assert visualize(small(), "mermaid").splitlines() == [
        "flowchart TD",
        '    n0["fetch"]',
        '    n1["ship"]',
        '    n2["build"]',
        '    n3["test"]',
        '    n4["docs"]',
        '    n5["lint"]',
        '    n6["report"]',
        "    n0 --> n2",
        "    n0 -.-> n4",
        "    n1 --> n6",
        "    n2 --> n3",
        "    n3 --> n1",
        "    n4 --> n1",
        "    n5 -.-> n6",
    ]


def test_the_flowchart_with_results() -> None:
    """Each status that occurs is a class, defined once."""
    lines = visualize(TaskGraph([task("a"), task("b", "a")]), "mermaid", [TaskResult("b", Status.TIMEOUT)])
    assert lines.splitlines() == [
        "flowchart TD",
        '    n0["a"]',
        '    n1["b #91;timeout#93;"]:::timeout',
        "    n0 --> n1",
        "    classDef timeout fill:#ffccbc,color:#000",
    ]


def test_the_drawing() -> None:
    """DOT: boxes, dashed where an edge is soft, filled by status."""
    assert visualize(small(), "dot", RESULTS).splitlines() == [
        "digraph tasks {",
        '    node [shape=box, style="rounded,filled", fillcolor="#ffffff"];',
        '    n0 [label="fetch [success]", fillcolor="#c8e6c9"];',
        '    n1 [label="ship"];',
        '    n2 [label="build [failed]", fillcolor="#ffcdd2"];',
        '    n3 [label="test [skipped]", fillcolor="#fff9c4"];',
        '    n4 [label="docs"];',
        '    n5 [label="lint [success]", fillcolor="#c8e6c9"];',
        '    n6 [label="report"];',
        "    n0 -> n2;",
        "    n0 -> n4 [style=dashed];",
        "    n1 -> n6;",
        "    n2 -> n3;",
        "    n3 -> n1;",
        "    n4 -> n1;",
        "    n5 -> n6 [style=dashed];",
        "}",
    ]


@pytest.mark.parametrize(
    ("name", "mermaid", "dot"),
    [
        ("", "#32;", ""),
        ("nginx.conf a_b-c/d", "nginx.conf a_b-c/d", "nginx.conf a_b-c/d"),
        ('say "hi"', "say #34;hi#34;", r"say \"hi\""),
        ("back\\", "back#92;", r"back\\"),
        ("a#quot;b", "a#35;quot#59;b", "a#quot;b"),
        ("[x]:::y", "#91;x#93;#58;#58;#58;y", "[x]:::y"),
        ("<b>&lt;", "#60;b#62;#38;lt#59;", "<b>&amp;lt;"),
        ("two\nlines\r\nthree", "two<br/>lines<br/>three", r"two\nlines\nthree"),
        ("1. list", "1#46; list", "1. list"),
        ("  code  x ", "#32;#32;code#32;#32;x#32;", "  code  x "),
        ("_i_ a_b __c", "#95;i#95; a_b #95;#95;c", "_i_ a_b __c"),
        ("\x1b", "#9243;", "␛"),
        ("日本 é", "日本 é", "日本 é"),
    ],
)
def test_how_names_are_escaped(name: str, mermaid: str, dot: str) -> None:
    """What has a meaning in the form is a code there, what has none is left readable."""
    graph = TaskGraph([Task(name, nothing)])
    assert visualize(graph, "mermaid").splitlines()[1] == f'    n0["{mermaid}"]'
    assert visualize(graph, "dot").splitlines()[2] == f'    n0 [label="{dot}"];'


def test_an_edge_that_is_both_is_hard() -> None:
    """Who requires a task also comes after it: there is one edge."""
    graph = TaskGraph([task("a"), task("b", requires="a", after="a")])
    assert visualize(graph) == "a\n└── b"
    assert "    n0 -> n1;" in visualize(graph, "dot")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("text", "no tasks"),
        ("mermaid", "flowchart TD"),
        ("dot", 'digraph tasks {\n    node [shape=box, style="rounded,filled", fillcolor="#ffffff"];\n}'),
    ],
)
def test_the_empty_graph(form: str, expected: str) -> None:
    """It is a drawing like any other."""
    assert visualize(TaskGraph([]), form) == expected


def test_an_unknown_form() -> None:
    """The error names the forms there are."""
    with pytest.raises(ValueError, match="unknown form 'svg': it must be one of text, mermaid, dot"):
        visualize(TaskGraph([]), "svg")


@pytest.mark.parametrize("status", Status)
def test_every_status_has_its_colour(status: Status) -> None:
    """Also those of a run that is not over."""
    graph, results = TaskGraph([task("a")]), [TaskResult("a", status)]
    assert f"a [{status}]" in visualize(graph, "text", results)
    assert re.search(r'fillcolor="#[0-9a-f]{6}"\];$', visualize(graph, "dot", results).splitlines()[2])
    assert f"    classDef {status} fill:#" in visualize(graph, "mermaid", results)


@pytest.fixture(scope="module")
def chain() -> TaskGraph:
    """Declared from its end, so that nothing relies on the order of declaration."""
    return TaskGraph(
        Task(str(n), nothing, requires=(str(n - 1),) if n else ()) for n in reversed(range(CHAIN))
    )


@pytest.mark.parametrize("form", ["text", "mermaid", "dot"])
def test_a_chain_of_a_hundred_thousand(form: str, chain: TaskGraph) -> None:
    """No recursion; and the indentation of a deep tree does not make its text quadratic."""
    text = visualize(chain, form)
    assert CHAIN < len(text) < CHAIN * 150


def test_deep_branches_begin_anew_at_the_margin() -> None:
    """A task too deep to be drawn is put off, and what leads to it meanwhile says where to look."""
    chain = [task("t0"), *(task(f"t{n}", f"t{n - 1}") for n in range(1, 33))]
    others = [task("leaf", "t29"), task("side", "t0"), task("both", "t30 side"), task("under", "both")]
    lines = visualize(TaskGraph([*chain, *others])).splitlines()
    deepest = "│   " + "    " * 28
    assert lines[:3] == ["t0", "├── t1", "│   └── t2"]
    assert lines[30:] == [
        deepest + "├── t30 (see below)",
        deepest + "└── leaf",
        "└── side",
        "    └── both",
        "        └── under",
        "t30 (continued)",
        "├── t31",
        "│   └── t32",
        "└── both (see above)",
    ]


def test_a_task_that_was_put_off_is_below_for_everybody() -> None:
    """The second way to it is no reason to draw it twice."""
    chain = [task("t0"), *(task(f"t{n}", f"t{n - 1}") for n in range(1, 30))]
    lines = visualize(TaskGraph([*chain, task("t30", "t29 t0"), task("end", "t30")])).splitlines()
    assert lines[30:] == [
        "│   " + "    " * 28 + "└── t30 (see below)",
        "└── t30 (see below)",
        "t30 (continued)",
        "└── end",
    ]


def tree(graph: TaskGraph) -> list[str]:
    """The tree of a small graph as the definition has it, with recursion and without a limit to depth."""
    lines: list[str] = []
    drawn: set[int] = set()

    def draw(number: int, before: str, arm: str, hard: bool) -> None:
        notes = ([] if hard else ["after"]) + (["see above"] if number in drawn else [])
        lines.append(
            before + arm + one_line(graph.tasks[number].name) + (f" ({', '.join(notes)})" if notes else "")
        )
        if number in drawn:
            return
        drawn.add(number)
        inner = before + {"": "", "├── ": "│   ", "└── ": "    "}[arm]
        below = sorted((target, kind) for source, target, kind in edges(graph) if source == number)
        for place, (target, kind) in enumerate(below, 1):
            draw(target, inner, "└── " if place == len(below) else "├── ", kind)

    for number, item in enumerate(graph.tasks):
        if not item.requires and not item.after:
            draw(number, "", "", True)
    return lines


@given(graphs())
def test_a_tree_holds_every_edge_once(graph: TaskGraph) -> None:
    """Compared with the definition: each root and each edge is one line, each task is drawn in full once."""
    lines = visualize(graph).split("\n")
    assert lines == (tree(graph) or ["no tasks"])
    assert all(map(is_safe, lines))


@given(graphs(), st.sampled_from([None, *Status]))
@example(TaskGraph([Task(name, nothing) for name in NASTY]), None)
def test_mermaid_keeps_any_name(graph: TaskGraph, status: Status | None) -> None:
    """Read back: each task and each edge is one line, and each label is decoded to its name."""
    results = [TaskResult(t.name, status) for t in graph.tasks] if status else []
    head, *lines = visualize(graph, "mermaid", results).split("\n")
    assert head == "flowchart TD"
    assert all(map(is_safe, lines))
    count = len(graph)
    for number, (item, line) in enumerate(zip(graph.tasks, lines, strict=False)):
        match = re.fullmatch(r' {4}n(\d+)\["([^"]+)"\](?::::(\w+))?', line)
        assert match is not None
        assert (int(match[1]), match[3]) == (number, status)
        # Whatever else Mermaid, Markdown or HTML could read is written as a code.
        plain = re.sub(r"#\d+;|<br/>|[^\W_]", "", match[2])
        assert set(plain) <= set(" ._/-")
        assert not re.search(r"(?:^|<br/>) ?[._/-]|[._/-] ?(?:$|<br/>)|[._/-]{2}", match[2])
        decoded = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), match[2].replace("<br/>", "\n"))
        label = f"{item.name} [{status}]" if status else item.name or " "
        assert decoded.split("\n") == printed(label)
    arrows = {"-->": True, "-.->": False}
    found = [re.fullmatch(r" {4}n(\d+) (-->|-\.->) n(\d+)", line) for line in lines[count:]]
    drawn = [(int(m[1]), int(m[3]), arrows[m[2]]) for m in found if m]
    assert drawn == sorted(edges(graph))
    rest = lines[count + len(drawn) :]
    assert [line.split()[:2] for line in rest] == ([["classDef", str(status)]] if status and count else [])


@given(graphs(), st.sampled_from([None, *Status]))
@example(TaskGraph([Task(name, nothing) for name in NASTY]), None)
def test_dot_keeps_any_name(graph: TaskGraph, status: Status | None) -> None:
    """Read back: each task and each edge is one line, quotes are balanced, each label decodes to its name."""
    results = [TaskResult(t.name, status) for t in graph.tasks] if status else []
    lines = visualize(graph, "dot", results).split("\n")
    assert (lines[0], lines[-1]) == ("digraph tasks {", "}")
    assert all(map(is_safe, lines))
    body, count = lines[2:-1], len(graph)
    for number, (item, line) in enumerate(zip(graph.tasks, body, strict=False)):
        fill = r', fillcolor="#\w{6}"' if status else ""
        match = re.fullmatch(rf' {{4}}n(\d+) \[label="((?:[^"\\]|\\.)*)"{fill}\];', line)
        assert match is not None
        assert int(match[1]) == number
        assert not re.search(r"&(?!amp;)", match[2])
        decoded = re.sub(r"\\(.)", lambda code: "\n" if code[1] == "n" else code[1], match[2])
        label = f"{item.name} [{status}]" if status else item.name
        assert decoded.replace("&amp;", "&").split("\n") == printed(label)
    found = [re.fullmatch(r" {4}n(\d+) -> n(\d+)( \[style=dashed\])?;", line) for line in body[count:]]
    assert [(int(m[1]), int(m[2]), m[3] is None) for m in found if m] == sorted(edges(graph))
    assert None not in found


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    """Nothing is left that a terminal obeys; what is fine already stays as it is."""
    shown = one_line(text)
    assert is_safe(shown)
    assert one_line(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – é 日本", "plain – é 日本"),
        ("\t\r\n\x1b", "␉␍␊␛"),
        ("\x7f\x9b\u2028\ud800", r"\x7f\x9b\u2028\ud800"),
        ("\U0001f469\u200d\U0001f4bb\n", "\U0001f469\u200d\U0001f4bb␊"),
    ],
)
def test_what_cannot_be_printed_is_shown(text: str, shown: str) -> None:
    """As Unicode's picture or as the escape that a programmer would write; emoji stay whole."""
    assert one_line(text) == shown


def test_the_examples_in_the_documentation() -> None:
    """Every public function has one, and it is true."""
    outcome = doctest.testmod(module)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)
    for function in (visualize, one_line):
        assert doctest.DocTestFinder().find(function, globs={})[0].examples
