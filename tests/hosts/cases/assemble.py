"""assemble: which fragments, in what order, with what between them, and the file that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

_FRAGMENTS = (
    "mkdir -p d/sub; printf 'one\\n' > d/10-a.conf; printf 'two' > d/20-b.conf; printf 'three\\n' > d/9-c;"
    " printf 'hidden\\n' > d/.h; ln -s 9-c d/30-l.conf; printf 'deep\\n' > d/sub/x; printf '\\377\\0' > d/z"
)


def _assemble(name: str, dest: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "assemble", {"src": "/srv/t/d", "dest": f"/srv/t/{dest}", **params}


CASES = {
    "fragments": Case(
        (
            _assemble("all", "all", mode="0640", owner="worker", group="www-data"),
            _assemble("some", "some", regexp="\\.conf$", delimiter="# --- ü"),
            _assemble("shown", "shown", ignore_hidden=True, regexp="^[^z]", delimiter="\\n\\x23\\n"),
            _assemble("same", "same", regexp="^10"),
            _assemble("none", "none", regexp="nothing"),
            ("more", "copy", {"dest": "/srv/t/e/2", "content": "new\n"}),
            _assemble("then", "then", src="/srv/t/e/"),
        ),
        "od -An -c all | tr -d ' \\n'; echo; stat -c '%a %U:%G' all; head -99 some shown same none then",
        "hidden\\none\\ntwo\\nthree\\nthree\\n377\\0\n640 worker:www-data\n"
        "==> some <==\none\n# --- ü\ntwo\n# --- ü\nthree\n\n"
        "==> shown <==\none\n\n#\ntwo\n\n#\nthree\n\n#\nthree\n\n==> same <==\none\n\n==> none <==\n\n"
        "==> then <==\n1\nnew\n",
        f"{_FRAGMENTS}; echo one > same; mkdir e; echo 1 > e/1",
        idle=frozenset({"same"}),
    ),
    "into its own folder": Case(
        (
            _assemble("new", "d/whole", regexp="^1|whole|link2"),
            _assemble("by a link", "linked/other", regexp="^1|other|link$"),
            _assemble("old", "d/old", regexp="^1|old"),
        ),
        "cd d; head -99 whole other old",
        "==> whole <==\none\nold\n\n==> other <==\none\nold\n\n==> old <==\none\nold\n",
        "mkdir d; cd d; echo one > 1; echo old > 11; echo x > old; ln -s other link;"
        " ln -s whole link2; ln -s d ../linked",
    ),
    "the file around it": Case(
        (
            _assemble("kept", "f", regexp="^10", backup=True),
            _assemble("mode", "g", regexp="^10", mode="0600"),
            _assemble("valid", "s", regexp="^10", validate="grep one %s"),
            _assemble("refused", "s", regexp="^9", validate="/usr/sbin/visudo -cf %s"),
            _assemble("no folder", "f", src="/srv/t/none"),
            _assemble("a file", "f", src="/srv/t/g"),
            _assemble("onto a folder", "d"),
            _assemble("nowhere", "no/where", regexp="^10"),
        ),
        "stat -c '%n %a %U:%G' f g; cat f f.* g s",
        "f 604 worker:www-data\ng 600 root:root\none\nold\none\none\n",
        f"{_FRAGMENTS}; echo old > f; chmod 604 f; chown worker:www-data f; echo one > g",
        assumed={"valid": "its validator runs only in an apply"},
        fails={
            "refused": "was refused, the old one stays",
            "no folder": "/srv/t/none does not exist on the host",
            "a file": "is no directory",
            "onto a folder": "is a directory",
            "nowhere": "the directory /srv/t/no does not exist",
        },
    ),
}
