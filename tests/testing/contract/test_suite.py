"""The contract suite itself: no rule can be overridden, and every rule has a statement, a purpose and a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.contract.hostile import HOSTILE_ADAPTERS
from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_contract import BogusContract
from webhook_kit.testing.contract import AdapterContract
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.rules import rules
from webhook_kit.testing.redis_server import RedisServer

BROKEN_BELOW = {
    "test_catalog_is_valid",  # an adapter without a valid catalog fails nearly every other test as well
    # The kit answers duplicates without the adapter, so an adapter cannot break these two.
    "test_duplicate_gets_the_first_response",
    "test_concurrent_duplicates_create_one_ticket",
    "test_ticket_ids_are_not_used_again",  # needs a POS that uses ids again: test_suite_ids.py
    "test_retry_after_gateway_timeout_creates_no_second_ticket",  # needs a POS with HTTP: test_suite_http.py
}


class InvalidCatalog(BogusAdapter):
    def fetch_catalog(self, store: Store) -> CatalogSet:
        catalog = super().fetch_catalog(store)
        del catalog.items["cola"]
        return catalog


@pytest.mark.parametrize("name", ["test_catalog_ids_are_stable", "env"])
def test_tests_and_environment_cannot_be_overridden(name: str) -> None:
    attributes = {name: lambda *_: None}
    with pytest.raises(TypeError, match=f"Direct overrides {name}"):
        type("Direct", (BogusContract,), attributes)
    with pytest.raises(TypeError, match=f"ByMixin overrides {name}"):
        type("ByMixin", (type("Mixin", (), attributes), BogusContract), {})


@pytest.mark.parametrize(
    ("known_failures", "message"),
    [
        ({"test_no_such_thing": "because"}, "contains test_no_such_thing, which is not a test"),
        ({"test_catalog_ids_are_stable": " "}, "gives no reason for test_catalog_ids_are_stable"),
    ],
)
def test_a_known_failure_needs_an_existing_test_and_a_reason(known_failures: dict[str, str], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        type("Contract", (BogusContract,), {"known_failures": known_failures})


def test_every_rule_has_a_statement_a_purpose_and_a_remedy() -> None:
    contract_rules = rules(AdapterContract)
    assert len(contract_rules) == len({rule.statement for rule in contract_rules.values()})
    assert all(rule.protects and rule.remedy for rule in contract_rules.values())


def test_every_rule_is_broken_by_a_hostile_adapter() -> None:
    broken = set().union(*HOSTILE_ADAPTERS.values())
    assert broken | BROKEN_BELOW == set(rules(AdapterContract))


def failure(contract: type[AdapterContract], name: str, redis_server: RedisServer, directory: Path) -> str:
    """Run one contract test, which has to fail, and return its message."""
    hooks = contract()
    hooks.directory = directory
    with (
        ContractEnvironment(hooks, redis_server.url) as env,
        pytest.raises((AssertionError, pytest.fail.Exception)) as raised,
    ):
        getattr(hooks, name)(env)
    return str(raised.value)


def test_an_invalid_catalog_is_found(redis_server: RedisServer, tmp_path: Path) -> None:
    contract = type("Contract", (BogusContract,), {"adapter": InvalidCatalog})
    assert "there is no item 'cola'" in failure(contract, "test_catalog_is_valid", redis_server, tmp_path)


@pytest.mark.parametrize(
    "name", ["test_duplicate_gets_the_first_response", "test_concurrent_duplicates_create_one_ticket"]
)
def test_a_second_ticket_is_counted(name: str, redis_server: RedisServer, tmp_path: Path) -> None:
    class TwoTickets(BogusContract):
        adapter = BogusAdapter

        def tickets(self, store: Store):  # type: ignore[no-untyped-def]
            return [twin for ticket in super().tickets(store) for twin in (ticket, type(ticket)(f"{ticket.id}-2"))]

    assert "the POS created 2 tickets, expected 1" in failure(TwoTickets, name, redis_server, tmp_path)


def test_a_contract_without_tickets_fails(redis_server: RedisServer, tmp_path: Path) -> None:
    contract = type("NoTickets", (BogusContract,), {"tickets": AdapterContract.tickets})
    message = failure(contract, "test_order_becomes_one_ticket", redis_server, tmp_path)
    assert "NoTickets.tickets() is not defined: the suite cannot read the POS's tickets" in message
