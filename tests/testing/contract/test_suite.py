"""The suite itself: nobody leaves a rule out unseen, and every rule says what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.contract.hostile import HOSTILE
from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_contract import BogusContract
from webhook_kit.testing.contract import AdapterContract
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.rules import rules
from webhook_kit.testing.redis_server import RedisServer

SAID_ELSEWHERE = {
    "test_the_menu_is_sound",  # below: without a sound menu hardly anything else can be tried
    # Whatever the adapter is, the kit alone answers a duplicate; these two show that nothing gets past it, also below.
    "test_a_replay_gets_the_first_answer",
    "test_four_at_once_make_one_ticket",
}


class Dangling(BogusAdapter):
    def fetch_catalog(self, store: Store) -> CatalogSet:
        menu = super().fetch_catalog(store)
        del menu.items["cola"]
        return menu


@pytest.mark.parametrize("name", ["test_ids_stay_the_same", "bench", "_settled"])
def test_nothing_of_the_suites_own_can_be_overridden(name: str) -> None:
    own = {name: lambda *_: None}
    with pytest.raises(TypeError, match=f"Eager overrides {name}"):
        type("Eager", (BogusContract,), own)
    with pytest.raises(TypeError, match=f"Sly overrides {name}"):
        type("Sly", (type("Mixin", (), own), BogusContract), {})


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"test_no_such_thing": "because"}, "names test_no_such_thing, which is no test"),
        ({"test_ids_stay_the_same": " "}, "gives no reason for test_ids_stay_the_same"),
    ],
)
def test_a_known_failure_is_a_rule_with_a_reason(known: dict[str, str], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        type("Vague", (BogusContract,), {"known_failures": known})


def test_every_rule_says_what_it_protects_and_what_to_do() -> None:
    found = rules(AdapterContract)
    assert len(found) == len({rule.sentence for rule in found.values()})
    assert all(rule.protects and rule.remedy for rule in found.values())


def test_every_rule_is_broken_by_somebody() -> None:
    broken = set().union(*HOSTILE.values())
    assert broken | SAID_ELSEWHERE == set(rules(AdapterContract))


def fails(contract: type[AdapterContract], name: str, redis_server: RedisServer, directory: Path) -> str:
    vendor = contract()
    vendor.directory = directory
    with (
        ContractEnvironment(vendor, redis_server.url) as bench,
        pytest.raises((AssertionError, pytest.fail.Exception)) as failure,
    ):
        getattr(vendor, name)(bench)
    return str(failure.value)


def test_a_menu_that_dangles_is_found(redis_server: RedisServer, tmp_path: Path) -> None:
    contract = type("Contract", (BogusContract,), {"adapter": Dangling})
    assert "there is no item 'cola'" in fails(contract, "test_the_menu_is_sound", redis_server, tmp_path)


@pytest.mark.parametrize("name", ["test_a_replay_gets_the_first_answer", "test_four_at_once_make_one_ticket"])
def test_a_second_ticket_is_counted(name: str, redis_server: RedisServer, tmp_path: Path) -> None:
    class TwoTickets(BogusContract):
        adapter = BogusAdapter

        def tickets(self, store: Store):  # type: ignore[no-untyped-def]
            return [twin for ticket in super().tickets(store) for twin in (ticket, type(ticket)(f"{ticket.id}-2"))]

    assert "2 tickets were made, not 1" in fails(TwoTickets, name, redis_server, tmp_path)


def test_without_a_look_into_the_pos_nothing_is_proven(redis_server: RedisServer, tmp_path: Path) -> None:
    contract = type("Blind", (BogusContract,), {"tickets": AdapterContract.tickets})
    said = fails(contract, "test_an_order_becomes_one_ticket", redis_server, tmp_path)
    assert "Blind.tickets() is not defined: the suite cannot see what the POS has" in said
