"""Playbooks as they are written: the plays of all files, with everything checked that needs no host."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from configurator.compiler import playwords as words
from configurator.compiler.filters_hashes import SCHEMES
from configurator.compiler.playvalues import Scalars
from configurator.compiler.roles import Role, RoleUse, read_role_use
from configurator.compiler.scope import Scope
from configurator.compiler.taskfile import TaskFileReader
from configurator.compiler.tasknodes import Keywords
from configurator.compiler.templating import TemplatingError, is_template
from configurator.config.diagnostics import Span
from configurator.config.expect import as_list, as_map, as_text, as_texts, did_you_mean, kind_of
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar
from configurator.config.paths import shown_path
from configurator.config.yamlsource import load_yaml

HANDLERS = "handlers"


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """One play as it stands in a file, with what the imports around it say of it, the outermost first."""

    value: LocatedMap
    folder: str
    file: str
    label: str = ""
    imports: tuple[Keywords, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Prompted:
    """A variable whose value is asked for; `default` is the answer where nothing is typed.

    With `encrypt` (a type of `password_hash`) the variable is the hash of the answer.
    """

    name: str
    text: str
    span: Span
    private: bool = True
    confirm: bool = False
    default: str | None = None
    encrypt: str | None = None
    salt: str | None = None
    salt_size: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Play:
    """One play. `label` tells its own tasks from those of other plays: `site.yml`, or `site.yml play 2`.

    `sections` are its lists of tasks that are not empty, as roles; `handlers` is one more, or None. `serial`
    are the sizes of batches: a number of hosts or a percentage. `fail_percentage` is the share of a batch
    that may fail, None for any.
    """

    name: str
    label: str
    folder: str
    span: Span
    patterns: tuple[tuple[str, Span], ...]
    keywords: Keywords = field(default_factory=Keywords)
    vars: Mapping[str, Located] = field(default_factory=dict)
    vars_files: tuple[tuple[LocatedScalar, ...], ...] = ()
    prompts: tuple[Prompted, ...] = ()
    uses: tuple[RoleUse, ...] = ()
    sections: Mapping[str, Role] = field(default_factory=dict)
    handlers: Role | None = None
    remote_user: LocatedScalar | None = None
    port: int | None = None
    serial: tuple[int | str, ...] = ()
    fail_percentage: float | None = None
    any_errors_fatal: bool = False
    order: str = "inventory"

    @property
    def own_roles(self) -> tuple[Role, ...]:
        """Return its own lists of tasks and handlers as roles."""
        return (*([self.handlers] if self.handlers else []), *self.sections.values())


# -- finding the plays --------------------------------------------------------------------------------------


def load_plays(path: str, scope: Scope, reader: TaskFileReader) -> list[Written]:
    """Return the plays of a playbook and of those that it imports, in their order.

    `scope` has the variables that names of imported files may use: those of the command line. Roles need not
    be known to `reader` yet.
    """
    found = list(_plays_of(path, Span("--playbook"), scope, reader, (), ()))
    counts: dict[str, int] = {}
    for one in found:
        counts[one.file] = counts.get(one.file, 0) + 1
    numbers: dict[str, int] = {}
    labelled = []
    for one in found:
        number = numbers[one.file] = numbers.get(one.file, 0) + 1
        shown = os.path.relpath(one.file, os.path.dirname(os.path.abspath(path)))
        label = shown if counts[one.file] == 1 else f"{shown} play {number}"
        labelled.append(replace(one, label=label))
    return labelled


def _plays_of(
    path: str,
    span: Span,
    scope: Scope,
    reader: TaskFileReader,
    imports: tuple[Keywords, ...],
    above: tuple[str, ...],
) -> Iterator[Written]:
    problems = reader.diagnostics
    file = os.path.abspath(os.path.expanduser(path))
    if not os.path.isfile(file):
        folder = os.path.dirname(file)
        near = os.listdir(folder) if os.path.isdir(folder) else ()
        problems.add(
            span,
            f"there is no playbook {shown_path(file)!r}",
            did_you_mean(os.path.basename(file), near),
            code="no-such-file",
        )
        return
    if file in above:
        problems.add(span, f"the playbook {shown_path(file)!r} imports itself", code="playbook")
        return
    value = load_yaml(file, problems, name=shown_path(file))
    items = as_list(value, "a playbook", problems) if value is not None else ()
    if value is not None and items is not None and not items:
        problems.add(value.span, "this playbook has no play", code="playbook")
    for item in items or ():
        if not isinstance(item, LocatedMap):
            problems.add(item.span, f"a play must be a mapping, not {kind_of(item)}", code="wrong-type")
            continue
        key = next((key for key in words.IMPORT if key in item), None)
        if key is None:
            yield Written(item, os.path.dirname(file), file, imports=imports)
            continue
        for other in item.entries:
            if other not in words.IMPORT_KEYS:
                hint = did_you_mean(other, words.IMPORT_KEYS)
                problems.add(
                    item.key_span(other), f"unknown key {str(other)!r} of an import", hint, code="unknown-key"
                )
        name = item.entries[key]
        if not isinstance(name, LocatedScalar) or not isinstance(name.value, str):
            problems.add(name.span, f"{key!r} needs the name of a file", code="missing-value")
            continue
        try:
            wanted = str(scope.value(name))
        except TemplatingError as error:
            problems.extend([error.diagnostic])
            continue
        inner = (*imports, reader.keywords(item))
        wanted = os.path.join(os.path.dirname(file), os.path.expanduser(wanted))
        yield from _plays_of(os.path.normpath(wanted), name.span, scope, reader, inner, (*above, file))


# -- reading a play -----------------------------------------------------------------------------------------


def read_play(written: Written, scope: Scope, reader: TaskFileReader) -> Play:
    """Return a play; what is wrong with it is noted. `scope` has the variables of the command line."""
    return _PlayReader(written, scope, reader).read()


class _PlayReader:
    """Reads one play."""

    def __init__(self, written: Written, scope: Scope, reader: TaskFileReader) -> None:
        self._written = written
        self._item = written.value
        self._given = scope  # who has given the answer on the command line is not asked
        self._reader = reader
        self._problems = reader.diagnostics
        self._keywords = reader.keywords(self._item)
        self._vars = dict(self._keywords.vars)
        for one in reversed(written.imports):
            self._vars |= one.vars
        self._scalars = Scalars(self._item, scope.child(self._vars), self._problems)

    def read(self) -> Play:
        """Return the play."""
        self._check_keys()
        sections = {part: role for part in words.SECTIONS if (role := self._section(part)) is not None}
        patterns = self._patterns()
        shown = ", ".join(text for text, _ in patterns)
        return Play(
            name=self._scalars.text("name") or shown or self._written.label,
            label=self._written.label,
            folder=self._written.folder,
            span=self._span(),
            patterns=patterns,
            keywords=self._in_force(),
            vars=self._vars,
            vars_files=self._vars_files(),
            prompts=tuple(self._prompts()),
            uses=self._uses(),
            sections=sections,
            handlers=self._section(HANDLERS),
            remote_user=self._scalars.scalar("remote_user"),
            port=self._scalars.whole("port", 65535),
            serial=self._scalars.serial(),
            fail_percentage=self._scalars.percentage("max_fail_percentage"),
            any_errors_fatal=self._scalars.boolean("any_errors_fatal"),
            order=self._scalars.one_of("order", words.ORDERS, "inventory"),
        )

    def _check_keys(self) -> None:
        item = self._item
        for key in item.entries:
            span = item.key_span(key)
            if key in words.PLAY:
                continue
            if key in words.ONLY_TASKS:
                self._problems.add(
                    span, f"keyword {key!r} has no meaning in a play", code="misplaced-keyword"
                )
            else:
                hint = did_you_mean(key, words.PLAY)
                self._problems.add(
                    span, f"unknown keyword {str(key)!r} of a play", hint, code="unknown-keyword"
                )
        if "hosts" not in item:
            self._problems.add(
                self._span(), "this play says no hosts", "write 'hosts: all'", code="missing-value"
            )
        for key, known in words.VALUES.items():
            self._scalars.one_of(key, known, "")

    def _in_force(self) -> Keywords:
        """Return what every task of the play inherits; variables have their own place."""
        outer = self._written.imports
        return replace(
            self._keywords,
            vars={},
            when=tuple(condition for one in outer for condition in one.when),
            tags=(*(tag for one in outer for tag in one.tags), *self._keywords.tags),
            notify=(),
        )

    def _section(self, part: str) -> Role | None:
        value = self._item.get(part)
        if value is None:
            return None
        handlers = part == HANDLERS
        nodes = self._reader.read(value, self._written.folder, handlers=handlers)
        if not nodes:
            return None
        span = self._item.key_span(part)
        return Role(
            name=f"{self._written.label}: {part}",
            path=self._written.folder,
            shown=shown_path(self._written.folder),
            span=span,
            tasks=() if handlers else nodes,
            handlers=nodes if handlers else (),
        )

    def _uses(self) -> tuple[RoleUse, ...]:
        value = self._item.get("roles")
        items = as_list(value, "'roles'", self._problems) if value is not None else ()
        found = (read_role_use(item, self._reader) for item in items or ())
        return tuple(use for use in found if use is not None)

    def _patterns(self) -> tuple[tuple[str, Span], ...]:
        value = self._item.get("hosts")
        if value is None:
            return ()
        items = value.items if isinstance(value, LocatedList) else (value,)
        if any(isinstance(item, LocatedScalar) and is_template(str(item.value)) for item in items):
            return self._scalars.patterns(value)
        return as_texts(value, "'hosts'", self._problems)

    # -- variables ------------------------------------------------------------------------------------

    def _vars_files(self) -> tuple[tuple[LocatedScalar, ...], ...]:
        """Return for each entry the names of which the first file that exists counts."""
        value = self._item.get("vars_files")
        if isinstance(value, LocatedScalar) and value.value is not None:
            value = LocatedList((value,), value.span)
        items = as_list(value, "'vars_files'", self._problems) if value is not None else ()
        found: list[tuple[LocatedScalar, ...]] = []
        for item in items or ():
            names = item.items if isinstance(item, LocatedList) else (item,)
            scalars = [name for name in names if isinstance(name, LocatedScalar)]
            if len(scalars) < len(names) or not all(isinstance(name.value, str) for name in scalars):
                self._problems.add(
                    item.span, f"a file of variables must be a name, not {kind_of(item)}", code="no-such-file"
                )
            else:
                found.append(tuple(scalars))
        return tuple(found)

    def _prompts(self) -> Iterator[Prompted]:
        value = self._item.get("vars_prompt")
        items = as_list(value, "'vars_prompt'", self._problems) if value is not None else ()
        for item in items or ():
            asked = as_map(item, "a question", self._problems)
            prompt = None if asked is None else self._prompt(asked)
            if prompt is not None and prompt.name not in self._given:
                yield prompt

    def _prompt(self, asked: LocatedMap) -> Prompted | None:
        for key in asked.entries:
            if key not in words.PROMPT:
                hint = did_you_mean(key, words.PROMPT)
                self._problems.add(
                    asked.key_span(key), f"unknown key {str(key)!r} of a question", hint, code="unknown-key"
                )
        named = asked.get("name")
        if named is None:
            self._problems.add(
                asked.span, "this question names no variable", "write 'name: VARIABLE'", code="missing-value"
            )
            return None
        name = as_text(named, "'name'", self._problems)
        if name is None:
            return None
        inner = Scalars(asked, self._scalars.scope, self._problems)
        return Prompted(
            name,
            inner.text("prompt") or name,
            named.span,
            inner.boolean("private", True),
            inner.boolean("confirm"),
            inner.text("default"),
            inner.one_of("encrypt", SCHEMES, "") or None,
            inner.text("salt"),
            inner.whole("salt_size"),
        )

    def _span(self) -> Span:
        first = next(iter(self._item.entries), None)
        return self._item.span if first is None else self._item.key_span(first)


def play_folders(plays: Sequence[Written]) -> list[str]:
    """Return the folders that the plays stand in, each once, the first play's first."""
    return list(dict.fromkeys(one.folder for one in plays))
