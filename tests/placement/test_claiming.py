"""Claim of an order by a webhook: what each result of the idempotency store leads to."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from tests.webhooks.webhook_client import order
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.placement import claiming
from webhook_kit.placement.claiming import claim_or_answer
from webhook_kit.placement.claims import AlreadyPlaced, Busy, Claim, ClaimResult, KeyReused, Replay, SignatureReplayed
from webhook_kit.placement.idempotency_store import PlacementStore

CLAIM = Claim("g1", "k1", "g1", "s", "f1", "owner")


class Records:
    """Records that give one result after the other, the last one for ever, while time passes only by waiting."""

    def __init__(self, *results: ClaimResult) -> None:
        self.results, self.links = list(results), list[tuple[str, str]]()
        self.now, self.pauses = 1000.0, list[float]()

    def claim(self) -> ClaimResult:
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]

    def link(self, ref: str, gett_id: str) -> None:
        self.links.append((ref, gett_id))

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def answer(monkeypatch: pytest.MonkeyPatch, records: Records, *, seconds: float = 10.0) -> Any:
    monkeypatch.setattr(claiming, "time", records)
    requested = PlaceOrderRequest.from_json(json.dumps(order(gettOrderId="g1")))
    return claim_or_answer(cast("PlacementStore", records), requested, records.claim, records.now + seconds)


@pytest.mark.parametrize("newly_linked", ["", "g1"])
def test_recorded_answer_is_given_again_and_its_id_linked(newly_linked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(Replay(200, b"{}", "k1", newly_linked))
    response = answer(monkeypatch, records)
    assert (response.status, response.body, response.ref, response.replayed) == (200, b"{}", "k1", True)
    assert records.links == ([("k1", "g1")] if newly_linked else [])


@pytest.mark.parametrize(
    ("result", "code", "detail"),
    [
        (AlreadyPlaced("T1"), ErrorCode.ORDER_ALREADY_PLACED, "order g1 was placed with other content, as T1"),
        (SignatureReplayed(), ErrorCode.UNAUTHENTICATED, "this signed body came before"),
        (KeyReused(), ErrorCode.VALIDATION_FAILED, "this Idempotency-Key was used for another order"),
    ],
)
def test_order_that_cannot_be_claimed_is_refused(
    result: ClaimResult, code: ErrorCode, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Problem, match=detail) as caught:
        answer(monkeypatch, Records(result))
    assert caught.value.code == code
    if code is ErrorCode.VALIDATION_FAILED:
        (error,) = caught.value.errors
        assert (error.code, error.json_path) == (ErrorCode.OTHER, "$")
        assert detail in error.message


def test_claim_is_waited_for_in_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(*[Busy(30.0)] * 12, CLAIM)
    assert answer(monkeypatch, records) is CLAIM
    assert records.pauses == pytest.approx([*(0.01 * 1.5**n for n in range(8)), *[0.25] * 4])


def test_claim_is_waited_for_until_the_deadline_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(Busy(30.0))
    with pytest.raises(Problem) as caught:
        answer(monkeypatch, records, seconds=0.5)
    assert (caught.value.code, caught.value.retryable, caught.value.retry_after) == (ErrorCode.CONFLICT, True, 5)
    assert sum(records.pauses) == pytest.approx(0.5)
