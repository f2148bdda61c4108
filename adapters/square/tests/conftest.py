"""A Square and an adapter for whoever asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_square import SIGNATURE_KEY, WEBHOOK_URL, FakeSquare
from tests.harbour import fill, store
from webhook_kit.adapter import Store
from webhook_kit_square import SquareAdapter


@pytest.fixture
def square() -> Iterator[FakeSquare]:
    with FakeSquare() as served:
        yield fill(served)


@pytest.fixture
def harbour(square: FakeSquare) -> Store:
    return store(square)


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> SquareAdapter:
    monkeypatch.setenv("SQUARE_WEBHOOK_SIGNATURE_KEY", SIGNATURE_KEY)
    monkeypatch.setenv("SQUARE_WEBHOOK_URL", WEBHOOK_URL)
    return SquareAdapter()
