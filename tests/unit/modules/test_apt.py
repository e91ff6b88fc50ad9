"""apt: what is installed, what the index offers, and what apt-get is asked to do."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from configurator.core.errors import TaskError
from configurator.modules.apt import Apt
from configurator.modules.apt_errors import explain, hint_for_output
from configurator.modules.apt_get import Step, parse_steps
from configurator.modules.apt_index import Offer, parse_policy
from configurator.modules.apt_names import hint_for
from configurator.modules.apt_packages import Wish, find_row, parse_rows, parse_wish, provider_of
from configurator.modules.dpkg_selections import DpkgSelections
from configurator.modules.state import UNKNOWN
from configurator.modules.system import CommandResult
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, params_of, problems_of

APT, SELECTIONS = Apt(), DpkgSelections()
NOW = time.time()

ROWS = """\
bash\tamd64\tinstall\tinstalled\t5.2.15-2+b13\t
mawk\tamd64\tinstall\tinstalled\t1.3.4-3\tawk
libssl3\tamd64\thold\tinstalled\t3.0.20\t
nano\tamd64\tdeinstall\tconfig-files\t7.2-1\t
apt\tamd64\tinstall\tinstalled\t2.6.1\tapt-transport-https (= 2.6.1)
zlib1g\ti386\tinstall\tinstalled\t1.2\t
libapt-pkg5.0\t\tunknown\tnot-installed\t\t
"""
POLICY = """\
nginx:
  Installed: (none)
  Candidate: 1.22.1-9+deb12u10
  Version table:
     1.22.1-9+deb12u10 500
        500 http://mirror/debian-security bookworm-security/main amd64 Packages
     1.22.1-9+deb12u9 500
        500 http://mirror/debian bookworm/main amd64 Packages
bash:
  Installed: 5.2.15-2+b13
  Candidate: 5.2.15-2+b14
  Version table:
     5.2.15-2+b14 500
        500 http://mirror/debian bookworm/main amd64 Packages
 *** 5.2.15-2+b13 500
        100 /var/lib/dpkg/status
libssl3:
  Installed: 3.0.20
  Candidate: 3.0.22
  Version table:
     3.0.22 500
        500 http://mirror/debian bookworm/main amd64 Packages
 *** 3.0.20 100
        100 /var/lib/dpkg/status
mail-transport-agent:
  Installed: (none)
  Candidate: (none)
  Version table:
"""
INSTALL_NGINX = """\
Reading package lists...
Inst nginx-common (1.22.1-9+deb12u10 Debian-Security:12/oldstable-security [all])
Inst libpcre2-8-0 [10.42-1] (10.42-1+deb12u2 Debian:12.15/oldstable [amd64])
Remv apache2 [2.4.6-1]
Inst nginx (1.22.1-9+deb12u10 Debian-Security:12/oldstable-security [amd64]) []
Conf nginx-common (1.22.1-9+deb12u10 Debian-Security:12/oldstable-security [all])
"""


def _dpkg_query(argv: Any, stdin: Any) -> str:
    names = argv[4:]
    lines = [line for line in ROWS.splitlines() if not names or line.split("\t")[0] in names]
    return "\n".join(lines) + "\n"


def _policy(argv: Any, stdin: Any) -> str:
    names = argv[argv.index("policy") + 1 :]
    blocks = ["nginx", "bash", "libssl3", "mail-transport-agent"]
    out = ""
    for name in names:
        if name in blocks:
            start = POLICY.index(f"{name}:\n")
            rest = POLICY[start + len(name) + 2 :]
            length = next((i for i, line in enumerate(rest.splitlines()) if not line.startswith(" ")), 99)
            out += f"{name}:\n" + "\n".join(rest.splitlines()[:length]) + "\n"
    return out


def _apt_cache(argv: Any, stdin: Any) -> str:
    if "policy" in argv:
        return _policy(argv, stdin)
    if "pkgnames" in argv:
        return "nginx\nnginx-light\nngircd\n"
    return "Package: x\nReverse Provides: \npostfix 3.7 (= )\nexim4 4.96 (= )\n"


def host(*, age_s: float = 60.0, plan: bool = True) -> RecordedSystem:
    """A Debian host whose index was refreshed `age_s` seconds ago."""
    system = RecordedSystem(plan=plan)
    system.answers = {
        "dpkg-query -W": _dpkg_query,
        "apt-cache": _apt_cache,
        "apt-get --simulate": INSTALL_NGINX,
    }
    system.put("/etc/apt/sources.list", "deb http://mirror bookworm main\n", mtime=NOW - 10**6)
    system.put("/var/lib/apt/lists/mirror_InRelease", mtime=NOW - age_s)
    system.put_directory("/var/lib/apt/lists", mtime=NOW - age_s)
    return system


def test_names_carry_versions_releases_and_wildcards() -> None:
    """A pin, a release, an architecture and a wildcard are told apart; options are no package names."""
    assert parse_wish("nginx=1.22*") == Wish("nginx", "1.22*")
    assert parse_wish("nginx/bookworm-backports") == Wish("nginx", None, "bookworm-backports")
    assert parse_wish("libc6:i386=2.36-9+deb12u4") == Wish("libc6:i386", "2.36-9+deb12u4")
    assert parse_wish("nginx>=1.22") == Wish("nginx", "1.22", at_least=True)
    assert parse_wish("g++") == Wish("g++")
    assert parse_wish("php8.2-*") == Wish("php8.2-*")
    assert [parse_wish(text) for text in ("-y", "--purge", "two words", "", "Nginx;reboot")] == [None] * 5


def test_rows_know_what_is_installed_held_and_left_over() -> None:
    """Only dpkg's `installed` counts: left configuration files and names merely heard of do not."""
    rows = parse_rows(ROWS)
    by_name = {row.name: row.state for row in rows}
    assert by_name["bash"] == {"exists": True, "version": "5.2.15-2+b13", "held": False, "config": False}
    assert by_name["libssl3"]["held"] is True
    assert by_name["nano"] == {"exists": False, "config": True}
    assert "libapt-pkg5.0" not in by_name
    assert provider_of("awk", rows) == "mawk"
    assert provider_of("apt-transport-https", rows) == "apt"


def test_another_architecture_does_not_count_as_installed() -> None:
    """zlib1g is there for i386 alone: the native one is still to be installed."""
    rows = parse_rows(ROWS)
    assert find_row(rows, "zlib1g", "amd64") is None
    assert find_row(rows, "zlib1g:i386", "amd64") is not None


def test_the_policy_lists_candidate_and_every_version() -> None:
    """A pin with a wildcard takes the candidate if it fits, else the highest version that does."""
    offers = parse_policy(POLICY)
    assert offers["nginx"] == Offer("1.22.1-9+deb12u10", ("1.22.1-9+deb12u10", "1.22.1-9+deb12u9"))
    assert offers["bash"].versions == ("5.2.15-2+b14", "5.2.15-2+b13")
    assert offers["mail-transport-agent"] == Offer(None)
    assert offers["nginx"].best(Wish("nginx", "1.22*").accepts) == "1.22.1-9+deb12u10"
    assert offers["nginx"].best(Wish("nginx", "*u9").accepts) == "1.22.1-9+deb12u9"
    assert offers["nginx"].best(Wish("nginx", "9*").accepts) is None


def test_steps_are_installs_upgrades_and_removals() -> None:
    """The simulation's lines carry old and new version; a removal has no new one."""
    assert parse_steps(INSTALL_NGINX) == [
        Step("nginx-common", None, "1.22.1-9+deb12u10"),
        Step("libpcre2-8-0", "10.42-1", "10.42-1+deb12u2"),
        Step("apache2", "2.4.6-1", None),
        Step("nginx", None, "1.22.1-9+deb12u10"),
    ]


def test_what_is_installed_needs_one_command_and_no_index() -> None:
    """The no-change case must cost one dpkg-query: no lock, no network, no apt."""
    system = host(age_s=10**6)
    assert not change_of(APT, system, name=["bash", "libssl3"], update_cache=True)
    assert len(system.queried) == 1
    assert system.queried[0][0] == "dpkg-query"


def test_a_missing_package_shows_the_version_it_will_have() -> None:
    """The plan names the candidate, and installing establishes its dependencies as well."""
    system = host()
    change = change_of(APT, system, name="nginx,bash", allow_removals=True)
    assert change.fields == ("package:nginx|version", "package:apache2|exists")
    assert change.after["package:nginx|version"] == "1.22.1-9+deb12u10"
    assert (change.before["package:apache2|exists"], change.after["package:apache2|exists"]) == (True, False)
    rest = converge(APT, system, name="nginx,bash", allow_removals=True)
    assert not rest
    assert system.established["package:nginx-common"]["exists"] is True  # type: ignore[index]
    assert system.established["package:apache2"]["exists"] is False  # type: ignore[index]
    assert not change_of(APT, system, name="nginx-common")


def test_an_apply_does_not_pay_for_the_simulation() -> None:
    """Only who asks for the established states has them predicted: apt's solver takes half a second."""
    system = host(plan=False)
    system.answers["apt-get -y"] = ""
    params = params_of(APT, name="nginx")
    APT.converge(system, params, change_of(APT, system, name="nginx"))
    assert not any("--simulate" in argv for argv in system.queried)
    assert system.commands == [
        "apt-get -y -q -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confdef"
        " -o Dpkg::Options::=--force-confold --no-remove install nginx"
    ]


def test_the_wrong_name_among_right_ones_is_named_with_the_nearest() -> None:
    """One wrong name must not hide behind apt's output, in the plan already."""
    with pytest.raises(TaskError) as caught:
        change_of(APT, host(), name=["bash", "nginxx", "nginx"])
    assert caught.value.message == "package 'nginxx' does not exist (E: Unable to locate package nginxx)"
    assert caught.value.hint == "did you mean 'nginx'?"


def test_an_empty_index_is_told_from_a_wrong_name() -> None:
    """On a host that never fetched an index every name is unknown: the hint must say so."""
    system = host()
    system.remove("/var/lib/apt/lists")
    with pytest.raises(TaskError) as caught:
        change_of(APT, system, name="nginxx")
    assert caught.value.hint == "the package index is empty: add `update_cache: true`"


def test_an_old_index_makes_versions_unknown() -> None:
    """What a refresh will bring cannot be known: the version is shown as such, a wrong name no error yet."""
    system = host(age_s=7200)
    change = change_of(APT, system, name=["nginx", "brand-new"], update_cache=True)
    assert change.after["package:nginx|version"] is UNKNOWN
    assert change.after["package:brand-new|version"] is UNKNOWN
    assert change.before["refresh"] is True


def test_after_an_earlier_refresh_in_a_plan_versions_are_unknown() -> None:
    """A plan must not show the old index's version as exact behind a task that refreshes it."""
    system = host(age_s=10**6)
    assert not converge(APT, system, update_cache=True)
    change = change_of(APT, system, name="nginx")
    assert change.after["package:nginx|version"] is UNKNOWN


@pytest.mark.parametrize(
    ("age_s", "valid", "due"),
    [(60, None, False), (7200, None, True), (7200, 10800, False), (20000, 10800, True), (60, 0, False)],
)
def test_the_index_is_refreshed_when_it_is_too_old(age_s: float, valid: int | None, due: bool) -> None:
    """`cache_valid_time` counts; without one (or 0) an hour does, so that applying twice changes nothing."""
    raw: dict[str, Any] = {"update_cache": True} | ({} if valid is None else {"cache_valid_time": valid})
    assert bool(change_of(APT, host(age_s=age_s), **raw)) is due


def test_a_new_source_makes_the_index_too_old() -> None:
    """A repository added a minute ago is not in an index of two minutes ago."""
    system = host(age_s=120)
    system.put("/etc/apt/sources.list.d/docker.sources", "Types: deb\n", mtime=NOW - 60)
    assert change_of(APT, system, update_cache=True)


def test_latest_follows_the_candidate_and_respects_holds() -> None:
    """A newer candidate is a change; a held package is reported instead of failing inside apt."""
    system = host()
    system.answers["dpkg --compare-versions"] = (1, "", "")
    change = change_of(APT, system, name="bash", state="latest")
    assert change.after["package:bash|version"] == "5.2.15-2+b14"
    with pytest.raises(TaskError, match=r"held at 3\.0\.20, and 3\.0\.22 is wanted"):
        change_of(APT, system, name="libssl3", state="latest")
    assert change_of(APT, system, name="libssl3", state="latest", allow_change_held_packages=True)


def test_a_pin_below_the_installed_version_needs_permission() -> None:
    """Going back is refused in the plan, as apt would refuse it in the apply."""
    system = host()
    system.answers["dpkg --compare-versions"] = (0, "", "")
    pin = "bash=5.2.15-2+b14"
    with pytest.raises(TaskError, match="newer than"):
        change_of(APT, system, name=pin)
    assert change_of(APT, system, name=pin, allow_downgrade=True)
    assert not change_of(APT, system, name="bash=5.2.15-2+*")


def test_virtual_packages_are_satisfied_by_their_providers() -> None:
    """`awk` is there through mawk; several possible providers ask for a decision."""
    assert not change_of(APT, host(), name="awk")
    with pytest.raises(TaskError) as caught:
        change_of(APT, host(), name="mail-transport-agent")
    assert caught.value.hint == "name one of them: exim4, postfix"


def test_removing_shows_what_goes_along() -> None:
    """Packages that depend on the removed one are part of the change."""
    system = host()
    system.answers["apt-get --simulate"] = "Remv rbash [1]\nRemv bash [5.2.15-2+b13]\n"
    change = change_of(APT, system, name="bash", state="absent")
    assert set(change.fields) == {"package:bash|version", "package:rbash|exists"}
    assert not converge(APT, system, name="bash", state="absent")
    assert not change_of(APT, host(), name="nginx", state="absent")


def test_a_removal_that_nobody_asked_for_is_refused() -> None:
    """The plan hears it from the simulation, the apply from apt-get itself; both name what would go."""
    refusal = (
        100,
        "The following packages will be REMOVED:\n  apache2 apache2-bin*\nThe following NEW packages\n",
        "E: Packages need to be removed but remove is disabled.\n",
    )
    for plan in (True, False):
        system = host(plan=plan)
        system.answers |= {"apt-get --simulate": refusal, "apt-get -y": refusal}
        with pytest.raises(TaskError) as caught:
            converge(APT, system, name="nginx")
        assert caught.value.message == "this would remove apache2, apache2-bin, which was not asked for"
        assert "allow_removals" in (caught.value.hint or "")


def test_what_is_no_longer_needed_goes_with_autoremove_alone() -> None:
    """Asked without autoremove first, apt-get would refuse any other removal."""
    system = host(plan=False)
    asked: list[str] = []

    def simulate(argv: Any, stdin: Any) -> str:
        asked.append(" ".join(argv))
        return "Remv libold [1]\n" if "--auto-remove" in argv else ""

    system.answers |= {"apt-get --simulate": simulate, "apt-get -y": ""}
    change = change_of(APT, system, name="nginx", autoremove=True)
    assert change.fields == ("package:nginx|version", "package:libold|exists")
    assert [("--no-remove" in line, "--auto-remove" in line) for line in asked] == [
        (True, False),
        (False, True),
    ]
    APT.converge(system, params_of(APT, name="nginx", autoremove=True), change)
    assert system.commands[-1].endswith("--force-confold install --auto-remove nginx")


def test_a_star_means_all_that_is_installed() -> None:
    """`name: "*"` with `latest` is an upgrade, and never the whole archive."""
    system = host()
    params = params_of(APT, name="*", state="latest")
    assert params.upgrade_action == ("upgrade", "--with-new-pkgs")
    assert APT.subject(params) == "package:**"
    assert change_of(APT, system, name="*", state="latest").after["package:libpcre2-8-0|version"]


def test_the_database_is_read_once_for_many_tasks() -> None:
    """Twenty tasks with nothing to do cost one dpkg-query; a change of the database asks anew."""
    system = host()
    system.put("/var/lib/dpkg/status", "x", mtime=1.0)
    entry = system.files["/var/lib/dpkg/status"]
    entry.stat = replace(entry.stat, inode=4711)
    for name in ("bash", "libssl3", "mawk"):
        assert not change_of(APT, system, name=name)
    assert len(system.queried) == 1
    entry.stat = replace(entry.stat, mtime=2.0)
    assert not change_of(APT, system, name="bash")
    assert len(system.queried) == 2


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("Could not get lock /x. It is held by process 634 (apt-get)", "process 634 (apt-get)"),
        ("dpkg: error: dpkg frontend lock was locked by another process with pid 7", "process 7"),
        ("You don't have enough free space in /var/cache/apt/archives/.", "on /var/cache/apt/archives/:"),
        ("cannot copy: No space left on device", "free some space"),
        ("Temporary failure resolving 'deb.debian.org'", "cannot reach deb.debian.org"),
        ("Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: refused)", "reach 127.0.0.1:9"),
        ("E: Held packages were changed and -y was used", "allow_change_held_packages"),
        ("E: Unable to fetch some archives, maybe run apt-get update", "update_cache"),
        ("E: something else", ""),
    ],
)
def test_refusals_say_what_helps(said: str, hint: str) -> None:
    """No network, no space and a held lock are told apart, and who holds it is named."""
    assert hint in (hint_for_output(said) or "")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("policykit-1", "this release has it as 'polkitd'"),
        ("docker-ce", "Docker's own repository"),
        ("php7.4-fpm", "this release has 'php8.2-fpm'"),
        ("libssl1.1", "'libssl3t64'"),
        ("python-yaml", "this release has it as 'python3-yaml'"),
        ("ngixn", "did you mean 'nginx'?"),
    ],
)
def test_renamed_packages_have_a_hint(name: str, hint: str) -> None:
    """A role of an older release names packages that have other names now."""
    names = ["nginx", "php8.2-fpm", "libssl3t64", "python3-yaml", "polkitd"]
    assert hint in (hint_for(name, lambda _: names) or "")


def test_purge_removes_left_configuration_files() -> None:
    """`absent` is content with a removed package; `purge` also wants its configuration gone."""
    system = host()
    assert not change_of(APT, system, name="nano", state="absent")
    assert change_of(APT, system, name="nano", state="absent", purge=True).fields == ("package:nano|config",)
    assert not converge(APT, system, name="nano", state="absent", purge=True)
    assert system.commands[-1].endswith("purge nano")


def test_only_upgrade_leaves_missing_packages_alone() -> None:
    """What is not installed is not what `only_upgrade` is about."""
    assert not change_of(APT, host(), name="nginx", state="latest", only_upgrade=True)


def test_one_call_installs_for_many_tasks() -> None:
    """Batched tasks share one transaction, and each is asked for once; what apt-get said is of all."""
    system = host(plan=False)
    tasks = [params_of(APT, name="nginx"), params_of(APT, name=["nginx", "bash"], state="latest")]
    system.answers["dpkg --compare-versions"] = (1, "", "")
    system.answers["apt-get -y"] = "Setting up nginx\n"
    items = []
    for params in tasks:
        actual = APT.observe(system, params)
        items.append((params, APT.compare(params, actual, APT.desired(params, actual))))
    proof = APT.converge_batch(system, items)
    assert proof == {"cache_updated": False, "stdout": "Setting up nginx\n", "stderr": ""}
    assert APT.outputs(tasks[0], APT.observe(system, tasks[0]) | proof) == {
        "cache_updated": False,
        "stdout": "Setting up nginx\n",
        "stdout_lines": ["Setting up nginx"],
        "stderr": "",
        "stderr_lines": [],
    }
    assert len(system.ran) == 1
    assert system.commands[0].endswith("install nginx bash")
    assert APT.batch_key(tasks[0]) == APT.batch_key(tasks[1])
    assert APT.batch_key(params_of(APT, name="nginx", install_recommends=False)) != APT.batch_key(tasks[0])
    assert APT.batch_key(params_of(APT, name="nginx", state="absent")) is None


def test_what_many_tasks_ask_is_asked_once() -> None:
    """apt-cache takes a tenth of a second, for one name as for many; after a command it is asked anew."""
    system = host(plan=False)
    system.answers |= {"dpkg --compare-versions": (1, "", ""), "true": ""}
    tasks = [params_of(APT, name="nginx"), params_of(APT, name="bash", state="latest")]
    APT.anticipate(system, tasks)
    for params in tasks:
        APT.observe(system, params)
    asked = [argv for argv in system.queried if argv[0] == "apt-cache"]
    assert [argv[-2:] for argv in asked] == [("nginx", "bash")]
    system.run(["true"])
    APT.observe(system, tasks[0])
    assert len([argv for argv in system.queried if argv[0] == "apt-cache"]) == 2


def test_an_interrupted_dpkg_is_set_right_and_the_install_repeated() -> None:
    """A host that lost power inside dpkg must not need a login to be usable again."""
    seen: list[int] = []

    def install(argv: Any, stdin: Any) -> Any:
        seen.append(1)
        if len(seen) == 1:
            return 100, "", "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'\n"
        return ""

    system = host(plan=False)
    system.answers |= {"apt-get -y": install, "dpkg": ""}
    APT.converge(system, params_of(APT, name="nginx"), change_of(APT, system, name="nginx"))
    assert len(seen) == 2
    assert "dpkg --force-confdef --force-confold --configure -a" in system.commands


def test_a_refresh_waits_for_the_lock_and_retries_what_may_pass() -> None:
    """Debian's own timer holds the lists for a while; a missing Release file will not appear by waiting."""
    answers = [
        (100, "", "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 634 (apt-get)\n"),
        (100, "", "E: Failed to fetch http://mirror/x  503  busy\n"),
        (0, "", ""),
    ]
    system = host(age_s=10**6, plan=False)
    system.answers |= {"apt-get -q": lambda argv, stdin: answers.pop(0), "sleep": ""}
    assert not converge(APT, system, update_cache=True)
    assert not answers
    system.answers["apt-get -q"] = (100, "", "E: The repository 'x' does not have a Release file.\n")
    system.set_times("/var/lib/apt/lists", mtime=NOW - 10**6)
    before = len(system.ran)
    with pytest.raises(TaskError, match="does not have a Release file"):
        converge(APT, system, update_cache=True)
    assert len(system.ran) == before + 1


def test_failed_packages_are_named() -> None:
    """A failing maintainer script is found at the end of apt's output, not in its first line."""
    error = explain(
        CommandResult(
            ("apt-get",),
            100,
            "",
            "dpkg: error processing\nErrors were encountered while processing:\n nginx-core\n nginx\n"
            "E: Sub-process /usr/bin/dpkg returned an error code (1)\n",
        )
    )
    assert error.message == "could not be installed or configured: nginx-core, nginx"


def test_policy_rc_d_is_put_back() -> None:
    """Services must not stay forbidden to start after the task, whatever was there before."""
    system = host(plan=False)
    system.answers["apt-get -y"] = ""
    system.put("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 0\n", mode=0o755)
    APT.converge(system, params_of(APT, name="nginx", policy_rc_d=101), change_of(APT, system, name="nginx"))
    assert system.read("/usr/sbin/policy-rc.d") == b"#!/bin/sh\nexit 0\n"
    system.remove("/usr/sbin/policy-rc.d")
    system.answers["apt-get -y"] = (100, "", "E: no\n")
    with pytest.raises(TaskError):
        APT.converge(
            system, params_of(APT, name="nginx", policy_rc_d=101), change_of(APT, system, name="nginx")
        )
    assert system.stat("/usr/sbin/policy-rc.d") is None


def test_nothing_asked_for_is_nothing_done() -> None:
    """A list of packages that a role leaves empty is no mistake."""
    assert not change_of(APT, host())
    for state in ("present", "latest", "absent"):
        assert not change_of(APT, host(), name=[], state=state)


def test_parameters_that_mean_nothing_are_refused() -> None:
    """What cannot work is said before any host is touched."""
    assert problems_of(APT, name="-y") == ["'-y' is not a package name"]
    assert problems_of(APT, deb="ftp://example.org/x.deb") == ["cannot be fetched: 'ftp://example.org/x.deb'"]
    assert problems_of(APT, name="x1", deb="/tmp/x.deb") == ["'deb' and 'name' exclude each other"]
    assert problems_of(APT, upgrade="dist", name="nginx") == ["'upgrade' excludes 'name' and 'deb'"]
    assert not problems_of(APT, upgrade=True)


def test_effects_say_that_a_package_may_touch_anything() -> None:
    """Order depends on it: a file task after an install must not overtake it; a refresh hinders nobody."""
    install = APT.effects(params_of(APT, name="nginx"))
    assert {"package:nginx", "path:**", "unit:**", "user:**", "group:**"} <= install.writes
    assert APT.effects(params_of(APT, update_cache=True)).writes == {"apt-index:"}
    assert "package:**" in APT.effects(params_of(APT, upgrade="dist")).writes


def test_a_hold_that_a_plan_ends_does_not_stop_its_upgrade() -> None:
    """apt-get knows nothing of the plan: its simulation is told to overlook the hold that is gone by then."""
    system = host()
    asked: list[str] = []

    def simulate(argv: Any, stdin: Any) -> str:
        asked.append(" ".join(argv))
        return ""

    system.answers |= {"apt-get --simulate": simulate, "dpkg --compare-versions": (1, "", "")}
    converge(SELECTIONS, system, name="libssl3", selection="install")
    assert not converge(APT, system, name="libssl3", state="latest")
    assert "--allow-change-held-packages" in asked[-1]
    assert "--allow-change-held-packages" not in system.commands[-1]


def test_marks_are_of_packages_that_dpkg_knows() -> None:
    """dpkg itself only warns, and forgets the mark."""
    system = host()
    assert not change_of(SELECTIONS, system, name="libssl3", selection="hold")
    assert not converge(SELECTIONS, system, name="bash", selection="hold")
    assert system.ran == [(("dpkg", "--set-selections"), "bash hold\n")]
    with pytest.raises(TaskError) as caught:
        change_of(SELECTIONS, system, name="bahs", selection="hold")
    assert caught.value.hint == "did you mean 'bash'?"
    assert problems_of(SELECTIONS, name="bash=1", selection="hold")
