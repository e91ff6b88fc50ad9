"""In a plan, what a task asks as another user is answered as that user would be."""

from __future__ import annotations

import os
import pwd

import pytest

from configurator.agent.as_user import command_as
from configurator.agent.simulated import SimulatedSystem
from configurator.agent.system import HostContext
from configurator.agent.world import World
from configurator.core.cancel import CancelToken
from configurator.core.errors import ParameterError
from configurator.modules.state import UnknownState


def simulated(user: str) -> SimulatedSystem:
    real = HostContext().for_task(CancelToken())
    return SimulatedSystem(World(real), real, "a task", user=user)


@pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root")
def test_a_command_runs_as_the_user_of_its_task() -> None:
    """With that user's home, groups and name; the plan itself goes on as root."""
    said = simulated("daemon").query(["sh", "-c", "id -un; id -gn; echo $USER $EXTRA"], env={"EXTRA": "x"})
    assert said.stdout == "daemon\ndaemon\ndaemon x\n"
    assert simulated("root").query(["id", "-un"]).stdout == "root\n"


def test_a_user_whom_the_plan_makes_cannot_be_asked() -> None:
    """What such a user will see is unknown; of nobody at all it is an error, as in the apply."""
    system = simulated("nosuchuser")
    with pytest.raises(ParameterError, match="does not exist"):
        system.query(["id"])
    system.run(["useradd", "nosuchuser"], establishes={"user:nosuchuser": {"exists": True}})
    with pytest.raises(UnknownState, match="made by an earlier task"):
        system.query(["id"])


def test_nothing_changes_for_who_we_are() -> None:
    """No helper is needed then, and no environment either."""
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert command_as(name, ["id"], None) == (["id"], {})
