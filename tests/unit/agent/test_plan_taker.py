"""PlanTaker: what a plan says of a content that a validator refuses."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from configurator.agent.apply_taker import ApplyTaker
from configurator.agent.notifications import Notifications
from configurator.agent.plan_taker import PlanTaker
from configurator.agent.protocol import TaskSpec
from configurator.agent.system import HostContext
from configurator.core.cancel import CancelToken
from configurator.core.errors import TaskError
from configurator.core.task import TaskContext


def test_a_refused_content_is_refused_in_the_words_of_the_apply(tmp_path: Path) -> None:
    """A person must not see where the plan kept the content: the output speaks of the path that was meant."""
    cache, path = tmp_path / "cache", str(tmp_path / "script")
    cache.mkdir()
    context = HostContext()
    taker = PlanTaker(context, Notifications(persistent=False), cast(ApplyTaker, None), str(cache))
    params = {"dest": path, "content": "if true\n", "validate": "sh -n %s"}
    token = CancelToken()
    with pytest.raises(TaskError) as planned:
        taker.take(TaskSpec("t", "r", "t", "copy", params), TaskContext("t", token))
    with pytest.raises(TaskError) as applied:
        context.for_task(token).write(path, b"if true\n", validate="sh -n %s")
    assert planned.value.message == f"the new content of {path} was refused, the old one stays"
    assert planned.value.message == applied.value.message
    assert planned.value.output == applied.value.output
    assert path in planned.value.output
    assert list(cache.iterdir()) == []
    assert list(tmp_path.iterdir()) == [cache]
