"""script: what the controller has sent is run, from a file that is gone afterwards."""

from __future__ import annotations

from tests.hosts.cases import Case

SHELL = """#!/bin/sh -e
test "$(stat -c %a "$0")" = 700 && test "$(stat -c %a "$(dirname "$0")")" = 700
printf '%s\\n' "$(basename "$0")" "$#" "$@" >> /srv/t/said
echo "$0" >> /srv/t/places; id -un
"""
PYTHON = "import sys; print(sys.argv[1:], sys.version_info > (3,))\n"
GONE = 'for f in $(cat places); do test ! -e "$f" && test ! -e "$(dirname "$f")" || echo "left: $f"; done; '


def _script(text: str, command: str, **params: object) -> dict[str, object]:
    return {"cmd": command, "_content": text, **params}


CASES = {
    "arguments, interpreters and places": Case(
        tasks=(
            ("words", "script", _script(SHELL, "tools/do.sh 'two words' $HOME ü")),
            ("python", "script", _script(PYTHON, "do.py a b", executable="python3 -I")),
            ("no first line", "script", _script("echo here: $PWD >> /srv/t/said\n", "x", chdir="/srv/t")),
        ),
        again=frozenset({"words", "python", "no first line"}),
        assumed={"python": "'words' runs before", "no first line": "'python' runs before"},
        outputs={
            "words": {"stdout": "root\n", "rc": 0},
            "python": {"stdout_lines": ["['a', 'b'] True"]},
        },
        check=GONE + "head -5 said; grep -c here: said; ls /var/lib/configurator/scripts",
        said="do.sh\n3\ntwo words\n$HOME\nü\n2\n",
    ),
    "creates and removes": Case(
        prepare="touch there",
        tasks=(
            ("made", "script", _script("#!/bin/sh\ntouch made\n", "m", creates="made", chdir="/srv/t")),
            ("there", "script", _script("exit 1", "m", creates="/srv/t/th*")),
            ("gone", "script", _script("exit 1", "m", removes="/srv/t/gone")),
        ),
        idle=frozenset({"there", "gone"}),
        outputs={"there": {"stdout": "skipped, since /srv/t/th* exists"}},
    ),
    "what fails": Case(
        tasks=(
            ("status", "script", _script("#!/bin/sh\necho out; echo err >&2; exit 7\n", "do.sh")),
            ("interpreter", "script", _script("#!/nowhere/sh\n", "do.sh")),
            ("folder", "script", _script("true", "do.sh", chdir="/nowhere")),
        ),
        plan_blind={
            "status": "exit status 7",
            "interpreter": "/nowhere/sh",
            "folder": "/nowhere",
        },
        check="ls /var/lib/configurator/scripts",
    ),
    "as another user": Case(
        prepare="chmod 777 .",
        tasks=(("who", "script", _script(SHELL, "do.sh")),),
        again=frozenset({"who"}),
        outputs={"who": {"stdout": "worker\n"}},
        options={"become_user": "worker"},
        check=GONE,
    ),
}
