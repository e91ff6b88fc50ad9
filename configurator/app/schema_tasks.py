"""The JSON Schema of task files, made from the tables of keywords and the parameters of the modules.

It takes every file that `check` takes, and finds what can be told without templates: unknown keywords,
modules and parameters, values of the wrong kind. That a task uses exactly one module only `check` says: as a
schema it would make editors complain of every task that is being typed.
"""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

from configurator.app.schema_words import BOOLEAN, MAPPING, PLAY_WORDS, TEMPLATE, Schema, control, word
from configurator.compiler import keywords as words
from configurator.compiler import playwords
from configurator.compiler.taskfile import ModuleTable
from configurator.modules.base import Module
from configurator.modules.params import ParamSpec, specs
from configurator.modules.registry import COLLECTIONS

# Where Ansible has the modules that are not in ansible.builtin, so that editors complete their full names.
_HOMES = {
    "ansible.posix": ("acl", "authorized_key", "mount", "synchronize", "sysctl"),
    "community.general": (
        *(
            "alternatives",
            "dpkg_divert",
            "htpasswd",
            "ini_file",
            "iptables_state",
            "locale_gen",
            "modprobe",
            "npm",
        ),
        *("pam_limits", "sudoers", "timezone", "ufw"),
    ),
    "configurator": (
        *("apt_pin", "hosts_entry", "nftables", "resolv_conf", "ssh_host_key", "sshd_config", "swapfile"),
        "systemd_unit",
    ),
}
_FAMILIES = {
    "docker_": "community.docker",
    "mysql_": "community.mysql",
    "openssl_": "community.crypto",
    "postgresql_": "community.postgresql",
    "x509_": "community.crypto",
}
_HOME = {module: collection for collection, modules in _HOMES.items() for module in modules}
_PREFIXES = "|".join(re.escape(prefix) for prefix in (*COLLECTIONS, "ansible.legacy."))
_INTEGER: Schema = {
    "anyOf": [{"type": ["integer", "null"]}, {"type": "string", "pattern": r"^\s*[-+]?[0-9]+\s*$"}]
}
_NUMBER: Schema = {
    "anyOf": [{"type": ["number", "null"]}, {"type": "string", "pattern": r"^\s*[-+]?[0-9.]+"}]
}
_LIST: Schema = {"type": ["array", "string", "number", "null"]}
_MODE: Schema = {
    "type": ["string", "integer", "null"],
    "examples": ["0644", "0755", "u=rw,g=r,o="],
}
_KINDS: dict[str, Schema] = {
    "str": {"type": ["string", "number", "boolean", "null"]},
    "int": _INTEGER,
    "float": _NUMBER,
    "bool": BOOLEAN,
    "list": _LIST,
    "dict": MAPPING,
    "mode": _MODE,
    "raw": {},
}


def tasks_schema(modules: ModuleTable, *, handlers: bool = False) -> Schema:
    """Return what a task file (of handlers: with `listen`) may hold, for these modules."""
    names = modules.names()
    own = {name: modules.canonical(name) or name for name in names if name not in words.CONTROL}
    found = {name: modules.get(name) for name in sorted(set(own.values()))}
    definitions: dict[str, Schema] = {
        "template": TEMPLATE,
        "task": _task(own, found, handlers=handlers),
        "block": _block(),
    }
    definitions["tasks"] = {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "if": {"required": ["block"]},
            "then": {"$ref": "#/$defs/block"},
            "else": {"$ref": "#/$defs/task"},
        },
    }
    return {
        "title": "handlers of a role" if handlers else "tasks of a role",
        "$ref": "#/$defs/tasks",
        "$defs": definitions | {f"module.{name}": _module(module) for name, module in found.items()},
    }


def playbook_schema(modules: ModuleTable) -> Schema:
    """Return what a playbook may hold, for these modules: plays, and imports of other playbooks."""
    schema = tasks_schema(modules, handlers=True)
    lists = {key: {"$ref": "#/$defs/tasks"} for key in (*playwords.SECTIONS, "handlers")}
    own = {name: PLAY_WORDS.get(name) or word(name) for name in sorted(playwords.PLAY)}
    imported = {name: word(name) for name in playwords.IMPORT_KEYS}
    play: Schema = {"properties": {**own, **lists}, "additionalProperties": False}
    import_: Schema = {"properties": imported, "additionalProperties": False}
    items: Schema = {
        "type": "object",
        "if": {"anyOf": [{"required": [name]} for name in playwords.IMPORT]},
        "then": import_,
        "else": play,
    }
    return {
        "title": "a playbook",
        "type": ["array", "null"],
        "items": items,
        "$defs": schema["$defs"],
    }


def full_name(module: str) -> str:
    """Return a module's name with the collection that has it in Ansible, or with `configurator.`."""
    family = next((home for begin, home in _FAMILIES.items() if module.startswith(begin)), "ansible.builtin")
    return f"{_HOME.get(module, family)}.{module}"


def _task(own: dict[str, str], found: dict[str, Module[Any]], *, handlers: bool) -> Schema:
    keywords = sorted(
        {*words.TASK, *words.WITHOUT_MEANING, *words.LOOPS} - (set() if handlers else {"listen"})
    )
    properties = {name: word(name) for name in keywords}
    properties |= {name: control(name) for name in words.CONTROL}
    patterns: dict[str, Schema] = {f"^(?:{_PREFIXES}){name}$": control(name) for name in words.CONTROL}
    for name, target in own.items():
        reference = {"$ref": f"#/$defs/module.{target}"}
        properties |= {name: reference, full_name(name): reference}
        patterns[f"^(?:{_PREFIXES}){name}$"] = reference
    return {
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": False,
        **_demands(own, found),
    }


def _demands(own: dict[str, str], found: dict[str, Module[Any]]) -> Schema:
    """Return that parameters must be given where no `args` beside the module may give them."""
    wanted = {
        name: {"if": {"type": "object"}, "then": {"allOf": demands}}
        for name, target in own.items()
        if (demands := _required(found[target]))
    }
    return {"if": {"not": {"required": ["args"]}}, "then": {"properties": wanted}}


def _block() -> Schema:
    known = sorted(words.BLOCK | words.WITHOUT_MEANING)
    return {"properties": {name: word(name) for name in known}, "additionalProperties": False}


def _module(module: Module[Any]) -> Schema:
    properties: dict[str, Schema] = {}
    for name, spec in _declared(module).items():
        properties[name] = _parameter(spec)
        properties |= {
            alias: {**_parameter(spec), "description": f"the same as {name}"} for alias in spec.aliases
        }
    return {
        "description": _summary(module),
        "type": ["object", "string", "null"],
        "properties": properties,
        "additionalProperties": False,
    }


def _declared(module: Module[Any]) -> dict[str, ParamSpec]:
    return {name: spec for name, spec in specs(module.params).items() if not name.startswith("_")}


def _required(module: Module[Any]) -> list[Schema]:
    found: list[Schema] = []
    for name, spec in _declared(module).items():
        each: list[Schema] = [{"required": [called]} for called in (name, *spec.aliases)]
        if spec.required:
            found.append({"anyOf": each} if spec.aliases else each[0])
    return found


def _parameter(spec: ParamSpec) -> Schema:
    schema = _KINDS[spec.kind]
    if spec.choices:
        schema = _choices(spec)
    elif spec.kind in ("int", "float"):
        schema = {"anyOf": [*schema["anyOf"], {"$ref": "#/$defs/template"}]}
    notes = [f"aliases: {', '.join(spec.aliases)}"] if spec.aliases else []
    notes += ["read on the controller"] if spec.on_controller else []
    notes += ["never shown"] if spec.secret else []
    return {**schema, "description": "; ".join(notes)} if notes else dict(schema)


def _choices(spec: ParamSpec) -> Schema:
    """Return the words that may be written, also as the numbers and booleans for which YAML takes some."""
    values: list[Any] = [*spec.choices]
    values += [choice == "true" for choice in ("true", "false") if choice in spec.choices]
    values += [int(choice) for choice in spec.choices if choice.isdecimal()]
    if spec.kind == "int":
        values = [int(choice) for choice in spec.choices]
    one: Schema = {"anyOf": [{"enum": [*values, None]}, {"$ref": "#/$defs/template"}]}
    if spec.kind != "list":
        return one
    return {"anyOf": [{"type": "array", "items": one}, {"type": ["string", "null"]}]}


def _summary(module: Module[Any]) -> str:
    document = inspect.getdoc(sys.modules[type(module).__module__]) or ""
    return " ".join(document.partition("\n\n")[0].split())
