"""template; what one renders to is tested with the compiler, here it is what becomes of it on a host."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.file_cases import COPY


def _template(name: str, dest: str, content: Any, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    given = {"_original_basename": f"{name}.conf", **params}
    return name, "template", {"src": f"{name}.conf.j2", "dest": f"/srv/t/{dest}", "content": content, **given}


CASES = {
    "contents": COPY["templates"],
    "bytes": Case(
        (
            _template("encoded", "latin", {"$base64": base64.b64encode("ü\r\n".encode("latin-1")).decode()}),
            _template("no newline", "short", "x"),
            _template("empty", "empty", ""),
            _template("folder", "d/", "named\n"),
            _template("made", "new/deep/", "made\n"),
        ),
        "od -An -tx1 latin; od -An -c short | tr -d ' '; wc -c < empty; cat d/folder.conf new/deep/made.conf",
        " fc 0d 0a\nx\n0\nnamed\nmade\n",
        "mkdir d",
    ),
    "the file around it": Case(
        (
            _template("mode alone", "a", "same\n", mode="0600"),
            _template("owner alone", "b", "same\n", owner="worker", group="33"),
            _template("nothing", "c", "same\n", mode="u=rw,go=r"),
            _template("content alone", "d", "new\n", backup=True),
            _template("forced not", "e", "new\n", force=False),
            _template("link", "l", "new\n"),
            _template("valid", "s", "# new\n", validate="visudo -cf %s", mode="0440"),
            _template("refused", "s", "new\n", validate="/usr/sbin/visudo -cf %s"),
            _template("no folder", "no/such", "x"),
        ),
        "stat -c '%n %a %U:%G %F' a b c d l; cat d.* e real s; stat -c %a s",
        "a 600 root:root regular file\nb 644 worker:www-data regular file\nc 644 root:root regular file\n"
        "d 604 worker:root regular file\nl 644 root:root regular file\nold\nold\nold\n# new\n440\n",
        "for f in a b c; do echo same > $f; done; for f in d e real; do echo old > $f; done; chmod 604 d;"
        " chown worker d; ln -s real l",
        idle=frozenset({"nothing", "forced not"}),
        fails={
            "refused": "the new content of /srv/t/s was refused, the old one stays",
            "no folder": "the directory /srv/t/no does not exist",
        },
    ),
}
