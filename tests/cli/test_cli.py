"""``webhook-kit`` from the shell: one line for each mistake, an honest exit status, and never a traceback."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import STORE_ID, Shell
from webhook_kit.adapter import Capability
from webhook_kit.placement.claims import AttemptOutcome, Claim

# -- order -------------------------------------------------------------------------------------------------------------


def test_an_order_is_shown_by_any_of_its_names_and_without_its_customer(shell: Shell) -> None:
    shell.doubt()
    by_gett_id = json.loads(shell.good("order", "show", "g1", "--json"))
    assert by_gett_id == json.loads(shell.good("order", "show", "k1", "--json"))
    expected = {"orderRef": "g1", "state": "in_doubt", "mayHaveReachedPos": True, "accepted": 2.75, "attempts": 1}
    assert by_gett_id | expected == by_gett_id
    assert by_gett_id["idempotencyKeys"] == ["k1"]
    text = shell.good("order", "show", "g1")
    assert "in the POS         nobody knows" in text
    assert "items              1 × cola\n" in text
    assert not [word for word in ("ann@", "+1555") if word in text + json.dumps(by_gett_id)]


def test_an_order_is_shown_in_words_of_people(shell: Shell) -> None:
    for settle, told in (("--not-placed", "no"), ("--placed=T7", "yes, as T7")):
        shell.doubt()
        shell.good("order", "resolve", "g1", settle)
        text = shell.good("order", "show", "g1")
        assert f"in the POS         {told}\n" in text
        assert not re.search(r"None|True|False|\b[a-z]+[A-Z]", text.partition("\n\n")[0])


def test_an_order_in_doubt_is_resolved_as_placed_and_confirmed(shell: Shell) -> None:
    shell.doubt()
    assert "order g1 is placed as T7" in shell.good("order", "resolve", "k1", "--placed", "T7")
    assert shell.state() == "placed"
    assert shell.kit.lanes.lease(9, 1000).leases
    (said,) = shell.bad("order", "resolve", "g1", "--not-placed")
    assert said == "order g1 is settled already: placed T7"


def test_total_of_a_settled_order_is_shown(shell: Shell) -> None:
    shell.doubt()
    shell.good("order", "resolve", "g1", "--placed", "T7")
    assert json.loads(shell.good("order", "show", "g1", "--json"))["accepted"] == 2.75


def test_resolving_with_the_pos_id_of_another_order_is_mentioned(shell: Shell) -> None:
    shell.placed(shell.doubt("k0", "g0"), "T7")
    shell.doubt()
    assert "order g0 has the id T7 at the POS too" in shell.good("order", "resolve", "g1", "--placed", "T7")
    assert "pos_order_id_reused: order g1" in shell.good("order", "incidents")


def test_an_order_in_doubt_is_resolved_as_not_placed_and_may_be_placed_again(shell: Shell) -> None:
    shell.doubt()
    assert "the next attempt places it" in shell.good("order", "resolve", "g1", "--not-placed")
    again = shell.kit.placement_store.claim(key="k1", gett_id="g1", store_id="main", fingerprint="f")
    assert isinstance(again, Claim)
    assert not again.doubt


@pytest.mark.parametrize("options", [[], ["--placed", "T1", "--not-placed"]])
def test_resolving_needs_one_decision(options: list[str], shell: Shell) -> None:
    shell.doubt()
    status, output = shell.run("order", "resolve", "g1", *options)
    assert status == 2
    assert "give --placed NUMBER if the POS has the order, or --not-placed if it certainly has not" in output
    assert shell.state() == "in_doubt"


def test_an_order_that_never_got_to_the_pos_cannot_have_been_placed(shell: Shell) -> None:
    shell.doubt(called=False)
    (said,) = shell.bad("order", "resolve", "g1", "--placed", "T1")
    assert "was never sent to the POS" in said


def test_an_order_is_linked_once(shell: Shell) -> None:
    shell.placed(shell.doubt("k1", ""), "T1")
    assert "is g9 at Gett" in shell.good("order", "link", "k1", "g9")
    (leased,) = shell.kit.lanes.lease(9, 1000).leases
    assert leased.gett_id == "g9"
    (said,) = shell.bad("order", "link", "k1", "g8")
    assert said == "order k1 cannot be linked to g8: it is linked to g9"


def test_incidents_are_listed_newest_first(shell: Shell) -> None:
    assert shell.good("order", "incidents").strip() == "no incidents"
    claim = shell.doubt()
    for ticket in ("T1", "T2", "T3"):
        shell.placed(claim, ticket)
    lines = shell.good("order", "incidents").splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        f"duplicate_ticket: order g1, known T1, reported {ticket}" for ticket in ("T3", "T2")
    ]


@pytest.mark.parametrize(
    "arguments",
    [["show", "x"], ["resolve", "x", "--not-placed"], ["resolve", "x", "--placed", "T"], ["link", "x", "g"]],
)
def test_an_order_that_nobody_knows_is_one_line(arguments: list[str], shell: Shell) -> None:
    assert shell.bad("order", *arguments) == ["order x is unknown here"]


REFUSAL = {
    "errorCode": "ITEM_UNAVAILABLE",
    "detail": "Cola is sold out. (and 1 more)",
    "errors": [
        {"code": "ITEM_UNAVAILABLE", "message": "Cola is sold out.", "itemId": "cola"},
        {"code": "OTHER", "message": "No pickup today.", "jsonPath": "$.fulfillmentType"},
    ],
}


def refuse(shell: Shell, name: str) -> None:
    claim = shell.kit.placement_store.claim(key=f"k-{name}", gett_id=name, store_id="main", fingerprint="f")
    assert isinstance(claim, Claim)
    shell.kit.placement_store.settle(claim, AttemptOutcome.REFUSED, status=422, answer=json.dumps(REFUSAL).encode())


def test_show_prints_why_an_order_was_refused(shell: Shell) -> None:
    refuse(shell, "g1")
    lines = shell.good("order", "show", "g1").splitlines()
    at = lines.index("reason             ITEM_UNAVAILABLE: Cola is sold out. (cola)")
    assert lines[at + 1 : at + 3] == [
        "                   OTHER: No pickup today. ($.fulfillmentType)",
        "in the POS         no",
    ]
    assert sum("Cola is sold out" in line for line in lines) == 1
    shown = json.loads(shell.good("order", "show", "g1", "--json"))
    assert (shown["refusal"]["code"], len(shown["refusal"]["violations"])) == ("ITEM_UNAVAILABLE", 2)


def test_list_finds_orders_and_names_the_reason_of_a_refusal(shell: Shell) -> None:
    assert shell.good("order", "list") == "no orders\n"
    refuse(shell, "g1")
    shell.placed(shell.doubt("k2", "g2"), "T1")
    listed = shell.good("order", "list", "--since", "1h")
    assert [line.split()[1] for line in listed.splitlines()[1:]] == ["placed", "refused"]
    assert "ITEM_UNAVAILABLE: Cola is sold out." in listed
    (placed,) = json.loads(shell.good("order", "list", "--pos-number", "T1", "--store", STORE_ID, "--json"))
    assert (placed["orderRef"], placed["store"], placed["refusal"]) == ("g2", "main", None)
    (refused,) = json.loads(shell.good("order", "list", "--state", "refused", "--json"))
    assert refused["refusal"]["code"] == "ITEM_UNAVAILABLE"
    assert "there are more orders than these 1" in shell.good("order", "list", "--limit", "1")
    assert json.loads(shell.good("order", "list", "--until", "2d", "--json")) == []


# -- check -------------------------------------------------------------------------------------------------------------


# -- adapters, schema, help --------------------------------------------------------------------------------------------


def test_every_adapter_is_printed_with_what_it_can_do(shell: Shell) -> None:
    output = shell.good("adapters")
    heads, *rows = [line.split() for line in output.splitlines()]
    assert {"adapter", "package", "version", "health", *Capability} <= set(heads)
    (row,) = [row for row in rows if row[:1] == ["bogus"]]
    assert row == ["bogus", "webhook-kit", version("webhook-kit"), "ok", *["supported"] * len(Capability), "native"]


def test_a_broken_adapter_is_printed_with_what_is_wrong_with_it(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    info = tmp_path / "broken_pos-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-pos\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[webhook_kit.adapters]\nbroken = broken_pos:Pos\n")
    (tmp_path / "broken_pos.py").write_text("import unheard_of\n")
    output = shell.good("adapters")
    assert ["broken", "broken-pos", "1.2", "broken"] in [line.split() for line in output.splitlines()]
    assert "importing broken_pos failed" in output
    assert any(line.startswith("bogus ") for line in output.splitlines())


def test_schemas_are_listed_and_printed_and_a_slip_is_corrected(shell: Shell) -> None:
    names = shell.good("schema").split()
    assert names == sorted(names)
    assert "ExternalOrder" in names
    schema = json.loads(shell.good("schema", "ExternalOrder"))
    assert "fulfillmentType" in schema["properties"]
    (said,) = shell.bad("schema", "externalorder")
    assert "did you mean ExternalOrder" in said


def test_help_lists_every_command_and_an_unknown_one_is_refused(shell: Shell) -> None:
    output = shell.good("--help")
    assert all(f"  {name} " in output for name in ("adapters", "check", "dev", "order", "sandbox", "schema", "worker"))
    status, output = shell.run("unheard-of")
    assert status == 2
    assert "No such command" in output


def test_the_version_is_the_distributions(shell: Shell) -> None:
    assert shell.good("--version").strip() == f"webhook-kit {version('webhook-kit')}"


@pytest.mark.parametrize(
    "damage",
    [
        {"answer": "{"},
        {"answer": "[]"},
        {"answer": '{"errors": [1]}'},
        {"answer": '{"errors": [{"code": "X"}]}'},
        {"answer": b"\xff"},
        {"created": "x", "updated": "9" * 30},
        {"order": "[]", "attempt": "x"},
        {"order": "{"},
        {"accepted": "x"},
    ],
)
def test_record_that_is_damaged_is_listed_and_shown(shell: Shell, damage: dict[str, Any]) -> None:
    shell.doubt()
    record: Any = {"state": "refused", "answer": "{}", **damage}
    shell.kit.redis.hset(shell.kit.keys.order("g1"), mapping=record)
    assert "g1" in shell.good("order", "list")
    assert "g1" in shell.good("order", "show", "g1")
    assert json.loads(shell.good("order", "show", "g1", "--json"))["orderRef"] == "g1"
