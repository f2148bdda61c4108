"""Differences between two versions of a catalog, as customers notice them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeAlias, TypeVar

from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.catalog.matching import Matches, match
from webhook_kit.catalog.rules import entity_path
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
    """Kind of a change.

    :ivar meaning: its description in a sentence.
    """

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        """Create a member from the tuple of its name and its meaning."""
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.meaning = meaning
        return kind

    ADDED = "added", "The entity is new."
    REMOVED = "removed", "The entity does not exist any more."
    NEW_ID = "new-id", "The same entity, by name and place, has another id: references to the old id are lost."
    RENAMED = "renamed", "The name changed under the same id."
    REPRICED = "repriced", "The base price, startingAt or compareAt of an item changed, or the tiers of a group."
    MOVED = "moved", "An item is in other sections, or a section is in other sections or catalogs."
    REORDERED = "reordered", "The entities in it have another order."
    HOURS = "hours", "The opening hours of a catalog changed."
    BOUNDS = "bounds", "The number of choices from a group changed, or if an option may be chosen repeatedly."
    CHOICES = "choices", "The modifier groups of an item changed, or the options or defaults of a group."
    DISPLAY = "display", "The description or picture changed."


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one entity.

    :ivar path: the JSON path in the new catalog; for a removed entity in the old one.
    :ivar name: display name of the entity.
    :ivar before: description of the old state; None where there was nothing.
    :ivar after: description of the new state; None where there is nothing.
    """

    kind: ChangeKind
    path: str
    name: str
    before: str | None = None
    after: str | None = None

    def to_wire(self) -> dict[str, str | None]:
        """Return the change as JSON data."""
        return {
            "kind": self.kind.value,
            "path": self.path,
            "name": self.name,
            "before": self.before,
            "after": self.after,
        }


_Entity = TypeVar("_Entity", ExternalCatalog, ExternalSection, ExternalItem, ExternalModifierGroup)
_Differences: TypeAlias = Iterator[tuple[ChangeKind, str | None, str | None]]
"""Kind of each change, and the descriptions of the old and the new state."""


@gc_paused
def diff(old: ExternalCatalogSet, new: ExternalCatalogSet) -> list[Change]:
    """Return every change, table by table; empty when both catalogs look, cost and open the same.

    A removed and an added entity are one entity with a new id where there is no doubt
    (:func:`~webhook_kit.catalog.matching.match`).
    """
    comparison = _Comparison(old, new, match(old, new))
    matches = comparison.matches
    return [
        *_table("catalogs", old.catalogs, new.catalogs, matches.catalogs, comparison.catalog),
        *_table("sections", old.sections, new.sections, matches.sections, comparison.section),
        *_table("items", old.items, new.items, matches.items, comparison.item),
        *_table("modifierGroups", old.modifier_groups, new.modifier_groups, matches.groups, comparison.group),
    ]


def _table(
    table: str,
    old_entities: Mapping[str, _Entity],
    new_entities: Mapping[str, _Entity],
    matches: Mapping[str, str],
    compare: Callable[[str, _Entity, str, _Entity], _Differences],
) -> Iterator[Change]:
    for key, removed in old_entities.items():
        if key not in matches:
            yield Change(ChangeKind.REMOVED, entity_path(table, key), removed.name)
    old_ids = {new_id: old_id for old_id, new_id in matches.items()}
    for new_id, new in new_entities.items():
        path = entity_path(table, new_id)
        if new_id not in old_ids:
            yield Change(ChangeKind.ADDED, path, new.name)
            continue
        old_id = old_ids[new_id]
        old = old_entities[old_id]
        if new_id != old_id:
            yield Change(ChangeKind.NEW_ID, path, new.name, old_id, new_id)
        if old.name != new.name:
            yield Change(ChangeKind.RENAMED, path, new.name, old.name, new.name)
        for kind, before, after in compare(old_id, old, new_id, new):
            yield Change(kind, path, new.name, before, after)


class _Comparison:
    """Comparison of matched entities; it has both catalogs, because the descriptions show references by name."""

    def __init__(self, old: ExternalCatalogSet, new: ExternalCatalogSet, matches: Matches) -> None:
        self.old, self.new, self.matches = old, new, matches
        self._section_parents = _section_parents(old, matches), _section_parents(new, None)
        self._item_parents = _item_parents(old, matches), _item_parents(new, None)

    def catalog(self, _old_id: str, old: ExternalCatalog, _new_id: str, new: ExternalCatalog) -> _Differences:
        yield from self._order(old.section_ids, new.section_ids, self.matches.sections, self.new.sections)
        before, after = _hours(old.availability), _hours(new.availability)
        if before != after:
            yield ChangeKind.HOURS, before, after

    def section(self, old_id: str, old: ExternalSection, new_id: str, new: ExternalSection) -> _Differences:
        before, after = self._section_parents
        yield from self._moved(before.get(old_id, {}), after.get(new_id, {}), "nowhere")
        yield from self._order(old.section_ids, new.section_ids, self.matches.sections, self.new.sections)
        yield from self._order(old.item_ids, new.item_ids, self.matches.items, self.new.items)

    def item(self, old_id: str, old: ExternalItem, new_id: str, new: ExternalItem) -> _Differences:
        old_parents, new_parents = self._item_parents
        yield from self._moved(old_parents.get(old_id, {}), new_parents.get(new_id, {}), "not sold on its own")
        for label, before, after in (
            ("", old.base_price, new.base_price),
            ("startingAt ", old.starting_at, new.starting_at),
            ("compareAt ", old.compare_at, new.compare_at),
        ):
            if before != after:
                yield ChangeKind.REPRICED, _price(label, before), _price(label, after)
        groups = self.old.modifier_groups, self.new.modifier_groups
        yield from self._choices(old.modifier_group_ids, new.modifier_group_ids, self.matches.groups, *groups)
        if old.description != new.description:
            yield ChangeKind.DISPLAY, old.description, new.description
        if old.image_url != new.image_url:
            yield ChangeKind.DISPLAY, old.image_url, new.image_url

    def group(self, _old_id: str, old: ExternalModifierGroup, _new_id: str, new: ExternalModifierGroup) -> _Differences:
        if _bounds(old) != _bounds(new):
            yield ChangeKind.BOUNDS, _bounds(old), _bounds(new)
        if _tiers(old) != _tiers(new):
            yield ChangeKind.REPRICED, _tiers(old), _tiers(new)
        yield from self._choices(old.item_ids, new.item_ids, self.matches.items, self.old.items, self.new.items)
        before = self._defaults(old, self.matches.items)
        after = self._defaults(new, {})
        if before != after:
            yield ChangeKind.CHOICES, before, after

    def _defaults(self, group: ExternalModifierGroup, matches: Mapping[str, str]) -> str:
        defaults = [
            (matches.get(default.item_id, default.item_id), default.quantity) for default in group.default_items or ()
        ]
        names = [f"{_name(item_id, self.new.items)} × {quantity}" for item_id, quantity in sorted(defaults)]
        return f"by default {', '.join(names) or 'nothing'}"

    def _moved(self, before: Mapping[str, str], after: Mapping[str, str], nowhere: str) -> _Differences:
        if before.keys() != after.keys():
            yield ChangeKind.MOVED, ", ".join(before.values()) or nowhere, ", ".join(after.values()) or nowhere

    def _choices(
        self,
        before: Sequence[str],
        after: Sequence[str],
        matches: Mapping[str, str],
        old: Mapping[str, ExternalItem] | Mapping[str, ExternalModifierGroup],
        new: Mapping[str, ExternalItem] | Mapping[str, ExternalModifierGroup],
    ) -> _Differences:
        new_ids_before = {matches.get(key, key) for key in before}
        new_ids = set(after)
        removed = [_name(key, old) for key in before if matches.get(key, key) not in new_ids]
        added = [_name(key, new) for key in after if key not in new_ids_before]
        if removed or added:
            yield ChangeKind.CHOICES, _listed(removed), _listed(added)
        yield from self._order(before, after, matches, new)

    def _order(
        self, before: Sequence[str], after: Sequence[str], matches: Mapping[str, str], new: Mapping[str, _Named]
    ) -> _Differences:
        old_order = list(dict.fromkeys(matches.get(key, key) for key in before))
        kept = set(old_order)
        new_order = [key for key in dict.fromkeys(after) if key in kept]
        common = set(new_order)
        old_order = [key for key in old_order if key in common]
        if old_order != new_order:
            names_before, names_after = [_name(key, new) for key in old_order], [_name(key, new) for key in new_order]
            yield ChangeKind.REORDERED, _listed(names_before), _listed(names_after)


_Named: TypeAlias = ExternalSection | ExternalItem | ExternalModifierGroup


def _section_parents(catalog: ExternalCatalogSet, matches: Matches | None) -> dict[str, dict[str, str]]:
    """Map each section to the catalogs and sections that contain it: their ids in the new catalog, and names.

    :param matches: translate the ids with these; None: the ids are those of the new catalog.
    """
    parents: dict[str, dict[str, str]] = {}
    catalogs, sections = (matches.catalogs, matches.sections) if matches else ({}, {})
    for key, one in catalog.catalogs.items():
        for section_id in one.section_ids:
            parents.setdefault(section_id, {})[f"catalog {catalogs.get(key, key)}"] = one.name
    for key, section in catalog.sections.items():
        for section_id in section.section_ids:
            parents.setdefault(section_id, {})[f"section {sections.get(key, key)}"] = section.name
    return parents


def _item_parents(catalog: ExternalCatalogSet, matches: Matches | None) -> dict[str, dict[str, str]]:
    """Map each item to the sections that contain it, in the same form."""
    parents: dict[str, dict[str, str]] = {}
    sections = matches.sections if matches else {}
    for key, section in catalog.sections.items():
        for item_id in section.item_ids:
            parents.setdefault(item_id, {})[sections.get(key, key)] = section.name
    return parents


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
    entity = entities.get(key)
    return entity.name if entity else key
