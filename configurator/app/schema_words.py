"""What the keywords of tasks, blocks and includes may be, for editors: the values, and a sentence on each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from configurator.compiler import keywords, playwords

Schema = dict[str, Any]

TEMPLATE: Schema = {"type": "string", "pattern": r"\{\{|\{%"}
# Editors read `yes` as YAML 1.2 does, as a text; here it is a boolean in every file but config.yaml.
_WORDS = ("yes", "no", "on", "off", "true", "false", "y", "n", "t", "f", "1", "0")
_ANY_CASE = "|".join("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in word) for word in _WORDS)
BOOLEAN: Schema = {
    "anyOf": [
        {"type": ["boolean", "null"]},
        {"enum": [0, 1]},
        {"type": "string", "pattern": rf"^\s*(?:{_ANY_CASE})\s*$"},
        {"$ref": "#/$defs/template"},
    ]
}
TEXT: Schema = {"type": ["string", "number", "null"]}
TEXTS: Schema = {
    "anyOf": [
        {"type": ["string", "number", "null"]},
        {"type": "array", "items": {"type": ["string", "number"]}},
    ]
}
MAPPING: Schema = {"anyOf": [{"type": ["object", "null"]}, {"$ref": "#/$defs/template"}]}
CONDITIONS: Schema = {
    "anyOf": [
        {"type": ["string", "boolean", "integer", "null"]},
        {"type": "array", "items": {"type": ["string", "boolean", "integer"]}},
    ]
}
NUMBER: Schema = {
    "anyOf": [
        {"type": ["number", "null"]},
        {"type": "string", "pattern": r"^\s*[0-9.]+\s*$"},
        {"$ref": "#/$defs/template"},
    ]
}
ANYTHING: Schema = {}
_LOOP_CONTROL: Schema = {
    "type": ["object", "null"],
    "properties": {
        "loop_var": {**TEXT, "description": "What the current item is called; `item` unless said otherwise."},
        "index_var": {**TEXT, "description": "A variable with the number of the current item, from 0."},
        "label": {**TEXT, "description": "What is shown of the current item."},
    },
}
_REQUIREMENT: Schema = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"role": {"type": "string"}, "task": {"type": "string"}}},
    ]
}
REQUIRES: Schema = {
    "anyOf": [{"type": "null"}, *_REQUIREMENT["anyOf"], {"type": "array", "items": _REQUIREMENT}]
}
_EFFECTS: Schema = {
    "anyOf": [
        TEXTS,
        {
            "type": "object",
            "properties": {
                "reads": {**TEXTS, "description": "Effect keys such as `path:/etc/app.conf`."},
                "writes": {**TEXTS, "description": "Effect keys such as `unit:nginx.service`."},
            },
            "additionalProperties": False,
        },
    ]
}

_VALUES: dict[str, tuple[Schema, str]] = {
    "name": (TEXT, "What the task is called in plans, and by `requires` and `notify`."),
    "when": (CONDITIONS, "An expression without braces, or a list of which all must hold."),
    "vars": (MAPPING, "Variables of this task alone."),
    "tags": (TEXTS, "Words by which `--tags` and `--skip-tags` choose."),
    "become": (BOOLEAN, "Whether the task runs as another user, root unless `become_user` says otherwise."),
    "become_user": (TEXT, "The user as whom the task runs."),
    "environment": ({}, "Environment variables of what the task runs."),
    "no_log": (BOOLEAN, "Show nothing of the task's parameters and results."),
    "ignore_errors": (BOOLEAN, "A failure is shown, and the tasks that need this one run nevertheless."),
    "check_mode": (BOOLEAN, "false: the task really runs during a plan."),
    "critical": (BOOLEAN, "A failure cancels everything else on the host."),
    "guarded": (BOOLEAN, "The change is undone by the host unless a new login proves that it holds."),
    "notify": (TEXTS, "Handlers that run once at the end of the role if this task changed something."),
    "args": (MAPPING, "More parameters of the module, beside a command written as text."),
    "loop": ({}, "The task runs once for each item of this list, as `item`."),
    "loop_control": (_LOOP_CONTROL, "How the items of a loop are called and shown."),
    "with_items": ({}, "Older way to write `loop`; lists inside the list are flattened once."),
    "with_dict": ({}, "Once for each entry of a mapping, as `item.key` and `item.value`."),
    "timeout": (NUMBER, "Seconds after which the task is stopped."),
    "requires": (REQUIRES, "Tasks, roles, or tasks of other roles (`role: task`) that must succeed before."),
    "effects": (_EFFECTS, "What a command reads and writes, so that others need not wait for it."),
    "locks": (TEXTS, "Names of mutual exclusions: two tasks with the same one never run at once."),
    "listen": (TEXTS, "More words by which this handler is notified."),
    "block": ({"$ref": "#/$defs/tasks"}, "Tasks that share the keywords beside them."),
    "rescue": ({"$ref": "#/$defs/tasks"}, "Tasks that run if one of the block failed."),
    "always": ({"$ref": "#/$defs/tasks"}, "Tasks that run after the block, whatever became of it."),
    "register": ({"type": "string", "pattern": r"^[A-Za-z_]\w*$"}, "The variable that gets the result."),
    "changed_when": (CONDITIONS, "When the task counts as having changed something."),
    "failed_when": (CONDITIONS, "When the task counts as failed."),
    "until": (CONDITIONS, "The task is repeated until this holds."),
    "retries": (NUMBER, "How often a task with `until` is repeated."),
    "delay": (NUMBER, "Seconds between two tries."),
    "run_once": (BOOLEAN, "Run for the first host alone."),
    "delegate_to": (TEXT, "The host that does the task instead."),
    "delegate_facts": (BOOLEAN, "Facts are those of the host that does the task."),
    "throttle": (NUMBER, "How many hosts do this task at once."),
    "async": (NUMBER, "Seconds that the task may run in the background."),
    "poll": (NUMBER, "Seconds between two looks at a task in the background."),
    "diff": (BOOLEAN, "Whether contents are shown as diffs."),
    "any_errors_fatal": (BOOLEAN, "A failure on one host ends the run on all."),
    "ignore_unreachable": (
        BOOLEAN,
        "That the host cannot be reached, or is lost meanwhile, is no failure; the next task tries again.",
    ),
    "collections": ({}, "Accepted, and without a meaning here: modules are found by their names."),
    "action": (
        {"type": ["string", "object"]},
        "Older way to name the module, with its parameters behind it.",
    ),
    "local_action": ({"type": ["string", "object"]}, "The same, done by the controller."),
    "module_defaults": (MAPPING, "Parameters by module, where a task does not give them."),
}
_FILE: Schema = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {
                "file": {
                    "type": "string",
                    "description": "The file, beside this one or in the role's tasks/.",
                },
                "apply": {"type": ["object", "null"], "description": "Keywords of every task in the file."},
            },
        },
    ]
}
_ROLE: Schema = {
    "type": ["object", "string"],
    "properties": {
        "name": {"type": "string", "description": "The role."},
        "tasks_from": {"type": "string", "description": "Another file of its tasks/ than main.yml."},
        "vars_from": {"type": "string", "description": "Another file of its vars/ than main.yml."},
        "defaults_from": {"type": "string", "description": "Another file of its defaults/ than main.yml."},
        "handlers_from": {"type": "string", "description": "Another file of its handlers/ than main.yml."},
        "apply": {"type": ["object", "null"], "description": "Keywords of every task of the role."},
        "public": {
            "type": ["boolean", "string"],
            "description": "Whether the tasks below see its defaults and variables.",
        },
        "rolespec_validate": {
            "type": ["boolean", "string"],
            "description": "Whether its variables are held against what it declares of them.",
        },
    },
}
_CONTROL: dict[str, tuple[Schema, str]] = {
    "import_tasks": (_FILE, "The tasks of another file, as if they stood here."),
    "include_tasks": (_FILE, "The tasks of another file, chosen when the host is compiled; can loop."),
    "import_role": (_ROLE, "The tasks of a role, as if they stood here."),
    "include_role": (_ROLE, "The tasks of a role, chosen when the host is compiled; can loop."),
    "include_vars": (
        {"type": ["object", "string"]},
        "Variables from a file, or from those of a folder (`dir`).",
    ),
    "meta": ({"enum": list(keywords.META)}, "What is done with the run itself, such as flush_handlers."),
    "set_fact": ({"type": ["object", "string", "null"]}, "Variables for the tasks that come after."),
}


def word(name: str) -> Schema:
    """Return what a keyword may be; one without an entry here may be anything."""
    value, text = _VALUES.get(name, (ANYTHING, ""))
    if name in keywords.LOOPS and not text:
        text = "Ansible's older way to write a loop."
    elif name in keywords.WITHOUT_MEANING and not text:
        text = "Accepted, and without a meaning here."
    return {**value, "description": text} if text else dict(value)


def control(name: str) -> Schema:
    """Return what a statement such as `include_tasks` may be; one without an entry may be anything."""
    value, text = _CONTROL.get(name, (ANYTHING, ""))
    return {**value, "description": text} if text else dict(value)


def undescribed(names: Iterable[str]) -> set[str]:
    """Return those keywords and statements of which editors could say nothing."""
    return {name for name in names if name not in _VALUES and name not in _CONTROL}


# What only a play says.
PLAY_WORDS: dict[str, Schema] = {
    "hosts": {**TEXTS, "description": "Hosts, groups and globs, as a list or as one pattern."},
    "roles": {
        "type": ["array", "null"],
        "items": {"type": ["string", "object"]},
        "description": "Roles in the order in which they run, by name or as mappings that begin with `role`.",
    },
    "serial": {"description": "How many hosts at once: a number, a percentage, or a list of them."},
    "order": {"enum": list(playwords.ORDERS), "description": "In which order the hosts are taken."},
    "max_fail_percentage": {**NUMBER, "description": "The share of a batch that may fail."},
    "vars_files": {"description": "Files of variables; of a list inside the list the first that exists."},
    "vars_prompt": {"type": ["array", "null"], "description": "Variables that are asked for."},
    "gather_facts": {**BOOLEAN, "description": "Accepted: facts are always read, in the first round trip."},
    "strategy": {"type": "string", "description": "Accepted: every host goes its own way."},
}
