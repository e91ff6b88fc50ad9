"""A user's home: made from the skeleton before anybody else can enter it, removed only if it is the user's.

useradd(8) could do the first and userdel(8) the second; done here, later tasks of a plan see the files.
"""

from __future__ import annotations

import posixpath

from configurator.modules.account_files import homes, login_definition, useradd_default
from configurator.modules.state import State
from configurator.modules.system import System

_SKELETON = "/etc/skel"  # useradd(8), SKEL
_MAIL = "/var/mail"  # login.defs(5), MAIL_DIR
_FULL = 0o777


def create(system: System, name: str, user: State, *, skeleton: str | None, umask: str | None) -> None:
    """Make the home with the skeleton's files; it is root's alone until it is complete."""
    home = str(user["home"])
    parent = posixpath.dirname(home.rstrip("/"))
    missing = []
    while parent not in ("", "/") and system.stat(parent, follow=True) is None:
        missing.append(parent)
        parent = posixpath.dirname(parent)
    for directory in reversed(missing):
        system.mkdir(directory, mode="0755")
    system.mkdir(home, mode="0700")
    _copy(system, skeleton or useradd_default(system, "SKEL", _SKELETON), home, name, user["group"])
    system.set_attributes(home, mode=home_mode(system, umask), owner=name, group=user["group"])


def home_mode(system: System, umask: str | None) -> str:
    """Return the mode of a new home: by the given umask, else HOME_MODE, else UMASK of login.defs(5)."""
    given = None if umask is not None else login_definition(system, "HOME_MODE")
    if given is not None:
        return f"{int(given, 8):04o}"
    mask = umask or login_definition(system, "UMASK") or "022"
    return f"{_FULL & ~int(mask, 8):04o}"


def _copy(system: System, source: str, target: str, owner: str, group: str) -> None:
    """Copy a directory's content without following links, all of it for the new owner."""
    for entry in system.listdir(source):
        old, new = f"{source}/{entry}", f"{target}/{entry}"
        found = system.stat(old)
        if found is None or found.kind == "other":
            continue
        if found.kind == "link":
            system.symlink(str(found.target), new)
            system.set_attributes(new, owner=owner, group=group, follow=False)
        elif found.kind == "directory":
            system.mkdir(new, mode="0700")
            _copy(system, old, new, owner, group)
            system.set_attributes(new, mode=f"{found.mode:04o}", owner=owner, group=group)
        else:
            system.write(new, system.read(old), mode=f"{found.mode:04o}", owner=owner, group=group)


def remove(system: System, name: str, home: str, uid: object) -> None:
    """Remove the home and the mail of a user that is gone; keeps what belongs to others, and says so."""
    mail = f"{_MAIL}/{name}"
    found_mail = system.stat(mail)
    if found_mail is not None and found_mail.kind == "file" and found_mail.uid == uid:
        system.remove(mail)
    found = system.stat(home)
    if found is None or home.rstrip("/") == "":
        return
    if found.uid != uid and found.owner != name:
        system.notice(f"{home} belongs to {found.owner}, not to {name}: it was not removed")
        return
    inside = home.rstrip("/") + "/"
    sharing = [
        other for other, place in homes(system).items() if (place.rstrip("/") + "/").startswith(inside)
    ]
    sharing = [other for other in sharing if other != name]
    if sharing:
        system.notice(f"{home} also holds the home of {', '.join(sharing)}: it was not removed")
        return
    system.remove(home)
