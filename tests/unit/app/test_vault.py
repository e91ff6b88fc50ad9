"""`configurator vault`: what becomes of files, streams and modes."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from configurator.app.vault import VaultDesk, VaultOptions
from configurator.cli.main import main
from configurator.core.errors import InputError
from configurator.vault.choice import VaultChoice

PLAIN = b"password: hunter2\n"


class Streams:
    """Standard input and output as bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[bytes]) -> None:
        self._patch = monkeypatch
        self._captured = captured

    def give(self, data: bytes) -> None:
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    def taken(self) -> bytes:
        return self._captured.readouterr().out


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with two passwords in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("CONFIGURATOR_VAULT_PASSWORD_FILE", "CONFIGURATOR_VAULT_IDS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pw").write_text("one")
    (tmp_path / "new").write_text("two")
    return tmp_path


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Streams:
    """Standard input and output."""
    return Streams(monkeypatch, capsysbinary)


def desk(
    *ids: str, edit: Callable[[str], None] | None = None, answers: tuple[str, ...] = (), **more: str
) -> VaultDesk:
    left = list(answers)
    options = VaultOptions(VaultChoice(ids or () if answers else ids or ("pw",)), **more)
    return VaultDesk(options, lambda _question: left.pop(0) if left else None, edit)


def test_files_are_changed_in_place_with_mode_and_link(folder: Path) -> None:
    """A secret does not become world-readable, nor a link a file, on the way there and back."""
    file, link = folder / "vars.yml", folder / "link.yml"
    file.write_bytes(PLAIN)
    file.chmod(0o640)
    link.symlink_to("vars.yml")
    desk().encrypt(["link.yml"])
    assert link.is_symlink()
    assert file.read_bytes().startswith(b"$ANSIBLE_VAULT;1.1;AES256\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    desk().decrypt(["vars.yml"])
    assert file.read_bytes() == PLAIN
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(path.name for path in folder.iterdir()) == ["link.yml", "new", "pw", "vars.yml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(folder: Path) -> None:
    """Root rekeys a file of somebody else, who can read it afterwards as before."""
    file = folder / "vars.yml"
    file.write_bytes(PLAIN)
    os.chown(file, 1234, 2345)
    desk().encrypt(["vars.yml"])
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 2345)


def test_what_is_encrypted_is_not_encrypted_again(folder: Path) -> None:
    """One such file among others, and none is touched."""
    (folder / "a").write_bytes(PLAIN)
    (folder / "b").write_bytes(b"$ANSIBLE_VAULT;1.1;AES256\n00\n")
    with pytest.raises(InputError, match="b is encrypted already"):
        desk().encrypt(["a", "b"])
    assert (folder / "a").read_bytes() == PLAIN


def test_streams_stand_for_files(folder: Path, streams: Streams) -> None:
    """Without files, and as `-`, in a pipe; a new output file is private."""
    streams.give(PLAIN)
    desk().encrypt([])
    made = streams.taken()
    streams.give(made)
    desk().decrypt(["-"])
    assert streams.taken() == PLAIN
    streams.give(made)
    desk(output="out").decrypt([])
    assert (folder / "out").read_bytes() == PLAIN
    assert stat.S_IMODE((folder / "out").stat().st_mode) == 0o600
    with pytest.raises(InputError, match="--output is for one file"):
        desk(output="out").encrypt(["pw", "new"])


def test_edit_works_in_private_and_keeps_password_and_label(folder: Path, streams: Streams) -> None:
    """The plain text is in a folder of mode 0700 while the editor is open, and nowhere afterwards."""
    (folder / "vars.yml").write_bytes(PLAIN)
    desk("prod@pw").encrypt(["vars.yml"])
    seen: list[str] = []

    def edit(path: str) -> None:
        seen.append(path)
        assert Path(path).read_bytes() == PLAIN
        assert path.endswith(".yml")
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
        assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
        Path(f"{path}~").write_bytes(PLAIN)  # an editor's backup
        Path(path).write_bytes(b"password: changed\n")

    assert desk("pw", "prod@pw", edit=edit).edit("vars.yml")
    assert not Path(seen[0]).parent.exists()
    assert (folder / "vars.yml").read_bytes().startswith(b"$ANSIBLE_VAULT;1.2;AES256;prod\n")
    desk().view(["vars.yml"])
    assert streams.taken() == b"password: changed\n"


def test_edit_without_a_change_leaves_the_file_as_it_is(folder: Path) -> None:
    """Version control shows no difference where there is none; an editor that fails changes nothing."""
    (folder / "vars.yml").write_bytes(PLAIN)
    desk().encrypt(["vars.yml"])
    before = (folder / "vars.yml").read_bytes()
    assert not desk(edit=lambda _path: None).edit("vars.yml")

    def fail(path: str) -> None:
        Path(path).write_bytes(b"half")
        raise InputError("the editor failed")

    with pytest.raises(InputError, match="the editor failed"):
        desk(edit=fail).edit("vars.yml")
    assert (folder / "vars.yml").read_bytes() == before
    with pytest.raises(InputError, match="pw is not encrypted"):
        desk().edit("pw")


def write_plain(path: str) -> None:
    Path(path).write_bytes(PLAIN)


def test_create_makes_a_private_file_and_no_other(folder: Path) -> None:
    """A file that exists is for edit."""
    desk(edit=write_plain).create("vars.yml")
    assert stat.S_IMODE((folder / "vars.yml").stat().st_mode) == 0o600
    with pytest.raises(InputError, match="exists already"):
        desk().create("vars.yml")


def test_rekey_changes_all_files_or_none(folder: Path, streams: Streams) -> None:
    """A file that the old password does not open stops it before the first one is written."""
    for name, password in (("a", "pw"), ("b", "new")):
        (folder / name).write_bytes(PLAIN)
        desk(password).encrypt([name])
    before = (folder / "a").read_bytes()
    with pytest.raises(InputError, match="no known vault password opens this"):
        desk().rekey(["a", "b"], "new", None)
    assert (folder / "a").read_bytes() == before
    desk("pw", "new").rekey(["a", "b"], None, "new")
    desk("new").view(["a", "b"])
    assert streams.taken() == PLAIN * 2


def test_which_password_encrypts_must_be_clear(folder: Path, streams: Streams) -> None:
    """Several without a choice are refused; the choice may stand in config.yaml."""
    streams.give(PLAIN)
    with pytest.raises(InputError, match="there are several vault passwords"):
        desk("a@pw", "b@new").encrypt([])
    with pytest.raises(InputError, match="no vault password has the label 'c'"):
        desk("a@pw", encrypt_id="c").encrypt([])
    (folder / "config.yaml").write_text("vault: {ids: [a@pw, b@new], encrypt_id: b}\n")
    streams.give(PLAIN)
    VaultDesk(VaultOptions(), lambda _question: None).encrypt([])
    assert streams.taken().startswith(b"$ANSIBLE_VAULT;1.2;AES256;b\n")


def test_without_a_source_the_password_is_asked_for(folder: Path, streams: Streams) -> None:
    """Twice to encrypt, once to decrypt."""
    streams.give(PLAIN)
    desk(answers=("s3cret", "s3cret")).encrypt([])
    streams.give(streams.taken())
    desk(answers=("s3cret",)).decrypt([])
    assert streams.taken() == PLAIN


def test_values_become_yaml(folder: Path, streams: Streams) -> None:
    """As ansible-vault prints them: a block of ten blanks below `NAME: !vault |`."""
    streams.give(b"from stdin")
    words = ["vault", "encrypt-string", "--vault-password-file", "pw", "--name", "a", "x", "y"]
    assert main([*words, "--stdin-name", "b"]) == 0
    text = streams.taken().decode()
    heads = [row for row in text.splitlines() if not row.startswith(" " * 10)]
    assert heads == ["a: !vault |", "!vault |", "b: !vault |"]
    assert text.count("          $ANSIBLE_VAULT;1.1;AES256\n") == 3


def test_errors_of_the_command_line_are_sentences(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file, a wrong password, a file that is no vault."""
    (folder / "v").write_bytes(PLAIN)
    assert main(["vault", "view", "--vault-password-file", "pw", "nowhere"]) == 1
    assert main(["vault", "view", "--vault-password-file", "pw", "v"]) == 1
    assert main(["vault", "encrypt", "--vault-password-file", "pw", "v"]) == 0
    assert main(["vault", "view", "--vault-password-file", "new", "v"]) == 1
    said = capsys.readouterr().err
    assert "error: cannot read nowhere: no such file or directory\n" in said
    assert "error: v is not encrypted\n" in said
    assert "error: no known vault password opens this [vault]\n" in said
