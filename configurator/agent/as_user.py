"""What a plan asks the host on behalf of a task that works as another user.

In an apply such a task runs in a child agent (child.py). A plan has one process for all tasks, so only its
commands change their user: `crontab -l` or `systemctl --user` answer each user differently.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from configurator.core.errors import ParameterError


def command_as(
    user: str, argv: Sequence[str], env: Mapping[str, str] | None
) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment that run `argv` as `user`, as the child agent would.

    Nothing changes for who we are already. ParameterError if there is no such user.
    """
    import pwd  # noqa: PLC0415  (most tasks work as root)

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ParameterError(f"user {user!r} does not exist on the host", hint="`become_user`") from None
    if entry.pw_uid == os.geteuid():
        return list(argv), dict(env or {})
    environment = {"HOME": entry.pw_dir, "USER": user, "LOGNAME": user} | dict(env or {})
    if os.geteuid() != 0:
        words = [f"{name}={value}" for name, value in environment.items()]
        return ["sudo", "-n", "-u", user, "--", "env", *words, *argv], environment
    # setpriv(1) leaves no trace, where runuser and su open a session.
    switch = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups", "--"]
    return [*switch, *argv], environment
