"""htpasswd: hashes, and lines that an edit leaves alone."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configurator.modules import htpasswd_lines as lines
from configurator.modules import password_hashes as hashes
from configurator.modules.htpasswd import Htpasswd
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, problems_of

HTPASSWD = Htpasswd()
ROWS = ["", "# a:b", "a:x", "a:x:comment", "b:y", "ab:z", "a", "a:x\r", "b:y\r", " a:x", "é:ü", "\x0ca:1"]
TEXTS = st.builds(
    lambda rows, end: "\n".join(rows) + end, st.lists(st.sampled_from(ROWS)), st.sampled_from(["", "\n"])
)
PASSWORDS = ["a", "secret", "pä ß:$", "x" * 15, "x" * 16, "x" * 17, "y" * 33, "z" * 200]


def _perl(argv: Sequence[str], stdin: str | None) -> tuple[int, str, str]:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def _system() -> RecordedSystem:
    return RecordedSystem({"perl": _perl})


@pytest.mark.parametrize(("option", "magic"), [("-apr1", "$apr1$"), ("-1", "$1$")])
@pytest.mark.parametrize("password", PASSWORDS)
def test_hashes_are_those_of_openssl(option: str, magic: str, password: str) -> None:
    """For passwords of every length that the algorithm treats in another way."""
    argv = ["openssl", "passwd", option, "-salt", "ab./XYZ0", "-stdin"]
    told = subprocess.run(argv, input=password + "\n", capture_output=True, text=True, check=True).stdout
    assert hashes.md5_crypt(password.encode(), magic, "ab./XYZ0") == told.strip()


@pytest.mark.parametrize("scheme", hashes.SCHEMES)
def test_a_hash_fits_its_password_alone(scheme: str) -> None:
    """With a salt of its own each time, where the kind has one."""
    system = _system()
    made = hashes.made(system, PASSWORDS[2], scheme)
    assert hashes.scheme_of(made) == scheme
    assert hashes.fits(system, PASSWORDS[2], made)
    assert not hashes.fits(system, PASSWORDS[1], made)
    assert (hashes.made(system, PASSWORDS[2], scheme) == made) is (scheme == hashes.SHA1)
    assert all(PASSWORDS[2] not in command for command in system.commands)


@pytest.mark.parametrize(
    "strange",
    ["", "*", "*0", "*1", "!", "secret", "$apr1$", "$1$", "{SHA}", "{SHA}ä", "{SSHA}x", "$9$x$y", "$6$"],
)
def test_what_is_no_hash_fits_nothing(strange: str) -> None:
    """Also not the password itself, nor what crypt(3) returns when it fails."""
    assert not hashes.fits(_system(), "secret", strange)


def test_salted_sha1_is_understood() -> None:
    """As slappasswd(8) prints it: digest and salt in one."""
    assert hashes.fits(_system(), "secret", "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0")


@settings(max_examples=200)
@given(TEXTS, st.sampled_from(["a", "b", "é", "c"]))
def test_other_lines_stay_byte_for_byte(text: str, name: str) -> None:
    """The user has the hash; a second time nothing changes; the others are what they were."""
    new = lines.with_hash(text, name, "$h")
    assert lines.hash_of(new, name) == "$h"
    assert lines.with_hash(new, name, "$h") == new
    if lines.hash_of(text, name) is None:
        assert new in (f"{text}{name}:$h\n", f"{text}\n{name}:$h\n")
    else:
        old, now = text.split("\n"), new.split("\n")
        changed = [number for number, line in enumerate(old) if now[number] != line]
        assert len(old) == len(now)
        assert len(changed) <= 1
        assert all(old[number].startswith(f"{name}:") for number in changed)
    gone = lines.without(text, name)
    assert lines.hash_of(gone, name) is None
    assert lines.without(gone, name) == gone
    kept = [line for line in text.split("\n") if not line.startswith(f"{name}:")]
    assert gone.rstrip("\n") == "\n".join(kept).rstrip("\n")


def test_what_follows_the_hash_stays() -> None:
    """A comment, and the line breaks that are there."""
    assert lines.with_hash("a:x:comment\r\nb:y", "a", "$h") == "a:$h:comment\r\nb:y"
    assert lines.hash_of("a:x:comment\r\nb:y\r", "b") == "y"
    assert lines.without("b:1\n\na:x", "a") == "b:1\n\n"
    assert lines.without("a:x\n", "a") == lines.without("a:x", "a") == ""


def test_no_hash_is_ever_shown() -> None:
    """Neither the old nor the new one, nor the password."""
    system = _system()
    system.put("/etc/h", f"joe:{hashes.md5_crypt(b'old', '$apr1$', 'abcdefgh')}\n")
    change = change_of(HTPASSWD, system, path="/etc/h", name="joe", password="n3w")
    shown = repr(change.records())
    assert change
    assert "apr1$" not in shown
    assert "n3w" not in shown
    assert not converge(HTPASSWD, system, path="/etc/h", name="joe", password="n3w")
    assert hashes.fits(system, "n3w", str(lines.hash_of(system.read("/etc/h").decode(), "joe")))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": "h"}, "absolute path"),
        ({"name": "a:b"}, "cannot be the name"),
        ({"name": "#a"}, "cannot be the name"),
        ({"name": "é" * 128}, "cannot be the name"),
        ({"password": ""}, "is empty"),
        ({"password": "a\nb"}, "line break"),
        ({"hash_scheme": "plaintext"}, "must be one of"),
        ({"hash_scheme": "bcrypt", "password": "é" * 37}, "72 bytes"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, object], message: str) -> None:
    """Before any host is asked."""
    found = problems_of(HTPASSWD, **({"path": "/h", "name": "a", "password": "b"} | wrong))
    assert any(message in problem for problem in found), found
