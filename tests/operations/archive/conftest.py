from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.operations.archive.archive_env import ArchiveEnv
from webhook_kit.kit import Kit
from webhook_kit.operations.archive import queue


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is queued be due at once."""
    monkeypatch.setattr(queue, "_SETTLE_MS", 0)


@pytest.fixture
def make_env(make_kit: Callable[..., Kit], archive_url: str) -> Iterator[Callable[..., ArchiveEnv]]:
    envs: list[ArchiveEnv] = []

    def make(*, migrate: bool = True, statement_seconds: float | None = None, **settings: Any) -> ArchiveEnv:
        kit = make_kit(**{"archive_url": archive_url, "gett_writes_per_minute": 0} | settings)
        envs.append(ArchiveEnv(kit, migrate=migrate, statement_seconds=statement_seconds))
        return envs[-1]

    yield make
    for env in envs:
        env.database.close()


@pytest.fixture
def env(make_env: Callable[..., ArchiveEnv]) -> ArchiveEnv:
    return make_env()
