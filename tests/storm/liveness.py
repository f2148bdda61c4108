"""Liveness of the web servers, as a platform probes it: one that does not answer for long is ended and started again."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import requests

from tests.storm.installation import Installation, Member

__all__ = ["Liveness"]

_EVERY = 5.0
_PATIENCE = 150.0
"""Seconds without an answer: much longer than any fault lasts, and than a start takes on a busy machine."""


class Liveness:
    """Probes the web servers.

    :ivar hangs: servers that did not answer. Each has written the stacks of its threads to its log.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._stop = threading.Event()
        self._answered: dict[str, tuple[int, float]] = {}
        self.hangs: list[str] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Probe within the block."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def all_answer(self) -> bool:
        """Return True if every web server answers."""
        return all(self._answers(member) for member in self._installation.of_kind("web"))

    def _work(self) -> None:
        while not self._stop.wait(_EVERY):
            for member in self._installation.of_kind("web"):
                if member.expected and member.running:
                    self._probe(member)

    def _probe(self, member: Member) -> None:
        pid, last = self._answered.get(member.name, (0, 0.0))
        now = time.monotonic()
        if pid != member.pid or self._answers(member):
            self._answered[member.name] = (member.pid, now)
        elif now - last > _PATIENCE:
            self.hangs.append(f"{member.name} (pid {pid}) did not answer for {now - last:.0f} s")
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGABRT)  # Python writes the stacks
            time.sleep(2)
            member.kill()
            member.start()

    def _answers(self, member: Member) -> bool:
        with suppress(requests.RequestException):
            return requests.get(self._installation.health_url(member), timeout=10).status_code < 500
        return False
