"""One role on one host: its nodes walked from top to bottom into concrete tasks."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.compiler import ahead
from configurator.compiler.blocks import BlockPart, close_block, hang_on_failure
from configurator.compiler.compiled import CompiledTask
from configurator.compiler.conditions import first_false
from configurator.compiler.included import export_ahead, included_role, included_variables, is_public
from configurator.compiler.inherited import Inherited
from configurator.compiler.late import Late, LateValueError, Version
from configurator.compiler.loops import Item, loop_rounds
from configurator.compiler.putoff import Found, PutOff
from configurator.compiler.results import NO_ITEMS, Results, Round, Rounds, of_loop, skipped
from configurator.compiler.scope import Scope
from configurator.compiler.selection import Selection
from configurator.compiler.taskmaker import TaskIds, TaskMaker, module_word, with_label
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
from configurator.compiler.templating import TemplatingError, is_template
from configurator.compiler.values import OMIT
from configurator.compiler.variables import HostVariables
from configurator.config.located import LocatedScalar
from configurator.modules.effects import OPAQUE, Effects

_MAX_DEPTH = 50  # includes inside each other; more is a file that includes itself
_NOTHING_TO_DO = frozenset(
    {"clear_facts", "clear_host_errors", "noop", "refresh_inventory", "reset_connection"}
)


class RoleExpander:
    """Compiles one use of one role; problems are noted, and the walk goes on with the next task.

    `handlers_found` are those of roles that are included on the way; they become handlers of this role.
    """

    def __init__(self, maker: TaskMaker, variables: HostVariables) -> None:
        self._maker = maker
        self._variables = variables
        self._generation = 0
        self._last: Rounds | None = None
        self._set: dict[str, Any] = {}
        self._once: dict[str, int] = {}
        self.handlers_found: list[CompiledTask] = []

    @property
    def role_name(self) -> str:
        """Return the name of the role."""
        return self._maker.role.name

    def tasks(self, nodes: Sequence[Node], inherited: Inherited) -> list[CompiledTask]:
        """Return the concrete tasks of a list of nodes."""
        self._maker.selection, self._maker.ids.prefix = self._maker.state.selection, ""
        return list(self._walk(nodes, inherited, 0))

    def handlers(self, nodes: Sequence[Node], inherited: Inherited) -> list[CompiledTask]:
        """Return the concrete handlers of a list of nodes: never left out, since they run if notified."""
        self._maker.selection, self._maker.ids.prefix = Selection(), "h"
        return list(self._walk(nodes, inherited, 0))

    def resume(self, put_off: PutOff, results: Results, found: Found) -> list[CompiledTask]:
        """Return what a task that was put off becomes, now that its values are known."""
        maker = copy.copy(self._maker)
        state = replace(
            maker.state,
            diagnostics=found.diagnostics,
            blobs=found.blobs,
            secrets=set(maker.state.secrets),
            left_out=set(),
        )
        maker.state, maker.selection, maker.ids = state, put_off.selection, TaskIds(put_off.task_id)
        again = RoleExpander(maker, self._variables)
        again._generation = results.generation
        facts = put_off.inherited.scope.facts.copy()
        found.since = facts.version
        scope = put_off.inherited.scope.settled(results, facts)
        part = None
        if put_off.inherited.part is not None and not isinstance(put_off.node, FactNode | VarsNode):
            part = BlockPart(again._generation)  # what stands above it in the block has not failed
        here = replace(put_off.inherited, scope=scope, part=part)
        tasks = list(again._walk([put_off.node], here, put_off.depth))
        if part is not None:
            part.leave(facts)
        found.rounds, found.facts, found.met = again._last, facts, scope.met
        found.handlers, found.set_facts, found.secrets = again.handlers_found, again._set, state.secrets
        return tasks

    def _walk(self, nodes: Sequence[Node], inherited: Inherited, depth: int) -> Iterator[CompiledTask]:
        for task in self._compiled(nodes, inherited, depth):
            if inherited.part is not None:
                inherited.part.passes(task)
            yield task

    def _compiled(self, nodes: Sequence[Node], inherited: Inherited, depth: int) -> Iterator[CompiledTask]:
        for node in nodes:
            if isinstance(node, BlockNode):
                yield from self._block(node, inherited, depth)
                continue
            numbers, handlers = dict(self._maker.ids.numbers), len(self.handlers_found)
            try:
                yield from list(self._node(node, inherited, depth))
            except LateValueError as late:
                self._maker.ids.numbers = numbers
                del self.handlers_found[handlers:]  # of rounds that are compiled once more later
                try:
                    task = self._put_off(node, inherited, depth, late)
                    if not isinstance(node, TaskNode) or self._maker.selection.wants_task(task):
                        yield task
                    else:
                        self._maker.state.left_out.add((self._maker.role.name, task.name))
                except TemplatingError as error:
                    self._maker.state.diagnostics.extend([error.diagnostic])
            except TemplatingError as error:
                self._maker.state.diagnostics.extend([error.diagnostic])

    def _node(self, node: Node, inherited: Inherited, depth: int) -> Iterator[CompiledTask]:
        match node:
            case IncludeNode():
                yield from self._include(node, inherited, depth)
            case RoleNode():
                yield from self._include_role(node, inherited, depth)
            case FactNode():
                yield from self._set_fact(node, inherited, depth)
            case VarsNode():
                yield from self._include_vars(node, inherited, depth)
            case MetaNode():
                yield from self._meta(node, inherited)
            case TaskNode():
                yield from self._task(node, inherited)

    def _selected(self, entered: Inherited) -> bool:
        maker = self._maker
        return maker.selection.wants_tags(maker.settings.texts(entered.tags, entered.scope))

    # -- the kinds of nodes ---------------------------------------------------------------------------------

    def _block(self, node: BlockNode, inherited: Inherited, depth: int) -> Iterator[CompiledTask]:
        inner = inherited.enter(node.keywords)
        if not node.rescue and not node.always:
            yield from self._walk(node.children, inner, depth)
            return
        scope = inner.scope
        risky = inner.part is not None and inner.part.risky
        part = BlockPart(self._generation, risky, inner.part)
        block = list(self._walk(node.children, replace(inner, part=part), depth))
        part.leave(scope.facts)
        failed = ahead.failure(block, self._generation)
        kept = {name: scope.facts.values.get(name) for name in failed}
        for name, entry in failed.items():
            scope.facts.put(name, entry)
        saving = BlockPart(self._generation, True, inner.part)
        rescue = list(self._walk(node.rescue, replace(inner, part=saving), depth))
        saving.leave(scope.facts)
        hang_on_failure(scope.facts, rescue, block)
        for name, before in kept.items():
            if before is None:
                scope.facts.values.pop(name, None)
            else:
                scope.facts.put(name, before)
        always = list(self._walk(node.always, inner, depth))
        name = self._maker.shown(self._maker.name(node, scope))
        yield from close_block(
            node, block, rescue, always, self._maker.ids.next(name), self._maker.role.name, name
        )

    def _include(self, node: IncludeNode, inherited: Inherited, depth: int) -> Iterator[CompiledTask]:
        self._check_depth(depth, node.file)
        entered = inherited.enter(node.keywords)
        if node.static:
            yield from self._walk(self._included(node, entered.scope), entered, depth + 1)
            return
        if not self._selected(entered):
            self._pass_over([node], entered.scope)
            return
        for item, here in self._rounds(node, entered):
            if isinstance(here, str):
                yield from self._not_included(node, entered, item, here)
                continue
            # The include's own conditions and tags are settled here; its other keywords hold inside.
            inner = self._inside(node.keywords, node.apply, inherited, item.scope)
            tasks = self._walk(self._included(node, item.scope), inner, depth + 1)
            yield from self._maker.listening(node, item.scope, tasks)

    def _include_role(self, node: RoleNode, inherited: Inherited, depth: int) -> Iterator[CompiledTask]:
        self._check_depth(depth, node.role)
        entered = inherited.enter(node.keywords)
        if node.static:
            yield from self._role_tasks(node, entered, depth)
            return
        if not self._selected(entered):
            return
        for item, here in self._rounds(node, entered):
            if isinstance(here, str):
                yield from self._not_included(node, entered, item, here)
                continue
            inner = self._inside(node.keywords, node.apply, inherited, item.scope)
            yield from self._role_tasks(node, inner, depth)

    def _inside(self, own: Keywords, apply: Keywords, inherited: Inherited, scope: Scope) -> Inherited:
        """Return what is in force inside an include whose own conditions and tags are settled."""
        inner = inherited.enter(own, but=("tags",)).enter(apply)
        if own.vars or apply.vars:
            scope = scope.child(apply.vars, params=own.vars)
        return replace(inner, scope=scope, when=apply.when)

    def _rounds(
        self, node: IncludeNode | RoleNode, entered: Inherited
    ) -> Iterator[tuple[Item, Inherited | str]]:
        """Yield each round of an include, or why there is none."""
        items = loop_rounds(node.loop, entered, module_word(node))
        if isinstance(items, str):
            yield Item(entered.scope), items
            return
        late: LateValueError | None = None
        for item in items:
            try:
                false = first_false(entered.when, item.scope)
            except LateValueError as error:
                late = late or error
                continue
            yield item, (false if false is not None else entered)
        if late is not None:
            raise late

    def _not_included(
        self, node: IncludeNode | RoleNode, entered: Inherited, item: Item, why: str
    ) -> Iterator[CompiledTask]:
        maker = self._maker
        if maker.selection.only and self._pass_over([node], item.scope):
            return
        name = with_label(maker.name(node, item.scope), item.label)
        yield from maker.skipped(node, name, replace(entered, scope=item.scope), why)

    def _check_depth(self, depth: int, place: LocatedScalar) -> None:
        if depth >= _MAX_DEPTH:
            message = f"files include each other more than {_MAX_DEPTH} deep"
            raise TemplatingError(place.span.diagnostic(message, code="template-failed"))

    def _included(self, node: IncludeNode, scope: Scope) -> Sequence[Node]:
        name = str(scope.value(node.file))
        maker = self._maker
        return maker.tools.library.included(maker.role, node, name, maker.state.diagnostics)

    def _role_tasks(self, node: RoleNode, inner: Inherited, depth: int) -> Iterator[CompiledTask]:
        """Yield the tasks of another role, in this place; its handlers join those of this role."""
        public = is_public(node, inner.scope)
        use = included_role(node, inner.scope, self._maker, self._variables)
        if use is None:
            return
        around = replace(inner, scope=use.scope)
        maker = copy.copy(self._maker)
        maker.role, maker.use = use.role, (*maker.use, maker.ids.use(use.role.name))
        there = RoleExpander(maker, self._variables)
        there._generation = self._generation
        yield from there._walk(use.tasks, around, depth + 1)
        prefix, selection = maker.ids.prefix, maker.selection
        maker.ids.prefix, maker.selection = "h", Selection()
        plain = Inherited(use.scope, become=around.become, become_user=around.become_user)
        self.handlers_found += [*there._walk(use.handlers, plain, depth + 1), *there.handlers_found]
        maker.ids.prefix, maker.selection = prefix, selection
        if public:
            inner.scope.facts.export(use.defaults, use.vars)

    def _set_fact(self, node: FactNode, inherited: Inherited, depth: int) -> Iterator[CompiledTask]:
        maker = self._maker
        above = self._above(inherited)
        entered = inherited.enter(node.keywords)
        maker.state.left_out.add((maker.role.name, maker.name(node, entered.scope)))  # done already
        if not self._selected(entered):
            return
        items = loop_rounds(node.loop, entered, module_word(node))
        results: list[dict[str, Any]] = []
        store = inherited.scope.facts
        for item in items if not isinstance(items, str) else ():
            scope = item.scope
            loop = {} if node.loop is None else {"ansible_loop_var": node.loop.var, **(item.names or {})}
            if (false := first_false(entered.when, scope)) is not None:
                results.append(skipped(false) | loop)
                continue
            values = {
                str(scope.value(LocatedScalar(key, node.facts.key_span(key)))): found
                for key, value in node.facts.entries.items()
                if (found := scope.value(value)) is not OMIT
            }
            results.append({"changed": False, "failed": False, "ansible_facts": values, **loop})
            for fact, value in values.items():
                store.set(fact, value)
                self._set[fact] = value
        if node.register is not None:
            looped = node.loop is not None and (items == NO_ITEMS or not isinstance(items, str))
            store.set(node.register, of_loop(results) if looped else (*results, skipped(str(items)))[0])
        names = {name for result in results for name in result.get("ansible_facts", ())}
        yield from self._if_reached(node, above, inherited, depth, names)

    def _include_vars(self, node: VarsNode, inherited: Inherited, depth: int) -> Iterator[CompiledTask]:
        above = self._above(inherited)
        entered = inherited.enter(node.keywords)
        if not self._selected(entered):
            return
        items = loop_rounds(node.loop, entered, module_word(node))
        store = inherited.scope.facts
        included: dict[str, Any] = {}
        for item in items if not isinstance(items, str) else ():
            if first_false(entered.when, item.scope) is None:
                included |= included_variables(node, item.scope, self._maker)
                for name, entry in included.items():
                    store.include(name, entry)
        if node.register is not None:
            store.set(node.register, {"changed": False, "failed": False})
        found = {name for name, entry in included.items() if store.values.get(name) is entry}
        yield from self._if_reached(node, above, inherited, depth, found)

    def _above(self, inherited: Inherited) -> Inherited | None:
        """Return the variables as they are now, in a part of a block that may end above here; else None."""
        if inherited.part is None or not inherited.part.risky:
            return None
        return replace(inherited, scope=inherited.scope.frozen())

    def _if_reached(
        self,
        node: FactNode | VarsNode,
        above: Inherited | None,
        inherited: Inherited,
        depth: int,
        names: Collection[str],
    ) -> Iterator[CompiledTask]:
        """Yield a task that tells whether the run has come to what sets variables, where it may not."""
        if above is None or inherited.part is None or not (names or node.register):
            return
        before = above.scope.facts.copy()
        task = self._put_off(node, above, depth, LateValueError(()))
        inherited.part.sets(inherited.scope.facts, before, ahead.versions(node, task.spec.id, names))
        yield task

    def _meta(self, node: MetaNode, inherited: Inherited) -> Iterator[CompiledTask]:
        maker = self._maker
        entered = inherited.enter(node.keywords)
        if not self._selected(entered) or node.action in _NOTHING_TO_DO:
            return
        if first_false(entered.when, entered.scope) is not None:
            return
        name = maker.shown(maker.name(node, entered.scope)) if node.name else f"meta: {node.action}"
        flush = node.action == "flush_handlers"
        spec = TaskSpec(
            id=maker.ids.next(name),
            role=maker.role.name,
            name=name,
            module="meta",
            params={} if flush else {"action": node.action},
            barrier=flush,
            position=str(node.span),
        )
        found = Effects() if flush else OPAQUE
        made = maker.finish(node, spec, name, replace(entered, notify=()), found, 0.0)
        yield replace(made, flush=flush, ends=ahead.ends(node, maker))

    def _task(self, node: TaskNode, inherited: Inherited) -> Iterator[CompiledTask]:
        maker = self._maker
        entered = inherited.enter(node.keywords)
        if not self._selected(entered):
            self._pass_over([node], entered.scope)
            maker.state.left_out.add((maker.role.name, maker.name(node, entered.scope)))
            return
        if (leader := self._leader(entered)) is not None:
            yield self._done_once(node, entered, leader)
            return
        items = loop_rounds(node.loop, entered, module_word(node))
        maker.begin()
        if isinstance(items, str):
            yield from maker.skipped(node, maker.name(node, entered.scope), entered, items)
            looped = node.loop is not None and items == NO_ITEMS
            self._registered(node, entered, Rounds(() if looped else (Round((), {}, items),), looped))
            return
        rounds, every = [], []
        for item in items:
            here = replace(entered, scope=item.scope)
            false = first_false(here.when, here.scope)
            if false is not None:
                name = maker.name(node, here.scope)
                made = list(maker.skipped(node, name, here, false, item.label))
                rounds.append(Round((), item.names or {}, false))
            elif node.module == "async_status":
                rounds.append(Round((self._ended_job(node, here.scope),), item.names or {}))
                continue
            else:
                made = list(maker.concrete(node, here, item.label))
                ids = tuple(task.spec.id for task in made if task.spec.skip is None)
                skip = next((task.spec.skip for task in made if task.spec.skip is not None), None)
                rounds.append(Round(ids, item.names or {}, skip if not ids else None))
            every += made
        var = node.loop.var if node.loop else "item"
        found = Rounds(tuple(rounds), node.loop is not None, var)
        if maker.state.peers and maker.settings.boolean(entered.run_once, entered.scope):
            every = [replace(task, spec=replace(task.spec, tell=True)) for task in every]
            maker.late.leads[self._once_key(node)] = found
        yield from ahead.detached(node, every, entered, maker.settings, maker.late.jobs)
        self._registered(node, entered, found)
        ahead.gathers(node, every, found, entered.scope, self._generation)
        ahead.tells(every, entered.scope)

    def _leader(self, entered: Inherited) -> str | None:
        """Return the host that does a `run_once` task for this one; None if this host does it."""
        state = self._maker.state
        if entered.run_once is None or not state.peers or state.host == state.peers[0]:
            return None
        once = self._maker.settings.boolean(entered.run_once, entered.scope)
        return state.peers[0] if once else None

    def _once_key(self, node: TaskNode) -> str:
        """Return by what the hosts of a run know the same `run_once` task; each asks in the same order."""
        place = f"{self._maker.state.turn}/{self._maker.role.name}/{node.span}"
        count = self._once[place] = self._once.get(place, 0) + 1
        return f"{place}/{count}"

    def _done_once(self, node: TaskNode, entered: Inherited, leader: str) -> CompiledTask:
        """Return the task that waits for the result of another host."""
        maker = self._maker
        written = maker.name(node, entered.scope)
        name = maker.shown(written)
        spec = TaskSpec(
            id=maker.ids.next(name),
            role=maker.role.name,
            name=name,
            module=node.module,
            late=True,
            position=str(node.span),
        )
        maker.late.once[spec.id] = (self._once_key(node), leader)
        rounds = Rounds((Round((spec.id,)),))
        maker.late.results.rounds[spec.id] = rounds
        self._registered(node, entered, rounds)
        ahead.gathers_once(node, entered, rounds, self._generation, maker)
        return maker.finish(node, spec, written, replace(entered, notify=()), Effects(), 0.0)

    def _ended_job(self, node: TaskNode, scope: Scope) -> str:
        """Return the task that an async_status asks for; LateValueError if it has not ended yet."""
        located = node.args.get("jid")
        jid = "" if located is None else str(scope.value(located))
        place = node.args.span if located is None else located.span
        if jid not in self._maker.late.jobs:
            raise TemplatingError(place.diagnostic(f"no task was started as {jid!r}", code="wrong-value"))
        if self._generation == 0 or self._maker.late.results.raw(jid) is None:
            raise LateValueError((jid,))
        return jid

    def _registered(self, node: TaskNode, entered: Inherited, rounds: Rounds) -> None:
        """Note what the task sets as its registered variable."""
        self._last = rounds
        store = entered.scope.facts
        if node.register is not None:
            if not rounds.ids:
                value = Results().registered(rounds)
                if value is not None:  # else the task is left out: as if it were not there
                    store.set(node.register, value)
            elif (started := ahead.job(node, rounds, entered, self._maker.settings)) is not None:
                store.set(node.register, started)
            else:
                version = Version(rounds.ids[0], rounds)
                store.put(node.register, Late((version,), self._generation, store.values.get(node.register)))

    # -- what must wait ---------------------------------------------------------------------------------

    def _put_off(self, node: Node, inherited: Inherited, depth: int, late: LateValueError) -> CompiledTask:
        """Return the task that stands for one which needs what only the host can tell."""
        maker = self._maker
        entered = inherited.enter(node.keywords)
        written = maker.name(node, entered.scope)
        name = maker.shown(ahead.shown_name(node, written, entered, maker))
        frozen = replace(inherited, scope=inherited.scope.frozen())
        hard, soft = ahead.needed(node, inherited, entered, late, self._maker)
        notify = replace(entered, notify=ahead.settled_texts(entered.notify, entered.scope))
        spec = TaskSpec(
            id=maker.ids.next(name),
            role=maker.role.name,
            name=name,
            module=ahead.module_name(node),
            late=True,
            tell=getattr(node, "register", None) is not None,
            position=str(node.span),
            changed_when=True if _may_count_as_changed(node) else None,
            no_log=ahead.said(entered.no_log, entered.scope, maker.settings, otherwise=True),
            fatal=ahead.said(entered.any_errors_fatal, entered.scope, maker.settings, otherwise=False),
            ignore_unreachable=ahead.said(
                entered.ignore_unreachable, entered.scope, maker.settings, otherwise=False
            ),
        )
        inside = isinstance(node, IncludeNode | RoleNode)
        maker.late.put_off[spec.id] = PutOff(self, node, frozen, depth, spec.id, maker.selection, inside)
        made = maker.finish(node, spec, written, notify, ahead.guessed(node, entered, maker), 0.05)
        ahead.sets(node, spec.id, inherited, entered, self._generation, maker)
        if isinstance(node, RoleNode):
            export_ahead(node, entered.scope, maker)
        return replace(made, data=hard, data_after=soft, words=inside, ends=ahead.ends(node, maker))

    def _pass_over(self, nodes: Sequence[Node], scope: Scope) -> bool:
        """Tell the selection of tasks that are not compiled; return True if `--only` names one of them."""
        maker = self._maker
        wanted = False
        pending = list(nodes) if maker.selection.only else []
        entered: set[IncludeNode] = set()
        while pending:
            node = pending.pop()
            if isinstance(node, TaskNode):
                wanted |= maker.wanted_uncompiled(node, scope)
            elif isinstance(node, BlockNode):
                pending += (*node.children, *node.rescue, *node.always)
            elif isinstance(node, RoleNode) or (
                isinstance(node, IncludeNode) and is_template(str(node.file.value))
            ):
                maker.selection.gives_up()
            elif isinstance(node, IncludeNode) and node not in entered:
                entered.add(node)
                pending += self._included(node, scope)
        return wanted


def _may_count_as_changed(node: Node) -> bool:
    """Return True for a task whose role says when it counts as changed, whatever its module does."""
    verdict = node.verdict if isinstance(node, TaskNode) else None
    return verdict is not None and verdict.changed_when is not None
