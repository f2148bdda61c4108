"""Answers of Gett's APIs, and what the outbox makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from requests.structures import CaseInsensitiveDict

from tests.fuzz.mutation import split
from tests.fuzz.oracle import Fault, Target
from tests.fuzz.surroundings import Surroundings
from webhook_kit.errors import GettError
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.gett.marketfront import Marketfront
from webhook_kit.gett.models.store import OrderStatus, OrderStatusUpdate
from webhook_kit.outbox.retry_policy import FailedUpdate, RetryPolicy

__all__ = ["NAMES", "targets"]

NAMES = ("gett_answers",)

_URL = "http://127.0.0.1:1"


class _Answering:
    """Transport that gives every call the same answer."""

    def __init__(self, answer: ApiResponse) -> None:
        self._answer = answer

    def send(self, call: ApiCall) -> ApiResponse:
        return self._answer


def targets(_surroundings: Surroundings) -> Iterator[Target]:
    """Yield the targets of this module."""
    yield Target("gett_answers", _answers, parts=2)


def _answers(data: bytes) -> int:
    """Let each call be answered with a status, headers and a body; a line of hyphens is before the body."""
    head, body = split(data, 2)
    first, *lines = head.decode("latin-1").replace("\r", "").split("\n")
    headers = CaseInsensitiveDict({name: value.strip() for name, _, value in (line.partition(":") for line in lines)})
    status = int(first) if first.isascii() and first.isdigit() and len(first) == 3 and first >= "100" else 200
    transport: Any = _Answering(ApiResponse(status, headers, body))
    gett, front = GettClient(_URL, "key", transport=transport), Marketfront(_URL, "key", transport=transport)
    update = OrderStatusUpdate(status=OrderStatus.READY)
    for call in (
        gett.stores,
        partial(gett.store, "1"),
        partial(gett.store_status, "1"),
        partial(gett.onboarding, "1"),
        partial(gett.set_order_status, "1", update),
        partial(front.store, "1"),
    ):
        try:
            call()
        except GettError as error:
            _judge(error)
    return 0


def _judge(error: GettError) -> None:
    """Raise a fault if an error could not be logged, waited for or stored."""
    if len(str(error)) > 1_000 or "\n" in str(error):
        raise Fault(f"an error of {len(str(error))} characters: {str(error)[:200]!r}")
    str(error).encode()
    decision = RetryPolicy().decide(error, FailedUpdate(of_order=True, age=10, attempts=1))
    if decision.delay is not None and not (math.isfinite(decision.delay) and 0 <= decision.delay <= 3_600):
        raise Fault(f"wait {decision.delay} s")
