"""Contract tests of the catalog: valid, the same at every fetch, and orderable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webhook_kit.adapter import CatalogSet
from webhook_kit.catalog.check import Severity, check
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.hooks import ContractHooks
from webhook_kit.testing.orderable import CartLine

__all__ = ["CatalogTests"]

_TABLES = ("catalogs", "sections", "items", "modifierGroups")
_LINES_PER_ORDER = 20


class CatalogTests(ContractHooks):
    """Rules for ``fetch_catalog``."""

    def test_catalog_is_valid(self, env: ContractEnvironment) -> None:
        """The catalog breaks no catalog rule.

        Protects: the whole catalog: Gett rejects all of it because of one reference to a missing entity.
        If it fails: correct what fetch_catalog() returns at the JSON paths below; `webhook-kit catalog check` reports the same.
        """
        errors = [finding for finding in check(env.catalog) if finding.severity is Severity.ERROR]
        assert not errors, "\n".join(f"{finding} ({finding.hint})" for finding in errors)

    def test_catalog_ids_are_stable(self, env: ContractEnvironment) -> None:
        """Two fetches return the same ids.

        Protects: carts that customers filled before the second fetch.
        If it fails: use the POS's ids, or derive ids from them; do not use a counter, the time or uuid4().
        """
        first, second = _entities(env.catalog), _entities(env.adapter.fetch_catalog(env.store))
        assert first.keys() == second.keys(), f"ids in one fetch only: {sorted(first.keys() ^ second.keys())}"

    def test_catalog_is_deterministic(self, env: ContractEnvironment) -> None:
        """Two fetches of an unchanged catalog are equal, including the order of sections, items and options.

        Protects: Gett's ingestion, which would otherwise receive a changed catalog every few minutes.
        If it fails: sort lists that the POS returns in no fixed order, and leave out values that change by themselves.
        """
        first, second = _entities(env.catalog), _entities(env.adapter.fetch_catalog(env.store))
        if first.keys() != second.keys():
            env.skip("the ids change between fetches; test_catalog_ids_are_stable reports it")
        changed = [key for key in first if first[key] != second[key]]
        assert not changed, "\n".join(f"{key}: {first[key]} became {second[key]}" for key in sorted(changed))

    def test_every_catalog_item_can_be_ordered(self, env: ContractEnvironment) -> None:
        """Every item and every option is accepted by validateOrder and placeOrder.

        Protects: customers, who would otherwise choose items that they cannot get.
        If it fails: map every option to the POS or remove it from the catalog; list ids that are never for sale in leave_out.
        """
        for batch in _batches(env):
            item_ids = [item_id for item_id, _ in batch]
            response = env.validate(env.order(*(line for _, line in batch)))
            assert response.valid, f"validateOrder rejected an order of {item_ids}: {response}"
            response = env.place(env.validated_order(env.order(*(line for _, line in batch))))
            assert response.status == 200, f"placeOrder rejected an order of {item_ids}: {response}"


def _entities(catalog: CatalogSet) -> dict[tuple[str, str], dict[str, Any]]:
    wire = catalog.to_wire()
    return {(table, key): entity for table in _TABLES for key, entity in wire.get(table, {}).items()}


def _batches(env: ContractEnvironment) -> Iterator[list[tuple[str, CartLine]]]:
    examples = list(env.orderable.example_lines())
    for start in range(0, len(examples), _LINES_PER_ORDER):
        yield examples[start : start + _LINES_PER_ORDER]
