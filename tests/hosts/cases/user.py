"""user: accounts, read back with the tools of passwd(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

HASH = "$6$configurator$" + "Q" * 86
OTHER = "$6$configurator$" + "R" * 86


def _user(name: str, user: str = "anna", **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "user", {"name": user, **params}


CLEAN = (
    "for u in anna bert carl dora; do userdel -f -r $u 2>/dev/null; groupdel $u 2>/dev/null;"
    " rm -rf /home/$u /srv/people; done; groupdel team 2>/dev/null; groupdel crew 2>/dev/null; :"
)
FRESH = f"{CLEAN}\ngroupadd -g 6001 team; groupadd crew"

CASES: dict[str, Case] = {
    "made": Case(
        (
            _user(
                "all",
                uid=6100,
                group="team",
                groups=["crew", "users"],
                comment="Anna Ängström ☃",
                shell="/bin/bash",
                home="/srv/people/anna",
                password=HASH,
                umask="027",
            ),
            _user("again", uid=6100, comment="Anna Ängström ☃", shell="/bin/bash", password=HASH),
            _user(
                "service", "bert", system=True, create_home=False, shell="/usr/sbin/nologin", home="/nowhere"
            ),
            _user("taken in the plan", "dora", uid=6100),
            _user("group by number", "carl", group="6001", groups="", createhome=False),
            _user("nobody's group", "dora", groups=["nosuch"]),
        ),
        "getent passwd anna; id -nG anna; getent shadow anna | cut -d: -f2; stat -c '%a %U:%G'"
        " /srv/people/anna;"
        " ls -A /srv/people/anna | head -1; getent passwd bert | cut -d: -f6-; test $(id -u bert) -lt 1000 &&"
        f" echo system; ls /nowhere 2>&1 | wc -l; id -nG carl; {CLEAN}",
        "anna:x:6100:6001:Anna Ängström ☃:/srv/people/anna:/bin/bash\nteam users crew\n"
        f"{HASH}\n750 anna:team\n.bash_logout\n/nowhere:/usr/sbin/nologin\nsystem\n1\nteam\n",
        FRESH,
        idle=frozenset({"again"}),
        fails={
            "nobody's group": "group 'nosuch' does not exist",
            "taken in the plan": "the number 6100 is that of user 'anna'",
        },
        outputs={
            "all": {
                "uid": 6100,
                "group": 6001,
                "append": False,
                "system": False,
                "home": "/srv/people/anna",
                "shell": "/bin/bash",
            },
            "again": {"uid": 6100, "comment": "Anna Ängström ☃"},
        },
    ),
    "changed": Case(
        (
            _user("groups", groups=["crew"]),
            _user("one more", groups=["team"], append=True),
            _user("primary", group="users"),
            _user("comment and shell", comment="", shell="/bin/bash"),
            _user("moved", home="/srv/people/a", move_home=True),
            _user("number", uid=6200),
            _user("nothing", groups=["team", "crew"], shell="/bin/bash", home="/srv/people/a", uid=6200),
            _user("empty", "bert", groups=[]),
            _user("taken", "bert", uid=6200),
        ),
        "getent passwd anna; id -nG anna | tr ' ' '\\n' | sort | paste -sd' '; cat /srv/people/a/mine;"
        f" stat -c %u /srv/people/a/mine; ls /home/anna 2>&1 | grep -c 'No such'; id -nG bert; {CLEAN}",
        "anna:x:6200:100::/srv/people/a:/bin/bash\ncrew team users\nmine\n6200\n1\nbert\n",
        f"{FRESH}; useradd -m -u 6100 -c Anna -G team,users anna; echo mine > /home/anna/mine; chown anna"
        " /home/anna/mine;"
        " useradd -M -G team,crew bert; mkdir -p /srv/people",
        idle=frozenset({"nothing"}),
        again=frozenset({"groups", "one more"}),
        fails={"taken": "`non_unique: true` permits that"},
    ),
    "passwords": Case(
        (
            _user("new", password=HASH),
            _user("only when made", password=OTHER, update_password="on_create"),
            _user("locked", password_lock=True),
            _user("same hash, still locked", password=HASH),
            _user("unlocked", "bert", password_lock=False),
            _user("ages", password_expire_max=90, password_expire_min=2, password_expire_warn=14),
            _user("inactive", password_expire_account_disable=10),
            _user("ends", expires=4102444800),
            _user("never ends", "bert", expires=-1),
            _user("clear text", "carl", password="secret"),
            _user("no password to unlock", "dora", password_lock=False),
        ),
        f"getent shadow anna bert carl | cut -d: -f1,2,4-8; {CLEAN}",
        f"anna:!{HASH}:2:90:14:10:47482\nbert:{OTHER}:0:99999:7::\ncarl:secret:0:99999:7::\n",
        f"{FRESH}; for u in anna bert carl dora; do useradd -M $u; done; echo 'bert:{OTHER}' | chpasswd -e;"
        " usermod -L -e 2030-01-01 bert",
        idle=frozenset({"only when made", "same hash, still locked"}),
        warns={"clear text": "the password looks like clear text"},
        fails={"no password to unlock": "has no password that could be unlocked"},
    ),
    "keys": Case(
        (
            _user("made", generate_ssh_key=True, ssh_key_type="ed25519", ssh_key_comment="me & you"),
            _user("there", generate_ssh_key=True, ssh_key_type="ed25519"),
            _user("elsewhere", "bert", generate_ssh_key=True, ssh_key_file=".ssh/deploy", ssh_key_bits=2048),
        ),
        "cd /home; stat -c '%n %a %U' anna/.ssh anna/.ssh/id_ed25519 anna/.ssh/id_ed25519.pub"
        " bert/.ssh/deploy;"
        " cut -d' ' -f1,3- anna/.ssh/id_ed25519.pub; ssh-keygen -l -f bert/.ssh/deploy | cut -d' ' -f1;"
        f" {CLEAN}",
        "anna/.ssh 700 anna\nanna/.ssh/id_ed25519 600 anna\nanna/.ssh/id_ed25519.pub 644 anna\n"
        "bert/.ssh/deploy 600 bert\nssh-ed25519 me & you\n2048\n",
        f"{FRESH}; useradd -m bert",
        idle=frozenset({"there"}),
        outputs={"there": {"ssh_key_file": "/home/anna/.ssh/id_ed25519"}},
    ),
    "gone": Case(
        (
            _user("with its home", state="absent", remove=True),
            _user("without", "bert", state="absent"),
            _user("of another", "carl", state="absent", remove=True),
            _user("never there", "dora", state="absent"),
            _user("ourselves", "root", state="absent"),
        ),
        f"getent passwd anna bert carl; ls -d /home/anna /home/bert /srv/people/shared 2>/dev/null; {CLEAN}",
        "/home/bert\n/srv/people/shared\n",
        f"{FRESH}; useradd -m anna; useradd -m bert; mkdir -p /srv/people/shared; useradd -M -d"
        " /srv/people/shared carl",
        idle=frozenset({"never there"}),
        fails={"ourselves": "we are logged in by"},
    ),
}
