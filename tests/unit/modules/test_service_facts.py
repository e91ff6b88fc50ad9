"""service_facts: reading systemctl's output."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.service_facts import services

LOADED = """\
Id=a.service
LoadState=loaded
ActiveState=active
SubState=exited
UnitFileState=enabled

Id=gone.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
"""
FILES = (
    "a.service  enabled enabled\nb.service  disabled enabled\nx@.service static -\nm.service masked enabled\n"
)


def test_what_runs_comes_before_what_is_on_disk() -> None:
    """A oneshot that has ended well does not run; what others name and nobody has is told as such."""
    found = services(LOADED, FILES)
    assert {name: (item["state"], item["status"]) for name, item in found.items()} == {
        "a.service": ("stopped", "enabled"),
        "gone.service": ("stopped", "not-found"),
        "b.service": ("inactive", "disabled"),
        "x@.service": ("unknown", "static"),
        "m.service": ("inactive", "masked"),
    }


@given(st.text(), st.text())
def test_any_output_is_read(loaded: str, files: str) -> None:
    """systemd's words change between releases."""
    assert all(item["name"] == name for name, item in services(loaded, files).items())
