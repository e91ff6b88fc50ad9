"""The state of a container: as `docker inspect` tells it, as it is asked for, as a new one would have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configurator.core.errors import TaskError
from configurator.modules.docker_container_params import DockerContainerParams
from configurator.modules.docker_images import reference
from configurator.modules.docker_options import OPTIONS, fits
from configurator.modules.docker_values import words_of
from configurator.modules.state import UNKNOWN, SecretValue, State

# Variables that the client itself goes by cannot be given to it in its own environment.
_CLIENT = ("PATH", "HOME", "LC_ALL", "LANG", "TMPDIR")
_LONGEST_LINE = 60_000  # of a file of variables; the client takes no longer ones
_NETWORK = {"aliases": "network-alias", "ipv4_address": "ip", "ipv6_address": "ip6", "links": "link"}


def found_state(found: Mapping[str, Any]) -> State:
    """Return what `docker container inspect` says, in our words."""
    run, config = found.get("State") or {}, found.get("Config") or {}
    health = (run.get("Health") or {}).get("Status")
    networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
    state: State = {
        "exists": True,
        "id": found.get("Id"),
        "image": config.get("Image"),
        "image_id": found.get("Image"),
        "running": bool(run.get("Running")),
        "paused": bool(run.get("Paused")),
        "exit_status": run.get("ExitCode") or 0,
        "health": health,
        "healthy": health == "healthy",
        "command": list(config.get("Cmd") or ()),
        "entrypoint": list(config.get("Entrypoint") or ()),
        "addresses": {
            "Networks": {name: {"IPAddress": one.get("IPAddress")} for name, one in networks.items()}
        },
    }
    state |= {name: option.read(found) for name, option in OPTIONS.items()}
    for line in config.get("Env") or ():
        name, _, value = line.partition("=")
        state[f"env.{name}"] = SecretValue(value)
    return state | {f"network.{name}": _network(one, found) for name, one in networks.items()}


def _network(one: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    own = one.get("IPAMConfig") or {}
    there = {
        "aliases": sorted(name for name in one.get("Aliases") or () if name != str(found.get("Id"))[:12]),
        "ipv4_address": own.get("IPv4Address"),
        "ipv6_address": own.get("IPv6Address"),
        "links": sorted(one.get("Links") or ()),
        "mac_address": one.get("MacAddress"),
    }
    # The daemon gives an address of its own to what was not asked for one.
    return {key: value for key, value in there.items() if value and key != "mac_address"}


def desired_options(params: DockerContainerParams, actual: State) -> State:
    """Return the fields that are asked for; what fits is wanted as it is."""
    wanted = _wanted_image(params, actual)
    base = _base(actual)
    for name, asked in params.asked().items():
        option, how, there = OPTIONS[name], params.how(name), actual.get(name)
        if actual["exists"] and how == "ignore":
            continue
        value = actual.get(f"{name}_id", asked)
        if name in ("labels", "exposed_ports", "volumes") and how == "strict":
            value = _with_images(params, name, value, base)
        loose = how == "allow_more_present" and option.kind in ("set", "dict") and there is not UNKNOWN
        loose = loose or name == "healthcheck"
        if actual["exists"] and loose:
            missing = UNKNOWN if name in actual.get("open", ()) else value
            wanted[name] = there if fits(option, value, there) else missing
        else:
            wanted[name] = value
    wanted |= _wanted_command(params, actual)
    wanted |= _wanted_variables(params, actual, base)
    return wanted | _wanted_networks(params, actual)


def _wanted_image(params: DockerContainerParams, actual: State) -> State:
    if params.image is None or params.ref is None:
        return {}
    if not actual["exists"]:
        return {"image": params.image}
    if params.how("image") == "ignore":
        return {}
    wanted: State = {}
    if params.image_name_mismatch == "recreate":
        same = actual["image"] is not None and reference(actual["image"]) == params.ref
        wanted["image"] = actual["image"] if same else params.image
    image = actual.get("wanted") or {"exists": False}
    if not image["exists"] or (params.pulls == "always" and "pulled" not in actual):
        return wanted | {"image_id": UNKNOWN}
    if actual.get("image_of", actual["image_id"]) == image["of"]:
        return wanted | ({"image_id": actual["image_id"]} if actual["image_id"] is not UNKNOWN else {})
    return wanted | {"image_id": image["id"]}


def _base(actual: State) -> Any:
    """Return the configuration of the image that the container's own is compared with."""
    image = actual.get("base") if actual["exists"] else None
    return (image or actual.get("wanted") or {}).get("config", {})


def _with_images(params: DockerContainerParams, name: str, value: Any, base: Any) -> Any:
    """Return what is asked for together with what the image brings."""
    if base is UNKNOWN:
        return UNKNOWN
    own = OPTIONS[name].read({"Config": base})
    if name != "labels":
        ports = params.asked().get("published_ports", ()) if name == "exposed_ports" else ()
        return sorted({*value, *own, *(port.partition("->")[2] for port in ports)})
    if params.image_label_mismatch == "fail" and not own.keys() <= value.keys():
        more = ", ".join(sorted(own.keys() - value.keys()))
        raise TaskError(f"the image has labels that are not asked for: {more}", hint="add them to 'labels'")
    return dict(sorted((own | value).items()))


def _wanted_command(params: DockerContainerParams, actual: State) -> State:
    """Return entrypoint and command; the client hands over an entrypoint's further words with the command."""
    first = None if params.entrypoint is None else words_of(params.entrypoint)
    rest = None if params.command is None else words_of(params.command)
    wanted: State = {}
    if first is not None and params.how("entrypoint") != "ignore":
        there = [actual.get("entrypoint"), actual.get("command")]
        if [*first, *(rest or ())] == [word for words in there if isinstance(words, list) for word in words]:
            return {}
        wanted["entrypoint"] = first
    if rest is not None and params.how("command") != "ignore":
        wanted["command"] = rest
    return wanted


def _wanted_variables(params: DockerContainerParams, actual: State, base: Any) -> State:
    how, asked = params.how("env"), actual.get("variables", {})
    if actual["exists"] and how == "ignore":
        return {}
    wanted: State = {f"env.{name}": SecretValue(value) for name, value in asked.items()}
    if "env" in actual.get("open", ()):
        wanted |= {name: UNKNOWN for name, value in wanted.items() if actual.get(name) != value}
    if how != "strict" or not actual["exists"]:
        return wanted
    images = () if base is UNKNOWN else (base.get("Env") or ())
    kept = {line.partition("=")[0]: line.partition("=")[2] for line in images}
    for field, value in actual.items():
        name = field.removeprefix("env.")
        if name != field and name not in asked and value is not None:
            wanted[field] = SecretValue(kept[name]) if name in kept else None
    return wanted


def _wanted_networks(params: DockerContainerParams, actual: State) -> State:
    how = params.how("networks")
    if actual["exists"] and how == "ignore":
        return {}
    wanted: State = {}
    for name, asked in params.joined.items():
        there = actual.get(f"network.{name}")
        wanted[f"network.{name}"] = there if there is not None and _joined(asked, there) else _plain(asked)
    if how == "strict" and actual["exists"]:
        for field in actual:
            if field.startswith("network.") and field not in wanted:
                wanted[field] = None
    return wanted


def _plain(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in asked.items() if key != "mac_address"}


def _joined(asked: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    return all(
        set(value) <= set(there.get(key) or ()) if isinstance(value, list) else there.get(key) == value
        for key, value in _plain(asked).items()
    )


# -- a new container --------------------------------------------------------------------------------------


def created(
    params: DockerContainerParams, before: State
) -> tuple[list[str], str | None, dict[str, str]]:  # fmt: skip
    """Return the words that make the container, and its variables: as input, and as environment."""
    words = ["container", "create", f"--name={params.name}", "--pull=never"]
    words += [f"--platform={params.platform}"] if params.platform else []
    for name, value in params.asked().items():
        words += OPTIONS[name].words(params.written(name) if OPTIONS[name].raw else value)
    if params.first is not None:
        words += network_words(params.joined[params.first], at_creation=True)
    lines, env = [], {}
    for name, value in before["variables"].items():
        if set(value) & {"\n", "\r"} or len(value) > _LONGEST_LINE:
            if name in _CLIENT or name.startswith("DOCKER_"):
                raise TaskError(f"the variable {name!r} cannot have more than one line")
            words.append(f"--env={name}")
            env[name] = value
        else:
            lines.append(f"{name}={value}\n")
    words += ["--env-file=/dev/stdin"] if lines else []
    command = [] if params.command is None else words_of(params.command)
    if params.entrypoint is not None:
        first = words_of(params.entrypoint)
        words.append(f"--entrypoint={first[0] if first else ''}")
        command = [*first[1:], *command]
    return [*words, str(params.image or before.get("image")), *command], "".join(lines) or None, env


def network_words(asked: Mapping[str, Any], *, at_creation: bool) -> list[str]:
    """Return the client's options for being in a network."""
    words = []
    for key, known in _NETWORK.items():
        option = known if at_creation else known.removeprefix("network-")
        value = asked.get(key, [])
        words += [f"--{option}={one}" for one in (value if isinstance(value, list) else [value])]
    if at_creation and asked.get("mac_address"):
        words.append(f"--mac-address={asked['mac_address']}")
    return words


def imagined_state(params: DockerContainerParams, before: State, wanted: State) -> State:
    """Return what a new container is, as far as it is known: what image and daemon decide may be unknown."""
    image = before.get("wanted") or {"id": UNKNOWN, "of": object(), "config": UNKNOWN}
    config = image.get("config", UNKNOWN)
    known = found_state({"Config": {} if config is UNKNOWN else config, "HostConfig": {}})
    for name, option in OPTIONS.items():
        if option.given:
            known[name] = UNKNOWN
    for name in ("labels", "user", "working_dir", "stop_signal"):
        known[name] = UNKNOWN if config is UNKNOWN else OPTIONS[name].read({"Config": config})
    # Of these more may be there than is known: what image and daemon add.
    known["open"] = [name for name, option in OPTIONS.items() if option.given and option.kind != "value"]
    if config is UNKNOWN:
        known |= {"command": UNKNOWN, "entrypoint": UNKNOWN}
        known["open"].append("env")
    else:
        known["open"].remove("labels")
    if params.entrypoint is not None and params.command is None:
        known["command"] = []
    known |= {name: _given(params, name, value, config) for name, value in wanted.items()}
    for name in ("recreated", "restarted", "ran", "healthy"):
        known.pop(name, None)
    return known | {
        "exists": True,
        "id": UNKNOWN,
        "image": params.image or before.get("image"),
        "image_id": image.get("id", UNKNOWN),
        "image_of": image.get("of"),
        "running": False,
        "paused": False,
        "health": UNKNOWN,
        "healthy": False,
        "addresses": UNKNOWN,
    }


def _given(params: DockerContainerParams, name: str, value: Any, config: Any) -> Any:
    """Return what an option comes to in a new container, together with the image's."""
    if name == "labels" and params.how(name) != "strict" and config is not UNKNOWN:
        return OPTIONS[name].read({"Config": config}) | value
    return value
