"""What happens, as it happens, one readable line each: webhooks, calls of the adapter, pushes, pulls."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from webhook_kit.sandbox.traffic_log import TrafficLog

__all__ = ["EventLog", "process_line", "wire_line"]

_AGAIN = 0.2
_WORDS = {
    "api_call": ("you → Gett", "cyan"),
    "webhook": ("Gett → you", "green"),
    "order_event": ("Gett → you", "green"),
}
_LOUD = {"warning": "yellow", "error": "red", "critical": "red"}
_SERVER = re.compile(r"\[(INFO|WARNING)\] ")
"""The web server's own lines."""
_SAID = ("adapter_called", "pos event", "order event")
"""Events in the processes' own logs that are worth a line; warnings and errors always are."""


class EventLog:
    """Prints what the local Gett has on record and what the kit's processes log. A context manager.

    Bodies are not printed: the storefront's inspector shows them. Neither log holds a secret.
    """

    def __init__(self, console: Console, log: TrafficLog, files: Mapping[str, Path]) -> None:
        """:param files: the log of each process, by what it is called."""
        self._console = console
        self._log = log
        self._files = files
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._follow_log, daemon=True)]
        self._threads += [
            threading.Thread(target=self._follow_file, args=(name, path), daemon=True) for name, path in files.items()
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _follow_log(self) -> None:
        seen = 0
        while not self._stop.is_set():
            for entry in self._log.after(seen, wait=_AGAIN):
                seen = entry["number"]
                if (line := wire_line(entry)) is not None:
                    self._console.print(line, soft_wrap=True)

    def _follow_file(self, name: str, path: Path) -> None:
        with path.open(encoding="utf-8", errors="replace") as file:
            rest = ""
            while True:
                last = self._stop.is_set()  # what was written before the end is still shown
                *lines, rest = (rest + file.read()).split("\n")
                for raw in lines:
                    if (line := process_line(name, raw)) is not None:
                        self._console.print(line, soft_wrap=True)
                if last:
                    return
                self._stop.wait(_AGAIN)


def wire_line(entry: Mapping[str, Any]) -> Text | None:
    """A line for something that went over the wire; None when nobody wants to see it."""
    if entry["kind"] == "catalog_pull":
        outcome = entry.get("error") or f"menu {_short(entry.get('catalogSetId'))}"
        return _line(entry["at"], "Gett pulls", "green", outcome, ok=not entry.get("error"))
    who, colour = _WORDS[entry["kind"]]
    request, answer = entry["request"], entry.get("response") or {}
    body, said = request.get("body"), answer.get("body")
    status = answer.get("status")
    if str(request.get("path")).startswith("/v1/marketplace/"):
        if status is not None and status < 400:  # what a customer does is seen in the webhooks behind it
            return None
        who = "customer"
    what = [_call(request), _words(body), str(status or entry.get("error") or "no answer")]
    if isinstance(said, Mapping):
        what.append(_answer(said))
    return _line(entry["at"], who, colour, "  ".join(filter(None, what)), ok=status is not None and status < 400)


def process_line(name: str, raw: str) -> Text | None:
    """A line of a process's own log, when it is worth showing."""
    try:
        entry = json.loads(raw)
    except ValueError:
        if not raw.strip() or _SERVER.match(raw):
            return None
        return Text(f"{'':10}{name:12}{raw}", style="dim")
    if not isinstance(entry, dict):
        return None
    level, event = entry.get("level", ""), str(entry.get("event", ""))
    if (level not in _LOUD and event not in _SAID) or event == "no_stores_found":
        return None  # the store is onboarded a moment later
    if event == "adapter_called":
        words = f"{entry['call']}  {entry['outcome']}  {entry['ms']} ms"
        return _line(entry["timestamp"], "your POS", "magenta", words, ok=not str(entry["outcome"]).startswith("!"))
    left = {k: v for k, v in entry.items() if k not in ("level", "event", "timestamp", "logger", "exception")}
    words = f"{event}  " + "  ".join(f"{key} {value}" for key, value in left.items())
    line = _line(entry["timestamp"], name, _LOUD.get(level, "blue"), words, ok=level not in _LOUD)
    if "exception" in entry:
        line.append("\n" + str(entry["exception"]), style="red")
    return line


def _line(at: str, who: str, colour: str, words: str, *, ok: bool) -> Text:
    line = Text()
    line.append(f"{at[11:19]}  ", style="dim")
    line.append(f"{who:12}", style=f"bold {colour}")
    line.append(words, style="" if ok else "red")
    return line


def _call(request: Mapping[str, Any]) -> str:
    """``placeOrder``; ``order …1a2b3c status``."""
    path = urlsplit(str(request.get("path") or request.get("url") or "")).path
    parts = path.strip("/").split("/")
    if parts[:1] == ["v1"]:
        parts = parts[2:]
    return " ".join(_short(part) if len(part) > 24 else part for part in parts)


def _words(body: Any) -> str:
    """The few members of a body that say what it is about."""
    if not isinstance(body, Mapping):
        return ""
    said = [str(body[name]) for name in ("state", "status", "reason", "cancelReason", "name") if body.get(name)]
    if isinstance(cart := body.get("cart"), Mapping):
        said.append(f"{len(cart.get('lineItems') or [])} lines")
    return " ".join(said)


def _answer(body: Mapping[str, Any]) -> str:
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
