"""Every command and every block of README, docs pages and the READMEs of adapters and examples is run, or listed with a reason."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import sqlite3
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped]
from flask import Flask, Response, jsonify, request
from pydantic import BaseModel, Field, SecretStr

import webhook_kit
from tests.cli.test_cli import ORDER, Shell
from tests.cli.test_cli import shell as shell  # noqa: PLC0414 - a fixture
from tests.scenario.documented import ROOT, UUID, Command, blocks, commands, inline_commands
from webhook_kit import Store
from webhook_kit.adapter import Placed
from webhook_kit.cli import _cli
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.operations.dead_letter_jobs import DeadLetterAction, start_job
from webhook_kit.operations.dead_letters import DeadLetterFilter
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.sandbox.server import serve
from webhook_kit.storage.open_alerts import AlertSubject
from webhook_kit.stores.adapters import require_usable
from webhook_kit.stores.cipher import new_key
from webhook_kit.stores.table import parse_store
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.local_kit import LocalKit
from webhook_kit.testing.processes import PATIENCE

UNTIL_INTERRUPTED = "runs until it is interrupted"
NOT_RUN = {
    r"honcho .*|set -a; .*": "starts processes: tests/scenario/test_procfile.py",
    r"heroku .*|git push heroku .*": "needs an account at Heroku",
    r"git clone .*": "needs the address of a repository",
    r"make (demo|test|unit|.*)": "the project's own targets; CI runs them",
    r"pip install .*|python3? -m (venv|pip) .*|\. \.venv/bin/activate|cd .*": "installs packages: tests/packaging",
    r"fly .*": "needs an account at Fly.io; its file: tests/examples/test_platforms.py",
    r"(/opt/webhook-kit/bin/pip|ln|useradd|install|cp|systemctl) .*": "needs root; the units: tests/examples/test_platforms.py",
    r"pytest.*": "tests of a project of its own: tests/packaging/test_third_party.py, adapters/*/tests",
    r"webhook-kit dev.*": f"{UNTIL_INTERRUPTED}: tests/dev/test_environment.py",
    r"webhook-kit worker all": f"{UNTIL_INTERRUPTED}: tests/cli/test_worker.py",
    r"webhook-kit serve.*": f"{UNTIL_INTERRUPTED}: tests/webhooks/test_orders_over_http.py",
    r"webhook-kit sandbox --api-key .*": f"{UNTIL_INTERRUPTED}: tests/sandbox/test_control.py",
    r"webhook-kit sandbox order.*": "needs a running sandbox: tests/cli/test_sandbox_order.py",
    r"webhook-kit sandbox log --follow": f"{UNTIL_INTERRUPTED}: tests/cli/test_sandbox_log.py",
    r"node example/pos\.js": f"{UNTIL_INTERRUPTED}: adapters/http/tests/test_contract.py",
    r"webhook-kit new my-pos": "writes a project: tests/cli/test_new.py",
    r"webhook-kit certify test_contract:TestMyPos .*": "the whole contract suite: tests/cli/test_certify.py",
    r"webhook-kit alerts test": "sends to a service: tests/cli/test_alerts.py",
    r"webhook-kit health": "exits with 1 while something is wrong: tests/operations/test_health.py",
    r"webhook-kit console serve": f"{UNTIL_INTERRUPTED}: tests/scenario/test_console.py",
    r"curl .*": "needs a token and an address: tests/console/api",
    r"webhook-kit stores onboard .*": "waits for Gett: tests/stores/onboarding/test_onboarding_cli.py",
}


def reason_not_to_run(line: str) -> str | None:
    return next((reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, line)), None)


COMMANDS = commands()
RUN = [command for command in COMMANDS if reason_not_to_run(command.line) is None]


def test_every_reason_belongs_to_a_documented_command() -> None:
    for pattern in NOT_RUN:
        assert any(re.fullmatch(pattern, command.line) for command in COMMANDS), f"nothing documented is like {pattern}"


class Installation:
    """An installation with the store of the pages, at a local Gett, in an empty directory with the files of the pages."""

    def __init__(self, shell: Shell, gett: GettSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shell, self.kit, self.gett = shell, shell.kit, gett
        monkeypatch.setattr(click, "prompt", lambda *_, **__: "s" * 40)
        package = tmp_path / "my_pos"
        package.mkdir()
        (readme,) = (block for block in blocks() if (block.page, block.language) == ("README.md", "python"))
        (package / "__init__.py").write_text(readme.text, encoding="utf-8")
        (package / "adapter.py").write_text(
            "from webhook_kit.testing.bogus import BogusAdapter\nclass MyPos(BogusAdapter): pass\n"
        )
        for example in ("tiny_pos", "stores_from_database", "order_events"):
            shutil.copytree(ROOT / "examples" / example, tmp_path, dirs_exist_ok=True)
        sys.modules.pop("my_pos", None)
        monkeypatch.syspath_prepend(str(tmp_path))
        (tmp_path / "corner_pos").mkdir()
        shutil.copytree(ROOT / "examples/third_party_adapter/corner_pos", tmp_path / "corner_pos", dirs_exist_ok=True)
        (tmp_path / "catalog.json").write_bytes(BogusAdapter().fetch_catalog(Store("main", "", "bogus")).to_json())
        (tmp_path / "order.json").write_text(json.dumps(ORDER))
        self.gett_id = gett.add_store("main-street")
        self.env = {
            **shell.env,
            "POS_ADAPTER": "",
            "GETT_STORE_ID": "",
            "GETT_API_URL": gett.url,
            "GETT_API_KEY": gett.api_key,
            "PUBLIC_URL": "http://127.0.0.1:1",
            "WEBHOOK_KIT_KEY": new_key(),
        }
        self.run("stores add main-street --adapter bogus --gett-id", self.gett_id, "--option", "old-option=1")

    def run(self, line: str, *more: str, **env: str) -> str:
        return self.shell.good(*shlex.split(line.replace("webhook-kit ", "")), *more, **{**self.env, **env})

    def placed(self, ref: str) -> None:
        self.shell.placed(self.shell.doubt(f"k-{ref}", ref), "4711")

    def dead_letters(self, *numbers: int) -> None:
        for number in numbers:
            self.kit.redis.set(self.kit.keys.last_update, number - 1)
            self.kit.order_updates.progress(f"order-{number}", "confirmed")
            (lease,) = self.kit.lanes.lease(1, 60_000).leases
            self.kit.lanes.dead_letter(lease, "422: no", 422)

    def job(self, job_id: str) -> None:
        actor = Actor("jo", Role.OPERATOR, "cli")
        job = start_job(self.kit, actor, DeadLetterAction.DISCARD, DeadLetterFilter(), "")
        self.kit.redis.rename(self.kit.keys.dead_letter_job(job.id), self.kit.keys.dead_letter_job(job_id))


@pytest.fixture
def installation(
    shell: Shell, gett_sandbox: GettSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    return Installation(shell, gett_sandbox, tmp_path, monkeypatch)


BEFORE: dict[str, Callable[[Installation], object]] = {
    r"stores add .*": lambda it: it.run("stores remove main-street --yes"),
    r"stores remove .*": lambda it: it.run("stores resume main-street"),
    r"check": lambda it: it.run("stores export stores.toml --force"),
    r"order (show|timeline|forget) .*": lambda it: it.placed("REF"),
    r"order resolve .*": lambda it: it.shell.doubt("k", "REF"),
    r"outbox (show|retry|discard) .*": lambda it: it.placed("LANE"),
    r"outbox dead-letters.*": lambda it: it.dead_letters(17, 18),
    r"alerts ack .*": lambda it: it.kit.open_alerts.open(
        AlertSubject("order_in_doubt", "order-1", "order", "in doubt")
    ),
    r"outbox stop-job ID": lambda it: it.job("ID"),
    r"catalog (publish|diff) .*": lambda it: it.run("catalog sync main-street"),
}
"""Preparation of the commands that need something to work on."""

REPLACED = {
    "webhook-kit outbox dead-letters discard --all": "webhook-kit outbox dead-letters discard --all --yes",  # it asks
    "webhook-kit stores remove main-street": "webhook-kit stores remove main-street --yes",  # it asks
    "POS_ADAPTER=corner-pos": "POS_ADAPTER=corner_pos.adapter:CornerPos",  # its package is not installed here
}


@pytest.mark.timeout(PATIENCE)  # a new command that runs until it is interrupted belongs to NOT_RUN
@pytest.mark.parametrize("command", RUN, ids=str)
def test_a_documented_command_works(
    command: Command, installation: Installation, webhook_kit_local: LocalKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = REPLACED.get(command.line, command.line).removeprefix("webhook-kit ")
    env = {
        "GETT_STORE_ID": UUID,
        "SANDBOX_URL": installation.gett.url,
        **{
            name: REPLACED.get(f"{name}={value}", value).partition("=")[2] or value
            for name, value in command.env.items()
        },
        **{name: installation.env[name] for name in ("REDIS_URL", "PUBLIC_URL", "GETT_API_KEY", "GETT_API_URL")},
    }
    line = re.sub(r"\d{4}-\d\d-\d\dT\S+Z", f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}", line)
    if command.env.get("WEBHOOK_KIT_KEY"):
        env["WEBHOOK_KIT_KEY"] = f"{new_key()},{installation.env['WEBHOOK_KIT_KEY']}"
    if "STORES_SOURCE" in env:
        sqlite3.connect("vendor.sqlite").executescript(__import__("database_stores").SCHEMA)
    if line.startswith("certify"):
        env["GETT_WEBHOOK_SECRETS"] = installation.gett.secret
        line = line.replace("https://pos.example.org", webhook_kit_local.url)
        store_id = webhook_kit_local.store.gett_id
        Path("order.json").write_text(json.dumps(ORDER).replace(UUID, store_id))
    for pattern, prepare in BEFORE.items():
        if re.fullmatch(pattern, line):
            prepare(installation)
    if line.startswith("python -m"):
        module = line.split()[2]
        monkeypatch.setattr(sys, "argv", [module])
        runpy.run_module(module, run_name="__main__")
        return
    app = Flask("catalog")
    app.get("/catalog")(lambda: Response(Path("catalog.json").read_bytes(), mimetype="application/json"))
    with serve(app) as url:
        installation.run(line.replace("https://pos.example.com", url), **env)


# -- other blocks ------------------------------------------------------------------------------------------------------


def test_every_block_is_a_diagram_or_is_run() -> None:
    run = {(block.page, block.language, block.number) for block in blocks() if block.language in ("sh", "")}
    run |= set(PYTHON) | set(TOML) | set(YAML)
    assert {(block.page, block.language, block.number) for block in blocks()} == run


def text_of(page: str, language: str, number: int) -> str:
    (text,) = (each.text for each in blocks() if (each.page, each.language, each.number) == (page, language, number))
    return text.replace("…", "x" * 40)


TOML = [("docs/stores.md", "toml", 0), ("adapters/odoo/README.md", "toml", 0)]
YAML = [("docs/monitoring.md", "yaml", 0)]
PYTHON = [
    ("README.md", "python", 0),
    # In tests/catalog/test_builder_exports.py.
    *(("docs/building-a-catalog.md", "python", number) for number in range(5)),
    # Quotations of an example that tests/examples/test_tax_inclusive_pos.py runs.
    *(("docs/cookbook.md", "python", number) for number in range(6)),
    ("docs/monitoring.md", "python", 0),
    ("docs/outbox.md", "python", 0),
    ("docs/publishing.md", "python", 0),
    ("docs/sandbox.md", "python", 0),
    ("docs/sandbox.md", "python", 1),
    ("docs/writing-an-adapter.md", "python", 0),
    ("docs/writing-an-adapter.md", "python", 1),
]


@pytest.mark.parametrize("block", TOML)
def test_store_of_a_page_can_be_served(block: tuple[str, str, int], installation: Installation) -> None:
    for store_id, table in tomllib.loads(text_of(*block))["stores"].items():
        require_usable(parse_store(store_id, table))


@pytest.mark.parametrize("block", YAML)
def test_configuration_of_a_page_can_be_read(block: tuple[str, str, int]) -> None:
    assert isinstance(yaml.safe_load(text_of(*block)), dict)


def test_adapter_of_the_readme_places_an_order(capsys: pytest.CaptureFixture[str]) -> None:
    names = execute("README.md", 0)
    pos, store = names["TinyPos"](), Store("main", "", "tiny")
    assert pos.fetch_catalog(store).items
    assert pos.place_order(store, PlaceOrderRequest.model_validate(ORDER), "key") == Placed("key")


def test_updates_and_availability_of_the_pages_are_accepted(installation: Installation) -> None:
    it, later = installation, datetime.now(UTC) + timedelta(hours=1)
    it.placed("REF")
    it.placed("OTHER")
    kit = Kit(it.kit.settings.model_copy(update={"pos_adapter": None, "gett_store_id": None, "public_url": "http://x"}))
    names = {"Kit": SimpleNamespace(from_env=lambda: kit), "order": "REF", "ready_at": later, "tomorrow": later}
    kit.catalog_sync.sync(kit.stores.get("main-street"))
    # The page lists the calls; an order that is completed cannot be cancelled.
    text = text_of("docs/outbox.md", "python", 0).replace("cancel(order", "cancel(other")
    exec(text, {**names, "other": "OTHER"})
    assert len(kit.lanes.all_waiting()) == 4
    execute("docs/publishing.md", 0, kit=kit, tonight=later)


def test_tests_of_the_sandbox_page_pass(webhook_kit_local: LocalKit, webhook_kit_sandbox: GettSandbox) -> None:
    catalog = BogusAdapter().fetch_catalog(webhook_kit_local.store)
    names = {"GettSandbox": GettSandbox, "my_url": webhook_kit_local.url, "my_catalog": catalog}
    execute("docs/sandbox.md", 1)["test_an_order_from_placement_to_ready"](webhook_kit_local, webhook_kit_sandbox)
    execute("docs/sandbox.md", 0, **names)


def test_adapter_with_configuration_reads_the_state_of_its_pos() -> None:
    front_door = {name: getattr(webhook_kit, name) for name in webhook_kit.__all__}
    pydantic = {"BaseModel": BaseModel, "Field": Field, "SecretStr": SecretStr}
    names = execute("docs/writing-an-adapter.md", 0, **front_door, **pydantic)
    app = Flask("pos")
    app.get("/status")(lambda: jsonify(open=request.headers["Authorization"] == "Bearer t"))
    adapter = type("Complete", (names["MyPos"], BogusAdapter), {})()
    with serve(app) as url:
        store = Store("main", "", "x", options={"base_url": url}, credentials={"token": "t"})
        assert adapter.store_status(store) == "open"


def test_contract_tests_of_the_page_find_their_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, attribute, value in (("my_pos", "MyPos", BogusAdapter), ("my_pos_fake", "FakePos", object)):
        module = ModuleType(name)
        setattr(module, attribute, value)
        monkeypatch.setitem(sys.modules, name, module)
    tests = execute("docs/writing-an-adapter.md", 1)["TestMyPos"]
    assert tests.adapter is BogusAdapter


def execute(page: str, number: int, **names: Any) -> dict[str, Any]:
    exec(compile(text_of(page, "python", number), f"{page}#{number}", "exec", dont_inherit=True), names)
    return names


# -- commands in texts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "text"), sorted(set(inline_commands())))
def test_a_command_named_in_a_text_exists(place: str, text: str) -> None:
    assert missing_part(text) is None, f"{place}: webhook-kit {text}: there is no {missing_part(text)}"


@pytest.mark.parametrize("text", ["outbox dead replay", "order show REF --everything", "nothing", "stores pause|halt"])
def test_a_command_that_does_not_exist_is_noticed(text: str) -> None:
    assert missing_part(text) is not None


def missing_part(text: str) -> str | None:
    """Return the part of a command line that the command line interface does not have."""
    command: click.Command = _cli
    context = click.Context(command)
    words = text.split()
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = {name: command.get_command(context, name) for name in words[0].split("|")}
        if unknown := next((name for name, each in found.items() if each is None), None):
            return unknown
        command, words = next(each for each in found.values() if each is not None), words[1:]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return next((word for word in words if word.startswith("--") and word.partition("=")[0] not in options), None)
