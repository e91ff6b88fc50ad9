"""One round of a task as what it becomes on the host: its parameters, keywords and name, all settled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.compiler.actions import ActionContext, Part, run_action
from configurator.compiler.compiled import CompiledTask, Notification, Use
from configurator.compiler.inherited import Inherited
from configurator.compiler.late import LateValueError
from configurator.compiler.putoff import LateTasks
from configurator.compiler.roles import Role
from configurator.compiler.scope import Scope
from configurator.compiler.tasknodes import FactNode, IncludeNode, Node, RoleNode, TaskNode
from configurator.compiler.tasksettings import TaskSettings
from configurator.compiler.templating import TemplatingError
from configurator.compiler.toolbox import HostState, Toolbox
from configurator.compiler.values import OMIT, sendable
from configurator.compiler.verdicts import verdict
from configurator.config.expect import did_you_mean
from configurator.config.located import Located, LocatedMap
from configurator.modules.base import Module
from configurator.modules.debug import DebugParams
from configurator.modules.effects import OPAQUE, Effects, effects
from configurator.modules.homes import any_home, in_roots_home
from configurator.modules.params import parse, specs
from configurator.modules.state import SHOWN_MASK

_NO_HOST = frozenset({"assert", "debug", "fail", "pause", "set_fact"})  # done by the controller anyway
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})  # this machine, in the inventory or not
_SHOWN = 60  # characters of a loop's item, or of a command, that are worth showing
_GUARDED = ("path:", "unit:")  # what can be put back of what a task writes
_MASKED = 4  # shorter secrets are part of ordinary words


@dataclass(slots=True)
class TaskIds:
    """Ids that no other task of the host has; `base` is the role, or the task that was put off.

    Tasks are numbered within their role, handlers among those of their name alone: what a killed run owes is
    known by the id, and must be found again after other handlers were added or removed.
    """

    base: str
    prefix: str = ""
    numbers: dict[str, int] = field(default_factory=dict)
    uses: int = 0

    def next(self, name: str) -> str:
        """Return the id of a task that people know by `name`."""
        counted = f"{self.prefix}:{name}" if self.prefix else ""
        number = self.numbers[counted] = self.numbers.get(counted, 0) + 1
        return f"{self.base}/{self.prefix}{number}:{name}"

    def use(self, role: str) -> str:
        """Return what no other use of a role on the host is called."""
        self.uses += 1
        return f"{self.base}/use {self.uses} of {role}"


class TaskMaker:
    """Makes the tasks of one role on one host."""

    def __init__(
        self,
        role: Role,
        tools: Toolbox,
        state: HostState,
        settings: TaskSettings,
        late: LateTasks,
        ids: TaskIds,
    ) -> None:
        self.role = role
        self.tools = tools
        self.state = state
        self.settings = settings
        self.late = late
        self.ids = ids
        self.selection = state.selection
        self.use: Use = ()
        self._rounds = 1

    def begin(self) -> None:
        """Count rounds anew: the next task is another one."""
        self._rounds = 1

    def concrete(self, node: TaskNode, here: Inherited, label: str | None) -> Iterator[CompiledTask]:
        """Yield what one round of a task becomes on the host."""
        if node.foreign is not None and self.ids.prefix != "h":  # a handler fails if it is notified
            message = f"unknown module {node.foreign!r}, and this task would run"
            raise TemplatingError(node.args.span.diagnostic(message, code="unknown-module"))
        module = self.tools.modules.get(node.module)
        declared = specs(module.params)
        raw = self._arguments(node, here)
        as_root = partial(self.settings.as_root, here)
        ours = "src" if "remote_src" in declared else None  # it may be a file of the controller
        raw = in_roots_home(module.params, raw, as_root, but=ours)
        for name, spec in declared.items():
            for word in (name, *spec.aliases) if spec.secret else ():
                if isinstance(raw.get(word), str) and raw[word]:
                    self.state.secrets.add(raw[word])
        parsed, problems = parse(module.params, raw, module.omitted)
        problems = [*problems, *(module.check(parsed) if parsed is not None else ())]
        for problem in problems:
            span = node.args.key_span(problem.param) if problem.param else node.args.span
            self.state.diagnostics.add(span, problem.message, problem.hint, code="wrong-parameter")
        if problems:
            return
        quiet = parsed.verbosity if isinstance(parsed, DebugParams) else 0
        if quiet > self.state.verbosity:
            yield from self.skipped(node, self.name(node, here.scope), here, f"-{'v' * quiet}", label)
            return
        context = ActionContext(
            self.role.path, self.tools.root, here.scope, self.tools.templates, node.args, self.state.blobs
        )
        for part in run_action(node.module, declared, raw, context):
            known = in_roots_home(self.tools.modules.get(part.module).params, part.params, as_root)
            task = self._compiled(node, replace(part, params=known), here, label)
            if self.selection.wants_task(task):
                yield task
            else:
                self.state.left_out.add((self.role.name, task.name))

    def _arguments(self, node: TaskNode, here: Inherited) -> dict[str, Any]:
        raw: dict[str, Any] = {}
        for key, located in self.written(node, here).items():
            value = here.scope.value(located)
            if value is OMIT:
                raw.pop(str(key), None)
                continue
            try:
                raw[str(key)] = sendable(value)
            except TypeError as error:
                raise TemplatingError(located.span.diagnostic(str(error), code="wrong-parameter")) from None
        return raw

    def written(self, node: TaskNode, here: Inherited) -> Mapping[Any, Located]:
        """Return a task's parameters as written, with the defaults for its module that are in force."""
        found: dict[Any, Located] = {}
        for layer in here.module_defaults:
            for name, values in layer.entries.items():
                if self.tools.modules.canonical(str(name)) == node.module and isinstance(values, LocatedMap):
                    found |= values.entries
        if not found:
            return node.args.entries
        declared = specs(self.tools.modules.get(node.module).params)
        for spec_name, spec in declared.items():  # a default under another of the parameter's names
            words = {spec_name, *spec.aliases}
            if found.keys() & words and node.args.entries.keys() & words:
                found = {key: value for key, value in found.items() if key not in words}
        return {**found, **node.args.entries}

    def _compiled(self, node: TaskNode, part: Part, here: Inherited, label: str | None) -> CompiledTask:
        module = self.tools.modules.get(part.module)
        parsed, problems = parse(module.params, part.params)
        for problem in problems:  # only a module that wants what stays here could cause one
            self.state.diagnostics.add(node.args.span, problem.message, problem.hint, code="wrong-parameter")
        found = effects_of(module, parsed, part.params) if parsed is not None else Effects()
        scope = here.scope
        if node.writes is not None:
            reads = self.settings.texts(node.reads, scope)
            found = effects(reads=reads, writes=self.settings.texts(node.writes, scope))
        written = self.name(node, scope)
        keywords = self.settings.of_task(node, here)
        handed_to = self._delegate(node, here)
        if handed_to is not None:
            # What it touches is another host's: the written order is all that is known of it.
            found = found if node.writes is not None else OPAQUE
            keywords |= {"delegate_to": handed_to, "become_user": self.settings.explicit_user(here)}
        if not module.as_user:
            keywords["become_user"] = None
        if keywords["guarded"]:
            keywords["guards"] = tuple(sorted(key for key in found.writes if key.startswith(_GUARDED)))
        if keywords["no_log"]:
            shown = f"{written} ({self._rounds})" if label is not None else written
            self._rounds += 1
        elif node.name is None and parsed is not None:
            shown = named_after(part.module, module, parsed)
        else:
            shown = with_label(with_label(written, label), part.suffix or None)
        shown = self.shown(shown)
        decided, judged = verdict(node, scope, self.settings)
        spec = TaskSpec(
            id=self.ids.next(shown),
            role=self.role.name,
            name=shown,
            module=part.module,
            params=dict(part.params),
            locks=tuple(self.settings.texts(node.locks, scope)),
            position=str(node.span),
            tell=node.register is not None or judged is not None or bool(facts_of(module, parsed)),
            **decided,
            **keywords,
        )
        if judged is not None:
            self.late.judged[spec.id] = judged
        return replace(self.finish(node, spec, written, here, found, module.typical_s), module=module)

    def _delegate(self, node: TaskNode, here: Inherited) -> str | None:
        """Return the host that a task is handed to; None if this host does it, or no host at all."""
        if here.delegate_to is None or node.module in _NO_HOST:
            return None
        value = here.scope.value(here.delegate_to)
        name = "" if value is None or value is OMIT else str(value)
        if name in ("", self.state.host):
            return None
        known = self.tools.variables.inventory.hosts
        if name not in known and name not in LOCAL:
            hint = did_you_mean(name, known)
            span = here.delegate_to.span
            raise TemplatingError(span.diagnostic(f"there is no host {name!r}", hint, code="no-such-host"))
        return name

    def finish(
        self, node: Node, spec: TaskSpec, name: str, here: Inherited, found: Effects, typical_s: float
    ) -> CompiledTask:
        """Return a task with what is said of its order."""
        words = [
            (text, item.span)
            for item in here.notify
            for text in self.settings.texts([item], here.scope, commas=False)
        ]
        task = node if isinstance(node, TaskNode) else None
        listen = node.listen if isinstance(node, TaskNode | IncludeNode) else ()
        return CompiledTask(
            spec=spec,
            role=self.role.name,
            name=name,
            effects=found,
            span=node.span,
            requires=self.settings.requirements(task.requires, here.scope) if task else (),
            notify=tuple(Notification(*word) for word in words) if spec.skip is None else (),
            listen=tuple(self.settings.texts(listen, here.scope, commas=False)),
            typical_s=typical_s,
            uses=(self.use,),
        )

    def listening(
        self, node: IncludeNode, scope: Scope, tasks: Iterator[CompiledTask]
    ) -> Iterator[CompiledTask]:
        """Yield the tasks of an included file; of handlers each also hears the words of the include."""
        if self.ids.prefix != "h":
            yield from tasks
            return
        words = [*self.settings.texts(node.listen, scope, commas=False)]
        if node.name is not None:
            words.append(self.name(node, scope))
        for task in tasks:
            yield replace(task, listen=tuple(dict.fromkeys((*task.listen, *words))))

    def skipped(
        self, node: Node, name: str, here: Inherited, why: str, label: str | None = None
    ) -> Iterator[CompiledTask]:
        """Yield a task that only says why it does not run, unless `--only` means others."""
        if self.selection.only and not self.wanted_uncompiled(node, here.scope):
            self.state.left_out.add((self.role.name, name))
            return
        shown = self.shown(with_label(name, label))
        spec = TaskSpec(
            id=self.ids.next(shown),
            role=self.role.name,
            name=shown,
            module=module_word(node),
            skip=why,
            position=str(node.span),
        )
        yield self.finish(node, spec, name, replace(here, notify=()), Effects(), 0.0)

    def wanted_uncompiled(self, node: Node, scope: Scope) -> bool:
        """Return True if `--only` names this task, which is not compiled."""
        if not isinstance(node, TaskNode):
            return False
        return self.selection.wants_uncompiled(node.module, self.name(node, scope), self._likely(node, scope))

    def _likely(self, node: TaskNode, scope: Scope) -> Effects | None:
        """Return what a task is about that need not be compilable; None if that cannot be told."""
        try:
            if node.writes is not None:
                return effects(writes=self.settings.texts(node.writes, scope))
            raw = self._arguments(node, Inherited(scope))
        except (TemplatingError, LateValueError):
            return None
        module = self.tools.modules.get(node.module)
        params, _ = parse(module.params, raw)
        return None if params is None else effects_of(module, params, raw)

    def name(self, node: Node, scope: Scope) -> str:
        """Return a task's name; one that cannot be rendered (of a skipped loop, say) stays as written."""
        if node.name is None:
            return module_word(node)
        try:
            return str(scope.value(node.name))
        except (TemplatingError, LateValueError):
            return str(node.name.value)

    def shown(self, text: str) -> str:
        """Return a name without secret texts: it is written to journals on both sides."""
        for secret in self.state.secrets:
            if len(secret) >= _MASKED and secret in text:
                text = text.replace(secret, SHOWN_MASK)
        return text


def named_after(word: str, module: Module[Any], parsed: Any) -> str:
    """Return what a task without a name is called: its module, and what it is about."""
    return short(f"{word}: {module.subject(parsed).partition(':')[2]}".rstrip(": "))


def effects_of(module: Module[Any], parsed: Any, raw: Mapping[str, Any]) -> Effects:
    """Return what a task with these parameters touches; only the host knows where somebody's home is."""
    return OPAQUE if any_home(module.params, raw) else module.effects(parsed)


def facts_of(module: Module[Any], parsed: Any) -> tuple[str, ...]:
    """Return the names of the facts that a task with these parameters gathers."""
    return () if parsed is None else tuple(module.facts(parsed))


def module_word(node: Node) -> str:
    """Return what a task uses, as events name it."""
    match node:
        case TaskNode():
            return node.foreign or node.module
        case FactNode():
            return "set_fact"
        case IncludeNode():
            return "include_tasks"
        case RoleNode():
            return "include_role"
        case _:
            return type(node).__name__.removesuffix("Node").lower().replace("vars", "include_vars")


def short(text: str) -> str:
    """Return a text as one line that is not too long."""
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def with_label(name: str, label: str | None) -> str:
    """Return a name with what tells this round from the others."""
    return f"{name} ({label})" if label is not None else name
