"""replace: expressions, bounds, encodings, and the file around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _replace(
    name: str, path: str, regexp: str, replace: str = "", **params: Any
) -> tuple[str, str, Mapping[str, Any]]:
    return name, "replace", {"path": f"/srv/t/{path}", "regexp": regexp, "replace": replace, **params}


CASES = {
    "expressions": Case(
        (
            _replace("every line", "f", "^#(Port|User) (\\S+)$", "\\1=\\g<2>"),
            _replace("over lines", "f", "^drop\\n.*\\n"),
            _replace("ends", "f", " +$"),
            _replace("no match", "f", "^nothing$", "x"),
            _replace("literal", "f", "a\\.c", "$1 'q' \"d\" \\\\n\tü"),
            _replace("no file", "none", "a"),
            _replace("group", "f", "end", "\\3"),
        ),
        "cat f",
        "Port=22\nUser=me too\nPort=23\nblank\n$1 'q' \"d\" \\n\tü abc\nend",
        "printf '#Port 22\\n#User me too\\n#Port 23\\ndrop\\nit\\nblank   \\na.c abc\\nend' > f;"
        " sed -i 's/^#User me too/#User me/' f; sed -i 's/^#User me/User=me too/' f",
        idle=frozenset({"no match"}),
        fails={"no file": "/srv/t/none does not exist", "group": "cannot be filled"},
    ),
    "bounds": Case(
        (
            _replace("after", "a", "x", "y", after="\\[b\\]"),
            _replace("before", "b", "x", "y", before="\\[b\\]"),
            _replace("both", "c", "^x$", "y", after="\\[a\\]\\n", before="\\n\\[c"),
            _replace("none", "d", "x", "y", after="\\[z\\]"),
        ),
        "head -99 a b c d",
        "==> a <==\nx\n[a]\nx\n[b]\ny\n[c]\ny\n\n==> b <==\ny\n[a]\ny\n[b]\nx\n[c]\nx\n\n"
        "==> c <==\nx\n[a]\ny\n[b]\ny\n[c]\nx\n\n==> d <==\nx\n[a]\nx\n[b]\nx\n[c]\nx\n",
        "printf 'x\\n[a]\\nx\\n[b]\\nx\\n[c]\\nx\\n' | tee a b c d >/dev/null",
        idle=frozenset({"none"}),
        warns={"none": "do not match the file"},
    ),
    "bytes": Case(
        (
            _replace("crlf", "crlf", "b(?=\\r?$)", "c"),
            _replace("latin", "latin", "a", "ü"),
            _replace("latin told", "told", "ä", "ü", encoding="latin-1"),
            _replace("utf-16", "wide", "ö", "oe", encoding="utf-16"),
            _replace("not so", "latin", "a", "b", encoding="ascii"),
        ),
        "od -An -c crlf | tr -d ' '; od -An -tx1 latin told; iconv -f utf-16 -t utf-8 wide",
        "a\\r\\nc\\r\\n\n e4 c3 bc fc 0a\ngroesse\n",
        "printf 'a\\r\\nb\\r\\n' > crlf; printf '\\344a' > latin; printf '\\344\\n' > told;"
        " printf 'grösse\\n' | iconv -f utf-8 -t utf-16 > wide",
        fails={"not so": "is not encoded in ascii"},
    ),
    "the file around it": Case(
        (
            _replace("kept", "f", "a", "b", backup=True),
            _replace("mode", "g", "nothing", mode="u=rw,go=", group="www-data"),
            _replace("linked", "link", "r", "s"),
            _replace("valid", "s", "b", "c", after="a", before="d", validate="visudo -cf %s"),
            _replace("refused", "s", "^#", "no such thing", validate="/usr/sbin/visudo -cf %s"),
            _replace("folder", "", "x"),
            _replace("grows", "h", "a$", "aa"),
        ),
        "stat -c '%n %a %U:%G' f g; cat f f.*; readlink link; cat real s h",
        "f 604 worker:www-data\ng 600 root:www-data\nb\na\nreal\nseal\n# acd bd\naaa\n",
        "echo a > f; chmod 604 f; chown worker:www-data f; touch g; echo real > real; ln -s real link;"
        " echo '# abd bd' > s; echo a > h",
        fails={"refused": "was refused, the old one stays", "folder": "is a directory"},
        again=frozenset({"grows"}),
        warns={"grows": "once more"},
    ),
}
