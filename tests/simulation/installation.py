"""An installation whose processes, Redis, POS, Gett and clock are in the hands of a test."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import redis

import webhook_kit
from tests.simulation.pos import ADAPTERS, POS
from tests.simulation.process import SimulatedProcess, SimulatedRedis
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.kit import Kit
from webhook_kit.settings import Settings
from webhook_kit.storage import scripts
from webhook_kit.storage.connection import connect, text

__all__ = ["STORE_ID", "Image", "SimulatedInstallation"]

T = TypeVar("T")

STORE_ID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"
_CLOCK = "simulation:clock"
_PREFIX = "s:"
_START = 1_900_000_000.0

Image = dict[bytes, tuple[int, bytes]]
"""Content of Redis: for each key its TTL (ms; 0: none) and its value."""


class _Clock:
    """Stands for the module :mod:`time` in the kit: sleeping takes no time, and moves the clock of Redis too.

    It does so for the thread that created it: threads of kits of earlier tests go on with the real time.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._thread = threading.get_ident()
        self.now = _START

    def reset(self) -> None:
        self.now = _START
        self.sleep(0)

    def sleep(self, seconds: float) -> None:
        if self._is_foreign():
            time.sleep(seconds)
            return
        self.now += seconds
        self._redis.set(_CLOCK, f"{self.now * 1000:.0f}")

    def time(self) -> float:
        return time.time() if self._is_foreign() else self.now

    def monotonic(self) -> float:
        return time.monotonic() if self._is_foreign() else self.now

    def perf_counter(self) -> float:
        return time.perf_counter() if self._is_foreign() else self.now

    def _is_foreign(self) -> bool:
        return threading.get_ident() != self._thread

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class _Inline:
    """Threads of POS calls: a call has ended when it was submitted."""

    def submit(self, job: Callable[[], None]) -> None:
        job()


class SimulatedInstallation:
    """Processes of one installation after the other, or one within a point of another, all in one thread.

    :ivar gett: every request that reached Gett: path and body.
    :ivar answer: Gett's answer to the request of this number.
    """

    def __init__(self, redis_url: str) -> None:
        self._admin = redis.Redis.from_url(redis_url)
        self._settings = {level: _settings(redis_url, adapter) for level, adapter in ADAPTERS.items()}
        self._pool = connect(self._settings["native"]).connection_pool
        self.clock = _Clock(self._admin)
        self._running: list[SimulatedProcess] = []
        self._images: dict[str, Image] = {}
        self.gett: list[tuple[str, bytes]] = []
        self.answer: Callable[[int], ApiResponse] = _taken
        POS.call = self._call

    @classmethod
    @contextmanager
    def start(cls, redis_url: str) -> Iterator[SimulatedInstallation]:
        """Replace the clock of the kit and of its scripts within the block."""
        installation = cls(redis_url)
        read = scripts._read

        def read_with_clock(name: str) -> str:
            source = read(name)
            if name != "webhook_kit.storage/base":
                return source
            changed = source.replace("local time = redis.call('TIME')", f"local time = redis.call('GET', '{_CLOCK}')")
            changed = changed.replace("return time[1] * 1000 + time[2] / 1000", "return tonumber(time)")
            assert changed.count(_CLOCK) == changed.count("tonumber(time)") == 1
            return changed

        scripts._read = read_with_clock
        scripts.load.cache_clear()
        installation._load_scripts()
        for level in ADAPTERS:
            installation._warm_up(level)
        modules = [module for name, module in sys.modules.items() if _uses_clock(name, module)]
        for module in modules:
            vars(module)["time"] = installation.clock
        try:
            yield installation
        finally:
            for module in modules:
                vars(module)["time"] = time
            scripts._read = read
            scripts.load.cache_clear()

    def reset(self, level: str) -> None:
        """Begin anew, with the catalog of the store in Redis."""
        self.restore(self._images[level])
        self.clock.reset()
        self.gett.clear()
        self.answer = _taken
        self._running.clear()

    def run(self, level: str, process: SimulatedProcess, work: Callable[[Kit], T]) -> T:
        """Let a new process work, within the point of another one if one is running."""
        kit = self._make_kit(level, process)
        self._running.append(process)
        try:
            return work(kit)
        finally:
            self._running.pop()

    # -- Redis ---------------------------------------------------------------------------------------------------------

    def image(self) -> Image:
        """Return the content of Redis."""
        keys: list[Any] = self._admin.keys()
        with self._admin.pipeline() as pipeline:
            for key in keys:
                pipeline.pttl(key)
                pipeline.dump(key)
            replies = pipeline.execute()
        return {
            key: (max(ttl, 0), value)
            for key, ttl, value in zip(keys, replies[::2], replies[1::2], strict=True)
            if value
        }

    def restore(self, image: Image) -> None:
        """Replace the content of Redis, as when what was written since then is lost."""
        with self._admin.pipeline() as pipeline:
            pipeline.flushall()
            for key, (ttl, value) in image.items():
                pipeline.restore(key, ttl, value)
            pipeline.execute()
        self.clock.sleep(0)

    def lose_everything(self) -> None:
        """Empty Redis."""
        self.restore({})

    def field(self, key: str, name: str) -> str:
        """Return a field of a hash of the kit; the empty text if there is none."""
        return text(self._admin.hget(f"{_PREFIX}{key}", name))

    # -- set-up --------------------------------------------------------------------------------------------------------

    def _make_kit(self, level: str, process: SimulatedProcess) -> Kit:
        kit = Kit(self._settings[level])
        client = SimulatedRedis(connection_pool=self._pool)
        client.process, client.scripts, client.now = process, self._scripts, self.clock.time
        kit.redis = client
        kit.client = GettClient("https://gett.example", "key", transport=self)
        kit.pos_executor._pool = _Inline()  # type: ignore[assignment]
        # No lease is renewed here: no process works for longer than its lease.
        kit.placement_store._renewal._thread = threading.current_thread()
        return kit

    def send(self, call: ApiCall) -> ApiResponse:
        """Take a request of the kit, as Gett does."""

        def take() -> ApiResponse:
            self.gett.append((call.url.partition("/v1/commerce/")[2], call.body or b""))
            return self.answer(len(self.gett))

        return self._running[-1].call("Gett", take)

    def _call(self, name: str, action: Callable[[], object]) -> object:
        return self._running[-1].call(name, action)

    def _load_scripts(self) -> None:
        root = Path(webhook_kit.__file__).parent.parent
        self._scripts = {}
        for file in sorted(root.glob("webhook_kit/**/*.lua")):
            name = f"{'.'.join(file.parent.relative_to(root).parts)}/{file.stem}"
            source = scripts.load(name)
            digest = sha1(source.encode(), usedforsecurity=False).hexdigest()
            self._scripts[digest] = file.stem
            self._admin.script_load(source)

    def _warm_up(self, level: str) -> None:
        """Keep the content of Redis after the first sync of the catalog."""
        self._admin.flushall()
        self.clock.reset()

        def sync(kit: Kit) -> None:
            _ = (kit.placement, kit.dispatcher, kit.order_updates, kit.placement_recovery, kit.availability)
            kit.catalogs.refresh(next(iter(kit.stores)))

        self.run(level, SimulatedProcess(), sync)
        self._images[level] = self.image()


def _taken(_number: int) -> ApiResponse:
    return ApiResponse(202, {}, b'{"status": "online"}')


def _settings(redis_url: str, adapter: str) -> Settings:
    return Settings(
        redis_url=redis_url,
        key_prefix=_PREFIX,
        gett_webhook_secrets=["whsec_test"],
        gett_api_key="key_test",
        gett_writes_per_minute=0,
        pos_adapter=adapter,
        gett_store_id=STORE_ID,
        # Short, so that a duplicate asks a few times only while it waits.
        pos_deadline=1.0,
        webhook_deadline=1.5,
        lookup_retry_delay=0.2,
    )


def _uses_clock(name: str, module: ModuleType) -> bool:
    kit = name.startswith("webhook_kit") and not name.startswith(("webhook_kit.testing", "webhook_kit.logs"))
    return kit and vars(module).get("time") is time
