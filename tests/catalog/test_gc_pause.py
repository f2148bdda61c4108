"""Pause of the garbage collector: while a decorated function runs, and no longer."""

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
def collector_enabled(fail: bool = False) -> bool:
    if fail:
        raise LookupError
    return gc.isenabled()


def test_collector_is_disabled_inside_and_enabled_afterwards() -> None:
    assert not collector_enabled()
    assert gc.isenabled()


def test_collector_is_enabled_after_an_exception() -> None:
    with pytest.raises(LookupError):
        collector_enabled(fail=True)
    assert gc.isenabled()


def test_collector_that_was_disabled_before_stays_disabled() -> None:
    gc.disable()
    collector_enabled()
    assert not gc.isenabled()


def test_collector_is_enabled_when_the_last_of_several_threads_leaves() -> None:
    inside, leave = threading.Event(), threading.Event()

    @gc_paused
    def long() -> None:
        inside.set()
        assert leave.wait(PATIENCE)

    other = threading.Thread(target=long)
    other.start()
    assert inside.wait(PATIENCE)
    collector_enabled()
    assert not gc.isenabled()
    leave.set()
    other.join(PATIENCE)
    assert gc.isenabled()
