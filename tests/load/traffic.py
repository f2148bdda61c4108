"""Webhooks of Gett and events of the POS, and a record of what became of each."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from statistics import quantiles
from uuid import uuid4

from benchmarks.load import http_post
from tests.load.client import Answer, Client
from tests.load.installation import SECRET, Installation
from webhook_kit.gett.signing import signed_headers

__all__ = ["STEPS", "Outcome", "Traffic", "p99"]

STEPS = ({"status": "preparing"}, {"status": "ready"}, {"state": "completed"})
"""Progress of each order at the POS, after its confirmation."""


@dataclass
class Outcome:
    """Answers to one kind of request.

    :ivar counts: by status, or by the reason for which there is no answer.
    :ivar timed: of each request its moment on the clock of the event loop, the seconds until its answer, and if that was a 200.
    :ivar faults: descriptions of answers that overload does not excuse, and their numbers.
    """

    counts: Counter[str] = field(default_factory=Counter)
    timed: list[tuple[float, float, bool]] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    def seconds(self, *, taken: bool = True) -> list[float]:
        """Return the seconds of the answers that were a 200, or of all others."""
        return [seconds for _, seconds, ok in self.timed if ok == taken]


class Traffic:
    """Requests to an installation.

    :ivar outcomes: by kind of request; of placeOrder with the part of the store's id before its hyphen, ``placeOrder fast``.
    :ivar placed: orders that were answered 200.
    :ivar refused: requests of the orders that were answered otherwise, or not at all.
    """

    def __init__(self, installation: Installation, client: Client) -> None:
        self._installation = installation
        self._client = client
        self._templates: dict[tuple[str, str], bytes] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.placed: set[str] = set()
        self.refused: dict[str, tuple[bytes, str]] = {}

    def start(self) -> dict[str, Outcome]:
        """Return new outcomes, of the requests that are sent from now on."""
        self.outcomes = {}
        return self.outcomes

    async def validate(self, store: str, item: str = "salad") -> Answer:
        """Send a validateOrder."""
        body = json.dumps(self._cart(store, item)).encode()
        return await self._send("validateOrder", http_post("/validateOrder", body, signed_headers(body, SECRET)))

    async def template(self, store: str, item: str = "salad") -> None:
        """Have a cart validated, whose orders :meth:`place` sends from now on."""
        answer = await self.validate(store, item)
        assert answer.status == 200, answer
        self.use(store, item, answer)

    def use(self, store: str, item: str, validated: Answer) -> None:
        """Let :meth:`place` send orders of this answer to a validateOrder."""
        order = {**json.loads(validated.body), "gettOrderId": "@@", "payment": {"type": "gettPayment"}}
        assert order["isValid"], order
        self._templates[store, item] = json.dumps(order).encode()

    async def place(self, store: str, item: str = "salad") -> str:
        """Send a placeOrder of a new order, and return the id of its ticket; empty if it has none."""
        order_id = str(uuid4())
        body = self._templates[store, item].replace(b"@@", order_id.encode())
        key = str(uuid4())
        ticket = await self._place(f"placeOrder {store.partition('-')[0]}", body, key)
        if ticket:
            self.placed.add(order_id)
        else:
            self.refused[order_id] = body, key
        return ticket

    async def place_again(self, order_id: str) -> str:
        """Send the placeOrder of a refused order once more, as Gett does, and return the id of its ticket."""
        return await self._place("placeOrder again", *self.refused[order_id])

    async def _place(self, kind: str, body: bytes, key: str) -> str:
        headers = {**signed_headers(body, SECRET), "Idempotency-Key": key}
        answer = await self._send(kind, http_post("/placeOrder", body, headers))
        return str(json.loads(answer.body)["partnerOrderId"]) if answer.status == 200 else ""

    async def report(self, **event: object) -> Answer:
        """Send an event of the POS."""
        body = json.dumps({"events": [event]}).encode()
        return await self._send("posEvents", http_post("/pos/bogus/events", body, {"x-bogus-secret": "bogus-secret"}))

    async def get(self, path: str, **headers: str) -> Answer:
        """Send a GET."""
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
        return await self._send(path, "\r\n".join([*lines, "", ""]).encode())

    async def whole_order(self, store: str) -> None:
        """Place an order, and report its progress without a pause."""
        await self.validate(store)
        if ticket := await self.place(store):
            for step in STEPS:
                await self.report(type="order", store_id=store, order_id=ticket, **step)

    def _cart(self, store: str, item: str) -> dict[str, object]:
        lines = [{"lineItemId": "1", "itemId": item, "quantity": 1}]
        cart = {"storeId": self._installation.gett_ids[store], "lineItems": lines}
        return {"cart": cart, "fulfillmentType": "Pickup", "customer": {"firstName": "Ada", "phone": "+12125550100"}}

    async def _send(self, kind: str, request: bytes) -> Answer:
        outcome = self.outcomes.setdefault(kind, Outcome())
        answer = await self._client.send(request)
        outcome.counts[answer.error or str(answer.status)] += 1
        outcome.timed.append((answer.at - answer.seconds, answer.seconds, answer.status == 200))
        if answer.status != 200 and (fault := _fault(answer)):
            outcome.faults[fault] += 1
        return answer


def _fault(answer: Answer) -> str:
    """Return a description of an answer that is neither 429 nor 503 with Retry-After."""
    if answer.status in (429, 503) and int(answer.headers.get("retry-after", "0")) > 0:
        return ""
    return answer.error or f"{answer.status} {answer.body.decode(errors='replace')[:300]}"


def p99(seconds: list[float]) -> float:
    """Return the 99th percentile; 0 if there are none."""
    return quantiles(seconds, n=100)[98] if len(seconds) > 1 else sum(seconds)
