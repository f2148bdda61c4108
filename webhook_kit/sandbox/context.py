"""The parts that all modules of the sandbox share."""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import datetime
from typing import Any

from webhook_kit.sandbox.clock import Clock
from webhook_kit.sandbox.faults import Fault, Faults
from webhook_kit.sandbox.options import Options
from webhook_kit.sandbox.quota import CallQuota
from webhook_kit.sandbox.scheduler import Scheduler, Task
from webhook_kit.sandbox.seeded_random import SeededRandom
from webhook_kit.sandbox.state import SandboxModel, SandboxState
from webhook_kit.sandbox.traffic_log import TrafficLog
from webhook_kit.sandbox.update_log import UpdateLog

__all__ = ["SandboxContext", "SavedState"]


class SavedState(SandboxModel):
    """A whole sandbox as JSON: state, scheduled tasks, options, faults, clock, and position of the random sequences."""

    now: datetime
    speed: float
    seed: str
    drawn: dict[str, int]
    options: Options
    faults: list[Fault]
    tasks: list[Task]
    state: SandboxState


class SandboxContext:
    """State and shared parts of one sandbox. Hold :attr:`lock` while reading or changing :attr:`state`.

    :param api_key: the partner's API key.
    :param secret: secret that signs webhooks.
    :param seed: random seed of ids, tokens and probabilities.
    :param hosts: names by which the sandbox is called, in addition to ``127.0.0.1`` and ``localhost``.
    """

    def __init__(
        self,
        api_key: str,
        *,
        secret: str = "whsec_sandbox",  # noqa: S107 - a secret between two processes of one machine
        options: Options | None = None,
        seed: str = "sandbox",
        clock: Clock | None = None,
        hosts: Collection[str] = (),
    ) -> None:
        self.api_key = api_key
        self.hosts = hosts
        self.secret = secret
        self.options = options or Options()
        self.clock = clock or Clock()
        self.random = SeededRandom(seed)
        self.log = TrafficLog()
        self.faults = Faults(self.random)
        self.update_log = UpdateLog(self.faults)
        self.quota = CallQuota(self.clock)
        self.scheduler = Scheduler(self.clock)
        self.lock = threading.RLock()
        self.state = SandboxState()

    def save(self) -> SavedState:
        """Return everything as it is now."""
        with self.lock:
            return SavedState(
                now=self.clock.now(),
                speed=self.clock.speed,
                seed=self.random.seed,
                drawn=self.random.drawn(),
                options=self.options,
                faults=self.faults.rules(),
                tasks=self.scheduler.tasks(),
                state=self.state.model_copy(deep=True),
            )

    def load(self, saved: SavedState) -> None:
        """Replace everything by what was saved."""
        with self.lock:
            self.options = saved.options
            self.state = saved.state
            self.faults.replace(saved.faults)
            self.random.restore(saved.seed, saved.drawn)
            self.quota.reset()
            self.clock.set(now=saved.now, speed=saved.speed)
            self.scheduler.restore(saved.tasks)

    def reset(self) -> None:
        """Delete everything but options, clock and seed. Ids are not used again, because partners may keep earlier ones."""
        with self.lock:
            self.state = SandboxState()
            self.faults.replace([])
            self.quota.reset()
            self.scheduler.restore([])
            self.log.clear()

    def append_log(self, kind: str, **members: Any) -> None:
        """Append an entry to the traffic log, at the time of the sandbox's clock."""
        self.log.append(kind, self.clock.now(), **members)

    def close(self) -> None:
        """Stop the background threads."""
        self.scheduler.close()
