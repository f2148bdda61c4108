"""The menu: sound, the same at every fetch, and all of it on sale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webhook_kit.adapter import CatalogSet
from webhook_kit.catalog.check import Severity, check
from webhook_kit.testing.carts import Line
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.hooks import ContractHooks

__all__ = ["CatalogTests"]

_TABLES = ("catalogs", "sections", "items", "modifierGroups")
_LINES_OF_AN_ORDER = 20


class CatalogTests(ContractHooks):
    """What a menu has to be."""

    def test_the_menu_is_sound(self, bench: ContractEnvironment) -> None:
        """The menu breaks no rule of the catalog.

        Protects: the whole menu: Gett's ingestion fails on one dangling reference.
        If it fails: mend what fetch_catalog() returns, at the JSON paths below (webhook-kit catalog check says the same).
        """
        errors = [finding for finding in check(bench.catalog) if finding.severity is Severity.ERROR]
        assert not errors, "\n".join(f"{finding} ({finding.hint})" for finding in errors)

    def test_ids_stay_the_same(self, bench: ContractEnvironment) -> None:
        """Two fetches give the same ids.

        Protects: carts that customers filled before the second fetch.
        If it fails: take every id from the POS, or derive it from one that is; never from a counter, the time or a uuid4.
        """
        first, second = _entities(bench.catalog), _entities(bench.adapter.fetch_catalog(bench.store))
        assert first.keys() == second.keys(), f"ids of one fetch only: {sorted(first.keys() ^ second.keys())}"

    def test_the_menu_is_deterministic(self, bench: ContractEnvironment) -> None:
        """Two fetches of an unchanged menu are equal, the order of sections, items and options included.

        Protects: Gett's ingestion, which would be told of a new menu every few minutes.
        If it fails: sort what the POS returns without an order, and put nothing into the menu that changes by itself.
        """
        first, second = _entities(bench.catalog), _entities(bench.adapter.fetch_catalog(bench.store))
        if first.keys() != second.keys():
            bench.skip("the ids change from fetch to fetch, which is another rule's")
        changed = [key for key in first if first[key] != second[key]]
        assert not changed, "\n".join(f"{key}: {first[key]} became {second[key]}" for key in sorted(changed))

    def test_everything_on_the_menu_can_be_ordered(self, bench: ContractEnvironment) -> None:
        """Every item and every option is accepted by validateOrder and by placeOrder.

        Protects: customers who choose what is on the menu and cannot have it.
        If it fails: map every option to the POS, or leave it off the menu; name what is never for sale in leave_out.
        """
        for some in _batches(bench):
            names = [found for found, _ in some]
            answer = bench.validate(bench.order(*(one for _, one in some)))
            assert answer.valid, f"not accepted, of {names}: {answer}"
            answer = bench.place(bench.validated(bench.order(*(one for _, one in some))))
            assert answer.status == 200, f"not placed, of {names}: {answer}"


def _entities(catalog: CatalogSet) -> dict[tuple[str, str], dict[str, Any]]:
    wire = catalog.to_wire()
    return {(table, key): entity for table in _TABLES for key, entity in wire.get(table, {}).items()}


def _batches(bench: ContractEnvironment) -> Iterator[list[tuple[str, Line]]]:
    ways = list(bench.menu.ways())
    for start in range(0, len(ways), _LINES_OF_AN_ORDER):
        yield ways[start : start + _LINES_OF_AN_ORDER]
