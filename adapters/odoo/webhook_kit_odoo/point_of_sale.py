"""State of a point of sale: its session, presets, hours and slots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from webhook_kit import AvailabilityWindow, ConfigurationError, DayOfWeek, always_open, is_open
from webhook_kit_odoo.client import Odoo, Row
from webhook_kit_odoo.config import OdooConfig
from webhook_kit_odoo.money import Currency, read_currency

__all__ = ["FiscalPosition", "PointOfSale", "Preset", "after_position", "clock", "intersection", "read_point_of_sale"]

_DAYS = list(DayOfWeek)
_WEEK = [*_DAYS[1:], _DAYS[0]]  # Odoo's weeks begin on Monday
_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class FiscalPosition:
    """An ``account.fiscal.position``: it replaces taxes.

    :ivar taxes: the taxes that replace a tax, by its id; a tax that is missing stays.
    :ivar empty: True if it has no taxes at all: then it removes every tax.
    """

    id: int
    taxes: dict[int, tuple[int, ...]]
    empty: bool


@dataclass(frozen=True, slots=True)
class Preset:
    """A ``pos.preset``: a way to order ("Takeout").

    :ivar windows: its hours, in the store's zone.
    :ivar interval: minutes from one slot to the next; None if orders have no slots.
    :ivar capacity: number of orders per slot.
    """

    id: int
    name: str
    fiscal_position: FiscalPosition | None
    windows: Sequence[AvailabilityWindow]
    interval: int | None
    capacity: int

    def slot(self, used: dict[str, int], now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the next free slot of the current window, in UTC; None if all are full.

        :param used: number of orders by slot, the slot in Odoo's format.
        """
        local = now.astimezone(zone)
        for window in self.windows:
            if not self.interval or not is_open([window], now, zone):
                continue
            start = datetime.combine(local.date(), window.start, zone)
            end = datetime.combine(local.date() + timedelta(days=window.end == time(0)), window.end, zone)
            while start <= end:
                moment = start.astimezone(UTC)
                if moment >= now and used.get(moment.strftime(_STAMP), 0) < self.capacity:
                    return moment
                start += timedelta(minutes=self.interval)
        return None


@dataclass(frozen=True, slots=True)
class PointOfSale:
    """A ``pos.config``.

    :ivar session: the id of its open session; None while it is closed.
    :ivar takes_tips: True if a tip becomes a line of the ticket, with the ``tip_product``.
    :ivar categories: the categories of the products that it sells; None sells all.
    :ivar presets: by fulfillment type, as in the store's options; empty if it uses none.
    :ivar companies: its company and that company's parents, the nearest first: their products and taxes are its own.
    :ivar rounds_cash: True if only payments in cash are rounded, to an amount that no ticket has.
    :ivar fiscal_position: the default for presets without one.
    :ivar problems: what prevents prices that are equal to the till's, one line each.
    """

    id: int
    name: str
    companies: tuple[int, ...]
    currency: Currency
    session: int | None
    categories: frozenset[int] | None
    tip_product: int | None
    takes_tips: bool
    rounds_cash: bool
    fiscal_position: FiscalPosition | None
    uses_presets: bool
    presets: dict[str, Preset]
    problems: tuple[str, ...]

    @property
    def company(self) -> int:
        """Its company."""
        return self.companies[0]

    def windows(self) -> list[AvailabilityWindow]:
        """Return its opening hours: those of all its presets together."""
        if not self.uses_presets:
            return always_open()
        return _union(window for preset in self.presets.values() for window in preset.windows)


def read_point_of_sale(odoo: Odoo, config: OdooConfig) -> PointOfSale:
    """Return the point of sale of the store's options.

    :raises ConfigurationError: when Odoo has none with this id.
    """
    rows = odoo.rows("pos.config", [("id", "=", config.point_of_sale)], _CONFIG)
    if not rows:
        raise ConfigurationError(f"options.point_of_sale: Odoo has no point of sale {config.point_of_sale}")
    row = rows[0]
    uses_presets = bool(row["use_presets"])
    offered = {*row["available_preset_ids"], row["default_preset_id"]} - {False} if uses_presets else set()
    presets = odoo.rows("pos.preset", [("id", "in", sorted(offered))], _PRESET) if offered else []
    selected = {
        kind: preset
        for kind, name in config.presets.items()
        for preset in presets
        if name in (preset["id"], preset["name"])
    }
    hours = _attendances(odoo, selected.values())
    owners = {f"preset {preset['name']!r}": preset["fiscal_position_id"] for preset in selected.values()}
    owners[f"point of sale {row['name']!r}"] = row["default_fiscal_position_id"]
    positions = _fiscal_positions(odoo, owners.values())
    (company,) = odoo.rows("res.company", [("id", "=", row["company_id"])], ["currency_id", "parent_ids"])
    currency = read_currency(odoo.in_company(company["id"]), row["currency_id"], company["currency_id"])
    return PointOfSale(
        id=row["id"],
        name=row["name"],
        companies=tuple(reversed(company["parent_ids"])),  # they begin with the root and end with the company
        currency=currency,
        session=row["current_session_id"] or None if row["current_session_state"] == "opened" else None,
        categories=frozenset(row["iface_available_categ_ids"]) if row["limit_categories"] else None,
        tip_product=row["tip_product_id"] or None,
        takes_tips=bool(row["iface_tipproduct"] and row["tip_product_id"]),
        rounds_cash=bool(row["cash_rounding"] and row["only_round_cash_method"]),
        fiscal_position=positions.get(row["default_fiscal_position_id"]),
        uses_presets=uses_presets,
        presets={kind: _preset(preset, hours, positions) for kind, preset in selected.items()},
        problems=(
            *_of_pricelists(row, selected.values()),
            *(
                f"{owner} has an archived fiscal position, which the till ignores; restore it or choose another"
                for owner, position in owners.items()
                if position and position not in positions
            ),
            *([] if currency.in_cents else [_fractions(row["name"], currency)]),
        ),
    )


def after_position(taxes: Sequence[int], position: FiscalPosition | None) -> tuple[int, ...]:
    """Return the taxes of a line after a fiscal position, as Odoo's ``map_tax`` does."""
    if position is None:
        return tuple(taxes)
    if position.empty:
        return ()
    return tuple(dict.fromkeys(each for tax in taxes for each in position.taxes.get(tax, (tax,))))


def intersection(windows: Iterable[AvailabilityWindow], start: time, end: time) -> list[AvailabilityWindow]:
    """Return the parts of the windows between two times of each day; an end of midnight is the end of the day."""
    parts = []
    for window in windows:
        first = max(window.start, start)
        last = min(window.end, end, key=_as_end)
        if first < _as_end(last):
            parts.append(AvailabilityWindow(day_of_week=window.day_of_week, start=first, end=last))
    return parts


def clock(hours: float) -> time:
    """Convert Odoo's hour of a day (9.5 is half past nine); 24 is midnight."""
    minutes = round(float(hours) * 60)
    return time(0) if minutes >= 24 * 60 else time(minutes // 60, minutes % 60)


def _union(windows: Iterable[AvailabilityWindow]) -> list[AvailabilityWindow]:
    """Return the same hours without overlaps, Sunday first."""
    merged: list[AvailabilityWindow] = []
    for window in sorted(windows, key=lambda each: (_DAYS.index(each.day_of_week), each.start)):
        last = merged[-1] if merged else None
        if last and last.day_of_week == window.day_of_week and window.start <= _as_end(last.end):
            end = max(last.end, window.end, key=_as_end)
            merged[-1] = AvailabilityWindow(day_of_week=last.day_of_week, start=last.start, end=end)
        else:
            merged.append(window)
    return merged


def _as_end(moment: time) -> time:
    return time.max if moment == time(0) else moment


def _attendances(odoo: Odoo, presets: Iterable[Row]) -> dict[int, Row]:
    ids = sorted({each for preset in presets if preset["use_timing"] for each in preset["attendance_ids"]})
    rows = odoo.rows("resource.calendar.attendance", [("id", "in", ids)], _ATTENDANCE) if ids else []
    return {row["id"]: row for row in rows}


def _fiscal_positions(odoo: Odoo, ids: Iterable[int]) -> dict[int, FiscalPosition]:
    return {
        number: FiscalPosition(
            id=number,
            taxes={int(tax): tuple(by) for tax, by in (row["tax_map"] or {}).items()},
            empty=not row["tax_ids"],
        )
        for number, row in odoo.table("account.fiscal.position", set(ids) - {False}, ["tax_map", "tax_ids"]).items()
    }


def _of_pricelists(config: Row, presets: Iterable[Row]) -> list[str]:
    owners = [("preset", preset) for preset in presets]
    if config["use_pricelist"]:
        owners.insert(0, ("point of sale", config))
    return [
        f"{kind} {each['name']!r} has a pricelist; remove it, because prices of pricelists cannot be read"
        for kind, each in owners
        if each["pricelist_id"]
    ]


def _fractions(name: str, currency: Currency) -> str:
    smallest = f"{currency.rounding.normalize():f}"
    return (
        f"point of sale {name!r} sells in {currency.name}, whose smallest amount is {smallest}; "
        "Gett's amounts have two decimals, so its orders cannot be taken"
    )


def _preset(row: Row, hours: dict[int, Row], positions: dict[int, FiscalPosition]) -> Preset:
    if not row["use_timing"]:
        windows = always_open()
    else:  # [D] with slots and without hours it is closed, because there is no slot
        attendances = [hours[each] for each in row["attendance_ids"] if each in hours]
        windows = [
            AvailabilityWindow(
                day_of_week=_WEEK[int(each["dayofweek"])], start=clock(each["hour_from"]), end=clock(each["hour_to"])
            )
            for each in attendances
        ]
    return Preset(
        id=row["id"],
        name=row["name"],
        fiscal_position=positions.get(row["fiscal_position_id"]),
        windows=windows,
        interval=(row["interval_time"] or None) if row["use_timing"] else None,
        capacity=row["slots_per_interval"],
    )


_CONFIG = [
    "name",
    "company_id",
    "current_session_id",
    "current_session_state",
    "limit_categories",
    "iface_available_categ_ids",
    "iface_tipproduct",
    "tip_product_id",
    "default_fiscal_position_id",
    "use_pricelist",
    "pricelist_id",
    "currency_id",
    "cash_rounding",
    "only_round_cash_method",
    "use_presets",
    "available_preset_ids",
    "default_preset_id",
]
_PRESET = [
    "name",
    "pricelist_id",
    "fiscal_position_id",
    "use_timing",
    "slots_per_interval",
    "interval_time",
    "attendance_ids",
]
_ATTENDANCE = ["dayofweek", "hour_from", "hour_to"]
