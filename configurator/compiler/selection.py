"""Which tasks a run is limited to: `--tags`, `--skip-tags`, `--only`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from configurator.compiler.compiled import CompiledTask
from configurator.compiler.roles import RoleLibrary
from configurator.compiler.site import Entry
from configurator.compiler.taskfile import ModuleTable
from configurator.compiler.tasknodes import IncludeNode, Node
from configurator.compiler.templating import is_template
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import did_you_mean
from configurator.config.located import LocatedScalar
from configurator.modules.effects import Effects

_SPECIAL_TAGS = frozenset({"all", "always", "never", "tagged", "untagged"})


@dataclass(frozen=True, slots=True)
class Wish:
    """One `--only` as it was written: a module by its own name, and a pattern of names or None for all."""

    text: str
    module: str
    pattern: str | None = None

    def means(self, names: Iterable[str]) -> bool:
        """Return True if a task of the module with these names is meant."""
        return self.pattern is None or any(fnmatchcase(name, self.pattern) for name in names)


@dataclass(slots=True)
class Met:
    """Which wishes some host has a task for, or may have, and the names that tasks have, by module.

    One for all hosts of a run: their compilations only add to it, from any thread.
    """

    wishes: set[Wish] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for on the command line; `met` gathers what was found of `only`."""

    tags: frozenset[str] = frozenset()
    skip_tags: frozenset[str] = frozenset()
    only: tuple[Wish, ...] = ()
    met: Met = field(default_factory=Met, compare=False)

    def wants_tags(self, tags: Iterable[str]) -> bool:
        """Return True if a task with these tags is to run; the words always, never, all, tagged, untagged
        and their meaning are Ansible's.
        """
        own = frozenset(tags)
        named = own or {"untagged"}
        wanted = self.tags or {"all"}
        ordinary = "never" not in own and ("all" in wanted or ("tagged" in wanted and bool(own)))
        if not (ordinary or "always" in own or not wanted.isdisjoint(named)):
            return False
        if "all" in self.skip_tags:
            return "always" in own and "always" not in self.skip_tags
        return self.skip_tags.isdisjoint(named) and not ("tagged" in self.skip_tags and own)

    def wants_task(self, task: CompiledTask) -> bool:
        """Return True if `--only` names this task: by its module, and by its name or what it is about."""
        if not self.only:
            return True
        names = _names(task.name, task.effects)
        found = [wish for wish in self.only if wish.module == task.spec.module and wish.means(names)]
        self.met.wishes.update(found)
        if not task.spec.no_log:  # what is hidden everywhere shall not turn up in a suggestion
            self.met.names.setdefault(task.spec.module, set()).update(names)
        return bool(found)

    def wants_uncompiled(self, module: str, name: str, effects: Effects | None) -> bool:
        """Return True if `--only` names this task, which will not run.

        Where nobody knows what it is about (None), a wish that it may meet counts as met.
        """
        about = [wish for wish in self.only if wish.module == module]
        found = [wish for wish in about if wish.means(_names(name, effects or Effects()))]
        self.met.wishes.update(about if effects is None else found)
        return bool(found)

    def gives_up(self) -> None:
        """Count every wish as met: there are tasks of which nothing is known."""
        self.met.wishes.update(self.only)


def parse_only(texts: Iterable[str], modules: ModuleTable) -> tuple[Wish, ...]:
    """Return `module` or `module:name` selections by the modules' own names."""
    found = []
    for text in texts:
        module, colon, name = text.partition(":")
        found.append(Wish(text, modules.canonical(module) or module, name if colon else None))
    return tuple(found)


def unmet(wishes: Iterable[Wish], met: Met) -> Diagnostics:
    """Return a problem for every wish that no task of any host meets: a typo must not select nothing."""
    problems = Diagnostics()
    for wish in wishes:
        if wish in met.wishes:
            continue
        if wish.pattern is None:
            message = f"no task of these hosts uses the module {wish.module!r}"
            problems.add(Span("--only"), message, did_you_mean(wish.module, met.names), code="selection")
            continue
        names = [name for name in met.names.get(wish.module, ()) if "*" not in name]
        near = did_you_mean(wish.pattern, sorted(names))
        problems.add(Span("--only"), f"no task of these hosts is {wish.text!r}", near, code="selection")
    return problems


def _names(name: str, found: Effects) -> list[str]:
    """Return by what a task can be called: its own name, and the things that it writes."""
    things = [key.partition(":")[2] for key in found.writes]
    units = [key[len("unit:") :] for key in found.writes if key.startswith("unit:")]
    return [name, *things, *(unit.removesuffix(".service") for unit in units)]


def check_selection(
    library: RoleLibrary,
    entries: Iterable[Entry],
    modules: ModuleTable,
    tags: Iterable[str],
    skip_tags: Iterable[str],
    only: Iterable[str],
    problems: Diagnostics,
) -> None:
    """Note tags that no task can have and modules that do not exist: a typo must not select nothing."""
    known: set[str] = set()
    templated = False
    written = [
        tag for entry in entries for tag in (*entry.tags, *(t for use in entry.uses for t in use.tags))
    ]
    for role in library.loaded():
        written += [tag for use in role.needs for tag in use.tags]
        written += [tag for node in role.nodes() for tag in _tags(node)]
    for item in written:
        templated = templated or is_template(str(item.value))
        known |= {part.strip() for part in str(item.value).split(",")}
    for option, words in (("--tags", tags), ("--skip-tags", skip_tags)):
        for word in words:
            if word not in known and word not in _SPECIAL_TAGS and not templated:
                problems.add(
                    Span(option), f"no task has the tag {word!r}", did_you_mean(word, known), code="selection"
                )
    for text in only:
        module = text.partition(":")[0]
        if modules.canonical(module) is None:
            hint = did_you_mean(module, modules.names())
            problems.add(Span("--only"), f"unknown module {module!r}", hint, code="selection")


def _tags(node: Node) -> tuple[LocatedScalar, ...]:
    inner = node.apply.tags if isinstance(node, IncludeNode) else ()
    return node.keywords.tags + inner
