"""What is to happen later, on the sandbox's clock: pulls, retries, events. It is data, so it can be saved with the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from webhook_kit.gett.models.base import UtcTime
from webhook_kit.sandbox.clock import Clock
from webhook_kit.sandbox.state import SandboxModel

__all__ = ["Scheduler", "Task"]

_LONGEST_WAIT = 3600.0  # real seconds; a clock that is set wakes the agenda anyway


class Task(SandboxModel):
    """Something to do: ``kind`` names who does it, ``arguments`` are JSON data."""

    number: int
    due: UtcTime
    kind: str
    arguments: dict[str, Any]


class Scheduler:
    """Does each task in a thread of its own when its time has come; the next ones do not wait for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._handlers: dict[str, Callable[..., None]] = {}
        self._waiting: dict[int, Task] = {}
        self._running: dict[int, Task] = {}
        self._count = 0
        self._thread: threading.Thread | None = None
        self._ended = False
        clock.on_change(self._wake)

    def register(self, kind: str, handler: Callable[..., None]) -> None:
        """Say who does the tasks of a kind; it gets their arguments by name."""
        self._handlers[kind] = handler

    def add(self, kind: str, *, delay: float = 0.0, **arguments: Any) -> None:
        """Do something, ``delay`` seconds of the sandbox's clock from now."""
        due = self._clock.now() + timedelta(seconds=delay)
        with self._changed:
            if self._ended:
                return
            self._count += 1
            self._waiting[self._count] = Task(number=self._count, due=due, kind=kind, arguments=arguments)
            self._start()
            self._changed.notify_all()

    def tasks(self) -> list[Task]:
        """What is not done yet, what is being done included, in the order in which it is due."""
        with self._changed:
            tasks = [*self._running.values(), *self._waiting.values()]
        return sorted(tasks, key=lambda task: (task.due, task.number))

    def restore(self, tasks: list[Task]) -> None:
        """Replace all that waits; what is being done is finished."""
        with self._changed:
            self._count = max([self._count, *(task.number for task in tasks)])
            self._waiting = {task.number: task for task in tasks}
            self._start()
            self._changed.notify_all()

    def close(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _start(self) -> None:
        if self._thread is None and self._waiting:
            self._thread = threading.Thread(target=self._run, name="sandbox agenda", daemon=True)
            self._thread.start()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        with self._changed:
            while not self._ended:
                following = min(self._waiting.values(), key=lambda task: (task.due, task.number), default=None)
                wait = _LONGEST_WAIT if following is None else self._clock.real_seconds_until(following.due)
                if following is None or wait > 0:
                    self._changed.wait(min(wait, _LONGEST_WAIT))
                    continue
                self._running[following.number] = self._waiting.pop(following.number)
                threading.Thread(
                    target=self._do, args=(following,), name=f"sandbox {following.kind}", daemon=True
                ).start()

    def _do(self, task: Task) -> None:
        try:
            self._handlers[task.kind](**task.arguments)
        finally:
            with self._changed:
                self._running.pop(task.number, None)  # another may have been loaded under its number
                self._changed.notify_all()
