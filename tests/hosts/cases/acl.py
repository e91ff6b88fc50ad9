"""acl: entries of access lists, read back with getfacl(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

READY = "which setfacl >/dev/null || apt-get install -y -qq acl >/dev/null; "
GET = "getfacl -cpE"
OF_F = [
    *("user::r-x", "user:54321:r--", "user:daemon:rwx", "user:worker:rw-"),
    *("group::r--", "group:daemon:---", "mask::rwx", "other::r--"),
]


def _acl(name: str, path: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "acl", {"path": f"/srv/t/{path}", "state": "present", **params}


CASES: dict[str, Case] = {
    "entries": Case(
        (
            _acl("user", "f", etype="user", entity="worker", permissions="rw"),
            _acl("the same", "f", entry="u:worker:rw"),
            _acl("by number", "f", entry="user:1:7"),
            _acl("known by name", "f", etype="user", entity="daemon", permissions="rwx"),
            _acl("group", "f", entry="g:daemon:-"),
            _acl("nobody's number", "f", entry="u:54321:r"),
            _acl("own", "f", entry="user::rx"),
            ("as the mode says", "file", {"path": "/srv/t/f", "mode": "0574"}),
            _acl("gone", "f", etype="group", entity="bin", state="absent"),
            _acl("not there", "f", entry="group:bin", state="absent"),
            _acl("read", "f", state="query"),
            _acl("mask", "g", etype="mask", permissions="r"),
            _acl("hidden", "g", entry="g:staff:rwx", recalculate_mask="no_mask"),
            _acl("last", "h", entry="group:bin", state="absent"),
            _acl("mask too", "h", etype="mask", state="absent"),
        ),
        f"{GET} f g h; stat -c %a f g h",
        "user::r-x\nuser:daemon:rwx\nuser:worker:rw-\nuser:54321:r--\ngroup::r--\ngroup:daemon:---\n"
        "mask::rwx\nother::r--\n\nuser::rw-\ngroup::r--\ngroup:staff:rwx\nmask::r--\nother::r--\n\n"
        "user::rw-\ngroup::r--\nother::r--\n\n574\n644\n644\n",
        READY + "touch f g h; setfacl -m g:bin:rwx f h",
        idle=frozenset({"the same", "known by name", "as the mode says", "not there", "read"}),
        outputs={"not there": {"acl": OF_F}, "read": {"acl": OF_F}},
    ),
    "default entries": Case(
        (
            _acl("handed down", "d", etype="user", entity="worker", permissions="rX", default=True),
            _acl("in one word", "d", entry="default:group:daemon:rwx"),
            _acl("once more", "d", entry="d:u:worker:rx"),
            ("new", "copy", {"dest": "/srv/t/d/new", "content": "x\n", "mode": "0640"}),
            _acl("inherited", "d/new", entry="user:worker:rx", recalculate_mask="no_mask"),
            ("below", "file", {"path": "/srv/t/d/sub", "state": "directory"}),
            _acl("also handed down", "d/sub", entry="default:group:daemon", state="absent"),
            _acl("read", "d", state="query", default=True),
            _acl("a file", "f", entry="default:user:worker:r"),
        ),
        f"{GET} d d/new d/sub",
        "user::rwx\ngroup::r-x\nother::r-x\ndefault:user::rwx\ndefault:user:worker:r-x\ndefault:group::r-x\n"
        "default:group:daemon:rwx\ndefault:mask::rwx\ndefault:other::r-x\n\n"
        "user::rw-\nuser:worker:r-x\ngroup::r-x\ngroup:daemon:rwx\nmask::r--\nother::---\n\n"
        "user::rwx\nuser:worker:r-x\ngroup::r-x\ngroup:daemon:rwx\nmask::r-x\nother::r-x\n"
        "default:user::rwx\ndefault:user:worker:r-x\ndefault:group::r-x\ndefault:mask::r-x\ndefault:other::r-x\n\n",
        READY + "mkdir d; touch f",
        idle=frozenset({"once more", "inherited", "read"}),
        fails={"a file": "is no directory"},
        outputs={
            "read": {
                "acl": [
                    "user::rwx",
                    "user:worker:r-x",
                    "group::r-x",
                    "group:daemon:rwx",
                    "mask::rwx",
                    "other::r-x",
                ]
            }
        },
    ),
    "a tree": Case(
        (
            _acl("all", "d", entry="user:worker:rwX", recursive=True),
            _acl("all again", "d", entry="user:worker:rwX", recurse=True),
            _acl("defaults", "b", entry="default:user:worker:rwX", recursive=True),
            ("new", "copy", {"dest": "/srv/t/b/e/new", "content": "x\n"}),
            _acl("one less", "t", entry="user:worker", state="absent", recursive=True),
        ),
        f"{GET} out; {GET} 'd/a \\b\n'; {GET} d/run; {GET} b/e/new; {GET} t t/f; stat -c '%a %N' d/*",
        "user::rw-\ngroup::r--\nother::r--\n\n"
        "user::rw-\nuser:worker:rw-\ngroup::r--\nmask::rw-\nother::r--\n\n"
        "user::rwx\nuser:worker:rwx\ngroup::r-x\nmask::rwx\nother::r-x\n\n"
        "user::rw-\nuser:worker:rwx\ngroup::r-x\nmask::r--\nother::r--\n\n"
        "user::rwx\ngroup::r-x\nmask::r-x\nother::r-x\n\nuser::rw-\ngroup::r--\nmask::r--\nother::r--\n\n"
        "664 'd/a \\b'$'\\n'\n775 'd/e'\n777 'd/link' -> '/srv/t/out'\n775 'd/run'\n",
        READY + "mkdir -p d/e b/e; touch b/f out 'd/a \\b\n' d/run; chmod 755 d/run; ln -s /srv/t/out d/link;"
        " mkdir t; touch t/f; setfacl -R -m u:worker:rw,m::rw t",
        idle=frozenset({"all again"}),
    ),
    "links, modes and owners": Case(
        (
            _acl("through a link", "link", entry="user:worker:rw"),
            _acl("not through it", "link", entry="user:worker:r", follow=False),
            ("narrowed", "file", {"path": "/srv/t/f", "mode": "0600"}),
            _acl("left narrow", "f", entry="user:worker:rw", recalculate_mask="no_mask"),
            ("rewritten", "copy", {"dest": "/srv/t/f", "content": "y\n"}),
            _acl("kept", "f", entry="group:daemon:r", recalculate_mask="no_mask"),
            ("account", "user", {"name": "newcomer", "create_home": False}),
            _acl("newcomer", "f", entry="user:newcomer:r", recalculate_mask="no_mask"),
            _acl("a trap", "open/trap", entry="user:worker:rw"),
            _acl("a trap on the way", "open/way/target", entry="user:worker:rw", follow=False),
            _acl("nowhere", "none", entry="user:worker:rw"),
            _acl("nobody", "f", entry="user:nobody-here:rw"),
            _acl("nobody's", "f", entry="user:nobody-here", state="absent"),
            _acl("bare mask", "f", etype="mask", state="absent"),
        ),
        f"{GET} f target; cat f; userdel newcomer",
        "user::rw-\nuser:worker:rw-\nuser:newcomer:r--\ngroup::r--\ngroup:daemon:r--\nmask::---\nother::---\n\n"
        "user::rw-\ngroup::r--\nother::r--\n\ny\n",
        READY + "userdel newcomer 2>/dev/null; touch f target; ln -s f link; mkdir -m 1777 open;"
        " ln -s /srv/t/target open/trap; ln -s /srv/t open/way; chown -h worker open/*",
        idle=frozenset({"left narrow", "nobody's"}),
        again=frozenset({"through a link", "narrowed"}),
        fails={
            "not through it": "which has no access list",
            "a trap": "link",
            "a trap on the way": "link",
            "nowhere": "/srv/t/none does not exist",
            "nobody": "user 'nobody-here' does not exist",
            "bare mask": "cannot go while named users",
        },
    ),
    "without the package": Case(
        (_acl("without", "f", entry="user:worker:rw"),),
        prepare="apt-get purge -y -qq acl >/dev/null; touch f",
        fails={"without": "`apt: {name: acl}`"},
    ),
    "with the package": Case(
        (("package", "apt", {"name": "acl"}), _acl("entry", "f", entry="user:worker:rw")),
        f"{GET} f",
        "user::rw-\nuser:worker:rw-\ngroup::r--\nmask::rw-\nother::r--\n\n",
        "apt-get purge -y -qq acl >/dev/null; touch f",
        assumed={"entry": "'package' comes first"},
    ),
}
