"""blockinfile: where blocks go, what stays as it is, and the file around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

_MARK = "ANSIBLE MANAGED BLOCK"
_TEXT = "a\tb 'c' \"d\" $e \\f % ü\n# BEGIN OTHER\n  # END ANSIBLE MANAGED BLOCK\n"


def _block(
    name: str, path: str, block: str | None = None, **params: Any
) -> tuple[str, str, Mapping[str, Any]]:
    wanted = {} if block is None else {"block": block}
    return name, "blockinfile", {"path": f"/srv/t/{path}", **wanted, **params}


CASES = {
    "places": Case(
        (
            _block("in its place", "g", "three", insertbefore="BOF"),
            _block("end", "f", "one\ntwo"),
            _block("same", "f", "one\ntwo\n", insertbefore="BOF"),
            _block("top", "f", "t", marker="<!-- {mark} x -->", insertbefore="BOF"),
            _block(
                "after", "f", "after", marker="; {mark}", marker_begin="<", marker_end=">", insertafter="^a"
            ),
            _block("before", "f", "before", marker="# {mark} c", insertbefore="^c"),
            _block("nowhere", "f", "n", marker="# {mark} n", insertafter="^nothing"),
            _block("lines", "f", "m", marker="# {mark} m", insertafter="(?m)^a$\\n^b$"),
        ),
        "cat f g",
        "<!-- BEGIN x -->\nt\n<!-- END x -->\na\nb\n# BEGIN m\nm\n# END m\na\n; <\nafter\n; >\n# BEGIN c\n"
        f"before\n# END c\nc\n# BEGIN {_MARK}\none\ntwo\n# END {_MARK}\n# BEGIN n\nn\n# END n\n"
        f"a\n# BEGIN {_MARK}\nthree\n# END {_MARK}\nb\n",
        f"printf 'a\\nb\\na\\nc' > f; printf 'a\\n# BEGIN {_MARK}\\none\\ntwo\\n# END {_MARK}\\nb\\n' > g",
        idle=frozenset({"same"}),
    ),
    "ends": Case(
        (
            _block("absent", "f", state="absent"),
            _block("absent again", "f", "whatever", state="absent"),
            _block("empty", "g", ""),
            _block("other marker", "h", state="absent", marker="# {mark} other"),
            _block("no file", "none", state="absent"),
            _block("no file to edit", "none", "x"),
        ),
        "cat f g h; ls",
        f"a\nb\na\nb\nb# BEGIN {_MARK}\nx\n# END {_MARK}f\ng\nh\n",
        f"printf 'a\\n# BEGIN {_MARK}\\nx\\n# END {_MARK}\\nb\\n' | tee f g >/dev/null;"
        f" printf 'b# BEGIN {_MARK}\\nx\\n# END {_MARK}' > h",
        idle=frozenset({"absent again", "other marker", "no file"}),
        fails={"no file to edit": "does not exist"},
    ),
    "blank lines": Case(
        (
            _block("both", "f", "x", insertafter="^a", prepend_newline=True, append_newline=True),
            _block("there", "f", "x", prepend_newline=True, append_newline=True),
            _block("top", "g", "x", insertbefore="BOF", prepend_newline=True, append_newline=True),
            _block("end", "h", "x", prepend_newline=True, append_newline=True),
        ),
        f"sed 's/ {_MARK}//' f g h",
        "a\n\n# BEGIN\nx\n# END\n\nb\n# BEGIN\nx\n# END\n\nb\na\n\n# BEGIN\nx\n# END\n",
        "printf 'a\\nb\\n' > f; printf '\\nb\\n' > g; printf a > h",
        idle=frozenset({"there"}),
    ),
    "bytes": Case(
        (
            _block("text", "f", _TEXT),
            _block("crlf", "crlf", "x\ny", insertafter="^a"),
            _block("latin", "latin", "ü"),
            _block("separators", "sep", "x"),
        ),
        f"sed 's/ {_MARK}$//' f; od -An -c crlf | tr -d ' \\n'; echo; head -c 2 latin | od -An -tx1;"
        " head -c 8 sep | od -An -tx1",
        f"# BEGIN\n{_TEXT.replace(f' {_MARK}', '')}# END\n"
        f"a\\r\\n#BEGINANSIBLEMANAGEDBLOCK\\r\\nx\\r\\ny\\r\\n#ENDANSIBLEMANAGEDBLOCK\\r\\nb\\r\\n\n e4 0a\n"
        " 61 0c 62 e2 80 a8 63 0a\n",
        "touch f; printf 'a\\r\\nb\\r\\n' > crlf;"
        " printf '\\344\\n' > latin; printf 'a\\fb\\342\\200\\250c\\n' > sep",
    ),
    "the file around it": Case(
        (
            _block("kept", "f", "b", backup=True),
            _block("made", "new/deep", "x", create=True, mode="0600", owner="worker"),
            _block("mode", "g", "a", mode="u=rw,go=", group="www-data"),
            _block("linked", "link", "c"),
            _block("valid", "s", "# ok", marker="# {mark} s", validate="visudo -cf %s"),
            _block("refused", "s", "no such thing", marker="# {mark} s", validate="/usr/sbin/visudo -cf %s"),
            _block("folder", "", "x"),
        ),
        f"stat -c '%n %a %U:%G' f g new/deep; sed 's/ {_MARK}//' f.*; readlink link; cat real s",
        "f 604 worker:www-data\ng 600 root:www-data\nnew/deep 600 worker:root\na\nreal\n"
        f"# BEGIN {_MARK}\nc\n# END {_MARK}\n# BEGIN s\n# ok\n# END s\n",
        f"echo a > f; chmod 604 f; chown worker:www-data f;"
        f" printf '# BEGIN {_MARK}\\na\\n# END {_MARK}\\n' > g;"
        " touch real s; ln -s real link",
        fails={"refused": "was refused, the old one stays", "folder": "is a directory"},
    ),
    "markers that do not match": Case(
        (_block("orphans", "f", "new"), _block("gone", "g", state="absent")),
        f"sed 's/ {_MARK}//' f g",
        "# BEGIN\nnew\n# END\nmine\n# END\na\nb\n",
        f"printf '# BEGIN {_MARK}\\nold\\n# END {_MARK}\\nmine\\n# END {_MARK}\\n' > f;"
        f" printf '# BEGIN {_MARK}\\nx\\n# END {_MARK}\\na\\n# BEGIN {_MARK}\\nx\\n# END {_MARK}\\nb\\n' > g",
        warns={"orphans": "without a partner"},
    ),
}
