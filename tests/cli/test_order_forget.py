"""``webhook-kit order forget``."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.cli.conftest import Ran
from webhook_kit.kit import Kit
from webhook_kit.placement.claims import AttemptOutcome, Claim

Run = Callable[..., Ran]


def settled(kit: Kit, number: int, outcome: AttemptOutcome) -> str:
    claim = kit.placement_store.claim(key=f"k{number}", gett_id=f"g{number}", store_id="main", fingerprint="f")
    assert isinstance(claim, Claim)
    order = json.dumps({"customer": {"email": "jane@example.org"}}).encode()
    kit.placement_store.record_call(claim, order)
    kit.placement_store.settle(claim, outcome, status=200, answer=order, partner_order_id=f"t{number}")
    return claim.ref


def test_order_is_forgotten_and_what_was_removed_is_printed(run: Run, kit: Kit) -> None:
    ref = settled(kit, 1, AttemptOutcome.PLACED)
    assert run("order", "forget", ref, "--dry-run").out == f"order {ref}: would remove answer\n"
    assert run("order", "forget", ref, "--why", "request 1").out == f"order {ref}: removed answer\n"
    assert run("order", "forget", ref).out == f"order {ref}: removed nothing\n"
    assert run("order", "forget", "unknown").status == 1


def test_orders_of_a_customer_are_forgotten_and_those_in_doubt_are_named(run: Run, kit: Kit) -> None:
    placed, doubt = settled(kit, 1, AttemptOutcome.PLACED), settled(kit, 2, AttemptOutcome.IN_DOUBT)
    ran = run("order", "forget", "--customer", "Jane@example.org", "--json")
    assert ran.status == 1
    orders = {one["ref"]: one for one in json.loads(ran.out)["orders"]}
    assert orders[placed]["removed"] == ["answer"]
    assert "order resolve" in orders[doubt]["kept"]
    assert ran.err == "2 orders searched, 2 with this address\n"


def test_one_of_reference_and_customer_is_needed(run: Run) -> None:
    assert run("order", "forget").status == 2
    assert run("order", "forget", "g1", "--customer", "jane@example.org").status == 2
    assert "not an e-mail address" in run("order", "forget", "--customer", "jane").err
