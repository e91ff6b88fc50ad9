"""Fragments of the controller are joined there; those of the host stay what they are."""

from __future__ import annotations

from tests.unit.compiler.projects import role_problems, tasks_of


def test_fragments_of_the_controller_travel_as_a_copy() -> None:
    files = {"roles/r/files/d/b": "2\n", "roles/r/files/d/a": "1", "roles/r/files/d/.h": "0\n"}
    [spec] = tasks_of(
        "- assemble: {src: d, dest: /f, remote_src: false, ignore_hidden: true, delimiter: '# --',"
        " mode: '0640', validate: 'sh -n %s', backup: true}",
        files,
    )
    assert spec.module == "copy"
    assert dict(spec.params) == {
        "dest": "/f",
        "content": "1\n# --\n2\n",
        "mode": "0640",
        "validate": "sh -n %s",
        "backup": True,
    }
    [spec] = tasks_of("- assemble: {src: /srv/d, dest: /f}")
    assert (spec.module, dict(spec.params)) == ("assemble", {"src": "/srv/d", "dest": "/f"})
    [problem] = role_problems("- assemble: {src: d/b, dest: /f, remote_src: false}", files)
    assert "is no folder of fragments" in problem
    [problem] = role_problems("- assemble: {src: d, dest: /f, remote_src: false, regexp: '('}", files)
    assert "no regular expression" in problem
