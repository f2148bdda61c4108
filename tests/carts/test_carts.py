"""Drawn carts, judged by the kit and by the oracle; and faults that are planted in the kit, so that the oracle is seen to find them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from unittest.mock import ANY

import pytest

from tests.carts.cases import CARTS_PER_CATALOG, draw_cases
from tests.carts.compare import Comparison
from tests.carts.features import RULES, SHAPES, features
from tests.carts.oracle import judge
from tests.carts.plants import PLANTS, Plant
from tests.carts.run import describe, run
from webhook_kit.adapter import CatalogSet
from webhook_kit.catalog.unavailable import remove_items

SEED = 1
CARTS = 10_000
PARTS = 8
LEAST = 20
"""Carts with each rule and shape among the drawn ones."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_kit_and_oracle_decide_the_same(part: int) -> None:
    size = CARTS // PARTS
    report = run(SEED, range(part * size, (part + 1) * size))
    assert report.disagreements == []
    assert 0.3 < report.accepted / report.carts < 0.6


@pytest.mark.slow
def test_every_rule_is_broken_and_every_shape_is_accepted_often_enough() -> None:
    drawn: Counter[str] = Counter()
    for case in draw_cases(SEED, range(CARTS)):
        drawn.update(features(case, judge(case.situation, case.order)))
    assert {name: drawn[name] for name in [*RULES, *SHAPES] if drawn[name] < LEAST} == {}
    assert drawn.keys() == {*RULES, *SHAPES}


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_fault_is_found(plant: Plant) -> None:
    with plant.planted():
        comparison = Comparison()
        cases = draw_cases(SEED, range(CARTS))
        assert any(
            comparison.difference(case.situation, case.order, judge(case.situation, case.order)) for case in cases
        )


@pytest.mark.slow
def test_cart_of_a_catalog_without_the_items_that_have_run_out_costs_the_same_with_the_whole_catalog() -> None:
    """Gett has the catalog without them; carts are checked against the whole one."""
    accepted = 0
    for case in draw_cases(SEED, range(CARTS // 2)):
        situation = case.situation
        if situation.unavailable:
            published = remove_items(CatalogSet.model_validate(situation.catalog), situation.unavailable)
            if total := judge(replace(situation, catalog=published.to_wire(), unavailable=()), case.order).total:
                assert judge(situation, case.order) == ([], ANY, total), case.number
                accepted += 1
    assert accepted > 100


def test_a_cart_is_the_same_wherever_it_is_drawn() -> None:
    one = list(draw_cases(SEED, range(2 * CARTS_PER_CATALOG)))[-1]
    (again,) = draw_cases(SEED, range(one.number, one.number + 1))
    assert (again.situation, json.dumps(again.order)) == (one.situation, json.dumps(one.order))


@pytest.mark.slow
def test_a_disagreement_is_made_small() -> None:
    plant = next(one for one in PLANTS if one.name == "no maximum of a group")
    comparison = Comparison()
    with plant.planted():
        for case in draw_cases(SEED, range(CARTS)):
            if found := comparison.difference(case.situation, case.order, judge(case.situation, case.order)):
                break
        text = describe(case, found)
    assert f"python -m tests.carts --seed {SEED} --cart {case.number}" in text
    *_, order, catalog = text.splitlines()
    assert len(order) < 500
    assert len(json.loads(catalog.removeprefix("  catalog: "))["modifierGroups"]) <= 2
