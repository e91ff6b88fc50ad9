"""A host's facts as a compilation sees them: the usual ones are there, the others are asked for when used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from configurator.compiler.factnames import PARTS
from configurator.compiler.late import Facts, no_such_fact
from configurator.compiler.scope import Entry, Ready
from configurator.compiler.templating import Missing


class HostFacts(Mapping[str, Any]):
    """Facts by Ansible's names without prefix; `ask` returns those of one part, and is called once for it.

    Which part a fact is in is known beforehand, so that a role that uses no such fact costs no round trip.
    """

    def __init__(
        self,
        known: Mapping[str, Any],
        ask: Callable[[str], Mapping[str, Any]],
        parts: Mapping[str, str] = PARTS,
    ) -> None:
        self.known = dict(known)
        self.later = {name: part for name, part in parts.items() if name not in known}
        self._ask = ask
        self._asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name not in self.known and (part := self.later.get(name)) is not None:
            self._fetch(part)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        for part in dict.fromkeys(self.later.values()):
            self._fetch(part)
        return iter(tuple(self.known))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _absent(self, name: str) -> tuple[str, Iterable[object]]:
        """Return what is said of a fact that there is not, and all names: no host is asked for that."""
        return no_such_fact(name), (*self.known, *self.later)

    def _fetch(self, part: str) -> None:
        if part not in self._asked:
            self._asked.add(part)
            found = self._ask(part)
            self.known |= {name: value for name, value in found.items() if name not in self.known}


class _Later(Ready):
    """A fact that is asked for when its value is wanted; undefined if the host has none."""

    __slots__ = ("_facts", "_name")
    _facts: HostFacts
    _name: str

    def __init__(self, facts: HostFacts, name: str) -> None:
        object.__setattr__(self, "_facts", facts)
        object.__setattr__(self, "_name", name)

    @property
    def value(self) -> Any:
        """Return the fact."""
        try:
            return self._facts[self._name]
        except KeyError:
            return Missing(name=f"ansible_{self._name}")


def fact_entries(facts: Mapping[str, Any]) -> dict[str, Entry]:
    """Return the variables that facts are: `ansible_facts`, and each with the prefix."""
    known = facts.known if isinstance(facts, HostFacts) else Facts(facts)
    entries: dict[str, Entry] = {f"ansible_{name}": Ready(value) for name, value in known.items()}
    if isinstance(facts, HostFacts):
        entries |= {f"ansible_{name}": _Later(facts, name) for name in facts.later if name not in known}
        return entries | {"ansible_facts": Ready(facts)}
    return entries | {"ansible_facts": Ready(known)}


def plain_entries(facts: Mapping[str, Any]) -> dict[str, Entry]:
    """Return the same of the facts that are there already: other hosts may read these at any time."""
    return fact_entries(dict(facts.known) if isinstance(facts, HostFacts) else facts)
