"""Opening hours as people and other systems write them: "Mon-Fri 7:30 am-5:30 am", 24:00, numbers of days."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from typing import Any, Literal, TypeAlias

from webhook_kit.errors import InvalidArgument
from webhook_kit.gett.models.catalog import AvailabilityWindow, DayOfWeek

__all__ = ["DayNumbers", "Hours", "parse_hours"]

DayNumbers: TypeAlias = Literal["iso", "monday0", "sunday0", "sunday1"]
"""Meaning of a day's number: 1 is Monday (ISO 8601), 0 is Monday, 0 is Sunday, or 1 is Sunday."""
Day: TypeAlias = "str | int | DayOfWeek"
Clock: TypeAlias = "str | time"
Hours: TypeAlias = "str | Mapping[Day, str | Mapping[str, object] | Iterable[tuple[Clock, Clock] | Mapping[str, object]] | None] | Iterable[str | tuple[Day | Iterable[Day], Clock, Clock] | Mapping[str, object]]"
"""One of:

* a text: "Mon-Fri 9:00-17:00, Sat 10 am-noon",
* a mapping from days to spans: ``{"monday": "9:00-17:00", "tuesday": [("9:00", "12:00")], "friday": {"open": "9:00", "close": "12:00"}}``,
* tuples of day or days, start and end: ``[("Mon", "9:00", "17:00")]``, or texts: ``["Mo-Fr 09:00-17:00", "Sa 10:00-14:00"]``,
* the objects of an export, with a day or days, and a start and end or a list of objects with a start and end, by their usual names:
  ``[{"day_of_week": "monday", "time_periods": [{"start_time": "9:00", "end_time": "17:00"}]}]``; also one such object, and an object
  with nothing but their list.
"""

_WEEK = (
    *(DayOfWeek.MONDAY, DayOfWeek.TUESDAY, DayOfWeek.WEDNESDAY, DayOfWeek.THURSDAY),
    *(DayOfWeek.FRIDAY, DayOfWeek.SATURDAY, DayOfWeek.SUNDAY),
)
_FIRST_NUMBER = {"iso": (1, 0), "monday0": (0, 0), "sunday0": (0, 6), "sunday1": (1, 6)}
_NAMES = {
    name: number
    for number, names in enumerate(
        (
            *("mo mon monday", "tu tue tues tuesday", "we wed weds wednesday", "th thu thur thurs thursday"),
            *("fr fri friday", "sa sat saturday", "su sun sunday"),
        )
    )
    for name in names.split()
}
_GROUPS = {
    **dict.fromkeys(("daily", "every day", "everyday", "all days", "all week", ""), range(7)),
    **dict.fromkeys(("weekdays", "weekday"), range(5)),
    **dict.fromkeys(("weekends", "weekend"), range(5, 7)),
}

_CLOCK = r"(?:\d{4}(?!\d)|\d{1,2}(?:[:.h]\d{2}(?::\d{2}(?:\.\d+)?)?)?\s*(?:[ap]\.?m\.?)?|noon|midnight)"
_DASH = r"\s*(?:-|to|until|till)\s*"
_ENTRY = re.compile(
    rf"(?P<days>[a-z,&\-/.:\s]*?)(?:(?P<start>{_CLOCK}){_DASH}(?P<end>{_CLOCK})(?![\d:])"
    r"|(?P<all>(?:open\s+)?(?:24 ?h(?:ou)?rs?|24/7|24h|all day|around the clock))|(?P<closed>closed))"
)
_PARTS = re.compile(
    r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?)?\s*(?P<half>[ap])?\.?(?:m\.?)?"
)
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_LONGEST = 2_000

_Span: TypeAlias = tuple[int, int, int]
"""Day (Monday is 0), start and end in seconds since its midnight; an end after 86,400 is on the next day."""


def parse_hours(hours: Hours, *, day_numbers: DayNumbers = "iso") -> list[AvailabilityWindow]:
    """Return weekly windows in the protocol's form, by day, combined where they touch or overlap.

    A span that ends before its start goes on to the next day and is split at midnight. 24:00, midnight and everything from 23:59 on
    is the end of the day as an end. Hours from 24 on are on the next day (Friday 18:00-26:00).

    :param hours: see :data:`Hours`. "closed", None and an empty list are no hours. A text without days is for every day.
    :param day_numbers: the meaning of a day's number.
    :raises InvalidArgument: with the part that cannot be read, or is ambiguous (5-10 pm: am or pm at both times).
    """
    days: list[list[tuple[int, int]]] = [[] for _ in _WEEK]
    for span in _spans(hours, day_numbers):
        for day, start, end in _split_at_midnight(*span):
            days[day].append((start, end))
    return [
        AvailabilityWindow(day_of_week=_WEEK[day], start=_time(start), end=_time(end))
        for day, spans in enumerate(days)
        for start, end in _combined(spans)
    ]


def _spans(hours: Hours, day_numbers: DayNumbers) -> Iterator[_Span]:
    if isinstance(hours, Mapping):
        hours = _unwrapped(hours)
    if isinstance(hours, str):
        yield from _from_text(hours, day_numbers)
    elif isinstance(hours, Mapping):
        for day, spans in hours.items():
            parts = [*_parts_of_day(spans, day_numbers)]
            yield from ((number, start, end) for number in _day_numbers(day, day_numbers) for start, end in parts)
    elif _is_list_of(str, hours):
        for text in hours:
            yield from _from_text(str(text), day_numbers)
    else:
        for day, start, end in _entries(hours):
            several = [day] if isinstance(day, str | int) or not isinstance(day, Iterable) else [*day]
            for one in several:
                for number in _day_numbers(one, day_numbers):
                    yield (number, *_start_and_end(start, end))


def _unwrapped(hours: Mapping[Any, Any]) -> Any:
    """Return the list of objects that a single object, or an object around the list, means; any other mapping as it is."""
    if any(_MEMBERS["day"].fullmatch(_letters(name)) for name in hours):
        return [hours]
    (inner,) = hours.values() if len(hours) == 1 else (None,)
    is_wrapper = (
        inner and _is_list_of(Mapping, inner) and any(_MEMBERS["day"].fullmatch(_letters(name)) for name in inner[0])
    )
    return inner if is_wrapper else hours


def _parts_of_day(spans: object, day_numbers: DayNumbers) -> Iterator[tuple[int, int]]:
    """Yield starts and ends of a day's spans: a text, an object, or a list of tuples and objects."""
    if isinstance(spans, str):
        yield from ((start, end) for _, start, end in _from_text(spans, day_numbers, days=[0]))
        return
    for span in [spans] if isinstance(spans, Mapping) else _listed(spans):
        if isinstance(span, Mapping):
            yield from (_start_and_end(start, end) for _, start, end in _entries([{"day": "", **span}]))
        else:
            start, end = _entry(span, "start and end", 2)
            yield _start_and_end(start, end)


def _entries(hours: object) -> Iterator[tuple[object, ...]]:
    """Yield day, start and end of tuples and of objects."""
    for entry in _listed(hours):
        if not isinstance(entry, Mapping):
            yield _entry(entry, "day, start and end", 3)
            continue
        day = _member(entry, "day")
        spans = next((value for value in entry.values() if _is_list_of(Mapping, value)), [entry])
        for span in spans:
            if any(value is True and _CLOSED.fullmatch(str(name)) for name, value in span.items()):
                continue
            start, end = _member(span, "start"), _member(span, "end")
            if start is not None or end is not None:  # else it is closed
                yield day, start, end


_MEMBERS = {
    "day": re.compile(r"(day|weekday)s?(ofweek)?"),
    "start": re.compile(r"(start|open|begin)s?(local)?(time|at)?|(time)?from"),
    "end": re.compile(r"(end|close)s?(local)?(time|at)?|until|till|(time)?to"),
}


_CLOSED = re.compile(r"(is_?)?closed", re.IGNORECASE)


def _member(entry: Mapping[object, object], meaning: str) -> object:
    """Return the member of an object that has a meaning, by its usual names (``start_time``, ``startLocalTime``, ``opens``)."""
    for name, value in entry.items():
        if _MEMBERS[meaning].fullmatch(_letters(name)):
            return value
    raise InvalidArgument(f"{_shown(entry)} has no {meaning}")


def _letters(name: object) -> str:
    return re.sub(r"[^a-z]", "", str(name).lower())


def _is_list_of(kind: type, value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, kind) for one in value)


def _listed(value: object) -> Iterable[object]:
    if value is None or isinstance(value, Iterable):
        return value or ()
    raise InvalidArgument(f"{_shown(value)} is not a list of hours")


def _entry(value: object, meaning: str, length: int) -> tuple[object, ...]:
    if isinstance(value, tuple | list) and len(value) == length:
        return tuple(value)
    raise InvalidArgument(f"{_shown(value)} is not a tuple of {meaning}")


def _from_text(text: str, day_numbers: DayNumbers, days: Iterable[int] = range(7)) -> Iterator[_Span]:
    """Read entries of days and spans; an entry without days has those of the entry before."""
    if len(text) > _LONGEST:
        raise InvalidArgument(f"hours of {len(text):,} characters")
    rest = " ".join(text.lower().replace("–", "-").replace("—", "-").split())
    while rest := rest.strip(" ;,&|."):
        match = _ENTRY.match(rest)
        if match is None:
            raise InvalidArgument(f"{_shown(rest)} is not read as opening hours, such as 'Mon-Fri 9:00-17:00'")
        if names := match["days"].strip(" ,:.-;"):
            days = _day_numbers(names, day_numbers)
        if match["closed"] is None:
            start, end = (0, _DAY) if match["all"] else _start_and_end(match["start"], match["end"])
            yield from ((day, start, end) for day in days)
        rest = rest[match.end() :]


def _day_numbers(day: object, day_numbers: DayNumbers) -> list[int]:
    """Return the days (Monday is 0) of a name, a number, a list or a range of them."""
    if isinstance(day, int) and not isinstance(day, bool):
        lowest, weekday = _FIRST_NUMBER[day_numbers]
        if not 0 <= day - lowest < len(_WEEK):
            raise InvalidArgument(
                f"day {day} is not one of {lowest} to {lowest + 6}; choose day_numbers for the builder: {', '.join(_FIRST_NUMBER)}"
            )
        return [(day - lowest + weekday) % len(_WEEK)]
    if not isinstance(day, str):
        raise InvalidArgument(f"{_shown(day)} is not a day")
    text = day.lower().replace("–", "-").strip()
    if text.isdecimal() and len(text) <= 2:
        return _day_numbers(int(text), day_numbers)
    if text in _GROUPS:
        return [*_GROUPS[text]]
    text = re.sub(r"https?://\S*/", "", text)  # https://schema.org/Monday
    text = re.sub(r"\s*-\s*", "-", re.sub(r"\s(?:to|through|thru)\s", "-", text))
    days: list[int] = []
    for part in re.split(r"(?:[\s,&/]|\band\b)+", text):
        first, _, last = (one.strip(".:") for one in part.partition("-"))
        if first not in _NAMES or (last and last not in _NAMES):
            raise InvalidArgument(f"{_shown(day)} is not a day")
        length = (_NAMES[last or first] - _NAMES[first]) % len(_WEEK) + 1
        days += ((_NAMES[first] + step) % len(_WEEK) for step in range(length))
    return days


def _start_and_end(start: object, end: object) -> tuple[int, int]:
    (first, first_half), (last, last_half) = _seconds(start), _seconds(end)
    for clock, half, other in ((first, first_half, last_half), (last, last_half, first_half)):
        if other and half is None and _HOUR <= clock < 13 * _HOUR:
            raise InvalidArgument(f"{_shown(start)} to {_shown(end)} is ambiguous: write am or pm at both times")
    if last < first and _is_of_either_half(start, end):
        raise InvalidArgument(
            f"{_shown(start)} to {_shown(end)} is ambiguous: write am or pm, or two digits for each hour"
        )
    if first >= _DAY:
        raise InvalidArgument(f"{_shown(start)} is not the start of hours: it is on the next day")
    if last == first:
        message = "is ambiguous: write closed for no time, or 00:00 to 24:00 for a whole day"
        raise InvalidArgument(f"{_shown(start)} to {_shown(end)} {message}")
    if last <= first:
        last += _DAY
    if _DAY - _MINUTE <= last < _DAY:
        last = _DAY
    if last - first > _DAY:
        raise InvalidArgument(f"{_shown(start)} to {_shown(end)} is longer than a day")
    return first, last


def _seconds(clock: object) -> tuple[int, str | None]:
    """Return the seconds since midnight, and "a" or "p" of am or pm; "" when none is needed, None when it is missing."""
    if isinstance(clock, time):
        return (clock.hour * 60 + clock.minute) * 60 + clock.second, ""
    text = clock.strip().lower() if isinstance(clock, str) else ""
    if text in ("noon", "midnight"):
        return (_DAY // 2 if text == "noon" else 0), ""
    if re.fullmatch(r"\d{4}", text):  # 0930
        text = f"{text[:2]}:{text[2:]}"
    match = _PARTS.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"{_shown(clock)} is not a time")
    hour, minute, second = int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0)
    half: str | None = match["half"]
    if minute > 59 or second > 59 or hour > (12 if half else 47) or (half and not hour):
        raise InvalidArgument(f"{_shown(clock)} is not a time")
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return (hour * 60 + minute) * 60 + second, half


def _is_of_either_half(start: object, end: object) -> bool:
    """Return True for "9-5" and "11:00-2:00", which people write for am and pm; clocks of 24 hours write 09:00 or 02:00."""
    return all(
        isinstance(one, str) and re.fullmatch(r"([1-9]|1[0-2])([:.h]\d\d)?", one.strip()) for one in (start, end)
    )


def _split_at_midnight(day: int, start: int, end: int) -> Iterator[_Span]:
    yield day, start, min(end, _DAY)
    if end > _DAY:
        yield (day + 1) % len(_WEEK), 0, end - _DAY


def _combined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    combined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if combined and start <= combined[-1][1]:
            combined[-1] = combined[-1][0], max(end, combined[-1][1])
        else:
            combined.append((start, end))
    return combined


def _time(seconds: int) -> time:
    return time(seconds // 3_600 % 24, seconds // 60 % 60, seconds % 60)


def _shown(value: object) -> str:
    return repr(value)[:60]
