"""Tasks to run later, on the sandbox's clock: catalog pulls, retries, order events. Tasks are data, so they can be saved."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from webhook_kit.gett.models.base import UtcTime
from webhook_kit.sandbox.clock import Clock
from webhook_kit.sandbox.state import SandboxModel

__all__ = ["Scheduler", "Task"]

_LONGEST_WAIT = 3600.0  # real seconds; a change of the clock ends the wait anyway


class Task(SandboxModel):
    """A task: ``kind`` selects its handler, ``arguments`` are JSON data."""

    number: int
    due: UtcTime
    kind: str
    arguments: dict[str, Any]


class Scheduler:
    """Runs each due task in a separate thread, so that a slow task does not delay others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._handlers: dict[str, Callable[..., None]] = {}
        self._waiting: dict[int, Task] = {}
        self._running: dict[int, Task] = {}
        self._count = 0
        self._thread: threading.Thread | None = None
        self._closed = False
        clock.on_change(self._clock_changed)

    def register(self, kind: str, handler: Callable[..., None]) -> None:
        """Register the handler of a kind of tasks; it is called with their arguments as keywords."""
        self._handlers[kind] = handler

    def add(self, kind: str, *, delay: float = 0.0, **arguments: Any) -> None:
        """Add a task that is due ``delay`` seconds of the sandbox's clock from now."""
        due = self._clock.now() + timedelta(seconds=delay)
        with self._changed:
            if self._closed:
                return
            self._count += 1
            self._waiting[self._count] = Task(number=self._count, due=due, kind=kind, arguments=arguments)
            self._start()
            self._changed.notify_all()

    def tasks(self) -> list[Task]:
        """Return the tasks that are not finished, running ones included, ordered by due time."""
        with self._changed:
            tasks = [*self._running.values(), *self._waiting.values()]
        return sorted(tasks, key=lambda task: (task.due, task.number))

    def restore(self, tasks: list[Task]) -> None:
        """Replace all waiting tasks; running ones are finished."""
        with self._changed:
            self._count = max([self._count, *(task.number for task in tasks)])
            self._waiting = {task.number: task for task in tasks}
            self._start()
            self._changed.notify_all()

    def close(self) -> None:
        """Start no more tasks."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _start(self) -> None:
        if self._thread is None and self._waiting:
            self._thread = threading.Thread(target=self._run, name="sandbox scheduler", daemon=True)
            self._thread.start()

    def _clock_changed(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                next_task = min(self._waiting.values(), key=lambda task: (task.due, task.number), default=None)
                wait = _LONGEST_WAIT if next_task is None else self._clock.real_seconds_until(next_task.due)
                if next_task is None or wait > 0:
                    self._changed.wait(min(wait, _LONGEST_WAIT))
                    continue
                self._running[next_task.number] = self._waiting.pop(next_task.number)
                threading.Thread(
                    target=self._run_task, args=(next_task,), name=f"sandbox {next_task.kind}", daemon=True
                ).start()

    def _run_task(self, task: Task) -> None:
        try:
            self._handlers[task.kind](**task.arguments)
        finally:
            with self._changed:
                self._running.pop(task.number, None)  # a loaded task may have the same number
                self._changed.notify_all()
