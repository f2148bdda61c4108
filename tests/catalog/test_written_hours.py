from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.catalog.written_hours import parse_hours
from webhook_kit.errors import InvalidArgument
from webhook_kit.gett.models.catalog import DayOfWeek

WEEK = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]


def windows(hours: Any, **options: Any) -> list[str]:
    """Return windows in a short form: ``Mo 09:00-17:00``, with 24:00 as the end of the day."""
    found = parse_hours(hours, **options)
    return [
        f"{one.day_of_week[:2]} {one.start:%H:%M}-{'24:00' if one.end == time(0) else f'{one.end:%H:%M}'}"
        for one in found
    ]


def on(days: str, hours: str) -> list[str]:
    return [f"{day} {hours}" for day in days.split()]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Mon-Fri 9:00-17:00", on("Mo Tu We Th Fr", "09:00-17:00")),
        ("Mo-Fr 09:00-17:00", on("Mo Tu We Th Fr", "09:00-17:00")),
        ("Monday to Friday 9 am to 5 p.m.", on("Mo Tu We Th Fr", "09:00-17:00")),
        ("weekdays 9:00 - 17:00", on("Mo Tu We Th Fr", "09:00-17:00")),
        ("Mo,Tu 09:00-12:00", on("Mo Tu", "09:00-12:00")),
        ("Mon and Wed: 9–12", on("Mo We", "09:00-12:00")),
        ("Fri-Mon 12:00-13:00", on("Mo Fr Sa Su", "12:00-13:00")),
        ("Tues, Thurs 9h30-10h30", on("Tu Th", "09:30-10:30")),
        ("Mon-Fri 9-17, Sat 10 am - noon", [*on("Mo Tu We Th Fr", "09:00-17:00"), "Sa 10:00-12:00"]),
        ("Mon: 11:00-14:00, 17:00-22:00\nTue: closed", ["Mo 11:00-14:00", "Mo 17:00-22:00"]),
        ("Sat 10:00-24:00", ["Sa 10:00-24:00"]),
        ("Sat 10:00-00:00", ["Sa 10:00-24:00"]),
        ("Sat 10:00-23:59", ["Sa 10:00-24:00"]),
        ("Sat 10:00-23:59:59", ["Sa 10:00-24:00"]),
        ("Sat noon-midnight", ["Sa 12:00-24:00"]),
        ("Sat 12 am-12 pm", ["Sa 00:00-12:00"]),
        ("Sat 00:00-24:00", ["Sa 00:00-24:00"]),
        ("Sat open 24 hours", ["Sa 00:00-24:00"]),
        ("Sat 7:30 am-5:30 am", ["Sa 07:30-24:00", "Su 00:00-05:30"]),
        ("Sun 22:00-2:00", ["Mo 00:00-02:00", "Su 22:00-24:00"]),
        ("Fri 18:00-26:00", ["Fr 18:00-24:00", "Sa 00:00-02:00"]),
        ("Mon 9-12, Mon 11-14, Mon 14-15", ["Mo 09:00-15:00"]),
        ("closed", []),
        ("", []),
        ("9:00-17:00", on(" ".join(WEEK), "09:00-17:00")),
        ([], []),
        ({"monday": "9-17", "Tue": [("9:00", time(12))], "Wed": None, 4: "closed", DayOfWeek.SATURDAY: "12 pm-1 pm"}, ["Mo 09:00-17:00", "Tu 09:00-12:00", "Sa 12:00-13:00"]),
        ([("Mon", "9:00", "17:00"), (["https://schema.org/Tuesday", "WEDNESDAY"], "9:00", "17:00")], on("Mo Tu We", "09:00-17:00")),
        ([{"day_of_week": "MON", "start_local_time": "09:00:00", "end_local_time": "17:00:00"}], ["Mo 09:00-17:00"]),
        ([{"dayOfWeek": ["Saturday"], "opens": "9:00", "closes": "17:00", "@type": "x"}], ["Sa 09:00-17:00"]),
        ([{"days": ["MONDAY"], "timeRanges": [{"start": "9:00", "end": "12:00"}, {"from": "13:00", "to": "14:00"}]}], ["Mo 09:00-12:00", "Mo 13:00-14:00"]),
        ([{"day": "Sun", "closed": True}, {"day": "Mon", "open": None, "close": None}, {"day": 2, "isClosed": False, "open": "0930", "close": "1700"}], ["Tu 09:30-17:00"]),
        ([{"day_of_week": "monday", "time_periods": []}], []),
        ("Mon 0900-1730", ["Mo 09:00-17:30"]),
        (["Mo-Tu 09:00-17:00", "Sa 10:00-14:00"], [*on("Mo Tu", "09:00-17:00"), "Sa 10:00-14:00"]),
        ({"monday": {"open": "09:00", "close": "17:00"}, "tuesday": [{"start": "9:00", "end": "12:00"}], "sunday": {"closed": True}}, ["Mo 09:00-17:00", "Tu 09:00-12:00"]),
        ({"@type": "x", "dayOfWeek": "Monday", "opens": "09:00", "closes": "17:00"}, ["Mo 09:00-17:00"]),
        ({"periods": [{"day_of_week": "MON", "start_local_time": "09:00:00", "end_local_time": "17:00:00"}]}, ["Mo 09:00-17:00"]),
        ("Mon 09:00-05:00", ["Mo 09:00-24:00", "Tu 00:00-05:00"]),
        ("Mon 22-6", ["Mo 22:00-24:00", "Tu 00:00-06:00"]),
        ([(1, "9:00", "10:00"), ("7", "9:00", "10:00")], ["Mo 09:00-10:00", "Su 09:00-10:00"]),
    ],
)  # fmt: skip
def test_hours_are_read_as_people_and_systems_write_them(written: Any, expected: list[str]) -> None:
    assert windows(written) == expected


@pytest.mark.parametrize(("numbers", "day"), [("monday0", "Tu"), ("sunday0", "Mo"), ("sunday1", "Su"), ("iso", "Mo")])
def test_meaning_of_a_number_is_chosen(numbers: str, day: str) -> None:
    assert windows([(1, "9:00", "10:00")], day_numbers=numbers) == [f"{day} 09:00-10:00"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Mon 5-10 pm", "'5' to '10 pm' is ambiguous"),
        ("Mon 5 pm-11", "ambiguous"),
        ("Mon 10:00-10:00", "write closed for no time, or 00:00 to 24:00"),
        (
            "Mon 00:00-00:00",
            "write closed for no time, or 00:00 to 24:00",
        ),  # closed on schema.org, a whole day elsewhere
        ([{"day": "Mon", "start": "9:00"}], "has no end"),
        ([{"start": "9:00", "end": "10:00"}], "has no day"),
        ("Mon 9-5", "ambiguous"),
        ([("Mon", "11:00", "2:00")], "ambiguous"),
        ("Mon 9 to five", "mon 9 to five"),
        ("Montag 9-17", "'montag' is not a day"),
        ("Mon 9:75-10:00", "'9:75' is not a time"),
        ("Mon 9090-1000", "'9090' is not a time"),
        ("Mon 13 pm-14 pm", "'13 pm' is not a time"),
        ("Mon 10:00-36:00", "longer than a day"),
        ("Mon 25:00-26:00", "next day"),
        ("x" * 3_000, "3,000 characters"),
        ([(0, "9:00", "10:00")], "choose day_numbers"),
        ([("Mon", "9:00")], "not a tuple of day, start and end"),
        ([(None, "9:00", "10:00")], "None is not a day"),
        ([("Mon", 9, 10)], "9 is not a time"),
        ({"Mon": [("9:00",)]}, "not a tuple of start and end"),
        (5, "not a list of hours"),
        ({"9" * 5_000: "9:00-17:00"}, "is not a day"),
    ],
)
def test_hours_that_cannot_be_read_are_refused_with_the_part(written: Any, said: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_hours(written)
    assert said in str(caught.value)


@given(st.text(alphabet="mon tufri0123456789:-,;apm.–", max_size=40))
def test_any_text_is_hours_or_refused(text: str) -> None:
    try:
        found = parse_hours(text)
    except InvalidArgument:
        return
    for one in found:
        assert one.start < one.end or one.end == time(0)
