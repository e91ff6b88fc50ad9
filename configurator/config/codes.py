"""Every diagnostic's stable code: what it means, and what to do. `configurator explain CODE` shows it.

A code names a kind of mistake, not a sentence: messages may become better, codes stay. One that is no longer
made keeps its entry, since scripts and searches know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means: a title, why it is wrong, something wrong and the same mended (empty if "
    "none fits)."""

    title: str
    text: str
    wrong: str = ""
    right: str = ""


def _entries() -> dict[str, Explanation]:
    return {
        # -- reading files ------------------------------------------------------------------------------
        "unreadable-file": Explanation(
            "A file cannot be read",
            "It is not there, is no file, may not be read by you, or is larger than a configuration can be.",
        ),
        "not-utf8": Explanation(
            "A file is not UTF-8",
            "All files are read as UTF-8. Save it so in your editor, or convert it: `iconv -f latin1 "
            "-t utf-8`.",
        ),
        "yaml-syntax": Explanation(
            "YAML cannot be read",
            "The place is where the reader noticed it; the cause often stands in the line above: a "
            "quote or bracket "
            "that is not closed, a text with ': ' in it without quotes, or lines that do not stand "
            "below each other.",
            "- name: see: this",
            '- name: "see: this"',
        ),
        "yaml-character": Explanation(
            "A control character stands in a YAML file",
            "YAML allows tabs, line breaks and printable characters. Write others as an escape in "
            "double quotes.",
            "",
            r'prompt: "\e[31mred"',
        ),
        "yaml-documents": Explanation(
            "A file has several YAML documents",
            "One file holds one document. Take the second `---` out, or make two files.",
        ),
        "yaml-size": Explanation(
            "A YAML file has too much in it",
            "More than 200,000 values once its aliases are expanded, or lists and mappings more than "
            "100 deep. "
            "That is data, or aliases that multiply each other.",
        ),
        "yaml-anchor": Explanation(
            "An alias leads nowhere",
            "`*name` stands for what `&name` marked above it in the same file, and cannot stand inside that.",
            "b: *common\na: &common {x: 1}",
            "a: &common {x: 1}\nb: *common",
        ),
        "yaml-merge": Explanation(
            "`<<` has nothing to merge",
            "`<<` takes over the keys of a mapping, or of a list of mappings.",
            "<<: text",
            "<<: *common",
        ),
        "yaml-tag": Explanation(
            "A tag means nothing here",
            "`!secret` (never shown), `!unsafe` (no template) and `!vault` (encrypted) are known, "
            "and YAML's own "
            "`!!str`, `!!int`, `!!float`, `!!bool`, `!!null`.",
        ),
        "yaml-key": Explanation(
            "A key is a list or a mapping",
            "Keys are words or numbers. Often a template without quotes is taken for one.",
        ),
        "duplicate-key": Explanation(
            "A key is written twice",
            "Most readers of YAML silently take the last one. Here it is an error, since one of the "
            "two is a mistake.",
            "copy:\n  dest: /a\n  dest: /b",
            "copy:\n  dest: /b",
        ),
        "unquoted-template": Explanation(
            "A value that begins with a template is not in quotes",
            "For YAML a text that begins with `{` is a mapping.",
            "dest: {{ path }}",
            'dest: "{{ path }}"',
        ),
        "vault": Explanation(
            "Something encrypted cannot be opened",
            "Its envelope is damaged, no known password opens it, or it stands where nothing "
            "encrypted can be read. "
            "See docs/how-to/secrets.md.",
        ),
        # -- values -------------------------------------------------------------------------------------
        "wrong-type": Explanation(
            "A value is of the wrong kind",
            "The message says what is wanted, and what is there.",
            "tags: {web: true}",
            "tags: [web]",
        ),
        "wrong-value": Explanation(
            "A value is not one of those that are possible",
            "It is of the right kind, but out of bounds or not among the choices. The message names them.",
        ),
        "missing-value": Explanation(
            "Something that is needed is not said",
            "The message names it.",
        ),
        "variable-name": Explanation(
            "A variable cannot be called so",
            "A name begins with a letter or `_` and goes on with letters, digits and `_`.",
            "my-port: 80",
            "my_port: 80",
        ),
        # -- settings -----------------------------------------------------------------------------------
        "unknown-setting": Explanation(
            "config.yaml has an unknown setting",
            "Nothing is ignored silently: a setting that is misspelt would keep its default.",
            "performance:\n  fork: 5",
            "performance:\n  forks: 5",
        ),
        "wrong-setting": Explanation(
            "A setting has a wrong value",
            "config.yaml takes `true` and `false` alone as booleans, and numbers within the bounds "
            "of the message.",
            "performance:\n  parallel_execution: {enabled: yes}",
            "performance:\n  parallel_execution: {enabled: true}",
        ),
        # -- the inventory ------------------------------------------------------------------------------
        "no-inventory": Explanation(
            "The inventory is not there",
            "Without `--inventory` it is inventory/hosts.yml, hosts.yaml, hosts.ini, hosts or the "
            "whole folder.",
        ),
        "inventory-syntax": Explanation(
            "A line of an inventory cannot be read",
            "In INI: sections `[group]`, `[group:children]` and `[group:vars]`, hosts with "
            "`name=value` behind them.",
            "web1 ansible_port 22",
            "web1 ansible_port=22",
        ),
        "inventory-key": Explanation(
            "A group of an inventory has an unknown key",
            "A group has `hosts`, `children` and `vars`. A group of a group stands below `children`.",
            "all:\n  web:\n    hosts:",
            "all:\n  children:\n    web:\n      hosts:",
        ),
        "host-range": Explanation(
            "A range of hosts cannot be read",
            "`web[1:3]`, `web[01:10]`, `db[a:c]`, with a step `web[1:9:2]`; at most 65,536 names.",
        ),
        "group-cycle": Explanation(
            "Groups contain each other",
            "A group cannot be its own child, not even through others. The message has the path.",
        ),
        "inventory-script": Explanation(
            "A program that lists hosts failed",
            "It must write JSON as Ansible's inventory scripts do, and end with 0.",
        ),
        "unknown-group": Explanation(
            "A group is nowhere made",
            "A section of variables or children for a group that has no hosts is a misspelling more "
            "often than not.",
        ),
        "no-such-host": Explanation(
            "No host matches",
            "A pattern of `--host`, `hosts:` or `limit` means no host or group of the inventory. A "
            "host outside of it "
            "is written `user@address` or `user@address:port`.",
        ),
        "connection-variable": Explanation(
            "A variable of the connection has a wrong value",
            "`ansible_port` is a port number, `ansible_become` a boolean, `ansible_connection` is ssh or "
            "local.",
        ),
        "ignored": Explanation(
            "Something has no effect here",
            "It is accepted so that files written for Ansible can be used, and does nothing. Only a warning.",
        ),
        # -- tasks --------------------------------------------------------------------------------------
        "no-module": Explanation(
            "A task names no module",
            "Besides its keywords a task has one key: the module, with its parameters.",
            "- name: Install nginx",
            "- name: Install nginx\n  apt: {name: nginx}",
        ),
        "several-modules": Explanation(
            "A task names several modules",
            "Make a task of each; a `block` keeps their common keywords together.",
        ),
        "unknown-module": Explanation(
            "There is no module of this name",
            "docs/reference/modules.md lists them; a project's own stand in modules/. Prefixes such as "
            "`ansible.builtin.` are accepted.",
            "- coppy: {dest: /etc/motd, content: hi}",
            "- copy: {dest: /etc/motd, content: hi}",
        ),
        "unknown-keyword": Explanation(
            "A task or play has an unknown keyword",
            "A keyword that is misspelt would silently do nothing, a `when` among them.",
            "- ping:\n  wehn: false",
            "- ping:\n  when: false",
        ),
        "misplaced-keyword": Explanation(
            "A keyword has no meaning where it stands",
            "Such as `listen` on a task that is no handler, `loop` on a block, or `block` keys on a play.",
        ),
        "unsupported": Explanation(
            "Something of Ansible's is not supported",
            "Rather than to do something else than the file says, it is refused. The hint says what "
            "to use instead.",
        ),
        "unknown-parameter": Explanation(
            "A module has no parameter of this name",
            "Its page in docs/reference/modules/ lists the parameters and which of Ansible's are "
            "left out, and why.",
            "- copy: {dest: /etc/motd, contnet: hi}",
            "- copy: {dest: /etc/motd, content: hi}",
        ),
        "missing-parameter": Explanation(
            "A required parameter is missing",
            "The module cannot work without it.",
            "- copy: {content: hi}",
            "- copy: {content: hi, dest: /etc/motd}",
        ),
        "wrong-parameter": Explanation(
            "A parameter has a wrong value, or does not go with another one",
            "Literal values are checked before any host is asked; those with templates once they are known.",
            "- file: {path: /x, state: foldr}",
            "- file: {path: /x, state: directory}",
        ),
        "free-form": Explanation(
            "Parameters written as text cannot be read",
            "Apart from commands the text is `name=value` words; values with spaces are in quotes.",
            "- copy: dest=/etc/motd content=Hello there",
            "- copy: dest=/etc/motd content='Hello there'",
        ),
        "loop": Explanation(
            "A loop cannot be read",
            "`loop` takes a list, `with_dict` a mapping; a task has one loop. `loop_control` goes "
            "with a loop.",
            "loop: 5",
            "loop: [5]",
        ),
        "condition": Explanation(
            "A condition is no expression",
            "`when` takes an expression without braces, or a list of which all must hold.",
            "when: {state: present}",
            "when: state == 'present'",
        ),
        "unknown-key": Explanation(
            "A mapping has an unknown key",
            "The message says of what; the hint has the nearest that is known, or all of them.",
        ),
        "no-such-file": Explanation(
            "A file that is named does not exist",
            "Files of tasks are looked for beside the file that names them and in the role's "
            "folders, templates in "
            "templates/, others in files/.",
        ),
        "wrong-file": Explanation(
            "A file cannot be used for what it is named for",
            "It is a folder where a file is wanted, or the other way round, or cannot be read.",
        ),
        "unknown-role": Explanation(
            "There is no role of this name",
            "Roles are looked for in `roles_path` of config.yaml, and among the built-in ones.",
        ),
        "role-entry": Explanation(
            "An entry names no role",
            "A role is mentioned by its name, or by a mapping with `role`.",
            "roles: [{tags: [x]}]",
            "roles: [{role: nginx, tags: [x]}]",
        ),
        "role-argument": Explanation(
            "A variable is not what the role declares",
            "The role's meta/argument_specs.yml says which variables it needs and what they must be.",
        ),
        "unknown-handler": Explanation(
            "Nobody listens to a notification",
            "`notify` names a handler, or a word that a handler listens to, of this role or of another one "
            "(`role : handler`).",
        ),
        "extension": Explanation(
            "A module of the project cannot be used",
            "See docs/how-to/write-a-module.md for what a file in modules/ must be.",
        ),
        "playbook": Explanation(
            "A playbook cannot be used as it is",
            "It is a list of plays with `hosts`, and of imports of other playbooks that do not import it.",
        ),
        "selection": Explanation(
            "What was chosen on the command line exists nowhere",
            "`--tags`, `--skip-tags`, `--role` and `--only` must mean something: a mistyped one "
            "would run too much or "
            "nothing at all.",
        ),
        # -- order --------------------------------------------------------------------------------------
        "unknown-requirement": Explanation(
            "`requires` names nothing that exists",
            "It names a task of the same role, a role, or a task of another role as `role: task`.",
            "requires: Instal nginx",
            "requires: Install nginx",
        ),
        "cycle": Explanation(
            "Tasks or roles wait for each other",
            "Each waits for the next one, and the last for the first. The message has the path, and "
            "each place says "
            "why one waits; take one of them away.",
        ),
        "conflict": Explanation(
            "Two roles want different things of the same",
            "Nothing orders them, so chance would decide what the host becomes. Have one task "
            "require the other, or "
            "let one role do it.",
        ),
        # -- templates ----------------------------------------------------------------------------------
        "template-syntax": Explanation(
            "A template cannot be read",
            "Jinja's tags are `{{ value }}`, `{% statement %}` and `{# comment #}`; each `if` and "
            "`for` has its end.",
            "{% if a %} x",
            "{% if a %} x {% endif %}",
        ),
        "unknown-filter": Explanation(
            "There is no filter or test of this name",
            "Jinja's own and the ones that roles for Ansible use are there.",
            "{{ name | uper }}",
            "{{ name | upper }}",
        ),
        "undefined": Explanation(
            "A variable is not defined",
            "Give it a value in the role's defaults/main.yml, or say what it is without one: `default(...)`.",
            "{{ port }}",
            "{{ port | default(80) }}",
        ),
        "template-failed": Explanation(
            "An expression fails",
            "It can be read, and breaks with the values that it has: a division by zero, a key that "
            "is not there, a "
            "text where a number is wanted; or it would take too long or too much memory.",
        ),
        "variable-cycle": Explanation(
            "A variable needs itself",
            "Its text uses it, maybe through others. The message has the path.",
            'a: "{{ b }}"\nb: "{{ a }}"',
            'a: "{{ b }}"\nb: 1',
        ),
        "extra-vars": Explanation(
            "`--extra-vars` cannot be read",
            "`name=value` words, a mapping as JSON or YAML, or `@FILE`.",
            "-e 'port 80'",
            "-e 'port=80'",
        ),
    }


EXPLANATIONS: Mapping[str, Explanation] = MappingProxyType(_entries())
