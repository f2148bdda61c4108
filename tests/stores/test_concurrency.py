"""A task for many stores, some at a time."""

from __future__ import annotations

import threading

import pytest

from webhook_kit.adapter import Store
from webhook_kit.stores.concurrency import for_each_store
from webhook_kit.testing.processes import PATIENCE

STORES = [Store(f"s{number}", f"gett-{number}", "bogus") for number in range(20)]


def test_results_come_in_the_order_of_the_stores_and_are_reported_in_the_calling_thread() -> None:
    reported: list[tuple[str, int]] = []
    first_may_end = threading.Event()

    def task(store: Store) -> str:
        if store.id == "s0":
            assert first_may_end.wait(PATIENCE)
        else:
            first_may_end.set()
        return store.id

    results = for_each_store(STORES, task, lambda name: reported.append((name, threading.get_ident())), name="test")
    assert results == [store.id for store in STORES]
    assert sorted(name for name, _ in reported) == sorted(results)
    assert {thread for _, thread in reported} == {threading.get_ident()}


def test_no_more_than_eight_stores_are_handled_at_once() -> None:
    running, most, lock, enough = 0, 0, threading.Lock(), threading.Event()

    def task(_: Store) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 8:
                enough.set()
        assert enough.wait(PATIENCE)
        with lock:
            running -= 1

    for_each_store(STORES, task, name="test")
    assert most == 8


def test_an_exception_of_the_task_reaches_the_caller() -> None:
    def task(store: Store) -> None:
        raise ValueError(store.id)

    with pytest.raises(ValueError, match="s"):
        for_each_store(STORES, task, name="test")
