"""A vendor's code that blocks holds its own thread, and nobody waits for it longer than agreed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.vendor_calls import VendorCalls


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_result_and_exception_are_passed_on() -> None:
    calls = VendorCalls("test")
    assert calls.run(lambda: 7, seconds=PATIENCE) == 7
    for error in (KeyError("x"), TimeoutError("of the vendor"), SystemExit(3)):

        def fail(error: BaseException = error) -> None:
            raise error

        with pytest.raises(type(error)) as caught:
            calls.run(fail, seconds=PATIENCE)
        assert caught.value is error


def test_call_that_blocks_ends_the_wait_at_its_deadline(released: threading.Event) -> None:
    with pytest.raises(TimeoutError, match=r"test: no result within 0\.1 s"):
        VendorCalls("test").run(released.wait, seconds=0.1)


def test_nobody_waits_while_all_calls_block(released: threading.Event) -> None:
    calls = VendorCalls("test", limit=2)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            calls.run(released.wait, seconds=0.1)
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="2 earlier calls have not ended"):
        calls.run(lambda: 7, seconds=10 * PATIENCE)
    assert time.monotonic() - started < PATIENCE
    released.set()
    wait_until(lambda: calls._overdue == 0)
    assert calls.run(lambda: 7, seconds=PATIENCE) == 7
