"""Fixtures of the pytest plugin, used in a pytest run of a vendor's tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from webhook_kit.testing.processes import PATIENCE

ADAPTER = """
from decimal import Decimal
from webhook_kit.adapter import Placed, PosAdapter
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import ExternalItem

TICKETS = []

class FixturePos(PosAdapter):
    def fetch_catalog(self, store):
        return simple_catalog({"Pizza": [ExternalItem(item_id="margherita", name="M", base_price=Decimal("9.50"))]})

    def place_order(self, store, order, key):
        TICKETS.append(order.order_ref)
        return Placed(f"ticket-{len(TICKETS)}")
"""

TESTS = """
import fixture_pos
from uuid import uuid4

def test_an_order_from_placement_to_ready(webhook_kit_local, webhook_kit_sandbox):
    kit, gett = webhook_kit_local, webhook_kit_sandbox
    order = gett.validate(gett.order(kit.store.gett_id, [{"itemId": "margherita", "quantity": 2}]))
    key = str(uuid4())
    placed = gett.place(order, key=key)
    assert gett.place(order, key=key)["partnerOrderId"] == placed["partnerOrderId"]
    assert (placed["amounts"]["total"], fixture_pos.TICKETS) == (19.0, [placed["gettOrderId"]])
    kit.order_updates.progress(placed["gettOrderId"], "ready")
    kit.push()
    assert gett.context.state.orders[placed["gettOrderId"]].status == "ready"

def test_the_next_test_starts_empty(webhook_kit_local, webhook_kit_sandbox):
    kit, gett = webhook_kit_local, webhook_kit_sandbox
    assert not gett.context.state.orders
    assert kit.lanes.counts() == {}

def test_an_update_is_retried(webhook_kit_local, webhook_kit_sandbox):
    kit, gett = webhook_kit_local, webhook_kit_sandbox
    placed = gett.place(gett.order(kit.store.gett_id, [{"itemId": "margherita", "quantity": 1}]))
    gett.context.update_log.fail_with(503)
    kit.order_updates.complete(placed["gettOrderId"])
    kit.push()
    assert gett.context.state.orders[placed["gettOrderId"]].state == "completed"
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=4 * PATIENCE, check=False)


def test_a_vendor_tests_an_order_with_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "fixture_pos.py").write_text(ADAPTER)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nwebhook_kit_adapter = fixture_pos:FixturePos\nfilterwarnings = error\n"
    )
    done = run(tmp_path)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_default_adapter_is_bogus_and_push_names_unsent_updates(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import pytest

def test_it(webhook_kit_local, webhook_kit_sandbox):
    kit, gett = webhook_kit_local, webhook_kit_sandbox
    placed = gett.place(gett.order(kit.store.gett_id, [{"itemId": "cola", "quantity": 1}]))
    gett.context.update_log.fail_with(*[503] * 50)
    kit.order_updates.progress(placed["gettOrderId"], "ready")
    with pytest.raises(TimeoutError, match="updates not sent to Gett"):
        kit.push(0.5)
"""
    )
    done = run(tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
