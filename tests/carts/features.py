"""Names the rules that a drawn cart breaks and the shapes that an accepted one has, so that it is seen if none of a kind is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.carts.cases import Case
from tests.carts.damage import all_lines
from tests.carts.oracle import Situation, Verdict, entries_of, is_open, items_of, money, pieces, selected_of

Wire = dict[str, Any]

RULES = [
    *["nested too deeply", "empty cart", "store closed", "catalog of another store", "lines under another name"],
    *[
        "fulfillment type not offered",
        "delivery without deliveryInfo",
        "delivery without address",
        "address incomplete",
    ],
    *["tip is not the sum of its description", "price below nothing", "price too high"],
    *["unknown item", "not sold on its own", "item out of hours", "item has run out", "option has run out"],
    *["foreign group", "foreign option", "required group absent", "group below its minimum", "group above its maximum"],
    *["option repeated", "option repeated by its quantity", "options under another name"],
    *["malformed fulfillmentType", "malformed storeId", "malformed lineItems", "malformed tip"],
    *["malformed itemId", "malformed quantity", "malformed modifierGroupId"],
]
"""Every rule of the oracle."""

SHAPES = [
    *[
        "refused: by two rules or more",
        "refused: two levels below a line",
        "refused: an item that requires what has run out",
    ],
    *["refused: one above its maximum", "refused: one below its minimum", "refused: at the end of a window"],
    *[
        "accepted: several lines",
        "accepted: one item on two lines",
        "accepted: 9,999 pieces",
        "accepted: without a quantity",
    ],
    *[
        "accepted: no modifiers",
        "accepted: one level",
        "accepted: two levels",
        "accepted: three levels",
        "accepted: four levels",
    ],
    *["accepted: group at its minimum", "accepted: group at its maximum", "accepted: optional group left out"],
    *["accepted: entry without a selection", "accepted: group in two entries", "accepted: group of two items"],
    *[
        "accepted: option repeated",
        "accepted: item as line and as option",
        "accepted: pieces of an option with options",
    ],
    *["accepted: tier", "accepted: later tier", "accepted: selection over two tiers", "accepted: tiers unsorted"],
    *["accepted: tier below an option", "accepted: tiered group in two entries", "accepted: options below a tier"],
    *["accepted: negative price", "accepted: price with noise", "accepted: with a tip"],
    *[
        "accepted: other items have run out",
        "accepted: one of two catalogs is closed",
        "accepted: section in a section",
    ],
    *[
        "accepted: delivery",
        "accepted: other type",
        "accepted: at the start of a window",
        "accepted: just before an end",
    ],
    *["accepted: last second of a day", "accepted: hour that is repeated", "accepted: on a day of clock change"],
    *["accepted: another weekday than in UTC", "accepted: unknown member"],
]
"""Shapes that have to be drawn."""


def features(case: Case, verdict: Verdict) -> set[str]:
    """Return the rules that a cart breaks and the shapes that it has."""
    found = {complaint.rule for complaint in verdict.complaints}
    if not found:
        return {f"accepted: {each}" for each in _accepted(case.situation, case.order)}
    return found | {f"refused: {each}" for each in _refused(case, verdict)}


def _refused(case: Case, verdict: Verdict) -> Iterator[str]:
    rules = {complaint.rule for complaint in verdict.complaints}
    if len(rules) > 1:
        yield "by two rules or more"
    if any((complaint.path or "").count("selectedModifiers") >= 2 for complaint in verdict.complaints):
        yield "two levels below a line"
    if any("run out" in each.rule and each.item_id not in case.situation.unavailable for each in verdict.complaints):
        yield "an item that requires what has run out"
    if rules == {"store closed"} and _is_window_edge(case.situation, "end", timedelta()):
        yield "at the end of a window"
    if rules <= {"group above its maximum", "group below its minimum"} and len(verdict.complaints) == 1:
        for line in all_lines(case.order):
            for group, entries in _groups_of(case.situation, line):
                excess = _count(entries) - group["maximumAllowed"], group["minimumAllowed"] - _count(entries)
                if entries and 1 in excess:
                    yield "one above its maximum" if excess[0] == 1 else "one below its minimum"


def _accepted(situation: Situation, order: Wire) -> Iterator[str]:
    lines = order["cart"]["lineItems"]
    yield from _of_order(situation, order)
    yield from _of_moment(situation)
    depth = max(map(_depth, lines))
    yield ["no modifiers", "one level", "two levels", "three levels", "four levels"][min(depth, 4)]
    groups: dict[str, set[str]] = {}
    ordered = {line["itemId"] for line in lines}
    for line in all_lines(order):
        if line.get("quantity") is None:
            yield "without a quantity"
        if line.keys() - {"itemId", "lineItemId", "quantity", "modifierGroups"}:
            yield "unknown member"
        price = situation.catalog["items"][line["itemId"]]["basePrice"]
        if price < 0:
            yield "negative price"
        if money(price) != money(round(price, 12)) or len(str(price)) > 12:
            yield "price with noise"
        for group, entries in _groups_of(situation, line):
            groups.setdefault(group["modifierGroupId"], set()).add(line["itemId"])
            yield from _of_group(group, entries)
            if _count(entries) and group.get("tiers") and all(line is not each for each in lines):
                yield "tier below an option"
            if any(one["itemId"] in ordered for entry in entries for one in selected_of(entry)):
                yield "item as line and as option"
    if any(len(items) > 1 for items in groups.values()):
        yield "group of two items"


def _of_order(situation: Situation, order: Wire) -> Iterator[str]:
    lines = order["cart"]["lineItems"]
    if len(lines) > 1:
        yield "several lines"
    if len({line["itemId"] for line in lines}) < len(lines):
        yield "one item on two lines"
    if any(pieces(line) == 9_999 for line in lines):
        yield "9,999 pieces"
    if (order.get("amounts") or {}).get("tip"):
        yield "with a tip"
    if order["fulfillmentType"] != "Pickup":
        yield "delivery" if order["fulfillmentType"] == "DeliveryByMerchant" else "other type"
    if situation.unavailable:
        yield "other items have run out"
    catalogs = situation.catalog["catalogs"].values()
    for line in lines:
        own = [one for one in catalogs if line["itemId"] in items_of(situation.catalog, one)]
        if len({is_open(one["availability"], situation.at, situation.zone) for one in own}) > 1:
            yield "one of two catalogs is closed"
        direct = {section_id for one in own for section_id in one["sectionIds"]}
        if all(line["itemId"] not in situation.catalog["sections"][each]["itemIds"] for each in direct):
            yield "section in a section"


def _of_group(group: Wire, entries: list[Wire]) -> Iterator[str]:
    count = _count(entries)
    if not entries:
        yield "optional group left out"
        return
    if not count:
        yield "entry without a selection"
    if count == group["minimumAllowed"] > 0:
        yield "group at its minimum"
    if count == group["maximumAllowed"] > 1:
        yield "group at its maximum"
    if len(entries) > 1:
        yield "group in two entries"
    chosen = [one for entry in entries for one in selected_of(entry)]
    if len({one["itemId"] for one in chosen}) < count:
        yield "option repeated"
    if any(pieces(one) > 1 and any(map(selected_of, entries_of(one))) for one in chosen):
        yield "pieces of an option with options"
    if group.get("tiers") and count:
        yield "tier"
        yield from _of_tiers([tier["offset"] for tier in group["tiers"]], entries)


def _of_tiers(offsets: list[int], entries: list[Wire]) -> Iterator[str]:
    chosen = [one for entry in entries for one in selected_of(entry)]
    if offsets != sorted(offsets):
        yield "tiers unsorted"
    if len(entries) > 1:
        yield "tiered group in two entries"
    if any(map(_depth, chosen)):
        yield "options below a tier"
    if any(0 < offset < _count(entries) for offset in offsets):
        yield "later tier"
    first = 0
    for one in chosen:
        if any(first < offset < first + pieces(one) for offset in offsets):
            yield "selection over two tiers"
        first += pieces(one)


def _of_moment(situation: Situation) -> Iterator[str]:
    local = situation.at.astimezone(ZoneInfo(situation.zone))
    if _is_window_edge(situation, "start", timedelta()):
        yield "at the start of a window"
    if _is_window_edge(situation, "end", timedelta(microseconds=1)):
        yield "just before an end"
    if f"{local:%H:%M:%S}" == "23:59:59":
        yield "last second of a day"
    if local.weekday() != situation.at.weekday():
        yield "another weekday than in UTC"
    if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
        yield "hour that is repeated"
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if midnight.utcoffset() != (midnight + timedelta(days=1)).utcoffset():
        yield "on a day of clock change"


def _is_window_edge(situation: Situation, edge: str, before: timedelta) -> bool:
    """Return True if a moment is so long before the start or end of a window, but for those at midnight."""
    moment: datetime = situation.at.astimezone(ZoneInfo(situation.zone)) + before
    windows = [each for one in situation.catalog["catalogs"].values() for each in one["availability"] or []]
    at = {(window["dayOfWeek"], window[edge]) for window in windows} if moment.microsecond == 0 else set()
    return f"{moment:%H:%M:%S}" != "00:00:00" and (f"{moment:%A}", f"{moment:%H:%M:%S}") in at


def _groups_of(situation: Situation, line: Wire) -> Iterator[tuple[Wire, list[Wire]]]:
    """Yield each group of a line's item, with the entries for it."""
    item = situation.catalog["items"].get(line["itemId"], {})
    for group_id in dict.fromkeys(item.get("modifierGroupIds") or []):
        entries = [entry for entry in entries_of(line) if entry["modifierGroupId"] == group_id]
        yield situation.catalog["modifierGroups"][group_id], entries


def _count(entries: list[Wire]) -> int:
    return sum(pieces(one) for entry in entries for one in selected_of(entry))


def _depth(line: Wire) -> int:
    below = [_depth(one) for entry in entries_of(line) for one in selected_of(entry)]
    return 1 + max(below) if below else 0
