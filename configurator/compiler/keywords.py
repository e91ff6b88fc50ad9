"""The words that a task may have, and those that Ansible has and we do not yet."""

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
        "check_mode",
        "critical",
        "notify",
    }
)
TASK = COMMON | {
    "args",
    "loop",
    "loop_control",
    "with_items",
    "with_dict",
    "timeout",
    "requires",
    "effects",
    "locks",
    "listen",
}
BLOCK = COMMON | {"block"}
INCLUDE = COMMON | {"args", "loop", "loop_control", "with_items", "with_dict"}

NOT_YET = frozenset(
    {
        "action",
        "always",
        "any_errors_fatal",
        "async",
        "become_exe",
        "become_flags",
        "become_method",
        "changed_when",
        "collections",
        "connection",
        "debugger",
        "delay",
        "delegate_facts",
        "delegate_to",
        "diff",
        "failed_when",
        "ignore_unreachable",
        "local_action",
        "max_fail_percentage",
        "module_defaults",
        "poll",
        "port",
        "register",
        "remote_user",
        "rescue",
        "retries",
        "run_once",
        "throttle",
        "until",
    }
)
# Ansible's modules that roles use most (counted in 34 published Debian roles) and that are not written yet.
MODULES_NOT_YET = frozenset(
    {
        "acl",
        "alternatives",
        "apt_key",
        "apt_repository",
        "assemble",
        "blockinfile",
        "cron",
        "deb822_repository",
        "debconf",
        "dpkg_divert",
        "dpkg_selections",
        "find",
        "get_url",
        "getent",
        "git",
        "import_playbook",
        "import_role",
        "include",
        "include_role",
        "include_vars",
        "ini_file",
        "iptables",
        "known_hosts",
        "locale_gen",
        "meta",
        "modprobe",
        "mount",
        "mysql_db",
        "mysql_user",
        "package",
        "package_facts",
        "pip",
        "postgresql_user",
        "replace",
        "service_facts",
        "slurp",
        "stat",
        "synchronize",
        "ufw",
        "unarchive",
        "uri",
        "wait_for",
    }
)
CONTROL = ("import_tasks", "include_tasks", "set_fact")
