"""What one field of one thing was and becomes: the atom of a plan, of a diff and of the JSON output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Certainty(StrEnum):
    """How far a planned change can be relied on; `exact` is never wrong."""

    EXACT = "exact"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One difference between the actual and the desired state.

    `subject` is the effect key of the thing (`path:/etc/motd`, `package:nginx`, `unit:nginx`), `field` the
    property that differs. `before` and `after` are JSON values; for file content they are short
    descriptions and `diff` is the unified diff. `because` says what an assumed or unknown value rests on.
    """

    subject: str
    field: str
    before: Any = None
    after: Any = None
    certainty: Certainty = Certainty.EXACT
    because: str | None = None
    diff: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON object (docs/reference/json-output.md); absent keys mean null."""
        out: dict[str, Any] = {"subject": self.subject, "field": self.field}
        out |= {"before": self.before, "after": self.after, "certainty": str(self.certainty)}
        if self.because is not None:
            out["because"] = self.because
        if self.diff is not None:
            out["diff"] = self.diff
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FieldChange:
        """Return the change that `to_json` described; a KeyError or ValueError means malformed data."""
        return cls(
            subject=str(data["subject"]),
            field=str(data["field"]),
            before=data.get("before"),
            after=data.get("after"),
            certainty=Certainty(data.get("certainty", "exact")),
            because=data.get("because"),
            diff=data.get("diff"),
        )
