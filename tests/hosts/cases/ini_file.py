"""ini_file: options and sections in and out, what stays as it is, and the file around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _ini(
    name: str,
    path: str,
    section: str | None = None,
    option: str | None = None,
    value: Any = None,
    **more: Any,
) -> tuple[str, str, Mapping[str, Any]]:
    params = {"section": section, "option": option, "value": value, **more}
    given = {key: item for key, item in params.items() if item is not None}
    return name, "ini_file", {"path": f"/srv/t/{path}", **given}


_FILE = (
    "cat > f <<'X'\n# head\nname = x\n\n[a]\n; opt = doc\nopt=1\n  indented = 2\nlist = 1\nlist = 2\n\n"
    "# of b\n[ b ] ; note\nflag\n#off = yes\n[c]\nlast = 1\nX\nprintf '[n]\\nx = 1' > n"
)

CASES = {
    "options": Case(
        (
            _ini("changed", "f", "a", "opt", "5"),
            _ini("same", "f", "a", "opt", "5", ignore_spaces=True),
            _ini("indented", "f", "a", "indented", "2", ignore_spaces=True),
            _ini("new", "f", "a", "made", "'a' \"b\" $c %d = ü", no_extra_spaces=True),
            _ini("flag", "f", "b", "flag", allow_no_value=True),
            _ini("comment", "f", "b", "off", "no"),
            _ini("another", "f", "c", "last", "2", backup=True),
            _ini("section", "f", "new", "k", 0),
            _ini("top", "f", None, "name", True),
            _ini("glued", "n", "n", "y", "2"),
            _ini("by regexp signs", "n", "n", "a.c[0]*", "z"),
        ),
        "cat f n",
        "# head\nname = True\n\n[a]\n; opt = doc\nopt = 5\n  indented = 2\nlist = 1\nlist = 2\n"
        "made='a' \"b\" $c %d = ü\n\n# of b\n[ b ] ; note\nflag\noff = no\n[c]\nlast = 2\n[new]\nk = 0\n"
        "[n]\nx = 1\ny = 2\na.c[0]* = z\n",
        _FILE,
        idle=frozenset({"same", "indented", "flag"}),
    ),
    "several values": Case(
        (
            _ini("both", "f", "a", "list", values=["2", "3"]),
            _ini("more", "f", "a", "opt", values=["2", "1"], exclusive=False, ignore_spaces=True),
            _ini("one left", "g", "a", "list", "2"),
            _ini("not the comment", "g", "a", "opt", "9", modify_inactive_option=False),
        ),
        "sed -n '/^.a.$/,/^$/p' f g",
        "[a]\n; opt = doc\nopt=1\n  indented = 2\nlist = 3\nlist = 2\nopt = 2\n\n"
        "[a]\n; opt = doc\nopt = 9\n  indented = 2\nlist = 2\n\n",
        f"{_FILE}; cp f g",
    ),
    "gone": Case(
        (
            _ini("option", "f", "a", "opt", state="absent"),
            _ini("one value", "f", "a", "list", "1", state="absent", exclusive=False),
            _ini("section", "f", "b", state="absent"),
            _ini("no option", "f", "a", "nothing", state="absent"),
            _ini("no section", "f", "zzz", "x", state="absent"),
            _ini("no file", "none", "a", state="absent"),
        ),
        "cat f; ls",
        "# head\nname = x\n\n[a]\n; opt = doc\n  indented = 2\nlist = 2\n\n# of b\n[c]\nlast = 1\nf\nn\n",
        _FILE,
        idle=frozenset({"no option", "no section", "no file"}),
    ),
    "sections of one name": Case(
        (
            _ini("second", "f", "peer", "port", "2", section_has_values=[{"option": "key", "value": "B"}]),
            _ini("third", "f", "peer", "port", "3", section_has_values=[{"option": "key", "values": ["C"]}]),
            _ini("gone", "f", "peer", state="absent", section_has_values=[{"option": "key", "value": "A"}]),
            _ini("bare", "f", "bare"),
        ),
        "cat f",
        "[peer]\nkey = B\nport = 2\n[peer]\nkey = C\nport = 3\n[bare]\n",
        "printf '[peer]\\nkey = A\\n[peer]\\nkey = B\\n' > f",
    ),
    "the file around it": Case(
        (
            _ini("made", "new/deep", "s", "o", "v", mode="0600", owner="worker"),
            _ini("missing", "none", "s", "o", "v", create=False),
            _ini("kept", "f", "s", "o", "v", backup=True),
            _ini("mode", "g", "s", "o", "v", mode="u=rw,go=", group="www-data"),
            _ini("crlf", "crlf", "s", "o", "w"),
            _ini("followed", "link", "s", "o", "w", follow=True),
            _ini("replaced", "link2", "s", "o", "w"),
            _ini("mark", "bom", "s", "o", "w"),
            _ini("no value", "f", "s", "o"),
        ),
        "stat -c '%n %a %U:%G %F' new/deep f g link link2; cat new/deep f.* real real2;"
        " od -An -c crlf | tr -d ' '; od -An -tx1 bom",
        "new/deep 600 worker:root regular file\nf 604 worker:www-data regular file\n"
        "g 600 root:www-data regular file\nlink 777 root:root symbolic link\n"
        "link2 640 worker:root regular file\n[s]\no = v\n[s]\no = u\n[s]\no = w\n[s]\no = v\n"
        "[s]\\r\\no=w\\r\\n\n ef bb bf 5b 73 5d 0a 6f 20 3d 20 77 0a\n",
        "printf '[s]\\no = u\\n' > f; chmod 604 f; chown worker:www-data f;"
        " for i in g real real2; do printf '[s]\\no = v\\n' > $i; done; ln -s real link; ln -s real2 link2;"
        " chmod 640 real2; chown worker real2; printf '[s]\\r\\no = v\\r\\n' > crlf;"
        " printf '\\357\\273\\277[s]\\no = v\\n' > bom",
        fails={"missing": "does not exist", "no value": "no value for the option"},
    ),
}
