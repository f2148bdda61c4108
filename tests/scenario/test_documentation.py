"""Every command of README, docs pages and the READMEs of adapters and examples is run, or listed with a reason."""

from __future__ import annotations

import json
import re
import runpy
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from flask import Flask, Response

from tests.cli.shell import ORDER
from tests.cli.shell import shell as shell  # noqa: PLC0414 - a fixture
from tests.scenario.documented import UUID, Command, commands, inline_commands
from tests.scenario.installation import Installation
from tests.scenario.installation import installation as installation  # noqa: PLC0414 - a fixture
from webhook_kit.cli import _cli
from webhook_kit.sandbox.server import serve
from webhook_kit.storage.open_alerts import AlertSubject
from webhook_kit.stores.cipher import new_key
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
    r"webhook-kit archive .*": "needs a PostgreSQL: tests/operations/archive",
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


BEFORE: dict[str, Callable[[Installation], object]] = {
    r"stores add .*": lambda it: it.run("stores remove main-street --yes"),
    r"stores remove .*": lambda it: it.run("stores resume main-street"),
    r"check": lambda it: it.run("stores export stores.toml --force"),
    r"order (show|timeline|forget) .*": lambda it: it.placed("REF"),
    r"order show 3f2c.*": lambda it: it.placed("3f2c7a1e-8f0b-4c7d-9d58-5f0a3c0e6c3b"),
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
