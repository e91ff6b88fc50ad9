"""A task file read into nodes; everything that can be told without a host is checked on the way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from configurator.compiler import keywords as words
from configurator.compiler.compiled import Requirement
from configurator.compiler.foreign import is_foreign
from configurator.compiler.freeform import parse_free_form, split_action
from configurator.compiler.tasknodes import (
    BlockNode,
    FactNode,
    IncludeNode,
    Keywords,
    MetaNode,
    Node,
    RoleNode,
    TaskNode,
    VarsNode,
)
from configurator.compiler.taskparts import PartReader
from configurator.compiler.values import is_boolean
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import as_list, as_map, did_you_mean, kind_of
from configurator.config.located import Located, LocatedMap, LocatedScalar
from configurator.modules.base import Module
from configurator.modules.params import by_word, specs
from configurator.modules.registry import COLLECTIONS

_ROLE_KEYS = (
    "name",
    "role",
    "apply",
    "tasks_from",
    "vars_from",
    "defaults_from",
    "handlers_from",
    "public",
    "allow_duplicates",
    "rolespec_validate",
)
_VARS_KEYS = (
    "file",
    "dir",
    "name",
    "depth",
    "files_matching",
    "ignore_files",
    "extensions",
    "ignore_unknown_extensions",
    "hash_behaviour",
)


class ModuleTable(Protocol):
    """Where modules are found by name: `modules.registry`, or a test's own."""

    def names(self) -> list[str]:
        """Return every name by which a module can be called."""

    def canonical(self, name: str) -> str | None:
        """Return the module's own name, or None if there is none."""

    def get(self, name: str) -> Module[Any]:
        """Return the module; KeyError if there is none."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A task as it stands in a file, once its module is known; `key` is the word that names it."""

    item: LocatedMap
    key: str
    module: str
    folder: str
    handlers: bool

    @property
    def value(self) -> Located:
        return self.item.entries[self.key]

    @property
    def span(self) -> Span:
        return _span(self.item)


@dataclass(frozen=True, slots=True)
class TaskFileReader:
    """Reads task files; `roles` are the names of all roles, by which a requirement is told from a task."""

    modules: ModuleTable
    roles: Collection[str]
    diagnostics: Diagnostics

    @property
    def parts(self) -> PartReader:
        """Return what reads keywords and the like."""
        return PartReader(self.roles, self.diagnostics)

    def keywords(self, item: LocatedMap) -> Keywords:
        """Return the keywords that tasks, blocks and includes share."""
        return self.parts.keywords(item)

    def requirements(self, value: Located | None, *, roles_only: bool = False) -> tuple[Requirement, ...]:
        """Return what a `requires` names."""
        return self.parts.requirements(value, roles_only=roles_only)

    def read(self, value: Located, folder: str, *, handlers: bool = False) -> tuple[Node, ...]:
        """Return the nodes of a file's list of tasks."""
        items = as_list(value, "a list of handlers" if handlers else "a task file", self.diagnostics)
        found = (self._node(item, folder, handlers) for item in items or ())
        return tuple(node for node in found if node is not None)

    def _node(self, item: Located, folder: str, handlers: bool) -> Node | None:
        if not isinstance(item, LocatedMap):
            self.diagnostics.add(
                item.span, f"a task must be a mapping, not {kind_of(item)}", code="wrong-type"
            )
            return None
        if "block" in item:
            return self._block(item, folder, handlers)
        item = self._unfolded(item)
        foreign = self._foreign_key(item)
        found = (foreign, "fail") if foreign is not None else self._module_key(item)
        if found is None:
            return None
        written = _Written(item, *found, folder, handlers)
        control = written.module in words.CONTROL
        self._check_keywords(item, words.INCLUDE if control else words.TASK, {written.key})
        if not handlers and "listen" in item:
            self.diagnostics.add(
                item.key_span("listen"), "only a handler can have 'listen'", code="misplaced-keyword"
            )
        return self._control(written) if control else self._task(written)

    def _control(self, written: _Written) -> Node | None:
        match written.module:
            case "set_fact":
                return self._set_fact(written)
            case "include_vars":
                return self._include_vars(written)
            case "meta":
                return self._meta(written)
            case "include_role" | "import_role":
                return self._role(written)
            case _:
                return self._include(written)

    def _task(self, written: _Written) -> TaskNode | None:
        item, parts = written.item, self.parts
        foreign = written.key if self._canonical(written.key) is None else None
        args = self._arguments(written, self.modules.get(written.module)) if foreign is None else None
        if foreign is not None:
            span = item.key_span(foreign)
            args = LocatedMap({"msg": LocatedScalar(f"unknown module {foreign!r}", span)}, span)
        if args is None:
            return None
        reads, writes = parts.effects(item)
        return TaskNode(
            module=written.module,
            args=args,
            keywords=parts.keywords(item),
            span=written.span,
            name=parts.scalar(item, "name"),
            loop=parts.loop(item),
            listen=parts.scalars(item, "listen"),
            requires=parts.requirements(item.get("requires")),
            reads=reads,
            writes=writes,
            locks=parts.scalars(item, "locks"),
            register=parts.register(item),
            verdict=parts.verdict(item),
            asynchronous=parts.scalar(item, "async"),
            poll=parts.scalar(item, "poll"),
            foreign=foreign,
        )

    # -- which module ---------------------------------------------------------------------------------

    def _unfolded(self, item: LocatedMap) -> LocatedMap:
        """Return a task with `action: MODULE ...` or `local_action` written as Ansible's newer form."""
        for word in ("action", "local_action"):
            value: Located | None = item.get(word)
            if value is None or self._canonical(word) is not None:
                continue
            entries, keys = dict(item.entries), dict(item.keys)
            span = item.key_span(word)
            del entries[word]
            if isinstance(value, LocatedMap) and isinstance(named := value.get("module"), LocatedScalar):
                module, _ = split_action(str(named.value))
                rest = {key: each for key, each in value.entries.items() if key != "module"}
                entries[module] = LocatedMap(rest, value.span, value.keys)
            elif isinstance(value, LocatedScalar) and str(value.value or "").strip():
                module, behind = split_action(str(value.value).strip())
                entries[module] = LocatedScalar(behind.strip() or None, value.span, value.mark)
            else:
                self.diagnostics.add(span, f"{word!r} must name a module", code="no-module")
                return item
            keys[module] = span
            if word == "local_action":
                entries["delegate_to"], keys["delegate_to"] = LocatedScalar("localhost", span), span
            return LocatedMap(entries, item.span, keys)
        return item

    def _module_key(self, item: LocatedMap) -> tuple[str, str] | None:
        """Return the key that names the module and the module's own name, or None after noting why not."""
        known = words.TASK | words.WITHOUT_MEANING
        rest = [key for key in item.entries if key not in known and key not in words.LOOPS]
        found = [(key, name) for key in rest if (name := self._canonical(str(key))) is not None]
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            names = " and ".join(repr(key) for key, _ in found)
            (first, _), (second, _), *_ = found
            empty = isinstance(value := item.get(first), LocatedScalar) and value.value is None
            hint = self._belongs([first], second) if empty else None
            self.diagnostics.add(
                item.key_span(second), f"one task uses one module, not {names}", hint, code="several-modules"
            )
        elif not rest:
            self.diagnostics.add(_span(item), "this task names no module", code="no-module")
        else:
            self._unknown_module(item, rest)
        return None

    def _foreign_key(self, item: LocatedMap) -> str | None:
        """Return the only key that can be a module, if it is one that Ansible has and we do not."""
        known = words.TASK | words.WITHOUT_MEANING
        rest = [key for key in item.entries if key not in known and key not in words.LOOPS]
        if len(rest) != 1 or not isinstance(rest[0], str) or self._canonical(rest[0]) is not None:
            return None
        return rest[0] if is_foreign(rest[0], self.modules.names()) else None

    def _canonical(self, key: str) -> str | None:
        short = _short(key)
        return short if short in words.CONTROL else self.modules.canonical(key)

    def _unknown_module(self, item: LocatedMap, rest: list[Any]) -> None:
        """Note the key that was probably meant as the module; nearly keywords are named as such."""
        known = [*self.modules.names(), *words.CONTROL]
        for key in rest:
            span, short = item.key_span(key), _short(str(key))
            hint: str | None
            if str(key).startswith("with_"):
                hint = did_you_mean(key, words.LOOPS) or "use 'loop'"
                self.diagnostics.add(span, f"there is no loop {str(key)!r}", hint, code="loop")
            elif len(rest) > 1 and (hint := did_you_mean(key, words.TASK)):
                self.diagnostics.add(span, f"unknown keyword {str(key)!r}", hint, code="unknown-keyword")
            else:
                hint = did_you_mean(short, known) or did_you_mean(key, words.TASK)
                if "{{" in str(key):
                    hint = "which module a task uses must be known before it runs: write a task for each"
                self.diagnostics.add(span, f"unknown module {str(key)!r}", hint, code="unknown-module")

    def _check_keywords(self, item: LocatedMap, allowed: Collection[str], but: Collection[Any]) -> None:
        loops = words.LOOPS if "loop" in allowed else ()
        for key in item.entries:
            if key in allowed or key in but or key in words.WITHOUT_MEANING or key in loops:
                continue
            span = item.key_span(key)
            if key in words.TASK or key in words.LOOPS:
                self.diagnostics.add(span, f"keyword {key!r} has no meaning here", code="misplaced-keyword")
            elif str(key).startswith("with_"):
                meant = did_you_mean(key, words.LOOPS) or "use 'loop'"
                self.diagnostics.add(span, f"there is no loop {str(key)!r}", meant, code="loop")
            else:
                hint = self._belongs(but, key) or did_you_mean(key, allowed)
                self.diagnostics.add(span, f"unknown keyword {str(key)!r}", hint, code="unknown-keyword")

    def _belongs(self, modules: Collection[Any], key: Any) -> str | None:
        """Return where a parameter belongs that stands beside its module instead of below it."""
        for module in modules:
            name = self._canonical(str(module))
            if name is not None and key in self._parameters(name):
                return f"{str(key)!r} is a parameter: it belongs below '{module}:', one level deeper"
        return None

    def _parameters(self, module: str) -> Collection[str]:
        if module in words.CONTROL:
            return _ROLE_KEYS if module in ("include_role", "import_role") else ()
        return [word for word in by_word(specs(self.modules.get(module).params)) if not word.startswith("_")]

    # -- the kinds of nodes -----------------------------------------------------------------------------

    def _block(self, item: LocatedMap, folder: str, handlers: bool) -> BlockNode:
        self._check_keywords(item, words.BLOCK, ())
        sections = {
            word: () if (value := item.get(word)) is None else self.read(value, folder, handlers=handlers)
            for word in ("block", "rescue", "always")
        }
        return BlockNode(
            sections["block"],
            self.keywords(item),
            _span(item),
            self.parts.scalar(item, "name"),
            sections["rescue"],
            sections["always"],
        )

    def _set_fact(self, written: _Written) -> FactNode | None:
        value: Located | None = written.value
        if isinstance(value, LocatedScalar) and isinstance(value.value, str):
            value = _with_booleans(parse_free_form(value, None, (), self.diagnostics))
        facts = as_map(value, "'set_fact'", self.diagnostics) if value is not None else None
        if facts is None:
            return None
        for fact in facts.entries:
            if not isinstance(fact, str) or not (fact.isidentifier() or "{{" in fact):
                self.diagnostics.add(
                    facts.key_span(fact), f"{str(fact)!r} cannot be a variable's name", code="variable-name"
                )
        cacheable = facts.get("cacheable")
        if cacheable is not None and not is_boolean(cacheable.plain()):
            message = f"'cacheable' must be true or false, not {kind_of(cacheable)}"
            self.diagnostics.add(cacheable.span, message, code="wrong-type")
        wanted = {name: value for name, value in facts.entries.items() if name != "cacheable"}
        item, parts = written.item, self.parts
        return FactNode(
            LocatedMap(wanted, facts.span, facts.keys),
            parts.keywords(item),
            written.span,
            parts.scalar(item, "name"),
            parts.loop(item),
            parts.register(item),
        )

    def _include_vars(self, written: _Written) -> VarsNode | None:
        value: Located | None = written.value
        if isinstance(value, LocatedScalar) and isinstance(value.value, str):
            value = parse_free_form(value, "file", frozenset(_VARS_KEYS), self.diagnostics)
        args = as_map(value, "'include_vars'", self.diagnostics) if value is not None else None
        if args is None:
            return None
        parts = self.parts
        parts.only(args, (*_VARS_KEYS, "_raw_params"), "include_vars")
        if ("file" in args) == ("dir" in args):
            self.diagnostics.add(
                args.span, "'include_vars' needs either 'file' or 'dir'", code="missing-value"
            )
            return None
        item = written.item
        return VarsNode(
            args,
            parts.keywords(item),
            written.folder,
            written.span,
            parts.scalar(item, "name"),
            parts.loop(item),
            parts.register(item),
        )

    def _meta(self, written: _Written) -> MetaNode | None:
        value = written.value
        action = str(value.value).strip() if isinstance(value, LocatedScalar) else ""
        if action not in words.META:
            hint = did_you_mean(action, words.META) or f"known here: {', '.join(words.META)}"
            self.diagnostics.add(value.span, f"'meta' cannot say {action!r}", hint, code="wrong-value")
            return None
        for word in ("loop", *words.LOOPS):
            if word in written.item:
                self.diagnostics.add(written.item.key_span(word), "'meta' cannot loop", code="loop")
        item, parts = written.item, self.parts
        return MetaNode(action, parts.keywords(item), written.span, parts.scalar(item, "name"))

    def _role(self, written: _Written) -> RoleNode | None:
        value: Located | None = written.value
        if isinstance(value, LocatedScalar) and isinstance(value.value, str):
            value = parse_free_form(value, "name", frozenset(_ROLE_KEYS), self.diagnostics)
        args = as_map(value, f"{written.module!r}", self.diagnostics) if value is not None else None
        if args is None:
            return None
        parts = self.parts
        parts.only(args, _ROLE_KEYS, written.module)
        named = parts.scalar(args, "name") or parts.scalar(args, "role")
        if named is None:
            self.diagnostics.add(
                args.span, f"{written.module!r} needs the name of a role", code="missing-value"
            )
            return None
        static = written.module == "import_role"
        loop = parts.loop(written.item)
        if loop is not None and static:
            self.diagnostics.add(written.span, "'import_role' cannot loop", "use 'include_role'", code="loop")
        return RoleNode(
            named,
            static,
            parts.keywords(written.item),
            written.span,
            parts.scalar(written.item, "name"),
            loop,
            self._applied(args),
            tasks_from=parts.scalar(args, "tasks_from"),
            vars_from=parts.scalar(args, "vars_from"),
            defaults_from=parts.scalar(args, "defaults_from"),
            handlers_from=parts.scalar(args, "handlers_from"),
            public=parts.scalar(args, "public"),
            validate=parts.scalar(args, "rolespec_validate"),
        )

    def _applied(self, args: LocatedMap) -> Keywords:
        inner = args.get("apply")
        if not isinstance(inner, LocatedMap):
            return Keywords()
        self._check_keywords(inner, words.COMMON, ())
        return self.keywords(inner)

    def _include(self, written: _Written) -> IncludeNode | None:
        item, value, kind = written.item, written.value, written.module
        apply = Keywords()
        if isinstance(value, LocatedMap):
            self.parts.only(value, ("file", "apply"), kind)
            apply = self._applied(value)
            file = value.get("file")
        else:
            file = value
        if not isinstance(file, LocatedScalar) or not isinstance(file.value, str):
            self.diagnostics.add(
                item.key_span(written.key), f"{kind!r} needs the name of a file", code="missing-value"
            )
            return None
        keywords, loop = self.keywords(item), self.parts.loop(item)
        path = file.value.removeprefix("file=") if file is value else file.value
        file = replace(file, value=path)
        head, _, rest = path.partition(" ")
        if rest.strip() and "=" in rest and "{{" not in head:  # Ansible's older `file.yml name=value`
            more = parse_free_form(replace(file, value=rest), None, (), self.diagnostics)
            file = replace(file, value=head)
            keywords = replace(keywords, vars={**(more.entries if more else {}), **keywords.vars})
        static = kind == "import_tasks"
        if loop is not None and static:
            span = item.key_span(written.key)
            self.diagnostics.add(span, "'import_tasks' cannot loop", "use 'include_tasks'", code="loop")
        name, listen = self.parts.scalar(item, "name"), self.parts.scalars(item, "listen")
        return IncludeNode(file, static, written.folder, keywords, written.span, name, loop, apply, listen)

    def _arguments(self, written: _Written, module: Module[Any]) -> LocatedMap | None:
        """Return the parameters of a task: a mapping, `name=value` words or free text, plus `args`."""
        item, value = written.item, written.value
        known = _parameter_names(module)
        if isinstance(value, LocatedScalar) and value.value is not None:
            found = parse_free_form(value, module.free_form, known, self.diagnostics)
        else:
            found = as_map(value, f"the parameters of {written.key!r}", self.diagnostics)
        more = item.get("args")
        args = as_map(more, "'args'", self.diagnostics) if more is not None else None
        span = item.key_span(written.key)
        if found is None or not args:
            return found if found is None else replace(found, span=span)
        return LocatedMap({**args.entries, **found.entries}, span, {**args.keys, **found.keys})


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
