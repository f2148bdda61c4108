"""Answers to Gett while a POS is down are those that docs/errors.md states: scripts/errors.toml has the table."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from tests.webhooks.scripted_pos import TOTAL, ScriptedPos, raising, scripted_pos
from tests.webhooks.webhook_client import JsonResponse, WebhookClient, order
from webhook_kit.adapter import Capability, Level
from webhook_kit.errors import NotPlaced
from webhook_kit.testing.processes import PATIENCE, wait_until

TEXTS = Path(__file__).parents[2] / "scripts" / "errors.toml"
OUTAGES = tomllib.loads(TEXTS.read_text(encoding="utf-8"))["outages"]

AWAY = raising(ConnectionError())
DOWN: dict[str, Callable[..., Any]] = dict.fromkeys(("quote", "find_order", "place_order", "fetch_catalog"), AWAY)


class ClaimPos(ScriptedPos):
    """The fake POS without look-up: its guarantee is *claim*."""

    capabilities: ClassVar[Mapping[Capability, Level]] = {
        **ScriptedPos.capabilities,
        Capability.FIND_ORDER: Level.UNSUPPORTED,
    }


class Outage:
    """One order of a store whose POS will fail."""

    def __init__(self, client: WebhookClient) -> None:
        self.client, self.key, self.item = client, str(uuid4()), "cola"

    def begin(self, **methods: Callable[..., Any]) -> None:
        """Let methods of the POS fail from now on."""
        ScriptedPos.scripts[str(self.client.kit.settings.store_options["script"])].update(methods)

    def validate(self) -> JsonResponse:
        return self.client.validate(order(self.item))

    def place(self) -> JsonResponse:
        return self.client.place(order(self.item, **TOTAL), self.key)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """An event that calls of the POS wait for; it is set at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def begin_outage(make_client: Callable[..., WebhookClient]) -> Callable[..., Outage]:
    def begin(
        *, adapter: type[ScriptedPos] = ScriptedPos, fails: dict[str, Any] | None = None, **settings: Any
    ) -> Outage:
        store = scripted_pos(**(fails or {})) | {"pos_adapter": f"{adapter.__module__}:{adapter.__qualname__}"}
        return Outage(make_client(**store, lookup_retry_delay=0, **settings))

    return begin


def expect(outage: Outage, case: str) -> None:
    """Check the answers to both webhooks, first to validateOrder, which changes nothing."""
    expect_validate(outage, case)
    expect_place(outage, outage.place(), case)


def expect_validate(outage: Outage, case: str) -> None:
    assert str(outage.validate().status_code) == OUTAGES[case]["validate"]


def expect_place(outage: Outage, response: JsonResponse, case: str) -> None:
    stated = OUTAGES[case]
    assert f"{response.status_code} {outage.client.state(outage.key)}" == stated["place"]
    assert response.headers.get("Retry-After", "") == stated["retry_after"]


@pytest.mark.parametrize(
    ("case", "fails"),
    [
        ("no_connection", {"place_order": raising(NotPlaced("refused"))}),
        ("call_fails", {"place_order": AWAY}),
        ("quote_fails", {"quote": AWAY}),
        ("look_up_fails", {"find_order": AWAY}),
        ("no_catalog", {"fetch_catalog": AWAY}),
    ],
)
def test_a_method_fails(case: str, fails: dict[str, Any], begin_outage: Callable[..., Outage]) -> None:
    expect(begin_outage(fails=fails), case)


def test_a_call_outlives_its_deadline(begin_outage: Callable[..., Outage], release: threading.Event) -> None:
    hanging = begin_outage(
        fails={"place_order": lambda *_: release.wait(PATIENCE)}, webhook_deadline=3.0, pos_deadline=3.0
    )
    expect_validate(hanging, "call_is_late")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(hanging.place)
        wait_until(lambda: hanging.client.state(hanging.key) == "calling")
        expect_place(hanging, hanging.place(), "being_placed")
        expect_place(hanging, first.result(), "call_is_late")


def test_an_order_in_doubt_cannot_be_looked_up(begin_outage: Callable[..., Outage]) -> None:
    in_doubt = begin_outage(fails={"place_order": AWAY})
    in_doubt.place()
    in_doubt.begin(find_order=AWAY)
    expect(in_doubt, "doubt_remains")


def test_an_order_in_doubt_has_neither_look_up_nor_key(begin_outage: Callable[..., Outage]) -> None:
    in_doubt = begin_outage(adapter=ClaimPos, fails={"place_order": AWAY})
    in_doubt.place()
    expect(in_doubt, "doubt_without_look_up")


def test_a_circuit_breaker_is_open(begin_outage: Callable[..., Outage]) -> None:
    down = begin_outage(pos_breaker_failures=1, pos_breaker_seconds=600)
    down.validate()  # so that there is a catalog
    down.begin(**DOWN)
    down.validate()
    expect_validate(down, "circuit_open")
    response = down.place()
    assert 1 < int(response.headers.pop("Retry-After")) <= 600
    response.headers["Retry-After"] = "the rest of `POS_BREAKER_SECONDS`"
    expect_place(down, response, "circuit_open")


def test_too_many_calls_hang(begin_outage: Callable[..., Outage], release: threading.Event) -> None:
    began = threading.Event()

    def hang(*_: Any) -> None:
        began.set()
        release.wait(PATIENCE)

    full = begin_outage(pos_max_calls=1)
    full.validate()
    full.begin(quote=hang)
    with ThreadPoolExecutor() as pool:
        pool.submit(full.validate)
        try:
            assert began.wait(PATIENCE)
            expect(full, "too_many_calls")
        finally:
            release.set()


@pytest.mark.parametrize(
    ("case", "adapter"), [("invalid_cart", ScriptedPos), ("invalid_cart_without_look_up", ClaimPos)]
)
def test_a_cart_is_wrong(case: str, adapter: type[ScriptedPos], begin_outage: Callable[..., Outage]) -> None:
    down = begin_outage(adapter=adapter)
    down.validate()
    down.begin(**DOWN)
    down.item = "no-such-item"
    expect(down, case)


@pytest.mark.parametrize(("case", "item"), [("placed_before", "cola"), ("refused_before", "payment-declined")])
def test_an_order_has_its_answer_already(case: str, item: str, begin_outage: Callable[..., Outage]) -> None:
    down = begin_outage()
    down.item = item
    first = down.place()
    down.begin(**DOWN)
    expect(down, case)
    assert down.place().data == first.data


def test_each_case_of_the_table_is_tried() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [case for case in OUTAGES if f'"{case}"' not in source] == []
