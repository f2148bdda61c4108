"""The same task for many stores, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from webhook_kit.adapter import Store

__all__ = ["for_each_store"]

_STORES_AT_ONCE = 8
"""More would wait for the same POS or for Redis."""

Result = TypeVar("Result")


def for_each_store(
    stores: Iterable[Store],
    task: Callable[[Store], Result],
    on_result: Callable[[Result], object] = lambda _: None,
    *,
    name: str,
) -> list[Result]:
    """Run a task for each store, each in a thread.

    :param task: handles its own errors: an exception ends the whole call.
    :param on_result: called in the calling thread with each result as it is there.
    :param name: prefix of the threads' names.
    :return: the results in the order of the stores.
    """
    with ThreadPoolExecutor(_STORES_AT_ONCE, thread_name_prefix=name) as pool:
        running = [pool.submit(task, store) for store in stores]
        for done in as_completed(running):
            on_result(done.result())
        return [done.result() for done in running]
