"""The POS as a process of its own: ``python -m tests.storm.pos FILE PORT SEED KIT``. It answers the adapters, and its kitchen reports to the kit.

Its behaviour is set with ``POST /control``: the probability of each kind of mishap of a placement.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from contextlib import suppress
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import requests

from tests.storm.adapter import ADAPTERS, SECRET
from tests.storm.ledger import Ledger, PosCall, Ticket
from tests.storm.menu import PRICES
from webhook_kit import Amounts, cents

__all__ = ["MISHAPS"]

MISHAPS = ("fails_before", "fails_after", "drops_before", "drops_after", "answers_late", "commits_late", "refuses")
"""Mishaps of a placement, before or after the ticket was made."""

ANSWERS_LATE, COMMITS_LATE = 11.0, 4.0
"""Seconds: longer than POS_DEADLINE, and shorter."""

_REPORTERS = 4
"""Threads that report the events of the stores of one level."""

_TAX_RATE = Decimal("0.0825")
_SURCHARGE = Decimal("0.50")
_STEPS: tuple[str | None, ...] = (None, "confirmed", "preparing", "ready", "inTransit")


class Pos:
    """Behaviour of the POS. Thread-safe."""

    def __init__(self, ledger: Ledger, random: Random) -> None:
        self._ledger, self._random = ledger, random
        self.mishaps: dict[str, float] = {}

    def answer(self, call: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Answer a call; None closes the connection without an answer."""
        store = body["store"]
        match call:
            case "control":
                self.mishaps = body["mishaps"]
                return {}
            case "change":
                return self._change(store, body)
            case "catalog":
                return {"prices": self._ledger.prices(store)}
            case "status":
                return {"state": "closed" if self._ledger.is_closed(store) else "open"}
            case "since":
                return {"tickets": [_state(each) for each in self._ledger.changed_since(store, body["since"])]}
            case "find":
                return self._find(store, body["ref"])
            case "quote":
                return self._unavailable(store, body["order"]) or {"amounts": self._quote(store, body["order"])}
            case "place":
                return self._place(store, body)
        raise LookupError(call)

    def _change(self, store: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change a price, what has run out, or if a store is open, and report it."""
        event: dict[str, Any] = {"type": "catalog", "store_id": store}
        with self._ledger.transaction():
            if "price" in body:
                self._ledger.set_price(store, body["item"], body["price"])
            elif "sold_out" in body:
                self._ledger.set_sold_out(store, body["item"], sold_out=body["sold_out"])
                event |= {"type": "item", "item_id": body["item"], "available": not body["sold_out"]}
            else:
                self._ledger.set_closed(store, closed=body["closed"])
                event |= {"type": "store", "state": "closed" if body["closed"] else "open"}
            self._ledger.add_event(event)
        return {}

    def _find(self, store: str, ref: str) -> dict[str, Any]:
        began = time.time()
        found = self._ledger.by_ref(store, ref)
        self._ledger.record_call(PosCall(ref, "find", began, time.time(), found.id if found else ""))
        return _receipt(found) if found else {}

    def _place(self, store: str, body: dict[str, Any]) -> dict[str, Any] | None:
        began, mishap, ref = time.time(), self._mishap(), body["ref"]
        level = store.rpartition("-")[0]

        def record(outcome: str) -> None:
            self._ledger.record_call(PosCall(ref, "place", began, time.time(), outcome))

        if level == "native" and (earlier := self._ledger.by_key(body["key"])):
            record(earlier.id)
            return _receipt(earlier)
        if refusal := self._unavailable(store, body["order"]):
            record(refusal["refused"])
            return refusal
        if mishap == "refuses":
            record("refused")
            return {"refused": "other", "message": "the kitchen does not want to"}
        if mishap in ("fails_before", "drops_before"):
            record(mishap)
            return {"error": 500} if mishap == "fails_before" else None
        if mishap == "commits_late":
            time.sleep(COMMITS_LATE)
        with self._ledger.transaction():
            # A call with the same key may have made it meanwhile.
            ticket = self._ledger.by_key(body["key"]) if level == "native" else None
            ticket = ticket or self._ledger.add(self._new(level, store, body), time.time() + self._pause())
            record(ticket.id)
        if mishap == "answers_late":
            time.sleep(ANSWERS_LATE)
        if mishap in ("fails_after", "drops_after"):
            return {"error": 500} if mishap == "fails_after" else None
        return _receipt(ticket)

    def _new(self, level: str, store: str, body: dict[str, Any]) -> Ticket:
        amounts = Amounts.model_validate(body["order"]["amounts"])
        # Some charge other amounts than were accepted; not where a person settles, who tells the kit a number and no amounts.
        if level != "claim" and self._random.random() < 0.03:
            amounts = Amounts.of(
                amounts.sub_total or Decimal(0),
                taxes=amounts.taxes or Decimal(0),
                adjustments=_SURCHARGE,
                tip=amounts.tip,
            )
        accepted = "pending" if self._random.random() < 0.05 else "accepted"
        status = None if accepted == "pending" else "confirmed"
        return Ticket(
            "", level, store, body["ref"], body["key"], amounts.to_wire(), accepted, status, None, None, time.time()
        )

    def _mishap(self) -> str:
        drawn = self._random.random()
        for name, probability in self.mishaps.items():
            drawn -= probability
            if drawn < 0:
                return name
        return ""

    def _unavailable(self, store: str, order: dict[str, Any]) -> dict[str, Any] | None:
        if self._ledger.is_closed(store):
            return {"refused": "store_closed", "message": "closed"}
        if gone := self._ledger.sold_out(store) & set(_items(order["cart"]["lineItems"])):
            return {"refused": "item_unavailable", "message": f"{min(gone)} has run out"}
        return None

    def _quote(self, store: str, order: dict[str, Any]) -> dict[str, Any]:
        prices = {**PRICES, **self._ledger.prices(store)}
        sub_total = _price(order["cart"]["lineItems"], prices)
        tip = Decimal(str((order.get("amounts") or {}).get("tip") or 0))
        return Amounts.of(sub_total, taxes=cents(sub_total * _TAX_RATE), tip=tip).to_wire()

    # -- the kitchen ---------------------------------------------------------------------------------------------------

    def cook(self) -> None:
        """Move tickets along for ever, each with an event."""
        while True:
            for ticket in self._ledger.due(time.time()):
                with self._ledger.transaction():
                    self._advance(ticket)
            time.sleep(0.1)

    def _advance(self, ticket: Ticket) -> None:
        step = _STEPS.index(ticket.status) + 1
        state = None
        if self._random.random() < 0.02:
            state = "cancelled"
        elif step == len(_STEPS) or (ticket.status == "ready" and self._random.random() < 0.7):
            state = "completed"
        status = ticket.status if state else _STEPS[step]
        reason = "the oven is broken" if state == "cancelled" else None
        due = None if state else time.time() + self._pause()
        self._ledger.move(ticket.id, status=status, state=state, reason=reason, due=due)
        event = {"type": "order", "store_id": ticket.store, "order_id": ticket.id, "order_ref": ticket.ref}
        changed = {"state": state, "reason": reason} if state else {"status": status}
        self._ledger.add_event(event | changed)

    def _pause(self) -> float:
        return self._random.uniform(0.3, 6)

    def report(self, level: str, part: int, kit: str) -> None:
        """Report the events of a part of a level's stores to the kit for ever, in order, each until it is taken."""
        with requests.Session() as session:
            session.trust_env = False
            while True:
                events = self._ledger.events(level, part, _REPORTERS)
                body = json.dumps({"events": [event for _, event in events]})
                if events and self._is_taken(session, f"{kit}/pos/{ADAPTERS[level]}/events", body):
                    self._ledger.remove_events(number for number, _ in events)
                else:
                    time.sleep(0.3)

    @staticmethod
    def _is_taken(session: requests.Session, url: str, body: str) -> bool:
        with suppress(requests.RequestException):
            return session.post(url, data=body, headers={"x-storm": SECRET}, timeout=30).status_code < 300
        return False


def _state(ticket: Ticket) -> dict[str, Any]:
    return {name: getattr(ticket, name) for name in ("id", "ref", "status", "state", "reason")}


def _receipt(ticket: Ticket) -> dict[str, Any]:
    return {"id": ticket.id, "accepted": ticket.accepted, "amounts": dict(ticket.amounts)}


def _items(lines: list[dict[str, Any]]) -> list[str]:
    return [item for line in lines for item in (line["itemId"], *_items(_selected(line)))]


def _price(lines: list[dict[str, Any]], prices: dict[str, str]) -> Decimal:
    return sum(
        (line["quantity"] * (Decimal(prices[line["itemId"]]) + _price(_selected(line), prices)) for line in lines),
        Decimal(0),
    )


def _selected(line: dict[str, Any]) -> list[dict[str, Any]]:
    return [option for group in line.get("modifierGroups") or [] for option in group["selectedModifiers"]]


def _handler(pos: Pos) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            try:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            except ValueError:  # the caller has not sent everything
                self.close_connection = True
                return
            answer = pos.answer(self.path.strip("/"), body)
            if answer is None:
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            content = json.dumps(answer).encode()
            with suppress(OSError):  # the caller has not waited
                self.send_response(answer.get("error", 200))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


def main() -> None:
    file, port, seed, kit = sys.argv[1:]
    pos = Pos(Ledger(Path(file)), Random(f"{seed} pos"))
    threading.Thread(target=pos.cook, daemon=True).start()
    for level, part in product(ADAPTERS, range(_REPORTERS)):
        threading.Thread(target=pos.report, args=(level, part, kit), daemon=True).start()
    _Server(("127.0.0.1", int(port)), _handler(pos)).serve_forever()


if __name__ == "__main__":
    main()
