"""Match the entities of two versions of a catalog: by id, else by name and place where there is only one candidate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup, ExternalSection

__all__ = ["Matches", "match"]

_Fingerprints: TypeAlias = dict[str, Hashable]
"""By id, the properties by which an entity is recognized under another id."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Old id → new id of every entity that is in both versions."""

    catalogs: Mapping[str, str]
    sections: Mapping[str, str]
    items: Mapping[str, str]
    groups: Mapping[str, str]


def match(old: ExternalCatalogSet, new: ExternalCatalogSet) -> Matches:
    """Find the entities that are in both versions.

    [D] A removed entity matches an added one when both have the same name, places of the same names and the same price (a
    group: options of the same names). It also matches when fewer of these are equal, but at least the name, and each is the
    only candidate.
    """
    return Matches(
        _match_table(_names(old.catalogs), _names(new.catalogs)),
        _match_table(_names(old.sections), _names(new.sections)),
        _match_table(_item_fingerprints(old), _item_fingerprints(new)),
        _match_table(_group_fingerprints(old), _group_fingerprints(new)),
    )


def _names(entities: Mapping[str, object]) -> list[_Fingerprints]:
    return [{key: getattr(one, "name", "") for key, one in entities.items()}]


def _item_fingerprints(catalog: ExternalCatalogSet) -> list[_Fingerprints]:
    places: dict[str, set[str]] = defaultdict(set)
    parents: list[ExternalSection | ExternalModifierGroup] = [
        *catalog.sections.values(),
        *catalog.modifier_groups.values(),
    ]
    for parent in parents:
        for item_id in parent.item_ids:
            places[item_id].add(parent.name)
    placed = {key: (item.name, frozenset(places[key])) for key, item in catalog.items.items()}
    priced: _Fingerprints = {key: (placed[key], item.base_price) for key, item in catalog.items.items()}
    return [priced, {**placed}, *_names(catalog.items)]


def _group_fingerprints(catalog: ExternalCatalogSet) -> list[_Fingerprints]:
    items = catalog.items
    with_options: _Fingerprints = {
        key: (group.name, frozenset(items[item_id].name for item_id in group.item_ids if item_id in items))
        for key, group in catalog.modifier_groups.items()
    }
    return [with_options, *_names(catalog.modifier_groups)]


def _match_table(old: Sequence[_Fingerprints], new: Sequence[_Fingerprints]) -> dict[str, str]:
    """Match by id, then by each kind of fingerprint, the strictest first.

    Several entities with one strictest fingerprint are matched in their order; with a weaker one none of them is matched.
    """
    matches = {key: key for key in old[0] if key in new[0]}
    removed = [key for key in old[0] if key not in matches]
    added = [key for key in new[0] if key not in matches]
    for position, (old_fingerprints, new_fingerprints) in enumerate(zip(old, new, strict=True)):
        old_keys = _group_by_fingerprint(removed, old_fingerprints)
        new_keys = _group_by_fingerprint(added, new_fingerprints)
        matched = set(matches.values())
        for fingerprint, keys in old_keys.items():
            candidates = new_keys.get(fingerprint, [])
            if len(keys) == len(candidates) and (len(keys) == 1 or position == 0):
                pairs = zip(keys, candidates, strict=True)
                matches.update(
                    (key, candidate) for key, candidate in pairs if key not in matches and candidate not in matched
                )
    return matches


def _group_by_fingerprint(keys: Sequence[str], fingerprints: _Fingerprints) -> dict[Hashable, list[str]]:
    grouped: dict[Hashable, list[str]] = defaultdict(list)
    for key in keys:
        grouped[fingerprints[key]].append(key)
    return grouped
