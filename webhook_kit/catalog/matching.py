"""Which things of two versions of a menu are the same: by id, else by name and place where there is no doubt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup, ExternalSection

__all__ = ["Matches", "match"]

_Marks: TypeAlias = dict[str, Hashable]
"""By id, what a thing is known again by."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Old id → new id of everything that is in both menus."""

    catalogs: Mapping[str, str]
    sections: Mapping[str, str]
    items: Mapping[str, str]
    groups: Mapping[str, str]


def match(old: ExternalCatalogSet, new: ExternalCatalogSet) -> Matches:
    """What is in both.

    What vanished is the same as what appeared when both have the same name, places of the same names and the same price (a
    group: options of the same names); or when they have as much in common as the name and it is the only one each [D].
    """
    return Matches(
        _same(_names(old.catalogs), _names(new.catalogs)),
        _same(_names(old.sections), _names(new.sections)),
        _same(_item_marks(old), _item_marks(new)),
        _same(_group_marks(old), _group_marks(new)),
    )


def _names(entities: Mapping[str, object]) -> list[_Marks]:
    return [{key: getattr(one, "name", "") for key, one in entities.items()}]


def _item_marks(menu: ExternalCatalogSet) -> list[_Marks]:
    places: dict[str, set[str]] = defaultdict(set)
    holders: list[ExternalSection | ExternalModifierGroup] = [*menu.sections.values(), *menu.modifier_groups.values()]
    for holder in holders:
        for item_id in holder.item_ids:
            places[item_id].add(holder.name)
    placed = {key: (item.name, frozenset(places[key])) for key, item in menu.items.items()}
    priced: _Marks = {key: (placed[key], item.base_price) for key, item in menu.items.items()}
    return [priced, {**placed}, *_names(menu.items)]


def _group_marks(menu: ExternalCatalogSet) -> list[_Marks]:
    options: _Marks = {
        key: (group.name, frozenset(menu.items[item_id].name for item_id in group.item_ids if item_id in menu.items))
        for key, group in menu.modifier_groups.items()
    }
    return [options, *_names(menu.modifier_groups)]


def _same(old: Sequence[_Marks], new: Sequence[_Marks]) -> dict[str, str]:
    """By id, then by one kind of marks after the other, the strongest first: of that kind several pair off in their order."""
    found = {key: key for key in old[0] if key in new[0]}
    gone = [key for key in old[0] if key not in found]
    fresh = [key for key in new[0] if key not in found]
    for strength, (marks, marks_now) in enumerate(zip(old, new, strict=True)):
        was, now = _grouped(gone, marks), _grouped(fresh, marks_now)
        taken = set(found.values())
        for mark, keys in was.items():
            keys_now = now.get(mark, [])
            if len(keys) == len(keys_now) and (len(keys) == 1 or strength == 0):
                pairs = zip(keys, keys_now, strict=True)
                found.update((key, key_now) for key, key_now in pairs if key not in found and key_now not in taken)
    return found


def _grouped(keys: Sequence[str], marks: _Marks) -> dict[Hashable, list[str]]:
    grouped: dict[Hashable, list[str]] = defaultdict(list)
    for key in keys:
        grouped[marks[key]].append(key)
    return grouped
