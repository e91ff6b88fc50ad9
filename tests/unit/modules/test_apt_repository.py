"""apt_repository, deb822_repository and apt_key: sources and keys, read and written without apt's help."""

from __future__ import annotations

import base64
import io
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import TaskError
from configurator.modules import pgp_keys
from configurator.modules.apt_deb import archive_name, control_of, fields, satisfying
from configurator.modules.apt_key import AptKey
from configurator.modules.apt_repository import AptRepository
from configurator.modules.apt_sources import (
    conflict,
    file_name,
    parse_any,
    parse_fields,
    parse_line,
    same,
    slug,
    with_source,
    without_source,
    written,
)
from configurator.modules.deb822_repository import Deb822Repository
from configurator.modules.state import Change
from tests.unit.modules.recorded_system import RecordedSystem, change_of, params_of, problems_of

REPOSITORY, DEB822, KEY_MODULE = AptRepository(), Deb822Repository(), AptKey()
LINE = "deb [arch=amd64 signed-by=/k.asc] https://u:p@dl.example.org/a-b/debian bookworm stable extra"
# RFC 9580, 5.5.2: a public key packet of version 4, Ed25519, made of zeros; with a user ID behind it.
PACKET = b"\x98\x33\x04" + bytes(4) + b"\x16\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01\x01\x07\x40" + bytes(32)
KEY = (
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: x\n\n"
    f"{base64.b64encode(PACKET).decode()}\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"
)
LINES = st.sampled_from(
    [
        "deb http://a.example x main",
        "  deb\thttp://a.example   x  main # c",
        "#deb http://a.example x main",
        "# deb http://b.example y main",
        "deb-src http://a.example x main",
        "# a comment",
        "",
        "deb file:/srv ./",
    ]
)


def test_lines_are_taken_apart() -> None:
    """Options keep their order, blanks do not matter, comments behind a line are none of it."""
    source = parse_line(LINE.replace(" ", "   ") + " # mine")
    assert source is not None
    assert source.line == LINE
    assert file_name(source) == "dl_example_org_a_b_debian"
    assert parse_any("## deb file:/srv ./") == (parse_line("deb file:/srv ./"), False)
    for wrong in (
        "deb http://x bookworm",
        "deb file:/x ./ main",
        "rpm http://x y z",
        "http://x",
        "deb x y z",
        "",
    ):
        assert parse_line(wrong) is None


@given(st.lists(LINES), LINES)
def test_edits_touch_their_line_alone(lines: list[str], line: str) -> None:
    """Adding and removing a source leaves every other line byte for byte, and twice is as once."""
    source = parse_any(line)[0]
    if source is None:
        return
    text = "".join(f"{one}\n" for one in lines)
    added = with_source(text, source)
    assert (source, True) in [parse_any(one) for one in added.splitlines()]
    assert with_source(added, source) == added
    others = [one for one in text.splitlines() if parse_any(one)[0] != source]
    assert [one for one in added.splitlines() if parse_any(one)[0] != source] == others
    gone = without_source(added, source)
    assert (source, True) not in [parse_any(one) for one in gone.splitlines()]
    assert [one for one in gone.splitlines() if parse_any(one)[0] != source] == others


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    """What stands in a file of sources is a stranger's: no line of it is a crash."""
    parse_fields(text)
    fields(text)
    for line in text.splitlines():
        parse_any(line)


def test_fields_are_folded_and_compared_by_meaning() -> None:
    """A key in the file keeps its blank line as a dot; order, case and comments are no difference."""
    wanted = {"Types": "deb", "Signed-By": "\n" + KEY.strip()}
    text = written(wanted)
    assert "Signed-By:\n -----BEGIN" in text
    assert "\n .\n" in text
    assert same("# mine\nsigned-by:\n" + text.partition("Signed-By:\n")[2] + "TYPES: deb\n", wanted)
    assert not same(text + "Enabled: no\n", wanted)
    assert not same(text + "\n" + text, wanted)
    assert slug("My_Repo (new) 2.0") == "my-repo-new-20"


def test_two_keys_for_one_source_are_found() -> None:
    """apt would read no source at all: `Conflicting values set for option Signed-By`."""
    ours = "Types: deb\nURIs: http://x.example/\nSuites: a b\nSigned-By: /k.asc\n"
    lines = {"/l.list": "deb [signed-by=/k.asc] http://x.example a main\n"}
    assert conflict(lines, "/o.sources", ours) is None
    assert conflict({"/l.list": "deb http://x.example b main\n"}, "/o.sources", ours) == "/l.list"
    assert conflict({"/l.list": "# deb http://x.example b main\n"}, "/o.sources", ours) is None
    assert conflict({"/o.sources": "Types: x"}, "/o.sources", ours) is None
    system = RecordedSystem()
    system.put("/etc/apt/sources.list.d/old.list", "deb http://x.example/ b main\n")
    with pytest.raises(TaskError, match=r"old\.list has the same source"):
        change_of(
            DEB822, system, name="n", uris="http://x.example", suites="b", components="c", signed_by="/k"
        )


def test_keys_are_known_by_their_packets() -> None:
    """Armoured or binary; a web page, a damaged block and a secret of another kind are told apart."""
    assert pgp_keys.problem(PACKET) is None
    assert pgp_keys.problem(KEY.encode()) is None
    assert pgp_keys.problem(KEY.replace("m", "!").encode()) == "the armoured key is damaged"
    assert pgp_keys.problem(b" <html>") == "this is a web page, not a key"
    assert pgp_keys.problem(b"") == "this is not an OpenPGP public key"
    (found,) = pgp_keys.fingerprints(KEY.encode())
    assert pgp_keys.fingerprints(PACKET) == [found]
    assert pgp_keys.means(found, f"0x{found[-8:]}")
    assert pgp_keys.means(found, f"{found[-16:-8]} {found[-8:]}")
    assert not pgp_keys.means(found, found[-4:])


@given(st.binary())
def test_no_bytes_are_too_strange_for_a_key_or_a_package(data: bytes) -> None:
    """Both come from servers: whatever they send, nothing is raised."""
    pgp_keys.problem(data)
    pgp_keys.fingerprints(b"\x98" + data)
    control_of(b"!<arch>\n" + data)


def test_a_package_is_known_by_its_beginning() -> None:
    """Name and version stand in the first archive; the rest may be missing."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:xz") as archive:
        text = b"Package: p\nVersion: 1:2\nArchitecture: all\nDepends: a (>= 1),\n b | c\nBreaks: d\n"
        info = tarfile.TarInfo("./control")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    data = body.getvalue()

    def member(name: str, content: bytes) -> bytes:
        return (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
            + content
            + b"\n"[: len(content) % 2]
        )

    deb = b"!<arch>\n" + member("debian-binary", b"2.0\n") + member("control.tar.xz", data)
    control = control_of(deb + b"data.tar.xz")
    assert control is not None
    assert satisfying(control) == ["satisfy", "a (>= 1), b | c", "Conflicts: d"]
    assert archive_name(control) == "p_1%3a2_all.deb"
    assert control_of(deb[:110]) is None


def test_many_repositories_share_one_refresh_and_one_failure() -> None:
    """Tasks of a batch write their lines first; if the refresh fails, all files are as they were."""
    system = RecordedSystem(plan=False)
    system.put("/etc/apt/sources.list", "# mine\n")
    system.put("/etc/apt/sources.list.d/b.list", "# deb file:/b ./\n")
    system.answers["apt-get -q"] = ""
    tasks = [params_of(REPOSITORY, repo=f"deb file:/{name} ./", filename="same") for name in "abc"]
    assert len({REPOSITORY.batch_key(params) for params in tasks}) == 1

    def changes() -> list[tuple[Any, Change]]:
        out = []
        for params in tasks:
            actual = REPOSITORY.observe(system, params)
            out.append((params, REPOSITORY.compare(params, actual, REPOSITORY.desired(params, actual))))
        return out

    items = changes()
    before = {path: entry.content for path, entry in system.files.items()}
    system.answers["apt-get -q"] = (100, "", "E: The repository 'x' does not have a Release file.\n")
    with pytest.raises(TaskError, match="the sources are as they were"):
        REPOSITORY.converge_batch(system, items)
    assert {path: entry.content for path, entry in system.files.items()} == before
    system.answers["apt-get -q"] = ""
    system.ran.clear()
    REPOSITORY.converge_batch(system, items)
    assert len(system.ran) == 1
    assert system.read("/etc/apt/sources.list.d/same.list") == b"deb file:/a ./\ndeb file:/c ./\n"
    assert system.read("/etc/apt/sources.list.d/b.list") == b"deb file:/b ./\n"
    assert not any(change for _, change in changes())


def test_what_cannot_be_is_said_before_any_host_is_touched() -> None:
    """PPAs, names that lead out of the directory, keys for everything."""
    assert "built for Ubuntu" in problems_of(REPOSITORY, repo="ppa:a/b")[0]
    assert problems_of(REPOSITORY, repo=LINE, filename="../x")
    assert problems_of(REPOSITORY, repo=LINE, filename="a/b")
    assert not problems_of(REPOSITORY, repo=LINE, filename="/etc/apt/sources.list.d/x.list")
    assert problems_of(DEB822, name="!!!", uris="http://x", suites="./")
    assert problems_of(DEB822, name="n", uris="x", suites="./") == [
        "'x' is not a URI such as https://deb.debian.org/debian"
    ]
    assert problems_of(DEB822, name="n", uris="http://x", suites="./,b", components="c")
    assert problems_of(DEB822, name="n", uris="http://x", suites="./", components="c")
    assert problems_of(DEB822, name="n", uris="http://x", suites="./", signed_by=KEY[:80])
    assert "apt-key is gone" in problems_of(KEY_MODULE, url="https://x")[0]
    assert problems_of(KEY_MODULE, state="absent")
    assert problems_of(KEY_MODULE, state="absent", keyring="/etc/apt/trusted.gpg.d/../x")


def test_a_key_among_others_is_not_removed_with_them() -> None:
    """A file with two keys is more than was asked for."""
    system = RecordedSystem()
    (found,) = pgp_keys.fingerprints(PACKET)
    system.put("/etc/apt/trusted.gpg.d/one.gpg", PACKET)
    assert change_of(KEY_MODULE, system, id=found[-8:], state="absent").fields == (
        "path:/etc/apt/trusted.gpg.d/one.gpg|exists",
    )
    other = PACKET[:-1] + b"\x01"
    system.put("/etc/apt/trusted.gpg.d/one.gpg", PACKET + other)
    with pytest.raises(TaskError, match="holds other keys"):
        change_of(KEY_MODULE, system, id=found, state="absent")
