from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gett.fake_gett import KEY, FakeGett, serve
from webhook_kit.gett.client import GettClient


@pytest.fixture
def gett() -> Iterator[FakeGett]:
    with serve() as fake:
        yield fake


@pytest.fixture
def client(gett: FakeGett) -> GettClient:
    return GettClient(gett.url + "/", KEY)
