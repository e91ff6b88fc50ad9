"""Random host states and random chains of tasks on them, from a seed: what plans are held to, far and wide.

Names are few, so that tasks meet what earlier ones have made, changed or removed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.hosts.corpus_system import PATHS, SystemTasks

TaskTuple = tuple[str, str, Mapping[str, Any]]

TEXTS = (
    "",
    "one\n",
    "one\ntwo\n",
    "two\none\none more\n",
    "no end",
    "# one\n\n[part]\none = 1\n",
    "cr\r\nlf\r\n",
    "ünï\tcode \"quoted\" 'x'\n",
)
LINES = ("one", "two", "three", "one = 2", "  indented", "[part]")
PATTERNS = ("^one", "two", "^#?one", "o$", "x", "^one = (.*)$", "nothing like it")

# How a path may be when the chain begins: shell, run as root in /srv/t.
_STATES = (
    ":",
    "mkdir -p $(dirname {q}) && printf '{text}' > {q}",
    "mkdir -p $(dirname {q}) && printf '{text}' > {q} && chmod {octal} {q} && chown {user}:{group} {q}",
    "mkdir -p {q} && chmod {octal} {q}",
    "mkdir -p {q}/sub && touch {q}/x {q}/sub/y && chown -R worker {q}",
    "mkdir -p $(dirname {q}) && ln -sfn /srv/t/a {q}",
    "mkdir -p $(dirname {q}) && ln -sfn nowhere {q}",
    "mkdir -p $(dirname {q}) && printf x > /srv/hard && ln -f /srv/hard {q}",
)


class Corpus(SystemTasks):
    """One combination: `prepare` is a shell script, `tasks` a chain."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        dice = self._dice
        self._others: tuple[Callable[[], TaskTuple], ...] = (
            self._user,
            self._group,
            self._sysctl,
            self._unit,
            self._cron,
            self._authorized_key,
            self._known_hosts,
            self._sudoers,
            self._pam_limits,
            self._ini_file,
            self._hosts_entry,
            self._alternatives,
            self._dpkg_divert,
            self._htpasswd,
            self._validated,
            self._assemble,
            self._timezone,
            self._hostname,
            self._mount,
            self._acl,
        )
        self.prepare = "; ".join(["true", *(self._state() for _ in range(dice.randint(0, 5)))])
        count = 1 if seed % 3 == 0 else dice.randint(2, 6)
        self.tasks = tuple(
            (f"t{number}", module, {key: value for key, value in params.items() if value is not None})
            for number, (_, module, params) in enumerate(self._task() for _ in range(count))
        )

    def _state(self) -> str:
        text = self._pick(*TEXTS).replace("\\", "\\\\").replace("%", "%%").replace("'", "'\\''")
        made: str = (
            "{ "
            + self._pick(*_STATES).format(
                q="'" + self._pick(*PATHS) + "'",
                text=text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t"),
                octal=self._pick("644", "600", "755", "4755", "700"),
                user=self._pick("root", "worker"),
                group=self._pick("root", "www-data"),
            )
            + " 2>/dev/null || :; }"
        )
        return made

    def _task(self) -> TaskTuple:
        if self._dice.random() < 0.5:
            other: TaskTuple = self._pick(*self._others)()
            return other
        made: TaskTuple = self._pick(
            self._file, self._file, self._copy, self._copy, self._line, self._block, self._replace
        )()
        return made

    def _file(self) -> TaskTuple:
        state = self._pick("file", "directory", "absent", "touch", "link", "hard")
        params = {"path": self._pick(*PATHS), "state": state, **self._owned()}
        if state in ("link", "hard"):
            params |= {"src": self._pick(*PATHS, "nowhere"), "force": self._maybe(True)}
        if state == "touch":  # else it would touch anew each time
            params |= {"access_time": "preserve", "modification_time": "preserve"}
        if state == "directory":
            params["recurse"] = self._maybe(True)
        return "", "file", params | {"follow": self._maybe(True, False)}

    def _copy(self) -> TaskTuple:
        params = {"dest": self._pick(*PATHS), "content": self._pick(*TEXTS), **self._owned()}
        return "", "copy", params | {"force": self._maybe(False, chance=0.1), "backup": None}

    def _line(self) -> TaskTuple:
        absent = self._dice.random() < 0.2
        place = self._pick("insertafter", "insertbefore")
        return (
            "",
            "lineinfile",
            {
                "path": self._pick(*PATHS),
                "line": self._pick(*LINES),
                "regexp": self._maybe(*PATTERNS, chance=0.5),
                "state": "absent" if absent else "present",
                "create": self._maybe(True, chance=0.5),
                place: None
                if absent
                else self._maybe("BOF" if place == "insertbefore" else "EOF", *PATTERNS),
                "firstmatch": self._maybe(True),
            },
        )

    def _block(self) -> TaskTuple:
        return (
            "",
            "blockinfile",
            {
                "path": self._pick(*PATHS),
                "block": self._pick("one\ntwo", "", "x = 1\n", "# BEGIN"),
                "marker": self._maybe("# {mark} OTHER", "; {mark}"),
                "state": self._maybe("absent", "present"),
                "create": self._maybe(True, chance=0.5),
                "insertafter": self._maybe("EOF", *PATTERNS),
            },
        )

    def _replace(self) -> TaskTuple:
        return (
            "",
            "replace",
            {
                "path": self._pick(*PATHS),
                "regexp": self._pick(*PATTERNS),
                "replace": self._pick("new", "", "<\\g<0>>"),
                "after": self._maybe(*PATTERNS),
            },
        )

    def _user(self) -> TaskTuple:
        absent = self._dice.random() < 0.2
        return (
            "",
            "user",
            {
                "name": self._pick("corpus1", "corpus2"),
                "state": "absent" if absent else "present",
                "remove": self._maybe(True) if absent else None,
                "shell": None if absent else self._maybe("/bin/sh", "/usr/sbin/nologin"),
                "comment": None if absent else self._maybe("A corpus", "Ünï"),
                "groups": None if absent else self._maybe(["corpusgroup"], ["www-data", "adm"]),
                "append": None if absent else self._maybe(True),
                "create_home": self._maybe(False),
                "uid": None if absent else self._maybe(2001, 2002),
            },
        )

    def _group(self) -> TaskTuple:
        absent = self._dice.random() < 0.2
        return (
            "",
            "group",
            {
                "name": "corpusgroup",
                "state": "absent" if absent else "present",
                "gid": None if absent else self._maybe(3001, 3002),
            },
        )

    def _sysctl(self) -> TaskTuple:
        return (
            "",
            "sysctl",
            {
                "name": self._pick("net.ipv4.ip_forward", "net.ipv4.conf.all.accept_redirects"),
                "value": self._pick("0", "1"),
                "state": self._maybe("absent", chance=0.2),
                "sysctl_file": self._maybe("/etc/sysctl.d/50-corpus.conf"),
            },
        )

    def _unit(self) -> TaskTuple:
        return (
            "",
            "systemd_service",
            {
                "name": self._pick("corpus-a", "corpus-b", "corpus-once"),
                "state": self._maybe("started", "stopped", chance=0.7),
                "enabled": self._maybe(True, False, chance=0.6),
                "masked": self._maybe(True, False, chance=0.2),
            },
        )


PREPARE_HOST = r"""
cd /etc/systemd/system
daemon='[Service]\nExecStart=/bin/sleep 1000000\n[Install]\nWantedBy=multi-user.target\n'
for unit in corpus-a corpus-b; do printf "$daemon" > $unit.service; done
printf '[Service]\nType=oneshot\nExecStart=/bin/true\nRemainAfterExit=yes\n' > corpus-once.service
systemctl daemon-reload; mkdir -p /var/corpus; apt-get install -y -qq cron acl >/dev/null 2>&1
cp -a /etc/hosts /etc/fstab /etc/hostname /etc/timezone /etc/localtime /etc/security/limits.conf \
    /var/lib/dpkg/diversions /var/corpus
id worker >/dev/null 2>&1 || useradd -m -s /bin/sh worker
"""
RESET = """
rm -rf /srv/t /srv/hard /etc/sysctl.d/50-corpus.conf; mkdir /srv/t; chmod 755 /srv/t
for user in corpus1 corpus2; do ! id $user >/dev/null 2>&1 || userdel -rf $user >/dev/null 2>&1 || :; done
! getent group corpusgroup >/dev/null || groupdel -f corpusgroup 2>/dev/null || :
for user in corpus1 corpus2; do ! getent group $user >/dev/null || groupdel $user || :; done
systemctl unmask -q corpus-a corpus-b corpus-once 2>/dev/null
systemctl disable -q --now corpus-a corpus-b corpus-once 2>/dev/null || :
sysctl -qw net.ipv4.ip_forward=0
cd /var/corpus; cp -a hosts fstab hostname timezone localtime /etc; cp -a limits.conf /etc/security
hostname "$(cat hostname)"; rm -rf /etc/sudoers.d/corpus* /etc/cron.d/corpus /home/worker/.ssh
for user in root worker corpus1; do crontab -r -u $user 2>/dev/null || :; done
update-alternatives --quiet --remove-all corpus-alt 2>/dev/null; rm -f /usr/local/bin/corpus-alt
rm -f /var/spool/cron/crontabs/*; cp -a /var/corpus/diversions /var/lib/dpkg
"""
