"""Modules that a command does not import, because they take longer than the command itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from webhook_kit.cli import _COMMANDS, certify, order, stores
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.placement.order_search import PlacementState
from webhook_kit.testing.redis_server import RedisServer
from webhook_kit.testing.report import RuleOutcome

PROGRAM = """
import json, sys
from webhook_kit.cli import _run
sys.argv = ["webhook-kit", *sys.argv[1:]]
try:
    _run()
except SystemExit as exit:
    assert not exit.code, exit.code
sys.stdout.write("\\n" + json.dumps(sorted(sys.modules)))
"""

HEAVY = {"boto3", "flask", "granian", "requests", "rq", "structlog"}
OF_DATA = {"pydantic", "redis", "rich"}

STORE = {
    "POS_ADAPTER": "tiny_pos:TinyPos",
    "GETT_STORE_ID": "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90",
    "KEY_PREFIX": "imports:",
    "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2] / "examples" / "tiny_pos"), *sys.path]),
}
"""A store whose adapter imports nothing of its own."""


def imported(*arguments: str, **env: str) -> set[str]:
    """Run a command in a new process and return the modules that it imported."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "command", ["", *_COMMANDS, "catalog sync", "order list", "outbox dead-letters", "stores pause"]
)
def test_help_imports_no_library_but_click(command: str) -> None:
    assert imported(*command.split(), "--help") & (HEAVY | OF_DATA) == set()


@pytest.mark.parametrize(
    "command",
    [
        *("outbox --json", "outbox dead-letters --json", "outbox dead-letters replay --all"),
        *("order list --json", "order incidents"),
        *("stores list --local --json", "stores pause main --reason too_busy", "stores resume main"),
    ],
)
def test_command_on_redis_imports_neither_http_nor_jobs_nor_logs(command: str, redis_server: RedisServer) -> None:
    allowed = {"rq"} if "pause" in command or "resume" in command else set()  # they queue a job for a worker
    assert imported(*command.split(), **STORE, REDIS_URL=redis_server.url) & (HEAVY - allowed) == set()


def test_command_on_updates_imports_no_model_of_the_storefront(redis_server: RedisServer) -> None:
    storefront = {f"webhook_kit.gett.models.{name}" for name in ("marketfront", "payment", "session")}
    assert imported("outbox", "--json", REDIS_URL=redis_server.url) & storefront == set()


def test_choices_that_help_prints_are_those_of_the_models() -> None:
    assert list(order._STATES) == list(PlacementState)
    assert list(stores._REASONS) == list(PauseReason)
    assert list(certify._COLOURS) == list(RuleOutcome)


@pytest.mark.parametrize(("name", "short"), _COMMANDS.items())
def test_short_help_of_a_command_begins_its_own_help(name: str, short: str) -> None:
    command: click.Command = import_module(f"webhook_kit.cli.{name}").command
    assert command.name == name
    assert " ".join((command.help or "").split()).startswith(short.removesuffix("."))
