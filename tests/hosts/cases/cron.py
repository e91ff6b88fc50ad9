"""cron: users' crontabs behind crontab(1), and files of /etc/cron.d."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

# Recommended is a mail server, and cron itself would run the jobs: both write files while a plan is watched.
INSTALLED = (
    "apt-get install -y -qq --no-install-recommends cron >/dev/null 2>&1; systemctl stop cron;"
    " for u in root worker; do crontab -u $u -r 2>/dev/null; done; :\n"
)
PURGED = (
    "apt-get purge -y -qq cron cron-daemon-common >/dev/null 2>&1; rm -rf /var/spool/cron;"
    " mkdir -p /etc/cron.d"
)
OLD = "# by hand\\n\\nMAILTO=me\\n#Ansible: old\\n1 2 * * * /bin/old 50%% done\\n 7  7 * * *\\t/bin/odd\\f"


def _job(name: str, job: str | None = None, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "cron", {"name": name, **({} if job is None else {"job": job}), **params}


def _env(name: str, job: str | None = None, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return _job(name, job, env=True, **params)


CASES: dict[str, Case] = {
    "jobs of a user": Case(
        (
            _job("backup", "/usr/bin/backup --at $(date +\\%F) 'a b' \"c\"", minute="5", hour="*/4"),
            _job("ünï", "echo ☃ 100%", day="1,15", month="jan", weekday="mon-fri"),
            _job("boot", "/bin/true", special_time="reboot"),
            _job("off", "/bin/true", special_time="daily", disabled=True),
            _job("same", "/bin/true", special_time="daily", disabled=True),
            _job("number", "x", minute=0, hour=7, user="worker"),
            ("again", "cron", {"name": "boot", "job": "/bin/true", "special_time": "reboot"}),
        ),
        "crontab -l; crontab -u worker -l; stat -c '%a %U' /var/spool/cron/crontabs/worker",
        "#Ansible: backup\n5 */4 * * * /usr/bin/backup --at $(date +\\%F) 'a b' \"c\"\n"
        "#Ansible: ünï\n* * 1,15 jan mon-fri echo ☃ 100%\n#Ansible: boot\n@reboot /bin/true\n"
        "#Ansible: off\n#@daily /bin/true\n#Ansible: same\n#@daily /bin/true\n"
        "#Ansible: number\n0 7 * * * x\n600 worker\n",
        INSTALLED,
        idle=frozenset({"again"}),
        outputs={"again": {"jobs": ["backup", "ünï", "boot", "off", "same"], "envs": []}},
    ),
    "what is there stays": Case(
        (
            _job("old", "/bin/new", minute="1"),
            _job("adopted", "/bin/odd x", minute="3"),
            _job("none", state="absent"),
            _job("added", "/bin/added"),
            _job("added again", "/bin/added"),
            ("gone", "cron", {"name": "added", "state": "absent", "backup": True}),
        ),
        "crontab -l | tr '\\t\\f' TF; stat -c %a /var/backups/crontab-* | uniq; "
        " cat /var/backups/crontab-* | wc -l; rm /var/backups/crontab-*",
        "# by hand\n\nMAILTO=me\n#Ansible: old\n1 * * * * /bin/new\n 7  7 * * *T/bin/oddF\n"
        "#Ansible: adopted\n3 * * * * /bin/odd x\n#Ansible: added again\n* * * * * /bin/added\n"
        "600\n24\n",
        INSTALLED + f"printf '{OLD}\\n3 * * * * /bin/odd x\\n' | crontab -",
        idle=frozenset({"none"}),
        again=frozenset({"added", "gone"}),
    ),
    "the last one goes": Case(
        (
            _job("one", "/bin/one", user="worker"),
            _job("two", "/bin/two", user="worker", cron_file="t-file"),
            ("one gone", "cron", {"name": "one", "state": "absent", "user": "worker"}),
            ("two gone", "cron", {"name": "two", "state": "absent", "cron_file": "t-file", "backup": True}),
        ),
        "ls /etc/cron.d | grep ^t- | sed -E 's/[0-9@:.-]+/N/g'; crontab -u worker -l 2>&1;"
        " rm -f /etc/cron.d/t-*",
        "tNfileN~\ntNfileN~\nno crontab for worker\n",
        INSTALLED,
        again=frozenset({"one", "two", "one gone", "two gone"}),
    ),
    "files": Case(
        (
            _env("PATH", "/usr/bin:/bin", cron_file="t-jobs"),
            _env("MAILTO", "", cron_file="t-jobs"),
            _env("LAST", "x y", cron_file="t-jobs", insertafter="PATH"),
            _env("FIRST", "1", cron_file="t-jobs", insertbefore="MAILTO"),
            _job("as root", "/bin/a", cron_file="t-jobs", special_time="hourly"),
            _job("as worker", "/bin/b", cron_file="/etc/cron.d/t-jobs", user="worker", minute="*/5"),
            ("gone", "cron", {"name": "PATH", "env": True, "cron_file": "t-jobs", "state": "absent"}),
            _job("latin", "/bin/c", cron_file="t-latin", backup=True),
            _job("dotted", "/bin/d", cron_file="t.dotted"),
            _job("no end", "/bin/e", cron_file="t-end"),
        ),
        "cd /etc/cron.d; cat t-jobs; od -An -c t-latin | tr -d ' \\n'; echo; stat -c '%n %a %U' t-*[a-z];"
        " cat t-end; ls t-latin.*@* | wc -l; rm -f t-* t.*",
        'FIRST="1"\nMAILTO=""\nLAST="x y"\n#Ansible: as root\n@hourly root /bin/a\n'
        "#Ansible: as worker\n*/5 * * * * worker /bin/b\n"
        "#344\\n#Ansible:latin\\n*****root/bin/c\\n\n"
        "t-end 640 root\nt-jobs 644 root\nt-latin 600 root\n#Ansible: no end\n* * * * * root /bin/e\n1\n",
        "cd /etc/cron.d; printf '#\\344' > t-latin; chmod 600 t-latin;"
        " printf '#Ansible: no end\\n* * * * * root /bin/e' > t-end; chmod 640 t-end",
        again=frozenset({"PATH", "gone"}),
        warns={"dotted": "cron passes over /etc/cron.d/t.dotted"},
    ),
    "variables of a user": Case(
        (
            _env("MAILTO", "root@example.org"),
            _env("SHELL", "/bin/bash", insertafter="TZ"),
            _env("TZ", "Europe/Berlin", insertbefore="NOTHING"),
            _env("LOST", "x", insertbefore="NOTHING"),
            _job("job", "/bin/true", minute="1"),
            _env("OLD", state="absent"),
        ),
        "crontab -l",
        'MAILTO="root@example.org"\nTZ="Europe/Berlin"\nSHELL="/bin/bash"\n'
        "#Ansible: job\n1 * * * * /bin/true\n",
        INSTALLED + "printf 'MAILTO = me\\nTZ=UTC\\nOLD=1\\nOLD=2\\n' | crontab -",
        fails={"LOST": "variables that are: MAILTO, TZ, SHELL"},
    ),
    "as another user": Case(
        (_job("own", "/bin/own", hour="3", minute="0"), _job("own too", "/bin/own", user="worker")),
        "crontab -u worker -l; crontab -l 2>&1 || :",
        "#Ansible: own\n0 3 * * * /bin/own\n#Ansible: own too\n* * * * * /bin/own\nno crontab for root\n",
        INSTALLED,
        options={"become_user": "worker"},
    ),
    "a user of the same plan": Case(
        (
            ("user", "user", {"name": "cronny", "create_home": False}),
            _job("job", "/bin/true", user="cronny"),
            ("never", "cron", {"name": "job", "job": "x", "user": "nosuch"}),
        ),
        "crontab -u cronny -l; crontab -u cronny -r; userdel cronny",
        "#Ansible: job\n* * * * * /bin/true\n",
        INSTALLED,
        fails={"never": "user 'nosuch' does not exist"},
    ),
    "without cron": Case(
        (_job("missing", "/bin/true"), _job("nothing", state="absent")),
        prepare=PURGED,
        idle=frozenset({"nothing"}),
        fails={"missing": "apt: {name: cron}"},
    ),
    "with cron to come": Case(
        (
            ("install", "apt", {"name": "cron", "install_recommends": False}),
            _job("then", "/bin/true"),
            _job("file", "/bin/true", cron_file="t-early"),
        ),
        "crontab -l; cat /etc/cron.d/t-early; rm /etc/cron.d/t-early",
        "#Ansible: then\n* * * * * /bin/true\n#Ansible: file\n* * * * * root /bin/true\n",
        f"apt-get update -qq; {PURGED}",
        assumed={"then": "cron is not installed yet"},
    ),
}
