"""A task file read into nodes; everything that can be told without a host is checked on the way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from configurator.compiler import keywords as words
from configurator.compiler.compiled import Requirement
from configurator.compiler.freeform import parse_free_form
from configurator.compiler.tasknodes import (
    BlockNode,
    FactNode,
    IncludeNode,
    Keywords,
    Loop,
    Node,
    TaskNode,
)
from configurator.compiler.values import is_boolean
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import as_list, as_map, as_text, did_you_mean, kind_of
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar
from configurator.modules.base import Module
from configurator.modules.params import specs
from configurator.modules.registry import COLLECTIONS


class ModuleTable(Protocol):
    """Where modules are found by name: `modules.registry`, or a test's own."""

    def names(self) -> list[str]:
        """Return every name by which a module can be called."""

    def canonical(self, name: str) -> str | None:
        """Return the module's own name, or None if there is none."""

    def get(self, name: str) -> Module[Any]:
        """Return the module; KeyError if there is none."""


@dataclass(frozen=True, slots=True)
class TaskFileReader:
    """Reads task files; `roles` are the names of all roles, by which a requirement is told from a task."""

    modules: ModuleTable
    roles: Collection[str]
    diagnostics: Diagnostics

    def read(self, value: Located, folder: str, *, handlers: bool = False) -> tuple[Node, ...]:
        """Return the nodes of a file's list of tasks."""
        items = as_list(value, "a list of handlers" if handlers else "a task file", self.diagnostics)
        found = (self._node(item, folder, handlers) for item in items or ())
        return tuple(node for node in found if node is not None)

    def _node(self, item: Located, folder: str, handlers: bool) -> Node | None:
        if not isinstance(item, LocatedMap):
            self.diagnostics.add(item.span, f"a task must be a mapping, not {kind_of(item)}")
            return None
        if "block" in item:
            return self._block(item, folder, handlers)
        found = self._module_key(item)
        return None if found is None else self._task(item, *found, folder, handlers)

    def _task(self, item: LocatedMap, key: str, name: str, folder: str, handlers: bool) -> Node | None:
        control = name in words.CONTROL
        allowed = words.INCLUDE if control else words.TASK
        self._check_keywords(item, allowed, {key})
        if not handlers and "listen" in item:
            self.diagnostics.add(item.key_span("listen"), "only a handler can have 'listen'")
        keywords = self.keywords(item)
        loop = self._loop(item)
        label = self._scalar(item, "name")
        if name == "set_fact":
            return self._set_fact(item, key, keywords, loop, label)
        if control:
            return self._include(item, key, name, folder, keywords, loop, label)
        module = self.modules.get(name)
        args = self._arguments(item, key, module)
        if args is None:
            return None
        reads, writes = self._effects(item)
        return TaskNode(
            module=name,
            args=args,
            keywords=keywords,
            span=_span(item),
            name=label,
            loop=loop,
            listen=self._scalars(item, "listen"),
            timeout=self._scalar(item, "timeout"),
            requires=self.requirements(item.get("requires")),
            reads=reads,
            writes=writes,
            locks=self._scalars(item, "locks"),
        )

    # -- which module ---------------------------------------------------------------------------------

    def _module_key(self, item: LocatedMap) -> tuple[str, str] | None:
        """Return the key that names the module and the module's own name, or None after noting why not."""
        rest = [key for key in item.entries if key not in words.TASK and key not in words.NOT_YET]
        found = [(key, name) for key in rest if (name := self._canonical(str(key))) is not None]
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            names = " and ".join(repr(key) for key, _ in found)
            self.diagnostics.add(item.key_span(found[1][0]), f"one task uses one module, not {names}")
        elif not rest:
            unsupported = [key for key in item.entries if key in words.NOT_YET]
            for key in unsupported:
                self.diagnostics.add(item.key_span(key), f"keyword {key!r} is not supported yet")
            if not unsupported:
                self.diagnostics.add(_span(item), "this task names no module")
        else:
            self._unknown_module(item, rest)
        return None

    def _canonical(self, key: str) -> str | None:
        short = _short(key)
        return short if short in words.CONTROL else self.modules.canonical(key)

    def _unknown_module(self, item: LocatedMap, rest: list[Any]) -> None:
        """Note the key that was probably meant as the module; nearly keywords are named as such."""
        known = [*self.modules.names(), *words.CONTROL]
        for key in rest:
            span, short = item.key_span(key), _short(str(key))
            if str(key).startswith("with_"):
                self.diagnostics.add(span, f"keyword {key!r} is not supported yet", "use 'loop'")
            elif short in words.MODULES_NOT_YET:
                self.diagnostics.add(span, f"module {key!r} is not supported yet")
            elif len(rest) > 1 and (hint := did_you_mean(key, words.TASK)):
                self.diagnostics.add(span, f"unknown keyword {str(key)!r}", hint)
            else:
                hint = did_you_mean(short, known) or did_you_mean(key, words.TASK)
                self.diagnostics.add(span, f"unknown module {str(key)!r}", hint)

    def _check_keywords(self, item: LocatedMap, allowed: Collection[str], but: Collection[Any]) -> None:
        for key in item.entries:
            if key in allowed or key in but:
                continue
            span = item.key_span(key)
            if key in words.NOT_YET or str(key).startswith("with_"):
                hint = "use 'loop'" if str(key).startswith("with_") else None
                self.diagnostics.add(span, f"keyword {key!r} is not supported yet", hint)
            elif key in words.TASK:
                self.diagnostics.add(span, f"keyword {key!r} has no meaning here")
            else:
                self.diagnostics.add(span, f"unknown keyword {str(key)!r}", did_you_mean(key, allowed))

    # -- the kinds of nodes -----------------------------------------------------------------------------

    def _block(self, item: LocatedMap, folder: str, handlers: bool) -> BlockNode:
        self._check_keywords(item, words.BLOCK, ())
        children = self.read(item.entries["block"], folder, handlers=handlers)
        return BlockNode(children, self.keywords(item), _span(item), self._scalar(item, "name"))

    def _set_fact(
        self, item: LocatedMap, key: str, keywords: Keywords, loop: Loop | None, name: LocatedScalar | None
    ) -> FactNode | None:
        value: Located | None = item.entries[key]
        if isinstance(value, LocatedScalar) and isinstance(value.value, str):
            value = _with_booleans(parse_free_form(value, None, (), self.diagnostics))
        facts = as_map(value, "'set_fact'", self.diagnostics) if value is not None else None
        if facts is None:
            return None
        for fact in facts.entries:
            if not isinstance(fact, str) or not fact.isidentifier():
                self.diagnostics.add(facts.key_span(fact), f"{str(fact)!r} cannot be a variable's name")
        cacheable = facts.get("cacheable")
        if cacheable is not None and not is_boolean(cacheable.plain()):
            message = f"'cacheable' must be true or false, not {kind_of(cacheable)}"
            self.diagnostics.add(cacheable.span, message)
        wanted = {name: value for name, value in facts.entries.items() if name != "cacheable"}
        return FactNode(LocatedMap(wanted, facts.span, facts.keys), keywords, _span(item), name, loop)

    def _include(
        self,
        item: LocatedMap,
        key: str,
        kind: str,
        folder: str,
        keywords: Keywords,
        loop: Loop | None,
        name: LocatedScalar | None,
    ) -> IncludeNode | None:
        value = item.entries[key]
        apply = Keywords()
        if isinstance(value, LocatedMap):
            self._only(value, ("file", "apply"), kind)
            inner = value.get("apply")
            if isinstance(inner, LocatedMap):
                self._check_keywords(inner, words.COMMON, ())
                apply = self.keywords(inner)
            file = value.get("file")
        else:
            file = value
        if not isinstance(file, LocatedScalar) or not isinstance(file.value, str):
            self.diagnostics.add(item.key_span(key), f"{kind!r} needs the name of a file")
            return None
        if loop is not None and kind == "import_tasks":
            self.diagnostics.add(item.key_span(key), "'import_tasks' cannot loop", "use 'include_tasks'")
        return IncludeNode(file, kind == "import_tasks", folder, keywords, _span(item), name, loop, apply)

    def _arguments(self, item: LocatedMap, key: str, module: Module[Any]) -> LocatedMap | None:
        """Return the parameters of a task: a mapping, `name=value` words or free text, plus `args`."""
        value = item.entries[key]
        known = _parameter_names(module)
        if isinstance(value, LocatedScalar) and value.value is not None:
            found = parse_free_form(value, module.free_form, known, self.diagnostics)
        else:
            found = as_map(value, f"the parameters of {key!r}", self.diagnostics)
        more = item.get("args")
        args = as_map(more, "'args'", self.diagnostics) if more is not None else None
        if found is None or not args:
            return found if found is None else replace(found, span=item.key_span(key))
        return LocatedMap({**args.entries, **found.entries}, item.key_span(key), {**args.keys, **found.keys})

    # -- keywords -------------------------------------------------------------------------------------

    def keywords(self, item: LocatedMap) -> Keywords:
        """Return the keywords that tasks, blocks and includes share."""
        variables = item.get("vars")
        found = as_map(variables, "'vars'", self.diagnostics) if variables is not None else None
        environment = item.get("environment")
        layers = environment.items if isinstance(environment, LocatedList) else (environment,)
        return Keywords(
            when=self.conditions(item.get("when")),
            vars=found.entries if found else {},
            tags=self._scalars(item, "tags"),
            become=self._scalar(item, "become"),
            become_user=self._scalar(item, "become_user"),
            environment=tuple(layer for layer in layers if layer is not None),
            no_log=self._scalar(item, "no_log"),
            ignore_errors=self._scalar(item, "ignore_errors"),
            check_mode=self._scalar(item, "check_mode"),
            critical=self._scalar(item, "critical"),
            notify=self._scalars(item, "notify"),
        )

    def conditions(self, value: Located | None) -> tuple[LocatedScalar, ...]:
        """Return the expressions of a `when`, all of which must hold."""
        found: list[LocatedScalar] = []
        for item in value.items if isinstance(value, LocatedList) else (value,):
            if isinstance(item, LocatedScalar) and isinstance(item.value, str | bool | int):
                found.append(item)
            elif item is not None:
                self.diagnostics.add(item.span, f"a condition must be an expression, not {kind_of(item)}")
        return tuple(found)

    def _loop(self, item: LocatedMap) -> Loop | None:
        kinds = [kind for kind in ("loop", "with_items", "with_dict") if kind in item]
        if not kinds:
            if "loop_control" in item:
                self.diagnostics.add(item.key_span("loop_control"), "'loop_control' without a loop")
            return None
        if len(kinds) > 1:
            self.diagnostics.add(item.key_span(kinds[1]), "a task has one loop only")
        items = item.entries[kinds[0]]
        if kinds[0] == "loop" and isinstance(items, LocatedScalar) and not isinstance(items.value, str):
            self.diagnostics.add(items.span, f"'loop' must be a list, not {kind_of(items)}")
        control = item.get("loop_control")
        options = as_map(control, "'loop_control'", self.diagnostics) if control is not None else None
        if options is None:
            return Loop(kinds[0], items)
        self._only(options, ("loop_var", "index_var", "label", "pause", "extended"), "loop_control")
        for key in ("pause", "extended"):
            if key in options:
                self.diagnostics.add(options.key_span(key), f"'loop_control: {key}' is not supported yet")
        names = {}
        for key in ("loop_var", "index_var"):
            if (value := options.get(key)) is not None:
                names[key] = as_text(value, f"'{key}'", self.diagnostics)
        return Loop(
            kinds[0],
            items,
            names.get("loop_var") or "item",
            names.get("index_var"),
            self._scalar(options, "label"),
        )

    def requirements(self, value: Located | None, *, roles_only: bool = False) -> tuple[Requirement, ...]:
        """Return what a `requires` names: `task`, `role`, `role: task`, or a mapping of role to task."""
        found: list[Requirement] = []
        for item in value.items if isinstance(value, LocatedList) else (value,):
            if item is None or (isinstance(item, LocatedScalar) and item.value is None):
                continue
            if isinstance(item, LocatedMap):
                found += self._requirement_map(item, roles_only)
                continue
            text = as_text(item, "a requirement", self.diagnostics)
            if text is None:
                continue
            role, colon, task = text.partition(": ")
            if roles_only:
                found.append(Requirement(text, None, item.span))
            elif colon and role.strip() in self.roles:
                found.append(Requirement(role.strip(), task.strip(), item.span))
            else:
                found.append(Requirement(None, text, item.span))
        return tuple(found)

    def _requirement_map(self, item: LocatedMap, roles_only: bool) -> list[Requirement]:
        if set(item.entries) <= {"role", "task"} and "role" in item:
            role = as_text(item.entries["role"], "'role'", self.diagnostics)
            wanted = item.get("task")
            task = as_text(wanted, "'task'", self.diagnostics) if wanted is not None else None
            pairs = [(role, task)]
        else:
            texts = {key: as_text(value, "a task", self.diagnostics) for key, value in item.entries.items()}
            pairs = [(str(key), task) for key, task in texts.items()]
        if roles_only and any(task is not None for _, task in pairs):
            self.diagnostics.add(item.span, "a role can only require whole roles")
            return []
        return [Requirement(role, task, item.span) for role, task in pairs if role is not None]

    def _effects(
        self, item: LocatedMap
    ) -> tuple[tuple[LocatedScalar, ...], tuple[LocatedScalar, ...] | None]:
        """Return what `effects` says is read and written; a list alone is what is written."""
        value = item.get("effects")
        if value is None:
            return (), None
        if isinstance(value, LocatedMap):
            self._only(value, ("reads", "writes"), "effects")
            return self._scalars(value, "reads"), self._scalars(value, "writes")
        return (), self._scalars(item, "effects")

    # -- small things ---------------------------------------------------------------------------------

    def _only(self, item: LocatedMap, allowed: Collection[str], what: str) -> None:
        for key in item.entries:
            if key not in allowed:
                hint = did_you_mean(key, allowed) or f"known here: {', '.join(allowed)}"
                self.diagnostics.add(item.key_span(key), f"unknown key {str(key)!r} in {what!r}", hint)

    def _scalar(self, item: LocatedMap, key: str) -> LocatedScalar | None:
        value = item.get(key)
        if value is None or isinstance(value, LocatedScalar):
            return None if value is None or value.value is None else value
        self.diagnostics.add(value.span, f"{key!r} must be a single value, not {kind_of(value)}")
        return None

    def _scalars(self, item: LocatedMap, key: str) -> tuple[LocatedScalar, ...]:
        value = item.get(key)
        found: list[LocatedScalar] = []
        for each in value.items if isinstance(value, LocatedList) else (value,):
            if isinstance(each, LocatedScalar):
                if each.value is not None:
                    found.append(each)
            elif each is not None:
                self.diagnostics.add(
                    each.span, f"{key!r} must be text or a list of texts, not {kind_of(each)}"
                )
        return tuple(found)


def _with_booleans(facts: LocatedMap | None) -> LocatedMap | None:
    """Return the facts of `set_fact: a=yes` with yes, no, true and false as booleans, as in Ansible."""
    if facts is None:
        return None
    entries: dict[Any, Located] = {}
    for key, value in facts.entries.items():
        word = str(value.plain()).lower()
        true_or_false = word in ("yes", "true", "no", "false")
        entries[key] = LocatedScalar(word in ("yes", "true"), value.span) if true_or_false else value
    return replace(facts, entries=entries)


def _parameter_names(module: Module[Any]) -> frozenset[str]:
    declared: Mapping[str, Any] = specs(module.params)
    aliases = (alias for spec in declared.values() for alias in spec.aliases)
    return frozenset(declared) | frozenset(aliases)


def _short(name: str) -> str:
    for prefix in COLLECTIONS:
        name = name.removeprefix(prefix)
    return name.removeprefix("ansible.legacy.")


def _span(item: LocatedMap) -> Span:
    """Return the place of a task: its first key."""
    first = next(iter(item.entries), None)
    return item.span if first is None else item.key_span(first)
