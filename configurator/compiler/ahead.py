"""What can be said of a task before it is compiled: what it needs to know, what it may touch and set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from configurator.compiler.compiled import CompiledTask, Ends
from configurator.compiler.inherited import Inherited
from configurator.compiler.late import HeldFacts, Late, LateFacts, LateValueError, Version
from configurator.compiler.results import FAILURES, Round, Rounds
from configurator.compiler.scope import FactStore, Scope
from configurator.compiler.taskmaker import TaskMaker, effects_of, facts_of, module_word, named_after
from configurator.compiler.tasknodes import (
    BlockNode,
    FactNode,
    IncludeNode,
    Loop,
    MetaNode,
    Node,
    RoleNode,
    TaskNode,
    VarsNode,
)
from configurator.compiler.tasksettings import TaskSettings
from configurator.compiler.templatefiles import find_file
from configurator.compiler.templating import TemplatingError, is_template
from configurator.compiler.values import OMIT, Ready, sendable
from configurator.config.diagnostics import Diagnostics
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar
from configurator.modules.base import Module
from configurator.modules.effects import OPAQUE, Effects, effects
from configurator.modules.params import parse

_WORD = re.compile(r"[A-Za-z_]\w*")
_STAND_IN = "\x00later\x00"  # in place of a value that is not known yet; no effect key can have it
# What reading a task with stand-ins may raise, also from a module that takes apart what is not there yet.
_NOT_YET = (LateValueError, TemplatingError, ValueError, TypeError, LookupError)
_ENDS = {"end_batch": Ends.HOST, "end_host": Ends.HOST, "end_play": Ends.HOST, "end_role": Ends.ROLE}


# -- what a task needs to know -------------------------------------------------------------------------------


def needed(
    node: Node, inherited: Inherited, entered: Inherited, late: LateValueError, maker: TaskMaker
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of the tasks that tell what this one speaks of, and of all others that tell something.

    The latter need not succeed: a template or an included file may speak of them.
    """
    scope = entered.scope
    words = set(_words(_texts(node, entered)))
    words |= _template_words(node, maker)
    hard = dict.fromkeys(late.tasks)
    seen: set[str] = set()
    pending = list(words)
    while pending:
        word = pending.pop()
        if word in seen:
            continue
        seen.add(word)
        entry = inherited.scope.facts.values.get(word)
        if isinstance(entry, Late):
            hard |= dict.fromkeys(entry.tasks)
        try:
            written = scope.written(word)
        except LateValueError:
            written = None
        if written is not None:
            pending += _words(_scalars(written))
    soft = dict.fromkeys(name for each in inherited.scope.facts.lates() for name in each.tasks)
    soft |= dict.fromkeys(opening.task for opening in inherited.scope.facts.open)
    return tuple(hard), tuple(name for name in soft if name not in hard)


def _words(scalars: Iterable[str]) -> Iterator[str]:
    for text in scalars:
        yield from _WORD.findall(text)


def _texts(node: Node, entered: Inherited) -> Iterator[str]:
    """Yield every text of a task that may speak of variables."""
    for condition in entered.when:
        yield str(condition.value)
    for value in (*entered.environment, *entered.notify, *entered.tags):
        yield from _scalars(value)
    loop: Loop | None = getattr(node, "loop", None)
    if loop is not None:
        yield from _scalars(loop.items)
    if node.name is not None:
        yield str(node.name.value)
    match node:
        case TaskNode():
            yield from _scalars(node.args)
            for conditions in (node.verdict.changed_when, node.verdict.failed_when, node.verdict.until):
                yield from (str(condition.value) for condition in conditions or ())
        case FactNode():
            yield from _scalars(node.facts)
        case VarsNode():
            yield from _scalars(node.args)
        case IncludeNode():
            yield str(node.file.value)
        case RoleNode():
            yield str(node.role.value)


def _template_words(node: Node, maker: TaskMaker) -> set[str]:
    """Return the words of the template file that a task renders, if its name is written plainly."""
    if not isinstance(node, TaskNode) or node.module != "template":
        return set()
    source = node.args.get("src")
    if not isinstance(source, LocatedScalar) or is_template(str(source.value)):
        return set()
    try:
        path = find_file(str(source.value), "templates", maker.role.path, maker.tools.root, source.span)
        with open(path, encoding="utf-8", errors="replace") as file:
            return set(_WORD.findall(file.read()))
    except (TemplatingError, OSError):
        return set()


def _scalars(value: Located) -> Iterator[str]:
    pending: list[Located] = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, LocatedMap):
            yield from (key for key in current.entries if isinstance(key, str))
            pending += current.entries.values()
        elif isinstance(current, LocatedList):
            pending += current.items
        elif isinstance(current.value, str):
            yield current.value


# -- what a task may touch -----------------------------------------------------------------------------------


def guessed(node: Node, entered: Inherited, maker: TaskMaker) -> Effects:
    """Return what a task that is put off may touch: everything, unless that does not hang on what is late."""
    if isinstance(node, FactNode | VarsNode):
        return Effects()
    if not isinstance(node, TaskNode):
        return OPAQUE
    scope = entered.scope
    try:
        if node.writes is not None:
            reads = maker.settings.texts(node.reads, scope)
            return effects(reads=reads, writes=maker.settings.texts(node.writes, scope))
        found = _likely(node, entered, maker)
    except _NOT_YET:
        return OPAQUE
    keys = (*found.reads, *found.writes, *found.touches)
    return OPAQUE if any(_STAND_IN in key for key in keys) else found


def _likely(node: TaskNode, entered: Inherited, maker: TaskMaker) -> Effects:
    """Return the effects of a task with something else in place of what is not known yet."""
    parsed, raw = _parsed(node, entered, maker)
    return OPAQUE if parsed is None else effects_of(maker.tools.modules.get(node.module), parsed, raw)


def _parsed(node: TaskNode, entered: Inherited, maker: TaskMaker) -> tuple[Any, dict[str, Any]]:
    """Return a task's parameters, read and as they are, with stand-ins; None if they cannot be read."""
    scope = entered.scope
    if node.loop is not None:
        scope = scope.child(loops={node.loop.var: _STAND_IN})
    raw: dict[str, Any] = {}
    for key, located in maker.written(node, entered).items():
        try:
            value = scope.value(located)
            if value is not OMIT:
                raw[str(key)] = sendable(value)
        except LateValueError:
            raw[str(key)] = _STAND_IN
        except (TemplatingError, TypeError):
            if node.loop is None:
                raise
            raw[str(key)] = _STAND_IN
    module = maker.tools.modules.get(node.module)
    parsed, problems = parse(module.params, raw)
    return (None if problems else parsed), raw


# -- what a task sets ----------------------------------------------------------------------------------------


def sets(
    node: Node, task_id: str, inherited: Inherited, entered: Inherited, generation: int, maker: TaskMaker
) -> None:
    """Note what a task that is put off will set."""
    scope = inherited.scope
    store = scope.facts
    register = getattr(node, "register", None)
    if register is not None:
        version = Version(task_id)
        store.put(register, Late((version,), generation, store.values.get(register)))
    match node:
        case TaskNode():
            names = gathered(node, entered, maker)
            if names is None:
                store.opened(task_id, generation)
            _gathers(node, names, Version(task_id), scope, generation)
        case FactNode():
            for key in node.facts.entries:
                _later(scope, str(key), Version(task_id, fact=str(key)), generation)
            if any(is_template(str(key)) for key in node.facts.entries):
                store.opened(task_id, generation)
        case VarsNode():
            store.opened(task_id, generation, files=True)
        case IncludeNode() | RoleNode():
            _sets_inside(node, task_id, inherited, entered, generation, maker)
        case _:
            pass


def _sets_inside(
    node: IncludeNode | RoleNode,
    task_id: str,
    inherited: Inherited,
    entered: Inherited,
    generation: int,
    maker: TaskMaker,
) -> None:
    names, closed = _set_inside(node, maker)
    for name in names:
        _later(inherited.scope, name, Version(task_id, inner=name), generation)
    for inner in _inside(node, maker)[0]:
        if isinstance(inner, TaskNode):
            facts = gathered(inner, entered, maker)
            closed = closed and facts is not None
            _gathers(inner, facts, Version(task_id, inner=""), inherited.scope, generation)
    if not closed:
        inherited.scope.facts.opened(task_id, generation)


def versions(node: FactNode | VarsNode, task_id: str, names: Iterable[str]) -> Iterator[tuple[str, Version]]:
    """Yield the variables that a task sets, and what will tell whether it has."""
    for name in names:
        fact = isinstance(node, FactNode)
        yield name, Version(task_id, fact=name) if fact else Version(task_id, inner=name)
    if node.register is not None:
        yield node.register, Version(task_id)


def _later(scope: Scope, name: str, version: Version, generation: int) -> None:
    before = scope.facts.values.get(name)
    if isinstance(before, Late):
        scope.facts.put(name, Late((*before.versions, version), generation, before.base))
    else:
        scope.facts.put(name, Late((version,), generation, before))


def _inside(node: IncludeNode | RoleNode, maker: TaskMaker) -> tuple[list[Node], bool]:
    """Return the tasks that an include brings in, and whether these are all of them."""
    if isinstance(node, RoleNode):
        found = None if is_template(str(node.role.value)) else maker.tools.library.get(str(node.role.value))
        pending = [] if found is None else [*found.nodes()]
        closed = found is not None
        role = maker.role if found is None else found
    else:
        closed, role = not is_template(str(node.file.value)), maker.role
        pending = []
        if closed:
            name = str(node.file.value)
            pending = [*maker.tools.library.included(role, node, name, Diagnostics())]
    nodes: list[Node] = []
    seen: set[int] = set()
    while pending:
        inner = pending.pop()
        if id(inner) in seen:
            continue
        seen.add(id(inner))
        nodes.append(inner)
        match inner:
            case BlockNode():
                pending += (*inner.children, *inner.rescue, *inner.always)
            case IncludeNode() if not is_template(str(inner.file.value)):
                pending += maker.tools.library.included(role, inner, str(inner.file.value), Diagnostics())
            case IncludeNode() | RoleNode():
                closed = False
            case _:
                pass
    return nodes, closed


def _set_inside(node: IncludeNode | RoleNode, maker: TaskMaker) -> tuple[set[str], bool]:
    """Return the variables that an include may set, and whether that is all of them."""
    names: set[str] = set()
    nodes, closed = _inside(node, maker)
    for inner in nodes:
        if (register := getattr(inner, "register", None)) is not None:
            names.add(register)
        if isinstance(inner, FactNode):
            names |= {str(key) for key in inner.facts.entries}
        closed = closed and not isinstance(inner, VarsNode)
    return names, closed


def ends(node: Node, maker: TaskMaker) -> Ends:
    """Return what a task may end, or something inside of it.

    Of a file whose name is not known yet it is the role: other roles do not wait for what hardly ever is.
    """
    if isinstance(node, MetaNode):
        return _ENDS.get(node.action, Ends.NOTHING)
    if not isinstance(node, IncludeNode | RoleNode):
        return Ends.NOTHING
    nodes, closed = _inside(node, maker)
    found = {_ENDS.get(inner.action) for inner in nodes if isinstance(inner, MetaNode)}
    if Ends.HOST in found:
        return Ends.HOST
    return Ends.NOTHING if closed and Ends.ROLE not in found else Ends.ROLE


def gathered(node: TaskNode, entered: Inherited, maker: TaskMaker) -> tuple[str, ...] | None:
    """Return the facts that a task will gather, before it is compiled; None if their names are not known."""
    module = maker.tools.modules.get(node.module)
    if type(module).facts is Module.facts:
        return ()
    try:
        names = facts_of(module, _parsed(node, entered, maker)[0])
    except _NOT_YET:
        return None
    return None if any(_STAND_IN in name for name in names) or not names else names


def gathers(
    node: TaskNode, tasks: Sequence[CompiledTask], rounds: Rounds, scope: Scope, generation: int
) -> None:
    """Note the facts that a task gathers, if its module does; `tasks` are its rounds."""
    names: dict[str, None] = {}
    for task in tasks:
        if task.module is None or type(task.module).facts is Module.facts or task.spec.skip is not None:
            continue  # nearly all
        names |= dict.fromkeys(facts_of(task.module, parse(task.module.params, task.spec.params)[0]))
    if rounds.ids:
        _gathers(node, tuple(names), Version(rounds.ids[0], rounds), scope, generation)


def gathers_once(
    node: TaskNode, entered: Inherited, rounds: Rounds, generation: int, maker: TaskMaker
) -> None:
    """Note the facts that another host gathers for all."""
    names = gathered(node, entered, maker)
    _gathers(node, names, Version(rounds.ids[0], rounds), entered.scope, generation)


def _gathers(
    node: TaskNode, names: tuple[str, ...] | None, version: Version, scope: Scope, generation: int
) -> None:
    """Note facts that `version` tells; without `names` any may come, and with `setup` those of the host."""
    if names is not None and not names:
        return
    store = scope.facts
    known: Any = LateFacts({})
    try:
        entry = store.values.get("ansible_facts")
        known = entry if isinstance(entry, LateFacts) else LateFacts(scope["ansible_facts"])
    except (KeyError, LateValueError):
        pass
    late = dict(known.late)
    setup = node.module == "setup"
    for name in names or ():
        told = Version(version.task, version.rounds, name)
        if version.inner is not None:
            told = Version(version.task, inner=f"ansible_{name}")
        late[name] = made = Late((told,), generation)
        for variable in (f"ansible_{name}",) if setup else (name, f"ansible_{name}"):
            store.gather(variable, replace(made, base=store.values.get(variable)))
    more = Late((version,), generation) if setup or names is None else known.more
    store.put("ansible_facts", LateFacts(known.known, late, more))


def tells(tasks: Sequence[CompiledTask], scope: Scope) -> None:
    """Note the facts of the host that its tasks make different, as far as their parameters say."""
    for task in tasks:
        module, spec = task.module, task.spec
        if module is None or type(module).facts_after is Module.facts_after:
            continue  # nearly all
        if spec.skip is not None or spec.delegate_to is not None or spec.check_mode:
            continue
        parsed, _ = parse(module.params, spec.params)
        try:
            known = scope["ansible_facts"]
            facts = module.facts_after(parsed, known)
        except (KeyError, LateValueError):
            continue  # nobody has told them, or only a task above will
        if facts:
            _put_facts(scope.facts, known, facts)


def _put_facts(store: FactStore, known: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    entry = store.values.get("ansible_facts")
    held = HeldFacts(entry.known if isinstance(entry, LateFacts) else known)
    held.update(facts)
    if isinstance(entry, LateFacts):
        late = {name: each for name, each in entry.late.items() if name not in facts}
        store.put("ansible_facts", LateFacts(held, late, entry.more))
    else:
        store.set("ansible_facts", held)
    for name, value in facts.items():
        store.gather(f"ansible_{name}", Ready(value))


def failure(block: Sequence[CompiledTask], generation: int) -> dict[str, Late]:
    """Return the variables of a rescue: which task of the block has failed, and its result.

    It is the last one: those above it were ignored, or rescued by a block inside.
    """
    ids = [task.spec.id for task in block if not task.spec.barrier and task.spec.skip is None]
    found = {}
    for fact in FAILURES:
        versions = tuple(Version(name, Rounds((Round((name,)),)), fact) for name in ids)
        found[fact] = Late(versions, generation)
    return found


# -- tasks that nobody waits for -----------------------------------------------------------------------------


def detached(
    node: TaskNode,
    tasks: Sequence[CompiledTask],
    here: Inherited,
    settings: TaskSettings,
    jobs: set[str],
) -> Iterator[CompiledTask]:
    """Yield the tasks; nothing waits for those that were started with `poll: 0`, unless it asks for them."""
    alone = _alone(node, here, settings)
    for task in tasks:
        if alone:
            jobs.add(task.spec.id)
        yield replace(task, effects=Effects(), spec=replace(task.spec, tell=True)) if alone else task


def job(node: TaskNode, rounds: Rounds, here: Inherited, settings: TaskSettings) -> dict[str, Any] | None:
    """Return what is registered of a task that was started with `poll: 0`; None for any other."""
    if not _alone(node, here, settings):
        return None
    jobs = [
        {
            "ansible_job_id": each.ids[0] if each.ids else None,
            "started": 1,
            "finished": 0,
            "changed": True,
            "failed": False,
            **each.names,
        }
        for each in rounds.rounds
    ]
    return {"results": jobs, "changed": True, "failed": False} if rounds.looped else jobs[0]


def _alone(node: TaskNode, here: Inherited, settings: TaskSettings) -> bool:
    if node.asynchronous is None or node.poll is None:
        return False
    limit = settings.seconds("async", node.asynchronous, here.scope)
    return bool(limit) and settings.seconds("poll", node.poll, here.scope) == 0


# -- names ---------------------------------------------------------------------------------------------------


def shown_name(node: Node, written: str, entered: Inherited, maker: TaskMaker) -> str:
    """Return what people call a task that is put off: with what it is about, as far as that is known."""
    if node.name is not None:
        return written
    if isinstance(node, IncludeNode | RoleNode):
        return f"{written}: {node.file.value if isinstance(node, IncludeNode) else node.role.value}"
    if not isinstance(node, TaskNode) or said(entered.no_log, entered.scope, maker.settings, otherwise=True):
        return written
    try:
        parsed, _ = _parsed(node, entered, maker)
        if parsed is None:
            return written
        about = named_after(node.module, maker.tools.modules.get(node.module), parsed)
    except _NOT_YET:
        return written
    return written if _STAND_IN[0] in about else about  # which may be cut


def module_name(node: Node) -> str:
    """Return what stands for the module of a task that is put off."""
    return "meta" if isinstance(node, MetaNode) else module_word(node)


def said(item: LocatedScalar | None, scope: Scope, settings: TaskSettings, *, otherwise: bool) -> bool:
    """Return what a keyword says of a task that is put off, or `otherwise` if nobody knows yet."""
    try:
        return bool(settings.boolean(item, scope))
    except LateValueError:
        return otherwise


def settled_texts(items: Sequence[LocatedScalar], scope: Scope) -> tuple[LocatedScalar, ...]:
    """Return the notifications whose names are known; an unknown one is a problem of whoever wrote it."""
    found = []
    for item in items:
        try:
            scope.value(item)
        except LateValueError:
            message = "the name of a handler cannot come from what a host tells"
            raise TemplatingError(item.span.diagnostic(message, code="template-failed")) from None
        found.append(item)
    return tuple(found)
