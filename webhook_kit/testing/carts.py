"""Valid carts for tests, as a hypothesis strategy.

``carts(OrderableCatalog(catalog))`` is a strategy of valid carts; invalid ones are in
:mod:`~webhook_kit.testing.invalid_carts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from webhook_kit.gett.models.catalog import ExternalModifierGroup
from webhook_kit.testing.orderable import CartLine, OrderableCatalog, cart_line, group_selection

__all__ = ["carts"]

_Draw = Callable[[st.SearchStrategy[Any]], Any]

_OPTIONAL_DEPTH = 2
"""Below this depth only required options are chosen: a catalog can nest deeply and broadly."""


@st.composite
def carts(draw: _Draw, orderable: OrderableCatalog, *, max_lines: int = 3, max_quantity: int = 3) -> list[CartLine]:
    """Draw valid carts: any item, any valid selection from its groups, quantities above 1 where they are allowed.

    :param max_lines: maximum number of lines.
    :param max_quantity: maximum quantity of a line, and of selections from a group when its minimum is lower.
    """
    item_ids = draw(st.lists(st.sampled_from(orderable.item_ids), min_size=1, max_size=max_lines))
    return [
        _draw_line(draw, orderable, item_id, draw(st.integers(1, max_quantity)), max_quantity, 0)
        for item_id in item_ids
    ]


def _draw_line(
    draw: _Draw, orderable: OrderableCatalog, item_id: str, quantity: int, max_quantity: int, depth: int
) -> CartLine:
    selections = []
    for group in orderable.groups(item_id):
        selected = [
            _draw_line(draw, orderable, option, count, max_quantity, depth + 1)
            for option, count in _draw_options(draw, orderable, group, max_quantity if depth < _OPTIONAL_DEPTH else 0)
        ]
        if selected:
            selections.append(group_selection(group.modifier_group_id, *selected))
    return cart_line(item_id, *selections, quantity=quantity)


def _draw_options(
    draw: _Draw, orderable: OrderableCatalog, group: ExternalModifierGroup, max_quantity: int
) -> Iterator[tuple[str, int]]:
    options = orderable.options(group)
    if not options:
        return
    maximum = min(group.maximum_allowed, max(group.minimum_allowed, max_quantity))
    if not group.enable_duplicate_items:
        count = draw(st.integers(group.minimum_allowed, min(maximum, len(options))))
        yield from ((option, 1) for option in draw(st.permutations(options))[:count])
        return
    remaining = draw(st.integers(group.minimum_allowed, maximum))
    while remaining:
        count = draw(st.integers(1, remaining))
        yield draw(st.sampled_from(options)), count
        remaining -= count
