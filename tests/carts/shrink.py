"""Makes a cart about which kit and oracle disagree as small as possible, so that a person sees the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from tests.carts.oracle import Situation

Wire = dict[str, Any]


def shrink(situation: Situation, order: Wire, differs: Callable[[Situation, Wire], bool]) -> tuple[Situation, Wire]:
    """Remove members and elements of an order, its catalog and its situation, one by one, while the difference stays.

    :param differs: tells if there is still a difference; whatever it raises means that there is none.
    """
    small: Wire = {"order": order, "catalog": situation.catalog, "unavailable": sorted(situation.unavailable)}
    shrunk = True
    while shrunk:
        shrunk = False
        for path in list(_paths(small)):
            candidate = deepcopy(small)
            try:
                _remove(candidate, path)
                if not differs(*_apart(situation, candidate)):
                    continue
            except Exception:  # noqa: BLE001 - something that is needed was removed
                continue
            small, shrunk = candidate, True
    return _apart(situation, small)


def _apart(situation: Situation, small: Wire) -> tuple[Situation, Wire]:
    return replace(situation, catalog=small["catalog"], unavailable=small["unavailable"]), small["order"]


def _paths(data: Any) -> Iterator[list[Any]]:
    """Yield the way to each member and element, outer before inner, the last element of a list first."""
    if isinstance(data, dict):
        places = list(data.items())
    elif isinstance(data, list):
        places = list(enumerate(data))[::-1]
    else:
        return
    for name, value in places:
        yield [name]
        for path in _paths(value):
            yield [name, *path]


def _remove(data: Any, path: list[Any]) -> None:
    for name in path[:-1]:
        data = data[name]
    del data[path[-1]]
