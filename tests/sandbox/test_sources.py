"""The machine's own package mirror is found in both formats of apt, among vendors that look like it."""

from __future__ import annotations

from pathlib import Path

from configurator.sandbox.sources import (
    Mirrors,
    choose_mirrors,
    parse_deb822,
    parse_one_line,
    read_sources,
    sources_list,
)

DEB822 = """\
# made by the installer
Types: deb deb-src
URIs: http://mirror.example/debian/
Suites: bookworm
  bookworm-updates
Components: main
# a comment inside a stanza
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/etc/apt/keyrings/vendor.gpg] https://vendor.example bookworm main
deb cdrom:[Debian 12]/ bookworm main
deb http://mirror.example/debian bookworm main contrib  # the mirror
deb http://mirror.example/debian bookworm-updates main
deb-src http://mirror.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
"""


def test_deb822_gives_one_source_per_suite_and_ignores_what_is_off_or_source_only() -> None:
    """Continued fields, comments in a stanza, `Enabled: no` and deb-src are all found in real files."""
    found = [(source.uri, source.suite) for source in parse_deb822(DEB822)]
    assert found == [
        ("http://mirror.example/debian/", "bookworm"),
        ("http://mirror.example/debian/", "bookworm-updates"),
        ("http://mirror.example/debian-security", "bookworm-security"),
    ]


def test_deb822_with_an_inline_key_does_not_read_the_key_as_fields() -> None:
    """Signed-By may hold a whole armoured key, whose lines have colons and blanks."""
    key = " -----BEGIN\n .\n URIs: x\n"
    text = f"Types: deb\nURIs: https://v.example\nSuites: trixie\nComponents: main\nSigned-By:\n{key}"
    (source,) = parse_deb822(text)
    assert source.uri == "https://v.example"
    assert "BEGIN" in source.signed_by


def test_one_line_options_comments_and_other_types() -> None:
    """Options in brackets come before the address, a comment may follow the components."""
    found = list(parse_one_line(ONE_LINE))
    assert found[0].signed_by == "/etc/apt/keyrings/vendor.gpg"
    assert [s.components for s in found if s.uri == "http://mirror.example/debian"] == [
        ("main", "contrib"),
        ("main",),
    ]
    assert not any("commented" in source.uri for source in found)


def test_a_vendor_with_debians_suite_name_is_not_taken_for_the_mirror() -> None:
    """`deb https://vendor bookworm main` stands first, yet has no Debian in it."""
    assert choose_mirrors(parse_one_line(ONE_LINE)) == Mirrors(
        "http://mirror.example/debian", "http://security.example/debian-security"
    )


def test_a_machine_that_is_no_debian_names_no_mirror() -> None:
    """debootstrap's own default is then the best address there is."""
    text = "".join(
        f"deb http://archive.example/ubuntu {suite} main\n" for suite in ("jammy", "jammy-security")
    )
    assert choose_mirrors(parse_one_line(text)) == Mirrors()


def test_a_vendor_alone_is_not_the_mirror() -> None:
    """A machine whose Debian sources are elsewhere (cdrom) must not be bootstrapped from a vendor."""
    text = "deb [signed-by=/k.gpg] https://vendor.example/apt bookworm main\n"
    assert choose_mirrors(parse_one_line(text)).main == ""


def test_both_formats_are_read_in_apts_order_and_disabled_files_are_not(tmp_path: Path) -> None:
    """apt reads *.list and *.sources alone; `*.sources.disabled` is how people switch one off."""
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://one.example/debian bookworm main\n")
    (parts / "debian.sources").write_text(DEB822)
    (parts / "vendor.sources.disabled").write_text(
        "Types: deb\nURIs: http://no\nSuites: bookworm\nComponents: main\n"
    )
    uris = [source.uri for source in read_sources(str(tmp_path))]
    assert uris[0] == "http://one.example/debian"
    assert "http://no" not in uris
    assert choose_mirrors(read_sources(str(tmp_path))).main == "http://mirror.example/debian"


def test_a_guest_gets_suite_updates_and_security() -> None:
    """All three, for the guest's release, whatever the machine's own release is."""
    text = sources_list("trixie", Mirrors("http://m/debian", "http://m/security"), "")
    assert text == (
        "deb http://m/debian trixie main\n"
        "deb http://m/debian trixie-updates main\n"
        "deb http://m/security trixie-security main\n"
    )


def test_without_sources_of_its_own_the_address_that_debootstrap_wrote_is_used() -> None:
    """No security mirror is invented: its address cannot be derived from the main one's."""
    text = sources_list("bookworm", Mirrors(), "deb http://default.example/debian bookworm main\n")
    assert text.splitlines() == [
        "deb http://default.example/debian bookworm main",
        "deb http://default.example/debian bookworm-updates main",
    ]
