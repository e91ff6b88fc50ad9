"""get_url: what its parameters may be, and how files of checksums are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.get_url import find_checksum
from tests.unit.modules.harness import problems

SUM = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
OTHER = "0" * 64
URL = "https://one.test/dist/tool.tar.gz"


@pytest.mark.parametrize(
    "text",
    [
        SUM,
        SUM.upper() + "\n",
        f"{OTHER}  other\n{SUM}  tool.tar.gz\n",
        f"{OTHER} *other\n{SUM} *./tool.tar.gz\n",
        f"# sums\n\n{OTHER}  x\n{SUM}  dist/tool.tar.gz",
        f"SHA256 (other) = {OTHER}\nSHA256 (tool.tar.gz) = {SUM}",
        f"{OTHER}  old/tool.tar.gz\n{SUM}  tool.tar.gz",
    ],
)
def test_a_file_of_checksums_is_read_in_its_usual_forms(text: str) -> None:
    """coreutils' and BSD's, with and without directories, and a file with nothing but the checksum."""
    names = ("tool.tar.gz", "/dist/tool.tar.gz", URL)
    assert find_checksum(text, names, "https://one.test/dist/") == SUM


def test_a_file_of_checksums_without_the_name_gives_none() -> None:
    """Taking the checksum of another file would refuse the right one, and accept a wrong one."""
    assert find_checksum(f"{OTHER}  my-tool.tar.gz\n{OTHER}  tool.tar.gz.sig\n", ("tool.tar.gz",)) is None
    assert find_checksum(f"{SUM}\n{OTHER}\n", ("tool.tar.gz",)) is None


@given(st.text(), st.text(min_size=1))
def test_reading_a_file_of_checksums_never_raises(text: str, name: str) -> None:
    """It comes from a stranger."""
    find_checksum(text, (name,))


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"url": "file:///etc/passwd"}, "'url' must begin with http:// or https:// or ftp://"),
        ({"url": "http://ada:secret@/x"}, "'http:///x' is not a URL"),
        ({"url": "http://one.test:x/"}, "'url': Port could not be cast"),
        ({"url": "http://one.test/a b"}, "is not a URL"),
        ({"dest": "tool"}, "'dest' must be an absolute path"),
        ({"timeout": 0}, "'timeout' must be more than 0"),
        ({"headers": {"X": "a\r\nEvil: b"}}, "'headers': 'X' cannot be sent"),
        ({"checksum": SUM}, "must be ALGORITHM:CHECKSUM"),
        ({"checksum": f"sha3:{SUM}"}, "there is no algorithm 'sha3'"),
        ({"checksum": "sha256:abc"}, "'abc' is no sha256"),
        ({"checksum": "sha256:file:///x"}, "'url' must begin with"),
        ({"url_password": "x"}, "'url_password' needs 'url_username'"),
        ({"client_key": "/x"}, "'client_key' needs 'client_cert'"),
    ],
)
def test_wrong_parameters_are_named_without_a_host(params: dict[str, object], problem: str) -> None:
    """What the compiler can see is not left to the host."""
    found = problems("get_url", **{"url": URL, "dest": "/srv/tool", **params})
    assert problem in "; ".join(found)


def test_good_parameters_have_no_problem() -> None:
    """Checksums may be written with blanks and in capitals, as pages show them."""
    assert problems("get_url", url=URL, dest="/srv/tool", checksum=f"SHA256: {SUM.upper()}", mode="a+x") == []
    assert problems("get_url", url=URL, dest="/srv/tool", checksum=f"sha256:{URL}.sha256") == []
