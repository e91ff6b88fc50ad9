"""Errors: where, what, the line with a caret, and what to do; sorted and counted."""

from __future__ import annotations

import pytest

from configurator.config.diagnostics import Diagnostic
from configurator.core.errors import (
    ConfiguratorError,
    HostSetupError,
    InputError,
    RefusedError,
    TaskError,
    UnreachableError,
)
from configurator.core.graph import GraphProblem
from configurator.report.diagnostics import diagnostic_lines, error_lines
from tests.unit.report import golden

MAIN = "roles/nginx/tasks/main.yml"
PROBLEMS = (
    Diagnostic(
        MAIN, 12, 5, "unknown module 'templat'", "did you mean 'template'?", "  - templat: {src: a}", 7
    ),
    Diagnostic(MAIN, 3, 11, "unknown variable 'shop_prot'", None, '    port: "{{ shop_prot }}"', 14),
    Diagnostic("inventory/hosts.yml", 0, 0, "the file is empty", "write at least one host under all.hosts"),
    Diagnostic("config.yaml", 120, 11, "must be true or false,\nnot 'yes'", None, "\tenabled: yes", 3),
    Diagnostic(MAIN, 12, 1, "a task needs a name"),
)


def shown(error: ConfiguratorError) -> str:
    return "".join(f"{line.plain}\n" for line in error_lines(error))


def test_diagnostics() -> None:
    """All problems at once, by file, line and column, each with its place; the count comes last."""
    golden.check("diagnostics.txt", shown(InputError("5 problems", PROBLEMS)))


@pytest.mark.parametrize(
    ("source", "column", "length", "caret"),
    [
        ("name: x", 7, 1, "^"),
        ("\tname: x", 2, 4, "^^^^"),
        ("日本: x", 1, 2, "^^^^"),
        ("name: x", 7, 0, "^"),
        ("name: x", 7, 99, "^"),
    ],
)
def test_the_caret_stands_below_what_it_means(source: str, column: int, length: int, caret: str) -> None:
    """Tabs and wide letters take more than one column on the terminal."""
    lines = [line.plain for line in diagnostic_lines(Diagnostic("f", 1, column, "m", None, source, length))]
    assert lines[-1].split("| ")[1].strip() == caret
    if source.startswith("\t"):
        assert lines[-1].index("^") == lines[-2].index("n")


def test_a_very_long_line_is_cut_around_the_place() -> None:
    source = "x" * 5000 + "HERE" + "y" * 5000
    lines = [line.plain for line in diagnostic_lines(Diagnostic("f", 1, 5001, "m", None, source, 4))]
    start = lines[-1].index("^^^^")
    assert lines[-2][start : start + 4] == "HERE"
    assert len(lines[-2]) < 130


def test_other_kinds_of_problems_are_shown_as_far_as_they_go() -> None:
    """The engine's problems know no file."""
    problem = GraphProblem("cycle: a -> b -> a", ("a", "b"), "remove one of the requirements")
    assert shown(InputError("cycle", [problem])) == (
        "error: cycle: a -> b -> a\nhelp: remove one of the requirements\n\n"
        "1 problem found; no host was touched.\n"
    )


def test_errors_without_a_place() -> None:
    assert shown(RefusedError("not now", hint="try later")) == "error: not now\nhelp: try later\n"
    assert shown(UnreachableError("web1", "no answer")) == "error: web1: no answer\n"
    assert shown(UnreachableError("web1", "web1: no answer")) == "error: web1: no answer\n"
    assert shown(HostSetupError("web1", "sudo refused", output="bad\nluck\n")) == (
        "error: web1: sudo refused\n  │ bad\n  │ luck\n"
    )
    assert shown(TaskError("failed", command=["nginx", "-t"])) == "error: failed\n  command: nginx -t\n"


def test_control_characters_of_a_file_or_host_are_shown() -> None:
    problem = Diagnostic("f\x1b[31m", 1, 1, "bad \x1b[2J", None, "a\x1b[2Jb", 1)
    assert "\x1b" not in shown(InputError("x", [problem]))
    assert "\x1b" not in shown(UnreachableError("web1", "\x1b]0;title\x07"))


def test_the_code_of_a_problem_stands_at_the_end_of_its_message() -> None:
    """Where it can be copied from, and where it does not push the message aside."""
    problem = Diagnostic("f.yml", 1, 1, "unknown module 'x'\nmore", code="unknown-module")
    lines = [line.plain for line in diagnostic_lines(problem)]
    assert lines[:2] == ["error: unknown module 'x' [unknown-module]", "  more"]
    assert diagnostic_lines(Diagnostic("f.yml", 1, 1, "m"))[0].plain == "error: m"
