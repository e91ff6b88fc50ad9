"""sshd_config: what sshd itself says of its options afterwards, and who has the say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

# A restart is over when ssh listens again, and only so many starts are permitted in a while.
FRESH = "rm -f /etc/ssh/sshd_config.d/*; systemctl reset-failed ssh; systemctl restart ssh;"
SHOW = "/usr/sbin/sshd -T | grep -iE '{}'; " + FRESH


def _sshd(task: str, options: Mapping[str, Any], **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return task, "sshd_config", {"options": options, **params}


CASES: dict[str, Case] = {
    "options of every kind": Case(
        (
            _sshd(
                "all",
                {
                    "PermitRootLogin": "prohibit-password",
                    "PasswordAuthentication": False,
                    "MaxAuthTries": 3,
                    "LoginGraceTime": "1m",
                    "Ciphers": ["aes256-gcm@openssh.com", "aes256-ctr"],
                    "AllowUsers": ["root", "worker", "admin"],
                    "X11Forwarding": None,
                    "Match User worker": {"X11Forwarding": False, "ForceCommand": "/bin/true"},
                },
            ),
            _sshd("more", {"ClientAliveInterval": 60, "passwordauthentication": "no"}, name="20-more.conf"),
            ("gone", "sshd_config", {"name": "nothing", "state": "absent"}),
        ),
        "cat /etc/ssh/sshd_config.d/00-configurator.conf; stat -c '%a %U' /etc/ssh/sshd_config.d/*;"
        " /usr/sbin/sshd -T -C user=worker,host=h,addr=192.0.2.1 | grep forcecommand; "
        + SHOW.format("^(maxauth|logingrace|ciphers|passwordauth|clientaliveinterval|allowusers)"),
        "# Kept by Configurator: change the role, not this file.\nPermitRootLogin prohibit-password\n"
        "PasswordAuthentication no\nMaxAuthTries 3\nLoginGraceTime 1m\n"
        "Ciphers aes256-gcm@openssh.com,aes256-ctr\nAllowUsers root worker admin\n\nMatch User worker\n"
        "    X11Forwarding no\n    ForceCommand /bin/true\n644 root\n644 root\nforcecommand /bin/true\n"
        "logingracetime 60\nmaxauthtries 3\nclientaliveinterval 60\npasswordauthentication no\n"
        "ciphers aes256-gcm@openssh.com,aes256-ctr\nallowusers root\nallowusers worker\nallowusers admin\n",
        FRESH,
        frozenset({"gone"}),
        outputs={"all": {"path": "/etc/ssh/sshd_config.d/00-configurator.conf"}},
    ),
    "another port": Case(
        (
            _sshd("both", {"Port": [22, 2222], "LogLevel": "VERBOSE"}, name="port"),
            ("away", "sshd_config", {"name": "old", "state": "absent"}),
        ),
        "ss -Hltn | awk '{print $4}' | grep -c ':2222$'; " + SHOW.format("^(port|loglevel|maxsessions)"),
        "2\nport 22\nport 2222\nmaxsessions 10\nloglevel VERBOSE\n",
        FRESH + "echo 'MaxSessions 5' > /etc/ssh/sshd_config.d/old.conf",
    ),
    "who has the say": Case(
        (
            _sshd("too late", {"PasswordAuthentication": True}),
            _sshd("same value", {"PasswordAuthentication": False}, name="20"),
            _sshd("in the way", {"MaxAuthTries": 2, "PasswordAuthentication": "no"}, name="zz"),
            _sshd("before", {"maxauthtries": 2}, name="00"),
        ),
        SHOW.format("^(maxauth|passwordauth)"),
        "maxauthtries 2\npasswordauthentication no\n",
        FRESH + "printf '# x\nPasswordAuthentication no\n' > /etc/ssh/sshd_config.d/00-a.conf;"
        " echo MaxAuthTries=4 > /etc/ssh/sshd_config.d/50-cloud.conf",
        fails={
            "too late": "/etc/ssh/sshd_config.d/00-a.conf (line 2)",
            "in the way": "maxauthtries is set to '",
        },
    ),
    "not included": Case(
        (_sshd("no include", {"MaxAuthTries": 2}), _sshd("again", {"MaxAuthTries": 3})),
        "mv /etc/ssh/kept /etc/ssh/sshd_config; ls /etc/ssh/sshd_config.d",
        "",
        FRESH + "cp -a /etc/ssh/sshd_config /etc/ssh/kept; sed -i '/^Include/d' /etc/ssh/sshd_config",
        fails={"no include": "does not include", "again": "above all other options"},
    ),
    "refused, or locked out": Case(
        (
            _sshd("unknown", {"PermitRoot": True}),
            _sshd("value", {"PermitRootLogin": "perhaps"}),
            _sshd("nobody", {"AllowUsers": "nobody"}),
            _sshd("no keys", {"PubkeyAuthentication": False}, name="01"),
        ),
        "ls /etc/ssh/sshd_config.d; systemctl is-active ssh",
        "active\n",
        FRESH,
        fails={
            "unknown": "00-configurator.conf: line 2: Bad configuration option: PermitRoot",
            "value": "line 2: unsupported option",
        },
        plan_blind={"nobody": "the old state was put back", "no keys": "the old state was put back"},
        releases=("bookworm",),
    ),
}
