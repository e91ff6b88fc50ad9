"""The words that a task, a block and an include may have, and those that mean nothing here."""

from __future__ import annotations

COMMON = frozenset(
    {
        "name",
        "when",
        "vars",
        "tags",
        "become",
        "become_user",
        "environment",
        "no_log",
        "ignore_errors",
        "ignore_unreachable",
        "check_mode",
        "critical",
        "guarded",
        "notify",
        "any_errors_fatal",
        "delegate_to",
        "delegate_facts",
        "diff",
        "module_defaults",
        "run_once",
        "throttle",
        "timeout",
    }
)
_REPEATED = frozenset({"loop", "loop_control"})
TASK = (
    COMMON
    | _REPEATED
    | {
        "action",
        "args",
        "async",
        "changed_when",
        "delay",
        "effects",
        "failed_when",
        "listen",
        "local_action",
        "locks",
        "poll",
        "register",
        "requires",
        "retries",
        "until",
    }
)
BLOCK = COMMON | {"block", "rescue", "always"}
INCLUDE = COMMON | _REPEATED | {"args", "listen", "register", "collections"}

# Said for people who run the role with Ansible as well: the connection here is one and its own.
WITHOUT_MEANING = frozenset(
    {
        "become_exe",
        "become_flags",
        "become_method",
        "collections",
        "connection",
        "debugger",
        "port",
        "remote_user",
    }
)
LOOPS = (
    "with_items",
    "with_list",
    "with_dict",
    "with_fileglob",
    "with_first_found",
    "with_nested",
    "with_cartesian",
    "with_sequence",
    "with_subelements",
    "with_together",
    "with_indexed_items",
    "with_flattened",
    "with_lines",
    "with_file",
    "with_random_choice",
    "with_inventory_hostnames",
)
CONTROL = (
    "import_role",
    "import_tasks",
    "include_role",
    "include_tasks",
    "include_vars",
    "meta",
    "set_fact",
)
# What `meta` can say: what it does here, or that there is nothing to do, since nothing of that kind is kept.
META = (
    "clear_facts",
    "clear_host_errors",
    "end_batch",
    "end_host",
    "end_play",
    "end_role",
    "flush_handlers",
    "noop",
    "refresh_inventory",
    "reset_connection",
)
