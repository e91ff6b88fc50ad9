"""Task lists for the modules of files: what must be there before, what is asked for, and what it leads to.

Kept apart from the tests, which hold every list to the same promises.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

LARGE = bytes(range(256)) * 12_000  # 3 MB, no text, and far over what travels with the tasks
LARGE_DIGEST = hashlib.sha256(LARGE).hexdigest()
EVERY_BYTE = base64.b64encode(bytes(range(256))).decode()
NAME = "naïve 日本 ☃ 'a' \"b\" $c.txt"
SUDOERS = "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n"
SSHD = "PasswordAuthentication no\n"


def _file(name: str, path: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "file", {"path": path, **params}


def _copy(name: str, dest: str, content: Any = None, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "copy", {"dest": dest, **({} if content is None else {"content": content}), **params}


def _line(name: str, path: str, line: str | None = None, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "lineinfile", {"path": path, **({} if line is None else {"line": line}), **params}


def _template(name: str, dest: str, content: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "template", {"src": f"{name}.j2", "dest": dest, "content": content, **params}


FILE: dict[str, Case] = {
    "directories": Case(
        (
            _file("deep", "/srv/t/a/b/c", state="directory", mode="0750", owner="worker", group="www-data"),
            _file("numbers", "/srv/t/n", state="directory", owner=33, group="33", mode="u=rwx,g=rx,o="),
            _file("same", "/srv/t/n", state="directory", owner="www-data", group="www-data", mode="750"),
            _file("sticky", "/srv/t/s", state="directory", mode="1777"),
            _file("kept", "/srv/t/kept", state="directory"),
        ),
        "stat -c '%n %a %U:%G' a a/b a/b/c n s kept",
        "a 755 worker:www-data\na/b 755 worker:www-data\na/b/c 750 worker:www-data\n"
        "n 750 www-data:www-data\ns 1777 root:root\nkept 711 daemon:root\n",
        "install -d -m 711 -o daemon kept",
        frozenset({"same", "kept"}),
    ),
    "a tree": Case(
        (
            _file(
                "tree",
                "/srv/t/tree",
                state="directory",
                recurse=True,
                mode="u=rwX,g=rX,o=",
                owner="www-data",
                group="worker",
            ),
        ),
        "stat -c '%n %a %U:%G' tree tree/d tree/d/x tree/f outside; stat -c '%n %U' tree/link",
        "tree 750 www-data:worker\ntree/d 750 www-data:worker\ntree/d/x 750 www-data:worker\n"
        "tree/f 640 www-data:worker\noutside 666 root:root\ntree/link www-data\n",
        "mkdir -p tree/d; touch tree/f tree/d/x outside; chmod 666 tree/f outside; chmod 701 tree/d/x;"
        " ln -s ../outside tree/link",
    ),
    "links": Case(
        (
            _file("link", "/srv/t/abs", src="/srv/t/real", state="link"),
            _file("relative", "/srv/t/rel", src="real", state="link"),
            _file("nowhere", "/srv/t/none", src="missing", state="link", force=True),
            _file("turned", "/srv/t/turned", src="real", state="link"),
            _file("through", "/srv/t/rel", mode="0640"),
            _file("itself", "/srv/t/rel", state="link", src="real", owner="worker", follow=False),
            _file("forced", "/srv/t/empty", src="real", state="link", force=True),
            _file("plain", "/srv/t/plain", src="real", state="link", force=True),
        ),
        "readlink abs rel none turned empty plain; stat -c '%n %a %U' real; stat -c %U rel; cat plain",
        "/srv/t/real\nreal\nmissing\nreal\nreal\nreal\nreal 640 root\nworker\nx\n",
        "echo x > real; ln -s elsewhere turned; mkdir empty; echo y > plain",
    ),
    "hard links": Case(
        (
            _copy("new", "/srv/t/a", "new\n"),
            _file("hard", "/srv/t/b", src="/srv/t/a", state="hard", force=True),
            _file("again", "/srv/t/b", src="/srv/t/a", state="hard"),
            _copy("fresh", "/srv/t/c", "c\n"),
            _file("first", "/srv/t/d", src="/srv/t/c", state="hard"),
            _file("second", "/srv/t/d", src="/srv/t/c", state="hard"),
            _file("shared", "/srv/t/c", mode="0600"),
            _file("shares", "/srv/t/d", mode="0600"),
        ),
        "stat -c '%n %h %a' a b c d; cat b d",
        "a 2 644\nb 2 644\nc 2 600\nd 2 600\nnew\nc\n",
        "echo old > a; ln a b",
        frozenset({"again", "second", "shares"}),
    ),
    "times and ends": Case(
        (
            _file(
                "touched",
                "/srv/t/new",
                state="touch",
                mode="0600",
                access_time="preserve",
                modification_time="preserve",
            ),
            _file("kept", "/srv/t/old", state="touch", access_time="preserve", modification_time="preserve"),
            _file("dated", "/srv/t/dated", state="file", modification_time="202001020304.05"),
            _file("tree", "/srv/t/tree", state="absent"),
            _file("link", "/srv/t/link", state="absent"),
            _file("nothing", "/srv/t/nothing/at/all", state="absent"),
        ),
        "stat -c '%n %a %s' new; stat -c %Y old; date -d @$(stat -c %Y dated) +%FT%T; ls",
        "new 600 0\n1000\n2020-01-02T03:04:05\ndated\nnew\nold\nouter\n",
        "touch -d @1000 old; touch dated; mkdir -p tree/d/e outer; touch tree/d/e/f; ln -s ../outer tree/d/l;"
        " ln -s outer link",
        frozenset({"kept", "nothing"}),
    ),
    "what a directory hands down": Case(
        (
            _file("shared", "/srv/t/shared", state="directory", group="www-data", mode="2775"),
            _copy("inside", "/srv/t/shared/f", "x"),
            _file("group", "/srv/t/shared/f", group="www-data"),
            _file("deeper", "/srv/t/shared/d", state="directory"),
            _file("mode", "/srv/t/shared/d", mode="2755", group="www-data"),
        ),
        "stat -c '%n %a %G' shared shared/f shared/d",
        "shared 2775 www-data\nshared/f 644 www-data\nshared/d 2755 www-data\n",
        "",
        frozenset({"group", "mode"}),
    ),
    "set-ID bits": Case(
        (
            _file("owner", "/srv/t/f", owner="worker"),
            _file("mode", "/srv/t/f", mode="4755"),
            _file("both", "/srv/t/g", owner="worker", mode="2755"),
            _copy("written", "/srv/t/h", "new", group="worker"),
            _copy("content", "/srv/t/i", "new"),
            _file("linked", "/srv/t/link", src="j", state="link", owner="root"),
            _file("tree", "/srv/t/tree", state="directory", recurse=True, owner="worker"),
        ),
        "stat -c '%n %a %U:%G' f g h i j tree/x",
        "f 4755 worker:root\ng 2755 worker:root\nh 755 root:worker\ni 4755 root:root\nj 4755 root:root\n"
        "tree/x 644 worker:root\n",
        "mkdir tree; touch f g h i j tree/x; chmod 4755 f i j; chmod 2755 g; chmod 6755 h; chmod 4644 tree/x",
    ),
    "as another user": Case(
        (
            _file("dir", "/home/worker/t/d", state="directory", mode="0700"),
            _copy("file", "/home/worker/t/d/f", "mine\n"),
            _line("line", "/home/worker/t/g", "more", create=True),
            _file("link", "/home/worker/t/l", src="h", state="link"),
            _copy("through", "/home/worker/t/l", "new\n", follow=True, backup=True),
            _line("also", "/home/worker/t/l", "new"),
        ),
        "cd /home/worker/t; find . -printf '%P %u:%g %m\\n' | grep -v '~' | sort",
        " worker:worker 755\nd worker:worker 700\nd/f worker:worker 644\ng worker:worker 644\n"
        "h worker:worker 644\nl worker:worker 777\n",
        "rm -rf /home/worker/t; su worker -c 'umask 022; mkdir ~/t; echo old > ~/t/h'",
        frozenset({"also"}),
        options={"become_user": "worker"},
    ),
}

COPY: dict[str, Case] = {
    "contents": Case(
        (
            _copy("unicode", f"/srv/t/{NAME}", "Grüße ☃ \U0001f600\n"),
            _copy("crlf", "/srv/t/crlf", "a\r\nb\r\n"),
            _copy("bytes", "/srv/t/bytes", {"$base64": EVERY_BYTE}),
            _copy("mapping", "/srv/t/json", {"a": [1, "ü", None]}),
            _copy("empty", "/srv/t/empty", ""),
            _copy("no newline", "/srv/t/short", "x"),
            _copy("large", "/srv/t/large", {"$blob": LARGE_DIGEST}, mode="0600"),
            _copy("large too", "/srv/t/large2", {"$blob": LARGE_DIGEST}),
        ),
        "cat naïve*; od -An -c crlf | tr -d ' '; wc -c < bytes; sha256sum < bytes; cat json; echo;"
        " wc -c < empty; cat short; echo; sha256sum large large2; stat -c '%n %a' large large2",
        "Grüße ☃ \U0001f600\na\\r\\nb\\r\\n\n256\n"
        f"{hashlib.sha256(bytes(range(256))).hexdigest()}  -\n"
        '{"a": [1, "\\u00fc", null]}\n0\nx\n'
        f"{LARGE_DIGEST}  large\n{LARGE_DIGEST}  large2\nlarge 600\nlarge2 644\n",
        blobs={LARGE_DIGEST: LARGE},
    ),
    "places": Case(
        (
            _copy("below", "/srv/t/dir", "1", _original_basename="one.conf"),
            _copy(
                "made", "/srv/t/x/y/", "2", _original_basename="two", directory_mode="0700", owner="worker"
            ),
            _copy("replaced", "/srv/t/link", "3"),
            _copy("through", "/srv/t/link2", "4", follow=True),
            _copy("dangling", "/srv/t/link3", "5", follow=True),
            _copy("keeps", "/srv/t/kept", "other", force=False),
            _copy("fills", "/srv/t/gap", "6", force=False),
        ),
        "cat dir/one.conf x/y/two link link2 link3 gap; echo; stat -c '%n %a %U %F' x x/y x/y/two link link2;"
        " cat real real2 target kept",
        "123456\nx 700 worker directory\nx/y 700 worker directory\nx/y/two 644 worker regular file\n"
        "link 644 root regular file\nlink2 777 root symbolic link\nr\n45kept\n",
        "mkdir dir; echo r > real; ln -s real link; echo r > real2; ln -s real2 link2; ln -s target link3;"
        " echo kept > kept",
        frozenset({"keeps"}),
    ),
    "attributes and backups": Case(
        (
            _copy("content", "/srv/t/f", "new\n", backup=True),
            _copy("mode", "/srv/t/g", "same\n", mode="u=rw,g=r,o=", owner="33"),
            _copy("both", "/srv/t/h", "new\n", backup=True, owner="root", group="root", mode="0644"),
            _copy("first", "/srv/t/i", "new\n", backup=True),
        ),
        "stat -c '%n %a %U:%G' f g h i; ls | sed -E 's/[0-9]+/N/g'; cat f.*; stat -c '%a %U:%G' f.* h.*",
        "f 640 worker:www-data\ng 640 www-data:root\nh 644 root:root\ni 644 root:root\n"
        "f\nf.N.N-N-N@N:N:N~\ng\nh\nh.N.N-N-N@N:N:N~\ni\nold\n640 worker:www-data\n600 worker:root\n",
        "echo old > f; chmod 640 f; chown worker:www-data f; echo same > g; echo old > h; chmod 600 h;"
        " chown worker h",
    ),
    "from the host": Case(
        (
            _copy("file", "/srv/t/to/", src="/srv/t/from/f", remote_src=True, mode="preserve"),
            _copy(
                "folder", "/srv/t/to", src="/srv/t/from", remote_src=True, local_follow=False, mode="preserve"
            ),
            _copy("inside", "/srv/t/flat", src="/srv/t/from/", remote_src=True, owner="worker"),
            _copy("again", "/srv/t/copy", src="/srv/t/flat/d/deep", remote_src=True),
        ),
        "find to flat copy -printf '%p %m %u %l\\n' | sort; cat copy",
        "copy 644 root \nflat 755 worker \nflat/d 755 worker \nflat/d/deep 600 worker \nflat/f 751 worker \n"
        "flat/l 751 worker \nto 755 root \nto/f 751 root \nto/from 755 root \nto/from/d 755 root \n"
        "to/from/d/deep 600 root \nto/from/f 751 root \nto/from/l 777 root f\ndeep\n",
        "mkdir -p from/d; echo f > from/f; chmod 751 from/f; echo deep > from/d/deep; chmod 600 from/d/deep;"
        " ln -s f from/l",
    ),
    "validated": Case(
        (
            _copy("sudoers", "/srv/t/sudoers", SUDOERS, validate="visudo -cf %s", mode="0440"),
            _copy("sshd", "/srv/t/sshd_config", SSHD, validate="/usr/sbin/sshd -t -f %s"),
            _template("unit", "/srv/t/x.sh", "echo hi\n", validate="sh -n %s", mode="0755"),
        ),
        "ls -A; stat -c %a sudoers; ./x.sh",
        "sshd_config\nsudoers\nx.sh\n440\nhi\n",
    ),
    "templates": Case(
        (
            _template("site", "/srv/t/site.conf", "server_name ünï;\r\n", mode="0640", group="www-data"),
            _template("same", "/srv/t/same.conf", "as it was\n", owner="worker"),
            _template("below", "/srv/t/d", "x\n", _original_basename="below.conf"),
            _template("kept", "/srv/t/kept", "x\n", force=False),
            _template("through", "/srv/t/link", "y\n", follow=True, backup=True),
        ),
        "tail -c 3 site.conf | od -An -c | tr -d ' '; stat -c '%n %a %U:%G' site.conf same.conf;"
        " cat d/below.conf kept real; ls | sed -E 's/[0-9]+/N/g'",
        ";\\r\\n\nsite.conf 640 root:www-data\nsame.conf 600 worker:root\nx\nkept\ny\n"
        "d\nkept\nlink\nreal\nreal.N.N-N-N@N:N:N~\nsame.conf\nsite.conf\n",
        "echo 'as it was' > same.conf; chmod 600 same.conf; mkdir d; echo kept > kept; echo r > real;"
        " ln -s real link",
        frozenset({"kept"}),
    ),
}

LINEINFILE: dict[str, Case] = {
    "places": Case(
        (
            _line("last match", "/srv/t/f", "Port 2222", regexp="^#?Port "),
            _line("after", "/srv/t/f", "after", insertafter="^\\[a\\]"),
            _line("before", "/srv/t/f", "before", insertbefore="^\\[b\\]"),
            _line("top", "/srv/t/f", "# top", insertbefore="BOF"),
            _line("end", "/srv/t/f", "end"),
            _line("groups", "/srv/t/f", "\\1=\\2", regexp="^(key) *: *(.*)$", backrefs=True),
            _line("no groups", "/srv/t/f", "\\1", regexp="^(nothing)$", backrefs=True),
            _line("literal", "/srv/t/f", "a.c*", search_string="a.c*"),
            _line("gone", "/srv/t/f", regexp="^drop", state="absent"),
            _line("first", "/srv/t/f", "one=1", regexp="^one=", firstmatch=True),
            _line("there", "/srv/t/f", "end"),
        ),
        "cat f",
        "# top\nPort 22\nPort 2222\n[a]\nafter\nabc\nbefore\n[b]\nkey=v w\na.c*\none=1\none=3\nend\n",
        "printf '%s\\n' 'Port 22' '#Port 23' '[a]' abc '[b]' 'key :  v w' 'x a.c* y' drop1 drop2 one=2 one=3"
        " > f",
        frozenset({"no groups", "there"}),
    ),
    "bytes": Case(
        (
            _line("quotes", "/srv/t/f", "a\t'b' \"c\" \\d $e %f"),
            _line("glued", "/srv/t/g", "last"),
            _line("crlf", "/srv/t/crlf", "b=2", regexp="^b="),
            _line("crlf end", "/srv/t/crlf", "c=3"),
            _line("latin", "/srv/t/latin", "ü"),
            _line("unicode", f"/srv/t/{NAME}", "☃", create=True, mode="0600", owner="worker"),
            _line("parents", "/srv/t/new/deep/f", "x", create=True),
            _line("unit separator", "/srv/t/sep", "x=2", regexp="^x="),
        ),
        "cat f; cat g; od -An -c crlf | tr -d ' '; od -An -tx1 latin; cat naïve*; stat -c '%a %U' naïve*;"
        " stat -c '%n %a' new new/deep new/deep/f; od -An -tx1 sep",
        "a\t'b' \"c\" \\d $e %f\nfirst\nlast\na=1\\r\\nb=2\\r\\nc=3\\r\\n\n e4 0a c3 bc 0a\n☃\n600 worker\n"
        "new 755\nnew/deep 755\nnew/deep/f 644\n 61 0c 62 e2 80 a8 63 0a 78 3d 32 0a\n",
        "touch f; printf first > g; printf 'a=1\\r\\nb=1\\r\\n' > crlf; printf '\\344\\n' > latin;"
        " printf 'a\\fb\\342\\200\\250c\\nx=1\\n' > sep",
    ),
    "the file around it": Case(
        (
            _line("kept", "/srv/t/f", "b", backup=True),
            _line("mode", "/srv/t/g", "a", mode="0600"),
            _line("linked", "/srv/t/link", "c"),
            _line(
                "both",
                "/srv/t/h",
                "# b",
                mode="0440",
                group="www-data",
                validate="visudo -cf %s",
                regexp="^nothing",
            ),
            _line("absent", "/srv/t/none", "x", state="absent"),
        ),
        "stat -c '%n %a %U:%G' f g h; cat f real h; ls | sed -E 's/[0-9]+/N/g'; readlink link; cat f.*",
        "f 604 worker:www-data\ng 600 root:root\nh 440 root:www-data\na\nb\nreal\nc\n# ok\n# b\n"
        "f\nf.N.N-N-N@N:N:N~\ng\nh\nlink\nreal\nreal\na\n",
        "echo a > f; chmod 604 f; chown worker:www-data f; echo a > g; echo real > real; ln -s real link;"
        " echo '# ok' > h",
        frozenset({"absent"}),
    ),
}
