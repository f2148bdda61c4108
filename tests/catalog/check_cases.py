"""Catalogs that violate one rule each, and variants that violate none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.catalog.cafe_catalog import Wire, cafe, daily, group, item, section
from webhook_kit.catalog.check import MAX_MODIFIER_LEVELS, CatalogRule, Finding, check
from webhook_kit.gett.models.catalog import ExternalCatalogSet


def clean() -> Wire:
    """Return the café's catalog with its tiers in order, so that it has no findings."""
    wire = cafe()
    wire["modifierGroups"]["syrup"]["tiers"].reverse()
    return wire


def findings(wire: Wire) -> list[Finding]:
    return check(ExternalCatalogSet.model_validate(wire))


def change(table: str, key: str, **members: Any) -> Callable[[Wire], None]:
    def apply(wire: Wire) -> None:
        wire[table][key] |= members

    return apply


def add(table: str, key: str, value: Wire) -> Callable[[Wire], None]:
    def apply(wire: Wire) -> None:
        wire[table][key] = value

    return apply


def window(day: str, start: str, end: str) -> Wire:
    return {"dayOfWeek": day, "start": start, "end": end}


def tier(offset: int, price: float) -> Wire:
    return {"offset": offset, "price": price}


def empty(wire: Wire) -> None:
    wire.clear()


def all_in_cents(wire: Wire) -> None:
    for one in wire["items"].values():
        one["basePrice"] *= 100
    for one in wire["modifierGroups"]["syrup"]["tiers"]:
        one["price"] *= 100


def two_bakeries(wire: Wire) -> None:
    """Add a second section "Bakery" to the catalog, with what is not in the first one."""
    wire["sections"]["more"] = section("more", ["muffin"]) | {"name": "Bakery"}
    wire["catalogs"]["morning"]["sectionIds"].append("more")


def deep(wire: Wire) -> None:
    wire["items"]["muffin"]["modifierGroupIds"] = ["level-1"]
    for level in range(1, MAX_MODIFIER_LEVELS + 2):
        wire["modifierGroups"][f"level-{level}"] = group(f"level-{level}", [f"option-{level}"], 0, 1)
        below = [f"level-{level + 1}"] if level <= MAX_MODIFIER_LEVELS else []
        wire["items"][f"option-{level}"] = item(f"option-{level}", 0, *below)


MILK, SYRUP, LATTE, DAY = (
    "$.modifierGroups['milk']",
    "$.modifierGroups['syrup']",
    "$.items['latte']",
    "$.catalogs['day']",
)


TWICE = {"enableDuplicateItems": True}


VIOLATIONS: list[tuple[CatalogRule, Callable[[Wire], None], str]] = [
    (CatalogRule.KEY_IS_NOT_ID, change("items", "muffin", itemId="cake"), "$.items['muffin'].itemId"),
    (CatalogRule.DANGLING_REFERENCE, change("catalogs", "day", sectionIds=["drinks", "?"]), f"{DAY}.sectionIds[1]"),
    (CatalogRule.DANGLING_REFERENCE, change("sections", "hot", itemIds=["?", "latte"]), "$.sections['hot'].itemIds[0]"),
    (CatalogRule.DANGLING_REFERENCE, change("sections", "hot", sectionIds=["?"]), "$.sections['hot'].sectionIds[0]"),
    (CatalogRule.DANGLING_REFERENCE, change("items", "muffin", modifierGroupIds=["?"]), "$.items['muffin'].modifierGroupIds[0]"),
    (CatalogRule.DANGLING_REFERENCE, change("modifierGroups", "milk", itemIds=["whole", "oat", "?"]), f"{MILK}.itemIds[2]"),
    (CatalogRule.DUPLICATE_REFERENCE, change("catalogs", "day", sectionIds=["drinks", "drinks"]), f"{DAY}.sectionIds[1]"),
    (CatalogRule.DUPLICATE_REFERENCE, change("sections", "hot", itemIds=["latte"] * 2), "$.sections['hot'].itemIds[1]"),
    (CatalogRule.DUPLICATE_REFERENCE, change("sections", "drinks", sectionIds=["hot"] * 2), "$.sections['drinks'].sectionIds[1]"),
    (CatalogRule.DUPLICATE_REFERENCE, change("items", "oat", modifierGroupIds=["froth"] * 2), "$.items['oat'].modifierGroupIds[1]"),
    (CatalogRule.DUPLICATE_REFERENCE, change("modifierGroups", "milk", itemIds=["whole", "oat", "oat"]), f"{MILK}.itemIds[2]"),
    (CatalogRule.SECTION_CYCLE, change("sections", "hot", sectionIds=["drinks"]), "$.sections['hot'].sectionIds[0]"),
    (CatalogRule.MODIFIER_CYCLE, change("items", "warm", modifierGroupIds=["milk"]), "$.items['warm'].modifierGroupIds[0]"),
    (CatalogRule.MODIFIERS_TOO_DEEP, deep, "$.items['muffin']"),
    (CatalogRule.UNREACHABLE, add("sections", "unused", section("unused", ["latte"])), "$.sections['unused']"),
    (CatalogRule.UNREACHABLE, add("items", "unused", item("unused", 1)), "$.items['unused']"),
    (CatalogRule.UNREACHABLE, add("modifierGroups", "unused", group("unused", ["oat"], 0, 1)), "$.modifierGroups['unused']"),
    (CatalogRule.NOTHING_ON_SALE, empty, "$.catalogs"),
    (CatalogRule.MINIMUM_ABOVE_MAXIMUM, change("modifierGroups", "milk", minimumAllowed=2), f"{MILK}.minimumAllowed"),
    (CatalogRule.NEGATIVE_BOUND, change("modifierGroups", "milk", minimumAllowed=-1), f"{MILK}.minimumAllowed"),
    (CatalogRule.NEGATIVE_BOUND, change("modifierGroups", "milk", maximumAllowed=-1), f"{MILK}.maximumAllowed"),
    (CatalogRule.NEGATIVE_BOUND, change("modifierGroups", "syrup", maximumAllowed=-1, defaultItems=[{"itemId": "vanilla"}]), f"{SYRUP}.maximumAllowed"),
    (CatalogRule.MINIMUM_ABOVE_MAXIMUM, change("modifierGroups", "milk", maximumAllowed=0), f"{MILK}.minimumAllowed"),
    (CatalogRule.NOTHING_TO_CHOOSE, change("modifierGroups", "syrup", maximumAllowed=0, tiers=None), SYRUP),
    (CatalogRule.TOO_FEW_OPTIONS, change("modifierGroups", "milk", minimumAllowed=3, maximumAllowed=3), f"{MILK}.itemIds"),
    (
        CatalogRule.DEFAULT_NOT_AN_OPTION,
        change("modifierGroups", "milk", defaultItems=[{"itemId": "vanilla"}]),
        f"{MILK}.defaultItems[0].itemId",
    ),
    (
        CatalogRule.DEFAULTS_OUT_OF_BOUNDS,
        change("modifierGroups", "milk", defaultItems=[{"itemId": "oat"}, {"itemId": "whole"}]),
        f"{MILK}.defaultItems",
    ),
    (
        CatalogRule.DEFAULT_REPEATED,
        change("modifierGroups", "milk", maximumAllowed=2, defaultItems=[{"itemId": "oat"}, {"itemId": "oat"}]),
        f"{MILK}.defaultItems[1]",
    ),
    (CatalogRule.TIERS_WITHOUT_ZERO, change("modifierGroups", "syrup", tiers=[tier(1, 1)]), f"{SYRUP}.tiers"),
    (CatalogRule.TIERS_WITHOUT_ZERO, change("modifierGroups", "syrup", tiers=[]), f"{SYRUP}.tiers"),
    (CatalogRule.TIER_REPEATED, change("modifierGroups", "syrup", tiers=[tier(0, 1), tier(0, 2)]), f"{SYRUP}.tiers[1].offset"),
    (CatalogRule.TIERS_UNSORTED, change("modifierGroups", "syrup", tiers=[tier(2, 1), tier(0, 2)]), f"{SYRUP}.tiers"),
    (CatalogRule.TIER_NEVER_USED, change("modifierGroups", "syrup", tiers=[tier(0, 1), tier(4, 2)]), f"{SYRUP}.tiers[1].offset"),
    (CatalogRule.TIER_NEVER_USED, change("modifierGroups", "syrup", tiers=[tier(-1, 1), tier(0, 2)]), f"{SYRUP}.tiers[0].offset"),
    (CatalogRule.INEXACT_PRICE, change("items", "muffin", basePrice=2.495), "$.items['muffin'].basePrice"),
    (CatalogRule.INEXACT_PRICE, change("items", "oat", startingAt=2.495), "$.items['oat'].startingAt"),
    (CatalogRule.INEXACT_PRICE, change("items", "oat", compareAt=0.001), "$.items['oat'].compareAt"),
    (CatalogRule.INEXACT_PRICE, change("modifierGroups", "syrup", tiers=[tier(0, 0.125)]), f"{SYRUP}.tiers[0].price"),
    (CatalogRule.PRICE_IN_CENTS, change("items", "muffin", basePrice=225), "$.items['muffin'].basePrice"),
    (CatalogRule.PRICE_IN_CENTS, change("items", "oat", basePrice=15500), "$.items['oat'].basePrice"),
    (CatalogRule.PRICE_IN_CENTS, change("items", "latte", compareAt=450), f"{LATTE}.compareAt"),
    (CatalogRule.PRICE_IN_CENTS, change("items", "latte", startingAt=350), f"{LATTE}.startingAt"),
    (CatalogRule.PRICE_IN_CENTS, change("modifierGroups", "syrup", tiers=[tier(0, 0.5), tier(2, 125)]), f"{SYRUP}.tiers[1].price"),
    (CatalogRule.PRICE_IN_CENTS, all_in_cents, "$.items['latte'].basePrice"),
    (CatalogRule.NEGATIVE_PRICE, change("items", "muffin", basePrice=-0.01), "$.items['muffin'].basePrice"),
    (CatalogRule.NEGATIVE_PRICE, change("items", "oat", compareAt=-1), "$.items['oat'].compareAt"),
    (CatalogRule.NEGATIVE_OPTION_PRICE, change("items", "whole", basePrice=-0.5), "$.items['whole'].basePrice"),
    (CatalogRule.NEGATIVE_OPTION_PRICE, change("modifierGroups", "syrup", tiers=[tier(0, -1)]), f"{SYRUP}.tiers[0].price"),
    (CatalogRule.STARTING_AT_TOO_LOW, change("items", "iced", startingAt=0.09), "$.items['iced'].startingAt"),
    (
        CatalogRule.WINDOW_OVER_MIDNIGHT,
        change("catalogs", "day", availability=[*daily("07:00:00", "19:00:00"), window("Friday", "22:00:00", "02:00:00")]),
        f"{DAY}.availability[7]",
    ),
    (CatalogRule.WINDOW_OVER_MIDNIGHT, change("catalogs", "day", availability=[window("Friday", "22:00:00", "02:00:00")]), f"{DAY}.availability[0]"),
    (CatalogRule.EMPTY_WINDOW, change("catalogs", "day", availability=[window("Friday", "10:00:00", "10:00:00")]), f"{DAY}.availability[0]"),
    (CatalogRule.ENDS_BEFORE_MIDNIGHT, change("catalogs", "day", availability=[window("Friday", "00:00:00", "23:59:59")]), f"{DAY}.availability[0].end"),
    (CatalogRule.ENDS_BEFORE_MIDNIGHT, change("catalogs", "day", availability=[window("Friday", "23:00:00", "23:59:00")]), f"{DAY}.availability[0].end"),
    (
        CatalogRule.WINDOWS_OVERLAP,
        change("catalogs", "day", availability=[window("Friday", "12:00:00", "00:00:00"), window("Friday", "23:59:59", "00:00:00")]),
        f"{DAY}.availability[1]",
    ),
    (CatalogRule.NEVER_OPEN, change("catalogs", "day", availability=None), f"{DAY}.availability"),
    (CatalogRule.NEVER_OPEN, change("catalogs", "day", availability=[]), f"{DAY}.availability"),
    (CatalogRule.BLANK_NAME, change("catalogs", "day", name=""), f"{DAY}.name"),
    (CatalogRule.BLANK_NAME, change("sections", "hot", name=" \t"), "$.sections['hot'].name"),
    (CatalogRule.BLANK_NAME, change("items", "oat", name="\u00a0"), "$.items['oat'].name"),
    (CatalogRule.BLANK_NAME, change("modifierGroups", "milk", name=""), f"{MILK}.name"),
    (CatalogRule.EQUAL_NAMES, change("items", "caramel", name=" vanilla"), f"{SYRUP}.itemIds[1]"),
    (CatalogRule.EQUAL_NAMES, change("modifierGroups", "syrup", name="Milk"), f"{LATTE}.modifierGroupIds[1]"),
    (CatalogRule.EQUAL_NAMES, change("catalogs", "morning", name="DAY"), "$.catalogs['morning']"),
    (CatalogRule.EQUAL_NAMES, two_bakeries, "$.catalogs['morning'].sectionIds[1]"),
    (CatalogRule.MARKUP_IN_TEXT, change("items", "oat", name="Oat &amp; rice"), "$.items['oat'].name"),
    (CatalogRule.MARKUP_IN_TEXT, change("items", "oat", description="From <b>oats</b>"), "$.items['oat'].description"),
    (CatalogRule.MARKUP_IN_TEXT, change("sections", "hot", name="Hot<br/>"), "$.sections['hot'].name"),
    (CatalogRule.CONTROL_CHARACTER, change("items", "oat", name="\u202etaO"), "$.items['oat'].name"),
    (CatalogRule.CONTROL_CHARACTER, change("items", "oat", name="Oat\n"), "$.items['oat'].name"),
    (CatalogRule.CONTROL_CHARACTER, change("items", "oat", description="Oat\x1b[2J"), "$.items['oat'].description"),
    (CatalogRule.CONTROL_CHARACTER, change("modifierGroups", "milk", name="Mi\ufffdk"), f"{MILK}.name"),
    (CatalogRule.MISSPELLED_MEMBER, change("items", "muffin", modifierGroupsIds=["milk"]), "$.items['muffin'].modifierGroupsIds"),
    (CatalogRule.MISSPELLED_MEMBER, change("modifierGroups", "milk", minAllowed=1), f"{MILK}.minAllowed"),
    (CatalogRule.MISSPELLED_MEMBER, change("modifierGroups", "milk", enableDuplicates=True), f"{MILK}.enableDuplicates"),
    (CatalogRule.MISSPELLED_MEMBER, change("modifierGroups", "milk", defaultItem="oat"), f"{MILK}.defaultItem"),
    (CatalogRule.MISSPELLED_MEMBER, change("modifierGroups", "syrup", tiers=[tier(0, 1) | {"Price": 2}]), f"{SYRUP}.tiers[0].Price"),
    (CatalogRule.FOREIGN_MEMBER, change("items", "oat", soldOut=True), "$.items['oat'].soldOut"),
    (CatalogRule.FOREIGN_MEMBER, change("items", "oat", is_available=False), "$.items['oat'].is_available"),
    (CatalogRule.FOREIGN_MEMBER, change("items", "oat", status="SOLD_OUT"), "$.items['oat'].status"),
    (CatalogRule.FOREIGN_MEMBER, change("modifierGroups", "milk", max_choices=1), f"{MILK}.max_choices"),
    (CatalogRule.FOREIGN_MEMBER, change("modifierGroups", "milk", isRequired=True), f"{MILK}.isRequired"),
    (CatalogRule.FOREIGN_MEMBER, change("catalogs", "day", holidays=[]), f"{DAY}.holidays"),
    (CatalogRule.IMAGE_NOT_HTTPS, change("items", "oat", imageUrl="http://cdn.example/oat.jpg"), "$.items['oat'].imageUrl"),
    (CatalogRule.IMAGE_NOT_HTTPS, change("items", "oat", imageUrl="https:///oat.jpg"), "$.items['oat'].imageUrl"),
    (CatalogRule.IMAGE_NOT_HTTPS, change("items", "oat", imageUrl="https://[oat.jpg"), "$.items['oat'].imageUrl"),
]  # fmt: skip


VALID: list[Callable[[Wire], None]] = [
    change("modifierGroups", "milk", minimumAllowed=5, maximumAllowed=12, **TWICE),  # a dozen of two kinds
    change("modifierGroups", "syrup", defaultItems=[{"itemId": "vanilla", "quantity": 4}]),
    change("modifierGroups", "milk", defaultItems=[{"itemId": "oat", "quantity": None}]),
    change("modifierGroups", "syrup", tiers=[tier(0, 0), tier(3, 1)]),
    change("items", "latte", startingAt=3.5),
    change("items", "latte", startingAt=4),  # can be had, as the latte with oat milk
    change("items", "latte", compareAt=0),
    change("items", "oat", imageUrl="https://cdn.example/oat.jpg?width=400"),
    change("catalogs", "day", availability=[window("Friday", "22:00:00", "00:00:00"), window("Saturday", "00:00:00", "02:00:00")]),
    change("catalogs", "day", availability=[window("Friday", "07:00:00", "12:00:00"), window("Friday", "12:00:00", "13:00:00")]),
    change("catalogs", "day", availability=[window("Friday", "00:00:00", "00:00:00")]),
    change("catalogs", "day", availability=[window("Friday", "00:00:00", "23:58:00")]),
    change("items", "oat", name="Oat < rice & R&D; <3", description="Two lines\r\nand a tab\t"),
    change("items", "oat", name="Crème brûlée 🧑\u200d🍳 ليمون"),
    change("items", "oat", vendorCode="x", x_note=1, sku_hint=[]),
    change("items", "muffin", basePrice=99),
    change("items", "muffin", basePrice=67),
    change("items", "muffin", basePrice=1000.5),
    change("items", "oat", name="Latte"),  # a drink and a kind of milk are not side by side
    change("sections", "bakery", sectionIds=["hot"]),  # two ways to one section
]  # fmt: skip
