"""acl: entries, what an edit makes of a list, and what is wrong before any host is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import TaskError
from configurator.modules import acl_entries as entries
from configurator.modules.acl import AccessList
from configurator.modules.acl_entries import BASE, GROUP, MASK, Acl, Edit
from tests.unit.modules.recorded_system import RecordedSystem, change_of, params_of, problems_of

ACL = AccessList()
LETTERS = [entries.resolved(text, runnable=False) for text in ("", "r", "rw", "rx", "rwx", "x", "w", "wx")]
PERMS = st.sampled_from(LETTERS)
NAMED = st.dictionaries(st.tuples(st.sampled_from(["user", "group"]), st.sampled_from(["a", "b c"])), PERMS)
ENTRIES = st.sampled_from([*BASE, MASK, ("user", "a"), ("group", "a"), ("user", "b c")])


@st.composite
def lists(draw: st.DrawFn) -> Acl:
    """A list as acl(5) allows it: with named entries there is a mask."""
    named = draw(NAMED)
    bare = draw(st.booleans())
    mask = {MASK: draw(PERMS)} if named or not bare else {}
    return {entry: draw(PERMS) for entry in BASE} | named | mask


@given(lists(), lists())
def test_what_getfacl_prints_is_read_back(access: Acl, default: Acl) -> None:
    """Nothing is lost on the way; other lines mean nothing."""
    inherited = "".join(f"default:{line}\n" for line in entries.lines(default))
    text = "# owner: root\n# flags: -s-\n" + "\n".join(entries.lines(access)) + "\n" + inherited
    assert entries.parsed(text) == (access, default)


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    """A name may have any byte."""
    entries.parsed(text)
    entries.unescaped(text)


@given(lists(), st.integers(0, 0o7777))
def test_mode_and_list_say_the_same(access: Acl, mode: int) -> None:
    """The group's bits of the mode are the mask, if there is one (acl(5))."""
    seen = entries.with_mode(access, mode)
    assert entries.mode_of(seen, mode) == mode
    assert entries.with_mode(seen, mode) == seen
    assert set(seen) == set(access)
    if MASK in access:
        assert seen[GROUP] == access[GROUP]


@given(
    lists(),
    st.one_of(st.just(Acl()), lists()),
    ENTRIES,
    st.sampled_from(["r", "rwX", "-", "rx", "rX"]),
    st.booleans(),
    st.sampled_from(["default", "mask", "no_mask"]),
    st.booleans(),
)
def test_an_edit_does_one_thing_and_is_stable(
    access: Acl, default: Acl, entry: tuple[str, str], perms: str, down: bool, mask: str, directory: bool
) -> None:
    """The entry is there; the other list and other entries but the mask stay; again it changes nothing."""
    edit = Edit(entry, perms, down, mask)
    directory = directory or down  # nothing else hands entries down
    new = entries.edited(access, default, edit, directory=directory)
    assert entries.edited(*new, edit, directory=directory) == new
    old, left, made = (default, access, new[1]) if down else (access, default, new[0])
    assert left == (new[0] if down else new[1])
    if entry != MASK or mask != "mask":
        assert set(perms) & set("rw") == set(made[entry]) & set("rw")
    assert {key: made[key] for key in old if key not in (entry, MASK)} == {
        key: old[key] for key in old if key not in (entry, MASK)
    }
    assert MASK in made or not any(name for _, name in made)


@given(lists(), ENTRIES)
def test_a_removed_entry_is_gone(access: Acl, entry: tuple[str, str]) -> None:
    """One that was not there costs nothing, not even the mask; the mask stays while it is needed."""
    if entry in BASE:
        return
    if entry == MASK and any(name for _, name in access):
        with pytest.raises(entries.BareMaskError):
            entries.edited(access, {}, Edit(entry, None), directory=False)
        return
    made, _ = entries.edited(access, {}, Edit(entry, None), directory=False)
    assert entry not in made
    assert {key for key in access if key != entry} == set(made)
    if entry not in access:
        assert made == access


def test_the_mask_is_as_setfacl_computes_it() -> None:
    """Values that setfacl(1) has printed."""
    base = entries.of_mode(0o644)
    cases = {
        ("default", "rwx"): "rwx",
        ("no_mask", "rwx"): "r--",
        ("mask", "x"): "r-x",
    }
    for (recalculate, perms), mask in cases.items():
        edit = Edit(("user", "a"), perms, recalculate=recalculate)
        assert entries.edited(base, {}, edit, directory=False)[0][MASK] == mask
    handed = entries.edited(base, {}, Edit(("user", "a"), "rwX", default=True), directory=True)[1]
    assert entries.lines(handed) == ("user::rw-", "user:a:rwx", "group::r--", "mask::rwx", "other::r--")


def test_names_are_told_with_escapes() -> None:
    """As getfacl(1) prints a backslash, a tab and a line break."""
    assert entries.unescaped("a\\\\b\\012c\\\\012") == "a\\b\nc\\012"


def test_a_directory_service_knows_users_too() -> None:
    """Only an account that nobody knows is refused."""
    system = RecordedSystem({"getfacl": "# file: /f\nuser::rw-\ngroup::r--\nother::r--\n\n"})
    system.put("/f")
    system.answers["getent -- passwd joe"] = (2, "", "")
    wish = {"path": "/f", "state": "present", "etype": "user", "entity": "joe", "permissions": "r"}
    with pytest.raises(TaskError, match="user 'joe' does not exist"):
        change_of(ACL, system, **wish)
    system.answers["getent -- passwd joe"] = "joe:x:70001:70001::/:/bin/sh\n"
    assert change_of(ACL, system, **wish).after["acl"][1] == "user:joe:r--"


def test_a_change_that_could_lock_us_out_has_a_way_back() -> None:
    """sshd(8) refuses keys that others may write: the old list comes back."""
    path = "/root/.ssh/authorized_keys"
    system = RecordedSystem(
        {"getfacl": f"# file: {path}\nuser::rw-\nuser:a:r--\ngroup::---\nmask::r--\nother::---\n"}
    )
    system.put(path, mode=0o640)
    system.answers["getent -- group www-data"] = "www-data:x:33:\n"
    guard = ACL.guard(params_of(ACL, path=path, state="present", entry="g:www-data:rw"), system)
    assert guard is not None
    lists = "user::rw-,user:a:r--,group::---,mask::r--,other::---"
    assert guard.restores[0] == ("setfacl", "--set", lists, "--", path)
    assert ACL.guard(params_of(ACL, path=path), system) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": "f"}, "absolute path"),
        ({}, "needs 'entry' or 'etype'"),
        ({"entry": "user:a:r", "etype": "user"}, "'entry' stands for"),
        ({"entry": "user:a:r", "state": "query"}, "means nothing"),
        ({"entry": "guest:a:r"}, "is no entry"),
        ({"entry": "user:a:r:w"}, "is no entry"),
        ({"entry": "user:a"}, "must be out of"),
        ({"entry": "user:a:rq"}, "must be out of"),
        ({"etype": "user", "entity": "a"}, "must be out of"),
        ({"etype": "mask", "entity": "a", "permissions": "r"}, "has no name"),
        ({"etype": "user", "entity": "a b", "permissions": "r"}, "is not the name"),
        ({"etype": "group", "state": "absent"}, "cannot be removed"),
        ({"entry": "other::", "state": "absent"}, "cannot be removed"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, object], message: str) -> None:
    """Before any host is asked."""
    found = problems_of(ACL, **({"path": "/f", "state": "present"} | wrong))
    assert any(message in problem for problem in found), found


@pytest.mark.parametrize(
    ("entry", "state", "wish"),
    [
        ("user:joe:rwX", "present", ("user", "joe", "rwX", False)),
        ("d:g:dev:rx", "present", ("group", "dev", "rx", True)),
        ("m:rx", "present", ("mask", "", "rx", False)),
        ("others::-", "present", ("other", "", "-", False)),
        ("u:joe", "absent", ("user", "joe", None, False)),
        ("default:user:joe:rw", "absent", ("user", "joe", "rw", True)),
    ],
)
def test_entries_are_understood(entry: str, state: str, wish: tuple[object, ...]) -> None:
    """In the long and short forms of setfacl(1)."""
    found = params_of(ACL, path="/f", entry=entry, state=state).wish
    assert (found.etype, found.entity, found.permissions, found.default) == wish
