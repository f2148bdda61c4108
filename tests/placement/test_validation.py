"""Opening hours are read in the store's zone, also in the nights when its clocks are changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any

import pytest

from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import WebhookClient, expect_problem, order
from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import AvailabilityWindow, ExternalItem
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.placement import validation

NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"


@pytest.fixture
def codes(
    make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str, tuple[str, str, str], str], list[str]]:
    """``codes(zone, moment, window)``: errors of an order at a moment in UTC, in a store with this zone and window."""

    def ask(zone: str, moment: str, window: tuple[str, str, str], path: str = "validate") -> list[str]:
        day, start, end = window
        hours = AvailabilityWindow.model_validate({"dayOfWeek": day, "start": start, "end": end})

        def fetch(_store: Store) -> CatalogSet:
            cola = ExternalItem.model_validate({"itemId": "cola", "name": "Cola", "basePrice": 2.75})
            return simple_catalog({"Drinks": [cola]}, availability=[hours])

        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                assert tz is UTC
                return datetime.fromisoformat(moment).replace(tzinfo=UTC)

        client = make_client(**scripted_pos(fetch_catalog=fetch), store_timezone=zone)
        monkeypatch.setattr(validation, "datetime", Clock)
        if path == "place":
            response = client.place(order(amounts={"total": 2.75}))
            return (
                []
                if response.status_code == 200
                else [expect_problem(response, 400, ErrorCode.STORE_CLOSED)["errorCode"]]
            )
        return [error["code"] for error in client.validate(order()).json.get("errors") or []]

    return ask


@pytest.mark.parametrize(
    ("zone", "moment", "window", "is_open"),
    [
        # the clock jumps from 2 to 3 o'clock: the hour between does not exist
        (NEW_YORK, "2026-03-08T06:59:59", ("Sunday", "01:00:00", "02:00:00"), True),
        (NEW_YORK, "2026-03-08T07:00:00", ("Sunday", "01:00:00", "02:00:00"), False),
        (NEW_YORK, "2026-03-08T07:00:00", ("Sunday", "02:00:00", "03:00:00"), False),
        (NEW_YORK, "2026-03-08T07:00:00", ("Sunday", "02:30:00", "04:00:00"), True),
        (BERLIN, "2026-03-29T00:59:59", ("Sunday", "02:00:00", "03:00:00"), False),
        (BERLIN, "2026-03-29T01:00:00", ("Sunday", "02:00:00", "03:00:00"), False),
        (BERLIN, "2026-03-29T01:00:00", ("Sunday", "03:00:00", "04:00:00"), True),
        (LORD_HOWE, "2026-10-03T15:29:59", ("Sunday", "01:30:00", "02:30:00"), True),  # 01:59:59
        (LORD_HOWE, "2026-10-03T15:30:00", ("Sunday", "01:30:00", "02:30:00"), False),  # 02:30
        (LORD_HOWE, "2026-10-03T15:30:00", ("Sunday", "02:00:00", "02:30:00"), False),
        # the clock goes back: an hour, or half of one, exists twice
        (NEW_YORK, "2026-11-01T05:30:00", ("Sunday", "01:00:00", "02:00:00"), True),
        (NEW_YORK, "2026-11-01T06:30:00", ("Sunday", "01:00:00", "02:00:00"), True),
        (NEW_YORK, "2026-11-01T07:00:00", ("Sunday", "01:00:00", "02:00:00"), False),
        (BERLIN, "2026-10-25T00:30:00", ("Sunday", "02:15:00", "02:45:00"), True),
        (BERLIN, "2026-10-25T01:30:00", ("Sunday", "02:15:00", "02:45:00"), True),
        (BERLIN, "2026-10-25T01:45:00", ("Sunday", "02:15:00", "02:45:00"), False),
        (LORD_HOWE, "2026-04-04T14:45:00", ("Sunday", "01:30:00", "02:00:00"), True),  # 01:45 in summer time
        (LORD_HOWE, "2026-04-04T15:15:00", ("Sunday", "01:30:00", "02:00:00"), True),  # 01:45 again
        (LORD_HOWE, "2026-04-04T15:30:00", ("Sunday", "01:30:00", "02:00:00"), False),  # 02:00
        # the day is that of the store's zone
        (BERLIN, "2026-07-01T22:30:00", ("Thursday", "00:00:00", "01:00:00"), True),
        (NEW_YORK, "2026-07-02T03:30:00", ("Wednesday", "23:00:00", "00:00:00"), True),
    ],
)
def test_order_is_accepted_by_the_clock_of_the_store(
    zone: str, moment: str, window: tuple[str, str, str], is_open: bool, codes: Callable[..., list[str]]
) -> None:
    assert codes(zone, moment, window) == ([] if is_open else ["STORE_CLOSED"])


@pytest.mark.parametrize(("moment", "is_open"), [("2026-11-01T06:59:59", True), ("2026-11-01T07:00:00", False)])
def test_place_order_uses_the_same_clock(moment: str, is_open: bool, codes: Callable[..., Any]) -> None:
    result = codes(NEW_YORK, moment, ("Sunday", "01:00:00", "02:00:00"), "place")
    assert result == ([] if is_open else ["STORE_CLOSED"])
