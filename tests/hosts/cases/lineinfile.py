"""lineinfile; the cases of the modules that write files share what is in file_cases.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.file_cases import LINEINFILE


def _line(name: str, path: str, line: str | None = None, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    given = {} if line is None else {"line": line}
    return name, "lineinfile", {"path": f"/srv/t/{path}", **given, **params}


_HERE = "printf 'a=1\\n# x\\na=2\\n# y\\nlast=3' >"

CASES = {
    **LINEINFILE,
    "anchors": Case(
        (
            _line("after last", "a", "new", insertafter="^a="),
            _line("after first", "b", "new", insertafter="^a=", firstmatch=True),
            _line("before last", "c", "new", insertbefore="^#"),
            _line("before first", "d", "new", insertbefore="^#", firstmatch=True),
            _line("no anchor", "e", "new", insertafter="^nothing"),
            _line("none before", "f", "new", insertbefore="^nothing"),
            _line("after the last line", "g", "new", insertafter="^last"),
            _line("last line", "h", "last=4", regexp="^last="),
            _line("match before anchor", "i", "a=9", regexp="^a=", insertafter="^last"),
            _line("anchor after all", "j", "b=1", regexp="^b=", insertbefore="^# y"),
            _line("top", "k", "new", insertafter="BOF"),
            _line("there already", "l", "a=1", regexp="^b=", insertafter="EOF"),
            _line("empty line", "m", "", insertbefore="BOF"),
            _line("nothing to fill", "n", "\\1", regexp="^(z)=", backrefs=True, insertafter="EOF"),
        ),
        "for f in [a-n]; do echo $f: $(tr '\\n' '|' < $f); done",
        "a: a=1|# x|a=2|new|# y|last=3\nb: a=1|new|# x|a=2|# y|last=3\nc: a=1|# x|a=2|new|# y|last=3\n"
        "d: a=1|new|# x|a=2|# y|last=3\ne: a=1|# x|a=2|# y|last=3|new|\nf: a=1|# x|a=2|# y|last=3|new|\n"
        "g: a=1|# x|a=2|# y|last=3|new|\nh: a=1|# x|a=2|# y|last=4|\ni: a=1|# x|a=9|# y|last=3\n"
        "j: a=1|# x|a=2|b=1|# y|last=3\nk: new|a=1|# x|a=2|# y|last=3\nl: a=1|# x|a=2|# y|last=3\n"
        "m: |a=1|# x|a=2|# y|last=3\nn: a=1|# x|a=2|# y|last=3\n",
        f"{_HERE} a; for f in b c d e f g h i j k l m n; do cp a $f; done",
        idle=frozenset({"there already", "nothing to fill"}),
        warns={"there already": ""},
    ),
    "gone": Case(
        (
            _line("matches", "a", regexp="^a=", state="absent"),
            _line("equal lines", "b", "a=2", state="absent"),
            _line("literal", "c", search_string="=", state="absent"),
            _line("last", "d", "last=3", state="absent", backup=True),
            _line("part of a line", "e", "a", state="absent"),
            _line("crlf", "f", "a=2", state="absent"),
        ),
        "for f in [a-e]; do echo $f: $(tr '\\n' '|' < $f); done; od -An -c f | tr -d ' ';"
        " cat d.* | tail -c 6",
        "a: # x|# y|last=3\nb: a=1|# x|# y|last=3\nc: # x|# y|\nd: a=1|# x|a=2|# y|\n"
        "e: a=1|# x|a=2|# y|last=3\na=1\\r\\n\nlast=3",
        f"{_HERE} a; for f in b c d e; do cp a $f; done; printf 'a=1\\r\\na=2\\r\\n' > f",
        idle=frozenset({"part of a line"}),
    ),
    "told and refused": Case(
        (
            _line("unknown to itself", "a", "b=1", regexp="^b: "),
            _line("matches everything", "b", "x", regexp=""),
            _line("validated", "s", "# fine", validate="visudo -cf %s", backup=True),
            _line("refused", "s", "no such thing", validate="/usr/sbin/visudo -cf %s"),
            _line("missing", "none", "x"),
            _line("folder", "", "x"),
            _line("unknown owner", "a", "z", owner="nosuch"),
            _line("no group", "a", "\\7", regexp="^a", backrefs=True),
        ),
        "cat a b s; ls | sed -E 's/[0-9]+/N/g'; stat -c %a s",
        "a=1\n# x\na=2\n# y\nlast=3\nb=1\nx\n# ok\n# fine\na\nb\ns\ns.N.N-N-N@N:N:N~\n440\n",
        f"{_HERE} a; echo y > b; echo '# ok' > s; chmod 440 s",
        warns={"unknown to itself": "added a second time", "matches everything": "matches every line"},
        fails={
            "refused": "the new content of /srv/t/s was refused, the old one stays",
            "missing": "`create: true` makes it",
            "folder": "is a directory",
            "unknown owner": "user 'nosuch' does not exist",
            "no group": "cannot be filled",
        },
    ),
    "returned": Case(
        (
            ("added", "lineinfile", {"path": "/srv/t/lines", "line": "c"}),
            ("replaced", "lineinfile", {"path": "/srv/t/lines", "regexp": "^a", "line": "a2"}),
            (
                "removed",
                "lineinfile",
                {"path": "/srv/t/lines", "regexp": "^b", "state": "absent", "backup": True},
            ),
            ("none", "lineinfile", {"path": "/srv/t/lines", "regexp": "^x", "state": "absent"}),
            ("made", "lineinfile", {"path": "/srv/t/made", "line": "a", "create": True}),
            ("block", "blockinfile", {"path": "/srv/t/blocks", "block": "x"}),
            ("block made", "blockinfile", {"path": "/srv/t/block", "block": "x", "create": True}),
            ("no block", "blockinfile", {"path": "/srv/t/blocked", "state": "absent"}),
            ("all", "replace", {"path": "/srv/t/words", "regexp": "o", "replace": "0", "after": "-\n-"}),
            ("nothing", "replace", {"path": "/srv/t/words", "regexp": "zzz"}),
            (
                "option",
                "ini_file",
                {"path": "/srv/t/ini", "section": "s", "option": "a", "value": "1", "mode": "0600"},
            ),
        ),
        prepare=r"printf 'a\nb1\nb2' > lines; echo > blocks; printf -- '-\n-\n-\n' > words;"
        r" echo 'foo boo' >> words;"
        r" printf '# BEGIN ANSIBLE MANAGED BLOCK\n# END ANSIBLE MANAGED BLOCK\n' > blocked",
        idle=frozenset({"none", "nothing"}),
        outputs={
            "added": {"msg": "line added", "backup": ""},
            "replaced": {"msg": "line replaced", "backup": ""},
            "removed": {"msg": "2 line(s) removed", "found": 2},
            "none": {"msg": "", "found": 0, "backup": ""},
            "made": {"msg": "line added"},
            "block": {"msg": "Block inserted"},
            "block made": {"msg": "File created"},
            "no block": {"msg": "Block removed"},
            "all": {"msg": "4 replacements made"},
            "nothing": {"msg": ""},
            "option": {"path": "/srv/t/ini", "mode": "0600", "state": "file"},
        },
    ),
}
