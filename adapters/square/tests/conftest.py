"""Fixtures: a fake Square with a catalog, its store, and the adapter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_square import FakeSquare
from tests.square_seller import fill_catalog, make_store
from webhook_kit import Store
from webhook_kit_square import SquareAdapter


@pytest.fixture
def square() -> Iterator[FakeSquare]:
    with FakeSquare() as running:
        yield fill_catalog(running)


@pytest.fixture
def store(square: FakeSquare) -> Store:
    return make_store(square)


@pytest.fixture
def adapter() -> SquareAdapter:
    return SquareAdapter()
