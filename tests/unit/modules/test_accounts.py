"""user and group: what the account files say, what is changed by which command, and what a plan remembers."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.core.errors import TaskError
from configurator.modules.account_files import find_entry, group_state, parse_groups, user_state
from configurator.modules.group import Group
from configurator.modules.state import UNKNOWN, SecretValue
from configurator.modules.user import User, looks_hashed
from configurator.modules.user_home import home_mode
from configurator.modules.user_key import fingerprint
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, params_of, problems_of

USER = User()
GROUP = Group()
HASH = "$6$salt$" + "a" * 86

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
anna:x:1000:1000:Anna Ängström:/home/anna:/bin/bash
bob:x:1001:100::/home/bob:/bin/sh
"""
SHADOW = f"""\
root:*:20000:0:99999:7:::
anna:{HASH}:20000:0:90:7:14:22280:
bob:!:20000:0:99999:7:::
"""
GROUPS = """\
root:x:0:
sudo:x:27:anna
users:x:100:
dev:x:2000:anna,bob
anna:x:1000:
docker:x:999:
"""


def host(*, plan: bool = True) -> RecordedSystem:
    system = RecordedSystem(plan=plan)
    system.put("/etc/passwd", PASSWD)
    system.put("/etc/shadow", SHADOW, mode=0o640)
    system.put("/etc/group", GROUPS)
    system.put("/etc/login.defs", "# UMASK 077\nUMASK\t\t022\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\n")
    system.put("/etc/default/useradd", "SHELL=/bin/sh\n# HOME=/elsewhere\n")
    system.put("/etc/skel/.bashrc", "# bash\n")
    for name in ("anna", "bob"):
        system.put_directory(f"/home/{name}", owner=name)
    return system


def test_the_account_files_are_read_as_they_are() -> None:
    """A name that begins another one is not taken for it; empty fields mean that there is no limit."""
    system = host()
    assert find_entry("annabel:x\nanna:y\n", "anna", 3) == ["anna", "y", ""]
    state = user_state(system, "anna")
    assert state["groups"] == ("dev", "sudo")
    assert (state["uid"], state["group"], state["comment"]) == (1000, "anna", "Anna Ängström")
    assert (state["max"], state["inactive"], state["expires"], state["locked"]) == (90, 14, 22280, False)
    assert user_state(system, "bob")["group"] == "users"
    assert user_state(system, "ann") == {"exists": False}
    assert parse_groups(GROUPS)["dev"] == (2000, ("anna", "bob"))


def test_an_account_as_asked_for_is_no_change() -> None:
    """All fields given and equal: nothing is run."""
    same: dict[str, Any] = {
        "name": "anna",
        "uid": 1000,
        "group": "anna",
        "groups": ["sudo", "dev"],
        "comment": "Anna Ängström",
        "shell": "/bin/bash",
        "home": "/home/anna",
        "password": HASH,
        "password_lock": False,
        "password_expire_max": 90,
        "expires": 22280 * 86400,
    }
    assert not change_of(USER, host(), **same)
    assert not change_of(USER, host(), name="anna", group="1000")


def test_a_new_account_with_home_is_there_for_later_tasks() -> None:
    """The plan knows its groups, its members and the files of its home."""
    system = host()
    assert not converge(USER, system, name="deploy", groups=["sudo"], shell="/bin/bash", password=HASH)
    assert system.commands[0] == (
        "useradd --no-create-home --home-dir /home/deploy --shell /bin/bash --groups sudo deploy"
    )
    assert group_state(system, "sudo")["members"] == ("anna", "deploy")
    assert group_state(system, "deploy")["exists"]
    assert user_state(system, "deploy")["uid"] is UNKNOWN
    home, bashrc = system.stat("/home/deploy"), system.stat("/home/deploy/.bashrc")
    assert home is not None
    assert bashrc is not None
    assert (home.mode, home.owner, home.group) == (0o755, "deploy", "deploy")
    assert (bashrc.mode, bashrc.owner) == (0o644, "deploy")
    assert not change_of(USER, system, name="deploy", groups=["sudo"], append=True)


def test_hashes_never_stand_on_a_command_line() -> None:
    """They go to chpasswd through standard input."""
    system = host()
    converge(USER, system, name="bob", password=HASH)
    assert not any(HASH in line for line in system.commands)
    assert (("chpasswd", "--encrypted"), f"bob:{HASH}\n") in system.ran
    change = change_of(USER, host(), name="bob", password=HASH)
    assert isinstance(change.after["password"], SecretValue)
    assert HASH not in repr(change.records())


def test_a_password_set_on_creation_only_is_left_alone_later() -> None:
    """The user may have changed it since."""
    other = HASH.replace("salt", "other")
    assert change_of(USER, host(), name="anna", password=other).fields == ("password",)
    assert not change_of(USER, host(), name="anna", password=other, update_password="on_create")
    system = host()
    converge(USER, system, name="new", password=HASH, update_password="on_create")
    assert any(argv[0] == "chpasswd" for argv, _ in system.ran)


def test_locking_keeps_the_hash_and_unlocking_needs_one() -> None:
    """An account without any hash cannot be unlocked: it would be open to all."""
    system = host()
    assert not converge(USER, system, name="anna", password_lock=True)
    assert system.commands == ["usermod --lock anna"]
    assert not change_of(USER, system, name="anna", password=HASH)
    assert not converge(USER, system, name="anna", password_lock=False)
    with pytest.raises(TaskError, match="no password that could be unlocked"):
        change_of(USER, host(), name="bob", password_lock=False)
    both = host()
    assert not converge(USER, both, name="bob", password=HASH, password_lock=True)
    assert both.ran[-1][1] == f"bob:!{HASH}\n"


def test_a_new_hash_does_not_unlock_an_account_locked_by_hand() -> None:
    """Unless asked for: somebody locked it for a reason."""
    system = host()
    converge(USER, system, name="anna", password_lock=True)
    converge(USER, system, name="anna", password=HASH.replace("salt", "next"))
    assert user_state(system, "anna")["locked"] is True


@pytest.mark.parametrize(
    ("password", "hashed"),
    [
        (HASH, True),
        ("$y$j9T$abc$def", True),
        ("*", True),
        ("!", True),
        ("!" + HASH, True),
        ("*LK*", True),
        ("ab./01234567.", True),
        ("hello", False),
        ("$ecret", False),
        ("correct horse battery staple", False),
    ],
)
def test_clear_passwords_are_recognised(password: str, hashed: bool) -> None:
    """A warning, since the account would take no password at all."""
    assert looks_hashed(password) is hashed


def test_groups_replace_or_append() -> None:
    """Without `append` the list is all there is; the primary group is never listed again."""
    assert change_of(USER, host(), name="anna", groups=["docker"]).after["groups"] == ("docker",)
    appended = change_of(USER, host(), name="anna", groups=["docker"], append=True)
    assert appended.after["groups"] == ("dev", "docker", "sudo")
    assert not change_of(USER, host(), name="anna", groups=["sudo", "dev", "anna"])
    system = host()
    assert not converge(USER, system, name="anna", groups="")
    assert group_state(system, "dev")["members"] == ("bob",)


def test_groups_must_exist() -> None:
    """useradd would fail after other things have been done; a group made earlier in the plan counts."""
    system = host()
    with pytest.raises(TaskError, match="group 'web' does not exist"):
        change_of(USER, system, name="anna", groups=["web"])
    converge(GROUP, system, name="web")
    assert change_of(USER, system, name="anna", groups=["web"])


def test_a_group_of_the_same_name_is_not_taken_over() -> None:
    """As in Ansible: without `group` the new account then belongs to the default group."""
    system = host()
    converge(USER, system, name="docker")
    assert "--no-user-group" in system.commands[0]
    assert user_state(system, "docker")["group"] == "users"


def test_moving_a_home_takes_its_content_along() -> None:
    """usermod moves it; without `move_home` an empty new one is made."""
    system = host(plan=False)
    system.answers = {"usermod": ""}
    params = params_of(USER, name="anna", home="/srv/anna", move_home=True)
    USER.converge(system, params, change_of(USER, system, name="anna", home="/srv/anna", move_home=True))
    assert system.commands == ["usermod --home /srv/anna --move-home anna"]
    system = host()
    assert not converge(USER, system, name="anna", home="/srv/anna")
    assert system.stat("/srv/anna/.bashrc") is not None


def test_ages_are_set_by_day() -> None:
    """`expires` counts seconds and becomes a day; -1 takes a limit away."""
    system = host()
    assert not converge(USER, system, name="bob", expires=1924992000, password_expire_max=30)
    assert system.commands == ["chage --maxdays 30 --expiredate 22280 bob"]
    assert not converge(USER, system, name="bob", expires=-1)
    assert system.commands[-1] == "chage --expiredate -1 bob"


def test_removing_keeps_what_belongs_to_others() -> None:
    """A home that another user owns, or that holds another's home, stays and is named."""
    system = host()
    assert not converge(USER, system, name="bob", state="absent", remove=True)
    assert system.stat("/home/bob") is None
    assert group_state(system, "dev")["members"] == ("anna",)
    system = host()
    system.put_directory("/home/bob", owner="anna")
    converge(USER, system, name="bob", state="absent", remove=True)
    assert system.stat("/home/bob") is not None
    assert "belongs to anna" in system.notices[0]
    system = host()
    system.put("/etc/passwd", PASSWD + "carl:x:1002:100::/home/bob/carl:/bin/sh\n")
    converge(USER, system, name="bob", state="absent", remove=True)
    assert "holds the home of carl" in system.notices[0]


def test_our_own_account_is_guarded_and_not_removed() -> None:
    """Changing the account that we log in by can cut our access; removing it surely does."""
    system = host()
    system.facts["login_user"] = "anna"
    assert USER.guard(params_of(USER, name="anna", shell="/bin/false"), system) is not None
    assert USER.guard(params_of(USER, name="bob", shell="/bin/false"), system) is None
    with pytest.raises(TaskError, match="logged in by"):
        change_of(USER, system, name="anna", state="absent")


def test_an_ssh_key_is_made_by_its_user_without_a_passphrase_in_sight() -> None:
    """As root, ssh-keygen would follow a link in the user's directory; a process list shows arguments."""
    system = host()
    assert not converge(
        USER, system, name="anna", generate_ssh_key=True, ssh_key_type="ed25519", ssh_key_passphrase="hush"
    )
    line = system.commands[0]
    assert line.startswith("runuser -u anna -- ssh-keygen -q -t ed25519")
    assert "hush" not in line
    assert system.listdir("/home/anna/.ssh") == []  # the helper that hands over the passphrase is gone
    directory = system.stat("/home/anna/.ssh")
    assert directory is not None
    assert (directory.mode, directory.owner) == (0o700, "anna")


def test_an_existing_key_is_reported_and_kept() -> None:
    """Its public part and fingerprint are what other tasks want to know."""
    system = host()
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHaTd8PGYvfe9w68oKM5mvUDaGz/O70YeOVxUKLMP1N9 me"
    system.put("/home/anna/.ssh/id_ed25519", "private", mode=0o600)
    system.put("/home/anna/.ssh/id_ed25519.pub", public + "\n")
    params = params_of(USER, name="anna", generate_ssh_key=True, ssh_key_type="ed25519")
    actual = USER.observe(system, params)
    assert not USER.compare(params, actual, USER.desired(params, actual))
    outputs = USER.outputs(params, actual)
    assert outputs["ssh_public_key"] == public
    assert outputs["ssh_fingerprint"] == "SHA256:z5WG5LwkdCG48+lXYqAkm91H1fpYeixmexYj9KClg/U"
    assert fingerprint("no key") == ""


def test_the_mode_of_a_home_follows_login_defs() -> None:
    """HOME_MODE wins over UMASK, a given umask over both."""
    system = host()
    assert home_mode(system, None) == "0755"
    system.put("/etc/login.defs", "UMASK 022\nHOME_MODE\t0700\n")
    assert home_mode(system, None) == "0700"
    assert home_mode(system, "027") == "0750"


def test_taken_numbers_are_refused_in_the_plan() -> None:
    """useradd and groupadd would refuse them in the apply."""
    with pytest.raises(TaskError, match="that of user 'anna'"):
        change_of(USER, host(), name="new", uid=1000)
    with pytest.raises(TaskError, match="that of group 'dev'"):
        change_of(GROUP, host(), name="new", gid=2000)
    assert change_of(USER, host(), name="new", uid=1000, non_unique=True)
    system = host()
    converge(GROUP, system, name="dev", state="absent")
    assert change_of(GROUP, system, name="new", gid=2000)


def test_groups_are_made_changed_and_removed() -> None:
    """A primary group stays, in the words of what is wrong."""
    system = host()
    assert not converge(GROUP, system, name="web", gid=3000, system=True)
    assert system.commands == ["groupadd --gid 3000 --system web"]
    assert not converge(GROUP, system, name="dev", gid=2001)
    assert group_state(system, "dev") == {"exists": True, "gid": 2001, "members": ("anna", "bob")}
    with pytest.raises(TaskError, match="primary group of user 'anna'"):
        change_of(GROUP, system, name="anna", state="absent")
    assert not converge(GROUP, system, name="docker", state="absent")
    assert not change_of(GROUP, system, name="docker", state="absent")


def test_values_that_would_break_the_files_are_refused() -> None:
    """A colon or a line break in a field would make another account."""
    assert problems_of(USER, name="a:b")
    assert problems_of(USER, name="-r")
    assert problems_of(USER, name="a", comment="x:y")
    assert problems_of(USER, name="a", password="")
    assert problems_of(USER, name="a", append=True)
    assert problems_of(USER, name="a", home="relative")
    assert problems_of(GROUP, name="a\nb")
    assert problems_of(GROUP, name="a", non_unique=True)
