from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from webhook_kit.gett.models.catalog import AvailabilityWindow, ExternalCatalogSet, ExternalItem, ExternalModifierGroup


def test_catalog_is_written_as_it_was_read() -> None:
    document = {
        "catalogSetId": "v1",
        "storeId": "s",
        "catalogs": {
            "c": {
                "catalogId": "c",
                "name": "Lunch",
                "sectionIds": ["x"],
                "availability": [{"dayOfWeek": "Sunday", "start": "11:00:00", "end": "00:00:00"}],
            }
        },
        "sections": {"x": {"sectionId": "x", "name": "Soup", "itemIds": ["i"], "sectionIds": []}},
        "items": {
            "i": {"itemId": "i", "name": "Ramen", "basePrice": 12.5, "startingAt": 10.25, "modifierGroupIds": ["g"]}
        },
        "modifierGroups": {
            "g": {
                "modifierGroupId": "g",
                "name": "Egg",
                "itemIds": ["o"],
                "minimumAllowed": 0,
                "maximumAllowed": 2,
                "defaultItems": [{"itemId": "o", "quantity": 1}],
                "enableDuplicateItems": True,
                "tiers": [{"offset": 1, "price": 0.75}],
            }
        },
    }
    assert json.loads(ExternalCatalogSet.from_json(json.dumps(document)).to_json()) == document


def test_null_lists_are_empty() -> None:
    assert (
        ExternalItem.from_json(b'{"itemId":"i","name":"n","basePrice":1,"modifierGroupIds":null}').modifier_group_ids
        == []
    )


@pytest.mark.parametrize(
    "window",
    [
        {"dayOfWeek": "monday", "start": "10:00:00", "end": "11:00:00"},
        {"dayOfWeek": "Monday", "start": 36000, "end": "11:00:00"},
        {"dayOfWeek": "Monday", "start": "10:00:00", "end": "24:00:00"},
        {"dayOfWeek": "Monday", "start": "10:00:00"},
    ],
)
def test_invalid_window_is_rejected(window: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AvailabilityWindow.from_json(json.dumps(window))


def test_opening_hours_with_a_zone_are_rejected() -> None:
    with pytest.raises(ValidationError, match="must not have a time zone"):
        AvailabilityWindow.from_json(b'{"dayOfWeek": "Monday", "start": "10:00:00Z", "end": "11:00:00"}')


@pytest.mark.parametrize("price", ['"12.50"', "true", "null", "NaN", "1e10"])
def test_price_that_is_not_a_number_is_rejected(price: str) -> None:
    with pytest.raises(ValidationError):
        ExternalItem.from_json(f'{{"itemId": "i", "name": "n", "basePrice": {price}}}')


def test_group_without_maximum_is_rejected() -> None:
    with pytest.raises(ValidationError, match="maximumAllowed"):
        ExternalModifierGroup.from_json(b'{"modifierGroupId": "g", "name": "n"}')
