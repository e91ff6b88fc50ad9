"""openssl_certificate: what openssl is told and says, and what is refused without asking a host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules import openssl_config
from configurator.modules.openssl_certificate import OpensslCertificate
from tests.unit.modules.harness import Host
from tests.unit.modules.recorded_system import params_of, problems_of
from tests.unit.modules.test_openssl_privatekey import needs_openssl

CERTIFICATE = OpensslCertificate()
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


@needs_openssl
def test_every_value_of_a_subject_arrives(host: Host) -> None:
    """Signs that mean something in a configuration file stand for themselves, and the plan was right."""
    key, path = host.path("key"), host.path("cert")
    host.apply("openssl_privatekey", path=key, type="Ed25519")
    value = "a $HOME \\n \"q\" 'q' # ; = [x] , / + @y ü"
    done = host.take(
        "openssl_certificate", path=path, privatekey_path=key, common_name="a.org", subject={"O": value}
    )
    assert {change.field: change.after for change in done.changes} == {
        "certificate": "present",
        "subject": [f"O={value}", "CN=a.org"],
        "subject_alt_name": ["DNS:a.org"],
    }


def test_names_are_compared_in_one_form() -> None:
    """However they are written, and as openssl prints them."""
    params = params_of(
        CERTIFICATE,
        path="/c",
        privatekey_path="/k",
        common_name="x",
        subject_alt_name="DNS:A.org, ip:2001:DB8::0:1",
    )
    assert params.names == ["DNS:a.org", "IP:2001:db8::1"]


@given(st.text())
def test_no_output_is_an_accident(text: str) -> None:
    """A broken answer is no certificate."""
    assert openssl_config.parse(text) is None


@given(VALUES)
def test_no_value_breaks_out_of_its_line(value: str) -> None:
    """A subject is no way into other sections."""
    try:
        fields = openssl_config.subject_fields({"O": value}, "a")
    except ValueError:
        return
    text = openssl_config.config(fields, ["DNS:a"], key_identifier=True)
    assert len(text.split("\n")) == 16


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"common_name": None}, "give 'common_name' or 'subject'"),
        ({"privatekey_path": None}, "'privatekey_path' is required"),
        ({"subject": {"X": "y"}}, "'X' is not a field of a subject"),
        ({"subject": {"O": "a\nb"}}, "must be one line"),
        ({"subject_alt_name": ["a.org"]}, "is not a name such as"),
        ({"subject_alt_name": ["IP:1.2.3"]}, "does not appear to be an IPv4"),
        ({"selfsigned_not_after": "2030"}, "span of a day or more"),
        ({"renew_before": "soon"}, "span such as 30d"),
        ({"provider": "acme"}, "must be one of selfsigned"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, object], message: str) -> None:
    """Before any host is asked."""
    given_ = {"path": "/c", "privatekey_path": "/k", "common_name": "a"}
    found = problems_of(CERTIFICATE, **(given_ | wrong))
    assert any(message in problem for problem in found), found
