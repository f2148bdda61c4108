"""The event log of the dev environment: one line for each webhook, API call, catalog pull and adapter call."""

from __future__ import annotations

import heapq
import json
import re
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from webhook_kit.sandbox.traffic_log import TrafficLog

__all__ = ["EventLog", "process_line", "traffic_line"]

_POLL_INTERVAL = 0.02
_HELD = 0.5
"""Seconds for which a line is held: more than a process collects its log lines before it writes them."""

_OTHER_CLOCK = 60.0
"""Seconds of difference from which a line's time counts as that of another clock."""

_DIRECTIONS = {
    "api_call": ("you → Gett", "cyan"),
    "webhook": ("Gett → you", "green"),
    "order_event": ("Gett → you", "green"),
}
_LEVEL_COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}
_SERVER_LINE = re.compile(r"\[(INFO|WARNING)\] ")
"""Start of the web server's own log lines."""
_SHOWN_EVENTS = ("adapter_called", "pos_event_received", "order_event_received")
"""Log events that are shown although they are not warnings."""
_NOT_SHOWN = ("level", "event", "timestamp", "logger", "exception")
"""Fields of a log line that are not shown, or not as a field."""


class EventLog:
    """Prints the sandbox's traffic log and the logs of the kit's processes as they grow, in order. A context manager.

    Each log arrives with a delay of its own, so lines are held for a moment and then printed in the order of their times.
    Bodies are not printed; the storefront shows them. Neither log holds a secret.
    """

    def __init__(self, console: Console, log: TrafficLog, files: Mapping[str, Path]) -> None:
        """:param files: the log file of each process, by the process's name."""
        self._console = console
        self._log = log
        self._files = files
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._held: list[tuple[float, int, Text]] = []
        self._count = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        with ExitStack() as opened:
            files = [
                (name, opened.enter_context(path.open(encoding="utf-8", errors="replace")), [""])
                for name, path in self._files.items()
            ]
            number, stopped = 0, False
            while not stopped:
                stopped = self._stop.is_set()  # read once more after the stop: earlier lines are still shown
                for entry in self._log.after(number, wait=_POLL_INTERVAL):
                    number = entry["number"]
                    self._hold(_time(entry["at"]), traffic_line(entry))
                for name, file, rest in files:
                    *lines, rest[0] = (rest[0] + file.read()).split("\n")
                    for raw in lines:
                        self._hold(_time_of_process_line(raw), process_line(name, raw))
                self._print(float("inf") if stopped else time.time() - _HELD)

    def _hold(self, at: float, line: Text | None) -> None:
        if line is not None:
            self._count += 1  # lines of the same time stay in the order in which they came
            heapq.heappush(self._held, (at, self._count, line))

    def _print(self, until: float) -> None:
        while self._held and self._held[0][0] <= until:
            self._console.print(heapq.heappop(self._held)[2], soft_wrap=True)


def _time(text: str) -> float:
    """Return a line's time in Unix seconds; the current time if its clock is another one (the sandbox's can be moved)."""
    now = time.time()
    try:
        at = datetime.fromisoformat(text).timestamp()
    except ValueError:
        return now
    return at if now - _OTHER_CLOCK < at <= now else now


def _time_of_process_line(raw: str) -> float:
    try:
        return _time(str(json.loads(raw)["timestamp"]))
    except (ValueError, LookupError, TypeError):  # printed by the vendor's code, at most one interval ago
        return time.time() - _POLL_INTERVAL


def traffic_line(entry: Mapping[str, Any]) -> Text | None:
    """Return the line for an entry of the traffic log; None if it is not shown."""
    if entry["kind"] == "catalog_pull":
        result = entry.get("error") or f"catalog {_short(entry.get('catalogSetId'))}"
        return _line(entry["at"], "Gett pulls", "green", result, ok=not entry.get("error"))
    if entry["kind"] == "finding":
        return _line(entry["at"], "Gett finds", "yellow", f"{entry['call']}  {entry['message']}", ok=False)
    direction, colour = _DIRECTIONS[entry["kind"]]
    request, response = entry["request"], entry.get("response") or {}
    status, body = response.get("status"), response.get("body")
    if str(request.get("path")).startswith("/v1/marketplace/"):
        if status is not None and status < 400:  # the webhooks that it causes are shown
            return None
        direction = "customer"
    parts = [_call(request), _request_summary(request.get("body")), str(status or entry.get("error") or "no response")]
    if isinstance(body, Mapping):
        parts.append(_response_summary(body))
    return _line(entry["at"], direction, colour, "  ".join(filter(None, parts)), ok=status is not None and status < 400)


def process_line(name: str, raw: str) -> Text | None:
    """Return the line for a log line of a process; None if it is not shown."""
    try:
        entry = json.loads(raw)
    except ValueError:
        if not raw.strip() or _SERVER_LINE.match(raw):
            return None
        return Text(f"{'':10}{name:12}{raw}", style="dim")
    if not isinstance(entry, dict):
        return None
    level, event = entry.get("level", ""), str(entry.get("event", ""))
    if (level not in _LEVEL_COLOURS and event not in _SHOWN_EVENTS) or event == "no_stores_found":
        return None  # the store is onboarded a moment later
    if event == "adapter_called":
        text = f"{entry['call']}  {entry['outcome']}  {entry['ms']} ms"
        return _line(entry["timestamp"], "your POS", "magenta", text, ok=not str(entry["outcome"]).startswith("!"))
    fields = {name: value for name, value in entry.items() if name not in _NOT_SHOWN}
    text = f"{event}  " + "  ".join(f"{name} {value}" for name, value in fields.items())
    line = _line(entry["timestamp"], name, _LEVEL_COLOURS.get(level, "blue"), text, ok=level not in _LEVEL_COLOURS)
    if "exception" in entry:
        line.append("\n" + str(entry["exception"]), style="red")
    return line


def _line(at: str, source: str, colour: str, text: str, *, ok: bool) -> Text:
    line = Text()
    line.append(f"{at[11:19]}  ", style="dim")
    line.append(f"{source:12}", style=f"bold {colour}")
    line.append(text, style="" if ok else "red")
    return line


def _call(request: Mapping[str, Any]) -> str:
    """Return a short name of a call: ``placeOrder``, ``orders …1a2b3c status``."""
    path = urlsplit(str(request.get("path") or request.get("url") or "")).path
    parts = path.strip("/").split("/")
    if parts[:1] == ["v1"]:
        parts = parts[2:]
    return " ".join(_short(part) if len(part) > 24 else part for part in parts)


def _request_summary(body: Any) -> str:
    """Return the members of a request's body that identify its content."""
    if not isinstance(body, Mapping):
        return ""
    parts = [str(body[name]) for name in ("state", "status", "reason", "cancelReason", "name") if body.get(name)]
    if isinstance(cart := body.get("cart"), Mapping):
        parts.append(f"{len(cart.get('lineItems') or [])} lines")
    return " ".join(parts)


def _response_summary(body: Mapping[str, Any]) -> str:
    if body.get("errorCode"):
        return f"{body['errorCode']}: {body.get('detail') or ''}"
    if body.get("errors"):
        return "; ".join(str(error.get("message")) for error in body["errors"])
    amounts = body.get("amounts")
    total = f"total {amounts['total']}" if isinstance(amounts, Mapping) and amounts.get("total") is not None else ""
    ticket = f"ticket {body['partnerOrderId']}" if body.get("partnerOrderId") else ""
    return "  ".join(filter(None, (total, ticket)))


def _short(identifier: object) -> str:
    text = str(identifier or "")
    return f"…{text[-6:]}" if len(text) > 12 else text
