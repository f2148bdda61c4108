"""What changed between two versions of a menu, as whoever orders from it will notice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeAlias, TypeVar

from webhook_kit.catalog.matching import Matches, match
from webhook_kit.catalog.rules import entity
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    DayOfWeek,
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
)

__all__ = ["Change", "ChangeKind", "diff"]


class ChangeKind(StrEnum):
    """What can change.

    :ivar meaning: what that is.
    """

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        """A member is written as the tuple of its name and its meaning."""
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.meaning = meaning
        return kind

    ADDED = "added", "It is new."
    REMOVED = "removed", "It is gone."
    NEW_ID = "new-id", "The same thing, by its name and place, under another id: whoever kept the old id loses it."
    RENAMED = "renamed", "Another name under the same id."
    REPRICED = "repriced", "Another base price, startingAt or compareAt of an item; other tiers of a group."
    MOVED = "moved", "It stands elsewhere: an item under other sections, a section under other sections or catalogs."
    REORDERED = "reordered", "What it holds stands in another order."
    HOURS = "hours", "A catalog is open at other times."
    BOUNDS = "bounds", "Another number of choices from a group, or whether one may repeat."
    CHOICES = "choices", "Other modifier groups of an item; other options or defaults of a group."
    DISPLAY = "display", "Another description or picture."


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed.

    :ivar path: the JSON path in the new menu; in the old one for what is gone.
    :ivar name: what people call it.
    :ivar before: what was, in words; None where there was nothing.
    :ivar after: what is, in words; None where there is nothing.
    """

    kind: ChangeKind
    path: str
    name: str
    before: str | None = None
    after: str | None = None

    def to_wire(self) -> dict[str, str | None]:
        """As JSON data."""
        return {
            "kind": self.kind.value,
            "path": self.path,
            "name": self.name,
            "before": self.before,
            "after": self.after,
        }


_Entity = TypeVar("_Entity", ExternalCatalog, ExternalSection, ExternalItem, ExternalModifierGroup)
_Told: TypeAlias = Iterator[tuple[ChangeKind, str | None, str | None]]


def diff(old: ExternalCatalogSet, new: ExternalCatalogSet) -> list[Change]:
    """Everything that changed, table by table; nothing when both menus read, cost and open the same.

    What vanished and what appeared under one name is taken for the same thing under a new id where there is no doubt
    (:func:`~webhook_kit.catalog.matching.match`).
    """
    words = _Words(old, new, match(old, new))
    return [
        *_table("catalogs", old.catalogs, new.catalogs, words.same.catalogs, words.catalog),
        *_table("sections", old.sections, new.sections, words.same.sections, words.section),
        *_table("items", old.items, new.items, words.same.items, words.item),
        *_table("modifierGroups", old.modifier_groups, new.modifier_groups, words.same.groups, words.group),
    ]


def _table(
    table: str,
    old: Mapping[str, _Entity],
    new: Mapping[str, _Entity],
    same: Mapping[str, str],
    compare: Callable[[str, _Entity, str, _Entity], _Told],
) -> Iterator[Change]:
    for key, gone in old.items():
        if key not in same:
            yield Change(ChangeKind.REMOVED, entity(table, key), gone.name)
    origin = {new_key: old_key for old_key, new_key in same.items()}
    for key, now in new.items():
        path = entity(table, key)
        if key not in origin:
            yield Change(ChangeKind.ADDED, path, now.name)
            continue
        was = old[origin[key]]
        if key != origin[key]:
            yield Change(ChangeKind.NEW_ID, path, now.name, origin[key], key)
        if was.name != now.name:
            yield Change(ChangeKind.RENAMED, path, now.name, was.name, now.name)
        for kind, before, after in compare(origin[key], was, key, now):
            yield Change(kind, path, now.name, before, after)


class _Words:
    """What changed in one entity, in words; it knows both menus, because references are told by name."""

    def __init__(self, old: ExternalCatalogSet, new: ExternalCatalogSet, same: Matches) -> None:
        self.old, self.new, self.same = old, new, same
        self._sections_under = _holders(old, same), _holders(new, None)
        self._items_under = _sections_of_items(old, same), _sections_of_items(new, None)

    def catalog(self, _was_id: str, was: ExternalCatalog, _id: str, now: ExternalCatalog) -> _Told:
        yield from self._order(was.section_ids, now.section_ids, self.same.sections, self.new.sections)
        before, after = _hours(was.availability), _hours(now.availability)
        if before != after:
            yield ChangeKind.HOURS, before, after

    def section(self, was_id: str, was: ExternalSection, now_id: str, now: ExternalSection) -> _Told:
        then, here = self._sections_under
        yield from self._moved(then.get(was_id, {}), here.get(now_id, {}), "nowhere")
        yield from self._order(was.section_ids, now.section_ids, self.same.sections, self.new.sections)
        yield from self._order(was.item_ids, now.item_ids, self.same.items, self.new.items)

    def item(self, was_id: str, was: ExternalItem, now_id: str, now: ExternalItem) -> _Told:
        then, here = self._items_under
        yield from self._moved(then.get(was_id, {}), here.get(now_id, {}), "not sold on its own")
        for label, before, after in (
            ("", was.base_price, now.base_price),
            ("startingAt ", was.starting_at, now.starting_at),
            ("compareAt ", was.compare_at, now.compare_at),
        ):
            if before != after:
                yield ChangeKind.REPRICED, _price(label, before), _price(label, after)
        groups = self.old.modifier_groups, self.new.modifier_groups
        yield from self._choices(was.modifier_group_ids, now.modifier_group_ids, self.same.groups, *groups)
        if was.description != now.description:
            yield ChangeKind.DISPLAY, was.description, now.description
        if was.image_url != now.image_url:
            yield ChangeKind.DISPLAY, was.image_url, now.image_url

    def group(self, _was_id: str, was: ExternalModifierGroup, _id: str, now: ExternalModifierGroup) -> _Told:
        if _bounds(was) != _bounds(now):
            yield ChangeKind.BOUNDS, _bounds(was), _bounds(now)
        if _tiers(was) != _tiers(now):
            yield ChangeKind.REPRICED, _tiers(was), _tiers(now)
        yield from self._choices(was.item_ids, now.item_ids, self.same.items, self.old.items, self.new.items)
        before = self._defaults(was, self.same.items)
        after = self._defaults(now, {})
        if before != after:
            yield ChangeKind.CHOICES, before, after

    def _defaults(self, group: ExternalModifierGroup, same: Mapping[str, str]) -> str:
        chosen = [
            (same.get(default.item_id, default.item_id), default.quantity) for default in group.default_items or ()
        ]
        names = [f"{_name(item_id, self.new.items)} × {quantity}" for item_id, quantity in sorted(chosen)]
        return f"by default {', '.join(names) or 'nothing'}"

    def _moved(self, before: Mapping[str, str], after: Mapping[str, str], nowhere: str) -> _Told:
        if before.keys() != after.keys():
            yield ChangeKind.MOVED, ", ".join(before.values()) or nowhere, ", ".join(after.values()) or nowhere

    def _choices(
        self,
        before: Sequence[str],
        after: Sequence[str],
        same: Mapping[str, str],
        old: Mapping[str, ExternalItem] | Mapping[str, ExternalModifierGroup],
        new: Mapping[str, ExternalItem] | Mapping[str, ExternalModifierGroup],
    ) -> _Told:
        kept = {same.get(key, key) for key in before}
        now = set(after)
        gone = [_name(key, old) for key in before if same.get(key, key) not in now]
        fresh = [_name(key, new) for key in after if key not in kept]
        if gone or fresh:
            yield ChangeKind.CHOICES, _listed(gone), _listed(fresh)
        yield from self._order(before, after, same, new)

    def _order(
        self, before: Sequence[str], after: Sequence[str], same: Mapping[str, str], new: Mapping[str, _Named]
    ) -> _Told:
        then = list(dict.fromkeys(same.get(key, key) for key in before))
        known = set(then)
        now = [key for key in dict.fromkeys(after) if key in known]
        common = set(now)
        then = [key for key in then if key in common]
        if then != now:
            yield ChangeKind.REORDERED, _listed([_name(k, new) for k in then]), _listed([_name(k, new) for k in now])


_Named: TypeAlias = ExternalSection | ExternalItem | ExternalModifierGroup


def _holders(menu: ExternalCatalogSet, same: Matches | None) -> dict[str, dict[str, str]]:
    """Of each section what holds it: by id, that of the new menu, and name."""
    found: dict[str, dict[str, str]] = {}
    catalogs, sections = (same.catalogs, same.sections) if same else ({}, {})
    for key, one in menu.catalogs.items():
        for section_id in one.section_ids:
            found.setdefault(section_id, {})[f"catalog {catalogs.get(key, key)}"] = one.name
    for key, section in menu.sections.items():
        for section_id in section.section_ids:
            found.setdefault(section_id, {})[f"section {sections.get(key, key)}"] = section.name
    return found


def _sections_of_items(menu: ExternalCatalogSet, same: Matches | None) -> dict[str, dict[str, str]]:
    """The same of each item."""
    found: dict[str, dict[str, str]] = {}
    sections = same.sections if same else {}
    for key, section in menu.sections.items():
        for item_id in section.item_ids:
            found.setdefault(item_id, {})[sections.get(key, key)] = section.name
    return found


def _hours(windows: Iterable[AvailabilityWindow] | None) -> str:
    days = {
        day: ", ".join(
            sorted(
                {
                    f"{window.start:%H:%M:%S}–{window.end:%H:%M:%S}"
                    for window in windows or ()
                    if window.day_of_week == day
                }
            )
        )
        for day in DayOfWeek
    }
    return "; ".join(f"{day} {hours}" for day, hours in days.items() if hours) or "never"


def _price(label: str, price: object) -> str | None:
    return None if price is None else f"{label}{price}"


def _bounds(group: ExternalModifierGroup) -> str:
    repeats = ", may repeat" if group.enable_duplicate_items else ""
    return f"{group.minimum_allowed} to {group.maximum_allowed}{repeats}"


def _tiers(group: ExternalModifierGroup) -> str | None:
    if group.tiers is None:
        return None
    return ", ".join(
        f"{tier.price} from number {tier.offset} on" for tier in sorted(group.tiers, key=lambda t: t.offset)
    )


def _listed(names: Sequence[str], most: int = 12) -> str | None:
    if len(names) > most:
        names = [*names[:most], f"… {len(names) - most} more"]
    return ", ".join(names) or None


def _name(key: str, entities: Mapping[str, _Named]) -> str:
    found = entities.get(key)
    return found.name if found else key
