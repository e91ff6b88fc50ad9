"""What people might write by mistake, and what nobody would: texts made of the words that readers know."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

from configurator.compiler import keywords as words
from configurator.modules import registry
from configurator.modules.params import specs

_YAML = [
    *(
        "a",
        "b",
        ": ",
        ":",
        "- ",
        "-",
        "\n",
        "\n  ",
        "\n    ",
        " ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "? ",
        "&a ",
        "*a",
    ),
    *("<<: ", "<<: *a", "!secret ", "!unsafe ", "!!int ", "!!str ", "!x ", "!vault |\n  ", "|\n  ", ">-\n  "),
    *("'", '"', "#", "# c\n", "{{", "}}", "{{ a }}", "{% if a %}", "\t", "\r\n", "\r", "\x00", "\ufeff"),
    *("\x85", "\u2028", "\x7f", "\ud800", "é", "💥", "---\n", "...\n", "%YAML 1.1\n", "0644", "22:22", "yes"),
    *("on", "~", "null", "1e9", ".inf", "-0", "2024-01-01", "=", "\\", "\\x", "@", "`", "$ANSIBLE_VAULT;1.1"),
]
_TASKS = [
    "- name: x\n  ",
    "- block:\n  ",
    "when: ",
    "loop: ",
    "copy: ",
    "command: ",
    "dest: ",
    "a=b ",
    "{{ a }}",
]
_CONFIG = [
    "site:\n",
    "- hosts: all\n  ",
    "roles: ",
    "performance: ",
    "forks: ",
    "ssh: ",
    "port: ",
    "become: ",
]
_INVENTORY = ["all:\n  ", "hosts:\n    ", "children:\n    ", "vars:\n    ", "web[1:3]", "ansible_port: "]
_INI = [
    *(
        "[",
        "]",
        "[web]\n",
        "[web:children]\n",
        "[web:vars]\n",
        "[web:x]\n",
        "\n",
        " ",
        "=",
        ":",
        "#",
        ";",
        "'",
    ),
    *(
        '"',
        "h1",
        "h[1:3]",
        "h[a:c]",
        "h[3:1]",
        "h[:]",
        "h[1:9:2]",
        "[01:10]",
        "ansible_port=",
        "22",
        "a=b",
        "\\",
    ),
    *(
        "{'a': 1}",
        "[1, 2]",
        "True",
        "\t",
        "\r\n",
        "\x00",
        "\ufeff",
        "é",
        "ansible_group_priority=",
        "::1",
        "@",
    ),
]
_JINJA = [
    *(
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "-",
        " ",
        "\n",
        "a",
        "b",
        "c.d",
        "t",
        "x",
        "1",
        "0",
        "9" * 30,
        "'",
        '"',
    ),
    *(
        "'s'",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        ":",
        "|",
        "~",
        "+",
        "*",
        "**",
        "/",
        "//",
        "%",
        "<",
        "==",
    ),
    *(" in ", " is ", " not ", " and ", " or ", " if ", " else ", "for i in b", "endfor", "if a", "endif"),
    *("set x = ", "macro m()", "endmacro", "m()", "raw", "endraw", "include 'x'", "block z", "endblock"),
    *(
        "call ",
        "filter upper",
        "range(9)",
        "range(10**9)",
        "loop.index",
        "namespace()",
        "default('')",
        "defined",
    ),
    *("upper", "int", "list", "map('upper')", "join(',')", "to_json", "from_yaml", "regex_replace('(', 'x')"),
    *("combine(c)", "lookup('env', 'X')", "omit", "b[0]", "t.format", "t % ", "items()", "center(9**9)"),
    *("__class__", "self", "super()", "cycler(1)", "random", "product(b)", "sort", "unique", "hash('x')"),
]


def texts(tokens: list[str], most: int = 30) -> st.SearchStrategy[str]:
    """Texts of these words, with a stray character now and then."""
    return st.lists(
        st.one_of(st.sampled_from(tokens), st.sampled_from(tokens), st.text(max_size=3)), max_size=most
    ).map("".join)


TEXTS = {
    "yaml": texts(_YAML),
    "settings": texts([*_CONFIG, *_YAML[:30]]),
    "tasks": texts([*_TASKS, *_YAML]),
    "yaml_inventory": texts([*_INVENTORY, *_YAML[:40]]),
    "ini_inventory": texts(_INI),
    "extra_vars": texts([*_YAML, "a=b ", "a='"]),
    "template": texts(_JINJA),
}

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10**20),
    st.floats(allow_nan=False),
    st.sampled_from(
        ["", "x", "{{ a }}", "{{", "a=b c", "yes", "/etc/x", "0644", "present", "nginx", "a: b", "*"]
    ),
    st.text(max_size=5),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers(0, 9), st.booleans()), inner, max_size=3),
    ),
    max_leaves=6,
)
_NAMES = sorted([*registry.names(), *words.CONTROL, "ansible.builtin.copy", "nosuch"])


@st.composite
def _task(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    task: dict[Any, Any] = {}
    if draw(st.booleans()):
        name = draw(st.sampled_from(_NAMES))
        known = list(specs(registry.get(name).params)) if name in registry.names() else ["file", "apply"]
        params = st.dictionaries(st.sampled_from([*known, "nosuch"]), VALUES, max_size=4)
        task[name] = draw(st.one_of(params, VALUES))
    else:
        task["block"] = draw(st.one_of(inner, VALUES))
    allowed = sorted(words.TASK | words.WITHOUT_MEANING | {"rescue", "always", "with_dict", "wehn", "with_x"})
    for key in draw(st.lists(st.sampled_from(allowed), max_size=4)):
        task[key] = draw(VALUES)
    return task


TASKS: st.SearchStrategy[Any] = st.recursive(
    st.just([]), lambda inner: st.lists(_task(inner), max_size=3), max_leaves=4
)


def dumped(value: Any) -> str:
    """Return a value as YAML."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    return text


_HOSTS = st.dictionaries(st.sampled_from(["h", "h1", "w[1:3]"]), VALUES, max_size=3)
_GROUP: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), VALUES),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "hosts": st.one_of(_HOSTS, VALUES),
            "children": st.dictionaries(st.sampled_from(["web", "db", "all"]), inner, max_size=2),
            "vars": VALUES,
            "nosuch": VALUES,
        },
    ),
    max_leaves=4,
)
_ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "hosts": st.one_of(st.sampled_from(["all", "web:!h", "~x", "["]), VALUES),
        "roles": st.one_of(
            st.just(["r"]), st.lists(st.fixed_dictionaries({"role": VALUES}), max_size=2), VALUES
        ),
        "vars": VALUES,
        "become": VALUES,
    },
)
PROJECTS = st.fixed_dictionaries(
    {},
    optional={
        "config.yaml": st.fixed_dictionaries(
            {"site": st.lists(_ENTRY, max_size=2)}, optional={"ssh": VALUES}
        ).map(dumped),
        "inventory/hosts.yml": st.fixed_dictionaries({"all": _GROUP}, optional={"web": _GROUP}).map(dumped),
        "inventory/group_vars/all.yml": VALUES.map(dumped),
        "inventory/host_vars/h.yml": texts(_YAML, 12),
        "roles/r/tasks/main.yml": TASKS.map(dumped),
        "roles/r/handlers/main.yml": TASKS.map(dumped),
        "roles/r/defaults/main.yml": VALUES.map(dumped),
        "roles/r/vars/main.yml": texts(_YAML, 12),
        "roles/r/meta/main.yml": st.fixed_dictionaries({"requires": VALUES}).map(dumped),
        "roles/r/meta/argument_specs.yml": VALUES.map(
            lambda value: dumped({"argument_specs": {"main": {"options": {"a": value}}}})
        ),
    },
)
