"""Looking into packages before they are installed: their files and units, and what their scripts speak of."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from configurator.agent.debfile import read_deb
from configurator.agent.packages_ahead import PackagesAhead, made_by_script
from configurator.core.errors import TaskError

POSTINST = """\
#!/bin/sh
if deb-systemd-helper --quiet was-enabled 'toolbox.service'; then
    deb-systemd-helper enable 'toolbox.service' >/dev/null || true
fi
deb-systemd-invoke $_dh_action 'toolbox.service' >/dev/null || true
adduser --system --home /var/lib/toolbox \\
    toolbox
touch /etc/toolbox/made-later.conf
# /etc/toolbox/in-a-comment
ucf --three-way /usr/share/toolbox/large /etc/toolbox/copied.conf
ln -sf /etc/toolbox/toolbox.conf /etc/toolbox/link.conf
chown toolbox $CONF/toolbox.conf; chmod -R go= /var/lib/toolbox
"""
FILES = {
    "etc/toolbox/toolbox.conf": "color = red\n",
    "lib/systemd/system/toolbox.service": "[Service]\nType=notify\nExecReload=x\n[Install]\nWantedBy=x\n",
    "usr/lib/systemd/system/once.service": "[Service]\nType=oneshot\n",
    "usr/lib/systemd/system/careful.service": "[Unit]\nConditionACPower=y\n[Service]\n[Install]\nAlias=y\n",
    "usr/lib/sysusers.d/toolbox.conf": 'u runner - "Runs" /var/lib/runner\ng helpers -\n',
    "usr/share/toolbox/large": "x" * 10,
}
Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Return a function that builds a package file, as `dpkg-deb` does for everybody."""

    def make(name: str = "toolbox", version: str = "1:2.0-1", files: Mapping[str, str] = FILES) -> Path:
        root = tmp_path / "build" / name
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / "usr/lib/systemd/system").mkdir(parents=True, exist_ok=True)
        (root / "usr/lib/systemd/system/tb.service").symlink_to("toolbox.service")
        (root / "usr/lib/systemd/system/never.service").symlink_to("/dev/null")
        control = root / "DEBIAN"
        control.mkdir(exist_ok=True)
        (control / "control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
            "Maintainer: x <x@example.org>\nDescription: x\n"
        )
        (control / "conffiles").write_text("/etc/toolbox/toolbox.conf\n")
        (control / "postinst").write_text(POSTINST)
        (control / "postinst").chmod(0o755)
        archives = tmp_path / "archives"
        archives.mkdir(exist_ok=True)
        out = archives / f"{name}_{version.replace(':', '%3a')}_all.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-b", str(root), str(out)], check=True, capture_output=True
        )
        return out

    return make


class Index:
    """Leads apt nowhere."""

    def options(self) -> list[str]:
        return ["-o", "Dir::State::Lists=/x"]


@pytest.fixture
def ahead(tmp_path: Path, build: Build) -> PackagesAhead:
    build()
    packages = PackagesAhead(str(tmp_path / "archives"), _refuse, Index())  # type: ignore[arg-type]
    assert packages.add("toolbox", "1:2.0-1")
    return packages


def _refuse(_argv: Sequence[str], _env: Mapping[str, str]) -> None:
    raise TaskError("no network")


def test_files_are_known_as_they_will_be(build: Build) -> None:
    """Directories of the usrmerge are named as they are on the host; owners are names."""
    deb = read_deb(str(build()), "toolbox")
    assert "/usr/lib/systemd/system/toolbox.service" in deb.files
    assert "/lib/systemd/system/toolbox.service" not in deb.files
    conf = deb.files["/etc/toolbox/toolbox.conf"]
    assert (conf.kind, conf.mode, conf.owner, conf.size) == ("file", 0o644, "root", 12)
    assert deb.read("/etc/toolbox/toolbox.conf") == b"color = red\n"
    assert deb.read("/usr/share/toolbox/large") == b"x" * 10
    assert deb.conffiles == {"/etc/toolbox/toolbox.conf"}
    with pytest.raises(TaskError, match="/nothing is not in"):
        deb.read("/nothing")


def test_what_is_no_package_is_an_error(tmp_path: Path) -> None:
    """A download that was cut off, say."""
    (tmp_path / "x.deb").write_bytes(b"!<arch>\nnonsense")
    with pytest.raises(TaskError, match="is no package"):
        read_deb(str(tmp_path / "x.deb"), "x")


def test_paths_of_packages_are_files_of_the_plan(ahead: PackagesAhead) -> None:
    """They can be looked at, read and listed; dpkg keeps an administrator's version of a conffile alone."""
    found = ahead.stat("/etc/toolbox/toolbox.conf")
    assert found is not None
    assert (found.kind, found.uid, found.size) == ("file", 0, 12)
    assert ahead.read("/etc/toolbox/toolbox.conf") == b"color = red\n"
    assert ahead.names("/etc/toolbox") == {"toolbox.conf", "copied.conf", "link.conf"}
    assert ahead.stat("/etc/toolbox/other") is None
    assert ahead.keeps("/etc/toolbox/toolbox.conf")
    assert not ahead.keeps("/usr/share/toolbox/large")


def test_what_scripts_speak_of_is_doubted_and_nothing_else(ahead: PackagesAhead) -> None:
    """By the whole path or the last name, never by a part of a word."""
    assert ahead.mentioned("/etc/toolbox/made-later.conf") == "toolbox"
    assert ahead.mentioned("/etc/toolbox/later.conf") is None
    assert ahead.mentioned("/etc/toolbox/made-later.conf.d") is None


def test_what_scripts_plainly_make_is_there(ahead: PackagesAhead) -> None:
    """Files that ucf copies, as sure as what is packed; and links, which scripts may not come to make."""
    assert ahead.read("/etc/toolbox/copied.conf") == b"x" * 10
    assert ahead.keeps("/etc/toolbox/copied.conf")
    assert ahead.altered("/etc/toolbox/copied.conf") is None
    link = ahead.stat("/etc/toolbox/link.conf")
    assert link is not None and link.target == "/etc/toolbox/toolbox.conf"
    assert ahead.altered("/etc/toolbox/link.conf") == "toolbox"
    assert ahead.mentioned("/etc/toolbox/in-a-comment") is None


def test_what_scripts_change_is_doubted_though_it_is_brought(ahead: PackagesAhead) -> None:
    """By its path, after a variable, or with the whole tree; its like-named neighbours are not."""
    assert ahead.altered("/etc/toolbox/toolbox.conf") == "toolbox"
    assert ahead.altered("/var/lib/toolbox/a/b") == "toolbox"
    assert ahead.altered("/usr/share/toolbox/large") is None
    assert ahead.altered("/etc/default/toolbox") is None


@pytest.mark.parametrize(
    ("unit", "enabled", "active", "sure"),
    [
        ("toolbox.service", "enabled", "active", True),
        ("tb.service", "enabled", "active", True),
        ("once.service", "static", "inactive", True),
        ("careful.service", "disabled", "inactive", True),
        ("never.service", "masked", "inactive", True),
    ],
)
def test_units_are_what_the_scripts_make_them(
    ahead: PackagesAhead, unit: str, enabled: str, active: str, *, sure: bool
) -> None:
    """debhelper's snippets say what is enabled and started; nobody else does it."""
    found = ahead.unit(unit)
    assert found is not None
    state, certain = found
    assert (state["enabled"], state["active"], certain) == (enabled, active, sure)


def test_a_unit_that_no_package_brings_is_none(ahead: PackagesAhead) -> None:
    """It is surely not there."""
    assert ahead.unit("nothing.service") is None


def test_accounts_of_scripts_and_of_sysusers_are_known(ahead: PackagesAhead) -> None:
    """Over several lines of a script too; a part of a word is no account."""
    assert [name for name in ("toolbox", "runner", "helpers", "tool", "nobody") if ahead.account(name)] == [
        "toolbox",
        "runner",
        "helpers",
    ]


def test_a_package_that_cannot_be_fetched_stays_unknown(ahead: PackagesAhead) -> None:
    """The plan then assumes, as one that is not deep does."""
    assert not ahead.fetch(["apt-get", "install", "other"], {})
    assert not ahead.fetch(["dpkg", "-i", "other"], {})
    assert not ahead.add("other", "1")
    assert (ahead.knows("toolbox"), ahead.knows("other")) == (True, False)


def test_packages_are_downloaded_without_touching_the_host(tmp_path: Path) -> None:
    """Into the cache, without a lock, by the lists in the cache; nothing is installed."""
    asked: list[Sequence[str]] = []
    packages = PackagesAhead(str(tmp_path / "a"), lambda argv, _env: asked.append(argv), Index())  # type: ignore[arg-type]
    assert packages.fetch(["apt-get", "-y", "install", "nginx"], {})
    (argv,) = asked
    assert list(argv[:2]) == ["apt-get", "--download-only"]
    assert list(argv[-3:]) == ["-y", "install", "nginx"]
    assert {f"Dir::Cache::Archives={tmp_path / 'a'}", "Debug::NoLocking=1", "Dir::State::Lists=/x"} <= set(
        argv
    )


def test_all_accounts_of_packages_are_listed(ahead: PackagesAhead) -> None:
    """Those of sysusers.d(5) and those that scripts make: a view of the host has them."""
    ahead.add("toolbox", None)
    assert ahead.accounts() == [("user", "toolbox"), ("user", "runner"), ("group", "helpers")]


@pytest.mark.parametrize(
    ("script", "accounts"),
    [
        (
            "adduser --system --quiet --home /var/lib/x --gecos 'a daemon' --group xd || true",
            [("user", "xd")],
        ),
        ('useradd -r -d /nonexistent -s /usr/sbin/nologin -c "It is" -g nogroup xd', [("user", "xd")]),
        ("addgroup --quiet --system ssl-cert; groupadd -g 7 b", [("group", "ssl-cert"), ("group", "b")]),
        ("adduser --group helpers", [("group", "helpers")]),
        ("adduser --system --ingroup=www \\\n  --no-create-home xd >/dev/null 2>&1", [("user", "xd")]),
        ('adduser --system "$USER"; adduser www ssl-cert', []),
    ],
)
def test_accounts_are_read_from_the_calls_that_make_them(
    script: str, accounts: list[tuple[str, str]]
) -> None:
    """Options and their values are no names; what a variable names, nobody knows."""
    assert made_by_script(script) == accounts
