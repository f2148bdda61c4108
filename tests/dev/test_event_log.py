"""What a vendor reads in his terminal while things happen."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from webhook_kit.dev.event_log import EventLog, process_line, wire_line
from webhook_kit.sandbox.traffic_log import TrafficLog
from webhook_kit.testing.processes import wait_until

AT = "2026-03-04T12:13:14.5+00:00"


def wire(kind: str, path: str, body: Any = None, status: int | None = 200, said: Any = None, **more: Any) -> str:
    answer = None if status is None else {"status": status, "body": said}
    entry = {"kind": kind, "at": AT, "request": {"path": path, "body": body}, "response": answer, **more}
    line = wire_line(entry)
    assert line is not None
    return line.plain


def process(**entry: Any) -> str | None:
    line = process_line("web", json.dumps({"timestamp": AT, "level": "info", **entry}))
    return None if line is None else line.plain


def test_a_push() -> None:
    said = wire("api_call", "/v1/commerce/orders/0a1b2c3d-1111-2222-3333-444455556666/status", {"status": "ready"}, 202)
    assert said == "12:13:14  you → Gett  orders …556666 status  ready  202"


def test_a_webhook_and_its_receipt() -> None:
    said = {"partnerOrderId": "T-1", "amounts": {"total": 12.5}}
    line = wire("webhook", "/placeOrder", {"cart": {"lineItems": [{}, {}]}}, 200, said)
    assert line == "12:13:14  Gett → you  placeOrder  2 lines  200  total 12.5  ticket T-1"


def test_a_refusal_in_red_with_its_reason() -> None:
    problem = {"errorCode": "STORE_CLOSED", "detail": "closed until six"}
    entry = {
        "kind": "webhook",
        "at": AT,
        "request": {"path": "/placeOrder"},
        "response": {"status": 400, "body": problem},
    }
    line = wire_line(entry)
    assert line is not None
    assert line.plain.endswith("400  STORE_CLOSED: closed until six")
    assert any(span.style == "red" for span in line.spans)
    assert wire("webhook", "/validateOrder", {}, 200, {"errors": [{"message": "sold out"}]}).endswith("sold out")


def test_what_a_customer_does_is_shown_when_it_is_refused() -> None:
    calls = [{"status": 200, "body": {}}, {"status": 404, "body": {"errorCode": "STORE_NOT_FOUND", "detail": "no"}}]
    lines = [
        wire_line(
            {"kind": "api_call", "at": AT, "request": {"path": "/v1/marketplace/orders/validate"}, "response": answer}
        )
        for answer in calls
    ]
    assert lines[0] is None
    assert lines[1] is not None
    assert lines[1].plain == "12:13:14  customer    orders validate  404  STORE_NOT_FOUND: no"


def test_no_answer_and_a_pull() -> None:
    assert wire("webhook", "/placeOrder", {}, None, error="timed out").endswith("timed out")
    pull = wire_line({"kind": "catalog_pull", "at": AT, "catalogSetId": "abc"})
    assert pull is not None
    assert pull.plain == "12:13:14  Gett pulls  menu abc"


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            {"event": "adapter_called", "call": "place_order", "outcome": "accepted", "ms": 3.2, "level": "debug"},
            "12:13:14  your POS    place_order  accepted  3.2 ms",
        ),
        ({"event": "webhook", "path": "/placeOrder"}, None),
        (
            {"event": "update buried", "level": "error", "why": "422"},
            "12:13:14  web         update buried  why 422",
        ),
    ],
)
def test_a_process_s_own_log(entry: dict[str, Any], line: str | None) -> None:
    assert process(**entry) == line


def test_a_traceback_is_shown_whole() -> None:
    line = process(event="oops", level="error", exception="Traceback …\nKeyError: 'x'")
    assert line is not None
    assert line.endswith("Traceback …\nKeyError: 'x'")


def test_what_an_adapter_prints_is_shown(tmp_path: Path) -> None:
    line = process_line("web", "main [(1, 'margherita')]")
    assert line is not None
    assert "margherita" in line.plain
    assert process_line("web", "") is None
    assert process_line("web", "[INFO] Started worker-1") is None


def test_both_are_followed_until_the_end(tmp_path: Path) -> None:
    file, log, out = tmp_path / "web.log", TrafficLog(), io.StringIO()
    file.write_text("")
    with EventLog(Console(file=out, width=200), log, {"web": file}):
        log.append("catalog_pull", datetime(2026, 3, 4, tzinfo=UTC), catalogSetId="abc")
        with file.open("a") as writing:
            writing.write("half a li")
            writing.flush()
            writing.write("ne\n")
        wait_until(lambda: "half a line" in out.getvalue() and "menu abc" in out.getvalue(), message="both lines")
        with file.open("a") as writing:
            writing.write("the last word\n")
    assert "the last word" in out.getvalue()
