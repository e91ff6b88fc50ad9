"""authorized_key: keys in and out of a file whose other lines are none of our business."""

from __future__ import annotations

import binascii
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import ParameterError
from configurator.modules.authorized_key import AuthorizedKey, edit
from configurator.modules.public_keys import PublicKey, parse_keys, parse_line, split_options
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, params_of, problems_of

KEYS = AuthorizedKey()


def blob(kind: str, seed: int = 0) -> str:
    """A blob as ssh-keygen writes it: the kind, then what would be the key."""
    data = len(kind).to_bytes(4, "big") + kind.encode() + (32).to_bytes(4, "big") + bytes([seed]) * 32
    return binascii.b2a_base64(data, newline=False).decode()


ED1 = f"ssh-ed25519 {blob('ssh-ed25519', 1)}"
ED2 = f"ssh-ed25519 {blob('ssh-ed25519', 2)}"
RSA = f"ssh-rsa {blob('ssh-rsa', 3)}"
PATH = "/home/anna/.ssh/authorized_keys"


def host(text: str | None = None) -> RecordedSystem:
    system = RecordedSystem()
    system.put("/etc/passwd", "anna:x:1000:1000::/home/anna:/bin/sh\n")
    system.put("/etc/group", "anna:x:1000:\n")
    system.put_directory("/home/anna", owner="anna")
    if text is not None:
        system.put_directory("/home/anna/.ssh", mode=0o700, owner="anna")
        system.put(PATH, text, mode=0o600, owner="anna")
    return system


def after(system: RecordedSystem, **raw: Any) -> str:
    assert not converge(KEYS, system, user="anna", **raw)
    return system.read(PATH).decode()


def test_lines_are_read_as_sshd_reads_them() -> None:
    """Options with quoted blanks and commas, comments with blanks, certificates and security keys."""
    key = parse_line(f'from="10.0.0.0/8,*.example",command="echo \\"a, b\\"",no-pty {ED1} Anna at work')
    assert key is not None
    assert key.options == ('from="10.0.0.0/8,*.example"', 'command="echo \\"a, b\\""', "no-pty")
    assert key.comment == "Anna at work"
    assert parse_line(f"sk-ssh-ed25519@openssh.com {blob('sk-ssh-ed25519@openssh.com')}") is not None
    assert parse_line(f"cert-authority {RSA}") == PublicKey("ssh-rsa", RSA.split()[1], ("cert-authority",))
    assert split_options('no-pty,from="a b" rest') == (("no-pty", 'from="a b"'), "rest")


@pytest.mark.parametrize(
    "line",
    [
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        f"ssh-rsa {ED1.split()[1]}",  # an ed25519 key under the name of rsa
        "ssh-rsa not*base64",
        f"ssh-unknown {RSA.split()[1]}",
        "just words",
    ],
)
def test_malformed_keys_are_refused_without_a_host(line: str) -> None:
    """sshd would ignore the line silently, and its owner would stay outside."""
    assert parse_line(line) is None
    assert problems_of(KEYS, user="anna", key=line)


def test_what_is_no_public_key_is_named() -> None:
    """A private key must not be repeated in a message, and a URL is not fetched."""
    text = "-----BEGIN OPENSSH PRIVATE KEY-----\nsecretsecret\n"
    (message,) = problems_of(KEYS, user="anna", key=text)
    assert "private key" in message
    assert "secret" not in message
    assert problems_of(KEYS, user="anna", key="https://example.org/anna.keys")
    assert problems_of(KEYS, user="anna", key="\n# nothing\n") == ["there is no key in it"]
    assert problems_of(KEYS, user="anna", key=f"{ED1}\nrubbish\n") == [
        "line 2 is no public key: [options] type base64 [comment]"
    ]


def test_a_first_key_makes_directory_and_file_for_the_user() -> None:
    """sshd ignores what others may write, and root's files in a home are in the user's way."""
    system = host()
    assert after(system, key=f"{ED1} anna@desk") == f"{ED1} anna@desk\n"
    directory, file = system.stat("/home/anna/.ssh"), system.stat(PATH)
    assert directory is not None
    assert file is not None
    assert (directory.mode, directory.owner, directory.group) == (0o700, "anna", "anna")
    assert (file.mode, file.owner, file.group) == (0o600, "anna", "anna")
    assert not change_of(KEYS, system, user="anna", key=f"{ED1} anna@desk")


def test_the_same_key_with_another_comment_is_the_same_key() -> None:
    """Only a comment that was asked for by `comment` changes the line."""
    system = host(f"{ED1} old\n")
    assert not change_of(KEYS, system, user="anna", key=f"{ED1} new")
    assert after(system, key=ED1, comment="newest") == f"{ED1} newest\n"


def test_options_are_part_of_what_is_wanted() -> None:
    """A key that may only run one command must not be left free, nor the other way round."""
    system = host(f"{ED1} anna\n")
    assert after(system, key=ED1, key_options='no-pty,command="x y"') == f'no-pty,command="x y" {ED1} anna\n'
    assert not change_of(KEYS, system, user="anna", key=f'command="x y",no-pty {ED1}')
    assert after(system, key=ED1) == f"{ED1} anna\n"


def test_several_keys_at_once_and_other_lines_stay() -> None:
    """Comments, blank lines and foreign keys are not ours."""
    text = f"# desk\n\n{RSA} other\n"
    assert after(host(text), key=f"{ED1} a\n# note\n{ED2} b\n") == f"{text}{ED1} a\n{ED2} b\n"


def test_exclusive_removes_all_other_keys() -> None:
    """But not what people wrote beside them."""
    assert after(host(f"# desk\n{RSA} other\n{ED1} a\n"), key=ED1, exclusive=True) == f"# desk\n{ED1} a\n"


def test_absent_removes_every_copy_of_the_key() -> None:
    """Whatever options and comments the copies have."""
    text = f"{ED1} a\nno-pty {ED1} b\n{RSA} c\n"
    assert after(host(text), key=ED1, state="absent") == f"{RSA} c\n"
    assert not change_of(KEYS, host(), user="anna", key=ED1, state="absent")


def test_a_file_without_final_newline_gets_the_key_on_its_own_line() -> None:
    """Two keys on one line would be one broken key."""
    assert after(host(f"{RSA} other"), key=ED1) == f"{RSA} other\n{ED1}\n"


def test_modes_that_sshd_refuses_are_mended() -> None:
    """StrictModes: a key in a file that a group may write does not count."""
    system = host(f"{ED1} a\n")
    system.set_attributes(PATH, mode="0664")
    system.set_attributes("/home/anna/.ssh", mode="0777", owner="root")
    change = change_of(KEYS, system, user="anna", key=ED1)
    assert set(change.fields) == {"mode", "directory mode", "directory owner"}
    after(system, key=ED1)
    file = system.stat(PATH)
    assert file is not None
    assert file.mode == 0o644


def test_a_link_in_place_of_the_file_is_replaced_and_not_followed() -> None:
    """A user could point it at a file of root's, and have it written or shown."""
    system = host("")
    system.put("/etc/secret", "x")
    system.put_link(PATH, "/etc/secret")
    change = change_of(KEYS, system, user="anna", key=ED1)
    assert change.before["content"] is None


def test_an_unknown_user_is_named() -> None:
    """Not a traceback from a missing home."""
    with pytest.raises(ParameterError, match="user 'bob' does not exist"):
        change_of(KEYS, host(), user="bob", key=ED1)


def test_our_own_keys_are_guarded() -> None:
    """Those of other accounts cannot cut us off."""
    system = host()
    system.facts["login_user"] = "anna"
    guard = KEYS.guard(params_of(KEYS, user="anna", key=ED1), system)
    assert guard is not None
    assert PATH in guard.saves
    system.facts["login_user"] = "root"
    assert KEYS.guard(params_of(KEYS, user="anna", key=ED1), system) is None


LINES = st.lists(
    st.sampled_from([f"{ED1} a", f"no-pty {ED2} b", f"{RSA}", "# note", "", "rubbish", f"{ED1} again"]),
    max_size=8,
)


@given(
    lines=LINES,
    wanted=st.sets(st.sampled_from([ED1, ED2, RSA]), min_size=1),
    present=st.booleans(),
    only=st.booleans(),
)
def test_editing_twice_is_editing_once_and_loses_no_foreign_line(
    lines: list[str], wanted: set[str], present: bool, only: bool
) -> None:
    """For any file: the second edit changes nothing, and lines that are no keys stay in their order."""
    keys, _ = parse_keys("\n".join(sorted(wanted)))
    text = "".join(f"{line}\n" for line in lines)
    once = edit(text, keys, present=present, exclusive=only)
    assert edit(once, keys, present=present, exclusive=only) == once
    foreign = [line for line in lines if parse_line(line) is None]
    assert [line for line in once.splitlines() if parse_line(line) is None] == foreign
    found = [key.identity for line in once.splitlines() if (key := parse_line(line))]
    for key in keys:
        assert found.count(key.identity) == (1 if present else 0)


def test_a_change_is_shown_of_the_file_that_it_is() -> None:
    """The home that is guessed before a host is known is not always the user's."""
    system = host()
    system.put("/etc/passwd", "anna:x:1000:1000::/srv/anna:/bin/sh\n")
    assert change_of(KEYS, system, user="anna", key=ED1).subject == "path:/srv/anna/.ssh/authorized_keys"
