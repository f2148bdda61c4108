"""A test is ended after its time, and the time for which it had no CPU does not count."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.mutation import limits


def status_of(call: Callable[[], None]) -> int:
    """Return the status of a process that calls."""
    child = os.fork()
    if child == 0:
        call()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def test_process_that_waits_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_seconds_without_cpu", lambda _: 1.0)

    def wait() -> None:
        limits.limit_time(0.1)
        time.sleep(20)

    assert os.WTERMSIG(status_of(wait)) == signal.SIGALRM


def test_time_without_a_cpu_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = iter([1.0, 31.0])
    monkeypatch.setattr(limits, "_seconds_without_cpu", lambda _: next(waited))

    def wait() -> None:
        limits.limit_time(0.1)
        time.sleep(0.5)

    assert status_of(wait) == 0


def test_time_without_a_cpu_is_known() -> None:
    assert limits._seconds_without_cpu([os.getpid()]) >= 0
    assert limits._seconds_without_cpu([2**30]) == 0
