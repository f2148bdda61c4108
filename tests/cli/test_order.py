"""``webhook-kit order``: found by any id, with its timeline."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.operations.operations_helpers import in_doubt, place
from webhook_kit.kit import Kit
from webhook_kit.operations.audit import list_audit
from webhook_kit.placement.claims import AttemptOutcome, Claim

Run = Callable[..., Any]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_an_order_is_shown_by_its_trace_and_its_number_with_its_timeline(run: Run, kit: Kit) -> None:
    claim = kit.placement_store.claim(key="k", gett_id="g1", store_id="main", fingerprint="f", trace_id=TRACE)
    assert isinstance(claim, Claim)
    kit.placement_store.settle(claim, AttemptOutcome.PLACED, status=200, answer=b"{}", partner_order_id="T-7")
    by_ref = json.loads(run("order", "show", "g1", "--json").out)
    for name in (TRACE, "T-7", "k"):
        assert json.loads(run("order", "show", name, "--json").out) == by_ref
    assert by_ref["unconfirmed"]
    assert [entry["event"] for entry in by_ref["timeline"]] == ["received", "placed"]
    assert by_ref["timeline"][1]["details"] == {"posNumber": "T-7"}
    assert json.loads(run("order", "timeline", "T-7", "--json").out) == by_ref["timeline"]
    lines = run("order", "timeline", "g1").out.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == ["webhook received", "placed at the POS (pos number T-7)"]
    assert lines[-1] in run("order", "show", "g1").out


def test_orders_by_code_and_unconfirmed(run: Run, kit: Kit) -> None:
    place(kit, "a")
    claim = kit.placement_store.claim(key="k", gett_id="b", store_id="main", fingerprint="f")
    assert isinstance(claim, Claim)
    answer = b'{"errorCode":"STORE_CLOSED","detail":"closed"}'
    kit.placement_store.settle(claim, AttemptOutcome.REFUSED, status=422, answer=answer)

    def listed(*options: str) -> list[str]:
        return [order["orderRef"] for order in json.loads(run("order", "list", "--json", *options).out)]

    assert listed() == ["b", "a"]
    assert listed("--code", "STORE_CLOSED") == ["b"]
    assert listed("--code", "OTHER") == []
    assert listed("--unconfirmed") == ["a"]


def test_a_number_of_several_orders_is_said(run: Run, kit: Kit) -> None:
    place(kit, "T-b")  # its orderRef is the number of the next one
    place(kit, "b")
    ran = run("order", "show", "T-b")
    assert ran.status == 1
    assert "several orders" in ran.err
    assert "b (store main)" in ran.err


def test_incidents_as_json(run: Run, kit: Kit) -> None:
    assert json.loads(run("order", "incidents", "--json").out) == []
    in_doubt(kit, "a")
    claim = Claim("a", "", "a", "main", "f", "")
    for ticket in ("T1", "T2"):
        kit.placement_store.settle(
            claim, AttemptOutcome.PLACED, status=200, answer=b"{}", partner_order_id=ticket, force=True
        )
    (entry,) = json.loads(run("order", "incidents", "--json").out)
    assert (entry["kind"], entry["about"], entry["subject"]) == ("duplicate_ticket", "order", "a")
    assert entry["why"] == "known T1, reported T2"


def test_what_a_person_does_is_in_the_audit_log_with_its_reason(run: Run, kit: Kit) -> None:
    in_doubt(kit, "a")
    assert run("order", "resolve", "a", "--not-placed", "--why", "not on the screen").status == 0
    assert run("order", "link", "x", "g").status == 1
    refused, settled = list_audit(kit).entries
    assert (settled.via, settled.action, settled.subject) == ("cli", "settle_not_placed", "a")
    assert (settled.why, settled.result) == ("not on the screen", "ok")
    assert (refused.action, refused.result) == ("link_order", "order x is unknown here")
    assert "settle_not_placed" in run("order", "timeline", "a").out
