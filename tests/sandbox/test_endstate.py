"""What of a host is compared, and what is left out because it has no meaning."""

from __future__ import annotations

import os
from pathlib import Path

from configurator.sandbox import digest
from configurator.sandbox.endstate import EndState, differences, of_files, read_state
from configurator.sandbox.hosts import LabHost

SAID = """\
#=# packages
tree\t2.1.0 ii
nginx\t1.22 ii
#=# manual
tree
#=# holds
nginx
#=# groups
root:x:0:
deploy:x:1001:zoe,adam
#=# users
root:x:0:0:root:/root:/bin/bash
deploy:x:1001:1001:,,,:/home/deploy:/bin/sh
#=# shadow
root:*:19000:0:99999:7:::
deploy:!$y$j9T$salt$hash:19001:0:99999:7:::
#=# units
nginx.service loaded active running A server
systemd-hostnamed.service loaded inactive dead Names
apt-daily.service loaded failed failed Daily
#=# enabled
nginx.service enabled enabled
#=# ruleset
table inet filter {
  chain input { }
}
table ip nat {
}
"""


def host_of(upper: Path) -> LabHost:
    return LabHost("h", "192.0.2.1", "bookworm", "key", "known", str(upper))


def state_of(upper: Path, said: str = SAID) -> EndState:
    return read_state(host_of(upper), lambda _script: said)


def test_packages_accounts_units_and_rules_are_things(tmp_path: Path) -> None:
    """A number, a salt and the order of a list mean nothing; a unit that comes and goes does if it failed."""
    assert state_of(tmp_path).things == {
        "package tree": "2.1.0 ii",
        "package nginx": "1.22 ii held",
        "user root": "group=0 'root' /root /bin/bash * 0:99999:7::",
        "user deploy": "group=deploy ',,,' /home/deploy /bin/sh locked hash y 0:99999:7::",
        "group root": "",
        "group deploy": "adam,zoe",
        "unit nginx.service": "loaded active running",
        "unit apt-daily.service": "loaded failed failed",
        "unit file nginx.service": "enabled",
        "ruleset table inet filter": "table inet filter {\n  chain input { }\n}",
        "ruleset table ip nat": "table ip nat {\n}",
    }


def test_owners_are_compared_by_name(tmp_path: Path) -> None:
    """Which of two new users got 1001 is a matter of order, and of nothing else."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/app").write_text("a")
    os.chown(tmp_path / "etc/app", 1001, 1001)
    other = SAID.replace("1001:", "1007:")
    first = state_of(tmp_path)
    os.chown(tmp_path / "etc/app", 1007, 1007)
    assert "deploy:deploy" in first.things["file /etc/app"]
    assert differences(first, state_of(tmp_path, other)) == ()


def test_a_difference_has_the_lines_that_differ(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, text in ((one, "a\nb\nc\n"), (two, "a\nx\nc\n")):
        (folder / "etc").mkdir(parents=True)
        (folder / "etc/app").write_text(text)
    (two / "etc/more").write_text("y")
    found = differences(state_of(one), state_of(two))
    assert [item.thing for item in found] == ["file /etc/app", "file /etc/more"]
    assert found[0].lines == ("@@ -1,3 +1,3 @@", " a", "-b", "+x", " c")
    assert found[1].first is None


def test_logs_caches_and_random_ids_are_left_out(tmp_path: Path) -> None:
    marks = dict.fromkeys(
        (
            "/var/log/syslog",
            "/etc/machine-id",
            "/etc/passwd",
            "/usr/lib/x/__pycache__/a.pyc",
            "/etc/passwd.mine",
        ),
        "m",
    )
    assert of_files(marks) == {"/etc/passwd.mine": "m"}


def test_what_was_written_as_it_was_is_no_difference(tmp_path: Path) -> None:
    """A file that one order wrote anew with the same content is in one layer and not in the other."""
    upper, lower = tmp_path / "upper", tmp_path / "lower"
    for folder in (upper, lower):
        (folder / "etc").mkdir(parents=True)
        (folder / "etc/same").write_text("x")
        (folder / "etc/other").write_text(folder.name)
    (upper / "etc/new").write_text("x")
    found = of_files(digest.of_layer(str(upper)), (str(lower),))
    assert set(found) == {"/etc/other", "/etc/new"}
