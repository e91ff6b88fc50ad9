"""Files and templates are read on the controller; the host gets contents."""

from __future__ import annotations

import hashlib
import os

import pytest

from configurator.agent.protocol import INLINE_BYTES
from tests.unit.compiler.projects import graph_of, problems_of, role_problems, tasks_of


def test_a_template_travels_as_its_content() -> None:
    """Without `src` and what concerns rendering alone; the whole name stays, for a folder as destination."""
    [spec] = tasks_of(
        "- template: {src: sub/a.conf.j2, dest: /etc/a, mode: '0640', owner: root, trim_blocks: false}",
        {"roles/r/templates/sub/a.conf.j2": "{% if true %}\nhost {{ inventory_hostname }}\n{% endif %}\n"},
    )
    assert spec.module == "template"
    assert dict(spec.params) == {
        "dest": "/etc/a",
        "mode": "0640",
        "owner": "root",
        "_original_basename": "a.conf.j2",
        "content": "\nhost h\n",
    }


@pytest.mark.parametrize(
    ("options", "source", "content"),
    [
        ("", "{% if true %}\n  a\n{% endif %}\n", "  a\n"),
        ("", "  {% if true %}\na\n  {% endif %}\nb", "  a\n  b"),
        (", lstrip_blocks: true", "  {% if true %}\na\n  {% endif %}\nb", "a\nb"),
        (", newline_sequence: '\\r\\n'", "a\nb\n", "a\r\nb\r\n"),
        (', newline_sequence: "\\r\\n"', "a\nb\n", "a\r\nb\r\n"),
        (", variable_start_string: '[[', variable_end_string: ']]'", "[[ 1 + 1 ]] {{ x }}", "2 {{ x }}"),
        (", output_encoding: latin-1", "ü", {"$base64": "/A=="}),
        ("", "#jinja2: variable_start_string: '<<', variable_end_string: '>>'\n<< 1 >>\n", "1\n"),
        ("", "#jinja2: line_statement_prefix: '%'\n% for i in [1, 2]\n{{ i }}\n% endfor\n", "1\n2\n"),
        ("", "#jinja2: keep_trailing_newline: True\n{{ 1 }}\n", "1\n"),
        ("", "# {{ ansible_managed }}\n", "# Ansible managed\n"),
        ("", "{% import 'm.j2' as m %}{{ m.hi(inventory_hostname) }}", "hi h"),
        ("", "{% for item in [1, 2] %}{% include 'i.j2' %}{% endfor %}", "1h2h"),
        ("", "{{ none_value }}|{{ true }}|{{ [1, 'a'] }}", "|True|[1, 'a']"),
    ],
)
def test_templates_render_with_ansibles_settings(options: str, source: str, content: object) -> None:
    """trim_blocks on, lstrip_blocks off, the last newline kept; settings by parameter and by header."""
    [spec] = tasks_of(
        f"- template: {{src: t.j2, dest: /t{options}}}",
        {
            "roles/r/templates/t.j2": source,
            "roles/r/templates/m.j2": "{% macro hi(x) %}hi {{ x }}{% endmacro %}",
            "roles/r/templates/i.j2": "{{ item }}{{ inventory_hostname }}",
            "roles/r/vars/main.yml": "none_value:",
        },
    )
    assert spec.params["content"] == content


def test_a_copy_into_a_folder_keeps_the_whole_name() -> None:
    """A template that is not rendered is a file like any other."""
    [spec] = tasks_of("- copy: {src: a.j2, dest: /etc/d/}", {"roles/r/files/a.j2": "{{ x }}\n"})
    assert spec.params["_original_basename"] == "a.j2"


def test_contents_travel_as_text_base64_or_digest() -> None:
    """Small text inline, small binaries as base64, large ones only when the host asks for them."""
    big = os.urandom(INLINE_BYTES + 1)
    graph = graph_of(
        {
            "roles/r/tasks/main.yml": """
                - copy: {src: text, dest: /a/}
                - copy: {src: binary, dest: /b, mode: preserve}
                - copy: {src: big, dest: /c}
                - copy: {content: "{{ 'x' * 9000 }}", dest: /d}
                - copy: {content: {a: [1]}, dest: /e}
                - copy: {content: "", dest: /f}
                - copy: {content: 5, dest: /g}
            """,
            "roles/r/files/text": "ü\n",
            "roles/r/files/binary": b"\xff\x00",
            "roles/r/files/big": big,
        }
    )
    os.chmod("roles/r/files/binary", 0o750)
    found = [dict(spec.params) for spec in graph.tasks if not spec.barrier]
    assert found[0] == {"dest": "/a/", "content": "ü\n", "_original_basename": "text"}
    assert found[1]["content"] == {"$base64": "/wA="}
    digest = hashlib.sha256(big).hexdigest()
    assert found[2]["content"] == {"$blob": digest}
    assert graph.blobs[digest] == big
    assert graph.blobs[found[3]["content"]["$blob"]] == b"x" * 9000
    assert [item["content"] for item in found[4:]] == ['{"a": [1]}', "", "5"]


def test_preserve_means_the_mode_of_the_file_on_the_controller() -> None:
    """The host cannot look at it."""
    files = {"roles/r/tasks/main.yml": "- copy: {src: x, dest: /x, mode: preserve}", "roles/r/files/x": "x"}
    problems_of(files)
    os.chmod("roles/r/files/x", 0o750)
    graph = graph_of(files)
    assert graph.tasks[0].params["mode"] == "0750"


def test_links_of_a_folder_stay_links_without_local_follow() -> None:
    """Those to files, to folders and to nothing."""
    files: dict[str, str | bytes] = {
        "roles/r/tasks/main.yml": "- copy: {src: tree/, dest: /opt, local_follow: false, mode: '0600'}",
        "roles/r/files/tree/a": "A",
        "roles/r/files/tree/sub/b": "B",
    }
    problems_of(files)
    for name, target in (("file", "a"), ("folder", "sub"), ("lost", "nothing")):
        os.symlink(target, f"roles/r/files/tree/{name}")
    found = [spec.params for spec in graph_of(files).tasks if not spec.barrier]
    links = [(one["path"], one["src"]) for one in found if one.get("state") == "link"]
    assert links == [("/opt/file", "a"), ("/opt/folder", "sub"), ("/opt/lost", "nothing")]
    assert [one["dest"] for one in found if "dest" in one] == ["/opt/a", "/opt/sub/b"]


def test_content_that_is_a_boolean_is_written_as_python_does() -> None:
    """As Ansible does, whether it is written so or comes from a variable."""
    files = {"roles/r/tasks/main.yml": "- copy: {dest: /x, content: true}"}
    assert graph_of(files).tasks[0].params["content"] == "True"


def test_a_folder_becomes_a_task_for_each_thing_in_it() -> None:
    """With a slash behind `src` the inside alone; empty folders too; links are followed."""
    files: dict[str, str | bytes] = {
        "roles/r/tasks/main.yml": """
            - name: tree
              copy: {src: tree, dest: /opt/, owner: joe, directory_mode: '0750', mode: '0640'}
            - copy: {src: tree/, dest: /srv}
        """,
        "roles/r/files/tree/a": "A",
        "roles/r/files/tree/sub/b": b"\xff",
        "roles/r/files/tree/sub/link": "",
    }
    problems_of(files)
    os.unlink("roles/r/files/tree/sub/link")
    os.symlink("../a", "roles/r/files/tree/sub/link")
    os.mkdir("roles/r/files/tree/empty")
    del files["roles/r/files/tree/sub/link"]
    found = [spec for spec in graph_of(files).tasks if not spec.barrier]
    paths = [(spec.module, spec.params.get("path") or spec.params["dest"]) for spec in found]
    assert paths[:6] == [
        ("file", "/opt/tree"),
        ("copy", "/opt/tree/a"),
        ("file", "/opt/tree/empty"),
        ("file", "/opt/tree/sub"),
        ("copy", "/opt/tree/sub/b"),
        ("copy", "/opt/tree/sub/link"),
    ]
    assert dict(found[0].params) == {
        "path": "/opt/tree",
        "state": "directory",
        "owner": "joe",
        "_directory_mode": "0750",
    }
    assert (found[1].params["mode"], found[1].params["owner"]) == ("0640", "joe")
    assert found[5].params["content"] == "A"
    assert paths[6:8] == [("file", "/srv"), ("copy", "/srv/a")]
    assert len({spec.id for spec in found}) == len(found)
    assert found[1].name == "tree (/opt/tree/a)"


def test_remote_files_are_left_to_the_host() -> None:
    """`remote_src` names a file there, which need not exist here."""
    [spec] = tasks_of("- copy: {src: /etc/skel, dest: /x, remote_src: true}")
    assert dict(spec.params) == {"src": "/etc/skel", "dest": "/x", "remote_src": True}


def test_files_are_looked_for_in_the_role_then_in_the_project() -> None:
    """As Ansible does; absolute names stand for themselves."""
    files = {
        "files/one": "project",
        "roles/r/files/one": "role",
        "files/two": "project",
        "three": "root",
        "templates/four": "{{ 4 }}",
    }
    tasks = "".join(f"- copy: {{src: {name}, dest: /{name}}}\n" for name in ("one", "two", "three"))
    found = tasks_of(f"{tasks}- template: {{src: four, dest: /four}}\n", files)
    assert [spec.params["content"] for spec in found] == ["role", "project", "root", "4"]


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("copy: {src: x, content: y, dest: /x}", "1:18: 'src' and 'content' exclude each other"),
        ("template: {src: d, dest: /x}", "1:19: there is no template 'd'"),
        (
            "template: {src: t, dest: /x, output_encoding: nope}",
            "1:49: cannot encode the text: unknown encoding",
        ),
        (
            "template: {src: t, dest: /x, output_encoding: ascii}",
            "1:49: cannot encode the text: 'ascii' codec",
        ),
        ("copy: {src: '{{ inventory_hostname }}.key', dest: /x}", "1:15: there is no file 'h.key'"),
    ],
)
def test_what_cannot_be_read_is_shown_at_the_parameter(task: str, problem: str) -> None:
    """Each is a mistake in one task; the others are compiled all the same."""
    more = {"roles/r/files/x": "x", "roles/r/templates/d/e": "e", "roles/r/templates/t": "ü"}
    found = role_problems(f"- {task}", more)
    assert len(found) == 1
    assert found[0].startswith(problem)


@pytest.mark.parametrize(
    ("source", "content"),
    [
        ("{% extends 'base.j2' %}{% block b %}{{ super() }}+{{ v }}{% endblock %}", "<base+1>"),
        ("{% for i in [1, 2] %}{% block b scoped %}{{ i }}{{ v }}{% endblock %}{% endfor %}", "1121"),
        ("{% import 'base.j2' as b with context %}{{ b.name() }}", "h"),
        ("{% from 'base.j2' import shout %}{{ shout('x') }}", "X!"),
        ("{% macro m() %}{{ v }}{{ caller() }}{% endmacro %}{% call m() %}c{% endcall %}", "1c"),
        ("{% set v = 5 %}{{ v }}{% include 'inc.j2' %}", "55"),
        ("{% for v in [7] %}{% include 'inc.j2' %}{% endfor %}{{ v }}", "71"),
        ("{% filter upper %}a{{ v }}{% endfilter %}", "A1"),
        (
            "{% set s = namespace(n=0) %}{% for i in [1, 2] %}{% set s.n = s.n + i %}{% endfor %}{{ s.n }}",
            "3",
        ),
        ("{{ range(3) | join(',') }}{{ loop_var | default('') }}", "0,1,2"),
        ("{% raw %}{{ v }}{% endraw %}", "{{ v }}"),
    ],
)
def test_all_of_jinja_works_and_looks_at_nothing_it_does_not_use(source: str, content: str) -> None:
    """Inheritance, scoped blocks, imports and includes must not evaluate the variables that fail."""
    more = {
        "roles/r/templates/t.j2": source,
        "roles/r/templates/inc.j2": "{{ v }}",
        "roles/r/templates/base.j2": (
            "{% macro name() %}{{ inventory_hostname }}{% endmacro %}"
            "{% macro shout(x) %}{{ x | upper }}!{% endmacro %}<{% block b %}base{% endblock %}>"
        ),
        "roles/r/vars/main.yml": "v: 1\nloop_a: '{{ loop_b }}'\nloop_b: '{{ loop_a }}'\nbad: '{{ 1 / 0 }}'\n",
    }
    [spec] = tasks_of("- template: {src: t.j2, dest: /t}", more)
    assert spec.params["content"] == content


def test_what_json_cannot_carry_is_refused() -> None:
    """A function or an object is no parameter; variables of another host are."""
    assert role_problems("- command: {cmd: x, argv: '{{ lookup }}'}") == [
        "1:27: a host cannot be sent a function ['{{ lookup }}']"
    ]
    [spec] = tasks_of(
        "- copy: {dest: /x, content: \"{{ hostvars.h.ansible_user }} {{ '0644' | from_yaml }}\"}"
    )
    assert spec.params["content"] == "root 0644"
