"""What the names in `requires` and `notify` mean: the nodes, or a problem with a did-you-mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from configurator.compiler.compiled import Notification, Part, Requirement
from configurator.compiler.order_nodes import Nodes
from configurator.config.diagnostics import Diagnostics
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

    def words(self, owner: str) -> Mapping[str, Sequence[int]]:
        """Return the handlers of a role by every word that means them."""
        return self._by_role[owner]

    def known(self, owner: str, notification: Notification) -> bool:
        """Return True if a handler is meant."""
        return bool(self.notified(owner, notification, Diagnostics()))

    def notified(self, owner: str, notification: Notification, problems: Diagnostics) -> Sequence[int]:
        """Return the handlers meant by a task of role `owner`: its own ones, else those of all roles.

        In a play one handler of a name is meant: the play's own, else that of `owner`, else the last role's;
        and all that listen to it, wherever they are. `role : handler` names one role's, as in Ansible.
        """
        found: Sequence[int] | None
        if self._nodes.roles[owner].role.part is Part.NONE:
            found = self._by_role[owner].get(notification.name) or self._anywhere.get(notification.name)
        else:
            found = self._in_play(owner, notification.name)
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

    def lent(self, owner: str) -> Mapping[str, Sequence[int]]:
        """Return the handlers of a whole play by every word; of none outside of plays."""
        if self._nodes.roles[owner].role.part is Part.NONE:
            return {}
        return {word: self._in_play(owner, word) or () for word in self._anywhere}

    def _in_play(self, owner: str, word: str) -> Sequence[int] | None:
        """Return what a word means in a play, in declared order; None if nothing has it."""
        by_name: dict[str, list[int]] = {}  # handlers of one name: of those one at most is meant
        for handler in self._anywhere.get(word, ()):
            by_name.setdefault(self._nodes.task(handler).name, []).append(handler)
        found = [one for same in by_name.values() for one in self._strongest(owner, same)]
        return sorted(found) or None

    def _strongest(self, owner: str, same: Sequence[int]) -> Sequence[int]:
        """Return those of the handlers of one name that count: one role's, of which a loop makes several."""

        def strength(handler: int) -> tuple[bool, bool, int]:
            role = self._nodes.owner[handler]
            own = self._nodes.roles[role].role.part is Part.HANDLERS
            return own, role == owner, self._rank[role]

        best = max(map(strength, same))
        return [handler for handler in same if strength(handler) == best]
