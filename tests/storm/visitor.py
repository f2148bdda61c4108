"""The operator whose browser shows the console all the time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.storm.installation import Installation

__all__ = ["Visitor"]

_PAGES = ("/", "/orders", "/alerts", "/dead-letters", "/stores")
_HEADERS = {"X-User": "storm", "X-Console-Proxy-Secret": "storm"}


class Visitor:
    """Reads pages of the console.

    :ivar answers: number of answers by their status, 0 without one.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._stop = threading.Event()
        self.answers: Counter[int] = Counter()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Read within the block."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def complaints(self) -> Iterator[str]:
        """Yield the pages that cannot be read."""
        for page in _PAGES:
            if (status := self._read(page)) != 200:
                yield f"the page {page} of the console answers {status} at rest"

    def _work(self) -> None:
        while not self._stop.is_set():
            for page in _PAGES:
                self.answers[self._read(page)] += 1
                if self._stop.wait(3):
                    return

    def _read(self, page: str) -> int:
        try:
            url = f"{self._installation.console_url}{page}"
            return requests.get(url, headers=_HEADERS, timeout=30, allow_redirects=False).status_code
        except requests.RequestException:
            return 0
