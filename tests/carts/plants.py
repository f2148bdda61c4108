"""Faults to plant in the kit, each of which the oracle has to find."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import NamedTuple
from unittest.mock import patch

from tests.carts import compare
from webhook_kit.catalog import cart, compiled, hours, unavailable
from webhook_kit.gett.models import money
from webhook_kit.placement import validation
from webhook_kit.publishing import catalog_cache

_USERS: dict[ModuleType, list[tuple[ModuleType, str]]] = {
    cart: [(validation, "check_cart")],
    compiled: [(compare, "CompiledCatalog")],
    hours: [(compiled, "week_spans"), (compiled, "local_time")],
    unavailable: [(catalog_cache, "unavailable_items")],
    validation: [(compare, "OrderValidator")],
    money: [(money, "without_noise")],
}
"""The names under which others use a module that can be made faulty."""


class Plant(NamedTuple):
    """A fault: a text of a module's source, and the wrong text in its place."""

    name: str
    module: ModuleType
    right: str
    wrong: str

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Let the kit use the faulty copy of the module."""
        source = inspect.getsource(self.module)
        assert source.count(self.right) == 1, (
            f"{self.right!r} is not once in {self.module.__name__}: plant it elsewhere"
        )
        faulty = ModuleType(self.module.__name__)
        exec(compile(source.replace(self.right, self.wrong), str(self.module.__file__), "exec"), vars(faulty))
        with ExitStack() as patches:
            for user, name in _USERS[self.module]:
                patches.enter_context(patch.object(user, name, getattr(faulty, name)))
            yield


PLANTS = [
    Plant("no maximum of a group", cart, "<= selection.count <= selection.group.maximum", "<= selection.count"),
    Plant("maximum off by one", cart, "<= selection.group.maximum:", "<= selection.group.maximum + 1:"),
    Plant("no minimum of a group", cart, "selection.group.minimum <= selection.count", "0 <= selection.count"),
    Plant(
        "nested options are not multiplied", cart, "cents += quantity * self._modifiers(", "cents += self._modifiers("
    ),
    Plant("a group in two entries is two groups", cart, "selections.get(group.id)", "None"),
    Plant("a repetition in another modifier is allowed", cart, "(before or quantity > 1)", "quantity > 1"),
    Plant("a repetition by quantity is allowed", cart, "(before or quantity > 1)", "before"),
    Plant("options never run out", cart, "if option.id in self.unavailable", "if False"),
    Plant("any open catalog will do", cart, "not item.catalogs & self.open", "not item.catalogs | self.open"),
    Plant(
        "nothing is required of an option without modifiers",
        cart,
        "if modifier.modifier_groups or option.required_groups",
        "if modifier.modifier_groups",
    ),
    Plant("a blank address is an address", cart, "value and value.strip()", "value"),
    Plant("food under another name is overlooked in groups", cart, "in_group and isinstance(value, list)", "False"),
    Plant("tier off by one", compiled, "bisect_right(self.tiers, -end,", "bisect_right(self.tiers, -end + 1,"),
    Plant("the first tier is priced twice", compiled, "start = max(offset, first)", "start = first"),
    Plant("tiers are not sorted", compiled, "for tier in tiers), reverse=True", "for tier in tiers), key=bool"),
    Plant("each tier begins anew at each option", compiled, "end = first + quantity", "first, end = 0, quantity"),
    Plant("windows include their end", compiled, "if start <= now < end", "if start <= now <= end"),
    Plant("sections in sections are overlooked", compiled, "of_section[section_id] |= of_section[key]", "pass"),
    Plant("the day ends at its beginning", hours, "_microseconds(window.end) or _DAY", "_microseconds(window.end)"),
    Plant("hours are in UTC", hours, "local = moment.astimezone(timezone)", "local = moment"),
    Plant("any option left is enough", unavailable, "remaining == 0 or (remaining <", "remaining == 0 or (0 >"),
    Plant("an option never runs out for its own options", unavailable, "pending += added", "pass"),
    Plant("noise of floating point is refused", money, "if abs(amount - nearest) < _NOISE", "if amount == nearest"),
    Plant("a negative price is accepted", validation, "sub_total >= 0 and", "True and"),
    Plant("the tip is not added", validation, "order.tip).with_request", "ZERO).with_request"),
]
