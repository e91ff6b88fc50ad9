"""What the sandbox takes from its machine: proxies, name servers, tools, names; and what it says when it
cannot run.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from configurator.core.errors import SandboxError
from configurator.sandbox import cgroups, commands, machine, mounts, network, paths, proxies, recipe
from configurator.sandbox.locks import held
from configurator.sandbox.records import LabRecord


def test_apts_proxy_comes_before_the_environments() -> None:
    """As in apt itself; DIRECT means that there is none."""
    dump = 'Acquire::http::Proxy "http://apt.example:3142";\nAcquire::https::Proxy "DIRECT";\n'
    environment = {"http_proxy": "http://env.example:8080"}
    assert proxies.find_proxies(environment, dump) == {"http": "http://apt.example:3142"}
    assert proxies.find_proxies(environment, "") == {"http": "http://env.example:8080"}
    assert proxies.find_proxies({}, "") == {}


@pytest.mark.parametrize(
    ("proxy", "seen"),
    [
        ("http://localhost:3142/", "http://198.18.0.1:3142/"),
        ("http://me:secret@127.0.0.1:3142", "http://me:secret@198.18.0.1:3142"),
        ("http://[::1]:3142", "http://198.18.0.1:3142"),
        ("http://proxy.example:3128", "http://proxy.example:3128"),
    ],
)
def test_a_proxy_on_this_machine_is_reached_by_the_bridge(proxy: str, seen: str) -> None:
    """A guest's 127.0.0.1 is the guest."""
    assert proxies.apt_configuration({"http": proxy}, "198.18.0.1") == f'Acquire::http::Proxy "{seen}";\n'


def test_the_servers_behind_a_local_stub_are_handed_on(tmp_path: Path) -> None:
    """systemd-resolved's 127.0.0.53 answers nobody else; a server in the network is taken as it is."""
    etc, resolved = tmp_path / "resolv.conf", tmp_path / "resolved.conf"
    etc.write_text("nameserver 127.0.0.53\noptions edns0\n")
    resolved.write_text("nameserver 192.0.2.53\n")
    assert proxies.resolver(str(etc), str(resolved)) == "nameserver 192.0.2.53\n"
    etc.write_text("nameserver 192.0.2.1\n")
    assert proxies.resolver(str(etc), str(resolved)) == "nameserver 192.0.2.1\n"


def test_missing_tools_are_named_as_packages() -> None:
    """ssh and ssh-keygen come in one package, which is named once."""
    assert machine.missing_packages(lambda tool, path: None) == sorted(set(machine.TOOLS.values()))
    assert machine.missing_packages(lambda tool, path: f"/usr/bin/{tool}") == []


def test_sbin_is_searched_although_a_users_path_lacks_it() -> None:
    """debootstrap and nft live in /usr/sbin, which Debian keeps off a user's PATH."""
    assert "/usr/sbin" in machine.search_path().split(":")


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_than_on_linux_the_way_out_is_a_virtual_machine(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason and the alternative, not a traceback about mount(8)."""
    monkeypatch.setattr("sys.platform", platform)
    with pytest.raises(SandboxError) as error:
        machine.require_machine()
    assert "Linux" in error.value.message
    assert "vagrant up" in str(error.value.hint)


def test_without_root_the_hint_is_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commonest mistake gets the commonest cure, and the way without root."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SandboxError) as error:
        machine.require_machine()
    assert "sudo make demo" in str(error.value.hint)
    assert "docs/how-to/vagrant.md" in str(error.value.hint)


def test_missing_packages_are_an_error_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint can be pasted."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(machine, "missing_packages", lambda: ["debootstrap", "nftables"])
    with pytest.raises(SandboxError) as error:
        machine.require_machine()
    assert "apt-get install --yes debootstrap nftables" in str(error.value.hint)


def test_a_kernel_without_namespaces_is_told_by_proc(tmp_path: Path) -> None:
    """What is lacking is named, in words."""
    (tmp_path / "filesystems").write_text("nodev\tproc\n\text4\nnodev\toverlay\n")
    (tmp_path / "self/ns").mkdir(parents=True)
    for kind in ("mnt", "pid", "uts"):
        (tmp_path / "self/ns" / kind).touch()
    assert machine.lacking_kernel_features(str(tmp_path)) == ["tmpfs", "net namespaces"]


def test_xdg_variables_move_state_and_cache() -> None:
    """So a test run and a user never meet unless they want to."""
    assert paths.state_home({"XDG_STATE_HOME": "/s"}) == "/s/configurator/sandbox"
    assert paths.cache_home({"XDG_CACHE_HOME": "/c"}) == "/c/configurator/trees"


@pytest.mark.parametrize("name", ["", "Web", "-a", "a-", "a/b", "..", "a" * 64, "a b"])
def test_names_that_cannot_be_a_directory_or_a_host_name_are_refused(name: str) -> None:
    """A name becomes a path that root removes."""
    with pytest.raises(SandboxError):
        paths.check_name(name, "the host's name")


def test_the_digest_of_the_recipe_follows_the_release_and_the_mirror() -> None:
    """A tree with another mirror's package lists would be of no use."""
    digests = {recipe.digest(release, mirror) for release in recipe.RELEASES for mirror in ("a", "b")}
    assert len(digests) == 4
    assert recipe.digest("bookworm", "a") == recipe.digest("bookworm", "a")


def test_packages_that_roles_install_are_not_in_the_tree() -> None:
    """An apply against a sandbox must really install."""
    assert not {"nginx", "cron", "ufw", "rsyslog", "chrony"} & set(recipe.PACKAGES)


def test_the_table_masquerades_the_labs_subnet_only() -> None:
    """Nothing else of the machine's traffic passes through our rule."""
    text = network.ruleset(LabRecord(id="abcdef", boot="", subnet="198.18.7.0/24"))
    assert text.startswith("table ip configurator_abcdef {")
    assert "ip saddr 198.18.7.0/24 ip daddr != 198.18.7.0/24 masquerade" in text


def test_the_hierarchies_of_hybrid_and_unified_machines(tmp_path: Path) -> None:
    """systemd keeps processes apart in `name=systemd` beside the unified one, or in the unified one alone."""
    hybrid = tmp_path / "hybrid"
    hybrid.write_text(
        "25 24 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "26 24 0:23 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
        "27 24 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    )
    unified = tmp_path / "unified"
    unified.write_text("27 24 0:24 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n")
    assert cgroups.hierarchies(str(hybrid)) == ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"]
    assert cgroups.hierarchies(str(unified)) == ["/sys/fs/cgroup"]
    assert cgroups.paths("cabcdef-1", ["/sys/fs/cgroup"]) == ["/sys/fs/cgroup/configurator-cabcdef-1"]


def test_mount_points_with_blanks_are_read_right(tmp_path: Path) -> None:
    """mountinfo writes a blank as \\040; a mount that is overlooked would be deleted through."""
    info = tmp_path / "mountinfo"
    info.write_text("36 35 98:0 / /my\\040home/root rw - overlay overlay rw,lowerdir=/a\n")
    assert mounts.table(str(info)) == [("/my home/root", "rw,lowerdir=/a")]


def test_a_lock_excludes_others_until_it_is_let_go(tmp_path: Path) -> None:
    """And is not fooled by a lock file that was removed and made anew."""
    path = tmp_path / "lab" / "lock"
    with held(str(path)):
        with pytest.raises(SandboxError), held(str(path), timeout=0.0):
            pass
        path.unlink()
        with held(str(path), timeout=0.0):
            pass
    with held(str(path), timeout=0.0):
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_failed_command_says_what_the_tool_said() -> None:
    """The tool's own words are the best there are."""
    with pytest.raises(SandboxError, match="no such thing"):
        commands.run(["sh", "-c", "echo no such thing >&2; exit 3"])
    assert commands.run(["false"], ok=False).returncode == 1
    assert commands.run(["cat"], stdin="x").stdout == "x"
    with pytest.raises(SandboxError, match="not installed"):
        commands.run(["a-tool-that-nobody-has"])


def test_a_cancelled_command_takes_its_children_with_it(tmp_path: Path) -> None:
    """debootstrap's children would go on writing into a tree that is being removed."""
    mark = tmp_path / "mark"
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    with pytest.raises(commands.CancelledError):
        commands.run(["sh", "-c", f"(sleep 1; touch {mark}) & wait"], cancel=cancel)
    threading.Event().wait(1.2)
    assert not mark.exists()


def test_a_command_that_does_not_end_is_ended() -> None:
    """No step of a sandbox waits for ever."""
    with pytest.raises(SandboxError, match="did not end"):
        commands.run(["sleep", "30"], timeout=0.3)
