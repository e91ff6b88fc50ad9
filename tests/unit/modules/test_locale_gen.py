"""locale_gen: editing /etc/locale.gen, and the names of locales."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.locale_gen import LocaleGen, edit
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, problems_of

LOCALE = LocaleGen()
ENTRY = "de_DE.UTF-8 UTF-8"
LINES = st.lists(
    st.sampled_from(["", "# x", ENTRY, f"# {ENTRY}", f"#{ENTRY}", f" {ENTRY} # x", "fr_FR UTF-8", "\f"])
)


@given(LINES, st.booleans())
def test_the_line_is_in_force_or_not_and_others_stay(lines: list[str], ended: bool) -> None:
    """Stable, and all that is not about the locale keeps its order and bytes."""
    text = "\n".join(lines) + ("\n" if ended and lines else "")
    for present in (True, False):
        new = edit(text, [ENTRY], present=present)
        active = [line for line in new.split("\n") if line.partition("#")[0].strip() == ENTRY]
        assert bool(active) is present
        assert edit(new, [ENTRY], present=present) == new
        others = [line for line in lines if line and "de_DE" not in line]
        assert [line for line in new.split("\n") if line and "de_DE" not in line] == others


def test_a_missing_locale_is_compiled_and_a_present_one_is_not() -> None:
    """However its name is spelt."""
    system = RecordedSystem({"locale -a": "C\nC.utf8\nfr_FR.utf8\n"})
    system.put("/usr/share/i18n/SUPPORTED", f"{ENTRY}\nfr_FR.UTF-8 UTF-8\n")
    system.put("/etc/locale.gen", f"# {ENTRY}\nfr_FR.UTF-8 UTF-8\n")
    assert not change_of(LOCALE, system, name="fr_FR.utf8")
    assert not converge(LOCALE, system, name="de_DE.utf8")
    assert system.commands == ["locale-gen --keep-existing"]
    assert system.read("/etc/locale.gen").decode() == f"{ENTRY}\nfr_FR.UTF-8 UTF-8\n"


@pytest.mark.parametrize("name", ["", "a b c", "-x", "$(x)"])
def test_wrong_names_are_refused(name: str) -> None:
    """Before any host is asked."""
    assert problems_of(LOCALE, name=[name])
