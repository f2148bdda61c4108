"""Tests of the lines that the event log prints."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from webhook_kit.dev.event_log import EventLog, process_line, traffic_line
from webhook_kit.sandbox.traffic_log import TrafficLog
from webhook_kit.testing.processes import wait_until

AT = "2026-03-04T12:13:14.5+00:00"


def traffic(kind: str, path: str, body: Any = None, status: int | None = 200, response: Any = None, **more: Any) -> str:
    received = None if status is None else {"status": status, "body": response}
    entry = {"kind": kind, "at": AT, "request": {"path": path, "body": body}, "response": received, **more}
    line = traffic_line(entry)
    assert line is not None
    return line.plain


def process_text(**entry: Any) -> str | None:
    line = process_line("web", json.dumps({"timestamp": AT, "level": "info", **entry}))
    return None if line is None else line.plain


def test_api_call_is_one_line() -> None:
    line = traffic(
        "api_call", "/v1/commerce/orders/0a1b2c3d-1111-2222-3333-444455556666/status", {"status": "ready"}, 202
    )
    assert line == "12:13:14  you → Gett  orders …556666 status  ready  202"


def test_webhook_shows_total_and_ticket() -> None:
    placed = {"partnerOrderId": "T-1", "amounts": {"total": 12.5}}
    line = traffic("webhook", "/placeOrder", {"cart": {"lineItems": [{}, {}]}}, 200, placed)
    assert line == "12:13:14  Gett → you  placeOrder  2 lines  200  total 12.5  ticket T-1"


def test_refusal_is_red_and_shows_its_reason() -> None:
    problem = {"errorCode": "STORE_CLOSED", "detail": "closed until six"}
    entry = {
        "kind": "webhook",
        "at": AT,
        "request": {"path": "/placeOrder"},
        "response": {"status": 400, "body": problem},
    }
    line = traffic_line(entry)
    assert line is not None
    assert line.plain.endswith("400  STORE_CLOSED: closed until six")
    assert any(span.style == "red" for span in line.spans)
    assert traffic("webhook", "/validateOrder", {}, 200, {"errors": [{"message": "sold out"}]}).endswith("sold out")


def test_customer_call_is_shown_only_when_it_is_refused() -> None:
    responses = [{"status": 200, "body": {}}, {"status": 404, "body": {"errorCode": "STORE_NOT_FOUND", "detail": "no"}}]
    lines = [
        traffic_line(
            {"kind": "api_call", "at": AT, "request": {"path": "/v1/marketplace/orders/validate"}, "response": response}
        )
        for response in responses
    ]
    assert lines[0] is None
    assert lines[1] is not None
    assert lines[1].plain == "12:13:14  customer    orders validate  404  STORE_NOT_FOUND: no"


def test_missing_response_and_catalog_pull() -> None:
    assert traffic("webhook", "/placeOrder", {}, None, error="timed out").endswith("timed out")
    pull = traffic_line({"kind": "catalog_pull", "at": AT, "catalogSetId": "abc"})
    assert pull is not None
    assert pull.plain == "12:13:14  Gett pulls  catalog abc"


def test_finding_is_shown() -> None:
    line = traffic_line({"kind": "finding", "at": AT, "call": "placeOrder", "message": "total is missing"})
    assert line is not None
    assert line.plain == "12:13:14  Gett finds  placeOrder  total is missing"


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            {"event": "adapter_called", "call": "place_order", "outcome": "accepted", "ms": 3.2, "level": "debug"},
            "12:13:14  your POS    place_order  accepted  3.2 ms",
        ),
        ({"event": "webhook_answered", "path": "/placeOrder", "logger": "webhooks"}, None),
        (
            {"event": "update_dead_lettered", "level": "error", "reason": "422", "logger": "outbox"},
            "12:13:14  web         update_dead_lettered  reason 422",
        ),
    ],
)
def test_log_line_of_a_process(entry: dict[str, Any], line: str | None) -> None:
    assert process_text(**entry) == line


def test_whole_traceback_is_shown() -> None:
    line = process_text(event="oops", level="error", exception="Traceback …\nKeyError: 'x'")
    assert line is not None
    assert line.endswith("Traceback …\nKeyError: 'x'")


def test_output_of_an_adapter_is_shown(tmp_path: Path) -> None:
    line = process_line("web", "main [(1, 'margherita')]")
    assert line is not None
    assert "margherita" in line.plain
    assert process_line("web", "") is None
    assert process_line("web", "[INFO] Started worker-1") is None


def test_traffic_and_files_are_followed_until_the_end(tmp_path: Path) -> None:
    file, log, out = tmp_path / "web.log", TrafficLog(), io.StringIO()
    file.write_text("")
    with EventLog(Console(file=out, width=200), log, {"web": file}):
        log.append("catalog_pull", datetime(2026, 3, 4, tzinfo=UTC), catalogSetId="abc")
        with file.open("a") as writing:
            writing.write("half a li")
            writing.flush()
            writing.write("ne\n")
        wait_until(lambda: "half a line" in out.getvalue() and "catalog abc" in out.getvalue(), message="both lines")
        with file.open("a") as writing:
            writing.write("the last line\n")
    assert "the last line" in out.getvalue()


def test_lines_of_several_logs_are_printed_in_the_order_of_their_times(tmp_path: Path) -> None:
    file, log, out = tmp_path / "web.log", TrafficLog(), io.StringIO()
    file.write_text("")
    now = datetime.now(UTC)

    def process(event: str, seconds: float) -> str:
        return json.dumps(
            {"event": event, "level": "error", "timestamp": (now + timedelta(seconds=seconds)).isoformat()}
        )

    with EventLog(Console(file=out, width=200), log, {"web": file}):
        log.append("catalog_pull", now, catalogSetId="second")
        file.write_text(process("third", 0.01) + "\n" + process("first", -0.05) + "\n")
        wait_until(lambda: "third" in out.getvalue(), message="every line")
    order = [word for line in out.getvalue().splitlines() for word in ("first", "second", "third") if word in line]
    assert order == ["first", "second", "third"]
