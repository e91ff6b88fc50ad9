"""Random tasks on what belongs to the system: accounts' keys, cron, sudo, limits, fstab and the like."""

from __future__ import annotations

import random
from typing import Any

TaskTuple = tuple[str, str, dict[str, Any]]

KEYS = tuple(
    f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{rest}"
    for rest in (
        "NSZvDZPQoDWQWxNt7NNT64aYqZ8m/vA5ROdI7WH9bn4",
        "D/zpLYx9HKUlifx5lDbRAML2hihHzcQcuxKaJGuTdy0",
        "CrbLB/EwG5dHuRZqkix9lYfrW2nbxRvnP1bPtsGihf6",
    )
)
PATHS = (
    "/srv/t/a",
    "/srv/t/b",
    "/srv/t/d",
    "/srv/t/d/e",
    "/srv/t/d/f/g",
    "/srv/t/link",
    "/srv/t/spaced name",
)
MODES = ("0644", "600", "0755", "u=rw,g=r,o=", "u+x", "a-w", "g+s", "02770", "1777", "u=rwX,g=rX,o=")
USERS = ("root", "worker", "www-data", "corpus1", "corpus2", "33", "54321")
GROUPS = ("root", "www-data", "worker", "corpusgroup", "54321")


class Dice:
    """What every kind of task is thrown with."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def _pick(self, *options: Any) -> Any:
        return self._dice.choice(options)

    def _maybe(self, *options: Any, chance: float = 0.3) -> Any:
        return self._pick(*options) if self._dice.random() < chance else None

    def _gone(self, chance: float = 0.25) -> str:
        return "absent" if self._dice.random() < chance else "present"

    def _owned(self) -> dict[str, Any]:
        return {
            "mode": self._maybe(*MODES),
            "owner": self._maybe(*USERS, chance=0.2),
            "group": self._maybe(*GROUPS, chance=0.15),
        }


class SystemTasks(Dice):
    """Tasks by kind: each a module and its parameters, of which those that are None are left out."""

    def _cron(self) -> TaskTuple:
        state, env = self._gone(), self._dice.random() < 0.2
        when = {name: self._maybe("5", "*/10", "1-5") for name in ("minute", "hour", "weekday")}
        if not env and self._dice.random() < 0.15:
            when = {"special_time": self._pick("daily", "reboot")}
        file = self._maybe("corpus", chance=0.5)
        params = {
            "name": self._pick("MAILTO", "OTHER") if env else self._pick("job one", "two"),
            "job": None if state == "absent" else self._pick("true", "echo 50\\% # x", "root@localhost"),
            "env": env or None,
            "state": state,
            "cron_file": file,
            "user": self._pick("root", "worker", "corpus1")
            if file
            else self._maybe("root", "worker", "corpus1"),
            "disabled": None if env else self._maybe(True, chance=0.1),
        }
        return "", "cron", params if env or state == "absent" else params | when

    def _authorized_key(self) -> TaskTuple:
        exclusive = self._maybe(True, chance=0.15)
        return (
            "",
            "authorized_key",
            {
                "user": self._pick("worker", "corpus1"),
                "key": self._pick(*KEYS, f"{KEYS[0]} a comment\n{KEYS[1]} another"),
                "state": "present" if exclusive else self._gone(),
                "exclusive": exclusive,
                "path": self._maybe("/srv/t/d/keys", "/srv/t/a", chance=0.2),
                "manage_dir": self._maybe(False, chance=0.15),
                "key_options": self._maybe('from="10.0.0.0/8",no-pty', chance=0.2),
                "comment": self._maybe("other words", chance=0.15),
            },
        )

    def _known_hosts(self) -> TaskTuple:
        state, name = self._gone(), self._pick("one.example", "[two.example]:2222", "192.0.2.1")
        key = None if state == "absent" and self._dice.random() < 0.5 else f"{name} {self._pick(*KEYS)}"
        return (
            "",
            "known_hosts",
            {
                "name": name,
                "key": key,
                "state": state,
                "path": self._pick(*PATHS, "/srv/t/new/known"),
                "hash_host": self._maybe(True, chance=0.1),
            },
        )

    def _sudoers(self) -> TaskTuple:
        state = self._gone()
        params = {"name": self._pick("corpus", "corpus-more"), "state": state}
        if state == "present":
            params |= {
                self._pick("user", "group"): self._pick("worker", "corpus1"),
                "commands": self._pick(["/bin/true"], "ALL", ["/bin/true", "/bin/echo a b"]),
                "nopassword": self._maybe(False),
                "runas": self._maybe("www-data"),
                "noexec": self._maybe(True, chance=0.1),
            }
        return "", "sudoers", params

    def _pam_limits(self) -> TaskTuple:
        return (
            "",
            "pam_limits",
            {
                "domain": self._pick("worker", "@corpusgroup", "*"),
                "limit_type": self._pick("soft", "hard", "-"),
                "limit_item": self._pick("nofile", "nproc"),
                "value": self._pick("1024", "2048", "unlimited"),
                "use_max": self._maybe(True, chance=0.1),
                "comment": self._maybe("why"),
                "path": self._maybe(*PATHS),
            },
        )

    def _ini_file(self) -> TaskTuple:
        state = self._gone()
        option = self._maybe("one", "two", chance=0.9)
        return (
            "",
            "ini_file",
            {
                "path": self._pick(*PATHS),
                "section": self._maybe("part", "other", chance=0.8),
                "option": option,
                "value": None if option is None else self._maybe("1", "2", "", chance=0.9),
                "state": state,
                "exclusive": self._maybe(False, chance=0.15),
                "allow_no_value": self._maybe(True, chance=0.2),
                "no_extra_spaces": self._maybe(True),
                "create": self._maybe(False, chance=0.2),
                **self._owned(),
            },
        )

    def _hosts_entry(self) -> TaskTuple:
        state = self._gone()
        names = self._pick(["one.example"], ["two.example", "two"], ["one.example", "two"])
        return (
            "",
            "hosts_entry",
            {
                "address": self._pick("192.0.2.1", "192.0.2.2", "2001:db8::1"),
                "names": names if state == "present" else self._maybe(names, chance=0.5),
                "state": state,
                "exclusive": self._maybe(True, chance=0.2) if state == "present" else None,
            },
        )

    def _alternatives(self) -> TaskTuple:
        link = self._maybe("/usr/local/bin/corpus-alt", chance=0.8)
        return (
            "",
            "alternatives",
            {
                "name": "corpus-alt",
                "path": self._pick("/bin/true", "/bin/false", "/srv/t/a"),
                "link": link,
                "priority": self._maybe(10, 20, chance=0.6),
                "state": self._pick("selected", "selected", "present", "auto", "absent"),
            },
        )

    def _dpkg_divert(self) -> TaskTuple:
        return (
            "",
            "dpkg_divert",
            {
                "path": self._pick(*PATHS),
                "state": self._gone(0.35),
                "divert": self._maybe("/srv/t/diverted"),
                "holder": self._maybe("LOCAL", "corpus"),
                "rename": self._maybe(True, chance=0.5),
                "force": self._maybe(True, chance=0.2),
            },
        )

    def _htpasswd(self) -> TaskTuple:
        state = self._gone()
        return (
            "",
            "htpasswd",
            {
                "path": self._pick(*PATHS),
                "name": self._pick("alice", "bob"),
                "password": self._pick("secret", "other") if state == "present" else None,
                "state": state,
                "hash_scheme": self._maybe("sha256_crypt", "sha512_crypt"),
                "create": self._maybe(False, chance=0.2),
                **self._owned(),
            },
        )

    def _validated(self) -> TaskTuple:
        """A file that its validator may refuse; of some a plan knows that they only look."""
        return (
            "",
            "copy",
            {
                "dest": self._pick(*PATHS),
                "content": self._pick(
                    "one\n", "worker ALL=(ALL) ALL\n", "if true; then\n", "#!/bin/sh\ntrue\n"
                ),
                "validate": self._pick("sh -n %s", "/usr/sbin/visudo -c -f %s", "grep -q . %s"),
                **self._owned(),
            },
        )

    def _assemble(self) -> TaskTuple:
        return (
            "",
            "assemble",
            {
                "src": self._pick("/srv/t/d", "/srv/t", "/srv/t/parts", "/srv/t/a"),
                "dest": self._pick("/srv/t/b", "/srv/t/d/e", "/srv/t/whole"),
                "delimiter": self._maybe("--\n", "\\n##"),
                "regexp": self._maybe("^[ab]", "e$"),
                "ignore_hidden": self._maybe(True),
                **self._owned(),
            },
        )

    def _timezone(self) -> TaskTuple:
        return "", "timezone", {"name": self._pick("Europe/Berlin", "Etc/UTC", "Asia/Tokyo", "Nowhere/City")}

    def _hostname(self) -> TaskTuple:
        return "", "hostname", {"name": self._pick("corpus-host", "other.example.com")}

    def _mount(self) -> TaskTuple:
        """The table alone: a container cannot mount."""
        present = self._dice.random() < 0.7
        return (
            "",
            "mount",
            {
                "path": self._pick("/srv/t/mnt", "/srv/t/d", "/srv/t/spaced name"),
                "state": "present" if present else "absent_from_fstab",
                "src": self._pick("tmpfs", "/dev/corpus", "server:/x y") if present else None,
                "fstype": self._pick("tmpfs", "ext4") if present else None,
                "opts": self._maybe("ro,noauto", "size=1m"),
                "passno": self._maybe("2"),
                "boot": self._maybe(False, chance=0.15),
                "fstab": self._maybe("/srv/t/a"),
            },
        )

    def _acl(self) -> TaskTuple:
        kind = self._pick("user", "group", "user", "other")
        absent = kind != "other" and self._dice.random() < 0.25
        return (
            "",
            "acl",
            {
                "path": self._pick(*PATHS),
                "etype": kind,
                "entity": None if kind == "other" else self._pick("worker", "www-data"),
                "permissions": None if absent else self._pick("r", "rw", "rX", "-"),
                "state": "absent" if absent else "present",
                "default": self._maybe(True, chance=0.2),
                "recursive": self._maybe(True, chance=0.15),
            },
        )
