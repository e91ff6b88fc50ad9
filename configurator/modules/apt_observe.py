"""What the module apt finds on the host: installed versions, what the index offers, what apt-get would do."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from configurator.core.errors import TaskError
from configurator.modules import apt_deb, apt_get, apt_index
from configurator.modules.apt_packages import (
    Row,
    Wish,
    compare_versions,
    find_row,
    installed_rows,
    native_architecture,
    package_state,
    provider_of,
)
from configurator.modules.apt_wanted import missing_arguments
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

if TYPE_CHECKING:
    from configurator.modules.apt import AptParams

INDEX_FIELD = f"{apt_index.INDEX}|refreshed"
ARCHIVES_PATH = "/var/cache/apt/archives"  # apt-get(8), FILES: Dir::Cache::Archives
ARCHIVES = f"path:{ARCHIVES_PATH}"


def observe(system: System, params: AptParams) -> State:
    """Return the whole state; what costs a command is looked at only if the task is about it."""
    state: State = {
        "wishes": (),
        "offers": {},
        "steps": (),
        "steps_unknown": False,
        "broken": (),
        "index_due": False,
        "refresh": False,
        "refreshed_at": 0.0,
    }
    if params.refreshes:
        index = apt_index.index_state(system)
        state["index_due"] = apt_index.is_due(system, index, params.valid_s)
        state["refreshed_at"] = index["refreshed_at"]
        state[INDEX_FIELD] = apt_index.describe_age(index)
        state["refresh"] = state["index_due"]
    if params.wishes and params.state != "build-dep":
        _observe_names(system, params, state)
    if params.deb:
        _observe_deb(system, params, params.deb, state)
    _observe_steps(system, params, state)
    if params.clean or params.autoclean:
        _observe_archives(system, params, state)
    return state


def anticipate(system: System, items: Sequence[AptParams]) -> None:
    """Look up in one go what the index offers for what these tasks may install."""
    native, rows = native_architecture(system), installed_rows(system)
    wanted: dict[str | None, dict[str, None]] = {}
    for params in items:
        for named in params.wishes if params.state in ("present", "latest") else ():
            wish = _natively(named, native)
            row = None if wish.is_pattern else find_row(rows, wish.name, native)
            there = row is not None and row.status == "installed"
            if not wish.is_pattern and (not there or params.state == "latest" or wish.version):
                wanted.setdefault(wish.release or params.default_release, {})[wish.name] = None
    index = apt_index.index_state(system)
    due = any(params.refreshes and apt_index.is_due(system, index, params.valid_s) for params in items)
    if wanted and apt_index.is_known(system, index, refresh=due):
        for release, names in wanted.items():
            apt_index.offers(system, list(names), release)


def _observe_names(system: System, params: AptParams, state: State) -> None:
    native = native_architecture(system)
    rows = installed_rows(system)
    wishes = _expand(system, params, rows)
    state["wishes"] = wishes
    for wish in wishes:
        found = package_state(system, wish.name, rows, native)
        version = found["version"] if found["exists"] else None
        if version is None and params.state != "absent":
            provider = provider_of(wish.name, rows)
            version = None if provider is None else f"provided by {provider}"
        state[f"package:{wish.name}|version"] = version
        state[f"package:{wish.name}|config"] = bool(found.get("config"))
        state[f"package:{wish.name}|held"] = bool(found.get("held"))
    if params.state == "absent":
        _observe_removals(system, params, state, [row.name for row in rows if row.status == "installed"])
    else:
        _observe_offers(system, params, state)
        if names := missing_arguments(params, state):
            _observe_side_effects(system, params, state, ["install", *names])


def _observe_side_effects(system: System, params: AptParams, state: State, action: Sequence[str]) -> None:
    """Find out what else goes where an install may remove something: it is part of the change.

    Where it may not, apt-get is told so, and asking first would cost half a second for nothing.
    """
    if not action or not (params.allow_removals or params.autoremove):
        return
    if not apt_index.is_known(system, apt_index.index_state(system), refresh=state["refresh"]):
        return
    steps = simulate(system, params, action)
    _take_steps(system, state, [step for step in steps if step.after is None])


def simulate(system: System, params: AptParams, action: Sequence[str]) -> Sequence[apt_get.Step]:
    """Return what apt-get would do; without `allow_removals` only what is no longer needed may go."""
    steps = apt_get.simulate(system, params.flags, action)
    flags, whole = apt_get.with_autoremove(params.flags, action, params.autoremove)
    return steps if whole is action else apt_get.simulate(system, flags, whole)


def _expand(system: System, params: AptParams, rows: Sequence[Row]) -> tuple[Wish, ...]:
    """Replace wildcard names: by the installed packages for `absent`, else by those of the index."""
    wishes: list[Wish] = []
    native = native_architecture(system)
    for named in params.wishes:
        wish = _natively(named, native)
        if not wish.is_pattern:
            wishes.append(wish)
            continue
        if params.state == "absent":
            kept = ("installed", "config-files") if params.purge else ("installed",)
            names = sorted(
                {row.name for row in rows if row.status in kept and fnmatch.fnmatchcase(row.name, wish.name)}
            )
        else:
            names = apt_index.names_matching(system, wish.name)
            if not names:
                raise apt_index.no_such_package(system, [wish.name])
        wishes += [replace(wish, name=name) for name in names]
    return tuple(dict.fromkeys(wishes))


def _natively(wish: Wish, native: str | None) -> Wish:
    """Return the wish without the host's own architecture: index and plan know its packages by bare names."""
    return replace(wish, name=wish.name.removesuffix(f":{native}"))


def _observe_removals(system: System, params: AptParams, state: State, installed: Sequence[str]) -> None:
    """Find out which other packages apt would remove along: they are part of the change.

    A package that only a plan has installed is unknown to apt, and left out of the question.
    """
    there = [wish.name for wish in state["wishes"] if state[f"package:{wish.name}|version"] is not None]
    names = [name for name in there if name.partition(":")[0] in installed]
    if not names:
        return
    action = ["purge" if params.purge else "remove"]
    action += ["--auto-remove"] if params.autoremove else []
    steps = apt_get.simulate(system, params.flags, [*action, *names])
    _take_steps(system, state, [step for step in steps if step.package not in names])


def _observe_offers(system: System, params: AptParams, state: State) -> None:
    """Find out what the index offers for the packages that are missing, or may be too old."""
    asked = [wish for wish in state["wishes"] if _needs_offer(params, wish, state)]
    if not asked:
        # All is there: for `latest` alone does an old index matter.
        state["refresh"] = state["refresh"] and params.state == "latest"
        return
    index = apt_index.index_state(system)
    known_index = apt_index.is_known(system, index, refresh=state["refresh"])
    missing: list[str] = []
    for release in dict.fromkeys(wish.release or params.default_release for wish in asked):
        group = [wish for wish in asked if (wish.release or params.default_release) == release]
        if not known_index:
            state["offers"] |= {wish.name: UNKNOWN for wish in group}
            continue
        offers = apt_index.offers(system, [wish.name for wish in group], release)
        for wish in group:
            offer = _offer_for(system, wish, offers.get(wish.name), state)
            if offer is None:
                missing.append(wish.name)
            state["offers"][wish.name] = offer
    if missing:
        raise apt_index.no_such_package(system, missing)
    for wish in asked:
        _refuse_bad_moves(system, params, wish, state)


def _needs_offer(params: AptParams, wish: Wish, state: State) -> bool:
    version = state[f"package:{wish.name}|version"]
    if version is None:
        return not params.only_upgrade
    if version is UNKNOWN or version.startswith("provided by "):
        return False
    return params.state == "latest" or not wish.accepts(version)


def _offer_for(system: System, wish: Wish, offer: apt_index.Offer | None, state: State) -> str | None:
    """Return the version that would be installed; None if the index does not know the name."""
    if offer is None:
        return None
    if (best := offer.best(wish.accepts)) is not None:
        return best
    if wish.version is not None and offer.versions:
        raise TaskError(
            f"version {wish.asked!r} of package {wish.name!r} is not in the package index",
            hint="available: " + ", ".join(offer.versions[:5]),
        )
    providers = apt_index.available_providers(system, wish.name)
    for provider in providers:
        if system.lookup(f"package:{provider}", lambda: {"exists": False})["exists"]:
            state[f"package:{wish.name}|version"] = f"provided by {provider}"
            return state[f"package:{wish.name}|version"]  # type: ignore[no-any-return]
    if len(providers) == 1:
        return f"provided by {providers[0]}"
    if not providers:
        return None
    raise TaskError(
        f"package {wish.name!r} is virtual, and several packages provide it",
        hint="name one of them: " + ", ".join(providers[:8]),
    )


def _refuse_bad_moves(system: System, params: AptParams, wish: Wish, state: State) -> None:
    """Refuse in the plan already what apt-get would refuse: touching a held package, going back."""
    version, offered = state[f"package:{wish.name}|version"], state["offers"].get(wish.name)
    if version is None or offered is UNKNOWN or offered is None or version == offered or params.force:
        return
    if state[f"package:{wish.name}|held"] and not params.allow_change_held_packages:
        raise TaskError(
            f"package {wish.name!r} is held at {version}, and {offered} is wanted",
            hint="`allow_change_held_packages: true` changes it, `apt-mark unhold` frees it",
        )
    if not params.allow_downgrade and compare_versions(system, offered, "lt", version):
        raise TaskError(
            f"package {wish.name!r} is installed as {version}, which is newer than {offered}",
            hint="`allow_downgrade: true` permits going back",
        )


def _observe_deb(system: System, params: AptParams, deb: str, state: State) -> None:
    """Compare the package in a file with the installed one of its name."""
    control = apt_deb.control_at_url(system, deb) if apt_deb.is_url(deb) else _control_at(system, deb)
    if control is None:
        state["steps_unknown"] = True
        return
    name, offered = control.get("Package", ""), control.get("Version", "")
    found = package_state(system, name, installed_rows(system), native_architecture(system))
    state["wishes"] = (Wish(name, offered),)
    state["offers"] = {name: offered}
    state["deb"] = control
    state[f"package:{name}|version"] = found["version"] if found["exists"] else None
    state[f"package:{name}|held"] = bool(found.get("held"))
    _refuse_bad_moves(system, params, state["wishes"][0], state)
    if missing_arguments(params, state):
        action = apt_deb.satisfying(control) if apt_deb.is_url(deb) else ["install", deb]
        _observe_side_effects(system, params, state, action)


def _control_at(system: System, path: str) -> Mapping[str, str] | None:
    """Return the control fields of a file; None for one that an earlier task of a plan would have made."""
    if system.stat(path, follow=True) is None:
        raise TaskError(f"no such file: {path}")
    # dpkg-deb(1): -f prints the named fields of the control file.
    read = system.query(["dpkg-deb", "-f", path, "Package", "Version"], ok=(0, 2))
    if read.exit_status == 0:
        return apt_deb.fields(read.stdout)
    if "No such file" in read.stderr:
        return None
    raise TaskError(f"{path} is not a Debian package", command=read.argv, exit_status=2, output=read.stderr)


def _observe_steps(system: System, params: AptParams, state: State) -> None:
    """Ask apt-get what it would do where the packages are not named one by one."""
    actions: list[Sequence[str]] = []
    if params.state == "build-dep":
        actions.append(["build-dep", *(wish.name for wish in params.wishes)])
    if params.state == "fixed":
        actions.append(["--fix-broken", "install"])
        state["broken"] = _broken_packages(system)
        state |= dict.fromkeys(state["broken"], "unfinished")
    if params.upgrade_action:
        actions.append(params.upgrade_action)
    if params.autoremove and not (params.name or params.deb or params.upgrade_action):
        actions.append(["autoremove", *(["--purge"] if params.purge else [])])
    by_index = params.upgrade_action or params.state == "build-dep"
    if by_index and not apt_index.is_known(system, apt_index.index_state(system), refresh=state["refresh"]):
        state["steps_unknown"] = True
        return
    for action in actions:
        _take_steps(system, state, simulate(system, params, action))


def _broken_packages(system: System) -> tuple[str, ...]:
    """Return the state fields of packages that dpkg has not finished with (dpkg(1), --audit)."""
    audit = system.query(["dpkg", "--audit"], ok=(0, 1))
    names = [line.split()[0] for line in audit.stdout.splitlines() if line.startswith(" ") and line.strip()]
    return tuple(f"package:{name}|state" for name in dict.fromkeys(names))


def _take_steps(system: System, state: State, steps: Sequence[apt_get.Step]) -> None:
    """Add to the state what apt-get announced, less what an earlier task of the plan would have done."""
    kept = []
    for step in steps:
        before = {"exists": step.before is not None, "version": step.before}
        found = system.lookup(f"package:{step.package}", lambda before=before: before)  # type: ignore[misc]
        version = found["version"] if found["exists"] else None
        if version == step.after or (version is UNKNOWN and step.after is not None):
            continue
        state[f"package:{step.package}|version"] = version
        if step.after is None:
            state[f"package:{step.package}|exists"] = version is not None
        kept.append(step)
    state["steps"] = (*state["steps"], *kept)


def _observe_archives(system: System, params: AptParams, state: State) -> None:
    def probe() -> State:
        names = [name for name in system.listdir(ARCHIVES_PATH) if name.endswith(".deb")]
        outdated = 0
        if params.autoclean and names:
            answer = system.query(
                ["apt-get", "--simulate", *apt_index.read_only_options(system), "autoclean"]
            )
            outdated = sum(line.startswith("Del ") for line in answer.stdout.splitlines())
        return {"exists": True, "packages": len(names), "outdated": outdated}

    found = system.lookup(ARCHIVES, probe)
    state[f"{ARCHIVES}|packages"] = found["packages"]
    state[f"{ARCHIVES}|outdated"] = found["outdated"]


def predict_install(
    system: System, flags: apt_get.Flags, action: Sequence[str], change: Change
) -> Mapping[str, State | None]:
    """Return what `apt-get install` will establish: the named packages and all that they pull in."""

    def find() -> Mapping[str, State | None]:
        fields = {name.rpartition("|")[0]: value for name, value in change.after.items() if name in change}
        named: dict[str, State | None] = {
            key: {"exists": True, "version": version, "held": False, "config": False}
            for key, version in fields.items()
            if key.startswith("package:") and key != "package:**" and version
        }
        pending = UNKNOWN in fields.values()
        known = list(action)
        if pending:
            names = [parse_name(argument) for argument in action[1:] if not argument.startswith("-")]
            offered = apt_index.offers(system, names, None)
            known = [word for word in action if word in (action[0], "--auto-remove")]
            known += [arg for arg in action[1:] if parse_name(arg) in offered]
        try:
            steps = apt_get.simulate(system, _as_planned(system, flags, change), known) if known else []
        except TaskError:
            if not pending:
                raise
            steps = []
        return {**apt_get.states_after(steps, versions_known=not pending), **named}

    return apt_get.Predicted(find)


def _as_planned(system: System, flags: apt_get.Flags, change: Change) -> apt_get.Flags:
    """Return the flags with which a simulation overlooks the holds that an earlier task would have ended."""
    holds = {row.name for row in installed_rows(system) if row.want == "hold"}
    freed = any(
        wish.name in holds and not change.before.get(f"package:{wish.name}|held")
        for wish in change.before["wishes"]
    )
    return replace(flags, allow_change_held=True) if freed else flags


def parse_name(argument: str) -> str:
    """Return the package name in an argument of apt-get."""
    return argument.partition("=")[0].partition("/")[0] if not argument.startswith("/") else argument
