"""Files that Heroku reads, of ``examples/heroku`` and of a generated project: those of the buildpack, and ``app.json``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.examples.heroku_schema import AppJson
from webhook_kit.operations.checks.redis_server import Processes
from webhook_kit.scaffold.project import render
from webhook_kit.settings import Settings
from webhook_kit.testing.processes import PATIENCE

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "heroku"
GENERATED = "0123456789abcdef" * 4
"""A secret as Heroku generates it."""


@pytest.fixture(params=["example", "generated"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder that is pushed to Heroku."""
    if request.param == "example":
        return EXAMPLE
    for path, text in render("blue-door").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def app_json(project: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((project / "app.json").read_text())
    return document


def test_app_json_fits_the_schema_and_the_procfile(project: Path) -> None:
    app = AppJson.model_validate_json((project / "app.json").read_text())
    processes = re.findall(r"^(\w+):", (project / "Procfile").read_text(), re.MULTILINE)
    assert [*app.formation, "release"] == [*processes[1:], processes[0]]
    assert all(formation.quantity == 1 for formation in app.formation.values())
    assert app.addons


@pytest.mark.parametrize(
    "change",
    [
        {"adons": []},
        {"env": {"KEY": {"generator": "key"}}},
        {"env": {"KEY": {"generator": "secret", "value": "x"}}},
        {"env": {"KEY": 1}},
        {"env": {"a b": {}}},
        {"env": {"lower": {}}},
        {"formation": {"web": {"quantity": "1"}}},
        {"formation": {"web": {"quantity": 1, "size": "large"}}},
        {"addons": ["heroku redis"]},
        {"buildpacks": ["heroku/python"]},
        {"stack": "cedar"},
        {"name": "x" * 31},
    ],
    ids=str,
)
def test_schema_refuses_what_heroku_would(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AppJson.model_validate_json(json.dumps(app_json(EXAMPLE) | change))


def test_settings_of_the_button_are_accepted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated secrets, preset values, and nothing that a person has to type."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, variable in AppJson.model_validate(app_json(project)).env.items():
        assert name.lower() in Settings.model_fields
        assert variable.generator or variable.value or not variable.required
        monkeypatch.setenv(name, GENERATED if variable.generator else variable.value or "")
    settings = Settings.from_env()
    assert settings.webhook_kit_key
    assert settings.token_keys() == settings.console_keys() == [GENERATED]


def test_python_version_is_one_that_the_kit_supports(project: Path) -> None:
    """Heroku takes a minor version, for its newest patch release."""
    version = (project / ".python-version").read_text().strip()
    assert re.fullmatch(r"3\.\d+", version)
    assert f"Programming Language :: Python :: {version}\n" in (ROOT / "setup.cfg").read_text()


def test_requirements_can_be_installed(project: Path, tmp_path: Path) -> None:
    """By pip, as the buildpack does, but without a registry: everything else is installed here already."""
    options = ["--no-index", "--no-build-isolation", "--disable-pip-version-check", "--no-warn-script-location"]
    where = ["--dry-run"] if project == EXAMPLE else ["--no-deps", "--target", str(tmp_path / "installed")]
    command = [sys.executable, "-m", "pip", "install", *options, *where, "-r", "requirements.txt"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    done = subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, check=False, timeout=4 * PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if project == EXAMPLE:
        assert "Would install" not in done.stdout
    else:
        (metadata,) = (tmp_path / "installed").glob("blue_door-*.dist-info/entry_points.txt")
        assert "blue-door = blue_door:BlueDoor" in metadata.read_text()


def plans() -> list[list[str]]:
    """Return the rows of the table of plans in ``docs/heroku.md``."""
    text = (ROOT / "docs" / "heroku.md").read_text().split("<!-- plans -->")[1].split("<!-- /plans -->")[0]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in text.strip().splitlines()[2:]]


@pytest.mark.parametrize("row", plans(), ids=lambda row: row[0])
def test_plan_holds_the_processes_of_its_row(row: list[str]) -> None:
    _, limit, memory, orders, settings, most = row
    given = dict(re.findall(r"(REDIS_MAX_CONNECTIONS|WEB_CONCURRENCY)=(\d+)", settings))
    pool = int(given.get("REDIS_MAX_CONNECTIONS", Settings().redis_max_connections))
    up_to = re.search(r"up to (\d+) web processes", settings)
    web = int(up_to[1] if up_to else given.get("WEB_CONCURRENCY", 2))
    processes = Processes(web=web + ("no console" not in settings))
    assert processes.most_connections(pool) == int(most)
    assert pool <= processes.largest_pool(int(limit))
    assert f"| {memory} | {orders} |" in (ROOT / "docs" / "deploying.md").read_text()


def test_procfile_of_the_example_is_the_kits_own() -> None:
    assert (EXAMPLE / "Procfile").read_text() == (ROOT / "Procfile").read_text()
