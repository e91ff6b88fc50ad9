"""The parts that tasks, blocks, includes and role entries are made of, read from what was written."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from configurator.compiler import keywords as words
from configurator.compiler.compiled import Requirement
from configurator.compiler.tasknodes import Keywords, Loop, Verdict
from configurator.config.diagnostics import Diagnostics
from configurator.config.expect import as_map, as_text, did_you_mean, kind_of
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar

_CONTROLS = ("loop_var", "index_var", "label", "pause", "extended", "extended_allitems", "break_when")


@dataclass(frozen=True, slots=True)
class PartReader:
    """Reads parts; `roles` are the names of all roles, by which a requirement is told from a task."""

    roles: Collection[str]
    diagnostics: Diagnostics

    def keywords(self, item: LocatedMap) -> Keywords:
        """Return the keywords that tasks, blocks and includes share."""
        variables = item.get("vars")
        found = as_map(variables, "'vars'", self.diagnostics) if variables is not None else None
        environment = item.get("environment")
        layers = environment.items if isinstance(environment, LocatedList) else (environment,)
        return Keywords(
            when=self.conditions(item.get("when")),
            vars=found.entries if found else {},
            tags=self.scalars(item, "tags"),
            become=self.scalar(item, "become"),
            become_user=self.scalar(item, "become_user"),
            environment=tuple(layer for layer in layers if layer is not None),
            no_log=self.scalar(item, "no_log"),
            ignore_errors=self.scalar(item, "ignore_errors"),
            ignore_unreachable=self.scalar(item, "ignore_unreachable"),
            check_mode=self.scalar(item, "check_mode"),
            critical=self.scalar(item, "critical"),
            guarded=self.scalar(item, "guarded"),
            notify=self.scalars(item, "notify"),
            diff=self.scalar(item, "diff"),
            timeout=self.scalar(item, "timeout"),
            delegate_to=self.scalar(item, "delegate_to"),
            run_once=self.scalar(item, "run_once"),
            throttle=self.scalar(item, "throttle"),
            any_errors_fatal=self.scalar(item, "any_errors_fatal"),
            module_defaults=tuple(self._defaults(item.get("module_defaults"))),
        )

    def _defaults(self, value: Located | None) -> Iterable[LocatedMap]:
        for layer in value.items if isinstance(value, LocatedList) else (value,):
            found = as_map(layer, "'module_defaults'", self.diagnostics) if layer is not None else None
            if found is not None:
                yield found

    def conditions(self, value: Located | None) -> tuple[LocatedScalar, ...]:
        """Return the expressions of a `when`, all of which must hold."""
        found: list[LocatedScalar] = []
        for item in value.items if isinstance(value, LocatedList) else (value,):
            if isinstance(item, LocatedScalar) and isinstance(item.value, str | bool | int):
                found.append(item)
            elif item is not None:
                self.diagnostics.add(
                    item.span, f"a condition must be an expression, not {kind_of(item)}", code="condition"
                )
        return tuple(found)

    def verdict(self, item: LocatedMap) -> Verdict:
        """Return what decides how the task has ended."""
        changed, failed = item.get("changed_when"), item.get("failed_when")
        return Verdict(
            changed_when=None if changed is None else self.conditions(changed),
            failed_when=None if failed is None else self.conditions(failed),
            until=self.conditions(item.get("until")),
            retries=self.scalar(item, "retries"),
            delay=self.scalar(item, "delay"),
        )

    def register(self, item: LocatedMap) -> str | None:
        """Return the name of the variable that the task's result is kept in."""
        value = item.get("register")
        name = None if value is None else as_text(value, "'register'", self.diagnostics)
        if name is not None and value is not None and not name.isidentifier():
            self.diagnostics.add(value.span, f"{name!r} cannot be a variable's name", code="variable-name")
            return None
        return name

    # -- loops ----------------------------------------------------------------------------------------

    def loop(self, item: LocatedMap) -> Loop | None:
        """Return what the task is repeated for, if it is."""
        kinds = [kind for kind in ("loop", *words.LOOPS) if kind in item]
        if not kinds:
            if "loop_control" in item:
                self.diagnostics.add(
                    item.key_span("loop_control"), "'loop_control' without a loop", code="loop"
                )
            return None
        if len(kinds) > 1:
            self.diagnostics.add(item.key_span(kinds[1]), "a task has one loop only", code="loop")
        items = item.entries[kinds[0]]
        if kinds[0] == "loop" and isinstance(items, LocatedScalar) and not isinstance(items.value, str):
            self.diagnostics.add(items.span, f"'loop' must be a list, not {kind_of(items)}", code="loop")
        control = item.get("loop_control")
        options = as_map(control, "'loop_control'", self.diagnostics) if control is not None else None
        if options is None:
            return Loop(kinds[0], items)
        self.only(options, _CONTROLS, "loop_control")
        if "break_when" in options:
            message = "'loop_control: break_when' is not supported: the rounds of a loop may overlap"
            self.diagnostics.add(options.key_span("break_when"), message, code="unsupported")
        return Loop(
            kinds[0],
            items,
            self._variable(options, "loop_var") or "item",
            self._variable(options, "index_var"),
            self.scalar(options, "label"),
            self.scalar(options, "pause"),
            self.scalar(options, "extended"),
        )

    def _variable(self, options: LocatedMap, key: str) -> str | None:
        value = options.get(key)
        return None if value is None else as_text(value, f"'{key}'", self.diagnostics)

    # -- order ----------------------------------------------------------------------------------------

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
            self.diagnostics.add(item.span, "a role can only require whole roles", code="unknown-requirement")
            return []
        return [Requirement(role, task, item.span) for role, task in pairs if role is not None]

    def effects(self, item: LocatedMap) -> tuple[tuple[LocatedScalar, ...], tuple[LocatedScalar, ...] | None]:
        """Return what `effects` says is read and written; a list alone is what is written."""
        value = item.get("effects")
        if value is None:
            return (), None
        if isinstance(value, LocatedMap):
            self.only(value, ("reads", "writes"), "effects")
            return self.scalars(value, "reads"), self.scalars(value, "writes")
        return (), self.scalars(item, "effects")

    # -- small things ---------------------------------------------------------------------------------

    def only(self, item: LocatedMap, allowed: Collection[str], what: str) -> None:
        """Note the keys that are not among `allowed`."""
        for key in item.entries:
            if key not in allowed:
                hint = did_you_mean(key, allowed) or f"known here: {', '.join(allowed)}"
                self.diagnostics.add(
                    item.key_span(key), f"unknown key {str(key)!r} in {what!r}", hint, code="unknown-key"
                )

    def scalar(self, item: LocatedMap, key: str) -> LocatedScalar | None:
        """Return a single value; None if it is not there, or null."""
        value = item.get(key)
        if value is None or isinstance(value, LocatedScalar):
            return None if value is None or value.value is None else value
        self.diagnostics.add(
            value.span, f"{key!r} must be a single value, not {kind_of(value)}", code="wrong-type"
        )
        return None

    def scalars(self, item: LocatedMap, key: str) -> tuple[LocatedScalar, ...]:
        """Return a value or a list of values."""
        value = item.get(key)
        found: list[LocatedScalar] = []
        for each in value.items if isinstance(value, LocatedList) else (value,):
            if isinstance(each, LocatedScalar):
                if each.value is not None:
                    found.append(each)
            elif each is not None:
                self.diagnostics.add(
                    each.span,
                    f"{key!r} must be text or a list of texts, not {kind_of(each)}",
                    code="wrong-type",
                )
        return tuple(found)
