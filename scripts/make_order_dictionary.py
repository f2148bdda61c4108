"""Train the dictionary with which archived orders are compressed: ``python scripts/make_order_dictionary.py FILE``.

The samples are archived orders as the kit writes them, with invented customers: placed and refused, for pickup and delivery, of one to
five lines. What was compressed with a dictionary can be read with it alone, so a new one is a new file and a new form of archives
(``webhook_kit/storage/formats.py``); the old one stays as long as its form is read.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from zstandard import train_dictionary

from webhook_kit.outbox.compression import LEVEL, without_uuids

SAMPLES = 6_000
SIZE = 32_000
"""Bytes. Half of it costs 10 bytes for each order, a quarter 40; a larger one saves nothing."""
SEGMENT, SUBSEGMENT = 2_000, 8
"""Parameters of zstd's training: long segments, because orders have long parts in common."""

_FIRST = "James", "Mary", "Robert", "Linda", "David", "Susan", "Joseph", "Sarah", "Maria", "Wei", "Priya", "Omar"
_LAST = "Smith", "Johnson", "Brown", "Garcia", "Miller", "Lopez", "Wilson", "Moore", "Lee", "Nguyen", "Patel", "Kim"
_STREETS = "Broadway", "Main Street", "Park Avenue", "Oak Street", "2nd Street", "3rd Avenue", "Hill Road"
_CITIES = ("New York", "NY", "100"), ("Brooklyn", "NY", "112"), ("Chicago", "IL", "606"), ("Miami", "FL", "331")
_WISHES = (
    "leave at the door",
    "ring the bell",
    "please call",
    "apartment 4b",
    "2nd floor",
    "no onions",
    "gate code 1234",
)
_PROVIDERS = "gmail.com", "yahoo.com", "outlook.com", "icloud.com", "hotmail.com"
_PROGRESS = (
    ("confirmed", "ready"),
    ("confirmed", "preparing", "ready"),
    ("confirmed", "preparing", "ready", "inTransit"),
    ("confirmed", "preparing", "ready", "inTransit", "delivered"),
)
_REFUSALS = (
    ("ITEM_UNAVAILABLE", "availability", "Bad request", 400, "There is no item “{}” on the menu."),
    ("PRICE_MISMATCH", "validation", "Unprocessable entity", 422, "The price of “{}” is another one."),
    ("STORE_CLOSED", "availability", "Bad request", 400, "The store is closed."),
)


class Orders:
    """Random archived orders."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - the same samples each time

    def order(self) -> tuple[str, bytes]:
        """Return the orderRef and the document of an archived order (:mod:`webhook_kit.outbox.archive`) as Redis encodes it."""
        random, ref = self._random, self._uuid()
        placed_at = random.randrange(1_780_000_000_000, 1_890_000_000_000)
        total, tip = self._money(800, 9_000), self._money(0, 900)
        record = {
            "attempt": "1",
            "created": str(placed_at),
            "format": "1",
            "fp": f"{random.getrandbits(128):032x}:{total:.2f}/{random.choice(['', '~'])}{tip:.2f}",
            "gett_id": ref,
            "keys": f"{self._uuid()}\n",
            "ref": ref,
            "store": random.choice(["main", "main", f"store-{random.randint(1, 99)}"]),
            "updated": str(placed_at + random.randint(1, 900)),
        }
        lane: dict[str, str] = {}
        history: list[str] = []
        if random.random() < 0.15:
            record |= {
                "accepted": "",
                "answer": self._refusal(placed_at),
                "ms": "",
                "state": "refused",
                "status": "400",
            }
        else:
            number = random.choice([self._uuid(), str(random.randint(1_000, 99_999))])
            answer = self._answer(ref, number, placed_at, total, tip)
            record |= {
                "accepted": f"{total:.2f}",
                "answer": answer,
                "ms": str(random.randint(0, 2_000)),
                "state": "placed",
            }
            record |= {"partner_id": number, "status": "200"}
            lane, history = self._updates(ref, record["store"], placed_at)
        document: list[Any] = [_pairs(record), _pairs(lane) or {}, history or {}]
        return ref, _json(document).replace("/", r"\/").encode()

    def _answer(self, ref: str, number: str, placed_at: int, total: float, tip: float) -> str:
        random, first, last = self._random, self._random.choice(_FIRST), self._random.choice(_LAST)
        way = random.choice(["Pickup", "DeliveryByGett", "DeliveryByMerchant"])
        city, state, postal_code = random.choice(_CITIES)
        address = {"address1": f"{random.randint(1, 999)} {random.choice(_STREETS)}", "city": city, "state": state}
        delivery: dict[str, Any] = {
            "type": random.choice(["ASAP", "ASAP", "SCHEDULED"]),
            "address": address | {"postalCode": f"{postal_code}{random.randint(0, 99):02}"},
        }
        if random.random() < 0.5:
            delivery["instructions"] = ", ".join(random.sample(_WISHES, random.choice([1, 1, 2])))
        amounts = dict.fromkeys(("fees", "promotions", "taxes", "adjustments"), 0.0) | {"tip": tip, "total": total}
        if random.random() < 0.5:
            amounts["taxes"] = self._money(50, 900)
        order: dict[str, Any] = {
            "gettOrderId": ref,
            "partnerOrderId": number,
            "cart": {
                "catalogSetId": self._uuid(),
                "storeId": self._uuid(),
                "lineItems": [self._line() for _ in range(random.choice([1, 2, 2, 3, 3, 4, 5]))],
            },
            "fulfillmentType": way,
            **({} if way == "Pickup" else {"deliveryInfo": delivery}),
            "customer": {
                "firstName": first,
                "lastName": random.choice([last, f"{last[0]}."]),
                "email": f"{first.lower()}{random.choice(['', f'.{last.lower()}', '77'])}@{random.choice(_PROVIDERS)}",
                "phone": f"+1{random.randint(2_010_000_000, 9_899_999_999)}",
            },
            "amounts": {"subTotal": round(total - tip - amounts["taxes"], 2)} | amounts,
            "errors": [],
            "isValid": True,
            "placedAt": _moment(placed_at, random.randrange(1_000)),
            "traceId": random.choice([None, f"{random.getrandbits(128):032x}"]),
        }
        return _json(order)

    def _line(self) -> dict[str, Any]:
        random = self._random
        groups = [
            {
                "modifierGroupId": self._uuid(),
                "selectedModifiers": [
                    {"itemId": self._uuid(), "quantity": 1} for _ in range(random.choice([1, 1, 1, 2, 3]))
                ],
            }
            for _ in range(random.choice([0, 1, 1, 2, 2, 3]))
        ]
        line_id = random.choice([self._uuid(), str(random.randint(1, 5))])
        line = {"lineItemId": line_id, "itemId": self._uuid(), "quantity": random.choice([1, 1, 1, 2, 3])}
        return line | {"modifierGroups": groups}

    def _updates(self, ref: str, store: str, moment: int) -> tuple[dict[str, str], list[str]]:
        """Return the lane and the history of an order whose updates were all taken."""
        random, number, history = self._random, self._random.randint(1, 200_000), []
        ending = random.choice([{"state": "completed"}] * 9 + [{"cancelReason": "closed", "state": "cancelled"}])
        for status in (*random.choice(_PROGRESS), None):
            moment, number = moment + random.randint(5, 900_000), number + random.randint(1, 40)
            body = ending if status is None else {"status": status}
            if status == "preparing":
                body = {"estimatedReadyAt": f"{_moment(moment, 0)[:17]}00Z"} | body
            # The servers' versions of Lua encode members in different orders.
            appended = {"at": str(moment), "body": body, "event": "appended", "update": number}
            if random.random() < 0.5:
                appended = {name: appended[name] for name in ("at", "update", "event", "body")}
            moment += random.randint(20, 2_000)
            history += [_json(appended), _json({"at": str(moment), "status": 200, "event": "sent", "update": number})]
        lane = {
            "acknowledged": _json(ending),
            "acknowledged_at": str(moment),
            "acknowledged_id": str(number),
            "acknowledged_rank": "8",
            "closed": "1",
            "format": "1",
            "gett_id": ref,
            "kind": "order",
            "last": _json(ending),
            "rank": "8",
            "store": store,
            "ttl": "604800",
        }
        return lane, history

    def _refusal(self, moment: int) -> str:
        code, category, title, status, message = self._random.choice(_REFUSALS)
        item = self._uuid()
        error = {"code": code, "message": message.format(item), "itemId": item, "jsonPath": "$.cart.lineItems[0]"}
        problem = {
            "type": f"https://developer.gett-tech.com/errors/{code}",
            "title": title,
            "status": status,
            "detail": message.format(item),
            "instance": "/placeOrder",
            "errorCode": code,
            "errorCategory": category,
            "retryable": False,
            "errors": [error],
            "requestId": f"req_{self._random.getrandbits(128):032x}",
            "timestamp": f"{_moment(moment, 0)[:23]}Z",
            "traceId": f"{self._random.getrandbits(128):032x}",
        }
        return _json(problem)

    def _uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _money(self, least: int, most: int) -> float:
        return self._random.randint(least, most) / 100


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _pairs(fields: dict[str, str]) -> list[str]:
    return [text for pair in sorted(fields.items()) for text in pair]


def _moment(milliseconds: int, microseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds // 1_000, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds % 1_000:03}{microseconds:03}Z"


def main() -> None:
    """Write the dictionary.

    :raises FileExistsError: the file is there.
    """
    orders = Orders(1)
    samples: list[bytes | bytearray | memoryview[int]] = [
        without_uuids(document, ref)[0] for ref, document in (orders.order() for _ in range(SAMPLES))
    ]
    dictionary = train_dictionary(SIZE, samples, k=SEGMENT, d=SUBSEGMENT, level=LEVEL)
    with Path(sys.argv[1]).open("xb") as file:
        file.write(dictionary.as_bytes())


if __name__ == "__main__":
    main()
