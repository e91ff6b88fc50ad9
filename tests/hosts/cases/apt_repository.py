"""apt_repository: lines come, stay where they are, and go, and what they offer can be installed at once."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case
from tests.hosts.own_packages import SHOW, ending, own

D = "/etc/apt/sources.list.d"
UNLIST = f"mv {D}/own.list /tmp; rm -f /var/lib/apt/lists/_srv_own*\n"


def _line(suite: str) -> str:
    return f"deb [trusted=yes] file:/srv/own/{suite} ./"


def _repo(title: str, repo: str, **params: Any) -> tuple[str, str, dict[str, Any]]:
    return title, "apt_repository", {"repo": repo, **params}


CASES = {
    "lines": Case(
        (
            _repo("new", _line("one"), filename="own-one"),
            _repo(
                "same",
                "deb  [trusted=yes]   file:/srv/own/one  ./ # mine",
                filename="own-other",
                validate_certs=False,
            ),
            _repo("named by its address", _line("two"), mode="0640"),
            _repo("enabled where it stands", _line("three"), filename="own-new", update_cache=False),
            _repo("the main file", "deb-src file:/srv/own/four ./", update_cache=False),
            _repo("gone", _line("five"), state="absent"),
            _repo("one of two", _line("six"), state="absent"),
            ("package", "apt", {"name": "own-a"}),
            _repo("never there", "deb http://127.0.0.1:9/ bookworm main", state="absent"),
        ),
        ending(
            f"{SHOW}; cd {D}; ls; cat own-one.list file_srv_own_two.list own-pre.list own-two.list;"
            " cat ../sources.list; stat -c %a own-one.list file_srv_own_two.list; rm *own* ../sources.list"
        ),
        "own-a 1.0 installed\nfile_srv_own_two.list\nown-one.list\nown-pre.list\nown-two.list\n"
        f"{_line('one')}\n{_line('two')}\n# of the tests\n{_line('three')}\n# kept\n"
        "# deb-src file:/srv/own/none ./\ndeb-src file:/srv/own/four ./\n644\n640\n",
        own(
            "one/own-a 1.0",
            *(f"{suite}/own-b 1.0" for suite in ("two", "five", "six")),
            then=UNLIST
            + f"printf '# of the tests\n#deb [trusted=yes] file:/srv/own/three ./\n' > {D}/own-pre.list\n"
            f"echo '{_line('five')}' > {D}/own-five.list\n"
            f"printf '# kept\n{_line('six')}\n' > {D}/own-two.list\n"
            "printf '# deb-src file:/srv/own/none ./\n#  deb-src file:/srv/own/four ./'"
            " > /etc/apt/sources.list",
            alone=True,
        ),
        frozenset({"same", "never there"}),
        assumed={"package": ""},
        outputs={
            "new": {"sources_added": [f"{D}/own-one.list"], "sources_removed": []},
            "same": {"sources_added": [], "sources_removed": []},
            "named by its address": {"sources_added": [f"{D}/file_srv_own_two.list"]},
            "enabled where it stands": {"sources_added": []},
            "gone": {"sources_added": [], "sources_removed": [f"{D}/own-five.list"]},
            "one of two": {"sources_removed": []},
        },
    ),
    "wrong ones": Case(
        (
            _repo("not there", "deb [trusted=yes] file:/srv/own/nowhere ./", update_cache_retries=0),
            _repo("not signed", "deb file:/srv/own/own ./", update_cache_retries=0),
            _repo("nobody there", "deb http://127.0.0.1:9/ bookworm main", update_cache_retries=0),
            _repo("a ppa", "ppa:someone/something"),
            _repo("no source", "http://deb.debian.org/debian"),
            _repo("no components", "deb http://deb.debian.org/debian bookworm"),
        ),
        ending(f"ls {D}; cat {D}/own-kept.list; rm {D}/*"),
        "own-kept.list\n# kept\n",
        own("own-a 1.0", then=UNLIST + f"echo '# kept' > {D}/own-kept.list", alone=True),
        fails={
            "a ppa": "is a PPA, which is built for Ubuntu",
            "no source": "'http://deb.debian.org/debian' is not a source",
            "no components": "is not a source",
        },
        plan_blind={
            "not there": "the sources are as they were",
            "not signed": "the key that signs this source is missing",
            "nobody there": "the host cannot reach 127.0.0.1",
        },
    ),
}
