"""What is checked before any host is asked: syntax, literal parameters, files, names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from configurator.compiler.actions import script_name
from configurator.compiler.roles import Role, RoleLibrary
from configurator.compiler.statements import expressions
from configurator.compiler.tasknodes import (
    FactNode,
    IncludeNode,
    Keywords,
    Loop,
    Node,
    RoleNode,
    TaskNode,
    VarsNode,
)
from configurator.compiler.templatefiles import OPTIONS, find_file
from configurator.compiler.templating import Engine, TemplatingError, is_template
from configurator.compiler.toolbox import Toolbox
from configurator.compiler.values import is_boolean, is_seconds, truthy
from configurator.config.diagnostics import Diagnostics
from configurator.config.expect import did_you_mean, kind_of
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar, Mark
from configurator.modules.base import Module
from configurator.modules.params import ParamSpec, convert, parse, specs, unknown


def check_variables(layers: Iterable[Mapping[str, Located]], engine: Engine, problems: Diagnostics) -> None:
    """Note templates among the variables that cannot be parsed."""
    for layer in layers:
        for value in layer.values():
            check_templates(value, engine, problems)


def check_templates(value: Located, engine: Engine, problems: Diagnostics) -> None:
    """Note templates inside a value that cannot be parsed."""
    for scalar in _scalars(value):
        if Mark.UNSAFE not in scalar.mark and is_template(str(scalar.value)):
            try:
                engine.check(str(scalar.value), scalar)
            except TemplatingError as error:
                problems.extend([error.diagnostic])


def _scalars(value: Located) -> Iterator[LocatedScalar]:
    pending: list[Located] = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, LocatedMap):
            keys = (key for key in current.entries if isinstance(key, str) and is_template(key))
            yield from (LocatedScalar(key, current.key_span(key)) for key in keys)
            pending += reversed(current.entries.values())
        elif isinstance(current, LocatedList):
            pending += reversed(current.items)
        elif isinstance(current.value, str):
            yield current


def check_roles(toolbox: Toolbox, problems: Diagnostics, roles: Iterable[Role] | None = None) -> None:
    """Note what is wrong with roles that were read (all of them, or `roles`)."""
    names = _Names(toolbox.library)
    engine = toolbox.variables.engine
    for role in toolbox.library.loaded() if roles is None else roles:
        checker = _RoleChecker(role, toolbox, engine, names, problems)
        check_variables([role.defaults, role.vars, *(use.given for use in role.needs)], engine, problems)
        for node in role.nodes():
            checker.check(node)


class _Names:
    """What tasks and handlers are called, for as far as that can be told without a host."""

    def __init__(self, library: RoleLibrary) -> None:
        self.roles = frozenset(library.names())
        self.tasks: dict[str, set[str]] = {}
        self.handlers: set[str] = set()
        self.open_tasks: set[str] = set()  # roles in which some names are known only on a host
        self.open_handlers = False
        for role in library.loaded():
            names = self.tasks.setdefault(role.name, set())
            for node in role.nodes():
                if isinstance(node, RoleNode) or (
                    isinstance(node, IncludeNode) and is_template(str(node.file.value))
                ):
                    self.open_tasks.add(role.name)
                    self.open_handlers = True
                if node.name is not None:
                    names.add(str(node.name.value))
                    if is_template(str(node.name.value)):
                        self.open_tasks.add(role.name)
            self._add_handlers(role)

    def _add_handlers(self, role: Role) -> None:
        # A file may be included by tasks and handlers alike, so every named node counts as a handler.
        for node in role.nodes():
            words = [node.name, *(node.listen if isinstance(node, TaskNode | IncludeNode) else ())]
            for word in words:
                if word is not None:
                    self.handlers |= {str(word.value), f"{role.name} : {word.value}"}
                    self.open_handlers = self.open_handlers or is_template(str(word.value))


@dataclass(frozen=True, slots=True)
class _RoleChecker:
    """Checks the nodes of one role."""

    role: Role
    tools: Toolbox
    engine: Engine
    names: _Names
    problems: Diagnostics

    def check(self, node: Node) -> None:
        """Note what is wrong with one node."""
        self._keywords(node.keywords)
        if node.name is not None:
            check_templates(node.name, self.engine, self.problems)
        loop: Loop | None = getattr(node, "loop", None)
        if loop is not None:
            check_templates(loop.items, self.engine, self.problems)
        if isinstance(node, IncludeNode | RoleNode):
            self._keywords(node.apply)
            file = node.file if isinstance(node, IncludeNode) else node.role
            check_templates(file, self.engine, self.problems)
        elif isinstance(node, FactNode | VarsNode):
            written = node.facts if isinstance(node, FactNode) else node.args
            check_templates(written, self.engine, self.problems)
        elif isinstance(node, TaskNode):
            self._task(node)

    def _keywords(self, keywords: Keywords) -> None:
        for condition in keywords.when:
            self._expression(condition)
        check_variables([keywords.vars], self.engine, self.problems)
        self._literals(keywords)
        for value in (*keywords.environment, *keywords.tags, *keywords.notify):
            check_templates(value, self.engine, self.problems)
        if not self.names.open_handlers:
            for word in keywords.notify:
                name = str(word.value)
                if name not in self.names.handlers and not is_template(name):
                    hint = did_you_mean(name, self.names.handlers)
                    self.problems.add(
                        word.span, f"no role has a handler {name!r}", hint, code="unknown-handler"
                    )

    def _expression(self, expression: LocatedScalar) -> None:
        if isinstance(expression.value, str):
            try:
                self.engine.check_expression(expression.value, expression.span)
            except TemplatingError as error:
                self.problems.extend([error.diagnostic])

    def _literals(self, keywords: Keywords) -> None:
        """Note keywords that must be true or false and are neither."""
        names = (
            "become",
            "no_log",
            "ignore_errors",
            "ignore_unreachable",
            "check_mode",
            "critical",
            "guarded",
            "diff",
            "run_once",
        )
        for name, value in ((name, getattr(keywords, name)) for name in names):
            if value is not None and not is_template(str(value.value)) and not is_boolean(value.value):
                message = f"{name!r} must be true or false, not {kind_of(value)}"
                self.problems.add(value.span, message, code="wrong-type")
        limit = keywords.timeout
        if limit is not None and not is_template(str(limit.value)) and not is_seconds(limit.value):
            self.problems.add(
                limit.span, f"'timeout' must be a number of seconds, not {kind_of(limit)}", code="wrong-type"
            )

    def _task(self, node: TaskNode) -> None:
        check_templates(node.args, self.engine, self.problems)
        module = self.tools.modules.get(node.module)
        check_literals(node, module, self.problems)
        for expression in expressions(node.module, node.args):
            self._expression(expression)
        self._source(node, specs(module.params))
        if node.module == "script":
            self._script(node)
        self._verdict(node)
        for requirement in node.requires:
            self._requirement(requirement.role, requirement.task, requirement.span)

    def _verdict(self, node: TaskNode) -> None:
        """Note conditions that cannot be read, and numbers that are none."""
        written = node.verdict
        for conditions in (written.changed_when, written.failed_when, written.until):
            for condition in conditions or ():
                self._expression(condition)
        numbers = {"retries": written.retries, "delay": written.delay, "async": node.asynchronous}
        for name, value in {**numbers, "poll": node.poll}.items():
            if value is not None and not is_template(str(value.value)) and not is_seconds(value.value):
                self.problems.add(
                    value.span, f"{name!r} must be a number, not {kind_of(value)}", code="wrong-type"
                )

    def _requirement(self, role: str | None, task: str | None, span: Any) -> None:
        """Note a requirement that no host could satisfy; others are settled when a host is compiled."""
        own = self.names.tasks[self.role.name]
        if role is None:
            known = own | self.names.roles
            if task in known or self.role.name in self.names.open_tasks or is_template(str(task)):
                return
            message = f"{task!r} is neither a task of role {self.role.name!r} nor a role"
            self.problems.add(span, message, did_you_mean(task, known), code="unknown-requirement")
        elif role not in self.names.roles and not is_template(role):
            self.problems.add(
                span,
                f"unknown role {role!r}",
                did_you_mean(role, self.names.roles),
                code="unknown-requirement",
            )
        elif task is not None and role in self.names.tasks and role not in self.names.open_tasks:
            known = self.names.tasks[role]
            if task not in known and not is_template(task):
                self.problems.add(
                    span,
                    f"role {role!r} has no task {task!r}",
                    did_you_mean(task, known),
                    code="unknown-requirement",
                )

    def _source(self, node: TaskNode, declared: Mapping[str, ParamSpec]) -> None:
        """Look for the file that a literal `src` names, and parse it if it is a template."""
        source = node.args.get("src")
        spec = declared.get("src")
        if spec is None or not isinstance(source, LocatedScalar) or not isinstance(source.value, str):
            return
        renders = spec.on_controller and "content" in declared
        if _settled_later(source) or not (renders or node.module == "copy"):
            return
        remote = node.args.get("remote_src")
        if remote is not None and (not isinstance(remote, LocatedScalar) or _maybe_true(remote)):
            return
        kind = "templates" if renders else "files"
        try:
            path = find_file(source.value, kind, self.role.path, self.tools.root, source.span)
            options = {key: value.plain() for key, value in node.args.entries.items() if key in OPTIONS}
            if renders and not any(is_template(str(value)) for value in options.values()):
                self.tools.templates.load(path, self.role.path, options)
        except TemplatingError as error:
            self.problems.extend([error.diagnostic])

    def _script(self, node: TaskNode) -> None:
        """Look for the file that a literal `script` names."""
        written = node.args.get("cmd") or node.args.get("_raw_params")
        if written is None or is_template(str(written.plain()).partition(" ")[0]):
            return
        try:
            name = script_name(str(written.plain()), written.span)
            if not is_template(name):
                find_file(name, "files", self.role.path, self.tools.root, written.span)
        except TemplatingError as error:
            self.problems.extend([error.diagnostic])


def _settled_later(scalar: LocatedScalar) -> bool:
    """Return True if what a text says is known on a host alone, or once it is decrypted."""
    return Mark.VAULT in scalar.mark or (Mark.UNSAFE not in scalar.mark and is_template(str(scalar.value)))


def _maybe_true(value: LocatedScalar) -> bool:
    return is_template(str(value.value)) or truthy(value.value)


def check_literals(node: TaskNode, module: Module[Any], problems: Diagnostics) -> None:
    """Note unknown parameters and literal values of the wrong type; templated values are not looked at."""
    declared = specs(module.params)
    by_name = dict(declared)
    by_name |= {alias: spec for spec in declared.values() for alias in spec.aliases}
    literal: dict[str, Any] = {}
    complete = True
    for key, value in node.args.entries.items():
        if any(map(_settled_later, _scalars(value))):
            complete = False
            if key in by_name:
                continue
        literal[str(key)] = value.plain()
    if complete and node.loop is None:
        parsed, found = parse(module.params, literal, module.omitted)
        found = [*found, *(module.check(parsed) if parsed is not None else ())]
        for problem in found:
            span = node.args.key_span(problem.param) if problem.param else node.args.span
            problems.add(span, problem.message, problem.hint, code="wrong-parameter")
        return
    for name, plain in literal.items():
        if name not in by_name:
            problem = unknown(name, by_name, module.omitted)
            problems.add(node.args.key_span(name), problem.message, problem.hint, code="unknown-parameter")
        elif plain is not None:
            try:
                convert(by_name[name], plain)
            except ValueError as error:
                problems.add(node.args.key_span(name), f"{name!r}: {error}", code="wrong-parameter")
    for name, spec in declared.items():
        if spec.required and not {name, *spec.aliases} & node.args.entries.keys():
            problems.add(node.args.span, f"missing required parameter {name!r}", code="missing-parameter")
