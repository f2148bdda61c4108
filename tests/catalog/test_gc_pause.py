"""The collector pauses while someone works on a menu, and goes on as it was."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.testing.processes import PATIENCE


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


@gc_paused
def working(fail: bool = False) -> bool:
    if fail:
        raise LookupError
    return gc.isenabled()


def test_it_pauses_and_goes_on() -> None:
    assert not working()
    assert gc.isenabled()


def test_it_goes_on_after_a_failure() -> None:
    with pytest.raises(LookupError):
        working(fail=True)
    assert gc.isenabled()


def test_one_that_was_off_stays_off() -> None:
    gc.disable()
    working()
    assert not gc.isenabled()


def test_it_goes_on_when_the_last_of_several_has_finished() -> None:
    inside, leave = threading.Event(), threading.Event()

    @gc_paused
    def long() -> None:
        inside.set()
        assert leave.wait(PATIENCE)

    other = threading.Thread(target=long)
    other.start()
    assert inside.wait(PATIENCE)
    working()
    assert not gc.isenabled()
    leave.set()
    other.join(PATIENCE)
    assert gc.isenabled()
