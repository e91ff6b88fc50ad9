"""git."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case

# A repository with two commits, the tags `one` (light) and `v2` (annotated), a branch `side`, and hashes that
# are the same each time; /srv/t/up is what tasks clone. `c FILE` commits.
_UP = """
command -v git >/dev/null || apt-get install -y -qq git >/dev/null 2>&1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git init -q -b main up
c() { echo "$1" > $1; git add $1; git commit -qm $1; }
(cd up; c one; git tag one; git checkout -qb side; c side; git checkout -q main; c two; git tag -am v2 v2)
git config --system protocol.file.allow always; git config --system safe.directory '*'
"""
ONE = "e1fc0cb3785eaaa284f6d5bf109e63937bdff134"
SIDE = "df44e1568a03ecb32dbd4c9a3d025ba974073e10"
TWO = "b2fe3eaedbe4a8a1e8caa5b582f2586048774a40"


def _git(name: str, dest: str | None, **params: Any) -> tuple[str, str, dict[str, Any]]:
    given = {} if dest is None else {"dest": f"/srv/t/{dest}"}
    return name, "git", {"repo": "file:///srv/t/up", **given, **params}


CASES = {
    "cloning": Case(
        (
            _git("head", "head"),
            _git("same", "head"),
            _git("branch", "deep/er/branch", version="side"),
            _git("tag", "tag", version="v2"),
            _git("light tag", "light", version="one", depth=1),
            _git("hash", "hash", version=ONE),
            _git("shallow", "shallow", depth=1, version="side"),
            _git("bare", "bare", bare=True),
            _git("split", "split", separate_git_dir="/srv/t/split.git", remote="upstream"),
            _git("single", "single", single_branch=True, version="main"),
            _git("path", "path", repo="/srv/t/up"),
            _git("not cloned", "nothing", clone=False),
            _git("asked", None, clone=False, version="side"),
            _git("into an empty one", "empty", archive="/srv/t/all.tgz", archive_prefix="p/"),
        ),
        """for d in head deep/er/branch tag light hash shallow split single path empty; do
            echo $d $(git -C $d rev-parse HEAD) $(git -C $d symbolic-ref -q --short HEAD) \
                $(git -C $d rev-list --count HEAD) \
                $(git -C $d rev-parse -q --abbrev-ref @{u} 2>/dev/null | grep /)
        done
        git -C bare rev-parse HEAD; git -C bare rev-parse --is-bare-repository; ls nothing 2>&1 | wc -l
        cat split/.git; git -C split remote; tar -tzf all.tgz | tr '\\n' ' '; stat -c %U empty""",
        f"head {TWO} main 2 origin/main\ndeep/er/branch {SIDE} side 2 origin/side\ntag {TWO} 2\n"
        f"light {ONE} 1\nhash {ONE} 1\nshallow {SIDE} side 1 origin/side\nsplit {TWO} main 2 upstream/main\n"
        f"single {TWO} main 2 origin/main\npath {TWO} main 2 origin/main\nempty {TWO} main 2 origin/main\n"
        f"{TWO}\ntrue\n1\ngitdir: /srv/t/split.git\nupstream\np/ p/one p/two root\n",
        _UP + "mkdir empty",
        frozenset({"same", "not cloned", "asked"}),
        outputs={
            "head": {"before": None, "after": TWO, "remote_url_changed": False},
            "asked": {"after": SIDE},
        },
    ),
    "moving": Case(
        (
            _git("forward", "a"),
            _git("offline", "gone", repo="file:///srv/t/nowhere", update=False),
            _git("at the hash", "at", repo="file:///srv/t/up", version=ONE),
            _git("other branch", "b", version="side"),
            _git("to a tag", "c", version="one"),
            _git("forced", "d", force=True),
            _git("other remote", "e", repo="file:///srv/t/up"),
            _git("rewritten", "f", version="side"),
            _git("shallow", "g", depth=1),
            _git("bare", "h", bare=True, version="side"),
            _git("archived", "i", archive="/srv/t/i.zip"),
            ("untracked", "lineinfile", {"path": "/srv/t/d/mine", "line": "kept"}),
        ),
        """for d in a gone at b c d e f g; do
            echo $d $(git -C $d rev-parse HEAD) $(git -C $d symbolic-ref -q --short HEAD) \
                $(git -C $d status --porcelain --untracked-files=no | wc -l)
        done
        git -C h rev-parse side; cat d/one d/mine; git -C e config remote.origin.url
        git -C g rev-list --count HEAD; ls i i.zip""",
        f"a {TWO} main 0\ngone {ONE} main 0\nat {ONE} 0\nb {SIDE} side 0\nc {ONE} 0\nd {TWO} main 0\n"
        f"e {TWO} main 0\nf {SIDE} side 0\ng {TWO} main 0\n{SIDE}\none\nmine\nkept\nfile:///srv/t/up\n1\n"
        "i.zip\n\ni:\none\ntwo\n",
        _UP
        + """git clone -q --bare up old; git -C old update-ref refs/heads/main one
        for d in a gone b d f; do
            git clone -q file:///srv/t/old $d; git -C $d remote set-url origin file:///srv/t/up
        done; git -C gone remote set-url origin file:///srv/t/nowhere
        git clone -q old e; git clone -q file:///srv/t/up at; git clone -q file:///srv/t/up c
        git -C at checkout -q --detach one
        echo changed > d/one; echo mine > d/mine
        (cd f; git checkout -qB side; c other); git clone -q --depth 1 file:///srv/t/old g
        git -C g remote set-url origin file:///srv/t/up; git clone -q --bare file:///srv/t/old h
        git -C h update-ref refs/heads/side one; git -C h remote set-url origin file:///srv/t/up
        git clone -q file:///srv/t/up i""",
        frozenset({"offline", "at the hash"}),
        assumed={"untracked": "'forced' fills /srv/t/d in the apply"},
        outputs={"forward": {"before": ONE, "after": TWO}, "other remote": {"remote_url_changed": True}},
    ),
    "submodules": Case(
        (
            _git("with them", "new", repo="file:///srv/t/super"),
            _git("without", "bare", repo="file:///srv/t/super", recursive=False),
            _git("moved one", "old", repo="file:///srv/t/super"),
            _git("tracked", "tracked", repo="file:///srv/t/super", track_submodules=True),
        ),
        """for d in new old tracked; do git -C $d/sub log -1 --format=%s; done; ls bare/sub | wc -l""",
        "one\none\ntwo\n0\n",
        _UP
        + """git init -q -b main super
        cd super; git submodule --quiet add -b main file:///srv/t/up sub
        git -C sub checkout -q one; git add sub; git commit -qm s; cd ..
        git clone -q --recursive super old; git -C old/sub checkout -q v2
        git clone -q --recursive super tracked
        for d in old tracked; do git -C $d remote set-url origin file:///srv/t/super; done""",
        assumed={"tracked": ""},
    ),
    "refused": Case(
        (
            _git("dirty", "dirty"),
            _git("no such version", "new", version="nothing"),
            _git("nowhere", "new", repo="file:///srv/t/nowhere"),
            _git("no repository", "full"),
            _git("a file", "file"),
            _git("nobody", "new", repo="ssh://127.0.0.1:9/x"),
            _git("empty", "new", repo="/srv/t/none"),
        ),
        "cat dirty/one full/x; ls",
        "mine\nx\ndirty\nfile\nfull\nnone\nup\n",
        _UP
        + """git clone -q up dirty; echo mine > dirty/one
        mkdir full; echo x > full/x; touch file; git init -q none""",
        fails={
            "dirty": "/srv/t/dirty has changes of its own: one",
            "no such version": "it has no branch or tag 'nothing'",
            "nowhere": "cannot read file:///srv/t/nowhere",
            "no repository": "/srv/t/full is not empty, and no git repository",
            "a file": "/srv/t/file is no directory",
            "nobody": "cannot read ssh://127.0.0.1:9/x",
            "empty": "it has no commits",
        },
    ),
    "as another user, and then": Case(
        (
            _git("mine", "home/app", repo="/srv/t/up", version=TWO[:9]),
            ("reads", "copy", {"src": "/srv/t/home/app/one", "dest": "/srv/t/home/copy", "remote_src": True}),
            ("below it", "copy", {"dest": "/srv/t/home/app/local", "content": "x\n"}),
        ),
        "git -C home/app rev-parse HEAD; stat -c %U home/app/one; cat home/copy home/app/local",
        f"{TWO}\nworker\none\nx\n",
        _UP + "install -d -o worker home; chmod 755 . up",
        assumed={
            "mine": "",
            "reads": "'mine' fills /srv/t/home/app in the apply",
            "below it": "in the apply",
        },
        options={"become_user": "worker"},
    ),
}
