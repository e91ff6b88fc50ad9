"""The lookup `password`: made once, the same for all, and written by an apply alone."""

from __future__ import annotations

import re
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from configurator.compiler.scope import Ready, Scope
from configurator.compiler.templating import Engine, TemplatingError
from configurator.config.diagnostics import Span
from configurator.config.located import LocatedScalar


def scope_of(root: Path, engine: Engine | None = None) -> Scope:
    return Scope(engine or Engine(), {}, {"playbook_dir": Ready(str(root))})


def value_of(scope: Scope, expression: str) -> Any:
    return scope.value(LocatedScalar(f"{{{{ {expression} }}}}", Span("f", 1, 1)))


def test_a_plan_keeps_a_new_password_in_memory_and_an_apply_writes_it(tmp_path: Path) -> None:
    """All hosts of a run get the same one; the file is for the owner alone."""
    engine = Engine()
    made = value_of(scope_of(tmp_path, engine), "lookup('password', 'secrets/db length=12 chars=digits')")
    assert re.fullmatch("[0-9]{12}", made)
    assert value_of(scope_of(tmp_path, engine), "lookup('password', 'secrets/db')") == made
    assert not (tmp_path / "secrets").exists()
    engine.kept.write()
    path = tmp_path / "secrets" / "db"
    assert path.read_text() == f"{made}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert value_of(scope_of(tmp_path), "lookup('password', 'secrets/db')") == made
    assert [found.name for found in path.parent.iterdir()] == ["db"]


def test_an_apply_writes_each_password_as_it_is_made(tmp_path: Path) -> None:
    """Before a host is changed: a password that is lost locks everybody out."""
    engine = Engine()
    engine.kept.write()
    made = value_of(scope_of(tmp_path, engine), "lookup('password', 'p')")
    assert (tmp_path / "p").read_text() == f"{made}\n"
    assert len(made) == 20


def test_a_file_that_ansible_has_made_is_taken_over(tmp_path: Path) -> None:
    """With the salt of its hash, so that a host that Ansible has set up does not change."""
    (tmp_path / "p").write_text(":SS5Nxpf_jCUvFJ7NJsO salt=jyIRhsy8YbCW3LfK\n")
    scope = scope_of(tmp_path)
    assert value_of(scope, "lookup('password', 'p')") == ":SS5Nxpf_jCUvFJ7NJsO"
    hashed = value_of(scope, "lookup('password', 'p', encrypt='sha512_crypt')")
    assert hashed == value_of(scope, "':SS5Nxpf_jCUvFJ7NJsO' | password_hash('sha512', 'jyIRhsy8YbCW3LfK')")
    assert not scope.engine.kept.pending


def test_a_salt_is_kept_with_the_password(tmp_path: Path) -> None:
    """The same hash each time, or the task that sets it would change the host each time."""
    engine = Engine()
    engine.kept.write()
    expression = "lookup('password', 'p length=8 encrypt=bcrypt')"
    first = value_of(scope_of(tmp_path, engine), expression)
    assert re.fullmatch(
        r"\w.{7} salt=\S{22} ident=2b\n|.{8} salt=\S{22} ident=2b\n", (tmp_path / "p").read_text()
    )
    assert first.startswith("$2b$12$")
    assert value_of(scope_of(tmp_path), expression) == first


def test_a_seed_gives_what_it_gives_with_ansible_and_nothing_is_kept(tmp_path: Path) -> None:
    """`/dev/null` is how Ansible says that no file is wanted."""
    scope = scope_of(tmp_path)
    assert value_of(scope, "lookup('password', '/dev/null seed=foo')") == "6JUEsF6-,RiuGZDEWF4r"
    wish = "seed='foo', length=8, chars=['digits']"
    assert value_of(scope, f"lookup('password', '/dev/null', {wish})") == "74532397"
    assert set(value_of(scope, "lookup('password', '/dev/null chars=a,,b length=99')")) == {"a", "b", ","}
    seeded = value_of(scope, "lookup('password', '/dev/null seed=x chars=a,,b length=10')")
    assert seeded == "babba,abab"  # what ansible-core gives
    assert not scope.engine.kept.pending


def test_a_password_is_hidden_in_all_that_is_shown(tmp_path: Path) -> None:
    """Also in its hashed form; one of a few characters would blank half of the text."""
    scope = scope_of(tmp_path)
    made = value_of(scope, "lookup('password', 'p')")
    short = value_of(scope, "lookup('password', 'q length=2')")
    assert made in scope.secrets
    assert short not in scope.secrets


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'p bogus=1'", "there is no option 'bogus', but length, encrypt, ident, chars, seed"),
        ("'p', length='x'", "length must be a number of characters, not 'x'"),
        ("'p', chars=''", "chars names no characters"),
        ("'p', encrypt='rot13'", "encrypt must be one of md5, blowfish"),
        ("' length=5'", "the path of the file is missing"),
    ],
)
def test_a_wrong_wish_is_refused(tmp_path: Path, arguments: str, message: str) -> None:
    """Before anything is made or written."""
    scope = scope_of(tmp_path)
    with pytest.raises(TemplatingError) as raised:
        value_of(scope, f"lookup('password', {arguments})")
    assert message in str(raised.value)
    assert not scope.engine.kept.pending


def test_hosts_that_ask_at_once_get_the_same_password(tmp_path: Path) -> None:
    """The database's host and its clients are compiled in threads."""
    engine = Engine()
    start = threading.Barrier(4)
    found: list[str] = []

    def ask() -> None:
        start.wait()
        found.append(value_of(scope_of(tmp_path, engine), "lookup('password', 'p')"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
