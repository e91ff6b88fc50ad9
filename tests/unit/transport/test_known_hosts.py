"""known_hosts: every form of line that OpenSSH writes is understood, and none of them is fatal."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from configurator.transport.known_hosts import fingerprint, known_keys, remember

BLOB = base64.b64encode(b"\0\0\0\x0bssh-ed25519key").decode()


def write(tmp_path: Path, *lines: str) -> list[str]:
    path = tmp_path / "known_hosts"
    path.write_text("\n".join(lines) + "\n")
    return [str(path)]


@pytest.mark.parametrize(
    ("line", "name", "found"),
    [
        ("web1 ssh-ed25519 " + BLOB, "web1", True),
        ("web1,10.0.0.1 ssh-ed25519 " + BLOB, "10.0.0.1", True),
        ("*.example.com ssh-ed25519 " + BLOB, "a.example.com", True),
        ("*.example.com,!b.example.com ssh-ed25519 " + BLOB, "b.example.com", False),
        ("[web1]:2222 ssh-ed25519 " + BLOB, "[web1]:2222", True),
        ("[web1]:2222 ssh-ed25519 " + BLOB, "web1", False),
        ("web1 ssh-ed25519 " + BLOB + " a comment", "WEB1", True),
        ("# web1 ssh-ed25519 " + BLOB, "web1", False),
        ("web1 ssh-ed25519 not-base64!", "web1", False),
        ("web1", "web1", False),
        ("", "web1", False),
        ("|1|broken ssh-ed25519 " + BLOB, "web1", False),
    ],
)
def test_patterns(tmp_path: Path, line: str, name: str, found: bool) -> None:
    """Patterns, negation, ports, comments and damaged lines mean what sshd(8) says."""
    assert bool(known_keys(write(tmp_path, line), name)) is found


def test_markers_are_kept(tmp_path: Path) -> None:
    """A revoked key is told apart; an authority's line is no plain key."""
    files = write(tmp_path, f"@revoked * ssh-ed25519 {BLOB}", f"@cert-authority * ssh-ed25519 {BLOB}")
    assert [key.marker for key in known_keys(files, "x")] == ["@revoked", "@cert-authority"]


def test_lines_hashed_by_openssh_match(tmp_path: Path) -> None:
    """HashKnownHosts is Debian's default; the reference is ssh-keygen itself."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = (tmp_path / "key.pub").read_text().split()[1]
    files = write(tmp_path, f"[web1]:2222 ssh-ed25519 {public}")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", files[0]], check=True, capture_output=True)
    assert "web1" not in Path(files[0]).read_text()
    (found,) = known_keys(files, "[web1]:2222")
    assert known_keys(files, "[web2]:2222") == []
    shown = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], check=True, capture_output=True, text=True)
    assert fingerprint(found.blob) in shown.stdout


def test_a_remembered_key_is_known(tmp_path: Path) -> None:
    """accept-new writes what strict then accepts."""
    files = [str(tmp_path / "new" / "known_hosts")]
    remember(files, "web1", "ssh-ed25519", b"blob")
    assert [key.blob for key in known_keys(files, "web1")] == [b"blob"]


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    """A new user has no known_hosts yet."""
    assert known_keys([str(tmp_path / "none")], "web1") == []
