"""Random catalogs that pass the kit's check, and random moments at which carts are ordered from them; all as wire data."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

Wire = dict[str, Any]

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

# Zones with daylight saving time (one by half an hour) and without, each with Sundays on which the clock changes.
ZONES = {
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Asia/Kolkata": [],
    "Pacific/Kiritimati": [],  # UTC+14
    "UTC": [],
}

# Ids are opaque text: all of one catalog are written in one of these ways. With the first, items and groups have equal ids.
IDS = [("{}", "{}"), ("item-{}", "group-{}"), ("é ☕ {}", "'{}\""), ("$.items[{}]", "a.b/{}"), ("0" * 40 + "{}", " {}")]


def draw_catalog(rng: Random) -> Wire:
    """Draw a catalog: options up to six levels deep, groups that several items share, sections in sections, several catalogs."""
    return _Builder(rng).build()


class _Builder:
    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.items: Wire = {}
        self.groups: Wire = {}
        self.item_id, self.group_id = rng.choice(IDS)
        self.prices = rng.choice([_simple_price, _simple_price, _odd_price])

    def build(self) -> Wire:
        rng = self.rng
        lower: list[str] = []  # groups of the lower levels, which an option may have
        options: list[str] = []
        for level in range(rng.choice([1, 2, 2, 3, 3, 4, 5, 6])):
            own = [self.item(lower, least=1 if lower and i == 0 else 0) for i in range(rng.randint(2, 4))]
            options += own
            lower += [self.group(own, options, level) for _ in range(rng.randint(1, 2))]
        sold = [self.item(lower, least=0, sold=True) for _ in range(rng.randint(1, 2))]
        sold += [self.item(lower, least=1, sold=True) for _ in range(rng.randint(1, 3))]
        priced = [key for key in options if self.items[key]["basePrice"] >= 0]
        sold += rng.sample(
            priced, min(len(priced), rng.choice([0, 0, 1, 2]))
        )  # options that are sold on their own, too
        sections = self.sections(sold)
        return {
            "catalogs": self.catalogs(list(sections)),
            "sections": sections,
            "items": self.items,
            "modifierGroups": self.groups,
        }

    def item(self, groups: list[str], *, least: int, sold: bool = False) -> str:
        rng = self.rng
        key = self.item_id.format(len(self.items))
        own = rng.sample(groups, min(len(groups), rng.choice([0, 0, 1, 1, 2, 3] if sold else [0, 0, 0, 1, 2])))
        if groups and len(own) < least:
            own = [groups[-1]]
        if own and rng.random() < 0.05:
            own.append(own[0])  # named twice, which is one group
        price = self.prices(rng)
        item: Wire = {"itemId": key, "name": f"Item {len(self.items)}", "basePrice": abs(price) if sold else price}
        if own or rng.random() < 0.8:
            item["modifierGroupIds"] = own or rng.choice([[], [], None])
        if rng.random() < 0.2:
            item |= {"startingAt": abs(self.prices(rng)), "compareAt": abs(self.prices(rng)), "allergens": ["nuts"]}
        self.items[key] = item
        return key

    def group(self, own: list[str], options: list[str], level: int) -> str:
        rng = self.rng
        key = self.group_id.format(len(self.groups))
        chosen = list(dict.fromkeys([own[0], *rng.sample(options, rng.randint(0, min(4, len(options))))]))
        rng.shuffle(chosen)
        repeats = rng.random() < 0.5
        # Few deep groups are required, so that carts do not grow exponentially.
        minimum = rng.choice([0, 0, 1] if level else [0, 0, 1, 2, 3])
        if repeats and rng.random() < 0.1:
            minimum = 6  # half a dozen of few kinds
        minimum = minimum if repeats else min(minimum, len(chosen))
        maximum = max(minimum, rng.choice([1, 1, 2, 3, 4])) if rng.random() < 0.9 else rng.choice([minimum, 12, 99])
        group = {
            "modifierGroupId": key,
            "name": f"Group {len(self.groups)}",
            "itemIds": chosen + chosen[:1] * (rng.random() < 0.05),
            "minimumAllowed": minimum,
            "maximumAllowed": max(minimum, maximum),
        }
        if repeats or rng.random() < 0.5:
            group["enableDuplicateItems"] = repeats
        if rng.random() < 0.4:
            offsets = [0, *rng.sample([-1, 1, 1, 2, 3, 4, 5, 11, 12, 50], rng.randint(0, 3))]
            rng.shuffle(offsets)
            group["tiers"] = [{"offset": offset, "price": self.prices(rng)} for offset in dict.fromkeys(offsets)]
        elif rng.random() < 0.2:
            group["tiers"] = None
        if rng.random() < 0.2:  # defaults are a proposal to customers: a cart has to name them
            group["defaultItems"] = [{"itemId": chosen[0], "quantity": 1}] if group["maximumAllowed"] else None
        self.groups[key] = group
        return key

    def sections(self, sold: list[str]) -> Wire:
        rng = self.rng
        result: Wire = {}
        for number in range(rng.randint(2, 5)):
            key = f"section {number}"
            contained = rng.sample(list(result), rng.randint(0, min(2, len(result)))) if rng.random() < 0.5 else []
            items = rng.sample(sold, rng.randint(0, len(sold)))
            result[key] = {"sectionId": key, "name": key, "itemIds": items, "sectionIds": contained}
        result[key]["itemIds"] = sold[
            : rng.randint(1, len(sold))
        ]  # the last one is in a catalog, so that something is sold
        return result

    def catalogs(self, sections: list[str]) -> Wire:
        rng = self.rng
        result: Wire = {}
        for number in range(rng.choice([1, 1, 2, 3])):
            own = list(
                dict.fromkeys([*rng.sample(sections, rng.randint(0, len(sections))), *sections[-1:] * (not number)])
            )
            key = str(number)
            result[key] = {"catalogId": key, "name": key, "sectionIds": own, "availability": draw_week(rng)}
        return result


def _simple_price(rng: Random) -> float:
    return rng.choice([0, 0.5, 1, 2.25, 9.99, rng.randint(0, 2000) / 100, -rng.randint(0, 300) / 100])


def _odd_price(rng: Random) -> float:
    """Return a price with the noise of binary floating point, a very high one, or a cent."""
    cents = rng.choice([1, 7, 29, 57, 99, 110, 249, 100_000, 99_999_99, rng.randint(-500, 5000)])
    noise = rng.choice([0.0, 0.0, 9.5e-9, -3e-7, 0.00009, -0.00009])
    return rng.choice([cents / 100 + noise, 0.1 * (cents % 100), sum([0.1] * (cents % 9))])


# -- hours -------------------------------------------------------------------------------------------------------------

ALWAYS = [{"dayOfWeek": day, "start": "00:00:00", "end": "00:00:00"} for day in DAYS]


def draw_week(rng: Random) -> list[Wire] | None:
    kind = rng.choice(["always"] * 5 + ["never", "daily", "daily", "overnight", "two a day", "some"])
    if kind == "always":
        return ALWAYS
    if kind == "never":
        return rng.choice([None, []])
    if kind == "daily":
        start, end = rng.choice([("11:00:00", "22:00:00"), ("02:30:00", "00:00:00"), ("00:00:00", "02:15:00")])
        return [_window(day, start, end) for day in DAYS]
    if kind == "overnight":  # two windows: until the end of the day, and from its beginning
        end = rng.choice(["02:00:00", "02:30:00", "04:00:00"])
        return [each for day in DAYS for each in (_window(day, "18:00:00", "00:00:00"), _window(day, "00:00:00", end))]
    if kind == "two a day":
        return [
            each
            for day in DAYS[: rng.randint(1, 7)]
            for each in (_window(day, "11:30:00", "14:00:00"), _window(day, "17:00:00", "23:59:59"))
        ]
    starts = ["00:00:00", "00:00:01", "01:30:00", "02:00:00", "03:00:00", "12:00:00"]
    ends = ["12:00:01", "14:30:00", "23:59:59", "00:00:00"]
    return [_window(rng.choice(DAYS), rng.choice(starts), rng.choice(ends)) for _ in range(rng.randint(1, 5))]


def _window(day: str, start: str, end: str) -> Wire:
    return {"dayOfWeek": day, "start": start, "end": end}


def draw_moment(rng: Random, catalog: Wire, zone: str) -> datetime:
    """Draw a moment: often at the edge of a window of the catalog, or around a change of the clock."""
    day = date(2026, 6, 29) + timedelta(days=rng.randrange(7))  # a Monday, and the days after it
    changes = ZONES[zone] if rng.random() < 0.4 else []
    if changes:
        day = date.fromisoformat(rng.choice(changes)) + timedelta(days=rng.choice([-1, 0, 0, 0, 1]))
    windows = [each for one in catalog["catalogs"].values() for each in one["availability"] or []]
    around = timedelta()
    if changes and rng.random() < 0.4:
        clock = time(rng.randint(1, 3), rng.choice([0, 15, 29, 30, 45]), fold=rng.randint(0, 1))
    elif windows and rng.random() < 0.5:
        window = rng.choice(windows)
        clock = time.fromisoformat(window[rng.choice(["start", "end"])])
        if rng.random() < 0.5:
            day += timedelta(days=(DAYS.index(window["dayOfWeek"]) - day.weekday()) % 7)
        around = timedelta(microseconds=rng.choice([0, 0, 1, -1, 999_999, -1_000_000]))
    else:
        clock = time(rng.randrange(24), rng.randrange(60), rng.randrange(60), rng.choice([0, 1, 999_999]))
    return datetime.combine(day, clock, ZoneInfo(zone)).astimezone(UTC) + around
