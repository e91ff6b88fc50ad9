"""What the names in `requires` and `notify` mean: the nodes, or a problem with a did-you-mean."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from configurator.compiler.compiled import Notification, Part, Requirement, Use
from configurator.compiler.order_nodes import Nodes
from configurator.compiler.uses import strongest, together
from configurator.config.diagnostics import Diagnostics, Span
from configurator.modules.params import did_you_mean

# (role, task) that exist but were not selected for this run; a task of None means the whole role.
LeftOut = Collection[tuple[str, str | None]]


def required_nodes(
    nodes: Nodes,
    owner: str,
    requirement: Requirement,
    left_out: LeftOut,
    problems: Diagnostics,
    *,
    handler: bool = False,
) -> Sequence[int]:
    """Return the nodes that a declared requirement of the role `owner` names.

    A role stands for its end. One word means a task of the same role first, then a role; on a handler
    (`handler`) a handler of the same role before these. What was left out of the run by the person's own
    choice is no problem and no node.
    """
    role, task = requirement.role, requirement.task
    if role is None and task is not None:
        own = nodes.roles[owner].by_name.get(task)
        if handler:
            own = nodes.roles[owner].handlers_by_name.get(task, own)
        if own is not None:
            return own
        if (owner, task) in left_out:
            return ()
        role, task = task, None
    if role is None or (role, None) in left_out:
        return ()
    found = nodes.roles.get(role)
    if found is not None and task is None:
        return (found.end,)
    if found is not None and task is not None and task in found.by_name:
        return found.by_name[task]
    if (role, task) not in left_out:
        problems.add(requirement.span, *_unknown(nodes, owner, requirement), code="unknown-requirement")
    return ()


def _unknown(nodes: Nodes, owner: str, requirement: Requirement) -> tuple[str, str | None]:
    role, task = requirement.role, requirement.task
    if role is None:
        known = [*nodes.roles[owner].by_name, *nodes.roles]
        message = f"required {task!r} is neither a task of role {owner!r} nor a role of this host"
        return message, did_you_mean(str(task), known)
    if role not in nodes.roles:
        return f"required role {role!r} is not applied to this host", did_you_mean(role, nodes.roles)
    message = f"role {role!r} has no task named {task!r}"
    return message, did_you_mean(str(task), nodes.roles[role].by_name)


class HandlerNames:
    """Finds handlers by name or by the topics that they listen to."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._by_role: dict[str, dict[str, list[int]]] = {}
        self._anywhere: dict[str, list[int]] = {}
        for name, role in nodes.roles.items():
            own = self._by_role.setdefault(name, {})
            for handler in role.handlers:
                item = nodes.task(handler)
                for word in dict.fromkeys((item.name, *item.listen)):
                    own.setdefault(word, []).append(handler)
                    self._anywhere.setdefault(word, []).append(handler)
        last = [name for name, role in nodes.roles.items() if role.role.part is Part.HANDLERS]
        self._rank = {name: number for number, name in enumerate((*nodes.roles, *last))}

    def words(self, node: int) -> Mapping[str, Sequence[int]]:
        """Return the handlers of a task's role by every word that means them."""
        own = self._by_role[self._nodes.owner[node]]
        return {word: self._nearest(node, found) for word, found in own.items()}

    def known(self, node: int, notification: Notification) -> bool:
        """Return True if a handler is meant."""
        return bool(self.notified(node, notification, Diagnostics()))

    def notified(self, node: int, notification: Notification, problems: Diagnostics) -> Sequence[int]:
        """Return the handlers meant by a task: its own role's, else those of all roles.

        Of those of one name the handler of the use that the task belongs to is meant, else that of the use
        around it. In a play one handler of a name is meant: that of an include around the task, else the
        play's own, else that of the task's role, else the last role's; and all that listen to it, wherever
        they are. `role : handler` names one role's, as in Ansible.
        """
        owner = self._nodes.owner[node]
        found: Sequence[int] | None
        if self._nodes.roles[owner].role.part is Part.NONE:
            known = self._by_role[owner].get(notification.name) or self._anywhere.get(notification.name)
            found = None if known is None else self._nearest(node, known)
        else:
            found = self._in_play(node, notification.name)
        if found is None:
            role, colon, name = notification.name.partition(" : ")
            found = self._by_role.get(role, {}).get(name) if colon else None
        if found is None:
            hint = did_you_mean(notification.name, self._anywhere)
            problems.add(
                notification.span,
                f"no role of this host has a handler {notification.name!r}",
                hint,
                code="unknown-handler",
            )
            return ()
        return found

    def lent(self, node: int) -> Mapping[str, Sequence[int]]:
        """Return the handlers of a whole play by every word; of none outside of plays."""
        if self._nodes.roles[self._nodes.owner[node]].role.part is Part.NONE:
            return {}
        return {word: self._in_play(node, word) or () for word in self._anywhere}

    def _in_play(self, node: int, word: str) -> Sequence[int] | None:
        """Return what a word means in a play, in declared order; None if nothing has it."""
        owner = self._nodes.owner[node]

        def strength(handler: int, use: Use) -> tuple[int, ...]:
            role = self._nodes.owner[handler]
            shared, own = self._nearness(handler, use, owner)
            of_play = self._nodes.roles[role].role.part is Part.HANDLERS
            return shared, of_play, role == owner, own, self._rank[role]

        return self._meant(node, self._anywhere.get(word, ()), strength) or None

    def _nearest(self, node: int, found: Sequence[int]) -> Sequence[int]:
        """Return those handlers that are not another use's of what the task's use has itself."""
        owner = self._nodes.owner[node]
        return self._meant(node, found, lambda handler, use: self._nearness(handler, use, owner))

    def _meant(
        self, node: int, found: Sequence[int], strength: Callable[[int, Use], tuple[int, ...]]
    ) -> list[int]:
        """Return the nearest of each handler that was written once, and then the strongest of each name."""
        if len(found) < 2:
            return list(found)
        uses = self._nodes.task(node).uses
        return sorted({handler for use in uses for handler in self._meant_in(use, node, found, strength)})

    def _meant_in(
        self, use: Use, node: int, found: Sequence[int], strength: Callable[[int, Use], tuple[int, ...]]
    ) -> Iterator[int]:
        owner = self._nodes.owner[node]
        places: dict[Span, list[int]] = {}
        for handler in found:
            places.setdefault(self._nodes.task(handler).span, []).append(handler)
        names: dict[str, list[int]] = {}
        for same in places.values():
            for handler in strongest(same, lambda each: self._nearness(each, use, owner)):
                names.setdefault(self._nodes.task(handler).name, []).append(handler)
        for same in names.values():
            yield from strongest(same, lambda each: strength(each, use))

    def _nearness(self, handler: int, use: Use, owner: str) -> tuple[int, int]:
        """Return how many uses of roles are around both, and whether the handler is of just these."""
        uses = self._nodes.task(handler).uses
        inside = owner == self._nodes.owner[handler]
        return max(
            (found, inside and found == len(other)) for other in uses for found in [together(use, other)]
        )
