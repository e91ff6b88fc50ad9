"""apt: Debian packages are installed, upgraded or removed, and the package index is current.

Parameters are those of ansible.builtin.apt. Left out or different, on purpose:
- An install or an upgrade that would remove packages which nobody has named is refused, and says which;
  `allow_removals: true` permits it, and the plan shows what goes. `autoremove` lets go what is no longer
  needed, and that alone. So `fail_on_autoremove` is what happens anyway.
- `deb` takes a path on the host or a URL. Of a URL the first MiB is read to learn name and version; a package
  that is there is not fetched.
- `name: "*"` with `state: latest` upgrades what is installed, as `upgrade: yes` does.
- `cache_valid_time` not given, or 0, means one hour for us and "always" for Ansible: an index that was
  fetched within the hour, and after the last change of the sources, is as good as a new one, and a second
  apply then changes nothing.
- `update_cache` together with packages that are all installed touches neither network nor lock, because
  no index is needed for that. It does refresh for `latest`, `build-dep`, `upgrade` and on its own.
- `upgrade: safe` and `full` are apt-get's; aptitude is not used.
- a `name` that is an empty list asks for nothing, and nothing is done.
- `force_apt_get` and `auto_install_module_deps` are accepted and mean nothing here.
A refresh fails if any source cannot be fetched (APT::Update::Error-Mode), instead of going on with old lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules import apt_deb, apt_get, apt_index, apt_observe
from configurator.modules.apt_get import Flags
from configurator.modules.apt_observe import ARCHIVES, ARCHIVES_PATH, INDEX_FIELD
from configurator.modules.apt_packages import Wish, parse_wish
from configurator.modules.apt_wanted import arguments, wanted_of
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import CommandResult, System

_FRESH_S = 3600  # see the module's docstring


@dataclass(frozen=True, slots=True)
class AptParams:
    """The parameters of ansible.builtin.apt."""

    name: tuple[str, ...] = param("list", aliases=("package", "pkg"))
    deb: str | None = param("str")
    state: str = param("str", "present", choices=("present", "latest", "absent", "build-dep", "fixed"))
    update_cache: bool = param("bool", False, aliases=("update-cache",))
    cache_valid_time: int | None = param("int")
    update_cache_retries: int = param("int", 5)
    update_cache_retry_max_delay: int = param("int", 12)
    upgrade: str = param("str", "no", choices=("no", "yes", "safe", "full", "dist", "true", "false"))
    purge: bool = param("bool", False)
    autoremove: bool = param("bool", False)
    autoclean: bool = param("bool", False)
    clean: bool = param("bool", False)
    default_release: str | None = param("str", aliases=("default-release",))
    install_recommends: bool | None = param("bool", aliases=("install-recommends",))
    allow_downgrade: bool = param(
        "bool", False, aliases=("allow-downgrade", "allow_downgrades", "allow-downgrades")
    )
    allow_unauthenticated: bool = param("bool", False, aliases=("allow-unauthenticated",))
    allow_change_held_packages: bool = param("bool", False)
    only_upgrade: bool = param("bool", False)
    fail_on_autoremove: bool = param("bool", False)
    allow_removals: bool = param("bool", False)
    dpkg_options: tuple[str, ...] = param("list", ("force-confdef", "force-confold"))
    force: bool = param("bool", False)
    policy_rc_d: int | None = param("int")
    lock_timeout: int = param("int", 60)
    force_apt_get: bool = param("bool", False)
    auto_install_module_deps: bool = param("bool", True)

    @property
    def wishes(self) -> tuple[Wish, ...]:
        """What `name` asks for, in order, each once."""
        parsed = (parse_wish(entry) for entry in self.name) if not self.all_latest else ()
        return tuple(dict.fromkeys(wish for wish in parsed if wish is not None))

    @property
    def all_latest(self) -> bool:
        """True for `name: "*"` with `state: latest`, which upgrades whatever is installed."""
        return self.state == "latest" and self.name == ("*",)

    @property
    def refreshes(self) -> bool:
        """True if the index is to be refreshed when it is too old."""
        return self.update_cache or self.cache_valid_time is not None

    @property
    def valid_s(self) -> int:
        """The age in seconds up to which the index will do."""
        return self.cache_valid_time or _FRESH_S

    @property
    def upgrade_action(self) -> tuple[str, ...]:
        """The apt-get command for `upgrade`; empty if nothing is to be upgraded."""
        if self.all_latest:
            return ("upgrade", "--with-new-pkgs")
        if self.upgrade in ("no", "false"):
            return ()
        whole = self.upgrade in ("full", "dist")
        return ("dist-upgrade",) if whole else ("upgrade", "--with-new-pkgs")

    @property
    def flags(self) -> Flags:
        """How apt-get is to work."""
        return Flags(
            lock_timeout=self.lock_timeout,
            dpkg_options=self.dpkg_options,
            default_release=self.default_release,
            install_recommends=self.install_recommends,
            allow_downgrade=self.allow_downgrade,
            allow_unauthenticated=self.allow_unauthenticated,
            allow_change_held=self.allow_change_held_packages,
            only_upgrade=self.only_upgrade,
            no_remove=not self.allow_removals,
            force=self.force,
            policy_rc_d=self.policy_rc_d,
        )


class Apt(Module[AptParams]):
    """Installs, upgrades and removes packages through apt-get, one dpkg transaction for many tasks."""

    name = "apt"
    params = AptParams
    timeout_s: ClassVar[float] = 3600.0  # a release's worth of upgrades over a slow mirror
    typical_s: ClassVar[float] = 8.0

    def check(self, params: AptParams) -> Sequence[ParamProblem]:
        """Return names that are none, and combinations that mean nothing."""
        problems = [
            ParamProblem("name", f"{entry!r} is not a package name")
            for entry in params.name
            if parse_wish(entry) is None
        ]
        if params.deb is not None and apt_deb.is_url(params.deb):
            if not params.deb.startswith(("http://", "https://")):
                problems.append(ParamProblem("deb", f"cannot be fetched: {params.deb!r}"))
        elif params.deb is not None and not params.deb.startswith("/"):
            problems.append(ParamProblem("deb", f"must be an absolute path, not {params.deb!r}"))
        if params.deb is not None and params.name:
            problems.append(ParamProblem("deb", "'deb' and 'name' exclude each other"))
        if params.upgrade_action and not params.all_latest and (params.name or params.deb):
            problems.append(ParamProblem("upgrade", "'upgrade' excludes 'name' and 'deb'"))
        if params.deb is not None and params.state not in ("present", "latest"):
            problems.append(
                ParamProblem("state", f"'deb' cannot be {params.state}; name the package instead")
            )
        if params.allow_removals and params.fail_on_autoremove:
            problems.append(
                ParamProblem("allow_removals", "'allow_removals' and 'fail_on_autoremove' exclude each other")
            )
        if params.autoremove and params.fail_on_autoremove:
            problems.append(
                ParamProblem("autoremove", "'autoremove' and 'fail_on_autoremove' exclude each other")
            )
        if params.state == "build-dep" and not params.name:
            problems.append(ParamProblem("name", "'build-dep' needs the names of source packages"))
        return problems

    def subject(self, params: AptParams) -> str:
        """Return the packages, or the index where none is named."""
        if params.wishes:
            return "package:" + ",".join(wish.name for wish in params.wishes)
        if params.deb:
            return f"package:{params.deb}"
        return "package:**" if params.upgrade_action or params.autoremove else apt_index.INDEX

    def effects(self, params: AptParams) -> Effects:
        """A package may bring or touch any path, unit and account; refreshing touches the index alone."""
        reads = {"apt-sources", apt_index.INDEX, "path:/etc/apt/**"}
        writes = {apt_index.INDEX} if params.refreshes else set()
        simple = params.wishes and params.state in ("present", "latest")
        if simple and not any(wish.is_pattern for wish in params.wishes):
            writes |= {f"package:{wish.name}" for wish in params.wishes}
        elif (
            params.name or params.deb or params.upgrade_action or params.autoremove or params.state == "fixed"
        ):
            writes.add("package:**")
        if any(key.startswith("package:") for key in writes):
            writes |= {"path:**", "unit:**", "user:**", "group:**"}
        elif params.clean or params.autoclean:
            writes.add(f"path:{ARCHIVES_PATH}/**")
        return effects(reads=reads, writes=writes)

    def locks(self, params: AptParams) -> frozenset[str]:  # noqa: ARG002
        """dpkg works for one at a time."""
        return frozenset({"apt"})

    def batch_key(self, params: AptParams) -> str | None:
        """Plain installs with equal options may share one transaction."""
        others = params.deb or params.upgrade_action or params.autoremove or params.autoclean or params.clean
        others = others or params.allow_removals  # what goes is shown by the task that it goes for
        if others or not params.wishes or params.state not in ("present", "latest"):
            return None
        return f"apt-install {params.flags!r}"

    # -- verbs ----------------------------------------------------------------------------------------

    def anticipate(self, system: System, items: Sequence[AptParams]) -> None:
        """Ask for the offers of all the missing packages at once: apt-cache takes as long for one."""
        with suppress(TaskError):  # the task that it concerns will say it
            apt_observe.anticipate(system, items)

    def observe(self, system: System, params: AptParams) -> State:
        """Return installed versions by `package:NAME|version`, and what an apply would get."""
        return apt_observe.observe(system, params)

    def desired(self, params: AptParams, actual: State) -> State:
        """Return the versions that should be installed (None: not at all) and the index refreshed if due."""
        wanted: State = {}
        if actual["index_due"] and params.refreshes and _index_matters(params):
            wanted[INDEX_FIELD] = "now"
        for wish in actual["wishes"]:
            wanted |= wanted_of(params, wish, actual)
        for step in actual["steps"]:
            if step.after is None:  # nobody has named it: it goes because of another one
                wanted[f"package:{step.package}|exists"] = False
            else:
                wanted.setdefault(f"package:{step.package}|version", step.after)
        if actual["steps_unknown"]:
            wanted["package:**|version"] = UNKNOWN
        wanted |= dict.fromkeys(actual["broken"], "installed")
        if params.clean:
            wanted[f"{ARCHIVES}|packages"] = 0
        if params.autoclean:
            wanted[f"{ARCHIVES}|outdated"] = 0
        return wanted

    def converge(self, system: System, params: AptParams, change: Change) -> State | None:
        """Refresh if need be, then let apt-get do it in one transaction per kind of action."""
        proof: State = {}
        if change.before["refresh"]:
            _refresh(system, params)
            proof = {"index_due": False, "cache_updated": True}
            change = self._look_again(system, params)
        said = self._act(system, params, change)
        if "index_due" in proof and (steps := change.before["steps"]):  # the plan could not show them
            shown = ", ".join(f"{step.package} {step.after or 'removed'}" for step in steps)
            system.notice(f"went along: {shown}" if params.wishes else f"upgraded: {shown}")
        return proof | _said([*said, *self._tidy(system, params, change)])

    def _act(self, system: System, params: AptParams, change: Change) -> list[CommandResult]:
        """Let apt-get do what the task is about, and return how its calls ended."""
        said: list[CommandResult | None] = []
        if params.state == "absent" and params.name:
            said.append(_remove(system, params, change))
        elif params.state == "build-dep":
            action = ["build-dep", *(wish.name for wish in params.wishes)]
            said.append(_do(system, params, change, action))
        elif params.deb and apt_deb.is_url(params.deb):
            said.append(_install_from(system, params, params.deb, change))
        elif params.deb:
            said.append(_install(system, params, [params.deb], change))
        elif params.wishes:
            said.append(_install(system, params, _arguments(change), change))
        if params.state == "fixed":
            apt_get.configure_pending(system, params.flags)
            said.append(_do(system, params, change, ["--fix-broken", "install"]))
        if params.upgrade_action:
            said.append(_do(system, params, change, params.upgrade_action))
        return [result for result in said if result is not None]

    def converge_batch(self, system: System, items: Sequence[tuple[AptParams, Change]]) -> State:
        """Install the packages of all tasks in one transaction, after one refresh."""
        refreshing = [params for params, change in items if change.before["refresh"]]
        if refreshing:
            _refresh(system, refreshing[0])
            items = [
                (params, self._look_again(system, params) if change.before["refresh"] else change)
                for params, change in items
            ]
        together = [argument for _, change in items for argument in _arguments(change)]
        said = _install(system, items[0][0], list(dict.fromkeys(together)), items[0][1])
        return {"cache_updated": bool(refreshing)} | _said([said] if said else [])

    def _look_again(self, system: System, params: AptParams) -> Change:
        """Return what is to be done by the new index; names that it does not know either are an error."""
        actual = self.observe(system, params)
        return self.compare(params, actual, self.desired(params, actual))

    def _tidy(self, system: System, params: AptParams, change: Change) -> list[CommandResult]:
        said = []
        if params.autoremove and not (params.name or params.deb or params.upgrade_action):
            action = ["autoremove", *(["--purge"] if params.purge else [])]
            said.append(
                apt_get.run(system, params.flags, action, apt_get.states_after(change.before["steps"]))
            )
        done = {ARCHIVES: {"exists": True, "packages": 0, "outdated": 0}}
        if params.clean:
            said.append(system.run(["apt-get", "clean"], establishes=done))
        elif params.autoclean:
            count = change.before[f"{ARCHIVES}|packages"] - change.before[f"{ARCHIVES}|outdated"]
            kept = {"packages": count, "outdated": 0, "exists": True}
            said.append(system.run(["apt-get", "-y", "autoclean"], establishes={ARCHIVES: kept}))
        return said

    def outputs(self, params: AptParams, actual: State) -> dict[str, object]:
        """Return what Ansible does: of the index whether and when it was refreshed, and what apt-get said."""
        refreshed = int(actual.get("refreshed_at", 0))
        found: dict[str, object] = {"cache_update_time": refreshed} if refreshed else {}
        found["cache_updated"] = params.refreshes and bool(actual.get("cache_updated"))
        for stream in ("stdout", "stderr"):
            text = str(actual.get(stream, ""))
            found |= {stream: text, f"{stream}_lines": text.splitlines()}
        return found | ({"msg": found["stdout"]} if params.upgrade_action else {})


def _index_matters(params: AptParams) -> bool:
    """Return True if the task needs a current index even where every package is there."""
    if params.wishes:
        return params.state in ("latest", "build-dep")
    return params.deb is None


def _said(results: Sequence[CommandResult]) -> State:
    return {
        "stdout": "".join(result.stdout for result in results),
        "stderr": "".join(result.stderr for result in results),
    }


def _arguments(change: Change) -> list[str]:
    return arguments(change.before, {field: change.after[field] for field in change.fields})


def _install(system: System, params: AptParams, names: Sequence[str], change: Change) -> CommandResult | None:
    if not names:
        return None
    flags, action = apt_get.with_autoremove(params.flags, ["install", *names], params.autoremove)
    predicted = apt_observe.predict_install(system, flags, action, change)
    return apt_get.run(system, flags, action, predicted)


def _install_from(system: System, params: AptParams, url: str, change: Change) -> CommandResult:
    """Fetch a package to where apt keeps those that it fetches, install it, and leave nothing there."""
    from configurator.modules.web import refused  # noqa: PLC0415  (few tasks fetch anything)

    control = change.before["deb"]
    path = f"{ARCHIVES_PATH}/{apt_deb.archive_name(control)}"
    download = system.download(apt_deb.request(url))
    if download.answer.status != 200:
        raise refused(download.answer, url)
    flags, action = apt_get.with_autoremove(params.flags, ["install", path], params.autoremove)
    predicted = apt_observe.predict_install(system, flags, apt_deb.satisfying(control), change)
    try:
        system.install(download, path, mode="0644")
        return apt_get.run(system, flags, action, predicted)
    finally:
        system.remove(path)


def _remove(system: System, params: AptParams, change: Change) -> CommandResult | None:
    names = [
        wish.name
        for wish in change.before["wishes"]
        if f"package:{wish.name}|version" in change or f"package:{wish.name}|config" in change
    ]
    if not names:
        return None
    gone = {"exists": False, "config": not params.purge}
    steps = [step.package for step in change.before["steps"]]
    action = ["purge" if params.purge else "remove", *(["--auto-remove"] if params.autoremove else [])]
    establishes = {f"package:{name}": gone for name in [*steps, *names]}
    return apt_get.run(system, params.flags, [*action, *names], establishes)


def _do(system: System, params: AptParams, change: Change, action: Sequence[str]) -> CommandResult:
    establishes = apt_get.states_after(change.before["steps"])
    flags, action = apt_get.with_autoremove(params.flags, action, params.autoremove)
    return apt_get.run(system, flags, action, establishes)


def _refresh(system: System, params: AptParams) -> None:
    apt_index.refresh(
        system,
        ["apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"],
        env=apt_get.ENVIRONMENT,
        retries=params.update_cache_retries,
        max_delay_s=params.update_cache_retry_max_delay,
        lock_s=params.lock_timeout,
    )
