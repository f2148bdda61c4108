"""Builder of a CatalogSet from what a POS exports: its ids, prices, hours and texts as they are (``gett-protocol.md §4``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from pydantic import ValidationError

from webhook_kit.catalog.build import derived_id
from webhook_kit.catalog.clean_text import clean_text
from webhook_kit.catalog.handles import CatalogHandle, PosId, SectionHandle, pos_id_text
from webhook_kit.catalog.hours import always_open
from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.integrity import integrity_problems
from webhook_kit.catalog.rules import printable, quoted
from webhook_kit.catalog.unavailable import remove_items
from webhook_kit.catalog.written_hours import DayNumbers, Hours, parse_hours
from webhook_kit.catalog.written_prices import parse_price
from webhook_kit.errors import CatalogInvalid, InvalidArgument
from webhook_kit.gett.models.base import Wire, error_lines
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    DefaultItem,
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
    Tier,
)
from webhook_kit.gett.models.money import ZERO

__all__ = ["NO_LIMIT", "CatalogBuilder", "Variants"]

NO_LIMIT = 99
"""``maximumAllowed`` of a group without a maximum from which an option may be chosen repeatedly: the protocol has no sign for it [D]."""

_Entity = TypeVar("_Entity", bound=Wire)
_Place = TypeVar("_Place", ExternalCatalog, ExternalSection)


@dataclass(frozen=True, slots=True)
class Variants:
    """Sizes or other variants of an item, each with its whole price (:meth:`CatalogBuilder.variants`).

    :ivar name: name of the group ("Size").
    :ivar choices: tuples of name, price and, if it has one, id.
    """

    name: object
    choices: tuple[Sequence[object], ...]


class CatalogBuilder:
    """Builder of a CatalogSet with any number of catalogs, nested sections, modifier groups and variants.

    ::

        menu = CatalogBuilder()
        pizzas = menu.catalog("Dinner", hours="Mon-Fri 5 pm-2 am").section("Pizza")
        extras = menu.group("Extras", [("Olives", "1.50"), ("Ham", 2)], maximum=3)
        pizzas.item("Margherita", menu.variants("Size", [("Small", 8), ("Large", 11)]), pos_id=17, groups=[extras])
        catalog = menu.build()

    Ids are those of the POS (``pos_id``), so they stay the same as long as the POS keeps them. What has none gets one from its name (a
    section and an option from their place too). The same thing may be added several times, and references may name what is added later.

    Mistakes are collected, each with the name and id of its item, and raised together by :meth:`build`.

    :param cents: numbers are integer cents (1250 is 12.50) instead of major units; the rules of prices are those of
        :func:`~webhook_kit.catalog.written_prices.parse_price`.
    :param rounding: a rounding mode of :mod:`decimal` for prices between two cents; None: such a price is a mistake.
    :param decimal_separator: "." or ",", for prices as text in which it is ambiguous.
    :param language: chooses among several texts, such as "en-US" (:func:`~webhook_kit.catalog.clean_text.clean_text`).
    :param day_numbers: meaning of a day's number: "iso" (1 is Monday), "monday0", "sunday0" or "sunday1".
    """

    def __init__(
        self,
        *,
        cents: bool = False,
        rounding: str | None = None,
        decimal_separator: str | None = None,
        language: str | None = None,
        day_numbers: DayNumbers = "iso",
    ) -> None:
        self._cents, self._rounding, self._decimal_separator = cents, rounding, decimal_separator
        self._language, self._day_numbers = language, day_numbers
        self._catalogs: dict[str, ExternalCatalog] = {}
        self._sections: dict[str, ExternalSection] = {}
        self._items: dict[str, ExternalItem] = {}
        self._groups: dict[str, ExternalModifierGroup] = {}
        self._sold_out: set[str] = set()
        self._problems: list[str] = []

    def catalog(self, name: object = "Menu", *, pos_id: PosId = None, hours: Hours | None = None) -> CatalogHandle:
        """Add a catalog, such as "Lunch".

        :param hours: opening hours in the store's zone, as a text ("Mon-Fri 7:30 am-5:30 am") or by day
            (:func:`~webhook_kit.catalog.written_hours.parse_hours`); None: always open; an empty list: never.
        """
        text = self._text(name)
        key = derived_id("catalog", text) if pos_id is None else pos_id_text(pos_id)
        windows = self._hours(_label("catalog", text, key), hours)
        members = {"catalog_id": key, "name": text, "section_ids": [], "availability": windows}
        return CatalogHandle(
            self, self._place(self._catalogs, ExternalCatalog, key, _label("catalog", text, key), members)
        )

    def section(self, name: object, *, pos_id: PosId = None) -> SectionHandle:
        """Add a section that is not yet in any catalog; ``add`` of a catalog or section puts it there."""
        text = self._text(name)
        key = derived_id("section", text) if pos_id is None else pos_id_text(pos_id)
        members = {"section_id": key, "name": text, "item_ids": [], "section_ids": []}
        return SectionHandle(
            self, self._place(self._sections, ExternalSection, key, _label("section", text, key), members)
        )

    def item(
        self,
        name: object,
        price: object,
        *,
        pos_id: PosId = None,
        description: object = None,
        image: str | None = None,
        groups: Iterable[PosId] = (),
        compare_at: object = None,
        starting_at: object = None,
        sold_out: bool = False,
    ) -> str:
        """Add an item that is not yet in any section or group, and return its id.

        :param price: a price, or the :meth:`variants` of the item.
        :param groups: ids of modifier groups.
        :param sold_out: leave the item out, and what cannot be ordered without it.
        """
        text = self._text(name)
        key = derived_id("item", text) if pos_id is None else pos_id_text(pos_id)
        label = _label("item", text, key)
        group_ids = [pos_id_text(one) for one in groups]
        if isinstance(price, Variants):
            base_price, group_id = self._variants(label, key, price)
            group_ids = group_ids if group_id is None else [group_id, *group_ids]
            starting = None if group_id is None else base_price
        else:
            base_price, starting = self._price(label, price), None
        if starting_at is not None:
            starting = self._price(label, starting_at)
        members = {
            "item_id": key,
            "name": text,
            "description": self._text(description, lines=True) or None,
            "image_url": image or None,
            "base_price": base_price,
            "compare_at": None if compare_at is None else self._price(label, compare_at),
            "starting_at": starting,
            "modifier_group_ids": list(dict.fromkeys(group_ids)),
        }
        given = {member: value for member, value in members.items() if value is not None}
        self._add(self._items, ExternalItem, key, label, given)
        if sold_out:
            self._sold_out.add(key)
        return key

    def group(
        self,
        name: object,
        options: Iterable[object],
        *,
        pos_id: PosId = None,
        minimum: int | None = 0,
        maximum: int | None = None,
        repeats: bool = False,
        defaults: Iterable[PosId] = (),
        tiers: Mapping[int, object] | None = None,
    ) -> str:
        """Add a modifier group and return its id.

        :param options: tuples of name, price and, if it has one, id; or ids of items.
        :param minimum: least number of choices; None and negative numbers are 0.
        :param maximum: greatest number of choices; None and negative numbers are no limit: as many as there are options, or
            :data:`NO_LIMIT` when they may repeat.
        :param repeats: an option may be chosen more than once.
        :param defaults: ids of the preselected options.
        :param tiers: price of each choice by the number of choices before it (``{0: 0, 2: "0.50"}``: two are free).
        """
        text = self._text(name)
        key = derived_id("group", text) if pos_id is None else pos_id_text(pos_id)
        label = _label("group", text, key)
        item_ids = list(dict.fromkeys(self._option(label, key, one) for one in options))
        minimum = max(minimum or 0, 0)
        if maximum is None or maximum < 0:
            maximum = max(minimum, NO_LIMIT if repeats else len(item_ids))
        members: dict[str, object] = {
            "modifier_group_id": key,
            "name": text,
            "item_ids": item_ids,
            "minimum_allowed": minimum,
            "maximum_allowed": maximum,
            "enable_duplicate_items": repeats,
        }
        if preselected := [DefaultItem(item_id=pos_id_text(one)) for one in defaults]:
            members["default_items"] = preselected
        if tiers:
            members["tiers"] = [
                Tier(offset=offset, price=self._price(label, price)) for offset, price in sorted(tiers.items())
            ]
        self._add(self._groups, ExternalModifierGroup, key, label, members)
        return key

    def variants(self, name: object, choices: Iterable[Sequence[object]]) -> Variants:
        """Return the price of an item that has sizes or other variants, for :meth:`item`.

        The item costs as much as its cheapest variant (``basePrice`` and ``startingAt``) and gets a required group with one option for
        each, at the difference to the cheapest. With a single variant there is no group.

        :param choices: tuples of name, whole price and, if the variant has one, id: ``[("Small", 8), ("Large", 11)]``.
        """
        return Variants(name, tuple(choices))

    def sold_out(self, *items: PosId) -> None:
        """Leave items and options out by their ids, and what cannot be ordered without them."""
        self._sold_out.update(map(pos_id_text, items))

    def build(self, *, store_id: str | None = None) -> ExternalCatalogSet:
        """Return the CatalogSet without what is sold out.

        :param store_id: written into the catalog, when given.
        :raises CatalogInvalid: with every mistake: prices and hours that cannot be read, two different things with one id, references
            to nothing, contradicting bounds, cycles.
        """
        catalog = ExternalCatalogSet(
            catalogs={
                key: one.model_copy(update={"section_ids": [*one.section_ids]}) for key, one in self._catalogs.items()
            },
            sections={
                key: one.model_copy(update={"item_ids": [*one.item_ids], "section_ids": [*one.section_ids]})
                for key, one in self._sections.items()
            },
            items=dict(self._items),
            modifier_groups=dict(self._groups),
        )
        if store_id is not None:
            catalog = catalog.model_copy(update={"store_id": store_id})
        if problems := [*self._problems, *integrity_problems(CatalogIndex(catalog))]:
            raise CatalogInvalid(*dict.fromkeys(problems))
        return remove_items(catalog, self._sold_out) if self._sold_out else catalog

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _option(self, label: str, group_id: str, choice: object) -> str:
        if not isinstance(choice, tuple | list):
            return pos_id_text(choice)
        name, price, pos_id = self._choice(label, choice)
        return self.item(name, price, pos_id=(group_id, self._text(name)) if pos_id is None else pos_id)

    def _variants(self, label: str, item_id: str, variants: Variants) -> tuple[Decimal, str | None]:
        """Add the group of an item's variants; return the lowest price, and the group's id if there is a choice."""
        choices = [self._choice(label, one) for one in variants.choices]
        prices = [self._price(label, price) for _, price, _ in choices]
        if not prices:
            self._problems.append(f"{label}: there are no variants")
        lowest = min(prices, default=ZERO)
        if len(prices) < 2:
            return lowest, None
        group_id = pos_id_text((item_id, self._text(variants.name)))
        options = [
            self._variant(label, group_id, name, pos_id, price - lowest)
            for (name, _, pos_id), price in zip(choices, prices, strict=True)
        ]
        return lowest, self.group(variants.name, options, pos_id=group_id, minimum=1, maximum=1)

    def _variant(self, label: str, group_id: str, name: object, pos_id: PosId, difference: Decimal) -> str:
        text = self._text(name)
        key = pos_id_text((group_id, text) if pos_id is None else pos_id)
        members = {"item_id": key, "name": text, "base_price": difference}
        self._add(self._items, ExternalItem, key, f"variant {quoted(text)} of {label}", members)
        return key

    def _choice(self, label: str, choice: Sequence[object]) -> tuple[object, object, PosId]:
        if not isinstance(choice, tuple | list) or len(choice) not in (2, 3):
            self._problems.append(f"{label}: {repr(choice)[:80]} is not a tuple of name, price and id")
            return "", ZERO, None
        return choice[0], choice[1], choice[2] if len(choice) == 3 else None

    # -- values --------------------------------------------------------------------------------------------------------

    def _text(self, value: object, *, lines: bool = False) -> str:
        return clean_text(value, language=self._language, lines=lines)

    def _price(self, label: str, price: object) -> Decimal:
        try:
            return parse_price(
                price, cents=self._cents, rounding=self._rounding, decimal_separator=self._decimal_separator
            )
        except InvalidArgument as error:
            self._problems.append(f"{label}: {error}")
            return ZERO

    def _hours(self, label: str, hours: Hours | None) -> list[AvailabilityWindow]:
        if hours is None:
            return always_open()
        try:
            return parse_hours(hours, day_numbers=self._day_numbers)
        except InvalidArgument as error:
            self._problems.append(f"{label}: {error}")
            return []

    # -- tables --------------------------------------------------------------------------------------------------------

    def _add(
        self, table: dict[str, _Entity], model: type[_Entity], key: str, label: str, members: Mapping[str, object]
    ) -> None:
        try:
            entity = model.model_validate(members)
        except ValidationError as error:
            self._problems += [f"{label}: {line}" for line in error_lines(error)]
            return
        if table.setdefault(key, entity) != entity:
            self._problems.append(
                f"{label}: something else has this id too; give both a pos_id, such as ('option', 7) if the POS counts"
                " items and options separately"
            )

    def _place(
        self, table: dict[str, _Place], model: type[_Place], key: str, label: str, members: Mapping[str, object]
    ) -> _Place:
        """Add a catalog or section, or return the one that was added before and has been filled since."""
        if key in table and table[key].name != members["name"]:
            self._problems.append(f"{label}: {quoted(table[key].name)} has this id too")
        if key not in table:
            self._add(table, model, key, label, members)
        return table.get(key) or model.model_construct(**members)  # type: ignore[arg-type]


def _label(kind: str, name: str, key: str) -> str:
    return f"{kind} {quoted(name)} ({printable(key[:80])})"
