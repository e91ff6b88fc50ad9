"""The variables of one task: looked up by precedence, and rendered when they are first used.

A variable's text may use other variables, in any order and at any depth. What was rendered is remembered
together with the names it was made from, so that a loop's `item` makes only those variables anew that
depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from configurator.compiler.late import (
    FactsView,
    HeldFacts,
    Late,
    LateFacts,
    LateValueError,
    Opening,
    set_inside,
)
from configurator.compiler.results import Results
from configurator.compiler.templating import (
    Engine,
    TemplatingError,
    is_template,
    missing_because,
)
from configurator.compiler.values import OMIT
from configurator.compiler.values import Ready as Ready  # noqa: PLC0414  (everybody has it from here)
from configurator.config.diagnostics import Span
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar, Mark
from configurator.config.paths import line_span
from configurator.config.sealed import parts_of, worth_hiding
from configurator.core.errors import InputError

Layer: TypeAlias = Mapping[str, Located]


Entry: TypeAlias = Located | Ready | Late | LateFacts
_ALL = "vars"  # by this name all variables can be reached, those too whose names are worked out


@dataclass(frozen=True, slots=True)
class Exported:
    """Defaults and variables of roles that tasks have brought in; `since` which version they are seen."""

    defaults: Layer = field(default_factory=dict)
    vars: Layer = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """The names that a role and those around it say themselves, which count before what others export.

    `strong` are those of all names that win over facts.
    """

    defaults: frozenset[str] = frozenset()
    vars: frozenset[str] = frozenset()
    strong: frozenset[str] = frozenset()


class FactStore:
    """What set_fact, register and the like have set so far; `version` grows with every change.

    `open` are the tasks that may set anything: after them no name is certain before they have ended. `weak`
    are the names that come from an include_vars: what a task sets wins over them, above and below. `gathered`
    are those of facts, which are as weak as any other fact. `exported` is what roles that tasks have brought
    in let the tasks below see.
    """

    __slots__ = ("changed", "exported", "gathered", "open", "values", "version", "weak")

    def __init__(self, values: Mapping[str, Entry] | None = None) -> None:
        self.values: dict[str, Entry] = dict(values or {})
        self.changed: dict[str, int] = {}  # name: the version that changed it last
        self.version = 0
        self.open: tuple[Opening, ...] = ()
        self.weak: set[str] = set()
        self.gathered: set[str] = set()
        self.exported = Exported()

    def set(self, name: str, value: Any) -> None:
        """Set a fact; what was rendered with its old value no longer holds."""
        self.put(name, Ready(value))

    def put(self, name: str, entry: Entry) -> None:
        """Set a variable to what is not a value yet: a text to be rendered, or what a task tells later."""
        self.version += 1
        self.changed[name] = self.version
        self.values[name] = entry
        self.weak.discard(name)
        self.gathered.discard(name)

    def swap(self, name: str, entry: Entry) -> None:
        """Put another entry in the place of one; what wins over the variable stays the same."""
        weak = name in self.weak
        self.put(name, entry)
        if weak:
            self.weak.add(name)

    def include(self, name: str, entry: Entry) -> None:
        """Set a variable of a file, unless a task has set it."""
        if name not in self.values or name in self.weak:
            self.put(name, entry)
            self.weak.add(name)

    def gather(self, name: str, entry: Entry) -> None:
        """Set a variable that is a fact, unless it was set as one that wins over facts."""
        if name not in self.values or name in self.gathered:
            self.put(name, entry)
            self.gathered.add(name)

    def export(self, defaults: Layer, variables: Layer) -> None:
        """Let the tasks below see a role's defaults and variables, which win over those exported before."""
        self.version += 1
        before, names = self.exported, {**defaults, **variables}
        self.exported = Exported(
            {**before.defaults, **defaults},
            {**before.vars, **variables},
            {**before.since, **dict.fromkeys(names, self.version)},
        )

    def see(self, other: FactStore) -> None:
        """Take over what was set in another store."""
        self.export(other.exported.defaults, other.exported.vars)
        self.gathered = (self.gathered - other.values.keys()) | other.gathered
        self.weak = (self.weak - other.values.keys()) | other.weak
        self.values |= other.values
        self.changed |= other.changed
        self.version = max(self.version, other.version)
        self.open += other.open

    def opened(self, task_id: str, generation: int, *, files: bool = False) -> None:
        """Note a task that may set anything."""
        self.version += 1
        self.open += (Opening(task_id, self.version, generation, files),)

    def openings(self, name: str) -> Iterator[Opening]:
        """Yield the tasks that may have set a variable since it was set for certain, the latest first."""
        set_at = self.changed.get(name, 0)
        firm = name in self.values and name not in self.weak
        for opening in reversed(self.open):
            if opening.version < set_at:
                return
            if not (firm and opening.files):
                yield opening

    def lates(self) -> Iterator[Late]:
        """Yield what is not known yet."""
        for entry in self.values.values():
            if isinstance(entry, Late):
                yield entry
            elif isinstance(entry, LateFacts):
                yield from entry.late.values()

    def copy(self) -> FactStore:
        """Return a store that later changes of this one do not reach."""
        made = FactStore(self.values)
        made.changed, made.version, made.open = dict(self.changed), self.version, self.open
        made.weak, made.gathered = set(self.weak), set(self.gathered)
        made.exported = self.exported
        return made


_NOTHING = Said()


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A variable's value, every name that was looked up to make it (its own, too), and the facts' version."""

    value: Any
    names: frozenset[str]
    version: int

    def holds(self, facts: FactStore) -> bool:
        """Return True if no fact that it was made from has changed since."""
        if self.version == facts.version:
            return True
        if facts.open and facts.open[-1].version > self.version:
            return False
        since = facts.exported.since
        return all(max(facts.changed.get(name, 0), since.get(name, 0)) <= self.version for name in self.names)


@dataclass(slots=True)
class _Work:
    """What is being rendered right now in this scope, for finding cycles and dependencies."""

    under_way: dict[str, None] = field(default_factory=dict)
    used: list[set[str]] = field(default_factory=list)


class Names(Mapping[str, Any]):
    """The variables of a scope by their names, and nothing else that it has: `vars`."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        return self._scope[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope)

    def __len__(self) -> int:
        return len(self._scope)

    def _absent(self, name: str) -> tuple[str, Iterable[object]]:
        return f"the variable {name!r} is not defined", self._scope


class Scope(Mapping[str, Any]):
    """Variables by name; reading one renders it. Not thread-safe: each host's compilation has its own.

    `low` has everything weaker than a task's own variables, `facts` what set_fact has set so far, `high` what
    wins over everything but a loop's item. All three are shared with the children made by `child`. `weak` are
    the names that have nothing but a role's default, `params` what a role or an include was given: as in
    Ansible it wins over set_fact. `said` is what the role at hand says itself.
    """

    def __init__(
        self,
        engine: Engine,
        low: Mapping[str, Entry],
        high: Mapping[str, Entry],
        facts: FactStore | None = None,
        secrets: set[str] | None = None,
        weak: frozenset[str] = frozenset(),
        params: Mapping[str, Entry] | None = None,
        said: Said = _NOTHING,
    ) -> None:
        self.engine = engine
        self.weak = weak
        self.said = said
        self.secrets: set[str] = set() if secrets is None else secrets
        self._low = low
        self._high = high
        self._params: dict[str, Entry] = dict(params or {})
        self._facts = FactStore() if facts is None else facts
        self._own: dict[str, Entry] = {}
        self._loops: dict[str, Entry] = {}
        self._shared: dict[str, _Rendered] = {}
        self._cache: dict[str, _Rendered] = self._shared
        self._work = _Work()
        self._results: Results | None = None
        self._generation = 0
        self._met: set[str] = set()

    @property
    def facts(self) -> FactStore:
        """Return the store that set_fact and register change."""
        return self._facts

    @property
    def met(self) -> set[str]:
        """Return the ids of the tasks whose results were looked at."""
        return self._met

    def frozen(self) -> Scope:
        """Return the same variables as they are now, for a task that is put off."""
        return self._copied(self._facts.copy())

    @property
    def low(self) -> Mapping[str, Entry]:
        """Return the layer of everything weaker than a task's own variables."""
        return self._low

    @property
    def high(self) -> Mapping[str, Entry]:
        """Return the layer that wins over everything."""
        return self._high

    def over(
        self, low: Mapping[str, Entry], high: Mapping[str, Entry], weak: frozenset[str], said: Said = _NOTHING
    ) -> Scope:
        """Return a scope with the same own and loop variables, and the same facts, over other layers."""
        made = self._copied(self._facts)
        made._low, made._high, made.weak, made.said = low, high, weak, said
        return made

    def settled(self, results: Results, facts: FactStore) -> Scope:
        """Return the same variables once their results are known; `facts` is a copy of the store."""
        made = self._copied(facts)
        made._results, made._generation = results, results.generation
        made._met = set()
        return made

    def _copied(self, facts: FactStore) -> Scope:
        made = Scope(
            self.engine, self._low, self._high, facts, self.secrets, self.weak, self._params, self.said
        )
        made._own, made._loops = self._own, self._loops
        made._results, made._generation, made._met = self._results, self._generation, self._met
        return made

    def child(
        self,
        own: Layer | None = None,
        loops: Mapping[str, Any] | None = None,
        params: Layer | None = None,
    ) -> Scope:
        """Return a scope in which the variables `own`, the loop values and what an include is given count."""
        given = self._params | dict(params or {})
        made = Scope(
            self.engine, self._low, self._high, self._facts, self.secrets, self.weak, given, self.said
        )
        made._own = self._own | dict(own or {})
        made._loops = self._loops | {name: Ready(value) for name, value in (loops or {}).items()}
        made._shared = {} if params else self._shared
        made._cache = {}
        made._results, made._generation, made._met = self._results, self._generation, self._met
        return made

    # -- Mapping, as Jinja reads it -------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        if self._work.used:
            self._work.used[-1].add(name)
        entry = self._find(name)
        if entry is None and name == _ALL:
            return Names(self)
        if entry is None:
            raise KeyError(name)
        if isinstance(entry, Ready):
            return entry.value
        if isinstance(entry, LateFacts):
            return self._facts_view(entry)
        known = self._known(name)
        if known is None:
            try:
                known = self._render(name, entry)
            except TemplatingError as error:
                if error.undefined:
                    return missing_because(error)
                raise
        if self._work.used:
            self._work.used[-1] |= known.names
        return known.value

    def __contains__(self, name: object) -> bool:
        if self._work.used and isinstance(name, str):
            self._work.used[-1].add(name)
        return name == _ALL or self._find(name) is not None

    def __iter__(self) -> Iterator[str]:
        exported = self._facts.exported.since
        layers = (self._loops, self._high, self._params, self._facts.values, self._own, exported, self._low)
        return iter(dict.fromkeys(name for layer in layers for name in layer))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def written(self, name: str) -> Located | None:
        """Return where a variable was written; None for facts, loop items and magic variables."""
        entry = self._find(name)
        return None if isinstance(entry, Ready | LateFacts) else entry

    def rendered(self, name: str) -> Any:
        """Return a variable's value; TemplatingError if it cannot be rendered. KeyError if there is none."""
        entry = self._find(name)
        if entry is None:
            raise KeyError(name)
        if isinstance(entry, LateFacts):
            return self._facts_view(entry)
        return entry.value if isinstance(entry, Ready) else self.value(entry)

    def _find(self, name: object) -> Located | Ready | LateFacts | None:
        for layer in (self._loops, self._high, self._params):
            if name in layer:
                return layer[name]  # type: ignore[index,return-value]  # nothing late is ever in these
        if self._facts.open and (found := self._set_by_any(str(name))) is not None:
            return found
        exported, facts = self._exported(str(name)), self._facts
        strong = name in self._own or name in self.said.strong
        strong = strong or (name in exported and exported is facts.exported.vars)
        outdone = strong and name in facts.gathered
        for layer in ({} if outdone else facts.values, self._own, exported, self._low):
            if name in layer:
                entry: Entry | None = layer[name]  # type: ignore[index]
                while isinstance(entry, Late):
                    entry = self._settled(entry)
                if entry is not None:
                    return entry
        return None

    def _exported(self, name: str) -> Mapping[str, Entry]:
        """Return a layer with what roles brought in above have let be seen as this variable, if it counts."""
        if self._results is None and not self._facts.exported.since:
            return {}  # nearly always
        for exported in self._exports(self._facts):
            if name in exported.vars and name not in self.said.vars:
                return exported.vars
            unsaid = name in self.weak and name not in self.said.defaults
            if name in exported.defaults and (unsaid or name not in self._low):
                return exported.defaults
        return {}

    def _exports(self, facts: FactStore) -> Iterator[Exported]:
        """Yield what was exported, also inside of tasks that were put off."""
        yield facts.exported
        if self._results is None:
            return
        for opening in reversed(facts.open):
            if (inner := self._results.inner.get(opening.task)) is not None:
                yield from self._exports(inner[0])

    def _set_by_any(self, name: str) -> Ready | Located | None:
        """Return what a task has set that could set anything; LateValueError while it has not begun.

        What the host told beforehand is taken for certain, and so are Jinja's own names.
        """
        own = name in self._facts.values or name in self._own
        if not own and (isinstance(self._low.get(name), Ready) or name in self.engine.environment.globals):
            return None
        for opening in self._facts.openings(name):
            if self._results is None or opening.generation >= self._generation:
                raise LateValueError(tuple(each.task for each in self._facts.openings(name)))
            found = set_inside(opening.task, name, self._results)
            if found is not None:
                self._met.add(opening.task)
                return found
        return None

    # -- what is known later --------------------------------------------------------------------------

    def _settled(self, entry: Late) -> Entry | None:
        """Return what tasks have set by now; None if they have set nothing."""
        if self._results is None or entry.generation >= self._generation:
            raise LateValueError(entry.tasks)
        self._met.update(entry.tasks)
        found = entry.settled(self._results)
        return entry.base if found is None else found

    def _facts_view(self, facts: LateFacts) -> Any:
        if self._results is None:
            return FactsView(facts)
        known = HeldFacts(facts.known)
        for name, late in facts.late.items():
            found = self._settled(late)
            if isinstance(found, Ready):
                known[name] = found.value
        if facts.more is not None:
            for name, value in self._results.gathered(facts.more.tasks).items():
                # `in` would ask the host for a fact that it has not told yet, in the middle of its run.
                if not dict.__contains__(known, name):
                    known[name] = value
        return known

    # -- rendering ------------------------------------------------------------------------------------

    def _known(self, name: str) -> _Rendered | None:
        """Return what is remembered of a variable, if it holds in this scope."""
        found = self._cache.get(name)
        if found is None and self._cache is not self._shared and name not in self._own:
            found = self._shared.get(name)
            if found is not None and not self._independent(found.names):
                return None
        return found if found is not None and found.holds(self._facts) else None

    def _independent(self, names: frozenset[str]) -> bool:
        return names.isdisjoint(self._own) and names.isdisjoint(self._loops)

    def _render(self, name: str, entry: Located) -> _Rendered:
        work = self._work
        if name in work.under_way:
            path = [*list(work.under_way)[list(work.under_way).index(name) :], name]
            shown = " -> ".join(path)
            raise TemplatingError(
                entry.span.diagnostic(f"the variable {name!r} needs itself: {shown}", code="variable-cycle")
            )
        work.under_way[name] = None
        work.used.append(set())
        try:
            value = self.value(entry)
        finally:
            names = frozenset((name, *work.used.pop()))
            del work.under_way[name]
        rendered = _Rendered(value, names, self._facts.version)
        shared = name not in self._own and name not in self._loops and self._independent(names)
        (self._shared if shared else self._cache)[name] = rendered
        return rendered

    def value(self, located: Located) -> Any:
        """Return a located value with everything in it rendered; TemplatingError says where it cannot be."""
        if isinstance(located, LocatedScalar):
            return self._scalar(located)
        if isinstance(located, LocatedList):
            return [item for item in (self.value(item) for item in located.items) if item is not OMIT]
        rendered: dict[Any, Any] = {}
        for key, item in located.entries.items():
            value = self.value(item)
            if value is not OMIT:
                rendered[self._key(key, located)] = value
        return rendered

    def _key(self, key: Any, located: LocatedMap) -> Any:
        if not isinstance(key, str) or not is_template(key):
            return key
        return self._scalar(LocatedScalar(key, located.key_span(key)))

    def _scalar(self, located: LocatedScalar) -> Any:
        text, mark = located.value, located.mark
        if Mark.VAULT in mark:
            return self._opened(located)
        if not isinstance(text, str):
            if Mark.SECRET in mark:
                self.secrets.update(worth_hiding(located))
            return text
        value: Any = text
        if Mark.UNSAFE not in mark and is_template(text):
            value = self.text(text, located)
        if Mark.SECRET in mark and isinstance(value, str) and value:
            self.secrets.add(value)
        return value

    def _opened(self, located: LocatedScalar) -> str:
        """Return what an encrypted text says; as in Ansible it is never taken for a template."""
        try:
            value = self.engine.vault.open(str(located.value), located.span).decode()
        except InputError as error:
            raise TemplatingError(error.diagnostics[0]) from None
        except UnicodeDecodeError:
            raise TemplatingError(
                located.span.diagnostic("what is encrypted here is no text", code="vault")
            ) from None
        hidden = {value, *parts_of(value)} - {""}
        self.secrets |= hidden
        self.engine.vault.hide(hidden)
        return value

    def text(self, text: str, located: LocatedScalar) -> Any:
        """Return what a template's text gives."""
        compiled = self.engine.text(text, located)
        return self.engine.evaluate(compiled, self, lambda file, line: _place(located, file, line))

    def condition(self, located: LocatedScalar) -> bool:
        """Return whether the expression of a `when` holds."""
        value = self.expression(located)
        if isinstance(value, str) and value.strip().lower() in ("true", "false", "yes", "no"):
            return value.strip().lower() in ("true", "yes")
        return bool(value)

    def expression(self, located: LocatedScalar) -> Any:
        """Return the value of an expression as it stands in a `when`, without braces."""
        if not isinstance(located.value, str):
            return located.value
        compiled = self.engine.expression(located.value, located.span)
        return self.engine.evaluate(compiled, self, lambda file, line: _place(located, file, line))


def _place(located: LocatedScalar, file: str | None, line: int) -> Span:
    """Return the place of a line of a text, or of a line of a template file that it included."""
    return line_span(file, line) if file is not None else located.line_span(line)
