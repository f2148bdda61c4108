"""The point of sale itself: open or closed, its presets, their hours and their slots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from webhook_kit.catalog.hours import always_open, is_open
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.catalog import AvailabilityWindow, DayOfWeek
from webhook_kit_odoo.client import Odoo, Row
from webhook_kit_odoo.options import Options

__all__ = ["Preset", "Shop", "clock", "narrowed", "read_shop"]

_DAYS = list(DayOfWeek)
_WEEK = [*_DAYS[1:], _DAYS[0]]  # Odoo counts the days from Monday
_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Preset:
    """A way to order ("Takeout").

    :ivar windows: when it is offered, in the store's zone.
    :ivar interval: minutes from one slot to the next; None where orders are not taken by time.
    :ivar capacity: orders that fit into a slot.
    """

    id: int
    name: str
    fiscal_position: int | None
    windows: Sequence[AvailabilityWindow]
    interval: int | None
    capacity: int

    def slot(self, used: dict[str, int], now: datetime, zone: ZoneInfo) -> datetime | None:
        """The next slot of the window that is open now which still has room, UTC; None when all are full.

        :param used: orders by slot, as Odoo writes the moment.
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
class Shop:
    """A ``pos.config``.

    :ivar session: the id of its open session; None while it is closed.
    :ivar takes_tips: whether a tip becomes a line of the ticket, with the ``tip_product``.
    :ivar categories: the only ones whose products it sells; None sells all.
    :ivar presets: by fulfillment type, of those that the store's options name; empty where it uses none.
    :ivar pricelists: what has one, and must not.
    :ivar fiscal_position: the one that holds where a preset brings none of its own.
    """

    id: int
    name: str
    company: int
    session: int | None
    categories: frozenset[int] | None
    tip_product: int | None
    takes_tips: bool
    fiscal_position: int | None
    uses_presets: bool
    presets: dict[str, Preset]
    pricelists: tuple[str, ...]

    def windows(self) -> list[AvailabilityWindow]:
        """When anything at all can be ordered: the hours of all its presets together."""
        if not self.uses_presets:
            return always_open()
        return _united(window for preset in self.presets.values() for window in preset.windows)


def read_shop(odoo: Odoo, options: Options) -> Shop:
    """The point of sale that the options name.

    :raises ConfigurationError: when there is none of that id.
    """
    found = odoo.rows("pos.config", [("id", "=", options.point_of_sale)], _CONFIG)
    if not found:
        raise ConfigurationError(f"options.point_of_sale: Odoo has no point of sale {options.point_of_sale}")
    config = found[0]
    uses_presets = bool(config["use_presets"])
    offered = {*config["available_preset_ids"], config["default_preset_id"]} - {False} if uses_presets else set()
    presets = odoo.rows("pos.preset", [("id", "in", sorted(offered))], _PRESET) if offered else []
    wanted = {
        kind: row for kind, name in options.presets.items() for row in presets if name in (row["id"], row["name"])
    }
    hours = _attendances(odoo, wanted.values())
    return Shop(
        id=config["id"],
        name=config["name"],
        company=config["company_id"],
        session=config["current_session_id"] or None if config["current_session_state"] == "opened" else None,
        categories=frozenset(config["iface_available_categ_ids"]) if config["limit_categories"] else None,
        tip_product=config["tip_product_id"] or None,
        takes_tips=bool(config["iface_tipproduct"] and config["tip_product_id"]),
        fiscal_position=config["default_fiscal_position_id"] or None,
        uses_presets=uses_presets,
        presets={kind: _preset(row, hours) for kind, row in wanted.items()},
        pricelists=tuple(
            f"{kind} {row['name']!r}"
            for kind, row in [("point of sale", config), *(("preset", preset) for preset in wanted.values())]
            if row["pricelist_id"]
        ),
    )


def narrowed(windows: Iterable[AvailabilityWindow], start: time, end: time) -> list[AvailabilityWindow]:
    """The windows, as far as they lie between two hours of each day; an end of midnight is the end of the day."""
    found = []
    for window in windows:
        first = max(window.start, start)
        last = min(window.end, end, key=_as_end)
        if first < _as_end(last):
            found.append(AvailabilityWindow(day_of_week=window.day_of_week, start=first, end=last))
    return found


def clock(hours: float) -> time:
    """Odoo's hours of a day (9.5 is half past nine); 24 is midnight."""
    minutes = round(float(hours) * 60)
    return time(0) if minutes >= 24 * 60 else time(minutes // 60, minutes % 60)


def _united(windows: Iterable[AvailabilityWindow]) -> list[AvailabilityWindow]:
    """The same hours without overlaps, Sunday first."""
    found: list[AvailabilityWindow] = []
    for window in sorted(windows, key=lambda each: (_DAYS.index(each.day_of_week), each.start)):
        last = found[-1] if found else None
        if last and last.day_of_week == window.day_of_week and window.start <= _as_end(last.end):
            end = max(last.end, window.end, key=_as_end)
            found[-1] = AvailabilityWindow(day_of_week=last.day_of_week, start=last.start, end=end)
        else:
            found.append(window)
    return found


def _as_end(moment: time) -> time:
    return time.max if moment == time(0) else moment


def _attendances(odoo: Odoo, presets: Iterable[Row]) -> dict[int, Row]:
    ids = sorted({each for preset in presets if preset["use_timing"] for each in preset["attendance_ids"]})
    rows = odoo.rows("resource.calendar.attendance", [("id", "in", ids)], _ATTENDANCE) if ids else []
    return {row["id"]: row for row in rows}


def _preset(row: Row, hours: dict[int, Row]) -> Preset:
    if not row["use_timing"]:
        windows = always_open()
    else:  # [D] by time and without hours: there is no slot to give, so it is closed
        held = [hours[each] for each in row["attendance_ids"] if each in hours]
        windows = [
            AvailabilityWindow(
                day_of_week=_WEEK[int(each["dayofweek"])], start=clock(each["hour_from"]), end=clock(each["hour_to"])
            )
            for each in held
        ]
    return Preset(
        id=row["id"],
        name=row["name"],
        fiscal_position=row["fiscal_position_id"] or None,
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
    "pricelist_id",
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
