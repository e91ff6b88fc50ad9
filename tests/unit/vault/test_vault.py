"""Vaults made by ansible-vault are read, ours have its form, and whatever else is there is an error of ours.

The files in `fixtures/` were made by ansible-vault of ansible-core 2.19 with the two passwords below.
"""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import LocatedMap, LocatedScalar, Mark
from configurator.config.yamlsource import load_yaml, parse_yaml
from configurator.core.errors import InputError, RefusedError
from configurator.vault import cipher
from configurator.vault.choice import VaultChoice
from configurator.vault.envelope import EnvelopeError, parse
from configurator.vault.sources import Password, VaultId, parse_vault_id, read_password
from configurator.vault.vault import Vault

FIXTURES = Path(__file__).parent / "fixtures"
PLAIN = """\
db_password: "pa55 wörd"
db_port: 15432
enabled: true
users:
  - {name: anna, token: tok3n-of-anna}
"""
PASSWORD, PROD = b"correct horse", b"battery staple"
HERE = Span("f.yml", 3, 5, 2, "a: b")
SMALL = cipher.encrypt(b"x", PASSWORD)


@pytest.fixture
def passwords(tmp_path: Path) -> tuple[str, ...]:
    """The ids of both passwords, each in a file as people write one."""
    (tmp_path / "one").write_bytes(PASSWORD + b"\n")
    (tmp_path / "two").write_bytes(PROD)
    return (str(tmp_path / "one"), f"prod@{tmp_path / 'two'}")


class Asked:
    """Somebody who always answers the same."""

    def __init__(self, answer: str) -> None:
        self._answer = answer
        self.questions: list[str] = []

    def __call__(self, question: str) -> str:
        self.questions.append(question)
        return self._answer


def vault_of(*ids: str, ask: Callable[[str], str | None] | None = None) -> Vault:
    made = Vault(VaultChoice(ids), ask=ask)
    made.configure()
    return made


def marks(value: LocatedMap) -> list[Mark]:
    return [item.mark for item in value.entries.values() if isinstance(item, LocatedScalar)]


@pytest.mark.parametrize("name", ["vars-1.1.yml", "vars-1.2.yml"])
def test_files_of_ansible_vault_are_read(name: str, passwords: tuple[str, ...]) -> None:
    """Both versions of the format; the password is found among several, in either order."""
    text = (FIXTURES / name).read_text()
    for ids in (passwords, passwords[::-1]):
        assert vault_of(*ids).open(text, HERE).decode() == PLAIN


def test_binary_and_empty_files_are_read(passwords: tuple[str, ...]) -> None:
    """Content is bytes: nothing is decoded, and nothing at all is a content too."""
    vault = vault_of(*passwords)
    assert vault.open((FIXTURES / "key.bin").read_text(), HERE) == b"\x00\xff\x80 key\n"
    assert vault.open((FIXTURES / "empty").read_text(), HERE) == b""


def test_values_of_ansible_vault_stay_closed_until_they_are_used(passwords: tuple[str, ...]) -> None:
    """A `!vault` value needs no password to be read past, and is a secret that is no template."""
    problems = Diagnostics(vault_of())
    value = load_yaml(str(FIXTURES / "inline.yml"), problems, name="inline.yml")
    assert isinstance(value, LocatedMap)
    assert problems.sorted() == ()
    token, other = value.entries["token"], value.entries["other"]
    assert marks(value) == [Mark.VAULT, Mark.VAULT]
    assert str(token.span) == "inline.yml:1:8"
    vault = vault_of(*passwords)
    assert vault.open(str(token.plain()), token.span) == b"s3cret of {{ nobody }}"
    assert vault.open(str(other.plain()), other.span) == b"two\nlines"


@given(plain=st.binary(max_size=200), label=st.from_regex(r"[a-z0-9_-]{0,10}", fullmatch=True))
@example(plain=b"x" * 16, label="")
def test_what_was_encrypted_comes_back(plain: bytes, label: str) -> None:
    """Text of 80 columns, with its label, whose plain content is the same to the byte."""
    text = str(cipher.encrypt(plain, PASSWORD, label))
    rows = text.splitlines()
    assert rows[0] == (f"$ANSIBLE_VAULT;1.2;AES256;{label}" if label else "$ANSIBLE_VAULT;1.1;AES256")
    assert {len(row) for row in rows[1:-1]} <= {80}
    assert 0 < len(rows[-1]) <= 80
    envelope = parse(text)
    assert envelope.label == label
    assert cipher.decrypt(envelope, cipher.derive(PASSWORD, envelope.salt)) == plain


def test_a_salt_is_never_used_twice() -> None:
    """With the same salt two contents would share their key stream, and their difference would be public."""
    made = [cipher.encrypt(b"same", PASSWORD) for _ in range(5)]
    assert len({item.salt for item in made}) == len({item.ciphertext for item in made}) == 5


@given(
    st.one_of(
        st.text(),
        st.text(alphabet="0123456789abcdef\n ;").map(lambda text: f"$ANSIBLE_VAULT;1.1;AES256\n{text}"),
        st.binary().map(lambda data: f"$ANSIBLE_VAULT;1.1;AES256\n{data.hex()}"),
        st.lists(st.binary(max_size=40), max_size=5).map(
            lambda parts: f"$ANSIBLE_VAULT;1.2;AES256;x\n{b'0a'.join(p.hex().encode() for p in parts).hex()}"
        ),
    )
)
def test_no_text_is_more_than_an_error_of_ours(text: str) -> None:
    """Whatever stands where a vault should stand, people read a sentence, not a traceback."""
    try:
        parse(text)
    except EnvelopeError as error:
        assert str(error)


@given(st.data())
def test_one_changed_digit_is_noticed(data: st.DataObject) -> None:
    """Somebody without the password cannot change what a vault says."""
    head, _, digits = str(SMALL).partition("\n")
    at = data.draw(st.sampled_from([i for i, digit in enumerate(digits) if digit != "\n"]))
    other = data.draw(st.sampled_from("0123456789abcdef").filter(lambda digit: digit != digits[at]))
    try:
        changed = parse(f"{head}\n{digits[:at]}{other}{digits[at + 1 :]}")
    except EnvelopeError:
        return
    if changed != SMALL:  # upper case digits of the inner text mean the same
        assert cipher.decrypt(changed, cipher.derive(PASSWORD, changed.salt)) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$ANSIBLE_VAULT;1.0;AES\n00", "version '1.0' of the vault format is not supported"),
        ("$ANSIBLE_VAULT;1.1;ROT13\n00", "the cipher 'ROT13' is not supported"),
        ("hello", "this does not begin as a vault does"),
        ("", "this does not begin as a vault does"),
        ("$ANSIBLE_VAULT;1.1;AES256\n", "the encrypted text is damaged"),
        (str(SMALL)[:-20], "the encrypted text is damaged"),
    ],
    ids=["old", "other cipher", "no vault", "nothing", "no text", "cut off"],  # same in every test worker
)
def test_what_is_wrong_with_a_text_is_told_where_it_stands(text: str, said: str) -> None:
    """Before any password is asked for."""
    with pytest.raises(InputError) as caught:
        vault_of("prompt").expect(text, HERE)
    assert str(caught.value).startswith(f"f.yml:3:5: {said}")


def test_a_wrong_password_is_told_with_place_and_what_was_tried(passwords: tuple[str, ...]) -> None:
    """The place is the value's; neither the password nor the text is in the message."""
    with pytest.raises(InputError) as caught:
        vault_of(passwords[0]).open((FIXTURES / "vars-1.2.yml").read_text(), HERE)
    problem = caught.value.diagnostics[0]
    assert str(problem) == "f.yml:3:5: no known vault password opens this, encrypted as 'prod'"
    assert problem.hint == f"tried default@{passwords[0]}; or the text was changed after it was encrypted"
    with pytest.raises(InputError, match="no vault password is known"):
        vault_of().open((FIXTURES / "vars-1.1.yml").read_text(), HERE)


def test_the_password_with_the_label_of_the_vault_is_tried_first(passwords: tuple[str, ...]) -> None:
    """Deriving keys is what costs, and a person need not be asked for a password that is not wanted."""
    ask = Asked("x")
    vault = vault_of("other@prompt", passwords[1], ask=ask)
    assert vault.open((FIXTURES / "vars-1.2.yml").read_text(), HERE)
    assert ask.questions == []


def test_a_password_is_asked_for_once_also_by_many_threads() -> None:
    """Two hosts are compiled at once, and one question is enough."""
    ask = Asked(PASSWORD.decode())
    vault = vault_of("prompt", ask=ask)
    text = str(cipher.encrypt(b"content", PASSWORD))
    start = threading.Barrier(4)
    found: list[bytes] = []

    def work() -> None:
        start.wait()
        found.append(vault.open(text, HERE))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b"content"] * 4
    assert ask.questions == ["Vault password: "]


def test_keys_of_a_vault_are_derived_once(
    passwords: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same value used by a hundred tasks costs ten thousand rounds once."""
    vault = vault_of(passwords[0])
    calls: list[bytes] = []
    derive = cipher.derive

    def counted(password: bytes, salt: bytes) -> bytes:
        calls.append(salt)
        return derive(password, salt)

    monkeypatch.setattr(cipher, "derive", counted)
    text = (FIXTURES / "vars-1.1.yml").read_text()
    for _ in range(3):
        vault.open(text, HERE)
    assert len(calls) == 1


def test_passwords_are_read_beforehand_only_if_something_is_encrypted() -> None:
    """A project without a vault never asks; one with a vault asks before hosts are at work."""
    ask = Asked("x")
    vault = vault_of("prompt", ask=ask)
    vault.prepare()
    assert ask.questions == []
    vault.expect(str(SMALL), HERE)
    vault.prepare()
    assert ask.questions == ["Vault password: "]


# -- whole files ---------------------------------------------------------------------------------------


def test_every_value_of_an_encrypted_file_is_to_be_masked(passwords: tuple[str, ...]) -> None:
    """At any depth, numbers too; not what is too short or a word such as true."""
    hidden: set[str] = set()
    vault = Vault(VaultChoice(passwords), hide=hidden.update)
    vault.configure()
    problems = Diagnostics(vault)
    value = load_yaml(str(FIXTURES / "vars-1.1.yml"), problems)
    assert isinstance(value, LocatedMap)
    assert value.plain()["db_port"] == 15432
    assert hidden == {"pa55 wörd", "15432", "anna", "tok3n-of-anna", PASSWORD.decode()}


@pytest.mark.parametrize(
    "text",
    [
        "a: [hunter2, ",
        "a: b: hunter2",
        "a: !!int hunter2",
        "a: *hunter2",
        "\ta: hunter2",
        "? [a]\n: {{ hunter2 }}",
    ],
)
def test_messages_show_no_line_of_an_encrypted_file(text: str) -> None:
    """A syntax error has its place, and no source line beside it."""
    problems = Diagnostics(vault_of())
    parse_yaml(text, "f.yml", problems, sealed=True)
    assert len(problems.sorted()) > 0
    for problem in problems.sorted():
        assert problem.source == ""
        assert problem.line > 0
        assert "hunter2" not in problem.message.replace("anchor 'hunter2'", "")


def test_values_marked_unsafe_are_secret_all_the_same() -> None:
    """In an encrypted file a tag adds to what is known, and takes nothing away."""
    value = parse_yaml("a: !unsafe '{{ b }}'\nb: c", "f.yml", Diagnostics(vault_of()), sealed=True)
    assert isinstance(value, LocatedMap)
    assert marks(value) == [Mark.SECRET | Mark.UNSAFE, Mark.SECRET]


def test_a_damaged_value_is_found_by_reading_alone() -> None:
    """`check` has no password on a CI machine, and still sees that digits are missing."""
    problems = Diagnostics(vault_of())
    parse_yaml(
        "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  1234\nb: [!vault x, !vault [y]]\n", "f.yml", problems
    )
    assert [str(problem) for problem in problems.sorted()] == [
        "f.yml:1:4: the encrypted text is damaged: its digits are cut off or changed",
        "f.yml:4:5: this does not begin as a vault does: $ANSIBLE_VAULT;1.1;AES256",
        "f.yml:4:15: the tag '!vault' is for texts alone",
    ]


# -- where passwords come from -------------------------------------------------------------------------


def test_sources_add_up_in_the_order_of_their_strength() -> None:
    """Ids of config.yaml are tried besides; one default password file replaces the other."""
    everything = VaultChoice(("dev@~/x", "prompt"), ("cli",))
    home = str(Path("~").expanduser())
    assert [str(item) for item in everything.resolve(["prod@p"], "default", "/project", {})] == [
        f"dev@{home}/x",
        "default@prompt",
        "prod@/project/p",
        "default@cli",
    ]
    environment = {"CONFIGURATOR_VAULT_PASSWORD_FILE": "env", "CONFIGURATOR_VAULT_IDS": "a@b, c@d"}
    found = VaultChoice().resolve(["prod@p"], "default", "/project", environment)
    assert [str(item) for item in found] == ["a@b", "c@d", "default@env"]
    assert [str(item) for item in VaultChoice(ask=True).resolve([], "f", "/project", {})] == [
        "default@prompt"
    ]
    assert [str(item) for item in VaultChoice().resolve([], "f", "/project", {})] == ["default@/project/f"]
    with pytest.raises(InputError, match="names no source"):
        parse_vault_id("prod@")


def program(tmp_path: Path, name: str, script: str) -> str:
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def nobody(_question: str) -> None:
    return None


def test_a_program_prints_the_password(tmp_path: Path) -> None:
    """Blanks belong to it, the line break does not; only a `-client` is told the label."""
    plain = program(tmp_path, "pass", 'printf " a b $* \\n"')
    assert read_password(VaultId(plain, "prod"), nobody).secret == b" a b  "
    client = program(tmp_path, "pass-client.sh", 'echo "$@"')
    assert read_password(VaultId(client, "prod"), nobody).secret == b"--vault-id prod"


@pytest.mark.parametrize(
    ("name", "script", "said"),
    [
        ("fails", "echo hunter2; exit 1", "ended with 1"),
        ("some-client", "exit 2", "knows no vault password for 'prod'"),
        ("silent", "true", "is empty"),
    ],
)
def test_a_program_that_prints_none_is_an_error(tmp_path: Path, name: str, script: str, said: str) -> None:
    """What it printed before it failed is not shown."""
    with pytest.raises(InputError, match=said) as caught:
        read_password(VaultId(program(tmp_path, name, script), "prod"), nobody)
    assert "hunter2" not in str(caught.value)


def test_a_missing_file_and_a_missing_terminal_are_told() -> None:
    """A question that nobody can answer is refused, never waited for."""
    with pytest.raises(InputError, match="cannot read the vault password file '/nowhere'"):
        read_password(VaultId("/nowhere"), nobody)
    with pytest.raises(RefusedError, match="there is no terminal"):
        read_password(VaultId("prompt"), nobody)


def test_a_new_password_is_asked_for_twice() -> None:
    """A typo would lock everybody out."""
    answers = iter(["one", "two", "one", "one"])
    with pytest.raises(RefusedError, match="differ"):
        read_password(VaultId("prompt"), lambda _question: next(answers), new=True)
    assert read_password(VaultId("prompt"), lambda _question: next(answers), new=True).secret == b"one"


def test_a_password_is_in_no_repr() -> None:
    """A traceback or a log that shows the object shows nothing."""
    assert "hunter2" not in repr(Password("x", b"hunter2"))
