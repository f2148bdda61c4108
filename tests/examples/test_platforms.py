"""The files of examples/platforms are what the platforms read, and name settings of ours and the processes of the Procfile."""

from __future__ import annotations

import base64
import copy
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.examples.platform_files import (
    PLATFORMS,
    READERS,
    containerfile,
    env_file,
    load_toml,
    load_yaml,
    procfile,
    unit,
    units,
)
from tests.examples.platform_schemas import COMPOSE, DIRECTIVES, FLY, RENDER
from webhook_kit import Store
from webhook_kit.errors import ConfigurationError
from webhook_kit.kit import Kit
from webhook_kit.settings import Settings
from webhook_kit.testing.processes import PATIENCE

OF_THE_SERVERS = {"PORT", "METRICS_PORT", "WEB_CONCURRENCY", "WEB_THREADS"}
"""Variables that are options of commands, and no settings."""

FORMATS: dict[str, tuple[Any, dict[str, Any]]] = {
    "render.yaml": (load_yaml("render.yaml"), RENDER),
    "fly.toml": (load_toml("fly.toml"), FLY),
    "compose.yaml": (load_yaml("compose.yaml"), COMPOSE),
}


def names(document: Any) -> Iterator[str]:
    """Every variable that a Blueprint, a fly.toml or a compose.yaml sets or asks for."""
    if isinstance(document, list):
        for each in document:
            yield from names(each)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key in ("key", "envVarKey"):
                yield value
            elif key in ("env", "environment"):
                yield from value
            else:
                yield from names(value)


# -- formats -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FORMATS)
def test_a_file_fits_its_schema(file: str) -> None:
    document, schema = FORMATS[file]
    jsonschema_rs.validator_for(schema).validate(document)


@pytest.mark.parametrize(
    ("file", "path", "value"),
    [
        ("render.yaml", ("services", 0, "maxmemoryPolicy"), "no-eviction"),
        ("render.yaml", ("services", 1, "preDeploycommand"), "true"),
        ("render.yaml", ("envVarGroups", 0, "envVars", 0), {"key": "GETT_API_KEY", "sync": False}),
        ("fly.toml", ("kill_timeout",), 301),
        ("fly.toml", ("http_service", "checks", 0, "paths"), "/readyz"),
        ("fly.toml", ("metrics", 0, "port"), "9464"),
        ("compose.yaml", ("services", "web", "depends_on", "redis", "condition"), "healthy"),
        ("compose.yaml", ("services", "push", "stop_grace"), "30s"),
    ],
)
def test_a_mistake_does_not_fit(file: str, path: tuple[str | int, ...], value: object) -> None:
    document, schema = FORMATS[file]
    place = document = copy.deepcopy(document)
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validator_for(schema).validate(document)


# -- all ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "without"), [("render", "console"), ("fly", "console"), ("compose", ""), ("systemd", "")]
)
def test_the_processes_are_those_of_the_procfile(platform: str, without: str) -> None:
    lines = {each.name: " ".join(each.command) for each in READERS[platform]()}
    lines.pop("redis", None)
    lines.pop("metrics", None)
    expected = {name: line for name, line in procfile().items() if name != without}
    if platform == "systemd":  # a proxy of the same machine is in front
        expected = {name: line.replace("0.0.0.0", "127.0.0.1") for name, line in expected.items()}
    assert lines == expected


@pytest.mark.parametrize("file", FORMATS)
def test_every_variable_is_a_setting(file: str) -> None:
    found = set(names(FORMATS[file][0]))
    assert found
    assert {name for name in found - OF_THE_SERVERS if name.lower() not in Settings.model_fields} == set()


def test_the_file_of_settings_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    values = env_file()
    assert {name for name in values if name.lower() not in Settings.model_fields} == set()
    for name in [name for name in os.environ if name.lower() in Settings.model_fields]:
        monkeypatch.delenv(name)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="GETT_WEBHOOK_SECRETS is not set"):  # as it is, empty
        Settings.from_env().require_authenticity()
    filled = {
        "GETT_API_KEY": "key",
        "GETT_WEBHOOK_SECRETS": "whsec",
        "PUBLIC_URL": "https://pos.example.org",
        "POS_ADAPTER": "bogus",
        "GETT_STORE_ID": "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90",
    }
    assert set(filled) <= set(values)
    for name, value in filled.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_env()
    settings.require_authenticity()
    assert settings.pos_adapter == "bogus"


# -- each --------------------------------------------------------------------------------------------------------------


def test_render_names_services_that_exist() -> None:
    blueprint = load_yaml("render.yaml")
    services = {service["name"]: service for service in blueprint["services"]}
    groups = {group["name"] for group in blueprint["envVarGroups"]}
    assert services["webhook-kit-redis"]["maxmemoryPolicy"] == "noeviction"
    assert len({service["region"] for service in services.values()}) == 1
    named = []
    for service in blueprint["services"]:
        for variable in service.get("envVars", []):
            if source := variable.get("fromService"):
                named.append(source["name"])
                assert services[source["name"]]["type"] == source["type"]
                own = {each.get("key") for each in services[source["name"]].get("envVars", [])}
                assert "property" in source or source["envVarKey"] in own
            elif "fromGroup" in variable:
                assert variable["fromGroup"] in groups
    assert set(named) == {"webhook-kit-redis", "webhook-kit-web"}


def test_a_key_that_render_generates_encrypts(make_kit: Callable[..., Kit]) -> None:
    (group,) = load_yaml("render.yaml")["envVarGroups"]
    assert {"key": "WEBHOOK_KIT_KEY", "generateValue": True} in group["envVars"]
    generated = base64.b64encode(bytes([0xFB, 0xFF] * 16)).decode()  # 256 bits, with the characters that a URL lacks
    assert {"+", "/"} <= set(generated)
    stores = make_kit(webhook_kit_key=[generated]).stores
    stores.add(Store("added", "9d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a91", "bogus", credentials={"token": "secret"}))
    saved = stores.by_id("added")
    assert saved is not None
    assert saved.credentials == {"token": "secret"}


def test_fly_names_groups_of_processes_that_exist() -> None:
    app = load_toml("fly.toml")
    assert (app["kill_signal"], app["kill_timeout"]) == ("SIGTERM", 30)
    assert (PLATFORMS / app["build"]["dockerfile"]).exists()
    service = app["http_service"]
    assert service["internal_port"] == int(app["env"]["PORT"]) == app["checks"]["alive"]["port"]
    assert [check["path"] for check in (*service["checks"], *app["checks"].values())] == ["/readyz", "/healthz"]
    sections = [service, *app["checks"].values(), *app["metrics"]]
    assert {group for section in sections for group in section["processes"]} <= set(app["processes"])


def test_compose_waits_for_redis_and_keeps_its_data() -> None:
    document = load_yaml("compose.yaml")
    services = document["services"]
    redis = services.pop("redis")
    options = dict(zip(redis["command"][1::2], redis["command"][2::2], strict=True))
    assert (options["--appendonly"], options["--maxmemory-policy"]) == ("yes", "noeviction")
    assert {volume.split(":")[0] for volume in redis["volumes"]} == set(document["volumes"])
    assert redis["stop_grace_period"] == "30s"
    for name, service in services.items():
        assert service["depends_on"]["redis"] == {"condition": "service_healthy"}, name
        assert (PLATFORMS / service["env_file"]).exists()
        assert service["environment"]["REDIS_URL"] == "redis://redis:6379/0"
        assert service["stop_grace_period"] == "30s"
        assert set(service["depends_on"]) <= {"redis", "release"}
        # The health check of the image is one of a web server.
        assert service.get("healthcheck") == (None if "ports" in service else {"disable": True})
        # One image for all, which one of them builds and nobody fetches.
        assert service["image"] == "localhost/webhook-kit"
        assert service["pull_policy"] == ("build" if "build" in service else "never")
    assert (PLATFORMS / services["release"]["build"]["dockerfile"]).exists()


@pytest.mark.parametrize("file", sorted(units()))
def test_a_unit_has_only_known_directives(file: str) -> None:
    for section, directives in units()[file].items():
        for name, values in directives.items():
            assert name in DIRECTIVES[section], f"[{section}] {name}"
            for value in values:
                assert re.fullmatch(DIRECTIVES[section][name], value), f"{name}={value}"


def test_a_line_that_is_no_assignment_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="neither section nor assignment"):
        unit("[Service]\nRestart: always\n")
    with pytest.raises(ValueError, match="neither section nor assignment"):
        unit("Restart=always\n")


def test_the_target_starts_the_processes() -> None:
    found = units()
    wanted = set(found["webhook-kit.target"]["Unit"]["Wants"][0].split())
    assert wanted == {"webhook-kit-web@8000.service", "webhook-kit-push.service", "webhook-kit-sync.service"}
    assert {name.replace("@8000", "@") for name in wanted} <= set(found)
    for name, sections in found.items():
        if name.endswith(".service"):
            service = sections["Service"]
            assert (service["KillMode"], service["KillSignal"]) == (["mixed"], ["SIGTERM"])
            assert ("Restart" in service) is (service["Type"] != ["oneshot"])  # systemd refuses both together
            assert service["TimeoutStopSec"] == ["30"]
            assert service["EnvironmentFile"] == ["/etc/webhook-kit/settings.env"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    unit_path = tmp_path / "units"
    shutil.copytree(PLATFORMS / "systemd", unit_path)
    for path in unit_path.glob("*.service"):  # in place of the link in /usr/local/bin
        text = path.read_text().replace("ExecStart=", f"ExecStart={Path(sys.executable).parent}/")
        path.write_text(text)
    instances = [name.replace("@.", "@8000.") for name in units()]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *instances],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{unit_path}:"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


# -- image -------------------------------------------------------------------------------------------------------------


def test_the_image_has_only_what_runs() -> None:
    instructions = containerfile()
    last = [each for each in instructions if each.stage == instructions[-1].stage]
    by_name = {each.name: each for each in last}
    assert by_name["FROM"].value == "${BASE}"
    assert "RUN" not in by_name  # nothing is installed or compiled
    assert [each.options for each in last if each.name == "COPY"] == [{"from": "build"}]
    user = by_name["USER"].value
    assert re.fullmatch("[1-9][0-9]*:[1-9][0-9]*", user)  # a number, so that Kubernetes can see that it is not root
    assert by_name["STOPSIGNAL"].value == "SIGTERM"
    assert "ENTRYPOINT" not in by_name
    assert " ".join(by_name["CMD"].exec_form or []) == procfile()["web"]
    assert by_name["HEALTHCHECK"].exec_form


def test_every_command_of_the_image_is_without_a_shell() -> None:
    for instruction in containerfile():
        if instruction.name in ("RUN", "CMD", "HEALTHCHECK"):
            assert instruction.exec_form, instruction


def test_the_image_copies_what_exists() -> None:
    instructions = containerfile()
    stages = {each.value.split(" AS ")[1]: each.stage for each in instructions if " AS " in each.value}
    made = [
        each.exec_form[-1]
        for each in instructions
        if each.name == "RUN" and each.exec_form and "venv" in each.exec_form
    ]
    for instruction in (each for each in instructions if each.name == "COPY"):
        source, target = instruction.value.split()
        if stage := instruction.options.get("from"):
            assert stages[stage] < instruction.stage
            assert source in made
            # The scripts of an environment name the path of its Python.
            assert source == target
        else:
            assert (source, target) == (".", ".")


def test_secrets_stay_out_of_the_image() -> None:
    ignored = (PLATFORMS / "containerignore").read_text().split("\n")
    assert {"*.env", "stores.toml", ".git", ".venv"} <= set(ignored)
