"""Every reader of what people write, as `text in, problems out`; what is raised is a defect."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from configurator.compiler.argspecs import read_argument_specs
from configurator.compiler.extravars import read_extra_vars
from configurator.compiler.taskfile import TaskFileReader
from configurator.compiler.templating import Engine, TemplatingError
from configurator.config.diagnostics import Diagnostic, Diagnostics, Span
from configurator.config.located import LocatedScalar
from configurator.config.settings import load_settings
from configurator.config.yamlsource import parse_yaml, read_text
from configurator.inventory.inifile import read_ini_inventory
from configurator.inventory.model import Inventory
from configurator.inventory.yamlfile import read_yaml_inventory
from configurator.modules import registry

Problems = Sequence[Diagnostic]


def yaml(text: str) -> Problems:
    """Any YAML file."""
    found = Diagnostics()
    for loose in (True, False):
        value = parse_yaml(text, "file", found, loose_booleans=loose)
        if value is not None:
            value.plain()
    return found.sorted()


def content(data: bytes) -> Problems:
    """Any file, from its bytes on."""
    found = Diagnostics()
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        text = read_text(file.name, found, name="file")
    return [*found.sorted(), *(yaml(text) if text is not None else ())]


def settings(text: str) -> Problems:
    """config.yaml."""
    found = Diagnostics()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        load_settings(str(path), found)
    return found.sorted()


def tasks(text: str) -> Problems:
    """A task file, and the same as handlers; the declared variables of a role."""
    found = Diagnostics()
    value = parse_yaml(text, "file", found)
    if value is not None:
        for handlers in (False, True):
            TaskFileReader(registry, ["nginx"], found).read(value, "/nonexistent", handlers=handlers)
        read_argument_specs(value, found)
    return found.sorted()


def yaml_inventory(text: str) -> Problems:
    """An inventory in YAML."""
    found, inventory = Diagnostics(), Inventory()
    value = parse_yaml(text, "file", found)
    if value is not None:
        read_yaml_inventory(value, inventory, found)
        inventory.finish(found)
    return found.sorted()


def ini_inventory(text: str) -> Problems:
    """An inventory in INI format."""
    found, inventory = Diagnostics(), Inventory()
    read_ini_inventory(text, "file", inventory, found)
    inventory.finish(found)
    return found.sorted()


def extra_vars(text: str) -> Problems:
    """`--extra-vars`, but for `@file`."""
    found = Diagnostics()
    read_extra_vars([text.lstrip("@")], found)
    return found.sorted()


_ENGINE = Engine()


def template(text: str) -> Problems:
    """A text with templates, parsed and evaluated; the same as a condition."""
    span = Span("file", 1, 1, 1, text.partition("\n")[0])
    variables = {"a": 1, "b": ["x", "y"], "c": {"d": "e"}, "t": "text"}
    found: list[Diagnostic] = []
    engine = Engine() if len(_ENGINE._texts) > 1000 else _ENGINE
    for as_condition in (False, True):
        try:
            literal = LocatedScalar(text, span)
            parsed = engine.expression(text, span) if as_condition else engine.text(text, literal)
            engine.evaluate(parsed, variables, lambda _file, _line: span)
        except TemplatingError as error:
            found.append(error.diagnostic)
    return found


READERS = {
    reader.__name__: reader
    for reader in (yaml, settings, tasks, yaml_inventory, ini_inventory, extra_vars, template)
}


def held(text: str, found: Problems) -> None:
    """Hold problems to what people can use: a message, and a place that there is in the file."""
    lines = text.count("\n") + text.count("\r") + sum(text.count(mark) for mark in "\x85\u2028\u2029") + 2
    for problem in found:
        assert problem.message, problem
        assert len(str(problem)) < 2000, problem
        assert 0 <= problem.line <= lines, problem
        assert problem.column >= (1 if problem.line else 0), problem
        assert problem.length >= 1, problem
        assert "\n" not in problem.source, problem
