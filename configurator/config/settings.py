"""config.yaml: the settings, checked by a schema, and the `site:` entries with their places in the file.

Importing this module imports pydantic (130 ms), so only what runs a command imports it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any

# Looking for plugins of pydantic among all installed packages costs 20 ms; we have no use for one.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import as_map, did_you_mean, kind_of
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar, Mark
from configurator.config.yamlsource import load_yaml

CONFIG_NAME = "config.yaml"


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _entry(value: Any) -> Any:
    return {"role": value} if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(_listed, json_schema_input_type=str | list[str])]


class _Section(BaseModel):
    """What all sections share: unknown keys are errors, nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ParallelExecution(_Section):
    """How the tasks of one host run."""

    enabled: bool = True
    max_workers: int = Field(default=4, ge=1, le=256)
    fail_fast: bool = False


class Performance(_Section):
    """How much happens at once; `forks` counts hosts."""

    parallel_execution: ParallelExecution = ParallelExecution()
    forks: int = Field(default=20, ge=1, le=1000)


class HostKeyChecking(StrEnum):
    """What to do about a host key that is not on record; a changed key is always refused."""

    STRICT = "strict"
    ACCEPT_NEW = "accept-new"


class Ssh(_Section):
    """How hosts are reached; times in seconds."""

    connect_timeout_s: float = Field(default=10, gt=0, le=3600)
    host_key_checking: Annotated[HostKeyChecking, Field(strict=False)] = HostKeyChecking.STRICT
    keepalive_interval_s: float = Field(default=15, gt=0, le=3600)
    silence_timeout_s: float = Field(default=60, gt=0, le=86400)
    user: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    private_key_file: str | None = None
    known_hosts_file: str | None = None


class VaultPasswords(_Section):
    """Where vault passwords come from: files, programs that print one, `prompt`; ids are `label@source`."""

    password_file: str | None = None
    ids: Texts = []
    encrypt_id: str | None = None


class RoleEntry(_Section):
    """One role of a site entry that says more than its name."""

    role: str
    requires: Texts = []
    vars: dict[str, Any] = {}
    tags: Texts = []
    when: Any = None  # an expression or a list of them; read with its place in the file by `compiler.site`


class SiteEntry(_Section):
    """Which hosts get which roles."""

    hosts: Texts
    roles: list[Annotated[RoleEntry, BeforeValidator(_entry, json_schema_input_type=str | RoleEntry)]] = []
    vars: dict[str, Any] = {}
    tags: Texts = []
    become: bool = True


class Settings(_Section):
    """The whole of config.yaml; relative paths count from the folder that holds it."""

    performance: Performance = Performance()
    ssh: Ssh = Ssh()
    vault: VaultPasswords = VaultPasswords()
    inventory: Texts | None = None
    roles_path: Texts = ["roles"]
    site: list[SiteEntry] = []


class LoadedSettings:
    """Settings with the folder that they belong to and the located values that they were made from.

    `broken` names the top-level settings with problems: their defaults stand in for them.
    """

    __slots__ = ("broken", "located", "path", "root", "settings")

    def __init__(
        self,
        settings: Settings,
        root: str,
        path: str | None,
        located: LocatedMap | None,
        broken: frozenset[str] = frozenset(),
    ) -> None:
        self.broken = broken
        self.settings = settings
        self.root = root
        self.path = path
        self.located = located


def load_settings(path: str | None, diagnostics: Diagnostics) -> LoadedSettings:
    """Return the settings of `path` or of ./config.yaml; without one of them, the defaults.

    Every problem is noted; what has none is taken over, so that the rest of the project can be checked.
    """
    chosen = path or CONFIG_NAME
    root = os.path.dirname(os.path.abspath(chosen))
    if path is None and not os.path.lexists(chosen):
        return LoadedSettings(Settings(), root, None, None)
    value = load_yaml(chosen, diagnostics, loose_booleans=False)
    located = None if value is None else as_map(value, "the configuration", diagnostics)
    if located is None:
        return LoadedSettings(Settings(), root, chosen, None)
    if vaults := [value.span for value in _encrypted(located)]:
        for span in vaults:
            diagnostics.add(
                span, "a setting cannot be encrypted", "put it into a variable, or into a file", code="vault"
            )
        return LoadedSettings(Settings(), root, chosen, located, frozenset(map(str, located.entries)))
    plain, broken = _plain(located), frozenset[str]()
    try:
        settings = Settings.model_validate(plain)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=True)
        for problem in problems:
            _note(problem, located, diagnostics)
        broken = frozenset(str(problem["loc"][0]) for problem in problems)
        settings = Settings.model_validate({key: plain[key] for key in plain if key not in broken})
    return LoadedSettings(settings, root, chosen, located, broken)


def _encrypted(value: Located) -> Iterator[LocatedScalar]:
    """Yield what is encrypted among the settings; variables may be."""
    if isinstance(value, LocatedScalar):
        if Mark.VAULT in value.mark:
            yield value
        return
    inner = value.items if isinstance(value, LocatedList) else value.entries.items()
    for item in inner:
        key, one = item if isinstance(item, tuple) else (None, item)
        if key != "vars":
            yield from _encrypted(one)


def _plain(value: Located) -> Any:
    """Return plain values without empty keys: a section whose lines are commented out means its defaults."""
    if isinstance(value, LocatedList):
        return [_plain(item) for item in value]
    if not isinstance(value, LocatedMap):
        return value.plain()
    return {
        str(key): item.plain() if key == "vars" and isinstance(item, LocatedMap) else _plain(item)
        for key, item in value.entries.items()
        if not isinstance(item, LocatedScalar) or item.value is not None
    }


def _note(problem: Any, root: LocatedMap, diagnostics: Diagnostics) -> None:
    """Note a problem of the schema at the place of the value (or of the key) that it is about."""
    path = problem["loc"]
    parent, value, span = _find(root, path)
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    kind = problem["type"]
    if kind == "extra_forbidden":
        known = _fields(path[:-1])
        hint = did_you_mean(path[-1], known) or f"known here: {', '.join(known)}"
        place = parent.key_span(path[-1]) if isinstance(parent, LocatedMap) else span
        diagnostics.add(place, f"unknown setting {name!r}", hint, code="unknown-setting")
    elif kind == "missing":
        diagnostics.add(span, f"{name!r} is missing", code="missing-value")
    else:
        message, advice = _word(problem, value)
        diagnostics.add(span, f"{name!r} {message}", advice, code="wrong-setting")


def _word(problem: Any, value: Located | None) -> tuple[str, str | None]:
    """Return what is wrong with a value, and a hint."""
    shown = kind_of(value) if value is not None else repr(problem.get("input"))
    context = problem.get("ctx", {})
    wanted: str = {
        "bool_type": "must be true or false",
        "int_type": "must be a whole number",
        "int_from_float": "must be a whole number",
        "float_type": "must be a number",
        "string_type": "must be text",
        "list_type": "must be a list",
        "dict_type": "must be a mapping",
        "model_type": "must be a mapping",
        "model_attributes_type": "must be a mapping",
        "greater_than": f"must be more than {context.get('gt')}",
        "greater_than_equal": f"must be at least {context.get('ge')}",
        "less_than_equal": f"must be at most {context.get('le')}",
        "enum": f"must be {context.get('expected')}",
    }.get(problem["type"], str(problem["msg"]).lower())
    hint = None
    if problem["type"] == "bool_type" and str(problem.get("input")).lower() in ("yes", "no", "on", "off"):
        hint = "write true or false: yes, no, on and off are plain words in this file"
    elif problem["type"] == "enum":
        hint = did_you_mean(problem.get("input"), [member.value for member in HostKeyChecking])
    return f"{wanted}, not {shown}", hint


def _child(node: Located | None, part: Any) -> Located | None:
    if isinstance(node, LocatedMap):
        return node.get(part)
    if isinstance(node, LocatedList) and isinstance(part, int) and part < len(node):
        return node.items[part]
    return None


def _find(root: LocatedMap, path: Sequence[Any]) -> tuple[Located, Located | None, Span]:
    """Return the parent of a path, its value if there is one, and the nearest place."""
    parent: Located = root
    node: Located | None = root
    for part in path:
        if node is None:
            break
        parent, node = node, _child(node, part)
    span = node.span if node is not None else parent.span
    if isinstance(node, LocatedScalar) and node.value is None and isinstance(parent, LocatedMap):
        span = parent.key_span(path[-1])
    return parent, node, span


def _fields(path: Sequence[Any]) -> list[str]:
    """Return the settings that are known at a path."""
    model: type[BaseModel] = Settings
    for part in path:
        if part == "site":
            model = SiteEntry
        elif part == "roles":
            model = RoleEntry
        elif isinstance(part, str) and part in model.model_fields:
            found = model.model_fields[part].annotation
            if isinstance(found, type) and issubclass(found, BaseModel):
                model = found
    return list(model.model_fields)
