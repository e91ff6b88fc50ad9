"""ssh_host_key: sizes that there are not, and where a key is kept."""

from __future__ import annotations

import pytest

from configurator.modules.ssh_host_key import SshHostKey
from tests.unit.modules.harness import Host, problems
from tests.unit.modules.recorded_system import params_of


def test_each_type_has_its_file() -> None:
    """As sshd looks for them."""
    assert params_of(SshHostKey(), type="rsa").file == "/etc/ssh/ssh_host_rsa_key"
    assert params_of(SshHostKey(), path="/x//y").key == "ssh-host-key:/x/y"


@pytest.mark.usefixtures("root_only")
def test_a_new_key_is_never_open_to_others(host: Host) -> None:
    """Also where a file that is no key was readable to all."""
    path = host.root / "key"
    path.write_text("no key")
    path.chmod(0o644)
    done = host.take("ssh_host_key", path=str(path), comment="c")
    assert done.outputs["bits"] == 256
    assert path.stat().st_mode & 0o777 == 0o600
    assert (host.root / "key.pub").read_text().endswith(" c\n")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"type": "ed25519", "bits": 521}, "has 256 bits"),
        ({"type": "ecdsa", "bits": 255}, "has 256, 384, 521 bits"),
        ({"type": "rsa", "bits": 1024}, "2048 to 16384"),
        ({"path": "key"}, "absolute path"),
        ({"comment": "a\nb"}, "one line"),
    ],
)
def test_what_cannot_be_is_said_offline(params: dict[str, object], said: str) -> None:
    """Before any host is touched."""
    assert any(said in problem for problem in problems("ssh_host_key", **params))
