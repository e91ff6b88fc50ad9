"""The JSON Schema of config.yaml, made from the models that read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from configurator.config.settings import Settings

# What editors show beside a setting, by its path; the models' own sentences are of whole sections.
DESCRIPTIONS = {
    "performance.forks": "How many hosts are worked on at once.",
    "performance.parallel_execution.enabled": "false: the tasks of a host run one by one.",
    "performance.parallel_execution.max_workers": "How many tasks run at once on each host.",
    "performance.parallel_execution.fail_fast": "true: after a failure start nothing more on that host.",
    "ssh.connect_timeout_s": "Seconds until a host that does not answer is given up.",
    "ssh.host_key_checking": "accept-new trusts a host never seen before; a changed key is always refused.",
    "ssh.keepalive_interval_s": "Seconds of silence after which a host is asked whether it is still there.",
    "ssh.silence_timeout_s": "Seconds of silence after which a host counts as lost.",
    "ssh.user": "Who logs in, where the inventory does not say.",
    "ssh.port": "The port of sshd, where the inventory does not say.",
    "ssh.private_key_file": "The key to log in with, where the inventory names none.",
    "ssh.known_hosts_file": "The file of known host keys.",
    "vault.password_file": "A file with the vault's password, or a program that prints it.",
    "vault.ids": "More passwords, as `label@source`; a source is a file, a program or `prompt`.",
    "vault.encrypt_id": "The label of the password by which new secrets are encrypted.",
    "inventory": "Files or folders that name the hosts, in Ansible's YAML or INI format.",
    "roles_path": "Folders in which roles are looked for, before the built-in ones.",
    "site": "Which hosts get which roles; entries leave roles unordered but for `requires`.",
    "site[].hosts": "Hosts, groups and globs, as a list or as one pattern such as `web:!web3`.",
    "site[].roles": "Names of roles, or mappings that begin with `role`.",
    "site[].vars": "Variables of the entry's roles.",
    "site[].tags": "Tags of every task that comes from this entry.",
    "site[].become": "false: tasks run as the user who logs in, not as root.",
    "site[].roles[].role": "The name of the role.",
    "site[].roles[].requires": "Roles that must have succeeded before this one starts.",
    "site[].roles[].vars": "Variables of this role.",
    "site[].roles[].tags": "Tags of every task of this role.",
    "site[].roles[].when": "An expression, or a list of which all must hold.",
}


def settings_schema() -> dict[str, Any]:
    """Return what config.yaml may hold, as a JSON Schema (draft 2020-12)."""
    schema = Settings.model_json_schema()
    definitions = schema.pop("$defs")
    for name, path in _sections(schema, definitions):
        _polish(definitions[name] if name else schema, path)
    return schema | {"title": "config.yaml of Configurator", "$defs": definitions}


def setting_paths() -> Iterator[str]:
    """Yield the path of every single setting, such as `site[].roles[].when`."""
    schema = Settings.model_json_schema()
    definitions = schema["$defs"]
    for name, path in _sections(schema, definitions):
        section = definitions[name] if name else schema
        for key, value in section["properties"].items():
            if not _is_section(value, definitions):
                yield f"{path}{key}"


def _sections(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name of every section's definition with the path that leads to its settings."""
    pending = [("", "")]
    while pending:
        name, path = pending.pop(0)
        yield name, path
        for key, value in (definitions[name] if name else schema)["properties"].items():
            where = f"{path}{key}." if _is_section(value, definitions) else f"{path}{key}[]."
            items = value.get("items", value)
            for choice in items.get("anyOf", [items]):
                target = str(choice.get("$ref", "")).removeprefix("#/$defs/")
                if "properties" in definitions.get(target, {}):
                    pending.append((target, where))


def _is_section(value: dict[str, Any], definitions: dict[str, Any]) -> bool:
    return "properties" in definitions.get(str(value.get("$ref", "")).removeprefix("#/$defs/"), {})


def _polish(section: dict[str, Any], path: str) -> None:
    """Describe each setting and let it be empty, which means its default."""
    section.pop("title", None)
    needed = section.get("required", ())
    for key, value in section["properties"].items():
        value.pop("title", None)
        if "$ref" in value:  # a section shows its own settings with their defaults
            value.pop("default", None)
        text = DESCRIPTIONS.get(f"{path}{key}")
        empty = key in needed or {"type": "null"} in value.get("anyOf", ())
        kept = {name: value.pop(name) for name in ("default",) if name in value}
        wanted = dict(value) if empty or not value else {"anyOf": [dict(value), {"type": "null"}]}
        section["properties"][key] = ({"description": text} if text else {}) | wanted | kept
