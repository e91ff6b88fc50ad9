"""Which use of a role a handler belongs to: its own tasks mean it, and those of another use do not.

A use is known by the way to it from the role at the top, the outermost include first. What is written there
is unique on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TypeAlias

from configurator.compiler.compiled import CompiledTask, Use

Same: TypeAlias = tuple[object, ...]  # equal for handlers of several uses that do the same


def together(one: Use, other: Use) -> int:
    """Return how many of the uses around the one are around the other, too."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def strongest(found: Iterable[int], strength: Callable[[int], tuple[int, ...]]) -> list[int]:
    """Return those of the handlers that come first, in declared order."""
    known = {handler: strength(handler) for handler in found}
    best = max(known.values(), default=())
    return sorted(handler for handler, strong in known.items() if strong == best)


def merged(handlers: Sequence[CompiledTask]) -> list[CompiledTask]:
    """Return the handlers with those that come out the same in several uses as one, which belongs to all.

    They are the same only if those are that they notify in turn.
    """
    words: dict[tuple[Use, str], list[CompiledTask]] = {}
    for handler in handlers:
        for word in dict.fromkeys((handler.name, *handler.listen)):
            words.setdefault((handler.uses[0], word), []).append(handler)

    def same(handler: CompiledTask, above: tuple[str, ...] = ()) -> Same:
        spec = handler.spec
        if spec.late or spec.id in above:
            return (spec.id,)
        told = [
            (item.name, tuple(same(other, (*above, spec.id)) for other in words.get(key, ())))
            for item in handler.notify
            for key in [(handler.uses[0], item.name)]
        ]
        return spec.name, str(spec.params), *told

    found: dict[Same, CompiledTask] = {}
    for handler in handlers:
        key = same(handler)
        known = found.get(key)
        uses = dict.fromkeys((*(known.uses if known else ()), *handler.uses))
        found[key] = replace(known or handler, uses=tuple(uses))
    return list(found.values())
