"""locale_gen: locales, as locale(1) then lists them."""

from __future__ import annotations

from tests.hosts.cases import Case

PREPARE = (
    "apt-get install -y -qq locales >/dev/null 2>&1; rm -f /usr/lib/locale/locale-archive;"
    " printf '# by hand\\n\\n# de_DE.UTF-8 UTF-8\\n# fr_FR ISO-8859-1\\nes_ES.UTF-8 UTF-8' > /etc/locale.gen"
)
LIST = "locale -a | grep -E '^(de|fr|es|it)_' | sort; cat /etc/locale.gen"

CASES: dict[str, Case] = {
    "compiled": Case(
        (
            ("one", "locale_gen", {"name": "de_DE.UTF-8"}),
            ("spelt otherwise", "locale_gen", {"name": "de_DE.utf8"}),
            ("several", "locale_gen", {"name": ["fr_FR", "it_IT.UTF-8 UTF-8"]}),
            ("wrong", "locale_gen", {"name": "de_DF.UTF-8"}),
        ),
        LIST,
        "de_DE.utf8\nes_ES.utf8\nfr_FR\nfr_FR.iso88591\nit_IT.utf8\n"
        "# by hand\n\nde_DE.UTF-8 UTF-8\nfr_FR ISO-8859-1\nes_ES.UTF-8 UTF-8\nit_IT.UTF-8 UTF-8\n",
        PREPARE,
        idle=frozenset({"spelt otherwise"}),
        fails={"wrong": "did you mean 'de_DE.UTF-8'?"},
    ),
    "removed": Case(
        (
            ("gone", "locale_gen", {"name": "es_ES.UTF-8", "state": "absent"}),
            ("only listed", "locale_gen", {"name": "de_DE.UTF-8", "state": "absent"}),
            ("never there", "locale_gen", {"name": "it_IT.UTF-8", "state": "absent"}),
            ("kept", "locale_gen", {"name": "fr_FR.UTF-8"}),
        ),
        f"{LIST}; locale-gen --keep-existing >/dev/null; {LIST}",
        2 * "fr_FR.utf8\n# x\n# es_ES.UTF-8 UTF-8\nfr_FR.UTF-8 UTF-8\n# de_DE.UTF-8 UTF-8\n",
        f"{PREPARE}; printf '# x\\nes_ES.UTF-8 UTF-8\\nfr_FR.UTF-8 UTF-8\\n' > /etc/locale.gen;"
        " locale-gen >/dev/null; echo 'de_DE.UTF-8 UTF-8' >> /etc/locale.gen",
        idle=frozenset({"never there", "kept"}),
    ),
    "without the package": Case(
        (
            ("missing", "locale_gen", {"name": "de_DE.UTF-8"}),
            ("nothing to remove", "locale_gen", {"name": "de_DE.UTF-8", "state": "absent"}),
        ),
        prepare="apt-get purge -y -qq locales >/dev/null 2>&1; rm -f /etc/locale.gen",
        idle=frozenset({"nothing to remove"}),
        fails={"missing": "apt: {name: locales}"},
    ),
    "with the package to come": Case(
        (
            ("package", "apt", {"name": "locales", "install_recommends": False}),
            ("locale", "locale_gen", {"name": "de_DE.UTF-8"}),
        ),
        "locale -a | grep de_",
        "de_DE.utf8\n",
        "apt-get update -qq; apt-get purge -y -qq locales >/dev/null 2>&1; rm -f /etc/locale.gen",
        assumed={"locale": "'package' comes first"},
    ),
}
