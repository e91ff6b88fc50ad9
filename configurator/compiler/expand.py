"""One role on one host: its nodes walked from top to bottom into concrete tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.compiler.actions import ActionContext, Part, run_action
from configurator.compiler.compiled import CompiledTask, Notification
from configurator.compiler.inherited import Inherited
from configurator.compiler.roles import Role
from configurator.compiler.scope import FactStore, Scope
from configurator.compiler.selection import Selection
from configurator.compiler.tasknodes import BlockNode, FactNode, IncludeNode, Loop, Node, TaskNode
from configurator.compiler.tasksettings import TaskSettings
from configurator.compiler.templating import TemplatingError, is_template
from configurator.compiler.toolbox import HostState, Toolbox
from configurator.compiler.values import OMIT, sendable
from configurator.config.located import LocatedScalar
from configurator.modules.debug import DebugParams
from configurator.modules.effects import Effects, effects
from configurator.modules.params import parse, specs
from configurator.modules.state import SHOWN_MASK

_MAX_DEPTH = 50  # includes inside each other; more is a file that includes itself
_SHOWN = 60  # characters of a loop's item, or of a command, that are worth showing
_LABEL_KEYS = ("name", "key", "path", "dest")  # what tells mappings apart, for want of a declared label
_MASKED = 4  # shorter secrets are part of ordinary words


@dataclass(frozen=True, slots=True)
class Item:
    """One round of a loop: the scope with its item, and the label that tells it from the others."""

    scope: Scope
    label: str | None = None


class RoleExpander:
    """Compiles one use of one role; problems are noted, and the walk goes on with the next task."""

    def __init__(
        self, role: Role, toolbox: Toolbox, state: HostState, facts: FactStore, settings: TaskSettings
    ) -> None:
        self._role = role
        self._tools = toolbox
        self._state = state
        self._facts = facts
        self._settings = settings
        self._selection = state.selection
        self._prefix = ""
        self._numbers: dict[str, int] = {}
        self._rounds = 1

    def tasks(self, nodes: Sequence[Node], inherited: Inherited) -> list[CompiledTask]:
        """Return the concrete tasks of a list of nodes."""
        self._selection, self._prefix = self._state.selection, ""
        return list(self._walk(nodes, inherited, 0))

    def handlers(self, nodes: Sequence[Node], inherited: Inherited) -> list[CompiledTask]:
        """Return the concrete handlers of a list of nodes: never left out, since they run if notified."""
        self._selection, self._prefix = Selection(), "h"
        return list(self._walk(nodes, inherited, 0))

    def _walk(self, nodes: Sequence[Node], inherited: Inherited, depth: int) -> Iterator[CompiledTask]:
        for node in nodes:
            try:
                if isinstance(node, BlockNode):
                    yield from self._walk(node.children, inherited.enter(node.keywords), depth)
                elif isinstance(node, IncludeNode):
                    yield from self._include(node, inherited, depth)
                elif isinstance(node, FactNode):
                    self._set_fact(node, inherited)
                else:
                    yield from self._task(node, inherited)
            except TemplatingError as error:
                self._state.diagnostics.extend([error.diagnostic])

    # -- loops and conditions -----------------------------------------------------------------------------

    def _items(self, loop: Loop | None, scope: Scope, when: Sequence[LocatedScalar]) -> list[Item] | str:
        """Return the rounds of a loop (one without a loop), or why there are none."""
        if loop is None:
            return [Item(scope)]
        try:
            values = loop_values(loop, scope)
        except TemplatingError as error:
            if not error.undefined:
                raise
            # Ansible lets a false condition guard a loop over something undefined.
            try:
                skipped = self._false_condition(when, scope)
            except TemplatingError:
                raise error from None
            if skipped is None:
                raise
            return skipped
        items = []
        for number, value in enumerate(values):
            names = {loop.var: value} | ({loop.index_var: number} if loop.index_var else {})
            inner = scope.child(loops=names)
            items.append(Item(inner, self._label(loop, inner, value, number)))
        return items or "the loop has no items"

    def _label(self, loop: Loop, scope: Scope, value: Any, number: int) -> str:
        if loop.label is not None:
            value = scope.value(loop.label)
        if isinstance(value, dict):
            value = next((value[key] for key in _LABEL_KEYS if key in value), number + 1)
        return _short(str(value) if isinstance(value, str | int | float) else str(number + 1))

    def _false_condition(self, when: Sequence[LocatedScalar], scope: Scope) -> str | None:
        """Return the first condition that does not hold, as people wrote it."""
        for condition in when:
            if not scope.condition(condition):
                text = str(condition.value).strip()
                return text.lower() if isinstance(condition.value, bool) else text
        return None

    # -- the kinds of nodes ---------------------------------------------------------------------------------

    def _include(self, node: IncludeNode, inherited: Inherited, depth: int) -> Iterator[CompiledTask]:
        if depth >= _MAX_DEPTH:
            message = f"files include each other more than {_MAX_DEPTH} deep"
            raise TemplatingError(node.file.span.diagnostic(message))
        if node.static:
            inner = inherited.enter(node.keywords)
            yield from self._walk(self._included(node, inner.scope), inner, depth + 1)
            return
        entered = inherited.enter(node.keywords)
        if not self._selected(entered):
            self._pass_over([node], entered.scope)
            return
        items = self._items(node.loop, entered.scope, entered.when)
        if isinstance(items, str):
            yield from self._skipped(node, self._name(node, entered.scope), entered, items)
            return
        for item in items:
            false = self._false_condition(entered.when, item.scope)
            if false is not None:
                name = _with_label(self._name(node, item.scope), item.label)
                yield from self._skipped(node, name, replace(entered, scope=item.scope), false)
                continue
            # The include's own conditions and tags are settled here; its other keywords hold inside.
            inner = inherited.enter(node.keywords, but=("tags",)).enter(node.apply)
            scope = item.scope.child(node.apply.vars) if node.apply.vars else item.scope
            inner = replace(inner, scope=scope, when=node.apply.when)
            yield from self._walk(self._included(node, item.scope), inner, depth + 1)

    def _included(self, node: IncludeNode, scope: Scope) -> Sequence[Node]:
        name = str(scope.value(node.file))
        return self._tools.library.included(self._role, node, name, self._state.diagnostics)

    def _set_fact(self, node: FactNode, inherited: Inherited) -> None:
        entered = inherited.enter(node.keywords)
        name = self._name(node, entered.scope)
        self._state.left_out.add((self._role.name, name))  # nothing to wait for: it is done already
        if not self._selected(entered):
            return
        items = self._items(node.loop, entered.scope, entered.when)
        for item in items if not isinstance(items, str) else ():
            if self._false_condition(entered.when, item.scope) is not None:
                continue
            values = {key: item.scope.value(value) for key, value in node.facts.entries.items()}
            for fact, value in values.items():
                self._facts.set(fact, value)

    def _task(self, node: TaskNode, inherited: Inherited) -> Iterator[CompiledTask]:
        entered = inherited.enter(node.keywords)
        if not self._selected(entered):
            self._pass_over([node], entered.scope)
            self._state.left_out.add((self._role.name, self._name(node, entered.scope)))
            return
        items = self._items(node.loop, entered.scope, entered.when)
        self._rounds = 1
        if isinstance(items, str):
            yield from self._skipped(node, self._name(node, entered.scope), entered, items)
            return
        for item in items:
            here = replace(entered, scope=item.scope)
            false = self._false_condition(here.when, here.scope)
            if false is not None:
                yield from self._skipped(node, self._name(node, here.scope), here, false, item.label)
            else:
                yield from self._concrete(node, here, item.label)

    def _selected(self, entered: Inherited) -> bool:
        return self._selection.wants_tags(self._settings.texts(entered.tags, entered.scope))

    # -- one task -------------------------------------------------------------------------------------

    def _concrete(self, node: TaskNode, here: Inherited, label: str | None) -> Iterator[CompiledTask]:
        """Yield what one round of a task becomes on the host."""
        module = self._tools.modules.get(node.module)
        declared = specs(module.params)
        raw = self._arguments(node, here.scope)
        for name, spec in declared.items():
            for word in (name, *spec.aliases) if spec.secret else ():
                if isinstance(raw.get(word), str) and raw[word]:
                    self._state.secrets.add(raw[word])
        parsed, problems = parse(module.params, raw)
        problems = [*problems, *(module.check(parsed) if parsed is not None else ())]
        for problem in problems:
            span = node.args.key_span(problem.param) if problem.param else node.args.span
            self._state.diagnostics.add(span, problem.message, problem.hint)
        if problems:
            return
        quiet = parsed.verbosity if isinstance(parsed, DebugParams) else 0
        if quiet > self._state.verbosity:
            yield from self._skipped(node, self._name(node, here.scope), here, f"-{'v' * quiet}", label)
            return
        context = ActionContext(
            self._role.path, self._tools.root, here.scope, self._tools.templates, node.args, self._state.blobs
        )
        for part in run_action(node.module, declared, raw, context):
            task = self._compiled(node, part, here, label)
            if self._selection.wants_task(task):
                yield task
            else:
                self._state.left_out.add((self._role.name, task.name))

    def _arguments(self, node: TaskNode, scope: Scope) -> dict[str, Any]:
        raw: dict[str, Any] = {}
        for key, located in node.args.entries.items():
            value = scope.value(located)
            if value is OMIT:
                continue
            try:
                raw[str(key)] = sendable(value)
            except TypeError as error:
                raise TemplatingError(located.span.diagnostic(str(error))) from None
        return raw

    def _compiled(self, node: TaskNode, part: Part, here: Inherited, label: str | None) -> CompiledTask:
        module = self._tools.modules.get(part.module)
        parsed, problems = parse(module.params, part.params)
        for problem in problems:  # only a module that wants what stays here could cause one
            self._state.diagnostics.add(node.args.span, problem.message, problem.hint)
        found = module.effects(parsed) if parsed is not None else Effects()
        scope = here.scope
        if node.writes is not None:
            reads = self._settings.texts(node.reads, scope)
            found = effects(reads=reads, writes=self._settings.texts(node.writes, scope))
        written = self._name(node, scope)
        keywords = self._settings.of_task(node, here)
        if not module.as_user:
            keywords["become_user"] = None
        if keywords["no_log"]:
            shown = f"{written} ({self._rounds})" if label is not None else written
            self._rounds += 1
        elif node.name is None and parsed is not None:
            shown = _short(f"{part.module}: {module.subject(parsed).partition(':')[2]}".rstrip(": "))
        else:
            shown = _with_label(_with_label(written, label), part.suffix or None)
        shown = self._masked(shown)
        spec = TaskSpec(
            id=self._next_id(shown),
            role=self._role.name,
            name=shown,
            module=part.module,
            params=dict(part.params),
            locks=tuple(self._settings.texts(node.locks, scope)),
            position=str(node.span),
            **keywords,
        )
        return replace(self._finish(node, spec, written, here, found, module.typical_s), module=module)

    def _finish(
        self,
        node: TaskNode | IncludeNode,
        spec: TaskSpec,
        name: str,
        here: Inherited,
        found: Effects,
        typical_s: float,
    ) -> CompiledTask:
        notify = tuple(
            Notification(text, item.span)
            for item in here.notify
            for text in self._settings.texts([item], here.scope, commas=False)
        )
        task = node if isinstance(node, TaskNode) else None
        return CompiledTask(
            spec=spec,
            role=self._role.name,
            name=name,
            effects=found,
            span=node.span,
            requires=self._settings.requirements(task.requires, here.scope) if task else (),
            notify=notify if spec.skip is None else (),
            listen=tuple(self._settings.texts(task.listen, here.scope, commas=False)) if task else (),
            typical_s=typical_s,
        )

    def _skipped(
        self, node: TaskNode | IncludeNode, name: str, here: Inherited, why: str, label: str | None = None
    ) -> Iterator[CompiledTask]:
        """Yield a task that only says why it does not run, unless `--only` means others."""
        if self._selection.only and not self._pass_over([node], here.scope):
            self._state.left_out.add((self._role.name, name))
            return
        shown = self._masked(_with_label(name, label))
        module = node.module if isinstance(node, TaskNode) else "include_tasks"
        spec = TaskSpec(
            id=self._next_id(shown),
            role=self._role.name,
            name=shown,
            module=module,
            skip=why,
            position=str(node.span),
        )
        yield self._finish(node, spec, name, here, Effects(), 0.0)

    def _pass_over(self, nodes: Sequence[Node], scope: Scope) -> bool:
        """Tell the selection of tasks that are not compiled; return True if `--only` names one of them."""
        wanted = False
        pending = list(nodes) if self._selection.only else []
        entered: set[IncludeNode] = set()
        while pending:
            node = pending.pop()
            if isinstance(node, TaskNode):
                name, about = self._name(node, scope), self._likely_effects(node, scope)
                wanted |= self._selection.wants_uncompiled(node.module, name, about)
            elif isinstance(node, BlockNode):
                pending += node.children
            elif isinstance(node, IncludeNode) and is_template(str(node.file.value)):
                self._selection.gives_up()
            elif isinstance(node, IncludeNode) and node not in entered:
                entered.add(node)
                pending += self._included(node, scope)
        return wanted

    def _likely_effects(self, node: TaskNode, scope: Scope) -> Effects | None:
        """Return what a task is about that need not be compilable; None if that cannot be told."""
        try:
            if node.writes is not None:
                return effects(writes=self._settings.texts(node.writes, scope))
            raw = self._arguments(node, scope)
        except TemplatingError:
            return None
        module = self._tools.modules.get(node.module)
        params, _ = parse(module.params, raw)
        return None if params is None else module.effects(params)

    def _masked(self, text: str) -> str:
        """Return a name without secret texts: it is written to journals on both sides."""
        for secret in self._state.secrets:
            if len(secret) >= _MASKED and secret in text:
                text = text.replace(secret, SHOWN_MASK)
        return text

    def _next_id(self, name: str) -> str:
        """Return an id that no other task of the host has.

        Tasks are numbered within their role, handlers among those of their name alone: what a killed run
        owes is known by the id, and must be found again after other handlers were added or removed.
        """
        counted = f"{self._prefix}:{name}" if self._prefix else ""
        number = self._numbers[counted] = self._numbers.get(counted, 0) + 1
        return f"{self._role.name}/{self._prefix}{number}:{name}"

    def _name(self, node: TaskNode | IncludeNode | FactNode, scope: Scope) -> str:
        """Return a task's name; one that cannot be rendered (of a skipped loop, say) stays as written."""
        if node.name is None:
            return node.module if isinstance(node, TaskNode) else "include_tasks"
        try:
            return str(scope.value(node.name))
        except TemplatingError:
            return str(node.name.value)


def loop_values(loop: Loop, scope: Scope) -> list[Any]:
    """Return the items of a loop; TemplatingError if what is looped over is no list."""
    value = scope.value(loop.items)
    if loop.kind == "with_dict":
        if not isinstance(value, Mapping):
            raise TemplatingError(loop.items.span.diagnostic("'with_dict' wants a mapping"))
        return [{"key": key, "value": item} for key, item in value.items()]
    if loop.kind == "with_items":
        if not isinstance(value, list):
            return [value] if value is not None else []
        return [inner for item in value for inner in (item if isinstance(item, list) else [item])]
    if not isinstance(value, list):
        hint = "use 'dict2items' to loop over a mapping" if isinstance(value, Mapping) else None
        raise TemplatingError(loop.items.span.diagnostic(f"'loop' wants a list, not {value!r}", hint))
    return value


def _short(text: str) -> str:
    """Return a text as one line that is not too long."""
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _with_label(name: str, label: str | None) -> str:
    return f"{name} ({label})" if label is not None else name
