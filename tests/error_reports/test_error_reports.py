"""Reporters named by settings, and the exceptions that reach them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from tests.webhooks.webhook_client import WebhookClient, order
from webhook_kit import error_reports, logs
from webhook_kit.errors import ConfigurationError
from webhook_kit.kit import Kit
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import Process, wait_until

MODULE = """
reported = []
def report(error, context):
    reported.append((type(error).__name__, context))
not_callable = 1
"""


@pytest.fixture
def log_stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The stream to which this test's log lines are written, by the kit's own processors."""
    stream, before = io.StringIO(), structlog.get_config()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("INFO")
    yield stream
    logs.on_exception(None)
    structlog.configure(**before)


@pytest.fixture
def reporter_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_reporter.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_reporter", raising=False)
    return "own_reporter"


def test_exception_of_the_pos_is_reported_with_ids_alone(
    make_kit: Callable[..., Kit], reporter_module: str, log_stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("jane@example.org")

    monkeypatch.setattr(BogusAdapter, "place_order", fail)
    client = WebhookClient(make_kit(error_reporter=f"{reporter_module}:report"))
    response = client.place(client.validated(order(), gettOrderId="order-1"))
    assert response.status_code == 503
    import own_reporter  # type: ignore[import-not-found]

    wait_until(lambda: own_reporter.reported, message="the report")
    ((name, context),) = own_reporter.reported
    assert name == "ZeroDivisionError"
    assert context == {
        "component": "placement",
        "event": "place_order_failed",
        "order": "order-1",
        "store": "main",
    }


def test_unexpected_exception_of_a_request_is_reported(
    make_kit: Callable[..., Kit], reporter_module: str, log_stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = make_kit(error_reporter=f"{reporter_module}:report")
    client = WebhookClient(kit)

    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(kit.trial_write, "run", fail)
    assert client.get("/readyz").status_code == 500
    import own_reporter

    wait_until(lambda: own_reporter.reported, message="the report")
    assert own_reporter.reported == [("ZeroDivisionError", {"component": "app", "event": "request_failed"})]


WORKER_MODULE = """
import json, logging
from webhook_kit.testing.bogus import BogusAdapter

class Broken(BogusAdapter):
    def fetch_catalog(self, store):
        raise ZeroDivisionError("jane@example.org")

    def store_status(self, store):
        try:
            raise KeyError("jane@example.org")
        except KeyError:
            logging.getLogger("broken").exception("status")
        return super().store_status(store)

def report(error, context):
    with open("reports.jsonl", "a") as file:
        file.write(json.dumps([type(error).__name__, context]) + chr(10))
"""


def test_exceptions_of_a_worker_and_of_a_vendors_logger_are_reported(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(WORKER_MODULE)
    env = {
        "REDIS_URL": kit.settings.redis_url,
        "KEY_PREFIX": kit.keys.prefix,
        "GETT_API_KEY": "key_test",
        "GETT_API_URL": "http://127.0.0.1:1",
        "POS_ADAPTER": "broken:Broken",
        "GETT_STORE_ID": kit.settings.gett_store_id or "",
        "HEALTH_CHECK_INTERVAL": "1",
        "CATALOG_REFRESH": "1",
        "ERROR_REPORTER": "broken:report",
    }
    reports = tmp_path / "reports.jsonl"

    def reported() -> set[tuple[str, str, str]]:
        lines = reports.read_text().splitlines() if reports.exists() else []
        return {(name, context["component"], context["event"]) for name, context in map(json.loads, lines)}

    command = [sys.executable, "-m", "webhook_kit.cli", "worker", "sync"]
    with Process(command, env=env, cwd=tmp_path) as worker:
        worker.wait_until(lambda: len(reported()) >= 2, message="the reports")
    assert ("KeyError", "broken", "status") in reported()
    assert "ZeroDivisionError" in {name for name, _, _ in reported()}


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("no_such_module:report", "no_such_module"),
        (":", "module:name"),
        ("own_reporter:not_callable", "not a function"),
    ],
)
def test_reporter_that_cannot_be_loaded_is_named(
    make_kit: Callable[..., Kit], reporter_module: str, setting: str, complaint: str
) -> None:
    with pytest.raises((ConfigurationError, ValueError), match=complaint):
        error_reports.load_reporters(make_kit(error_reporter=setting).settings)


@pytest.mark.parametrize(
    "dsn", ["sentry.example.org", "https://sentry.example.org/1", "https://key@sentry.example.org/"]
)
def test_wrong_dsn_is_refused_without_being_quoted(make_kit: Callable[..., Kit], dsn: str) -> None:
    with pytest.raises(ValueError, match="DSN of a Sentry project") as raised:
        make_kit(sentry_dsn=dsn)
    assert "key@" not in str(raised.value).replace("key@sentry.example.org/1", "")


def test_missing_sentry_is_named_with_what_to_install(
    make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    monkeypatch.delitem(sys.modules, "webhook_kit.error_reports.sentry", raising=False)
    with pytest.raises(ConfigurationError, match=r"webhook-kit\[sentry\]"):
        error_reports.load_reporters(make_kit(sentry_dsn="https://key@sentry.example.org/1").settings)
