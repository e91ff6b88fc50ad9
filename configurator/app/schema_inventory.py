"""The JSON Schemas of inventories, files of variables and roles' meta/main.yml."""

from __future__ import annotations

from configurator.app.schema_words import CONDITIONS, MAPPING, REQUIRES, TEMPLATE, TEXTS, Schema
from configurator.inventory.hosts import CONNECTION_ALIASES, CONNECTION_VARS

_TEXTS_OF = {
    "ansible_host": "The address or name under which the host is reached.",
    "ansible_port": "The port of its sshd.",
    "ansible_user": "Who logs in.",
    "ansible_ssh_private_key_file": "The key to log in with; a relative path counts from config.yaml.",
    "ansible_password": "The SSH password; better asked for with --ask-pass.",
    "ansible_become": "Whether the agent is started through sudo.",
    "ansible_become_method": "Only sudo so far.",
    "ansible_connection": "Only ssh so far.",
    "ansible_become_password": "The sudo password; better asked for with --ask-become-pass.",
    "ansible_python_interpreter": "The Python that runs the agent; python3 unless said otherwise.",
    "ansible_ssh_known_hosts_file": "The file with the host's key.",
}
_BOOLEAN: Schema = {"type": ["boolean", "string", "integer", "null"]}
_KINDS: dict[str, Schema] = {
    "ansible_port": {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 65535},
            {"type": "null"},
            {"type": "string", "pattern": "^[0-9]+$"},
            {"$ref": "#/$defs/template"},
        ]
    },
    "ansible_become": _BOOLEAN,
    "ansible_become_method": {"anyOf": [{"enum": ["sudo", None]}, {"$ref": "#/$defs/template"}]},
    "ansible_connection": {
        "anyOf": [{"enum": ["ssh", "smart", "paramiko", "paramiko_ssh", None]}, {"$ref": "#/$defs/template"}]
    },
}


def inventory_schema() -> Schema:
    """Return what an inventory in YAML may hold: groups at the top, each with hosts, children and vars."""
    host = {"$ref": "#/$defs/variables"}
    group: Schema = {
        "type": ["object", "null"],
        "properties": {
            "hosts": {
                "description": "Hosts with their variables; `web[1:3]` means three of them.",
                "type": ["object", "string", "null"],
                "additionalProperties": host,
            },
            "children": {
                "description": "Groups whose hosts are members of this one, too.",
                "type": ["object", "null"],
                "additionalProperties": {"$ref": "#/$defs/group"},
            },
            "vars": {"description": "Variables of all hosts of the group.", "$ref": "#/$defs/variables"},
        },
        "additionalProperties": False,
    }
    return {
        "title": "an inventory in YAML",
        "type": ["object", "null"],
        "properties": {"all": {"$ref": "#/$defs/group"}, "_meta": {}},
        "additionalProperties": {"$ref": "#/$defs/group"},
        "$defs": {"template": TEMPLATE, "group": group, "variables": _variables()},
    }


def vars_schema() -> Schema:
    """Return what a file of variables may hold: names, of which those of the connection have a meaning."""
    return {
        "title": "variables",
        "$ref": "#/$defs/variables",
        "$defs": {"template": TEMPLATE, "variables": _variables()},
    }


def meta_schema() -> Schema:
    """Return what a role's meta/main.yml may hold."""
    use: Schema = {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {
                    "role": {"type": "string"},
                    "vars": MAPPING,
                    "tags": TEXTS,
                    "when": CONDITIONS,
                    "requires": REQUIRES,
                },
            },
        ]
    }
    roles: Schema = {"anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": use}]}
    listed: Schema = {"anyOf": [{"type": "null"}, {"type": "array", "items": use}]}
    return {
        "title": "meta/main.yml of a role",
        "type": ["object", "null"],
        "properties": {
            "requires": {**roles, "description": "Roles that must have succeeded before this one starts."},
            "dependencies": {**listed, "description": "Ansible's word for `requires`."},
        },
        "$defs": {"template": TEMPLATE},
    }


def _variables() -> Schema:
    names = {name: name for name in CONNECTION_VARS} | dict(CONNECTION_ALIASES)
    properties: dict[str, Schema] = {}
    for name, meant in names.items():
        text = _TEXTS_OF.get(meant, "") if name == meant else f"An older name of {meant}."
        value = _KINDS.get(meant, {"type": ["string", "number", "object", "null"]})
        properties[name] = {**value, "description": text} if text else dict(value)
    properties["ansible_group_priority"] = {
        "type": "integer",
        "description": "Among groups of one depth the higher one wins.",
    }
    return {"type": ["object", "null"], "properties": properties}
