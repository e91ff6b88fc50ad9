"""File modes: the same bits as chmod(1) gives, and no mode is taken for another."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configurator.core.errors import ParameterError
from configurator.modules.modes import apply_mode, mode_problem

_PERMISSIONS = st.one_of(st.sampled_from("ugo"), st.text("rwxXst", max_size=4))
_CLAUSE = st.builds(
    lambda who, actions: who + "".join(operator + bits for operator, bits in actions),
    st.text("ugoa", max_size=3),
    st.lists(st.tuples(st.sampled_from("+-="), _PERMISSIONS), min_size=1, max_size=3),
)
_SPEC = st.lists(_CLAUSE, min_size=1, max_size=3).map(",".join)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("modes")
    (root / "file").write_text("")
    (root / "directory").mkdir()
    return root / "file", root / "directory"


def chmod(path: Path, current: int, spec: str) -> int:
    """Return what chmod(1) makes of a mode under the umask that root has on Debian."""
    os.chmod(path, current)
    subprocess.run(["chmod", "--", spec, str(path)], check=True, umask=0o022, capture_output=True)
    return path.stat().st_mode & 0o7777


@settings(max_examples=150, deadline=None)
@given(spec=_SPEC, current=st.integers(0, 0o7777))
def test_symbolic_modes_of_files_mean_what_chmod_says(
    spec: str, current: int, places: tuple[Path, Path]
) -> None:
    """Every clause, operator and class; the right hand side sees what the clauses before it left."""
    assert oct(apply_mode(spec, current, False)) == oct(chmod(places[0], current, spec))


@settings(max_examples=100, deadline=None)
@given(spec=_SPEC, current=st.integers(0, 0o1777))
def test_symbolic_modes_of_directories_mean_what_chmod_says(
    spec: str, current: int, places: tuple[Path, Path]
) -> None:
    """Without set-ID bits, where Ansible and chmod(1) differ: `=` clears them here."""
    if "s" in spec:
        spec = spec.replace("s", "")
    assert oct(apply_mode(spec, current, True)) == oct(chmod(places[1], current, spec))


@given(bits=st.integers(0, 0o7777), current=st.integers(0, 0o7777), is_dir=st.booleans())
def test_an_octal_mode_replaces_all_bits(bits: int, current: int, is_dir: bool) -> None:
    for written in (f"{bits:o}", f"{bits:04o}", f"0o{bits:o}", f"0{bits:04o}"):
        assert apply_mode(written, current, is_dir) == bits


@given(spec=_SPEC, current=st.integers(0, 0o7777), is_dir=st.booleans())
def test_a_mode_without_copies_is_applied_once(spec: str, current: int, is_dir: bool) -> None:
    """A second application changes nothing, or a second apply would never be without changes.

    Modes that copy a class (`g=u`) or depend on execute bits (`X`) look at the result of the first.
    """
    if set("X") & set(spec) or any(f"{op}{who}" in spec for op in "+-=" for who in "ugo"):
        return
    once = apply_mode(spec, current, is_dir)
    assert apply_mode(spec, once, is_dir) == once


def test_equals_clears_the_set_group_id_of_a_directory() -> None:
    """As in Ansible; a role that wants the bit says so."""
    assert apply_mode("g=rx", 0o2770, True) == 0o750
    assert apply_mode("g=rxs", 0o770, True) == 0o2750


def test_who_names_nobody_does_not_make_a_file_writable_by_all() -> None:
    assert apply_mode("+w", 0o444, False) == 0o644
    assert apply_mode("+x", 0o644, False) == 0o755


@pytest.mark.parametrize(
    "spec", ["", "8", "0999", "10000", "77777", "u", "u+q", "z=r", "u=rw;g=r", "u=rw,,g=r", "-", "²"]
)
def test_what_is_no_mode_is_refused(spec: str) -> None:
    if spec == "-":  # chmod(1) takes an operator without letters: it does nothing
        assert apply_mode(spec, 0o644, False) == 0o644
        return
    with pytest.raises(ParameterError):
        apply_mode(spec, 0o644, False)
    assert mode_problem(spec) is not None


def test_preserve_is_a_mode_only_where_it_is_allowed() -> None:
    assert mode_problem("preserve", preserve=True) is None
    assert mode_problem("preserve") is not None
