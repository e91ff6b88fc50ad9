"""The project as a whole: hosts, connections, roles of hosts, built-in roles."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from configurator.compiler.roles import builtin_roles_path
from configurator.core.errors import InputError
from configurator.inventory.hosts import HostAddress
from tests.unit.compiler.projects import FACTS, load, shown

SITE = {
    "config.yaml": """
        ssh: {user: default, port: 2200, private_key_file: keys/id}
        site:
          - hosts: all
            roles: [base]
          - {hosts: "web:!web2", roles: [r, base], vars: {v: web}, tags: [w]}
          - {hosts: db, roles: [{role: db, requires: [store]}], become: false}
    """,
    "inventory/hosts.yml": """
        web: {hosts: {web1: {ansible_host: "10.0.0.{{ n }}", n: 1}, web2: }}
        db: {hosts: {db1: {ansible_user: joe, ansible_port: 22, ansible_ssh_private_key_file: ~/k}}}
    """,
    "roles/base/tasks/main.yml": "- command: base {{ v | default('-') }}",
    "roles/r/tasks/main.yml": "- command: r {{ v }}",
    "roles/db/tasks/main.yml": "- command: db",
    "roles/store/tasks/main.yml": "- command: store",
}


def diagnostics(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [shown(problem) for problem in error.value.diagnostics]


def test_each_host_gets_the_roles_of_all_entries_that_mean_it() -> None:
    """In their order, each once, what is required first; the variables of all its entries."""
    project = load(SITE)
    assert {host.name: project.roles_for(host) for host in project.hosts()} == {
        "web1": ["base", "r"],
        "web2": ["base"],
        "db1": ["base", "store", "db"],
    }
    [web1] = project.hosts(["web1"])
    graph = project.compile(web1, FACTS)
    assert [spec.params["cmd"] for spec in graph.tasks if not spec.barrier] == ["base web", "r web"]


def test_connections_are_rendered_and_rest_on_the_settings() -> None:
    """Relative keys count from the folder of config.yaml; sudo is left out where no entry wants it."""
    project = load(SITE)
    addresses = {host.name: project.connection(host) for host in project.hosts()}
    keys = os.path.join(project.root, "keys/id")
    assert addresses["web1"] == HostAddress("10.0.0.1", 2200, "default", keys)
    assert addresses["db1"] == HostAddress("db1", 22, "joe", os.path.expanduser("~/k"))


def test_sudo_is_left_out_where_nothing_wants_it() -> None:
    """All entries say `become: false`, or the host does."""
    project = load(
        {
            "config.yaml": "site: [{hosts: all, roles: [r], become: false}]",
            "inventory/hosts.yml": "all: {hosts: {a: , b: {ansible_become: true}}}",
        }
    )
    assert [project.connection(host).become for host in project.hosts()] == [False, True]


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ("ansible_port: ssh", "inventory/hosts.yml:1:33: 'ansible_port' must be a port number"),
        ("ansible_host: '{{ nope }}'", "inventory/hosts.yml:1:37: the variable 'nope' is not defined"),
        (
            "ansible_connection: winrm",
            "inventory/hosts.yml:1:39: 'ansible_connection' can only be 'ssh' or 'local' so far",
        ),
    ],
)
def test_a_wrong_connection_variable_is_shown_at_its_place(variables: str, problem: str) -> None:
    """Before anything is connected to."""
    project = load({"inventory/hosts.yml": f"all: {{hosts: {{h: {{{variables}}}}}}}"})
    with pytest.raises(InputError) as caught:
        project.connection(project.hosts()[0])
    assert diagnostics(caught)[0].startswith(problem)


def test_ignored_connection_variables_are_warned_about() -> None:
    """They would be expected to do something."""
    project = load({"inventory/group_vars/all.yml": "ansible_ssh_common_args: -o X=y"})
    instead = (
        "put options for SSH into ~/.ssh/config, and where keys of hosts are on record into "
        "ansible_ssh_known_hosts_file"
    )
    assert [str(warning) for warning in project.warnings] == [
        f"inventory/group_vars/all.yml:1:26: 'ansible_ssh_common_args' is ignored: {instead}"
    ]


def test_a_variable_that_is_ignored_at_many_hosts_is_one_warning() -> None:
    hosts = "{a: {ansible_ssh_args: x}, b: {ansible_ssh_args: x}, c: {}}"
    project = load({"inventory/hosts.yml": f"all: {{hosts: {hosts}}}"})
    [warning] = [str(warning) for warning in project.warnings]
    assert "'ansible_ssh_args' is ignored in 2 places: put " in warning


def test_an_ad_hoc_host_is_a_member_of_all() -> None:
    """It gets the roles of entries for `all`; where there is none, --role is demanded."""
    project = load(SITE)
    [host] = project.hosts(["root@203.0.113.1:2222"])
    assert project.connection(host).port == 2222
    assert project.roles_for(host) == ["base"]
    graph = project.compile(host, FACTS)
    assert [spec.params["cmd"] for spec in graph.tasks if not spec.barrier] == ["base -"]

    project = load({"config.yaml": "site: [{hosts: h, roles: [r]}]"})
    hosts = project.hosts(["root@203.0.113.1", "h"])
    with pytest.raises(InputError) as caught:
        project.check_selection(hosts)
    assert diagnostics(caught) == [
        "--host: no entry of 'site:' gives 'root@203.0.113.1' a role []"
        " (name the roles with --role, or add an entry to 'site:' in config.yaml)"
    ]
    project.check_selection(hosts, roles=["r"])
    assert project.roles_for(hosts[1], ["r"]) == ["r"]


def test_a_run_that_would_do_nothing_is_refused() -> None:
    """No host at all, or hosts without a single role."""
    with pytest.raises(InputError, match="there is no host to work on"):
        load({"inventory/hosts.yml": ""}).hosts()
    project = load({"config.yaml": ""})
    with pytest.raises(InputError, match="no entry of 'site:' gives 'h' a role"):
        project.check_selection(project.hosts())


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("[base, r]", ["base", "r -"]),
        ("[{role: r, when: false}]", [None, None]),
        ("[r, {role: base, when: false}]", [None, "r -"]),
        ("[{role: r, vars: {x: 1}}, {role: r, vars: {x: 2}}]", ["base", "r 1", "r 2"]),
        ("[{role: r, when: false}, base]", ["base", None]),
        ("[{role: r, x: 3}]", ["base", "r 3"]),
        ("[r, r]", ["base", "r -"]),
    ],
)
def test_a_role_is_compiled_once_for_each_different_wish(site: str, expected: list[str | None]) -> None:
    """Twice the same is once; other variables are another use; a need takes over the condition."""
    files = {
        "config.yaml": f"site: [{{hosts: all, roles: {site}}}]" if "x: 3" not in site else "",
        "roles/r/meta/main.yml": "dependencies: [base]",
        "roles/base/tasks/main.yml": "- command: base",
        "roles/r/tasks/main.yml": "- command: r {{ x | default('-') }}",
    }
    if "x: 3" in site:  # other keys are variables in meta/main.yml alone, as in Ansible's older files
        files["config.yaml"] = "site: [{hosts: all, roles: [outer]}]"
        files["roles/outer/meta/main.yml"] = f"dependencies: {site}"
    project = load(files)
    graph = project.compile(project.hosts()[0], FACTS)
    assert [spec.params.get("cmd") for spec in graph.tasks if not spec.barrier] == expected


def test_a_need_with_its_own_variables_counts_beside_a_plain_entry() -> None:
    """The site wants the role as it is, and another role wants it with other variables: both happen."""
    files = {
        "config.yaml": "site: [{hosts: all, roles: [base, r]}]",
        "roles/r/meta/main.yml": "dependencies: [{role: base, vars: {x: 1}}]",
        "roles/base/tasks/main.yml": "- command: base {{ x | default('-') }}",
        "roles/r/tasks/main.yml": "- command: r",
    }
    project = load(files)
    graph = project.compile(project.hosts()[0], FACTS)
    found = [spec.params.get("cmd") for spec in graph.tasks if not spec.barrier]
    assert found == ["base -", "base 1", "r"]


def test_the_projects_roles_win_over_the_built_in_ones(tmp_path: Path) -> None:
    """Of two roles of one name the project's own is used; built-in ones need no file in the project."""
    builtin = tmp_path / "builtin"
    for name in ("r", "extra"):
        (builtin / name / "tasks").mkdir(parents=True)
        (builtin / name / "tasks" / "main.yml").write_text(f"- command: builtin {name}\n")
    files: Mapping[str, str] = {
        "config.yaml": "site: [{hosts: all, roles: [r, extra]}]",
        "roles/r/tasks/main.yml": "- command: own r",
    }
    project = load(files, roles_path=str(builtin))
    graph = project.compile(project.hosts()[0], FACTS)
    assert [spec.params["cmd"] for spec in graph.tasks if not spec.barrier] == ["own r", "builtin extra"]


def test_the_built_in_roles_are_found_beside_or_inside_the_package() -> None:
    """A checkout has them beside the package, a wheel inside it."""
    path = Path(builtin_roles_path())
    assert path.name in ("roles", "_roles")
    assert path.is_dir()


def test_paths_count_from_the_folder_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--config elsewhere/config.yaml` finds that project's inventory, roles and files."""
    load({"roles/r/tasks/main.yml": "- copy: {src: f, dest: /f}", "files/f": "x"})
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    from configurator.compiler.project import Project  # noqa: PLC0415

    project = Project.load("../config.yaml", roles_path="/nonexistent")
    assert project.root == str(tmp_path)
    graph = project.compile(project.hosts()[0], FACTS)
    assert graph.tasks[0].params["content"] == "x"


def test_variables_of_groups_that_do_not_exist_are_warned_about() -> None:
    """A misspelt file name would otherwise configure nothing, silently."""
    project = load(
        {
            "inventory/hosts.yml": "web: {hosts: {web1: }}",
            "inventory/group_vars/wbe.yml": "a: 1",
            "inventory/group_vars/web.yml": "a: 1",
            "inventory/host_vars/web2/x.yml": "a: 1",
        }
    )
    assert [shown(warning) for warning in project.warnings] == [
        "inventory/group_vars/wbe.yml: no group is named 'wbe': these variables are not used []"
        " (did you mean 'web'?)",
        "inventory/host_vars/web2/x.yml: no host is named 'web2': these variables are not used []"
        " (did you mean 'web1'?)",
    ]


def test_a_host_that_gets_no_role_is_not_gone_to() -> None:
    """It need not even be there; roles named at the command line are for all."""
    project = load(
        {
            "config.yaml": "site: [{hosts: h, roles: [r]}, {hosts: idle, roles: []}]",
            "inventory/hosts.yml": "all: {hosts: {h: , idle: , other: }}",
        }
    )
    hosts = project.hosts()
    assert [host.name for host in project.with_work(hosts)] == ["h"]
    assert project.with_work(hosts, ["r"]) == hosts
