"""Opening hours in the store's local time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from webhook_kit.catalog.hours import always_open, is_open
from webhook_kit.gett.models.catalog import AvailabilityWindow, DayOfWeek

NEW_YORK = ZoneInfo("America/New_York")


def window(day: DayOfWeek, start: str, end: str) -> AvailabilityWindow:
    return AvailabilityWindow(day_of_week=day, start=time.fromisoformat(start), end=time.fromisoformat(end))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LUNCH = [window(DayOfWeek.WEDNESDAY, "11:00:00", "15:00:00")]  # 2026-07-01 is a Wednesday


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-07-01T10:59:59.999999", False),
        ("2026-07-01T11:00:00", True),
        ("2026-07-01T14:59:59.999999", True),
        ("2026-07-01T15:00:00", False),
        ("2026-07-02T12:00:00", False),
    ],
)
def test_window_includes_its_start_and_excludes_its_end(moment: str, expected: bool) -> None:
    assert is_open(LUNCH, utc(moment), UTC) is expected


def test_windows_are_in_the_store_s_zone() -> None:
    assert is_open(LUNCH, utc("2026-07-01T15:00:00"), NEW_YORK)  # 11:00 there
    assert not is_open(LUNCH, utc("2026-07-01T12:00:00"), NEW_YORK)  # 8:00 there


def test_time_may_be_given_in_any_zone() -> None:
    assert is_open(LUNCH, datetime(2026, 7, 1, 17, tzinfo=timezone(timedelta(hours=2))), NEW_YORK)


def test_weekday_is_that_of_the_store_s_local_time() -> None:
    late = [window(DayOfWeek.TUESDAY, "22:00:00", "00:00:00")]
    assert is_open(late, utc("2026-07-01T03:00:00"), NEW_YORK)  # still Tuesday, 23:00


def test_end_at_midnight_is_the_end_of_the_day() -> None:
    late = [window(DayOfWeek.WEDNESDAY, "22:00:00", "00:00:00")]
    assert is_open(late, utc("2026-07-01T23:59:59.999999"), UTC)
    assert not is_open(late, utc("2026-07-02T00:00:00"), UTC)


def test_fractions_of_a_second_are_compared() -> None:
    nearly_all_day = [AvailabilityWindow(day_of_week=DayOfWeek.WEDNESDAY, start=time.min, end=time.max)]
    assert is_open(nearly_all_day, utc("2026-07-01T23:59:59.5"), UTC)


@pytest.mark.parametrize("windows", [None, []])
def test_without_windows_it_is_never_open(windows: list[AvailabilityWindow] | None) -> None:
    assert not is_open(windows, utc("2026-07-01T12:00:00"), UTC)


def test_window_that_ends_before_it_starts_is_never_open() -> None:
    over_midnight = [window(DayOfWeek.WEDNESDAY, "22:00:00", "02:00:00")]
    assert not any(is_open(over_midnight, utc("2026-07-01T00:30:00") + timedelta(hours=h), UTC) for h in range(48))


def test_always_open_is_open_in_every_minute_of_the_week() -> None:
    windows = always_open()
    start = utc("2026-06-28T00:00:00")
    assert all(is_open(windows, start + timedelta(minutes=m, seconds=59), NEW_YORK) for m in range(0, 7 * 24 * 60, 7))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-08T06:59:59", False),  # 01:59:59, then the clock jumps to 03:00
        ("2026-03-08T07:00:00", False),  # 03:00:00
    ],
)
def test_hour_that_the_clock_skips_is_never_open(moment: str, expected: bool) -> None:
    assert is_open([window(DayOfWeek.SUNDAY, "02:00:00", "03:00:00")], utc(moment), NEW_YORK) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-01T04:59:59", False),  # 00:59:59
        ("2026-11-01T05:30:00", True),  # 01:30 in summer time
        ("2026-11-01T06:30:00", True),  # 01:30 again, in winter time
        ("2026-11-01T07:00:00", False),  # 02:00
    ],
)
def test_hour_that_the_clock_repeats_is_open_twice(moment: str, expected: bool) -> None:
    assert is_open([window(DayOfWeek.SUNDAY, "01:00:00", "02:00:00")], utc(moment), NEW_YORK) is expected


def test_clock_change_of_half_an_hour_is_supported() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")  # 2026-10-04: at 02:00 (+10:30) the clock jumps to 02:30 (+11)
    breakfast = [window(DayOfWeek.SUNDAY, "02:30:00", "03:00:00")]
    assert not is_open(breakfast, utc("2026-10-03T15:29:59"), zone)
    assert is_open(breakfast, utc("2026-10-03T15:30:00"), zone)
    assert not is_open(breakfast, utc("2026-10-03T16:00:00"), zone)


def test_naive_time_is_rejected() -> None:
    with pytest.raises(ValueError, match="time zone"):
        is_open(LUNCH, datetime(2026, 7, 1, 12), UTC)  # noqa: DTZ001
