"""The sandbox as Gett: set-up, calls of customers, and its records as the judgement reads them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from webhook_kit.adapter import Store

__all__ = ["Entry", "Gett"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the traffic log.

    :ivar call: ``placeOrder`` of Gett to the kit, or ``setOrderStatus`` of the kit to Gett.
    :ivar at: when it ended (placeOrder) or arrived (setOrderStatus), Unix seconds.
    :ivar key: the Idempotency-Key of a placeOrder.
    :ivar status: HTTP status of the answer; None without one.
    :ivar dropped: the answer did not reach the other side.
    """

    number: int
    call: str
    order: str
    key: str
    at: float
    seconds: float
    status: int | None
    request: Mapping[str, Any]
    answer: Any
    dropped: bool

    @property
    def began(self) -> float:
        return self.at - self.seconds if self.call == "placeOrder" else self.at


class Gett:
    """Client of the sandbox. Thread-safe."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._local = threading.local()
        self._last = 0
        self._lock = threading.Lock()
        self._faults: list[dict[str, Any]] = []

    def configure(self, options: Mapping[str, Any]) -> None:
        """Change the sandbox's options."""
        self._control("PATCH", "options", options)

    def add_store(self, store: Store, webhooks: str) -> None:
        """Create a store."""
        body = {"partnerStoreId": store.id, "name": store.id, "webhookUrl": webhooks}
        self._control("PUT", f"stores/{store.gett_id}", body)

    @contextmanager
    def fault(self, rule: dict[str, Any]) -> Iterator[None]:
        """Let the sandbox have a fault within the block."""
        self._change_faults(rule, add=True)
        try:
            yield
        finally:
            self._change_faults(rule, add=False)

    def _change_faults(self, rule: dict[str, Any], *, add: bool) -> None:
        with self._lock:
            self._faults = [*self._faults, rule] if add else [each for each in self._faults if each is not rule]
            self._control("PUT", "faults", {"faults": self._faults})

    def stores(self) -> list[dict[str, Any]]:
        """Return the records of all stores."""
        stores: list[dict[str, Any]] = self._control("GET", "stores")["stores"]
        return stores

    def catalogs(self) -> dict[str, str]:
        """Return the id of the catalog of each store that has one, by Gett's id of the store."""
        return {store["store"]["storeId"]: store["catalogSetId"] for store in self.stores() if "catalogSetId" in store}

    def order(self, order_id: str) -> dict[str, Any]:
        """Return the record of an order."""
        record: dict[str, Any] = self._control("GET", f"orders/{order_id}")
        return record

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of placeOrder and setOrderStatus since the last call."""
        while entries := self._control("GET", f"log?after={self._last}")["entries"]:
            for entry in entries:
                self._last = entry["number"]
                if entry.get("call") in ("placeOrder", "setOrderStatus") and entry["kind"] != "finding":
                    yield _entry(entry)

    def market(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Send a call of the Marketfront API."""
        url = f"{self.url}/v1/marketplace/{path}"
        return self._session.request(method, url, json=body, headers={**self._headers, **headers}, timeout=40)

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        response = self._session.request(method, f"{self.url}/__sandbox/{path}", json=body, timeout=300)
        response.raise_for_status()
        return response.json()


def _entry(entry: dict[str, Any]) -> Entry:
    request, response = entry["request"], entry.get("response") or {}
    headers = {name.lower(): value for name, value in request["headers"].items()}
    return Entry(
        number=entry["number"],
        call=entry["call"],
        order=entry.get("orderId") or "",
        key=headers.get("idempotency-key", ""),
        at=datetime.fromisoformat(entry["at"]).timestamp(),
        seconds=entry["seconds"],
        status=response.get("status"),
        request=request.get("body") if isinstance(request.get("body"), dict) else {},
        answer=response.get("body"),
        dropped=bool(response.get("dropped")) or "drop" in entry.get("faults", ()),
    )
