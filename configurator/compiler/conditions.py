"""The conditions of a task: which of them, if any, keeps it from being done."""

from __future__ import annotations

from collections.abc import Sequence

from configurator.compiler.late import LateValueError
from configurator.compiler.scope import Scope
from configurator.compiler.templating import TemplatingError
from configurator.config.located import LocatedScalar


def first_false(when: Sequence[LocatedScalar], scope: Scope) -> str | None:
    """Return the first condition that does not hold, as people wrote it; None if all hold.

    LateValueError if only the host can tell; TemplatingError for one that cannot be evaluated.
    """
    late: LateValueError | None = None
    for condition in when:
        try:
            holds = scope.condition(condition)
        except LateValueError as error:
            late = late or error  # a later condition may be false anyway
            continue
        except TemplatingError:
            if late is not None:
                raise late from None  # what guards this one is not known yet
            raise
        if not holds:
            text = str(condition.value).strip()
            return text.lower() if isinstance(condition.value, bool) else text
    if late is not None:
        raise late
    return None
