"""A cart, from Gett's language to the lines of a ``pos.order``, priced and taxed as Odoo does it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from webhook_kit.gett.models.money import ZERO, cents
from webhook_kit.gett.models.order import LineItem
from webhook_kit_odoo.client import Odoo, Row
from webhook_kit_odoo.mapping import COMBO, COMBO_ITEM, LINE, MORE_ITEM, TEMPLATE, VALUE, Menu, number_in
from webhook_kit_odoo.shop import Shop

__all__ = ["Line", "NotMade", "Totals", "lines_of", "taxed", "tip_line", "wire_lines"]


class NotMade(Exception):
    """A combination of attributes for which Odoo has no product variant."""

    def __init__(self, index: int, item_id: str, words: str) -> None:
        super().__init__(words)
        self.index = index
        self.item_id = item_id


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a ticket.

    :ivar unit_price: of one piece, everything chosen included; as the products' prices are, with or without tax.
    :ivar values: what was chosen, as attribute values.
    :ivar parent: the place of the line of the combo that it is a part of.
    :ivar untaxed: what the line costs without tax; with it, ``taxed``.
    """

    product: int
    name: str
    quantity: int
    unit_price: Decimal
    taxes: tuple[int, ...] = ()
    values: tuple[int, ...] = ()
    parent: int | None = None
    combo_item: int | None = None
    untaxed: Decimal = ZERO
    taxed: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Totals:
    """What a ticket costs: ``untaxed + taxes``."""

    untaxed: Decimal
    taxes: Decimal


def lines_of(items: Sequence[LineItem], menu: Menu) -> list[Line]:
    """The lines of a cart that is legal on this very menu.

    :raises NotMade: for attributes that no variant has.
    """
    lines: list[Line] = []
    for index, item in enumerate(items):
        template = menu.templates[number_in(item.item_id, TEMPLATE) or 0]
        try:
            if template["combo_ids"]:
                lines += _combo(item, template, menu, len(lines))
            else:
                lines.append(_simple(item, template, menu))
        except LookupError as error:
            raise NotMade(index, item.item_id, str(error)) from error
    return lines


def tip_line(shop: Shop, tip: Decimal) -> Iterator[Line]:
    """The tip as a line, where the point of sale takes tips as one."""
    if tip and shop.takes_tips and shop.tip_product:
        yield Line(product=shop.tip_product, name="Tip", quantity=1, unit_price=tip, untaxed=tip, taxed=tip)


def taxed(odoo: Odoo, lines: Iterable[Line], shop: Shop, fiscal_position: int | None) -> tuple[list[Line], Totals]:
    """The lines with their amounts, and the ticket's: Odoo computes, nothing is written.

    Amounts are summed before they are rounded, tax by tax: a company that rounds globally gives them unrounded, any other
    to the cent. So it is with an order that Odoo computes itself.
    """
    lines = list(lines)
    applied = _applied_taxes(odoo, {tax for line in lines for tax in line.taxes}, shop, fiscal_position)
    computed: dict[tuple[tuple[int, ...], Decimal, int], _Computed] = {}
    untaxed = ZERO
    by_tax: dict[int, Decimal] = {}
    found = []
    for line in lines:
        taxes = tuple(dict.fromkeys(each for tax in line.taxes for each in applied[tax]))
        what = (taxes, line.unit_price, line.quantity)
        if what not in computed:
            computed[what] = _compute(odoo, *what)
        result = computed[what]
        untaxed += result.untaxed
        for tax, amount in result.taxes.items():
            by_tax[tax] = by_tax.get(tax, ZERO) + amount
        with_tax = sum(result.taxes.values(), result.untaxed)
        found.append(replace(line, taxes=taxes, untaxed=_rounded(result.untaxed), taxed=_rounded(with_tax)))
    return found, Totals(_rounded(untaxed), sum(map(_rounded, by_tax.values()), ZERO))


def wire_lines(lines: Sequence[Line], order: UUID) -> tuple[list[Any], dict[str, Any]]:
    """The lines as ``sync_from_ui`` takes them, and which of them belongs to which.

    A line's uuid is derived from its order's: were it ever sent twice, Odoo would refuse the second.
    """
    uuids = [str(uuid5(order, f"line {place}")) for place in range(len(lines))]
    commands = [
        [
            0,
            0,
            {
                "uuid": uuid,
                "product_id": line.product,
                "full_product_name": line.name,
                "qty": line.quantity,
                "price_unit": line.unit_price,
                "price_subtotal": line.untaxed,
                "price_subtotal_incl": line.taxed,
                "tax_ids": [[6, 0, line.taxes]],
                "attribute_value_ids": [[6, 0, line.values]],
                "combo_item_id": line.combo_item or False,
            },
        ]
        for uuid, line in zip(uuids, lines, strict=True)
    ]
    parents = {
        uuid: {"combo_parent_id": uuids[line.parent]}
        for uuid, line in zip(uuids, lines, strict=True)
        if line.parent is not None
    }
    return commands, {"pos.order.line": parents} if parents else {}


# -- lines -------------------------------------------------------------------------------------------------------------


def _simple(item: LineItem, template: Row, menu: Menu) -> Line:
    chosen = _chosen_values(item)
    values = _with_implied(chosen, template, menu)
    return Line(
        product=_variant(template, values, menu),
        name=_name(template, chosen, menu),
        quantity=item.quantity,
        unit_price=menu.price(template) + sum((menu.surcharge(each) for each in chosen), ZERO),
        taxes=tuple(template["taxes_id"]),
        values=tuple(values),
    )


def _combo(item: LineItem, template: Row, menu: Menu, place: int) -> Iterator[Line]:
    """The combo's own line and one for each piece in it.

    Odoo spreads the combo's price over what is included in it, by the ``base_price`` of each; the last one takes what
    rounding leaves (``computeComboItems``). Here each piece has a line of its own, so that this is exact to the cent.
    """
    pieces = list(_pieces(item, menu))
    included = [number for number, (_, _, free) in enumerate(pieces) if free]
    price = menu.price(template)
    shares = dict(zip(included, _shares(price, [_base(pieces[number][0], menu) for number in included]), strict=True))
    yield Line(
        product=template["product_variant_ids"][0],
        name=template["name"],
        quantity=item.quantity,
        unit_price=ZERO if included else price,
        taxes=tuple(template["taxes_id"]),
    )
    for number, (combo_item, chosen, _) in enumerate(pieces):
        product = menu.products[combo_item["product_id"]]
        inner = menu.templates[product["product_tmpl_id"]]
        share = shares[number] if number in shares else _base(combo_item, menu)
        extras = sum((menu.surcharge(each) for each in chosen), cents(combo_item["extra_price"]))
        yield Line(
            product=product["id"],
            name=_name(inner, chosen, menu),
            quantity=item.quantity,
            unit_price=share + extras,
            taxes=tuple(inner["taxes_id"]),
            values=(*product["product_template_variant_value_ids"], *chosen),
            parent=place,
            combo_item=combo_item["id"],
        )


def _pieces(item: LineItem, menu: Menu) -> Iterator[tuple[Row, list[int], bool]]:
    """Each piece chosen for one combo: what it is, what was chosen with it, and whether the combo's price includes it."""
    for group in item.modifier_groups:
        included = number_in(group.modifier_group_id, COMBO) is not None
        for selected in group.selected_modifiers:
            number = number_in(selected.item_id, COMBO_ITEM if included else MORE_ITEM)
            for _ in range(selected.quantity):
                yield menu.combo_items[number or 0], _chosen_values(selected), included


def _shares(price: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    whole = sum(weights, ZERO)
    shares = [cents(price * weight / whole) if whole else ZERO for weight in weights]
    if shares:
        shares[-1] += price - sum(shares, ZERO)
    return shares


def _base(combo_item: Row, menu: Menu) -> Decimal:
    return cents(menu.combos[combo_item["combo_id"]]["base_price"])


def _chosen_values(item: LineItem) -> list[int]:
    return [
        value
        for group in item.modifier_groups
        if number_in(group.modifier_group_id, LINE)
        for selected in group.selected_modifiers
        if (value := number_in(selected.item_id, VALUE))
    ]


def _with_implied(chosen: list[int], template: Row, menu: Menu) -> list[int]:
    lines = (menu.lines[each] for each in template["attribute_line_ids"] if each in menu.lines)
    return [*chosen, *(value for line in lines if (value := menu.implied(line)))]


def _variant(template: Row, values: Sequence[int], menu: Menu) -> int:
    for number in template["product_variant_ids"]:
        product = menu.products.get(number)
        if product and set(product["product_template_attribute_value_ids"]) <= set(values):
            return int(number)
    raise LookupError(f"{template['name']} is not made in this combination.")


def _name(template: Row, chosen: Sequence[int], menu: Menu) -> str:
    names = ", ".join(menu.values[each]["name"] for each in chosen)
    return f"{template['name']} ({names})" if names else str(template["name"])


# -- taxes -------------------------------------------------------------------------------------------------------------


def _applied_taxes(odoo: Odoo, taxes: set[int], shop: Shop, fiscal_position: int | None) -> dict[int, tuple[int, ...]]:
    """What each tax of a product becomes: its company's own alone, and as the fiscal position maps it."""
    if not taxes:
        return {}
    own = odoo.rows("account.tax", [("id", "in", sorted(taxes)), ("company_id", "=", shop.company)], ["id"])
    applied: dict[int, tuple[int, ...]] = dict.fromkeys(taxes, ())
    applied |= {row["id"]: (row["id"],) for row in own}
    if fiscal_position:
        (position,) = odoo.rows("account.fiscal.position", [("id", "=", fiscal_position)], ["tax_map"])
        mapped = {int(tax): tuple(to) for tax, to in (position["tax_map"] or {}).items()}
        applied |= {tax: mapped[tax] for tax in mapped.keys() & applied.keys() if applied[tax]}
    return applied


@dataclass(frozen=True, slots=True)
class _Computed:
    untaxed: Decimal
    taxes: dict[int, Decimal]


def _compute(odoo: Odoo, taxes: Sequence[int], unit_price: Decimal, quantity: int) -> _Computed:
    if not taxes or not unit_price:
        return _Computed(unit_price * quantity, {})
    result = odoo.call(
        "account.tax",
        "compute_all",
        ids=taxes,
        price_unit=unit_price,
        quantity=quantity,
        context={"round_base": False},
    )
    untaxed = Decimal(result["total_excluded"])
    amounts: dict[int, Decimal] = {}
    for tax in result["taxes"]:
        amounts[tax["id"]] = amounts.get(tax["id"], ZERO) + Decimal(tax["amount"])
    if amounts:  # what is told of a single tax is rounded on its way to the books: the total is not
        last = next(reversed(amounts))
        amounts[last] += Decimal(result["total_included"]) - untaxed - sum(amounts.values(), ZERO)
    return _Computed(untaxed, amounts)


def _rounded(amount: Decimal) -> Decimal:
    """To the cent; Odoo computes in binary, and half a cent may arrive as 0.00499999."""
    return cents(round(amount, 9))
