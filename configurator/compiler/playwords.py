"""The words that a play may have."""

from __future__ import annotations

from configurator.compiler import keywords

SECTIONS = ("pre_tasks", "tasks", "post_tasks")
IMPORT = ("import_playbook", "ansible.builtin.import_playbook")
IMPORT_KEYS = (*IMPORT, "name", "vars", "tags", "when")
ORDERS = ("inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle")

# What has its meaning anyway, or none here: facts are always read, handlers of a role run whatever else
# failed, and the order of tasks is our engine's.
_ACCEPTED = frozenset(
    {
        "collections",
        "fact_path",
        "force_handlers",
        "gather_facts",
        "gather_subset",
        "gather_timeout",
        "strategy",
        "validate_argspec",
    }
)
_OWN = frozenset(
    {
        "any_errors_fatal",
        "become_method",
        "connection",
        "handlers",
        "hosts",
        "max_fail_percentage",
        "order",
        "port",
        "remote_user",
        "roles",
        "serial",
        "vars_files",
        "vars_prompt",
    }
)
# Which of a task's words hold for a whole play, too.
_SHARED = keywords.COMMON - {
    "when",
    "notify",
    "critical",
    "guarded",
    "delegate_to",
    "delegate_facts",
}
# As on tasks: the connection here is one and its own.
PLAY = frozenset(_SHARED | _ACCEPTED | _OWN | keywords.WITHOUT_MEANING | frozenset(SECTIONS))
ONLY_TASKS = frozenset(keywords.TASK | keywords.BLOCK) - PLAY
# Where a word has a meaning for some of its values alone.
VALUES = {
    "become_method": ("sudo", "ansible.builtin.sudo"),
    "connection": ("ssh", "smart", "paramiko", "ansible.builtin.ssh", "ansible.builtin.paramiko"),
    "strategy": ("linear", "free", "host_pinned", "ansible.builtin.linear", "ansible.builtin.free"),
}
PROMPT = ("name", "prompt", "default", "private", "confirm", "unsafe", "encrypt", "salt", "salt_size")
