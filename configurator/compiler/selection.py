"""Which tasks a run is limited to: `--tags`, `--skip-tags`, `--only`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

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
class Selection:
    """What was asked for on the command line; `only` has (module, name pattern or None)."""

    tags: frozenset[str] = frozenset()
    skip_tags: frozenset[str] = frozenset()
    only: tuple[tuple[str, str | None], ...] = ()

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

    def wants_task(self, module: str, name: str, effects: Effects) -> bool:
        """Return True if `--only` names this task: by its module, and by its name or what it is about."""
        if not self.only:
            return True
        names = [name, *(key.partition(":")[2] for key in effects.writes)]
        return any(
            module == wanted and (pattern is None or any(fnmatchcase(one, pattern) for one in names))
            for wanted, pattern in self.only
        )


def parse_only(texts: Iterable[str], modules: ModuleTable) -> tuple[tuple[str, str | None], ...]:
    """Return `module` or `module:name` selections by the modules' own names."""
    found = []
    for text in texts:
        module, colon, name = text.partition(":")
        found.append((modules.canonical(module) or module, name if colon else None))
    return tuple(found)


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
                problems.add(Span(option), f"no task has the tag {word!r}", did_you_mean(word, known))
    for text in only:
        module = text.partition(":")[0]
        if modules.canonical(module) is None:
            hint = did_you_mean(module, modules.names())
            problems.add(Span("--only"), f"unknown module {module!r}", hint)


def _tags(node: Node) -> tuple[LocatedScalar, ...]:
    inner = node.apply.tags if isinstance(node, IncludeNode) else ()
    return node.keywords.tags + inner
